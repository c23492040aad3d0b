"""
When each failover test of a run was in which status, and from when to when it cut.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from chaosfailover.verdict.journal import activities, events, instant, mapping, text

__all__ = ["RUNNING", "Change", "JobHistory", "changes", "job_histories"]

RUNNING = ("Starting", "Testing", "Stopping")
STATUSES = ("Init", *RUNNING, "Stopped")

Document = Mapping[str, Any]


class Change(NamedTuple):
    """
    A status of a failover test, and when it was first seen.
    """

    at: datetime
    status: str


@dataclass(slots=True)
class JobHistory:
    """
    One failover test, named by its job ID where that is known.

    It cut from `since`, before its start was sent, to `until`, before its stop was; both are None
    if it never did, and `until` is if nobody saw the end.
    """

    test: str
    job_id: str
    since: datetime | None = None
    until: datetime | None = None
    changes: list[Change] = field(default_factory=list)

    @property
    def status(self) -> str:
        """
        The last status that was seen.
        """
        return self.changes[-1].status if self.changes else ""

    @property
    def tested(self) -> bool:
        """
        Whether it was ever seen `Testing`.
        """
        return any(change.status == "Testing" for change in self.changes)


class Seen(NamedTuple):
    """
    One thing that was seen of a test: a status, or that its start or stop was about to be sent.
    """

    at: datetime
    kind: str
    test: str
    job_id: str
    status: str


def job_histories(journal: Mapping[str, Any]) -> list[JobHistory]:
    """
    Return the failover tests of a run in the order in which they were first seen.

    Without the control's events they are what the activities' outputs say.
    """
    seen = list(_from_events(journal)) or sorted(_from_activities(journal))
    found: list[JobHistory] = []
    for one in seen:
        _note(_window(found, one), one)
    return found


def changes(window: JobHistory, ended: datetime | None) -> list[tuple[Change, datetime | None]]:
    """
    Return each status of a test with the instant at which the next one, or the run's end, came.
    """
    ends = [change.at for change in window.changes[1:]] + [ended]
    return list(zip(window.changes, ends, strict=True))


def _from_events(journal: Document) -> Iterator[Seen]:
    for event in events(journal, "cut", "stop", "status"):
        at = instant(event["at"])
        if at and (event["kind"] != "status" or event.get("status") in STATUSES):
            test, job_id = text(event.get("test")), text(event.get("job_id"))
            yield Seen(at, event["kind"], test, job_id, text(event.get("status")))


def _from_activities(journal: Document) -> Iterator[Seen]:
    for run in activities(journal):
        output = mapping(run.get("output"))
        status = output.get("Status") or output.get("status")
        began, ended = instant(run.get("start")), instant(run.get("end"))
        if status not in STATUSES or not (began and ended):
            continue
        job_id = text(output.get("JobId") or output.get("job_id"))
        test = text(output.get("Name") or output.get("test")) or job_id
        if status == "Testing" and _calls(run) in ("start_failover_test", "create_failover_test"):
            yield Seen(began, "cut", test, job_id, "")
        elif status == "Stopped" and output.get("stopped"):
            yield Seen(began, "stop", test, job_id, "")
        yield Seen(ended, "status", test, job_id, status)


def _calls(run: Document) -> str:
    return text(mapping(mapping(run.get("activity")).get("provider")).get("func"))


def _window(found: list[JobHistory], seen: Seen) -> JobHistory:
    """
    Return the window of what was seen, a new one if it is the first.
    """
    same = [one for one in found if seen.job_id and one.job_id == seen.job_id]
    window = next((one for one in reversed([*found, *same]) if _is_of(one, seen)), None)
    if window is None:
        window = JobHistory(seen.test or seen.job_id, seen.job_id)
        found.append(window)
    window.job_id = window.job_id or seen.job_id
    if seen.test and window.test == window.job_id:
        window.test = seen.test
    return window


def _is_of(window: JobHistory, seen: Seen) -> bool:
    """
    Tell whether something was seen of this test: by its job ID, or by its name until that is known.

    A test that is created and started in one call has no ID when its cut begins; the next status
    that names no test is its own, since no more than one can run in a region.
    """
    if seen.job_id and window.job_id:
        return seen.job_id == window.job_id
    if seen.test:
        return seen.test == window.test
    return bool(window.since) and not window.changes


def _note(window: JobHistory, seen: Seen) -> None:
    if seen.kind == "cut":
        window.since = window.since or seen.at
    elif seen.kind == "stop" or seen.status in ("Stopping", "Stopped"):
        window.until = window.until or (seen.at if window.since else None)
    elif seen.status in ("Starting", "Testing"):
        window.since = window.since or seen.at
    if seen.kind == "status" and seen.status != window.status:
        window.changes.append(Change(seen.at, seen.status))
