"""
`chaos failover status`: lists the failover tests that run.
"""

import functools
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import text
from chaosfailover.alibaba.failover_tests import listed_resources, planned_end
from chaosfailover.alibaba.regions import Answer, Place
from chaosfailover.cli.region_options import (
    NOT_DONE,
    Selection,
    ask_selected,
    errors_of,
    region_options,
    show_errors,
    show_nothing_runs,
)
from chaosfailover.network.under_test import read_underway

__all__ = ["status"]

SLACK = timedelta(minutes=2)
"""How long the cloud may take to stop a test, with a margin for the difference of clocks."""
LOOK_INTERVAL = 5.0


@dataclass(frozen=True, slots=True)
class RunningTest:
    """
    A failover test that runs; `until` is its planned end, None while that is unknown.
    """

    job_id: str
    name: str
    status: str
    since: str | None
    until: datetime | None
    resource_type: str | None
    resource_ids: tuple[str, ...]

    @property
    def end(self) -> str | None:
        """
        The planned end as ISO 8601.
        """
        return self.until.isoformat().replace("+00:00", "Z") if self.until else None

    def is_overdue(self, *, if_unknown: bool) -> bool:
        """
        Return whether the test runs past its planned end; `if_unknown` while it has none.
        """
        return if_unknown if self.until is None else datetime.now(UTC) > self.until + SLACK


Answers = list[Answer[list[RunningTest]]]


@click.command()
@region_options
@click.option("--output", type=click.Choice(["table", "json"]), default="table")
@click.option("--fail-if-running", is_flag=True, help="Exit 1 if a test runs.")
@click.option(
    "--fail-if-overdue",
    is_flag=True,
    help="For alarms: exit 1 if a test runs past its planned end, or has none. With "
    "ALIBABA_CLOUD_ENDPOINT_VPC=emulator, exit 0 without asking the cloud.",
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    help="With --fail-if-overdue: seconds that a test may run without a start time.",
)
def status(
    selection: Selection,
    output: str,
    fail_if_running: bool,
    fail_if_overdue: bool,
    patience: float,
) -> None:
    """
    List the running failover tests, with their start and planned end.

    A test is overdue two minutes after its planned end; with --fail-if-overdue also while its
    planned end is unknown. Exits 1 if a region could not be read.

    Example: chaos failover status --region cn-hangzhou --region cn-beijing
    """
    if fail_if_overdue and os.environ.get("ALIBABA_CLOUD_ENDPOINT_VPC") == "emulator":
        click.echo("Rehearsals end with their runs: there is nothing to watch.")
        return
    ask = functools.partial(ask_selected, selection, _running)
    answers = _look(ask, patience if fail_if_overdue else 0.0)
    rows = [
        (answer.place, test, test.is_overdue(if_unknown=fail_if_overdue))
        for answer in answers
        for test in answer.value or ()
    ]
    if output == "json":
        running = [_document(*row) for row in rows]
        click.echo(json.dumps({"running": running, "errors": errors_of(answers)}, indent=2))
    else:
        _show(answers, rows)
    overdue = any(is_overdue for _, _, is_overdue in rows)
    if errors_of(answers) or (rows and fail_if_running) or (overdue and fail_if_overdue):
        sys.exit(NOT_DONE)


def _running(client: VpcClient) -> list[RunningTest]:
    return [
        RunningTest(
            job_id=text(job, "JobId") or "",
            name=text(job, "Name") or "",
            status=text(job, "Status") or "",
            since=text(job, "StartTime"),
            until=planned_end(job),
            resource_type=text(job, "ResourceType"),
            resource_ids=tuple(listed_resources(job)),
        )
        for job in read_underway(client).jobs
    ]


def _look(ask: Callable[[], Answers], patience: float) -> Answers:
    """
    Return the answers as soon as every running test has a planned end, at last after `patience`.
    """
    deadline = time.monotonic() + patience
    while True:
        answers = ask()
        remaining = deadline - time.monotonic()
        tests = [test for answer in answers for test in answer.value or ()]
        if remaining <= 0 or all(test.until for test in tests):
            return answers
        time.sleep(min(LOOK_INTERVAL, remaining))


def _document(place: Place, test: RunningTest, is_overdue: bool) -> dict[str, object]:
    return {
        "region_id": place.region_id,
        **({"role_arn": place.role_arn} if place.role_arn else {}),
        "job_id": test.job_id,
        "name": test.name,
        "status": test.status,
        "since": test.since,
        "until": test.end,
        "overdue": is_overdue,
        "resource_type": test.resource_type,
        "resource_ids": test.resource_ids,
    }


def _show(answers: Answers, rows: Sequence[tuple[Place, RunningTest, bool]]) -> None:
    for place, test, is_overdue in rows:
        click.echo(
            f"{place}  {test.job_id}  {test.status}  "
            f"{test.since or 'not yet'} until {test.end or 'unknown'}  "
            f"{'OVERDUE  ' if is_overdue else ''}"
            f"{' '.join(test.resource_ids)}  {test.name}"
        )
    show_errors(answers)
    if not rows:
        show_nothing_runs(answers)
