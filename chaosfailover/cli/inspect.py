"""
`chaos failover inspect`: which circuits would hurt.
"""

import functools
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.regions import Answer
from chaosfailover.cli.region_options import (
    CALL_DEADLINE,
    NOT_DONE,
    ask_selected,
    errors_of,
    region_options,
    show_errors,
    show_progress,
)
from chaosfailover.cli.tables import as_markdown, as_table
from chaosfailover.cli.terminal import plain
from chaosfailover.errors import ArgumentError
from chaosfailover.inspection.circuits import CircuitRow, across_places, inspection
from chaosfailover.inspection.criteria import Criterion, criterion, violations
from chaosfailover.network.snapshot import read_snapshot

__all__ = ["inspect"]


def _criteria(
    _context: click.Context, _parameter: click.Parameter, given: Sequence[str]
) -> list[Criterion]:
    try:
        return [criterion(text) for text in given]
    except ArgumentError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@region_options
@click.option("--output", type=click.Choice(["table", "json", "markdown"]), default="table")
@click.option(
    "--fail-on",
    "criteria",
    multiple=True,
    callback=_criteria,
    metavar="CRITERION",
    help="Exit 1 on no-survivor, same-access-point or stale=90d; repeatable.",
)
@CALL_DEADLINE
def inspect(
    regions: Sequence[str],
    all_regions: bool,
    role_arns: Sequence[str],
    output: str,
    criteria: Sequence[Criterion],
    deadline: float,
) -> None:
    """
    Show what each redundancy group would be left with if each of its circuits were cut.

    A group is an ECR or CEN. Reads only. Exits 1 when a region could not be read, and on what
    --fail-on names: no-survivor is met wherever no survivor is proven, so also by every `unknown`
    without one; stale by what was not tested for so long, never, or nobody knows when. A circuit
    that is `not in use`, as no VBR stands on it, meets none.

    Example: chaos failover inspect --all-regions --fail-on no-survivor --fail-on stale=90d
    """
    answers = ask_selected(
        regions,
        all_regions,
        role_arns,
        functools.partial(_read, datetime.now(UTC)),
        progress=show_progress(_counted),
        deadline=deadline,
        reads_only=True,
    )
    rows = across_places(
        (
            replace(row, account=answer.place.account)
            for answer in answers
            for row in answer.value or ()
        ),
        unread=[str(answer.place) for answer in answers if answer.error],
    )
    found = violations(criteria, rows)
    if output == "json":
        click.echo(json.dumps(_document(rows, answers, found), indent=2))
    else:
        click.echo(TEXTS[output](rows) or "No circuit was found.")
    show_errors(answers)
    for violation in found:
        click.echo(plain(f"FAILED: {violation}"), err=True)
    if errors_of(answers) or found:
        sys.exit(NOT_DONE)


TEXTS = {"table": as_table, "markdown": as_markdown}


def _read(now: datetime, client: VpcClient) -> list[CircuitRow]:
    return inspection(read_snapshot(client), now)


def _counted(rows: Sequence[CircuitRow]) -> str:
    count = len({row.circuit_id for row in rows})
    return f"{count} circuit{'' if count == 1 else 's'}"


def _document(
    rows: Sequence[CircuitRow], answers: Sequence[Answer[Any]], found: Sequence[str]
) -> dict[str, Any]:
    return {
        "circuits": [row.as_dict() for row in rows],
        "read": sum(not answer.error for answer in answers),
        "errors": errors_of(answers),
        "failed": found,
    }
