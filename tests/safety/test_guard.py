"""
The guard stops what it holds, and nothing starts behind its back.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf

import pytest
from client_stand_in import Answer, Cloud, client_of, error_reply, job, reply

from chaosfailover import events
from chaosfailover.alibaba.client import VpcClient
from chaosfailover.errors import ApiError, GuardError, RequestTimeoutError
from chaosfailover.events import Event
from chaosfailover.network.cut_resources import Resource, ResourceState
from chaosfailover.safety import guard
from chaosfailover.safety.guard import CHECK_LIFETIME, Guard, under_guard
from chaosfailover.safety.guarded_test import GuardedTest, Start, StopOutcome, StopRequest
from chaosfailover.safety.observation import Observation
from chaosfailover.tolerances import before_and_during


class Recorder:
    """
    A backup that records its calls.
    """

    def __init__(self, *, up: bool = True) -> None:
        self.up = up
        self.calls: list[tuple[str, bool]] = []

    def check(self) -> None:
        if not self.up:
            raise GuardError("the backup is not running")

    def watch(self, guarded: GuardedTest) -> None:
        self.calls.append((guarded.test, guarded.start.accepted))

    def forget(self, key: str) -> None:
        self.calls.append((f"-{key}", False))


def guarded(*answers: Answer, test: str = "drill", job_id: str = "ftj-1") -> GuardedTest:
    access: Callable[[], VpcClient] = lambda: client_of(  # noqa: E731
        Cloud(answers, circuits=["Enabled"]), endpoint="http://127.0.0.1:1", attempts=1
    )
    seen = Observation(test)
    return GuardedTest(test, "cn-hangzhou", 5, access, {}, {}, seen, Start(job_id), key=test)


@pytest.fixture
def up() -> Iterator[Guard]:
    guarding = Guard(timeout=5.0, latest_start=0.0)
    guard.set_current(guarding)
    yield guarding
    guard.set_current(None)
    guarding.restore("the test is over")


def test_restore_stops_what_is_on_the_list() -> None:
    """Whatever is held is stopped, waited for, and taken off the list."""
    guarding = Guard(timeout=5.0)
    held = guarded(job("Testing"), reply(), job("Stopped"))
    guarding.watch(held)

    (outcome,) = guarding.restore("the end")

    assert (outcome.stopped, outcome.error) == (True, None)
    assert guarding.tests == []


def test_what_could_not_be_stopped_stays_on_the_list() -> None:
    """The rest is stopped all the same."""
    guarding = Guard(timeout=1.0)
    guarding.watch(guarded(*[job("Stopping")] * 99, test="stuck", job_id="ftj-1"))
    guarding.watch(guarded(job("Testing"), reply(), job("Stopped"), test="good", job_id="ftj-2"))

    stuck, good = guarding.restore("the end")

    assert stuck.error is not None
    assert good.stopped is True
    assert [held.test for held in guarding.tests] == ["stuck"]


def test_account_that_cannot_be_reached_is_an_outcome() -> None:
    """A test whose region can no longer be opened keeps no other from being stopped."""
    guarding = Guard(timeout=1.0)

    def no_access() -> VpcClient:
        raise GuardError("the configuration is gone")

    lost = GuardedTest("lost", "cn-hangzhou", 5, no_access, {}, {}, Observation("lost"))
    guarding.watch(lost)
    guarding.watch(guarded(job("Testing"), reply(), job("Stopped")))

    first, second = guarding.restore("the end")

    assert "the configuration is gone" in str(first.error)
    assert second.stopped is True


def test_restore_is_done_once() -> None:
    """A second request finds the outcomes of the first."""
    guarding = Guard(timeout=5.0)
    guarding.watch(guarded(job("Testing"), reply(), job("Stopped")))

    assert guarding.restore("first") == guarding.restore("second")


def test_nothing_starts_once_the_run_is_ended() -> None:
    """An activity that is still running in the background cannot cut any more."""
    guarding = Guard(timeout=5.0)
    guarding.restore("the run was interrupted by SIGTERM")

    with pytest.raises(GuardError, match="'drill' is not started: the run was interrupted"):
        guarding.watch(guarded())

    assert guarding.tests == []


def test_nothing_starts_unless_somebody_stands_by() -> None:
    """A watchdog that died is noticed before the cut, not after."""
    guarding = Guard(backup=Recorder(up=False), timeout=5.0)

    with pytest.raises(GuardError, match="the backup is not running"):
        guarding.watch(guarded())

    assert guarding.tests == []
    guarding.restore("the test is over")


def test_standby_is_told_before_and_after() -> None:
    """The backup has the test on its list before its start is sent."""
    recorder = Recorder()
    guarding = Guard(backup=recorder, timeout=5.0, latest_start=0.0)

    held = guarded(job("Stopped"))
    guarding.watch(held)
    guarding.accept(held, "ftj-1")
    guarding.restore("the end")

    assert recorder.calls == [("drill", False), ("drill", True), ("-drill", False)]


def test_cutting_without_a_guard_is_refused() -> None:
    """The error says which lines to add."""
    with (
        pytest.raises(GuardError, match=r"module: chaosfailover\.control"),
        under_guard(guarded()),
    ):
        pytest.fail("nothing may be sent")


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(RequestTimeoutError("lost"), id="no answer"),
        pytest.param(
            ApiError("InternalError", "?", operation="Start", http_status=500), id="HTTP 500"
        ),
        pytest.param(SystemExit(20), id="signal"),
    ],
)
def test_start_without_an_answer_leaves_the_test_on_the_list(
    up: Guard, failure: BaseException
) -> None:
    """Whether it took effect is not known, so it is looked into at the end."""
    held = guarded(job("Stopped"))

    with pytest.raises(type(failure)), under_guard(held) as cut, cut.attempting():
        raise failure

    assert up.tests == [held]
    assert held.start.sent_at is not None


@pytest.mark.parametrize(
    ("status", "value", "expected"),
    [
        pytest.param("", "Established", True, id="the start was just sent"),
        pytest.param("Starting", "Established", True, id="not cut yet"),
        pytest.param("Starting", "Down", True, id="cut already"),
        pytest.param("Testing", "Established", False, id="it should be down"),
        pytest.param("Testing", "Down", True, id="it is down"),
        pytest.param("Stopping", "Established", True, id="back already"),
        pytest.param("Stopping", "Idle", False, id="neither"),
    ],
)
def test_before_and_during(up: Guard, status: str, value: str, expected: bool) -> None:
    """What a cut changes may be either way while the test is on its way to `Testing` or from it."""
    up.watch(guarded(job("Stopped"), job("Stopped")))
    if status:
        up.listen({"at": "", "kind": "status", "job_id": "ftj-1", "status": status})

    assert before_and_during(value, "Established", ["Down"]) is expected


def test_before_and_during_without_a_cut(up: Guard) -> None:
    """As long as nothing is on the list only the value of before will do."""
    results = [before_and_during(value, "Up", ["Down"]) for value in ("Up", "Down")]

    assert up.tests == []
    assert results == [True, False]


def test_refused_start_takes_the_test_off_the_list(up: Guard) -> None:
    """The API said no: nothing will start later, and another's test of that name is not ours."""
    with pytest.raises(ApiError), under_guard(guarded()) as cut, cut.attempting():
        raise ApiError("AnotherJobTesting", "no", operation="Start", http_status=400)

    assert up.tests == []


def test_refusal_after_a_lost_answer_proves_nothing(up: Guard) -> None:
    """It may have been refused because the first attempt had been heard."""
    held = guarded(job("Stopped"))

    with pytest.raises(ApiError), under_guard(held) as cut:  # noqa: PT012 - two attempts
        with contextlib.suppress(RequestTimeoutError), cut.attempting():
            raise RequestTimeoutError("lost")
        with cut.attempting():
            raise ApiError("AnotherJobTesting", "no", operation="Start", http_status=400)

    assert up.tests == [held]


@pytest.mark.parametrize("code", ["LastTokenProcessing", "OperationFailed.LastTokenProcessing"])
def test_answer_that_it_is_still_processed_is_no_refusal(up: Guard, code: str) -> None:
    """The request that is being worked on may cut later than anybody waits."""
    held = guarded(job("Stopped"))

    with pytest.raises(ApiError), under_guard(held) as cut, cut.attempting():
        raise ApiError(code, "wait", operation="Create", http_status=400)

    assert up.tests == [held]


def test_conflict_after_a_lost_answer_may_be_with_ourselves(up: Guard) -> None:
    """An answer that may concern an earlier attempt leaves the start open; any other refuses it."""
    conflict = ApiError("EcFailoverTestJobConflict", "?", operation="Start", http_status=400)
    lost, refused = guarded(job("Stopped")), guarded(test="other")

    with pytest.raises(ApiError), under_guard(refused) as cut, cut.attempting():
        raise conflict
    with pytest.raises(ApiError), under_guard(lost) as cut:  # noqa: PT012 - two attempts
        with contextlib.suppress(RequestTimeoutError), cut.attempting():
            raise RequestTimeoutError("lost")
        first = lost.start.sent_at or 0.0
        with cut.attempting():
            raise conflict

    assert up.tests == [lost]
    assert (lost.start.sent_at or 0.0) > first


def test_proof_of_survivors_does_not_last(up: Guard) -> None:
    """Who was throttled for long has to look again before anything is cut."""
    old = replace(guarded(), checked_at=time.monotonic() - CHECK_LIFETIME - 1)

    with (
        pytest.raises(GuardError, match="its survivors were checked 21 s ago"),
        under_guard(old) as cut,
        cut.attempting(),
    ):
        pytest.fail("it was sent")

    assert up.tests == []


def test_attempt_after_the_end_is_not_made(up: Guard) -> None:
    """A retry that waits while the run is ended must not cut any more."""
    held = guarded()
    up.watch(held)
    with pytest.raises(ApiError), up.attempt(held):
        raise ApiError("Throttling.User", "later", operation="Start", http_status=400)
    up.restore_soon("the run was interrupted by SIGTERM")

    with pytest.raises(GuardError, match="the run was interrupted"), up.attempt(held):
        pytest.fail("nothing may be sent")

    assert held.start.is_refused


def test_answer_that_comes_while_the_run_is_ended_is_heeded() -> None:
    """The request was under way: the guard waits for what becomes of it, and stops the test."""
    guarding = Guard(timeout=30.0)
    held = guarded(
        *[error_reply("IllegalParam.JobId")] * 2, job("Testing"), reply(), job("Stopped")
    )
    guarding.watch(held)
    begun, ended = threading.Event(), threading.Event()

    def send() -> None:
        with guarding.attempt(held):
            begun.set()
            assert ended.wait(20.0)

    sending = threading.Thread(target=send)
    sending.start()
    assert begun.wait(20.0)
    guarding.restore_soon("the run was interrupted by SIGTERM")
    time.sleep(0.7)
    assert guarding.restoring
    ended.set()
    sending.join()

    (outcome,) = guarding.restore("the end")
    assert outcome.stopped is True


@pytest.mark.parametrize(
    ("status", "left"), [("Stopped", 0), ("Init", 1), ("", 1)], ids=["Stopped", "Init", "missing"]
)
def test_only_what_was_seen_stopped_leaves_the_list(up: Guard, status: str, left: int) -> None:
    """A rollback that looked into another account has seen nothing."""
    held = guarded(job("Stopped"))
    up.watch(held)

    up.note(held, StopOutcome("drill", "ftj-1", status, "as seen"))

    assert len(up.tests) == left


def test_test_is_found_by_name_and_id_in_its_own_region(up: Guard) -> None:
    """Another region may have a test of the same name."""
    held = guarded(job("Stopped"))
    up.watch(held)

    tests = [guard.find_guarded(test, "cn-hangzhou") for test in ("drill", "ftj-1", "other")]

    assert tests == [held, held, None]
    assert guard.find_guarded("drill", "cn-beijing") is None


def test_rollbacks_do_not_try_again_what_the_guard_tried_in_vain() -> None:
    """They would keep the run from ending for as long again, each of them."""
    guarding = Guard(timeout=1.0)
    held = guarded(*[job("Stopping")] * 999)
    guarding.watch(held)
    guarding.restore("the end")
    client = held.access()

    (outcome,) = guarding.stop([StopRequest(lambda: client, "ftj-1")], 300.0)

    assert str(outcome.error).startswith("it is Stopping after ")


def test_unexpected_failure_is_an_outcome() -> None:
    """Even a fault of our own is reported, and the test stays on the list."""
    guarding = Guard(timeout=5.0)

    def broken() -> VpcClient:
        raise RuntimeError("a fault")

    guarding.watch(GuardedTest("drill", "cn-hangzhou", 5, broken, {}, {}, Observation("drill")))

    (outcome,) = guarding.restore("the end")

    assert "a fault" in str(outcome.error)
    assert len(guarding.tests) == 1


def test_two_threads_that_race_leave_nothing_behind() -> None:
    """A start that is under way when the run ends is either refused or stopped."""
    for _ in range(50):
        guarding = Guard(timeout=5.0)
        refused: list[GuardError] = []

        def begin(guarding: Guard = guarding, refused: list[GuardError] = refused) -> None:
            try:
                guarding.watch(guarded(job("Stopped")))
            except GuardError as error:
                refused.append(error)

        thread = threading.Thread(target=begin)
        thread.start()
        outcomes = guarding.restore("the end")
        thread.join()

        assert len(outcomes) + len(refused) >= 1
        assert guarding.tests == []


CIRCUIT = Resource("PHYSICALCONNECTION", "pc-1")
ENABLED, DISABLED = (ResourceState(status, "") for status in ("Enabled", "Disabled"))


def cut_and_back(up: Guard, *tests: str) -> list[GuardedTest]:
    """Return tests that take one circuit, of which the first was cut and is back."""
    seen = [Observation(test, {CIRCUIT: ENABLED}) for test in tests]
    up.observations = dict(zip(tests, seen, strict=True))
    listed = [replace(guarded(test=each.test), observation=each) for each in seen]
    up.watch(listed[0])
    seen[0].see_states({CIRCUIT: DISABLED}, 1.0)
    seen[0].see_end()
    seen[0].see_states({CIRCUIT: ENABLED}, time.monotonic())
    up.forget(listed[0])
    assert seen[0].is_back
    return listed


def seen_of(published: list[Event]) -> list[tuple[str, str]]:
    kinds = ("back", "away", "resource")
    return [(each["test"], each["kind"]) for each in published if each["kind"] in kinds]


def test_later_cut_is_no_loss_of_an_earlier_test(up: Guard) -> None:
    """What is back and cut again by this run is seen for the later test alone."""
    first, second = cut_and_back(up, "first", "second")
    published: list[Event] = []

    with events.listening(published.append):
        up.watch(second)
        for seen in up.observations.values():
            seen.see_states({CIRCUIT: DISABLED}, time.monotonic())
            seen.miss_states()

    assert set(seen_of(published)) == {("second", "resource")}
    assert first.observation.is_back
    assert not second.observation.is_back
    up.forget(second)


def test_cut_of_something_else_changes_nothing(up: Guard) -> None:
    """What is away again by itself is told, while a test of other resources cuts."""
    first, second = cut_and_back(up, "first", "second")
    other = Observation("second", {Resource("PHYSICALCONNECTION", "pc-2"): ENABLED})
    published: list[Event] = []

    with events.listening(published.append):
        up.watch(replace(second, observation=other))
        first.observation.see_states({CIRCUIT: DISABLED}, time.monotonic())

    assert ("first", "away") in seen_of(published)
    up.forget(second)


def test_later_cut_that_was_refused_is_none(up: Guard) -> None:
    """The earlier test is watched on: what is away then is away by itself."""
    first, second = cut_and_back(up, "first", "second")
    published: list[Event] = []

    with events.listening(published.append):
        with pytest.raises(ApiError), under_guard(second) as start, start.attempting():
            raise ApiError("AnotherJobTesting", "no", operation="Start", http_status=400)
        first.observation.see_states({CIRCUIT: DISABLED}, time.monotonic())

    assert ("first", "away") in seen_of(published)


def test_what_is_away_again_is_not_back(up: Guard) -> None:
    """Of all that came back, the last counts; while some of it is away again, none does."""
    assert up.back_since == -inf
    first, _ = cut_and_back(up, "first", "second")
    back = up.back_since

    first.observation.see_states({CIRCUIT: DISABLED}, time.monotonic())
    away = up.back_since
    first.observation.see_states({CIRCUIT: ENABLED}, time.monotonic())

    assert away == inf
    assert up.back_since >= back
