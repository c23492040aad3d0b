"""
Stopping goes on until nothing runs, whatever the API answers meanwhile.
"""

from collections.abc import Iterable

import httpx
import pytest
from client_stand_in import Answer, Clock, Cloud, client_of, error_reply, job, reply

from chaosfailover.stopping import Outcome, Wanted, stop_tests

CONFLICT = "EcFailoverTestJobConflict"
REFUSED = "Forbidden.RAM"
GONE = "IllegalParam.JobId"
OK = reply()


def stop(answers: Iterable[Answer], **more: float) -> tuple[Outcome, list[str], Clock]:
    """
    Stop ftj-1 with these answers; return the outcome, the operations sent, and the clock.
    """
    clock, cloud = Clock(), Cloud(answers)
    # One attempt a call, so that what is counted here are the tries of stop_tests.
    client = client_of(cloud, clock, attempts=1)
    settles_at = clock() + more.pop("settle", 0.0)
    wanted = [Wanted(lambda: client, "ftj-1", settles_at=settles_at)]
    (outcome,) = stop_tests(wanted, clock=clock, sleep=clock.sleep, **more)
    return outcome, [request.headers["x-acs-action"] for request in cloud.requests], clock


@pytest.mark.parametrize(
    ("answers", "stopped", "reason", "sent"),
    [
        pytest.param([job("Stopped")], False, "it had ended", 0, id="ended"),
        pytest.param([job("Init")], False, "it never started", 0, id="never started"),
        pytest.param([error_reply(GONE)], False, "it does not exist", 0, id="does not exist"),
        pytest.param(
            [job("Testing"), OK, job("Stopping"), job("Stopped")],
            True,
            "it was stopped",
            1,
            id="stopped",
        ),
        pytest.param(
            [job("Starting"), job("Starting"), job("Testing"), OK, job("Stopped")],
            True,
            "it was stopped",
            1,
            id="waits until it can be stopped",
        ),
        pytest.param(
            [job("Testing"), error_reply("IncorrectStatus.OnlyForTesting"), job("Stopped")],
            False,
            "it had ended",
            1,
            id="ends by itself meanwhile",
        ),
        pytest.param(
            [job("Testing"), error_reply(CONFLICT), job("Testing"), OK, job("Stopped")],
            True,
            "it was stopped",
            2,
            id="conflict for a while",
        ),
        pytest.param(
            [error_reply("ServiceUnavailable", 503), httpx.ConnectError("down"), job("Stopped")],
            False,
            "it had ended",
            0,
            id="unreachable for a while",
        ),
        pytest.param(
            [job("Testing"), httpx.ReadTimeout("lost"), job("Stopping"), job("Stopped")],
            False,
            "it had ended",
            1,
            id="reply to Stop lost",
        ),
        pytest.param(
            [job("Thawing"), job("Testing"), OK, job("Stopped")],
            True,
            "it was stopped",
            1,
            id="status that nobody documented",
        ),
    ],
)
def test_stop_ends_when_nothing_runs(
    answers: list[Answer], stopped: bool, reason: str, sent: int
) -> None:
    """The outcome says what was done, and the Stops sent are no more than needed."""
    outcome, operations, _ = stop(answers)

    assert (outcome.stopped, outcome.reason, outcome.error) == (stopped, reason, None)
    assert operations.count("StopFailoverTestJob") == sent


def test_refusal_for_good_is_an_error() -> None:
    """What the API forbids is not tried for ever."""
    outcome, _, _ = stop([job("Testing"), error_reply(REFUSED, 403)])

    assert outcome.status == "Testing"
    assert REFUSED in str(outcome.error)


def test_refusal_is_tried_again_with_patience() -> None:
    """With patience a refusal may pass."""
    refused = [job("Testing"), error_reply(REFUSED, 403)]

    outcome, _, clock = stop([*refused * 3, job("Testing"), OK, job("Stopped")], patience=10.0)

    assert outcome.error is None
    assert clock.slept == [0.5] * 4


def test_timeout_says_what_was_seen_last() -> None:
    """A test that is stuck is reported with its status."""
    outcome, _, clock = stop([job("Stopping")] * 9, timeout=3.0)

    assert outcome.error == "it is Stopping after 3 s"
    assert clock.now == 1003.0


def test_missing_test_whose_start_was_not_answered_is_looked_for_again() -> None:
    """A Create whose reply was lost may still take effect."""
    answers = [error_reply(GONE), error_reply(GONE), job("Testing"), OK, job("Stopped")]

    outcome, _, _ = stop(answers, settle=5.0)

    assert outcome.stopped is True


def test_missing_test_is_given_up_once_it_has_settled() -> None:
    """It is not looked for longer than a late effect takes."""
    outcome, _, clock = stop([error_reply(GONE)] * 20, settle=5.0)

    assert outcome.reason == "it does not exist"
    assert clock.now == 1005.0


def test_init_test_whose_start_was_not_answered_is_deleted() -> None:
    """A Start that arrives late then finds nothing to cut."""
    outcome, operations, _ = stop([job("Init"), OK], settle=5.0)

    assert operations == ["DescribeFailoverTestJob", "DeleteFailoverTestJob"]
    assert "deleted" in outcome.reason


def test_init_test_that_starts_before_it_is_deleted_is_stopped() -> None:
    """The Start won the race: the test is stopped."""
    lost = error_reply("IncorrectStatus.OnlyForInitOrStopped")

    outcome, _, _ = stop([job("Init"), lost, job("Testing"), OK, job("Stopped")], settle=5.0)

    assert outcome.stopped is True


def test_one_that_fails_delays_no_other() -> None:
    """Several tests are stopped in turn; each has its own outcome."""
    clock = Clock()
    bad = client_of(Cloud([job("Testing"), error_reply(REFUSED, 403)]), clock, attempts=1)
    good = client_of(Cloud([job("Testing"), OK, job("Stopped")]), clock, attempts=1)
    wanted = [Wanted(lambda: bad, "ftj-bad"), Wanted(lambda: good, "ftj-good")]

    first, second = stop_tests(wanted, clock=clock, sleep=clock.sleep)

    assert REFUSED in str(first.error)
    assert (second.stopped, second.error) == (True, None)
