"""
Stopping goes on until nothing runs, whatever the API answers meanwhile.
"""

from collections.abc import Iterable, Iterator

import httpx
import pytest
from client_stand_in import Answer, Clock, Cloud, client_of, error_reply, job, reply

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.safety.guarded_test import START_SETTLE, Start, StopOutcome, StopRequest
from chaosfailover.safety.stopping import stop_tests

CONFLICT = "EcFailoverTestJobConflict"
REFUSED = "Forbidden.RAM"
GONE = "IllegalParam.JobId"
MOVED_ON = "IncorrectStatus.OnlyForTesting"
OK = reply()


def stop(
    answers: Iterable[Answer], start: Start | None = None, **more: float
) -> tuple[StopOutcome, list[str], Clock]:
    """
    Stop ftj-1 with these answers; return the outcome, the operations sent, and the clock.
    """
    clock, cloud = Clock(), Cloud(answers)
    # One attempt a call, so that what is counted here are the tries of stop_tests.
    client = client_of(cloud, clock, attempts=1)
    start = start or Start()
    requests = [
        StopRequest(lambda: client, "ftj-1", start, look_until=clock() + more.pop("look", 0.0))
    ]
    (outcome,) = stop_tests(requests, clock=clock, sleep=clock.sleep, **more)
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
            [job("Testing"), error_reply(MOVED_ON), job("Stopped")],
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

    outcome, _, _ = stop(answers, Start(settles_at=1005.0))

    assert outcome.stopped is True


def test_missing_test_is_given_up_once_it_has_settled() -> None:
    """It is not looked for longer than a late effect takes."""
    outcome, _, clock = stop([error_reply(GONE)] * 20, Start(settles_at=1005.0))

    assert outcome.reason == "it does not exist"
    assert clock.now == 1005.0


def test_init_test_whose_start_was_not_answered_is_deleted() -> None:
    """A Start that arrives late then finds nothing to cut."""
    outcome, operations, _ = stop([job("Init"), OK], Start(settles_at=1005.0))

    assert operations == ["DescribeFailoverTestJob", "DeleteFailoverTestJob"]
    assert "deleted" in outcome.reason


def test_init_test_that_starts_before_it_is_deleted_is_stopped() -> None:
    """The Start won the race: the test is stopped."""
    lost = error_reply("IncorrectStatus.OnlyForInitOrStopped")

    answers = [job("Init"), lost, job("Testing"), OK, job("Stopped")]

    outcome, _, _ = stop(answers, Start(settles_at=1005.0))

    assert outcome.stopped is True


def test_accepted_test_is_stopped_although_it_shows_as_init() -> None:
    """What the API shows may be old; what it does is not."""
    answers = [job("Init"), OK, job("Init"), error_reply(MOVED_ON), job("Stopped")]

    outcome, operations, _ = stop(answers, Start("ftj-1", accepted=True))

    assert (outcome.stopped, outcome.status) == (True, "Stopped")
    assert "DeleteFailoverTestJob" not in operations


def test_accepted_test_is_stopped_although_it_is_not_shown() -> None:
    """Its ID is known, and that is enough."""
    answers = [error_reply(GONE), error_reply(MOVED_ON), error_reply(GONE), OK, job("Stopped")]

    outcome, _, _ = stop(answers, Start("ftj-1", accepted=True))

    assert (outcome.stopped, outcome.status) == (True, "Stopped")


def test_accepted_test_is_gone_once_nothing_knows_it_for_long() -> None:
    """Somebody has deleted it after it had ended."""
    outcome, _, clock = stop([error_reply(GONE)] * 99, Start("ftj-1", accepted=True))

    assert (outcome.reason, outcome.error) == ("it does not exist", None)
    assert clock.now == 1000.0 + START_SETTLE


def test_accepted_test_that_stays_init_is_an_error() -> None:
    """Nobody knows whether it runs, so somebody has to look."""
    answers = [job("Init"), error_reply(MOVED_ON)] * 99

    outcome, _, _ = stop(answers, Start("ftj-1", accepted=True), timeout=20.0)

    assert outcome.error == "it is Init after 20 s"


def test_test_whose_start_is_under_way_is_waited_for() -> None:
    """As long as an answer may come, so may the test."""
    start = Start("ftj-1", in_flight=True)

    def late() -> Iterator[Answer]:
        yield from [error_reply(GONE)] * 60
        start.in_flight, start.accepted = False, True
        yield from [job("Testing"), OK, job("Stopped")]

    outcome, _, _ = stop(late(), start)

    assert outcome.stopped is True


@pytest.mark.parametrize("seen", [job("Init"), error_reply(GONE)], ids=["Init", "missing"])
def test_test_of_somebody_else_is_looked_at_for_a_while(seen: httpx.Response) -> None:
    """It may have begun a moment ago; it is not deleted."""
    outcome, operations, _ = stop([*[seen] * 4, job("Testing"), OK, job("Stopped")], look=5.0)

    assert outcome.stopped is True
    assert "DeleteFailoverTestJob" not in operations


def test_older_test_of_the_same_name_is_not_meant() -> None:
    """The one of the last drill is over; this one's creation is still under way."""
    old = {"JobId": "ftj-old", "Name": "drill", "Status": "Stopped"}
    new = {"JobId": "ftj-new", "Name": "drill", "Status": "Testing"}
    lists = [reply(FailoverTestJobList=jobs, TotalCount=2) for jobs in ([old], [old, new])]
    clock = Clock()
    over = reply(FailoverTestJobModel=new | {"Status": "Stopped"})
    client = client_of(Cloud([*lists, OK, over]), clock, attempts=1)
    requests = StopRequest(lambda: client, "drill", Start(settles_at=1005.0), ["ftj-old"])

    (outcome,) = stop_tests([requests], clock=clock, sleep=clock.sleep)

    assert (outcome.job_id, outcome.stopped) == ("ftj-new", True)


@pytest.mark.parametrize("older", ["Stopped", "Init"])
def test_older_test_of_the_same_name_hides_none_that_is_not_shown_yet(older: str) -> None:
    """Whoever asks by name means what runs, and the list may lag."""
    listed = [
        reply(FailoverTestJobList=[{"JobId": "ftj-old", "Name": "drill", "Status": older}]),
        reply(
            FailoverTestJobList=[
                {"JobId": "ftj-new", "Name": "drill", "Status": "Testing"},
                {"JobId": "ftj-old", "Name": "drill", "Status": older},
            ]
        ),
    ]
    clock = Clock()
    cloud = Cloud(
        [
            listed[0],
            listed[0],
            listed[1],
            OK,
            reply(FailoverTestJobModel={"JobId": "ftj-new", "Status": "Stopped"}),
        ]
    )
    client = client_of(cloud, clock, attempts=1)

    (outcome,) = stop_tests(
        [StopRequest(lambda: client, "drill", look_until=clock() + 5.0)],
        clock=clock,
        sleep=clock.sleep,
    )

    assert (outcome.job_id, outcome.reason) == ("ftj-new", "it was stopped")


def test_what_nobody_foresaw_is_tried_again() -> None:
    """A process without a free socket has one a moment later."""
    clock, cloud = Clock(), Cloud([job("Testing"), OK, job("Stopped")])
    client = client_of(cloud, clock, attempts=1)
    failures = [OSError(24, "Too many open files"), RuntimeError("can't start new thread")]

    def opened() -> VpcClient:
        if failures:
            raise failures.pop()
        return client

    (outcome,) = stop_tests([StopRequest(opened, "ftj-1")], clock=clock, sleep=clock.sleep)

    assert (outcome.error, outcome.reason) == (None, "it was stopped")


def test_one_that_fails_delays_no_other() -> None:
    """Several tests are stopped in turn; each has its own outcome."""
    clock = Clock()
    bad = client_of(Cloud([job("Testing"), error_reply(REFUSED, 403)]), clock, attempts=1)
    good = client_of(Cloud([job("Testing"), OK, job("Stopped")]), clock, attempts=1)
    requests = [StopRequest(lambda: bad, "ftj-bad"), StopRequest(lambda: good, "ftj-good")]

    first, second = stop_tests(requests, clock=clock, sleep=clock.sleep)

    assert REFUSED in str(first.error)
    assert (second.stopped, second.error) == (True, None)
