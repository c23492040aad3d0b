"""
A wait ends when the status is reached, when it can no longer be reached, or when time is up.
"""

import logging
from collections.abc import Sequence

import httpx
import pytest
from client_stand_in import Answer, Clock, Cloud, client_of, error_reply, job, reply
from faces import Face

from chaosfailover.errors import (
    ApiError,
    ArgumentError,
    JobNotFoundError,
    JobStatusError,
    JobTimeoutError,
)


def statuses(*names: str) -> list[Answer]:
    return [job(name) for name in names]


def test_reached(face: Face) -> None:
    """The job is returned as soon as it has the status."""
    clock = Clock()
    cloud = Cloud(statuses("Init", "Starting", "Starting", "Testing"), face)
    found = client_of(cloud, clock).wait_for_status("ftj-1", "Testing")

    assert (found["JobId"], found["Status"]) == ("ftj-1", "Testing")
    assert clock.slept == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("awaited", "seen"),
    [
        ("Init", "Starting"),
        ("Starting", "Testing"),
        ("Testing", "Stopping"),
        ("Testing", "Stopped"),
        ("Stopping", "Stopped"),
    ],
)
def test_impossible(face: Face, awaited: str, seen: str) -> None:
    """A job runs once: what it has passed does not come again."""
    clock = Clock()
    cloud = Cloud(statuses(seen), face)

    with pytest.raises(JobStatusError, match=f"ftj-1 is {seen}: it can no longer be {awaited}"):
        client_of(cloud, clock).wait_for_status("ftj-1", awaited)

    assert clock.slept == []


@pytest.mark.parametrize("seen", ["Init", "Starting", "Testing", "Stopping", "Unavailable", ""])
def test_timed_out(face: Face, seen: str) -> None:
    """Every status from which `Stopped` may come, and every unknown one, is waited out."""
    clock = Clock()
    cloud = Cloud([job(seen)] * 100, face)

    with pytest.raises(
        JobTimeoutError,
        match=f"^ftj-1 is {seen or 'of unknown status'}, not Stopped, after 10 s$",
    ):
        client_of(cloud, clock).wait_for_status("ftj-1", "Stopped", timeout=10.0, interval=4.0)

    assert clock.slept == [4.0, 4.0, 2.0]


def test_failures_that_may_pass_are_waited_out(face: Face) -> None:
    """A poll that fails for now does not end the wait."""
    trouble: Sequence[Answer] = [
        httpx.ConnectError("refused"),
        error_reply("ServiceUnavailable", 503),
        httpx.Response(502, content=b"<html>"),
    ]
    cloud = Cloud([job("Testing"), *trouble, *statuses("Stopped")], face)
    found = client_of(cloud, attempts=1).wait_for_status("ftj-1", "Stopped")

    assert found["Status"] == "Stopped"


def test_failures_until_the_end_are_told(face: Face) -> None:
    """The last failure is part of the message and the cause."""
    cloud = Cloud([httpx.ConnectError("refused") for _ in range(9)], face)

    with pytest.raises(JobTimeoutError, match=r"the last poll failed: .* refused$") as caught:
        client_of(cloud, attempts=1).wait_for_status("ftj-1", "Stopped", timeout=1.0)

    assert str(caught.value).startswith("ftj-1 is of unknown status, not Stopped, after 1 s")
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(error_reply("NoPermission", 403), ApiError, id="no permission"),
        pytest.param(error_reply("IllegalParam.JobId"), JobNotFoundError, id="no such job"),
    ],
)
def test_failures_that_stay_end_the_wait(
    face: Face, answer: httpx.Response, error: type[Exception]
) -> None:
    """Nothing is gained by asking again."""
    cloud = Cloud([answer], face)

    with pytest.raises(error):
        client_of(cloud).wait_for_status("ftj-1", "Stopped")

    assert len(cloud.requests) == 1


def test_a_poll_does_not_outlast_the_wait(face: Face) -> None:
    """The last poll has what is left of the wait, but a second at least."""
    clock = Clock()

    def silent(request: httpx.Request) -> httpx.Response:
        clock.now += request.extensions["timeout"]["read"]
        raise httpx.ReadTimeout("silence")

    cloud = Cloud([silent] * 20, face)

    with pytest.raises(JobTimeoutError):
        client_of(cloud, clock).wait_for_status("ftj-1", "Stopped", timeout=15.0)

    assert clock.now <= 1000.0 + 15.0 + 1.0


def test_a_wait_of_no_time_looks_once(face: Face) -> None:
    """A timeout of 0 asks whether the status is there."""
    clock = Clock()
    client = client_of(Cloud(statuses("Stopped", "Testing"), face), clock)

    assert client.wait_for_status("ftj-1", "Stopped", timeout=0)["Status"] == "Stopped"
    with pytest.raises(JobTimeoutError):
        client.wait_for_status("ftj-1", "Stopped", timeout=0)
    assert clock.slept == []


def test_status_that_does_not_exist(face: Face) -> None:
    """A misspelt status would be waited for in vain."""
    cloud = Cloud([], face)

    with pytest.raises(ArgumentError, match="status is 'Tested', expected one of Init, Starting"):
        client_of(cloud).wait_for_status("ftj-1", "Tested")

    assert cloud.requests == []


def test_changes_and_progress_are_logged(face: Face, caplog: pytest.LogCaptureFixture) -> None:
    """Each change once; in between, lines that grow rarer, up to one in 30 s."""
    caplog.set_level(logging.INFO, "chaostoolkit")
    polls = ["Init"] + ["Starting"] * 99 + ["Testing"]
    client_of(Cloud(statuses(*polls), face)).wait_for_status("ftj-1", "Testing", interval=1.0)

    assert caplog.messages == [
        "ftj-1 is Init after 0.0 s",
        "ftj-1 Init -> Starting after 1.0 s",
        *(
            f"ftj-1 still Starting after {at}.0 s, waiting for Testing, {300 - at} s more at most"
            for at in (3, 7, 15, 31, 61, 91)
        ),
        "ftj-1 Starting -> Testing after 100.0 s",
    ]


def test_a_wait_without_a_reply_shows_life(face: Face, caplog: pytest.LogCaptureFixture) -> None:
    """Progress is told while nothing is known."""
    caplog.set_level(logging.INFO, "chaostoolkit")
    trouble = [httpx.ConnectError("refused")] * 3
    client_of(Cloud([*trouble, job("Stopped")], face), attempts=1).wait_for_status(
        "ftj-1", "Stopped", interval=1.0
    )

    assert caplog.messages == [
        "ftj-1 still of unknown status after 1.0 s, waiting for Stopped, 299 s more at most",
        "ftj-1 is Stopped after 3.0 s",
    ]


def test_missing_status_keeps_waiting(face: Face) -> None:
    """A job without a status is one of unknown status."""
    cloud = Cloud([reply(FailoverTestJobModel={"JobId": "ftj-1"}), job("Stopped")], face)

    assert client_of(cloud).wait_for_status("ftj-1", "Stopped")["Status"] == "Stopped"
