"""
The log tells each outage of a target, and partial loss as one, whatever comes after it.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaosfailover.outages.outage import find_outages
from chaosfailover.outages.samples import Encoder, Sample
from chaosfailover.prober.target_log import TargetLog
from chaosfailover.prober.targets import parse_target

INTERVAL = 0.1
CUT, BACK = "during the cut of drill", "on the way back of drill"
DOWN = f"Target portal is DOWN (timeout) {CUT}"
LOST = "Target portal lost"
LOSES = f"Target portal loses checks again {CUT}"


class Clock:
    """
    The time of a drawing, with the calls that are due later.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._due: dict[object, tuple[float, Callable[[], None]]] = {}

    def later(self, seconds: float, call: Callable[[], None]) -> "Call":
        made = Call(self._due)
        self._due[made] = (self.now + seconds, call)
        return made

    def advance(self) -> None:
        self.now += INTERVAL
        for made, (due, call) in list(self._due.items()):
            if due <= self.now:
                del self._due[made]
                call()


class Call:
    def __init__(self, due: dict[object, tuple[float, Callable[[], None]]]) -> None:
        self._due = due

    def cancel(self) -> None:
        self._due.pop(self, None)


def told(
    drawing: str, caplog: pytest.LogCaptureFixture, *, end: bool = False, flows: bool = False
) -> list[str]:
    """
    Return the log of a target whose checks are drawn: `x` is lost, `|` begins the way back.
    """
    clock, encoder, was_lost, phase = Clock(), Encoder(INTERVAL), False, CUT
    log, target = TargetLog(clock.later), parse_target("portal", "http://127.0.0.1:9/")
    target = replace(target, interval=INTERVAL)
    caplog.set_level("INFO")
    for each in drawing:
        if each == "|":
            phase = BACK
            continue
        is_lost = each == "x"
        encoder.add(Sample(clock.now, not is_lost, 0.0, "timeout" if is_lost else None))
        if is_lost != was_lost:
            outage = find_outages(encoder.runs)[-1]
            log.change(target, replace(outage, counts=None) if flows else outage, phase)
        was_lost = is_lost
        clock.advance()
    if end:
        log.end()
    return caplog.messages


def back(at_least: str, at_most: str, phase: str = CUT) -> str:
    return f"Target portal is back after {at_least} to {at_most} s, {phase}"


CALM = "." * 60
FIRST = [DOWN, back("0.000", "0.200")]


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        pytest.param(f"..xxx{CALM}", [DOWN, back("0.200", "0.400")], id="an outage"),
        pytest.param(f"..x{CALM}x.", [*FIRST, *FIRST], id="two outages"),
        pytest.param("..xxx", [DOWN], id="an outage that goes on"),
        pytest.param(
            f"..x..x..xx..x{CALM}",
            [*FIRST, LOSES, f"{LOST} 5 of 11 checks in 1.2 s, {CUT}, and loses none now"],
            id="partial loss",
        ),
        pytest.param(
            f"..x.x.{'x' * 15}{CALM}",
            [
                *FIRST,
                LOSES,
                DOWN,
                back("1.400", "1.600"),
                f"{LOST} 17 of 19 checks in 2.0 s, {CUT}, and loses none now",
            ],
            id="an outage within partial loss",
        ),
        pytest.param(f"..x.{'x' * 15}", [*FIRST, LOSES, DOWN], id="an outage that ends it"),
        pytest.param(
            "..x.x.x.|..x..",
            [
                *FIRST,
                LOSES,
                f"{LOST} 3 of 5 checks in 0.6 s, {CUT}",
                f"Target portal is DOWN (timeout) {BACK}",
                back("0.000", "0.200", BACK),
            ],
            id="a way back within partial loss",
        ),
        pytest.param(
            "..xxx|x..",
            [DOWN, back("0.300", "0.500", f"which began {CUT}")],
            id="a way back within an outage",
        ),
        pytest.param(
            "..x.xx|xx...x.",
            [
                *FIRST,
                LOSES,
                f"{LOST} 5 of 6 checks in 0.7 s, which began {CUT}",
                f"Target portal is DOWN (timeout) {BACK}",
                back("0.000", "0.200", BACK),
            ],
            id="a way back within losses, and one on it",
        ),
    ],
)
def test_what_is_told(drawing: str, expected: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """Two lines for an outage, and two for losses that follow each other, however many."""
    assert told(drawing, caplog) == expected


@pytest.mark.parametrize(
    ("drawing", "more"),
    [
        pytest.param("..x.x.x.", "", id="it answered last"),
        pytest.param("..x.x.x.x", ", and still loses checks", id="it was lost last"),
    ],
)
def test_end_claims_no_calm(drawing: str, more: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whether more would have been lost is unknown."""
    assert told(drawing, caplog, end=True)[-1] == (f"{LOST} 3 of 5 checks in 0.6 s, {CUT}{more}")


def test_flows_have_no_common_count(caplog: pytest.LogCaptureFixture) -> None:
    """The checks of several flows are counted by flow; what was lost of all is known."""
    assert told("..x.x.xx.", caplog, end=True, flows=True)[-1] == (
        f"{LOST} 4 checks in 0.7 s, {CUT}"
    )


@given(drawing=st.text(".x", max_size=80), last=st.sampled_from([CALM, "." + "x" * 15]))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_last_word_is_true(drawing: str, last: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever came before: what is down for long was told so, and what is up for long too."""
    caplog.clear()
    lines = told(f".{drawing}{last}", caplog)

    assert (not lines or lines[-1] not in (DOWN, LOSES)) if last == CALM else lines[-1] == DOWN
