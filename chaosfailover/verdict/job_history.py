"""
The statuses of each failover test over time, and from when to when it cut.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from chaosfailover.alibaba.failover_tests import STATUSES
from chaosfailover.verdict.evidence import ActivityRun, Event
from chaosfailover.verdict.values import number

__all__ = ["Change", "JobHistory", "job_histories"]

ENDING = ("Stopping", "Stopped")


class Change(NamedTuple):
    """
    A status of a failover test, and when it was first seen.
    """

    at: datetime
    status: str


@dataclass(slots=True)
class JobHistory:
    """
    One failover test; `job_id` is "" where it is unknown.

    It cut from `since`, before its start was sent, to `until`, before its stop was sent. Both are
    None if it never cut; `until` is None if its end was not seen. It was `stopped` if the run sent
    its stop before the test was seen to end, and was not refused. Without that, `until` is when it
    was last seen to cut: the way back may have begun right then. `back` is when all that it took
    was seen as it was before, None if it was not. `away` is when that was seen to be so no longer,
    None if it was not, or is back.
    """

    test: str
    job_id: str
    since: datetime | None = None
    until: datetime | None = None
    stopped: bool = False
    back: datetime | None = None
    away: datetime | None = None
    changes: list[Change] = field(default_factory=list)

    @property
    def status(self) -> str:
        """
        The last status that was seen.
        """
        return self.changes[-1].status if self.changes else ""

    @property
    def seen_to_end(self) -> datetime | None:
        """
        When it was first seen to end; None if it was not.
        """
        return next((change.at for change in self.changes if change.status in ENDING), None)

    @property
    def seen_testing(self) -> datetime | None:
        """
        When it was first seen `Testing`; None if it was not.
        """
        return next((change.at for change in self.changes if change.status == "Testing"), None)

    @property
    def tested(self) -> bool:
        """
        Whether it was ever seen `Testing`.
        """
        return self.seen_testing is not None

    @property
    def started(self) -> bool:
        """
        Whether it was ever seen in a status after `Init`.
        """
        return any(change.status != "Init" for change in self.changes)


class Sighting(NamedTuple):
    """
    A status of a test that was seen, or a start or stop that was about to be sent.

    `testing_ago` is as in events, None if that is unknown.
    """

    at: datetime
    kind: str
    test: str
    job_id: str
    status: str
    testing_ago: float | None = None


def job_histories(events: Sequence[Event], runs: Sequence[ActivityRun]) -> list[JobHistory]:
    """
    Return the failover tests of a run in the order in which they were first seen.

    Without the control's events, the outputs of the activities take their place.
    """
    histories: list[JobHistory] = []
    for sighting in list(_from_events(events)) or sorted(_from_activities(runs)):
        _note(_history(histories, sighting), sighting)
    return histories


def _from_events(events: Sequence[Event]) -> Iterator[Sighting]:
    for event in events:
        if event.kind in ("cut", "stop", "stop_refused", "back", "away") or (
            event.kind == "status" and event.status in STATUSES
        ):
            ago = number(event.fields.get("testing_ago"))
            yield Sighting(event.at, event.kind, event.test, event.job_id, event.status, ago)


def _from_activities(runs: Sequence[ActivityRun]) -> Iterator[Sighting]:
    for run in runs:
        job = run.job
        if job is None or job.status not in STATUSES or not (run.began and run.ended):
            continue
        if job.status == "Testing" and run.func in ("start_failover_test", "create_failover_test"):
            yield Sighting(run.began, "cut", job.test, job.job_id, "")
        elif job.status == "Stopped" and job.stopped:
            yield Sighting(run.began, "stop", job.test, job.job_id, "")
        yield Sighting(run.ended, "status", job.test, job.job_id, job.status)


def _history(histories: list[JobHistory], seen: Sighting) -> JobHistory:
    """
    Return the history that a sighting belongs to, a new one if it is the first of its test.
    """
    same_id = [each for each in histories if seen.job_id and each.job_id == seen.job_id]
    candidates = reversed([*histories, *same_id])
    history = next((each for each in candidates if _is_of(each, seen)), None)
    if history is None:
        history = JobHistory(seen.test or seen.job_id, seen.job_id)
        histories.append(history)
    history.job_id = history.job_id or seen.job_id
    if seen.test and history.test == history.job_id:
        history.test = seen.test
    return history


def _is_of(history: JobHistory, seen: Sighting) -> bool:
    """
    Tell whether a sighting is of this test: by its job ID, or by its name until that is known.

    A test that is created and started in one call has no ID when its cut begins. The next status
    without a name is its own, since no more than one test can run in a region.
    """
    if seen.job_id and history.job_id:
        return seen.job_id == history.job_id
    if seen.test:
        return seen.test == history.test
    return bool(history.since) and not history.changes


def _note(history: JobHistory, seen: Sighting) -> None:
    if seen.kind == "cut":
        history.since = history.since or seen.at
    elif seen.kind in ("back", "away"):
        history.back, history.away = (seen.at, None) if seen.kind == "back" else (None, seen.at)
    elif seen.kind in ("stop", "stop_refused") or seen.status in ENDING:
        _note_end(history, seen)
    elif seen.status in ("Starting", "Testing"):
        history.since = history.since or seen.at
    if seen.kind == "status" and seen.status != history.status:
        history.changes.append(Change(seen.at, seen.status))


def _note_end(history: JobHistory, seen: Sighting) -> None:
    if seen.kind == "stop_refused":
        if history.stopped and not history.seen_to_end:
            history.stopped, history.until = False, None
    elif history.since and not history.until:
        history.stopped = seen.kind == "stop"
        history.until = seen.at if history.stopped else _last_testing(history, seen)


def _last_testing(history: JobHistory, end: Sighting) -> datetime:
    """
    Return when a test was last seen `Testing` before it was seen to end.
    """
    first = history.seen_testing or end.at
    ago = end.testing_ago
    return first if ago is None else max(first, end.at - timedelta(seconds=ago))
