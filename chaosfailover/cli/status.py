"""
`chaos failover status`: what runs.
"""

import functools
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from chaosfailover.alibaba.documents import FailoverTestJob
from chaosfailover.alibaba.failover_tests import planned_end, running_tests
from chaosfailover.alibaba.regions import Answer, Place
from chaosfailover.cli.region_options import (
    NOT_DONE,
    ask_selected,
    errors_of,
    region_options,
    show_errors,
    show_nothing_runs,
)

__all__ = ["status"]

SLACK = timedelta(minutes=2)
"""How long the cloud's own stop may take, and by how much clocks may differ."""
LOOK_INTERVAL = 5.0


@click.command()
@region_options
@click.option("--output", type=click.Choice(["table", "json"]), default="table")
@click.option("--fail-if-running", is_flag=True, help="Exit 1 if any test runs.")
@click.option(
    "--fail-if-overdue",
    is_flag=True,
    help="Exit 1 if any test runs past its planned end, or has none, for an alarm. Where "
    "rehearsals run (ALIBABA_CLOUD_ENDPOINT_VPC=emulator), nothing is asked.",
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    help="With --fail-if-overdue: seconds that a test may take to tell when it began.",
)
def status(
    regions: Sequence[str],
    all_regions: bool,
    role_arns: Sequence[str],
    output: str,
    fail_if_running: bool,
    fail_if_overdue: bool,
    patience: float,
) -> None:
    """
    List the failover tests that run, since when and until when.

    A test is overdue when it runs two minutes after the cloud should have ended it, and with
    --fail-if-overdue also when nobody knows when that is. Exits 1 when a region could not be read.

    Example: chaos failover status --region cn-hangzhou --region cn-beijing
    """
    if fail_if_overdue and os.environ.get("ALIBABA_CLOUD_ENDPOINT_VPC") == "emulator":
        click.echo("Rehearsals end with their runs: there is nothing to watch.")
        return
    ask = functools.partial(ask_selected, regions, all_regions, role_arns, running_tests)
    answers, running = _look(ask, patience if fail_if_overdue else 0.0)
    for row in running:
        row["overdue"] = row["overdue"] or (fail_if_overdue and row["until"] is None)
    if output == "json":
        click.echo(json.dumps({"running": running, "errors": errors_of(answers)}, indent=2))
    else:
        _show(answers, running)
    overdue = [row for row in running if row["overdue"]]
    if errors_of(answers) or (running and fail_if_running) or (overdue and fail_if_overdue):
        sys.exit(NOT_DONE)


def _look(
    ask: Callable[[], list[Answer[list[FailoverTestJob]]]], patience: float
) -> tuple[list[Answer[list[FailoverTestJob]]], list[dict[str, Any]]]:
    """
    Return the answers and what runs, once of all that runs it is known until when, or else at last.
    """
    deadline = time.monotonic() + patience
    while True:
        answers = ask()
        running = [_row(answer.place, job) for answer in answers for job in answer.value or ()]
        left = deadline - time.monotonic()
        if left <= 0 or all(row["until"] for row in running):
            return answers, running
        time.sleep(min(LOOK_INTERVAL, left))


def _row(place: Place, job: FailoverTestJob) -> dict[str, Any]:
    until = planned_end(job)
    return {
        "region_id": place.region_id,
        **({"role_arn": place.role_arn} if place.role_arn else {}),
        "job_id": job["JobId"],
        "name": job.get("Name") or "",
        "status": job["Status"],
        "since": job.get("StartTime") or None,
        "until": until.isoformat().replace("+00:00", "Z") if until else None,
        "overdue": until is not None and datetime.now(UTC) > until + SLACK,
        "resource_type": job.get("ResourceType"),
        "resource_ids": job.get("ResourceId") or [],
    }


def _show(answers: Sequence[Answer[Any]], running: Sequence[dict[str, Any]]) -> None:
    for row in running:
        click.echo(
            f"{Place(row['region_id'], row.get('role_arn'))}  {row['job_id']}  {row['status']}  "
            f"{row['since'] or 'not yet'} until {row['until'] or 'unknown'}  "
            f"{'OVERDUE  ' if row['overdue'] else ''}"
            f"{' '.join(row['resource_ids'])}  {row['name']}"
        )
    show_errors(answers)
    if not running:
        show_nothing_runs(answers)
