"""
`chaos failover inspect`: what the loss of each circuit would leave.
"""

import functools
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import click

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.regions import Answer
from chaosfailover.cli.region_options import (
    CALL_DEADLINE,
    NOT_DONE,
    Selection,
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
from chaosfailover.network.reading import read_region
from chaosfailover.network.snapshot import read_snapshot
from chaosfailover.plan.rendering import counted

__all__ = ["inspect"]


Answers = Sequence[Answer[Sequence[CircuitRow]]]


def _criteria(
    _context: click.Context, _parameter: click.Parameter, given: Sequence[str]
) -> list[Criterion]:
    try:
        return [criterion(text) for text in given]
    except ArgumentError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@region_options
@click.option(
    "--format", "output", type=click.Choice(["table", "json", "markdown"]), default="table"
)
@click.option(
    "--fail-on",
    "criteria",
    multiple=True,
    callback=_criteria,
    metavar="CRITERION",
    help="Exit 1 on no-survivor, same-access-point or stale=90d; repeatable.",
)
@click.option(
    "--routes",
    is_flag=True,
    help="Read routes, failover groups and traffic too: at most 6 more calls for each VBR, and "
    "some for each ECR, CEN and region.",
)
@CALL_DEADLINE
def inspect(
    selection: Selection,
    output: str,
    criteria: Sequence[Criterion],
    routes: bool,
    deadline: float,
) -> None:
    """
    Show, for each circuit of a redundancy group, which paths would survive its loss.

    A group is an ECR or CEN. The command changes nothing. Exits 1 if a region could not be read or
    a --fail-on criterion is met. no-survivor is met by every circuit without a proven survivor,
    `unknown` included. stale is met by circuits last tested longer ago than that, never, or at an
    unknown time. A circuit that is `not in use`, because it has no VBR, meets no criterion.

    The time to take over is a forecast for a silent failure, from timers alone: without --routes it
    has no upper end. With --routes, a survivor has to carry every prefix of the circuit, the load
    of CloudMonitor is compared with its bandwidth, and what could not be read is unknown.

    Example: chaos failover inspect --all-regions --fail-on no-survivor --fail-on stale=90d
    """
    answers = ask_selected(
        selection,
        functools.partial(_read_routes if routes else _read, datetime.now(UTC)),
        progress=show_progress(_counted),
        deadline=deadline,
        reads_only=True,
    )
    rows = _rows(answers)
    failed = violations(criteria, rows)
    if output == "json":
        click.echo(json.dumps(_document(rows, answers, failed), indent=2))
    else:
        click.echo(TEXTS[output](rows) or _none(answers))
    show_errors(answers)
    for violation in failed:
        click.echo(plain(f"FAILED: {violation}"), err=True)
    if errors_of(answers) or failed:
        sys.exit(NOT_DONE)


TEXTS = {"table": as_table, "markdown": as_markdown}


def _read(now: datetime, client: VpcClient) -> list[CircuitRow]:
    return inspection(read_snapshot(client), now)


def _read_routes(now: datetime, client: VpcClient) -> list[CircuitRow]:
    snapshot, routing = read_region(client)
    return inspection(snapshot, now, routing)


def _rows(answers: Answers) -> list[CircuitRow]:
    return across_places(
        (
            replace(row, account=answer.place.account)
            for answer in answers
            for row in answer.value or ()
        ),
        unread=[str(answer.place) for answer in answers if answer.error],
    )


def _none(answers: Answers) -> str:
    """
    Return that there are no circuits, or that nothing is known of them.
    """
    unread = len(errors_of(answers))
    if not unread:
        return "There are no circuits."
    return f"No circuits were read, and nothing is known of {counted(unread, 'region')}."


def _counted(rows: Sequence[CircuitRow]) -> str:
    return counted(len({row.circuit_id for row in rows}), "circuit")


def _document(
    rows: Sequence[CircuitRow], answers: Answers, failed: Sequence[str]
) -> dict[str, object]:
    return {
        "circuits": [row.as_dict() for row in rows],
        "read": sum(not answer.error for answer in answers),
        "errors": errors_of(answers),
        "failed": failed,
    }
