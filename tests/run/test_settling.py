"""
The wait until a failover has settled: how long it lasts at most, and what ends it.
"""

import logging
import signal
from math import inf
from pathlib import Path
from typing import Any

import pytest
from drills import action, experiment, python, shell
from live import Runner, emulated_cloud
from pictures import picture

from chaosfailover.outages.measured import CutWindow
from chaosfailover.outages.series import Series
from chaosfailover.outages.settled import at_stop
from chaosfailover.prober.targets import Target, parse_target
from chaosfailover.run.settling import latest, wait_after_return, wait_until_settled

LONG = 300.0


def target(name: str = "portal", **settings: Any) -> Target:
    times = {"interval": 0.5, "timeout": 0.5}
    return parse_target(name, {"url": "http://127.0.0.1:9/", **times, **settings})


@pytest.mark.parametrize(
    ("targets", "duration", "abort_after", "expected"),
    [
        pytest.param([target(rto=3.0)], LONG, None, 102 + 3 + 5 + 1, id="its RTO and the hold"),
        pytest.param(
            [target(rto=3.0), target("shop", rto=20.0)], LONG, None, 102 + 26, id="the longest RTO"
        ),
        pytest.param([target()], LONG, None, 102 + 30 + 6, id="without an RTO"),
        pytest.param([target()], LONG, 12.0, 102 + 12 + 6, id="without one, until the abort"),
        pytest.param([target(rto=3.0)], LONG, 12.0, 102 + 9, id="its RTO, not the abort's"),
        pytest.param([target(rto=200.0)], 60.0, None, 155, id="5 s before the planned end"),
        pytest.param([target(rto=3.0)], 5.0, None, 104.5, id="a tenth before a near end"),
        pytest.param([], LONG, None, float("-inf"), id="nobody is waited for"),
    ],
)
def test_wait_lasts_no_longer(
    targets: list[Target], duration: float, abort_after: float | None, expected: float
) -> None:
    """The start of the test was sent at 100 s, and it was seen to cut at 102 s."""
    assert latest(targets, 100.0, 102.0, duration, abort_after) == expected


class Drawn:
    """
    A run that is drawn, a check each half second, and its clock.
    """

    def __init__(self, drawing: str, began: float = 3.0) -> None:
        self.samples = picture(drawing, 0.5)
        self.window: CutWindow | None = CutWindow("drill", 1.0, testing_at=2.0)
        self.now = began

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def unsettled(self, window: CutWindow) -> list[Target]:
        series = Series(0.5)
        for sample in self.samples:
            if sample.at <= self.now:
                series.add(sample)
        stood = at_stop(series, window.cut_at, window.in_effect_at)
        return [] if stood.settled else [target(rto=3.0)]


def waited(run: Drawn, until: float = 60.0) -> float:
    """Wait, as far as an instant; return when the wait was over."""
    wait_until_settled(run, LONG, None, lambda: run.now < until, run.clock, run.sleep)
    return run.now


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(Drawn("." * 80), 7.0, id="nothing was lost: 5 s since the cut was seen"),
        pytest.param(Drawn("....xx" + "." * 80), 8.0, id="5 s since the first good check"),
        pytest.param(
            Drawn("....xx.....xx" + "." * 80), 11.0, id="losses within 5 s are waited for"
        ),
        pytest.param(Drawn("....xx" + "." * 80, began=30.0), 30.0, id="it had settled before"),
        pytest.param(Drawn("....xxx.." * 20), 11.0, id="at most the RTO, the hold and a check"),
        pytest.param(Drawn("....xxx.." * 20, began=20.0), 20.0, id="that time had passed before"),
    ],
)
def test_wait_is_over(run: Drawn, expected: float) -> None:
    """As soon as every target has settled, or as soon as that came too late."""
    assert waited(run) == pytest.approx(expected, abs=0.11)


def test_wait_ends_with_what_would_end_the_test() -> None:
    """A stop, an abort or a signal, wherever it came from."""
    assert waited(Drawn("." * 80), until=4.0) == pytest.approx(4.0, abs=0.11)


def test_wait_without_a_cut(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is waited for and nothing is told."""
    run = Drawn("." * 80)
    run.window = None

    with caplog.at_level(logging.INFO):
        assert waited(run) == 3.0
    assert caplog.messages == []


def test_wait_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        waited(Drawn("." * 80))

    (told,) = caplog.messages
    assert told == (
        "Waiting for at most 8 s until portal lost nothing for 5 s: "
        "before that, the failover has not settled and proves nothing"
    )


class Flapping:
    """
    A clock, and a session that is back at 0 s, away for each of some times, and back after it.
    """

    def __init__(self, *away: tuple[float, float]) -> None:
        self.away = away
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def back_since(self) -> float:
        over = [until for since, until in self.away if since <= self.now]
        return next((inf for until in over if until > self.now), max(over, default=-1.0))


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(Flapping(), 2.0, id="nothing"),
        pytest.param(Flapping((0.5, 1.5)), 3.5, id="back within the time"),
        pytest.param(Flapping((1.0, 3.0)), 5.0, id="back after it"),
        pytest.param(Flapping((1.0, 3.0), (4.0, 6.0)), 8.0, id="twice"),
        pytest.param(Flapping((2.5, 4.0)), 2.0, id="later"),
        pytest.param(Flapping((1.0, inf)), 12.0, id="never back"),
        pytest.param(Flapping(*[(n, n + 0.9) for n in range(1, 99)]), 12.0, id="without an end"),
    ],
)
def test_measurement_after_the_way_back_begins_anew(run: Flapping, expected: float) -> None:
    """After 2 s without a flap it is over, and 10 s later in any case."""
    wait_after_return(run.back_since, 2.0, 10.0, lambda: True, run.clock, run.sleep)

    assert run.now == pytest.approx(expected, abs=0.11)


def test_signal_ends_the_wait_for_what_is_away_again() -> None:
    """The time that is measured in any case is measured."""
    run = Flapping((1.0, inf))

    wait_after_return(run.back_since, 2.0, 300.0, lambda: run.now < 5.0, run.clock, run.sleep)

    assert run.now == pytest.approx(5.0, abs=0.11)


@pytest.mark.parametrize(
    ("place", "signum"),
    [
        ("after the method", signal.SIGINT),
        pytest.param("before a stop", signal.SIGTERM, marks=pytest.mark.long),
        pytest.param("after the method", signal.SIGTERM, marks=pytest.mark.matrix),
        pytest.param("before a stop", signal.SIGINT, marks=pytest.mark.matrix),
    ],
)
def test_signal_ends_the_wait(tmp_path: Path, place: str, signum: signal.Signals) -> None:
    """At once, and the stop is sent as from any other moment of a run."""
    with emulated_cloud(tmp_path) as cloud:
        document = experiment("nothing", "always", cloud.portal)
        document["controls"][0]["provider"]["arguments"]["rto"] = 60.0
        if place == "before a stop":
            stop = action("stop", python("stop_failover_test", test="drill"))
            document["method"] += [stop, action("rest", shell("sleep 60"))]
        runner = Runner(document, tmp_path, cloud.exports)
        try:
            runner.wait_for("Waiting for at most")
            runner.process.send_signal(signum)
            assert runner.end() == 1, runner.log
        finally:
            runner.close()
        assert cloud.seconds_until_restored() < 10.0

    journal = runner.journal
    (cut,) = journal["failover"]["targets"]["portal"]["cuts"]
    assert cut["settled"] is False
    assert journal["failover"]["verdict"]["verdict"] == "inconclusive"
