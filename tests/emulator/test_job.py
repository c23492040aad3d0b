"""
The job's state machine: what each operation does in each status, and what time does.
"""

from dataclasses import replace
from math import inf

import pytest

from chaosfailover.emulator.error_codes import Refusal
from chaosfailover.emulator.job import (
    ALLOWED,
    Job,
    advanced,
    as_of,
    document,
    due,
    entered,
    moved,
    projected,
)

BEGAN = 1_700_000_000.0
JOB = Job(
    job_id="ftj-1",
    number=1,
    account="1",
    region="cn-hangzhou",
    name="n",
    description="d",
    resource_type="PHYSICALCONNECTION",
    resource_ids=("pc-a",),
    job_type="StartLater",
    duration_minutes=1,
    history=(("Init", BEGAN),),
    lasts={"Starting": 2.0, "Testing": 60.0, "Stopping": 3.0},
)
STATUSES = ("Init", "Starting", "Testing", "Stopping", "Stopped")


def job_in(status: str) -> Job:
    """
    Make a job that has just entered a status.
    """
    return replace(JOB, history=(("Init", BEGAN), (status, BEGAN)))


@pytest.mark.parametrize(
    ("operation", "picture"),
    [
        ("StartFailoverTestJob", "Starting OnlyForInit OnlyForInit OnlyForInit OnlyForInit"),
        (
            "StopFailoverTestJob",
            "OnlyForTesting OnlyForTesting Stopping OnlyForTesting OnlyForTesting",
        ),
        ("UpdateFailoverTestJob", "Init OnlyForInit OnlyForInit OnlyForInit OnlyForInit"),
        (
            "DeleteFailoverTestJob",
            "Deleted OnlyForInitOrStopped OnlyForInitOrStopped OnlyForInitOrStopped Deleted",
        ),
    ],
)
def test_an_operation_is_allowed_in_its_statuses_only(operation: str, picture: str) -> None:
    """
    The matrix of API reference 3; what is refused changes nothing.
    """
    actual = []
    for status in STATUSES:
        job = job_in(status)
        try:
            actual.append(moved(job, operation, BEGAN + 1).status)
        except Refusal as refusal:
            actual.append(refusal.code.removeprefix("IncorrectStatus."))
            assert job == job_in(status)

    assert " ".join(actual) == picture


@pytest.mark.parametrize(
    ("seconds", "status"),
    [
        (0.0, "Starting"),
        (1.9, "Starting"),
        (2.0, "Testing"),
        (61.9, "Testing"),
        (62.0, "Stopping"),
        (64.9, "Stopping"),
        (65.0, "Stopped"),
        (1e6, "Stopped"),
    ],
)
def test_a_started_job_ends_itself(seconds: float, status: str) -> None:
    """
    Starting, Testing for JobDuration, Stopping, Stopped: nobody has to stop it.
    """
    job = moved(JOB, "StartFailoverTestJob", BEGAN)

    assert advanced(job, BEGAN + seconds).status == status


def test_advancing_in_steps_or_at_once_is_the_same() -> None:
    """
    Instants come from the history, not from when somebody looked.
    """
    job = moved(JOB, "StartFailoverTestJob", BEGAN)
    stepwise = job
    for seconds in range(100):
        stepwise = advanced(stepwise, BEGAN + seconds)

    assert stepwise == advanced(job, BEGAN + 99) == projected(job)


def test_an_init_job_never_moves_by_itself() -> None:
    assert due(JOB) == inf
    assert advanced(JOB, BEGAN + 1e9) == JOB


def test_a_late_start_is_a_matter_of_time_only() -> None:
    job = replace(JOB, starts_at=BEGAN + 100.0)
    stepwise = job
    for seconds in range(300):
        stepwise = advanced(stepwise, BEGAN + seconds)

    assert stepwise == advanced(job, BEGAN + 299) == projected(job)
    assert advanced(job, BEGAN + 99.9) == job
    assert entered(stepwise, "Starting") == BEGAN + 100.0


def test_a_job_stuck_in_a_status_stays_there() -> None:
    job = moved(replace(JOB, lasts={**JOB.lasts, "Starting": inf}), "StartFailoverTestJob", BEGAN)

    assert projected(job).status == "Starting"


def test_times_appear_when_their_status_is_entered() -> None:
    """
    StartTime on Testing, StopTime on Stopped, absent before.
    """
    job = moved(JOB, "StartFailoverTestJob", BEGAN)
    ended = document(projected(job))

    assert {"StartTime", "StopTime"}.isdisjoint(document(job))
    assert (ended["StartTime"], ended["StopTime"]) == (
        "2023-11-14T22:13:22Z",
        "2023-11-14T22:14:25Z",
    )


def test_the_document_has_the_documented_types() -> None:
    """
    JobDuration is a string and ResourceId a plain list (API reference 1.6).
    """
    assert document(JOB) == {
        "JobId": "ftj-1",
        "Name": "n",
        "Description": "d",
        "ResourceType": "PHYSICALCONNECTION",
        "ResourceId": ["pc-a"],
        "JobType": "StartLater",
        "JobDuration": "1",
        "Status": "Init",
    }


def test_a_job_can_be_seen_as_it_was() -> None:
    job = projected(moved(JOB, "StartFailoverTestJob", BEGAN))

    assert [as_of(job, BEGAN + at).status for at in (-1.0, 1.0, 2.0, 70.0)] == [
        "Init",
        "Starting",
        "Testing",
        "Stopped",
    ]


def test_only_documented_operations_move_a_job() -> None:
    assert set(ALLOWED) == {
        "StartFailoverTestJob",
        "StopFailoverTestJob",
        "UpdateFailoverTestJob",
        "DeleteFailoverTestJob",
    }
