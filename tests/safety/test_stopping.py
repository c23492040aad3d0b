"""
Stopping goes on until nothing runs, whatever the API answers meanwhile.
"""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from client_stand_in import Answer, Clock, Cloud, client_of, error_reply, job, reply

from chaosfailover import events
from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.events.waits import current_waits
from chaosfailover.network.cut_resources import Resource
from chaosfailover.network.cut_resources import ResourceState as State
from chaosfailover.safety.guarded_test import (
    LATEST_START,
    START_SETTLE,
    Start,
    StopOutcome,
    StopRequest,
)
from chaosfailover.safety.observation import Observation
from chaosfailover.safety.stopping import Patience, stop_tests

CONFLICT = "EcFailoverTestJobConflict"
REFUSED = "Forbidden.RAM"
GONE = "IllegalParam.JobId"
MOVED_ON = "IncorrectStatus.OnlyForTesting"
OK = reply()


def emulator_of(cloud: Cloud, clock: Clock | None = None, **settings: Any) -> VpcClient:
    """Return a client of an emulator, whose replies show what is."""
    return client_of(cloud, clock, endpoint="http://127.0.0.1:1", **settings)


def stop(
    answers: Iterable[Answer],
    start: Start | None = None,
    circuits: Iterable[Answer | str] = ("Enabled",),
    look: float = 0.0,
    **patience: Any,
) -> tuple[StopOutcome, list[str], Clock]:
    """
    Stop ftj-1 with these answers; return the outcome, the operations sent, and the clock.
    """
    clock, cloud = Clock(), Cloud(answers, circuits=circuits)
    # One attempt a call, so that what is counted here are the tries of stop_tests.
    client = emulator_of(cloud, clock, attempts=1)
    start = start or Start()
    requests = [StopRequest(lambda: client, "ftj-1", start, look_until=clock() + look)]
    (outcome,) = stop_tests(requests, Patience(**patience), clock=clock, sleep=clock.sleep)
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
            [*[job("Starting"), error_reply(MOVED_ON)] * 2, job("Testing"), OK, job("Stopped")],
            True,
            "it was stopped",
            3,
            id="tries until it can be stopped",
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
    ],
)
def test_stop_ends_when_nothing_runs(
    answers: list[Answer], stopped: bool, reason: str, sent: int
) -> None:
    """The outcome says what was done, and the Stops sent are no more than needed."""
    outcome, operations, _ = stop(answers)

    assert (outcome.stopped, outcome.reason, outcome.error) == (stopped, reason, None)
    assert operations.count("StopFailoverTestJob") == sent


ODD_STATUSES = ["testing", "Pausing", "Failed", "", None, 7, ["Stopped"], " Stopped", "INIT"]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param([job("Testing"), OK, job("Stopped")], ["stop"], id="accepted"),
        pytest.param(
            [job("Testing"), error_reply(MOVED_ON), job("Stopped")],
            ["stop", "stop_refused"],
            id="the test had ended",
        ),
        pytest.param(
            [job("Testing"), error_reply(MOVED_ON), job("Testing"), OK, job("Stopped")],
            ["stop", "stop_refused", "stop"],
            id="refused, then accepted",
        ),
        pytest.param(
            [job("Starting"), error_reply(MOVED_ON), job("Testing"), OK, job("Stopped")],
            ["stop"],
            id="too early at first",
        ),
        pytest.param(
            [job("Testing"), OK, job("Testing"), error_reply(MOVED_ON), job("Stopped")],
            ["stop"],
            id="accepted, and sent again",
        ),
    ],
)
def test_refusal_of_a_stop_is_an_event(answers: list[Answer], expected: list[str]) -> None:
    """A stop that the API refuses is not what ended the test."""
    published: list[events.Event] = []
    with events.listening(published.append):
        stop(answers)

    kinds = [event["kind"] for event in published]
    assert [kind for kind in kinds if kind.startswith("stop")] == expected


def test_refusal_is_none_if_another_stop_of_the_run_was_accepted() -> None:
    """A rollback and the guard may stop the same test, and the API accepts the first alone."""
    published: list[events.Event] = []
    clock = Clock()
    seen = Observation("ftj-1", clock=clock)
    seen.stop_accepted = True
    cloud = Cloud([job("Testing"), error_reply(MOVED_ON), job("Stopping"), job("Stopped")])
    client = emulator_of(cloud, clock, attempts=1)
    request = StopRequest(lambda: client, "ftj-1", observation=seen)

    with events.listening(published.append):
        stop_tests([request], Patience(), clock=clock, sleep=clock.sleep)

    assert "stop_refused" not in [event["kind"] for event in published]


def test_two_that_stop_a_test_tell_each_status_once(caplog: pytest.LogCaptureFixture) -> None:
    """A rollback and the guard read the same statuses; a status that comes again is told again."""
    caplog.set_level("INFO")
    clock = Clock()
    statuses = ["Testing", "Stopping", "Testing", "Stopping", "Stopped"]
    answers = [answer for status in statuses for answer in (job(status), job(status))]
    client = emulator_of(Cloud([*answers[:2], OK, OK, *answers[2:]]), clock, attempts=1)
    request = StopRequest(lambda: client, "ftj-1", observation=Observation("ftj-1", clock=clock))

    stop_tests([request, request], Patience(), clock=clock, sleep=clock.sleep)

    told = [line for line in caplog.messages if line.startswith("Failover test")]
    assert told == [f"Failover test ftj-1 is {status}" for status in statuses]


@pytest.mark.parametrize("status", ODD_STATUSES)
def test_whatever_may_be_underway_is_stopped(status: object) -> None:
    """Only `Init` and `Stopped` say that nothing runs; any other status, or none, gets its Stop."""
    outcome, operations, _ = stop([job(status), OK, job(status), OK, job("Stopped")])

    assert (outcome.stopped, outcome.is_over) == (True, True)
    assert operations.count("StopFailoverTestJob") == 2


def test_job_without_a_status_is_stopped() -> None:
    """What is not shown may run."""
    nothing = reply(FailoverTestJobModel={"JobId": "ftj-1"})

    outcome, operations, _ = stop([nothing, OK, job("Stopped")])

    assert outcome.stopped is True
    assert operations.count("StopFailoverTestJob") == 1


def test_refused_stop_of_an_odd_status_is_told_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The API may call it neither running nor stopped; the log says what it answered, once."""
    refused = [job("Pausing"), error_reply(MOVED_ON)] * 3

    outcome, operations, _ = stop([*refused, job("Testing"), OK, job("Stopped")])

    assert outcome.stopped is True
    assert operations.count("StopFailoverTestJob") == 4
    assert caplog.text.count(f"ftj-1 is not stopped yet: {MOVED_ON}") == 1


def long_ago(**days: float) -> str:
    return (datetime.now(UTC) - timedelta(**days)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("days", "circuit", "over"),
    [
        pytest.param(2, "Enabled", True, id="long past, and back"),
        pytest.param(2, "Disabled", False, id="long past, and down"),
        pytest.param(0.5, "Enabled", False, id="not long past"),
    ],
)
def test_odd_status_long_after_the_end_is_judged_by_the_resources(
    days: float, circuit: str, over: bool
) -> None:
    """The cloud has no word for a test that failed; one that is back blocks nothing."""
    failed = job("Failed", StartTime=long_ago(days=days), JobDuration=1)

    outcome, operations, _ = stop([failed, OK] * 9, circuits=[circuit], timeout=2.0)

    assert outcome.is_over is over
    assert ("StopFailoverTestJob" in operations) is not over


def test_resources_are_waited_for() -> None:
    """`Stopped` is what the job says; back is what the circuit says."""
    circuits: list[Answer | str] = [
        "Disabled",
        "Disabled",
        error_reply("ServiceUnavailable", 503),
        "Enabled",
    ]

    outcome, _, clock = stop([job("Testing"), OK, job("Stopped")], circuits=circuits)

    assert (outcome.is_over, outcome.back, outcome.not_back) == (True, True, ())
    assert clock.now == 1002.0


def test_resources_that_stay_down_are_named() -> None:
    """The wait ends, and says what was seen last and what was expected."""
    outcome, _, clock = stop([job("Testing"), OK, job("Stopped")], circuits=["Disabled"], back=20.0)

    assert (outcome.is_over, outcome.back, outcome.error) == (False, False, None)
    assert outcome.not_back[0].startswith("pc-1 is Disabled, not Enabled since ")
    assert clock.now == 1020.5


def test_stop_and_wait_for_resources_end_in_all() -> None:
    """What the stop took is not there for the resources; the wait says the same."""
    untils: list[float] = []

    def is_enough() -> bool:
        untils.extend((wait.until or 0.0) - wait.since for wait in current_waits())
        return False

    outcome, _, clock = stop(
        [job("Testing"), OK, *[job("Stopping")] * 8, job("Stopped")],
        circuits=["Disabled"],
        timeout=20.0,
        back=20.0,
        in_all=20.0,
        enough=is_enough,
    )

    assert (outcome.status, outcome.is_over, outcome.back) == ("Stopped", False, False)
    assert clock.now == 1020.0
    assert untils == pytest.approx([20.0] * len(untils))
    assert untils


@pytest.mark.parametrize(
    ("days", "waited", "over"),
    [
        pytest.param(8, 0.0, True, id="more than 7 days ago"),
        pytest.param(1, 0.0, False, id="yesterday"),
        pytest.param(0, 20.0, False, id="now"),
    ],
)
def test_test_that_had_ended_is_not_waited_for_again(
    days: float, waited: float, over: bool
) -> None:
    """The wait counts from its end; what was switched off for good answers for no test."""
    ended = job("Stopped", StopTime=long_ago(days=days))

    outcome, _, clock = stop([ended], circuits=["Disabled"], back=20.0)

    assert (outcome.reason, outcome.is_over) == ("it had ended", over)
    assert clock.now == pytest.approx(1000.0 + waited, abs=2.0)


def test_resources_that_cannot_be_read_are_not_back() -> None:
    """What was not seen is unknown."""
    away = error_reply("ServiceUnavailable", 503)

    outcome, _, _ = stop([job("Testing"), OK, job("Stopped")], circuits=[away], back=20.0)

    assert (outcome.is_over, outcome.back) == (False, None)
    assert outcome.not_back[0].startswith("pc-1 is of unknown status")


def test_state_before_the_cut_is_what_has_to_come_back() -> None:
    """A session has to be up again, and what was down before may stay so."""
    peer, vbr = Resource("BGPPEER", "bgp-1"), Resource("VIRTUALBORDERROUTER", "vbr-1")
    seen = Observation("drill", {peer: State("Available", "Established"), vbr: State("off", "")})
    rows = [(State("Available", "Idle"), "off"), (State("Available", "Established"), "off")]
    seen.see_end()

    shown = []
    for session, router in rows:
        seen.see_states({peer: session, vbr: State(router, "")}, time.monotonic())
        shown.append((seen.is_back, [*seen.not_back()]))

    (first, reasons), last = shown
    assert first is False
    assert reasons[0].startswith("bgp-1 is Available and Idle, not Available and Established")
    assert last == (True, [])


def test_states_asked_for_before_the_end_prove_nothing() -> None:
    """A slow answer may show the circuit as it was before the cut."""
    circuit = Resource("PHYSICALCONNECTION", "pc-1")
    seen = Observation("drill", {circuit: State("Enabled", "")})
    asked_at = time.monotonic()
    seen.see_end()

    seen.see_states({circuit: State("Enabled", "")}, asked_at)

    assert seen.is_back is None


@pytest.mark.parametrize(
    ("testing_ago", "asked_ago", "believed"),
    [
        pytest.param(20.0, 0.0, True, id="a cut that is longer than replies are old"),
        pytest.param(4.0, 0.0, False, id="a shorter cut: the reply may be from before it"),
        pytest.param(4.0, -7.0, True, id="a shorter cut, asked for again later"),
        pytest.param(None, -9.0, False, id="a cut that was not seen"),
        pytest.param(None, -10.0, True, id="a cut that was not seen, asked for again later"),
    ],
)
def test_states_that_may_be_from_before_the_cut_are_not_believed(
    testing_ago: float | None, asked_ago: float, believed: bool
) -> None:
    """The cloud may show what was 10 s ago. States from within the cut are away, and do no harm."""
    circuit, clock = Resource("PHYSICALCONNECTION", "pc-1"), Clock()
    seen = Observation("drill", {circuit: State("Enabled", "")}, clock)
    seen.begin()
    if testing_ago is not None:
        seen.see_job("ftj-1", "Testing", clock.now - testing_ago)
    seen.see_end(lag=10.0)

    seen.see_states({circuit: State("Enabled", "")}, clock.now - asked_ago)

    assert seen.is_back is (True if believed else None)


@pytest.mark.parametrize(
    ("endpoint", "lag"), [(None, 10.0), ("https://vpc.example", 10.0), ("http://[::1]:28000", 0.0)]
)
def test_only_an_emulator_shows_what_is(endpoint: str | None, lag: float) -> None:
    """Nothing documents how old a reply of the cloud may be."""
    with VpcClient("cn-hangzhou", lambda: Credentials("k", "s"), endpoint=endpoint) as client:
        assert client.lag == lag


def stop_unknown(
    answers: Iterable[Answer], circuits: Iterable[Answer | str], **more: Any
) -> tuple[StopOutcome, list[str], Clock]:
    """
    Stop a test of ours whose circuit was Enabled, for 30 s.
    """
    clock, cloud = Clock(), Cloud(answers, circuits=circuits)
    client = emulator_of(cloud, clock, attempts=1)
    circuit = Resource("PHYSICALCONNECTION", "pc-1")
    seen = Observation("drill", {circuit: State("Enabled", "")}, clock)
    request = StopRequest(
        lambda: client, "drill", Start("ftj-1", accepted=True), observation=seen, **more
    )
    patience = Patience(timeout=30.0, back=30.0)
    (outcome,) = stop_tests([request], patience, clock=clock, sleep=clock.sleep)
    return outcome, [each.headers["x-acs-action"] for each in cloud.requests], clock


UNKNOWN_JOBS = [
    pytest.param([error_reply(GONE)] * 999, id="not known"),
    pytest.param([job("Deleted"), error_reply(MOVED_ON)] * 999, id="deleted"),
]


@pytest.mark.parametrize("answers", UNKNOWN_JOBS)
def test_job_that_is_unknown_may_run_while_nothing_was_seen_down(answers: list[Answer]) -> None:
    """It may not have cut yet: it gets its Stop, and is not believed to be over."""
    outcome, operations, _ = stop_unknown(answers, ["Enabled"])

    assert outcome.is_over is False
    assert "after 30 s" in str(outcome.error)
    assert operations.count("StopFailoverTestJob") > 20


@pytest.mark.parametrize("answers", UNKNOWN_JOBS)
def test_job_that_is_unknown_is_over_once_its_resources_went_and_came(
    answers: list[Answer],
) -> None:
    """What it took was seen down, and is back for long enough."""
    outcome, _, clock = stop_unknown(answers, ["Disabled"] * 3 + ["Enabled"])

    assert (outcome.is_over, outcome.back) == (True, True)
    assert clock.now == 1000.0 + START_SETTLE


@pytest.mark.parametrize("answers", UNKNOWN_JOBS)
@pytest.mark.parametrize(("status", "back"), [("Enabled", True), ("Disabled", False)])
def test_job_that_is_unknown_is_judged_by_its_resources_after_its_end(
    answers: list[Answer], status: str, back: bool
) -> None:
    """The cloud itself has ended it by then."""
    outcome, _, _ = stop_unknown(answers, [status], ends_by=1020.0)

    assert (outcome.error, outcome.back, outcome.is_over) == (None, back, back)


def test_job_that_is_known_again_is_stopped_again() -> None:
    """The API forgot it for a while, no more."""
    answers = [*[error_reply(GONE)] * 6, job("Testing"), OK, job("Stopped")]

    outcome, operations, _ = stop_unknown(answers, ["Disabled"] * 8 + ["Enabled"])

    assert (outcome.stopped, outcome.is_over) == (True, True)
    assert operations.count("StopFailoverTestJob") == 4


def test_connection_that_is_reset_is_no_emulator_that_has_ended() -> None:
    """Something listens there, and the test may run."""
    clock = Clock()
    cloud = Cloud([httpx.ReadError("reset")] * 99)
    client = emulator_of(cloud, clock, attempts=1)
    requests = [StopRequest(lambda: client, "drill", Start("ftj-1", accepted=True), volatile=True)]

    (outcome,) = stop_tests(requests, Patience(10.0), clock=clock, sleep=clock.sleep)

    assert "after 10 s" in str(outcome.error)


def test_wait_for_resources_ends_when_it_is_enough() -> None:
    """A further signal ends the wait, and what was not seen back is told."""
    enough = iter([False, False, True])

    outcome, _, clock = stop(
        [job("Stopped")], circuits=["Disabled"], enough=lambda: next(enough, True)
    )

    assert (outcome.back, outcome.is_over) == (False, False)
    assert clock.now == 1001.0


def test_late_start_is_looked_for_as_long_as_it_can_come() -> None:
    """A signed request stays valid for long: the test begins after ten minutes, and is stopped."""
    answers = [*[error_reply(GONE)] * 120, job("Testing"), OK, job("Stopped")]

    outcome, _, _ = stop(answers, Start(sent_at=1000.0), late_starts=True, timeout=3000.0)

    assert (outcome.stopped, outcome.is_over) == (True, True)


def test_late_start_that_nobody_waits_for_is_told() -> None:
    """The run looks for it for a while; then the outcome says until when it may come."""
    outcome, _, clock = stop([error_reply(GONE)] * 99, Start(sent_at=1000.0))

    assert (outcome.is_over, outcome.open_until) == (False, 1000.0 + LATEST_START)
    assert clock.now == 1000.0 + START_SETTLE


def test_late_start_of_a_test_that_the_run_did_not_create_deletes_nothing() -> None:
    """The job is somebody's, who may want it; its start is looked for instead."""
    start = Start("ftj-1", sent_at=1000.0, created=False)

    outcome, operations, _ = stop([job("Init")] * 99, start)

    assert "DeleteFailoverTestJob" not in operations
    assert outcome.open_until is not None


def test_emulator_that_has_ended_is_not_waited_for() -> None:
    """What it emulated is gone with it, unless it has a state file."""
    clock, refused = Clock(), httpx.ConnectError("refused")
    refused.__cause__ = ConnectionRefusedError(111, "Connection refused")
    cloud = Cloud([refused] * 99)
    client = emulator_of(cloud, clock, attempts=1)
    requests = [StopRequest(lambda: client, "drill", Start("ftj-1", accepted=True), volatile=True)]

    (outcome,) = stop_tests(requests, Patience(), clock=clock, sleep=clock.sleep)

    assert outcome.reason == "the emulator has ended, and the test with it"
    assert clock.now < 1005.0


def test_refusal_for_good_is_an_error() -> None:
    """What the API forbids is not tried for ever."""
    outcome, _, _ = stop([job("Testing"), error_reply(REFUSED, 403)])

    assert outcome.status == "Testing"
    assert REFUSED in str(outcome.error)


def test_refusal_is_tried_again_with_patience() -> None:
    """With patience a refusal may pass."""
    refused = [job("Testing"), error_reply(REFUSED, 403)]

    outcome, _, clock = stop([*refused * 3, job("Testing"), OK, job("Stopped")], refusals=10.0)

    assert outcome.error is None
    assert clock.slept == [0.5] * 4


def test_timeout_says_what_was_seen_last() -> None:
    """A test that is stuck is reported with its status."""
    outcome, _, clock = stop([job("Stopping")] * 9, timeout=3.0, spent=2.5)

    assert outcome.error == "it is Stopping after 5.5 s"
    assert clock.now == 1003.0


def test_missing_test_whose_start_was_not_answered_is_looked_for_again() -> None:
    """A Create whose reply was lost may still take effect."""
    answers = [error_reply(GONE), error_reply(GONE), job("Testing"), OK, job("Stopped")]

    outcome, _, _ = stop(answers, Start(sent_at=1000.0, latest=5.0))

    assert outcome.stopped is True


def test_missing_test_is_given_up_once_it_has_settled() -> None:
    """It is not looked for longer than a late effect takes."""
    outcome, _, clock = stop([error_reply(GONE)] * 20, Start(sent_at=1000.0, latest=5.0))

    assert outcome.reason == "it does not exist"
    assert clock.now == 1005.0


def test_init_test_whose_start_was_not_answered_is_deleted() -> None:
    """A Start that arrives late then finds nothing to cut."""
    outcome, operations, _ = stop([job("Init"), OK], Start(sent_at=1000.0, latest=5.0))

    assert operations == ["DescribeFailoverTestJob", "DeleteFailoverTestJob"]
    assert "deleted" in outcome.reason


def test_init_test_that_starts_before_it_is_deleted_is_stopped() -> None:
    """The Start won the race: the test is stopped."""
    lost = error_reply("IncorrectStatus.OnlyForInitOrStopped")

    answers = [job("Init"), lost, job("Testing"), OK, job("Stopped")]

    outcome, _, _ = stop(answers, Start(sent_at=1000.0, latest=5.0))

    assert outcome.stopped is True


def test_init_test_that_is_deleted_by_somebody_else_is_no_error() -> None:
    """The guard and a rollback stop the same test: one of them finds nothing to delete."""
    answers = [job("Init"), *[error_reply(GONE)] * 20]

    outcome, _, _ = stop(answers, Start(sent_at=1000.0, latest=5.0))

    assert (outcome.error, outcome.reason) == (None, "it does not exist")


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
    client = emulator_of(Cloud([*lists, OK, over]), clock, attempts=1)
    requests = StopRequest(lambda: client, "drill", Start(sent_at=1000.0, latest=5.0), ["ftj-old"])

    (outcome,) = stop_tests([requests], Patience(), clock=clock, sleep=clock.sleep)

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
    client = emulator_of(cloud, clock, attempts=1)

    (outcome,) = stop_tests(
        [StopRequest(lambda: client, "drill", look_until=clock() + 5.0)],
        Patience(),
        clock=clock,
        sleep=clock.sleep,
    )

    assert (outcome.job_id, outcome.reason) == ("ftj-new", "it was stopped")


def test_what_nobody_foresaw_is_tried_again() -> None:
    """A process without a free socket has one a moment later."""
    clock, cloud = Clock(), Cloud([job("Testing"), OK, job("Stopped")], circuits=["Enabled"])
    client = emulator_of(cloud, clock, attempts=1)
    failures = [OSError(24, "Too many open files"), RuntimeError("can't start new thread")]

    def opened() -> VpcClient:
        if failures:
            raise failures.pop()
        return client

    (outcome,) = stop_tests(
        [StopRequest(opened, "ftj-1")], Patience(), clock=clock, sleep=clock.sleep
    )

    assert (outcome.error, outcome.reason) == (None, "it was stopped")


def test_one_that_fails_delays_no_other() -> None:
    """Several tests are stopped in turn; each has its own outcome."""
    clock = Clock()
    bad = emulator_of(Cloud([job("Testing"), error_reply(REFUSED, 403)]), clock, attempts=1)
    good = emulator_of(
        Cloud([job("Testing"), OK, job("Stopped")], circuits=["Enabled"]), clock, attempts=1
    )
    requests = [StopRequest(lambda: bad, "ftj-bad"), StopRequest(lambda: good, "ftj-good")]

    first, second = stop_tests(requests, Patience(), clock=clock, sleep=clock.sleep)

    assert REFUSED in str(first.error)
    assert (second.stopped, second.error) == (True, None)
