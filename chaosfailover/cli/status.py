"""
`chaos failover status`: lists the failover tests that run, and what others left down.
"""

import functools
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import NamedTuple

import click

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import FailoverTestJob, text
from chaosfailover.alibaba.failover_tests import (
    DELETED,
    is_outdated,
    is_underway,
    job_label,
    listed_resources,
    listed_tests,
    planned_end,
)
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
from chaosfailover.cli.terminal import plain
from chaosfailover.errors import FailoverError
from chaosfailover.network.cut_resources import read_states
from chaosfailover.network.left_down import (
    LeftDown,
    ended_at,
    ended_lately,
    left_down,
    taken_by,
    taken_down,
)
from chaosfailover.network.resource_status import read_paths
from chaosfailover.network.under_test import judged, resources_of

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

    def is_overdue(self, *, if_unknown: bool) -> bool:
        """
        Return whether the test runs past its planned end; `if_unknown` while it has none.
        """
        return if_unknown if self.until is None else datetime.now(UTC) > self.until + SLACK


@dataclass(frozen=True, slots=True)
class RegionTests:
    """
    The tests that run in a region, and what others left down; `error` is why that is not known.
    """

    running: Sequence[RunningTest]
    down: Sequence[LeftDown] = ()
    warnings: Sequence[str] = ()
    error: FailoverError | None = None


class Rows(NamedTuple):
    """
    What is shown: the tests that run, each with whether it is overdue, and what was left down.
    """

    running: list[tuple[Place, RunningTest, bool]]
    down: list[tuple[Place, LeftDown]]
    warnings: list[str]


Answers = list[Answer[RegionTests]]


def _zero_or_more(_context: click.Context, _parameter: click.Parameter, seconds: float) -> float:
    if not 0 <= seconds < inf:
        raise click.BadParameter(f"{seconds} is not a number of seconds, 0 or more")
    return seconds


@click.command()
@region_options
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table")
@click.option("--fail-if-running", is_flag=True, help="Exit 1 if a test runs.")
@click.option(
    "--fail-if-overdue",
    is_flag=True,
    help="For alarms: exit 1 if a test runs past its planned end, or has none, and if what a test "
    "of the last 7 days cut is down. With ALIBABA_CLOUD_ENDPOINT_VPC=emulator, exit 0 without "
    "asking the cloud.",
)
@click.option(
    "--patience",
    default=300.0,
    show_default=True,
    callback=_zero_or_more,
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
    List the running failover tests, with their start and planned end, and what is left down.

    A test is overdue two minutes after its planned end; with --fail-if-overdue also while its
    planned end is unknown. A resource is left down if a test that ended in the last 7 days cut it,
    no running test does, and it is not back. Exits 1 if a region could not be read.

    Example: chaos failover status --region cn-hangzhou --region cn-beijing
    """
    if fail_if_overdue and os.environ.get("ALIBABA_CLOUD_ENDPOINT_VPC") == "emulator":
        click.echo("Rehearsals end with their runs: there is nothing to watch.")
        return
    ask = functools.partial(ask_selected, selection, _read)
    answers = _look(ask, patience if fail_if_overdue else 0.0)
    rows = _rows(answers, if_unknown=fail_if_overdue)
    if output == "json":
        click.echo(json.dumps(_document(answers, rows), indent=2))
    else:
        _show(answers, rows)
    alarm = any(overdue for *_, overdue in rows.running) or any(
        left.exists for _, left in rows.down
    )
    if errors_of(answers) or (rows.running and fail_if_running) or (alarm and fail_if_overdue):
        sys.exit(NOT_DONE)


def _rows(answers: Answers, *, if_unknown: bool) -> Rows:
    regions = [(answer.place, answer.value) for answer in answers if answer.value]
    return Rows(
        running=[
            (place, test, test.is_overdue(if_unknown=if_unknown))
            for place, region in regions
            for test in region.running
        ],
        down=[(place, left) for place, region in regions for left in region.down],
        warnings=[f"{place}: {each}" for place, region in regions for each in region.warnings],
    )


def _read(client: VpcClient) -> RegionTests:
    """
    Read the tests of a region; an error with the resources does not hide what runs.
    """
    now = datetime.now(UTC)
    jobs = listed_tests(client)
    ended = [job for job in jobs if ended_lately(job, now)]
    outdated = [job for job in jobs if is_outdated(job, now)]
    try:
        region = read_paths(client) if ended else []
        taken = {each for job in ended for each in taken_down(job, region)}
        states = read_states(
            client, taken | {each for job in outdated for each in resources_of(job)}
        )
        underway = judged(jobs, states, now)
        running = [
            job for job in underway.jobs if job not in outdated or job.get("Status") != DELETED
        ]
        blocking = [job for job in underway.jobs if job not in (*running, *ended)]
        elsewhere = taken_by(running, region)
        return RegionTests(
            running=[_running(job) for job in running],
            down=[
                left
                for left in left_down(ended, region, states)
                if left.resource.resource_id not in elsewhere
            ],
            warnings=[
                *underway.warnings,
                *(f"{job_label(job)} blocks new tests: it is not all back" for job in blocking),
            ],
        )
    except FailoverError as error:
        return RegionTests([_running(job) for job in jobs if is_underway(job)], error=error)


def _running(job: FailoverTestJob) -> RunningTest:
    return RunningTest(
        job_id=text(job, "JobId") or "",
        name=text(job, "Name") or "",
        status=text(job, "Status") or "",
        since=text(job, "StartTime"),
        until=planned_end(job),
        resource_type=text(job, "ResourceType"),
        resource_ids=tuple(listed_resources(job)),
    )


def _look(ask: Callable[[], Answers], patience: float) -> Answers:
    """
    Return the answers as soon as every running test has a planned end, at last after `patience`.

    An error with the resources of a region is the error of its answer.
    """
    deadline = time.monotonic() + patience
    while True:
        answers = [
            replace(answer, error=answer.error or answer.value.error) if answer.value else answer
            for answer in ask()
        ]
        remaining = deadline - time.monotonic()
        tests = [test for answer in answers if answer.value for test in answer.value.running]
        if remaining <= 0 or all(test.until for test in tests):
            return answers
        time.sleep(min(LOOK_INTERVAL, remaining))


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def _place_document(place: Place) -> dict[str, object]:
    role = {"role_arn": place.role_arn} if place.role_arn else {}
    return {"region_id": place.region_id, **role}


def _document(answers: Answers, rows: Rows) -> dict[str, object]:
    return {
        "running": [_running_document(*row) for row in rows.running],
        "down": [_down_document(*row) for row in rows.down],
        "warnings": rows.warnings,
        "errors": errors_of(answers),
    }


def _running_document(place: Place, test: RunningTest, is_overdue: bool) -> dict[str, object]:
    return {
        **_place_document(place),
        "job_id": test.job_id,
        "name": test.name,
        "status": test.status,
        "since": test.since,
        "until": _iso(test.until),
        "overdue": is_overdue,
        "resource_type": test.resource_type,
        "resource_ids": test.resource_ids,
    }


def _down_document(place: Place, left: LeftDown) -> dict[str, object]:
    return {
        **_place_document(place),
        **asdict(left.resource),
        "exists": left.exists,
        "status": left.status,
        "job_id": text(left.job, "JobId") or "",
        "name": text(left.job, "Name") or "",
        "ended": _iso(ended_at(left.job)),
    }


def _show(answers: Answers, rows: Rows) -> None:
    for row in rows.running:
        click.echo(plain(_running_line(*row)))
    for place, left in rows.down:
        click.echo(plain(_down_line(place, left)))
    for warning in rows.warnings:
        click.echo(plain(f"WARNING: {warning}"), err=True)
    show_errors(answers)
    if not rows.running:
        show_nothing_runs(answers)


def _running_line(place: Place, test: RunningTest, is_overdue: bool) -> str:
    return (
        f"{place}  {test.job_id or 'without ID'}  {test.status or 'of unknown status'}  "
        f"{test.since or 'not yet'} until {_iso(test.until) or 'unknown'}  "
        f"{'OVERDUE  ' if is_overdue else ''}"
        f"{' '.join(test.resource_ids)}  {test.name}"
    )


def _down_line(place: Place, left: LeftDown) -> str:
    seen = f"{left.status or 'of unknown status'}  DOWN" if left.exists else "no longer exists"
    ended = _iso(ended_at(left.job)) or "an unknown time"
    return (
        f"{place}  {left.resource.resource_id}  {seen} after {job_label(left.job)}, ended {ended}"
    )
