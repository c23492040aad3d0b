"""
Series: samples in bounded memory, and their summary.
"""

import json
import random
from collections.abc import Mapping
from math import inf
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pictures import outages

from chaosfailover.outages.flapping import time_lost, worst_lost
from chaosfailover.outages.histogram import MOST_SLOTS, Histogram, Timeline
from chaosfailover.outages.outage import Outage, find_outages
from chaosfailover.outages.samples import NOTHING, Gap, Run, Sample, count_after
from chaosfailover.outages.series import MOST_GAPS, MOST_RUNS, Series
from chaosfailover.outages.summary import summarize


def drawn(drawing: str, interval: float = 1.0, rtt: float = 0.0) -> Series:
    """
    Make a series of a time pattern: `.` answered, `x` lost, a blank not sent.
    """
    series = Series(interval)
    for tick, mark in enumerate(drawing):
        if mark != " ":
            series.add(
                Sample(tick * interval, mark == ".", rtt if mark == "." else None, "timeout")
            )
    return series


def read_runs(document: Mapping[str, Any]) -> list[Run]:
    runs: list[Run] = []
    for row in document["runs"]:
        runs.append(Run(*row))
        runs[-1].before = count_after(runs[-2]) if runs[1:] else NOTHING
    return runs


def figures(found: list[Outage]) -> list[float]:
    return [figure for it in found for figure in (it.at_least, it.at_most, it.lost)]


@settings(max_examples=100, deadline=None)
@given(
    st.text(alphabet=". x", min_size=1, max_size=80),
    # An answer at the instant of another check is before or after it, as the plain data is rounded.
    st.floats(0, 0.9).filter(lambda rtt: abs(rtt * 10 - round(rtt * 10)) > 1e-4 or not rtt),
)
def test_outages_can_be_found_again_from_the_plain_data(drawing: str, rtt: float) -> None:
    """The compact series, through JSON and back, holds the same outages."""
    samples = [
        Sample(tick * 0.1, mark == ".", rtt if mark == "." else None, "timeout")
        for tick, mark in enumerate(drawing)
        if mark != " "
    ]
    series = Series(0.1)
    for sample in samples:
        series.add(sample)

    document = json.loads(json.dumps(series.as_dict(), allow_nan=False))

    again, exact = find_outages(read_runs(document)), outages(samples, 0.1)
    assert figures(again) == pytest.approx(figures(exact), abs=1e-5)
    assert [it.error for it in again] == [it.error for it in exact]


def test_equal_results_are_one_run() -> None:
    """A day without loss is one row."""
    series = drawn("." * 10_000)

    assert series.as_dict()["runs"] == [[0.0, 9999.0, 10_000, 0, None, 0.0, 9999.0]]
    assert len(series.timeline.slots) <= MOST_SLOTS


def test_a_flapping_target_stays_small_and_keeps_its_worst() -> None:
    """Short outages are folded into counts; totals stay exact and the longest stays in place."""
    rng = random.Random(1)
    marks = ["." if rng.random() < 0.7 else "x" for _ in range(60_000)]
    marks[30_000:30_050] = "x" * 50
    marks[29_999] = marks[30_050] = marks[0] = marks[-1] = "."
    drawing = "".join(marks)

    series = drawn(drawing, 0.1)
    summary = summarize(series)
    exact = outages((Sample(i / 10, m == ".", 0.0) for i, m in enumerate(drawing)), 0.1)

    assert len(series.runs) <= MOST_RUNS
    assert (summary.lost, summary.count) == (drawing.count("x"), len(exact))
    assert summary.longest == pytest.approx((4.9, 5.1))
    assert any(outage.since[0] == pytest.approx(2999.9) for outage in summary.outages)
    assert summary.before.lost == drawing.count("x")
    duration = 5999.9
    assert summary.availability == pytest.approx(
        (
            1 - sum(outage.at_most for outage in exact) / duration,
            1 - sum(outage.at_least for outage in exact) / duration,
        )
    )


@st.composite
def flapping(draw: st.DrawFn) -> tuple[str, float, float]:
    """Draw a target that flaps, and the instants of a cut and a stop."""
    marks = "".join(
        mark * draw(st.integers(1, most))
        for _ in range(draw(st.integers(10, 40)))
        for mark, most in ((".", 9), ("x", 3))
    )
    instants = [draw(st.floats(0, 1)) * len(marks) for _ in range(2)]
    return marks + ".", min(instants), max(instants)


@settings(max_examples=100, deadline=None)
@given(flapping())
@example((".x.xxx.x.x.xx.x.x.x.x.xx.xx.xx.", 11.25, 15.0))
def test_folding_changes_no_length_of_a_phase(flap: tuple[str, float, float]) -> None:
    """However much is folded, the bounds are those of the whole stream."""
    folded, whole = _fed(flap, {"MOST_RUNS": 12}), _fed(flap, {})

    short, exact = (summarize(series, *flap[1:]) for series in (folded, whole))

    for key in ("failover", "reversion", "worst_during", "worst_after"):
        assert getattr(short, key) == getattr(exact, key), key


@settings(max_examples=100, deadline=None)
@given(flapping())
@example((f"{'.x' * 15}........xx.x...xxx...x.......x{'.x.x......x' * 2}.x.xx.", 61.0, 80.0625))
@example((f"{'.x' * 22}......x.x......{'x.' * 12}xx.", 42.5, 63.75))
@example((f"{'.x' * 19}x...x.x......x.x......{'x.' * 12}..xxx.", 45.5, 68.25))
def test_many_spells_keep_the_first_and_the_longest(flap: tuple[str, float, float]) -> None:
    """Of more spells than are kept, those count that are the longest from loss to loss."""
    folded, whole = _fed(flap, {"MOST_RUNS": 12, "MOST_SPELLS": 4}), _fed(flap, {})

    short, exact = (
        [*series.folded_spells, *find_outages(series.runs)] for series in (folded, whole)
    )

    for since, until, ended in ((flap[1], flap[2], flap[2]), (flap[2], inf, inf)):
        assert time_lost(short, since, until) == time_lost(exact, since, until)
        assert worst_lost(short, since, until, ended) == worst_lost(exact, since, until, ended)


def _fed(flap: tuple[str, float, float], most: dict[str, int]) -> Series:
    drawing, cut, stop = flap
    series = Series(1.0)
    with pytest.MonkeyPatch.context() as patch:
        for name, number in most.items():
            patch.setattr(f"chaosfailover.outages.series.{name}", number)
        _feed(series, drawing, cut, stop)
    return series


def _feed(series: Series, drawing: str, cut: float, stop: float) -> None:
    marks = [cut, stop]
    for tick, mark in enumerate(drawing):
        while marks and marks[0] <= tick:
            series.timeline.mark(marks.pop(0))
        series.add(Sample(float(tick), mark == ".", 0.0 if mark == "." else None, "timeout"))


def test_fifty_seconds_of_flapping_are_not_four() -> None:
    """Folded outages still count for the failover time."""
    series = Series(0.01)
    series.timeline.mark(90.0)
    for tick in range(9_000, 20_000):
        lost = 10_000 <= tick < 15_000 and tick % 6 < 3
        series.add(Sample(tick / 100, not lost, None if lost else 0.001, "timeout"))

    summary = summarize(series, 90.0, 190.0)

    assert series.folded
    assert summary.failover == pytest.approx((49.98, 50.1), abs=0.05)


def test_many_gaps_stay_small_and_keep_the_longest() -> None:
    """Gaps are bounded too, their sum stays exact."""
    series = drawn(".   " * (MOST_GAPS + 100) + ".       .")

    summary = summarize(series)

    assert len(series.gaps) <= MOST_GAPS
    assert summary.unmeasured == 4 * (MOST_GAPS + 100) + 8
    assert summary.longest == (0.0, 8.0)
    assert summary.outages == []


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        pytest.param("....", (1.0, 1.0), id="up"),
        pytest.param("xxxx", (0.0, 0.0), id="down"),
        pytest.param(".x..x......", (0.6, 1.0), id="two samples lost of ten seconds"),
        pytest.param("........xxx", (0.7, 0.8), id="down at the end"),
        pytest.param(".    ......", (0.5, 1.0), id="half of it not measured"),
        pytest.param("x", (0.0, 0.0), id="a single loss"),
        pytest.param("", (0.0, 0.0), id="nothing"),
    ],
)
def test_availability_is_bounded(drawing: str, expected: tuple[float, float]) -> None:
    """Availability counts every uncertainty as down in its lower bound."""
    assert summarize(drawn(drawing)).availability == expected


def test_a_summary_tells_the_phases_apart() -> None:
    """The instants of cut and stop divide baseline, failover and reversion."""
    summary = summarize(drawn("..x...xxx......x..", 1.0, 0.01), cut_at=5.0, stop_at=12.0)

    assert (summary.before.sent, summary.before.lost) == (5, 1)
    assert (summary.during.sent, summary.during.lost) == (7, 3)
    assert (summary.after.sent, summary.after.lost) == (6, 1)
    assert summary.failover == pytest.approx((1.99, 4.01))
    assert summary.reversion == pytest.approx((0.0, 2.01))
    assert (summary.count, summary.accumulated) == (3, 5.0)
    assert summary.errors == {"timeout": 5}


def test_without_a_cut_all_is_baseline() -> None:
    """No phase, no failover."""
    summary = summarize(drawn(".xx."))

    assert (summary.before.lost, summary.during.sent, summary.after.sent) == (2, 0, 0)
    assert (summary.failover, summary.reversion) == (None, None)


def test_an_endless_outage_is_null_in_json() -> None:
    """Infinity is no JSON: an open bound is null."""
    summary = summarize(drawn("..xx"), cut_at=1.5)

    document = json.loads(json.dumps(summary.as_dict(), allow_nan=False))

    assert summary.longest == (1.0, inf)
    assert document["longest"] == {"at_least": 1.0, "at_most": None}
    assert document["failover"] == {"at_least": 1.0, "at_most": None}
    assert document["outages"][0]["since"] == [1.0, 2.0]
    assert document["outages"][0]["ongoing"] is True


def test_round_trips_are_told_by_phase() -> None:
    """A mark divides the time line, so that phases do not mix."""
    series = Series(0.1)
    for tick in range(100):
        if tick == 55:
            series.timeline.mark(5.45)
        series.add(Sample(tick / 10, True, 0.001 if tick < 55 else 0.1))

    summary = summarize(series, cut_at=5.45)

    assert summary.before.rtt is not None
    assert summary.during.rtt is not None
    assert (summary.before.rtt.most, summary.during.rtt.least) == (0.001, 0.1)


@given(st.lists(st.floats(1e-6, 10), min_size=1, max_size=200), st.floats(0.01, 1))
def test_quantiles_are_exact_to_five_percent(values: list[float], share: float) -> None:
    """A histogram's quantile is near the true one."""
    histogram = Histogram()
    for value in values:
        histogram.add(value)

    true = sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]
    assert histogram.quantile(share) == pytest.approx(true, rel=0.05)


def test_slots_double_but_never_cross_a_mark() -> None:
    """However long the run, slots stay few, and a mark stays a border."""
    timeline = Timeline()
    for second in range(5_000):
        if second == 3_333:
            timeline.mark(3_333)
        timeline.add(second, 0.001)

    assert len(timeline.slots) <= MOST_SLOTS
    assert sum(slot.sent for slot in timeline.slots) == 5_000
    assert all(not slot.since < 3_333 < slot.until for slot in timeline.slots)
    assert timeline.between(3_333, 5_000).count == 5_000 - 3_333


def test_time_at_the_end_without_checks_is_not_measured() -> None:
    """A prober that dies in the cut has not seen the rest of it."""
    series = drawn("." * 10)
    series.end(100.0)

    summary = summarize(series, cut_at=5.0, stop_at=90.0)

    assert series.gaps == [Gap(9.0, 100.0)]
    assert (summary.unmeasured, summary.duration) == (91.0, 100.0)
    assert summary.unseen_during == 81.0
    assert summary.availability == pytest.approx((0.09, 1.0))


def test_end_right_after_the_last_check_is_no_gap() -> None:
    """The next one was not due yet, or just so."""
    series = drawn("." * 10)
    series.end(10.5)

    assert series.gaps == []
