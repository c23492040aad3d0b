"""
A test is underway unless it is seen to be `Init` or `Stopped`, whatever its document lacks.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from client_stand_in import Cloud, client_of, reply
from recorded import MISSING

from chaosfailover.alibaba import failover_tests
from chaosfailover.alibaba.failover_tests import (
    find_running_test,
    find_test,
    is_outdated,
    is_underway,
    job_label,
    named_tests,
    names_of,
    planned_end,
)
from chaosfailover.errors import AmbiguousTestError, InvalidReplyError, JobNotFoundError

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ODD = ["testing", "Pausing", "Failed", "init", "STOPPED", "Stopped ", "Deleted", "", None, MISSING]
ODD += [7, True, ["Init"], {"Init": 1}]


def job(status: object, number: int = 1, **fields: object) -> Any:
    """
    Return a job document; fields that are MISSING are left out.
    """
    document = {"JobId": f"ftj-{number}", "Name": "drill", "Status": status, **fields}
    return {key: value for key, value in document.items() if value is not MISSING}


def named(value: object) -> str:
    return "missing" if value is MISSING else repr(value)


def listing(*jobs: Any) -> Cloud:
    return Cloud([reply(FailoverTestJobList=[*jobs], TotalCount=len(jobs))])


@pytest.mark.parametrize("status", ["Starting", "Testing", "Stopping", *ODD], ids=named)
def test_any_other_status_is_underway(status: object) -> None:
    """A status that nobody documented may cut; and it is listed, since no filter is sent."""
    cloud = listing(job(status), job("Init", 2), job("Stopped", 3))

    underway = failover_tests.tests_underway(client_of(cloud))

    assert is_underway(job(status))
    assert underway == [job(status)]
    assert not [key for key in cloud.parameters[0] if key.startswith("Filter")]


@pytest.mark.parametrize("status", ["Init", "Stopped"])
def test_two_statuses_cut_nothing(status: str) -> None:
    """Exactly these."""
    assert not is_underway(job(status))


@pytest.mark.parametrize(
    "document", [{}, job(None, JobId=None, Name=7, StartTime=[], ResourceId=1)]
)
def test_document_may_lack_everything(document: Any) -> None:
    """It counts as underway, has a label, and raises no error of Python."""
    cloud = [listing(document) for _ in range(4)]

    assert failover_tests.tests_underway(client_of(cloud[0])) == [document]
    assert names_of([document]) == [""]
    assert "of unknown status" in job_label(document)
    assert not is_outdated(document, NOW)
    assert named_tests(client_of(cloud[1]), "drill") == []
    with pytest.raises(JobNotFoundError):
        find_test(client_of(cloud[2]), "drill")
    with pytest.raises(InvalidReplyError):
        find_running_test(client_of(cloud[3]), "")


def test_reading_that_is_underway_counts() -> None:
    """A test that moved to the next page while it was stopped was read twice."""
    for jobs in ([job("Testing"), job("Stopped")], [job("Stopped"), job("Testing")]):
        assert failover_tests.tests_underway(client_of(listing(*jobs))) == [job("Testing")]


@pytest.mark.parametrize("status", ODD, ids=named)
def test_odd_status_comes_before_finished_tests(status: object) -> None:
    """A test of unknown status is the one that a name means, and its document may be old."""
    jobs = [job("Stopped", 1, StartTime="2026-11-01T00:00:00Z"), job(status, 2)]
    expected = 1 if status == "Deleted" else 2

    assert find_test(client_of(listing(*jobs)), "drill")["JobId"] == f"ftj-{expected}"


def test_name_is_matched_here() -> None:
    """How the API matches names is not documented."""
    cloud = listing(job("Testing", 1, Name="drill-2"), job("Testing", 2), job("Testing", 3, Name=7))

    assert find_test(client_of(cloud), "drill")["JobId"] == "ftj-2"


def test_running_test_comes_before_one_in_init() -> None:
    """Only that one can be stopped, whatever its status is called."""
    jobs = [job("Init", 1), job("Failed", 2)]

    assert find_running_test(client_of(listing(*jobs)), "drill")["JobId"] == "ftj-2"
    with pytest.raises(AmbiguousTestError, match=r"ftj-1 \(Init\), ftj-2 \(Failed\)"):
        find_test(client_of(listing(*jobs)), "drill")


@pytest.mark.parametrize("find", [find_test, find_running_test])
def test_outdated_test_does_not_take_a_name(find: Any) -> None:
    """One that was deleted, or broke long ago, does not keep the new one from being found."""
    old = job("Failed", 1, StartTime="2020-01-01T00:00:00Z", JobDuration="5")
    jobs = [job("Deleted", 2), old, job("Testing", 3)]

    assert find(client_of(listing(*jobs)), "drill")["JobId"] == "ftj-3"
    assert find(client_of(listing(*jobs[:2])), "drill")["JobId"] == "ftj-1"


def test_test_without_id_cannot_be_addressed() -> None:
    """That is an error, never silence."""
    with pytest.raises(InvalidReplyError, match="a test without ID, named 'drill'"):
        find_test(client_of(listing(job("Testing", JobId=MISSING))), "drill")


def test_test_that_was_asked_for_by_id_has_it() -> None:
    """Its document may not show it."""
    cloud = Cloud([reply(FailoverTestJobModel={"Status": "Testing"})])

    assert find_test(client_of(cloud), "ftj-1") == {"JobId": "ftj-1", "Status": "Testing"}


@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [
        pytest.param("2026-11-27T12:00:00Z", "60", NOW + timedelta(hours=1), id="as documented"),
        pytest.param("2026-11-27T12:00:00Z", 60, NOW + timedelta(hours=1), id="number"),
        pytest.param("2026-11-27T12:00:00", "60", NOW + timedelta(hours=1), id="no zone"),
        pytest.param("2026-11-27T14:00:00+02:00", "60", NOW + timedelta(hours=1), id="other zone"),
        *(
            pytest.param(start, "60", None, id=f"start {named(start)}")
            for start in (MISSING, None, "", "soon", 7, ["2026"], "9999-12-31T23:59:59Z")
        ),
        *(
            pytest.param("2026-11-27T12:00:00Z", duration, None, id=f"duration {named(duration)}")
            for duration in (MISSING, None, "", "an hour", -5, 0, True, 1.5, [60], "9" * 18)
        ),
        pytest.param("2026-11-27T12:00:00Z", "9" * 9999, None, id="endless duration"),
    ],
)
def test_planned_end(start: object, duration: object, expected: datetime | None) -> None:
    """Bad values make it unknown."""
    assert planned_end(job("Testing", StartTime=start, JobDuration=duration)) == expected


@pytest.mark.parametrize(
    ("status", "ended", "expected"),
    [
        pytest.param("Deleted", None, True, id="deleted"),
        pytest.param("Deleted", timedelta(0), True, id="just deleted"),
        pytest.param("Failed", timedelta(days=1, minutes=1), True, id="failed long ago"),
        pytest.param(MISSING, timedelta(days=2), True, id="no status"),
        pytest.param("Failed", timedelta(hours=23), False, id="failed today"),
        pytest.param("Failed", None, False, id="failed at an unknown time"),
        pytest.param("deleted", None, False, id="another word"),
        pytest.param("Testing", timedelta(days=9), False, id="testing for days"),
        pytest.param("Init", timedelta(days=9), False, id="never started"),
        pytest.param("Stopped", timedelta(days=9), False, id="ended"),
    ],
)
def test_outdated(status: object, ended: timedelta | None, expected: bool) -> None:
    """Only an undocumented status can be a remnant, and only a day after the planned end."""
    start = MISSING if ended is None else (NOW - ended - timedelta(minutes=5)).isoformat()

    assert is_outdated(job(status, StartTime=start, JobDuration="5"), NOW) is expected
