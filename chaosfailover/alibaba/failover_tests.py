"""
Failover tests by ID or by name.

An experiment names its tests, since an ID exists only after the creation.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import FailoverTestJob
from chaosfailover.errors import AmbiguousTestError, JobNotFoundError

__all__ = [
    "RUNNING",
    "UNFINISHED",
    "find_running_test",
    "find_test",
    "named_tests",
    "planned_end",
    "running_tests",
]

RUNNING = ("Starting", "Testing", "Stopping")
UNFINISHED = ("Init", *RUNNING)


def find_test(client: VpcClient, test: str, others: Collection[str] = ()) -> FailoverTestJob:
    """
    Return the job of a failover test, given its ID or its name; `others` are IDs to skip.

    Among tests of one name, the unfinished test comes first, else the latest. Raises
    JobNotFoundError, and AmbiguousTestError if a name matches several unfinished tests.
    """
    if test.startswith("ftj-"):
        return client.describe_failover_test_job(test)
    named = named_tests(client, test, others)
    unfinished = [job for job in named if job["Status"] in UNFINISHED]
    if len(unfinished) > 1:
        raise AmbiguousTestError(
            f"{test!r} is the name of {len(unfinished)} unfinished failover tests: "
            f"{_listing(unfinished)}; use an ID"
        )
    if not named:
        raise JobNotFoundError(f"no failover test in {client.region_id} has the name {test!r}")
    return (unfinished or sorted(named, key=_began, reverse=True))[0]


def find_running_test(
    client: VpcClient, test: str, others: Collection[str] = ()
) -> FailoverTestJob:
    """
    Return the job of a failover test that has to be stopped, as find_test does.

    A running test comes before all others of its name: at most one runs in a region, and only that
    one can be stopped.
    """
    if test.startswith("ftj-"):
        return client.describe_failover_test_job(test)
    running = [job for job in named_tests(client, test, others) if job["Status"] in RUNNING]
    return running[0] if len(running) == 1 else find_test(client, test, others)


def running_tests(client: VpcClient, name_prefix: str = "") -> list[FailoverTestJob]:
    """
    List the running failover tests of the client's region whose name has the prefix.
    """
    jobs = client.describe_failover_test_jobs({"JobStatus": list(RUNNING)})
    return [
        job
        for job in jobs
        if job["Status"] in RUNNING and (job.get("Name") or "").startswith(name_prefix)
    ]


def named_tests(
    client: VpcClient, name: str, others: Collection[str] = ()
) -> list[FailoverTestJob]:
    """
    List the tests of exactly this name; the API does not document whether its filter is exact.
    """
    jobs = client.describe_failover_test_jobs({"JobName": [name]})
    return [job for job in jobs if job.get("Name") == name and job["JobId"] not in others]


def planned_end(job: FailoverTestJob) -> datetime | None:
    """
    Return when the cloud itself ends a test, as aware UTC; None before its start.
    """
    if not job.get("StartTime"):
        return None
    start = datetime.fromisoformat(job["StartTime"])
    return start + timedelta(minutes=int(job["JobDuration"]))


def _began(job: FailoverTestJob) -> str:
    return job.get("StartTime") or ""


def _listing(jobs: Iterable[FailoverTestJob]) -> str:
    return ", ".join(f"{job['JobId']} ({job['Status']})" for job in jobs)
