"""
Failover tests by ID or by name, and which of them are underway.

An experiment names its tests, since an ID exists only after the creation. Lists are read without
filters: a status may be one that no filter names, and how names are matched is not documented.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import FailoverTestJob, number, text
from chaosfailover.errors import AmbiguousTestError, InvalidReplyError, JobNotFoundError
from chaosfailover.events.waits import waiting

__all__ = [
    "DELETED",
    "STATUSES",
    "find_running_test",
    "find_test",
    "instant",
    "is_outdated",
    "is_underway",
    "is_unfinished",
    "job_label",
    "listed_resources",
    "listed_tests",
    "named_tests",
    "names_of",
    "planned_end",
    "tests_underway",
]

STATUSES = ("Init", "Starting", "Testing", "Stopping", "Stopped")
"""The documented statuses, in the order in which a test passes through them (API reference 3)."""

CUTS_NOTHING = ("Init", "Stopped")
DELETED = "Deleted"
"""A status that no page documents, and that Terraform knows (API reference 3)."""
OUTDATED = timedelta(days=1)


def is_underway(job: FailoverTestJob) -> bool:
    """
    Tell whether a test cuts its resources, or may: any status but exactly `Init` and `Stopped`.
    """
    return job.get("Status") not in CUTS_NOTHING


def is_outdated(job: FailoverTestJob, now: datetime) -> bool:
    """
    Tell whether a test that counts as underway may have ended long ago.

    Its end is past, if it is `Deleted`, and its planned end more than a day, if its status is
    undocumented. Its resources show whether it has.
    """
    if job.get("Status") in STATUSES:
        return False
    deleted = job.get("Status") == DELETED
    end = (instant(job, "StopTime") if deleted else None) or planned_end(job)
    return end is not None and now - end >= (timedelta(0) if deleted else OUTDATED)


def is_unfinished(job: FailoverTestJob) -> bool:
    """
    Tell whether a test was not started, or is underway and not outdated.
    """
    return job.get("Status") != "Stopped" and not is_outdated(job, datetime.now(UTC))


def find_test(client: VpcClient, test: str, others: Collection[str] = ()) -> FailoverTestJob:
    """
    Return the job of a failover test, given its ID or its name; `others` are IDs to skip.

    Among tests of one name, the unfinished test comes first, else the latest. The job has a JobId.
    Raises JobNotFoundError, AmbiguousTestError if a name matches several unfinished tests, and
    InvalidReplyError if the test that it matches has no ID.
    """
    if test.startswith("ftj-"):
        return {**client.describe_failover_test_job(test), "JobId": test}
    return _latest(client, test, named_tests(client, test, others))


def find_running_test(
    client: VpcClient, test: str, others: Collection[str] = ()
) -> FailoverTestJob:
    """
    Return the job of a failover test that has to be stopped, as find_test does.

    A test that is underway comes before those in `Init` of its name: only that one can be stopped.
    """
    if test.startswith("ftj-"):
        return find_test(client, test)
    named = named_tests(client, test, others)
    underway = [job for job in named if is_underway(job) and is_unfinished(job)]
    return _identified(underway[0]) if len(underway) == 1 else _latest(client, test, named)


def tests_underway(client: VpcClient) -> list[FailoverTestJob]:
    """
    List the failover tests of the client's region that are underway.
    """
    with waiting(f"the list of failover tests in {client.region_id}"):
        return [job for job in listed_tests(client) if is_underway(job)]


def named_tests(
    client: VpcClient, name: str, others: Collection[str] = ()
) -> list[FailoverTestJob]:
    """
    List the tests of exactly this name.
    """
    return [
        job
        for job in listed_tests(client)
        if (text(job, "Name") or "") == name and text(job, "JobId") not in others
    ]


def listed_tests(client: VpcClient) -> list[FailoverTestJob]:
    """
    List all tests of the region; of one that was read twice, the reading that is underway counts.
    """
    jobs: dict[str, FailoverTestJob] = {}
    for number_read, job in enumerate(client.describe_failover_test_jobs()):
        key = text(job, "JobId") or f"without ID {number_read}"
        if key not in jobs or is_underway(job):
            jobs[key] = job
    return [*jobs.values()]


def names_of(jobs: Collection[FailoverTestJob]) -> list[str]:
    """
    Return what the tests can be stopped by: their IDs, or their names while they have none.
    """
    return [text(job, "JobId") or text(job, "Name") or "" for job in jobs]


def job_label(job: FailoverTestJob) -> str:
    """
    Return the ID of a test with its status.
    """
    name = text(job, "JobId") or f"a test without ID, named {text(job, 'Name')!r}"
    return f"{name} ({text(job, 'Status') or 'of unknown status'})"


def listed_resources(job: FailoverTestJob) -> list[str]:
    """
    Return the IDs among the resources that a test names.
    """
    listed: object = job.get("ResourceId")
    return [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []


def planned_end(job: FailoverTestJob) -> datetime | None:
    """
    Return when the cloud itself ends a test, as aware UTC; None before its start, or if unknown.
    """
    start, minutes = instant(job, "StartTime"), number(job, "JobDuration")
    try:
        return start + timedelta(minutes=minutes) if start and minutes else None
    except OverflowError:
        return None


def instant(job: FailoverTestJob, key: str) -> datetime | None:
    """
    Return a time of a test as aware UTC, which it is if it has no zone; None if it is unknown.
    """
    try:
        at = datetime.fromisoformat(text(job, key) or "")
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _latest(client: VpcClient, test: str, named: Sequence[FailoverTestJob]) -> FailoverTestJob:
    """
    Return the unfinished test among those of a name, else the latest.
    """
    unfinished = [job for job in named if is_unfinished(job)]
    if len(unfinished) > 1:
        listing = ", ".join(map(job_label, unfinished))
        raise AmbiguousTestError(
            f"{test!r} is the name of {len(unfinished)} unfinished failover tests: "
            f"{listing}; use an ID"
        )
    if not named:
        raise JobNotFoundError(f"no failover test in {client.region_id} has the name {test!r}")
    return _identified((unfinished or sorted(named, key=_began, reverse=True))[0])


def _identified(job: FailoverTestJob) -> FailoverTestJob:
    if text(job, "JobId"):
        return job
    raise InvalidReplyError(f"{job_label(job)} cannot be addressed", http_status=200)


def _began(job: FailoverTestJob) -> str:
    return text(job, "StartTime") or ""
