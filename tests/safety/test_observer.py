"""
The observer makes events of what changes, and asks nothing while a test is being stopped.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from client_stand_in import Answer, Clock, Cloud, client_of, error_reply, job, reply

from chaosfailover import events
from chaosfailover.events import Event
from chaosfailover.network.cut_resources import Resource, ResourceState
from chaosfailover.safety.guarded_test import GuardedTest, Start
from chaosfailover.safety.observation import Observation
from chaosfailover.safety.observer import LONGEST_INTERVAL, Observer
from chaosfailover.safety.requests import advance

CIRCUIT = Resource("PHYSICALCONNECTION", "pc-1")
ENABLED = ResourceState("Enabled", "")
AWAY = error_reply("ServiceUnavailable", 503)


class Watched:
    """
    A guard with one test on its list.
    """

    def __init__(self, seen: Observation, start: Start) -> None:
        self.observations = {"drill": seen}
        self.tests = [GuardedTest("drill", "cn-hangzhou", 5, no_client, {}, {}, seen, start)]
        self.is_stopping = False


def no_client() -> Any:
    pytest.fail("the observer has a client of its own")


@pytest.fixture
def published() -> Iterator[list[Event]]:
    listed: list[Event] = []
    with events.listening(listed.append):
        yield listed


def observe(
    answers: Iterable[Answer],
    circuits: Iterable[Answer | str],
    rounds: int,
    start: Start | None = None,
) -> tuple[Watched, Observer, Cloud]:
    """
    Play some rounds; the circuit was Enabled before.
    """
    clock, cloud = Clock(), Cloud(answers, circuits=circuits)
    client = client_of(cloud, clock, attempts=1)
    seen = Observation("drill", {CIRCUIT: ENABLED}, clock)
    watched = Watched(seen, start or Start("ftj-1", accepted=True))
    observer = Observer(lambda: client, watched, clock)
    machine = observer.rounds()
    for _ in range(rounds):
        advance(machine)
    return watched, observer, cloud


def shown(published: Iterable[Event]) -> list[tuple[str, str]]:
    return [(event["kind"], event.get("status", "")) for event in published]


def spans(published: Iterable[Event]) -> list[float]:
    """
    Return for how long each change may have been there before it was seen.
    """
    changes = (event for event in published if "earliest" in event)
    ends = ([datetime.fromisoformat(each[key]) for key in ("earliest", "at")] for each in changes)
    return [(latest - earliest).total_seconds() for earliest, latest in ends]


def test_end_tells_when_the_test_was_last_seen_to_cut(published: list[Event]) -> None:
    """The way back may have begun right after that, not when it was seen."""
    answers = [job("Testing"), job("Testing"), AWAY, AWAY, job("Stopped")]
    clock, cloud = Clock(), Cloud(answers, circuits=["Enabled"])
    client = client_of(cloud, clock, attempts=1)
    watched = Watched(
        Observation("drill", {CIRCUIT: ENABLED}, clock), Start("ftj-1", accepted=True)
    )
    machine = Observer(lambda: client, watched, clock).rounds()

    for _ in answers:
        advance(machine)
        clock.sleep(1.0)

    ends = [event for event in published if event.get("status") == "Stopped"]
    assert [event["testing_ago"] for event in ends] == [pytest.approx(3.0, abs=0.1)]
    assert [event for event in published if "testing_ago" in event] == ends


@pytest.mark.parametrize("statuses", [["Stopping", "Stopped"], ["Stopped", "Stopped"]])
def test_end_that_is_not_of_this_run_is_logged_at_once(
    statuses: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Once, so that nobody at a game day waits for a cut that is over."""
    observe([job("Testing"), *map(job, statuses)], ["Enabled"], rounds=3)

    (warning,) = (each.getMessage() for each in caplog.records if each.levelname == "WARNING")
    assert warning == (
        f"Failover test drill (ftj-1) is {statuses[0]}, and this run did not stop it: somebody "
        "else did, or its planned end has come"
    )


@pytest.mark.parametrize("ended", [True, False])
def test_end_of_a_test_that_this_run_stops_is_not_logged(
    ended: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Its stop says so, also if the test is still watched afterwards."""
    watched, observer, _ = observe([job("Testing"), job("Stopped")], ["Enabled"], rounds=1)
    watched.is_stopping = not ended
    if ended:
        assert watched.tests[0].observation.is_untold("ftj-1", "Testing")

    advance(observer.rounds())

    assert [each for each in caplog.records if each.levelname == "WARNING"] == []


def test_planned_end_is_told_once_it_is_known(published: list[Event]) -> None:
    """With a status that is new, or once more with that which is known; nothing else is told."""
    started = {"StartTime": "2026-11-23T12:00:00Z", "JobDuration": "5"}
    jobs = [job("Starting"), *[job("Testing"), job("Testing", **started)] * 2, job("Stopped")]

    observe(jobs, ["Enabled"], len(jobs))

    told = [(each["status"], each.get("ends_at")) for each in published if each["kind"] == "status"]
    assert told == [
        ("Starting", None),
        ("Testing", None),
        ("Testing", "2026-11-23T12:05:00+00:00"),
        ("Stopped", None),
    ]


def test_each_change_is_one_event(published: list[Event]) -> None:
    """What stays as it was is no event."""
    jobs = [job(status) for status in ("Starting", "Testing", "Testing", "Stopped")]

    observe(jobs, ["Enabled", "Disabled", "Disabled", "Enabled"], 4)

    assert shown(published) == [
        ("status", "Starting"),
        ("resource", "Enabled"),
        ("status", "Testing"),
        ("resource", "Disabled"),
        ("status", "Stopped"),
        ("resource", "Enabled"),
    ]


def test_first_reading_in_a_test_is_an_event_though_nothing_changed(
    published: list[Event],
) -> None:
    """Else nobody could tell a cut without an effect from one at which nobody looked."""
    jobs = [job(status) for status in ("Starting", "Testing", "Testing", "Stopped")]

    observe(jobs, ["Enabled"], 4)

    assert shown(published) == [
        ("status", "Starting"),
        ("resource", "Enabled"),
        ("status", "Testing"),
        ("resource", "Enabled"),
        ("status", "Stopped"),
    ]


def test_what_cannot_be_read_is_unknown(published: list[Event]) -> None:
    """Not the last status that was seen, and what is read later is an event again."""
    observe([job("Testing"), AWAY, job("Testing")], ["Enabled", AWAY, "Enabled"], 3)

    assert shown(published) == [
        ("status", "Testing"),
        ("resource", "Enabled"),
        ("status", "unknown"),
        ("resource", "unknown"),
        ("status", "Testing"),
        ("resource", "Enabled"),
    ]


@pytest.mark.parametrize(
    ("circuits", "lag", "ago"),
    [
        pytest.param(["Enabled", "Disabled"], 0.0, [1.0], id="seen as before a look ago"),
        pytest.param(["Enabled", AWAY, "Disabled"], 0.0, [2.0], id="unread meanwhile"),
        pytest.param(["Enabled", "Disabled"], 10.0, [11.0], id="an API that shows what is old"),
        pytest.param(["Enabled", "Disabled", "Enabled"], 0.0, [1.0, 1.0], id="there and back"),
        pytest.param(["Enabled", AWAY, "Enabled"], 0.0, [], id="unread, and unchanged"),
        pytest.param(["Disabled"], 0.0, [], id="read for the first time"),
    ],
)
def test_change_has_the_earliest_instant_at_which_it_may_have_come(
    published: list[Event], circuits: list[Answer | str], lag: float, ago: list[float]
) -> None:
    """The state before it was shown until then: when the last look that saw it was asked for."""
    clock = Clock()
    cloud = Cloud([job("Testing")] * len(circuits), circuits=circuits)
    client = client_of(cloud, clock, attempts=1)
    vars(client)["lag"] = lag  # that of the cloud, which no test asks
    seen = Observation("drill", {CIRCUIT: ENABLED}, clock)
    watched = Watched(seen, Start("ftj-1", accepted=True))
    machine = Observer(lambda: client, watched, clock).rounds()

    for _ in circuits:
        advance(machine)
        clock.sleep(1.0)

    assert spans(published) == [pytest.approx(it, abs=0.5) for it in ago]


def test_late_reply_does_not_make_a_change_begin_after_it(published: list[Event]) -> None:
    """A reply of the observer may come after that to a later question of a stop."""
    clock = Clock()
    seen = Observation("drill", {CIRCUIT: ENABLED}, clock)
    for asked_ago, status in ((5.0, "Enabled"), (1.0, "Enabled"), (3.0, "Disabled")):
        seen.see_states({CIRCUIT: ResourceState(status, "")}, clock.now - asked_ago)

    assert spans(published) == [pytest.approx(3.0, abs=0.5)]


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(error_reply("Throttling.User"), id="throttled"),
        pytest.param(httpx.ConnectError("down"), id="unreachable"),
        pytest.param(error_reply("Forbidden.RAM", 403), id="forbidden"),
    ],
)
def test_errors_make_it_slower(failure: Answer) -> None:
    """It stays within the pace of the API, and is quick again once it is answered."""
    _, slow, _ = observe([failure] * 9, [failure], 9)
    _, quick, _ = observe([failure, job("Testing")], ["Enabled"], 2)

    assert slow.interval == LONGEST_INTERVAL
    assert quick.interval == 1.0


def test_nothing_is_asked_while_a_test_is_being_stopped() -> None:
    """The stop has the API for itself."""
    clock, cloud = Clock(), Cloud([job("Testing")] * 9, circuits=["Enabled"])
    client = client_of(cloud, clock, attempts=1)
    watched = Watched(Observation("drill", {CIRCUIT: ENABLED}, clock), Start("ftj-1", True))
    machine = Observer(lambda: client, watched, clock).rounds()
    counts = []

    for watched.is_stopping in (False, True, True, False):
        advance(machine)
        counts.append(len(cloud.requests))

    assert counts == [2, 2, 2, 4]


def test_test_whose_start_is_under_way_is_not_unknown(published: list[Event]) -> None:
    """It is not there yet; one that was accepted should be."""
    nothing = [error_reply("IllegalParam.JobId")]

    observe(nothing, ["Enabled"], 1, Start("ftj-1"))
    observe(nothing, ["Enabled"], 1)

    assert shown(published) == [
        ("resource", "Enabled"),
        ("status", "unknown"),
        ("resource", "Enabled"),
    ]


def test_job_without_status_is_told(published: list[Event]) -> None:
    """A document may lack it."""
    observe([reply(FailoverTestJobModel={"JobId": "ftj-1"})], ["Enabled"], 1)

    assert ("status", "") in shown(published)


PEER = Resource("BGPPEER", "bgp-1")
UP, DOWN = ResourceState("Available", "Established"), ResourceState("Available", "Down")


@pytest.mark.parametrize(
    ("circuit", "session", "went_down"),
    [
        pytest.param(ResourceState("Terminated", ""), DOWN, True, id="all"),
        pytest.param(ENABLED, DOWN, False, id="a session that flaps"),
        pytest.param(None, DOWN, False, id="a circuit that is not shown"),
        pytest.param(None, None, False, id="nothing is shown"),
    ],
)
def test_test_has_cut_if_all_that_it_takes_was_seen_down(
    circuit: ResourceState | None, session: ResourceState | None, went_down: bool
) -> None:
    """A session may flap by itself, and what the API does not show was not seen down."""
    seen = Observation("drill", {CIRCUIT: ENABLED, PEER: UP})
    seen.begin()
    shown = {CIRCUIT: circuit, PEER: session}

    seen.see_states({each: state for each, state in shown.items() if state}, 0.0)

    assert seen.went_down is went_down
