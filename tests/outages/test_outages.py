"""
The bounds of outages, for any length and phase.
"""

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import outages, picture

from chaosfailover.outages.outage import Length, Outage, longest
from chaosfailover.outages.samples import Sample


def lengths(found: list[Outage]) -> list[tuple[float, float]]:
    """
    Return the bounds, without the dust of floating point.
    """
    return [(round(outage.at_least, 9), round(outage.at_most, 9)) for outage in found]


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        pytest.param("", [], id="nothing sent"),
        pytest.param(".....", [], id="all answered"),
        pytest.param("..x..", [(0.0, 2.0)], id="one sample lost"),
        pytest.param("..xx.", [(1.0, 3.0)], id="one outage of two samples"),
        pytest.param(".xxxx.", [(3.0, 5.0)], id="one outage of four samples"),
        pytest.param(".x.xx.", [(0.0, 2.0), (1.0, 3.0)], id="two outages"),
        pytest.param("xx..", [(1.0, inf)], id="open at the start"),
        pytest.param("..xx", [(1.0, inf)], id="open at the end"),
        pytest.param("xxx", [(2.0, inf)], id="open at both ends"),
        pytest.param(".xx     xxx.", [(2.0, 11.0)], id="a long gap may hide a recovery"),
        pytest.param(".     xx.", [(1.0, 8.0)], id="a gap before widens at_most"),
        pytest.param(".xx     .", [(1.0, 8.0)], id="a gap after widens at_most"),
        pytest.param(".x x.", [(2.0, 4.0)], id="one sample not sent is no gap"),
        pytest.param("..     ..", [], id="a gap is not an outage"),
    ],
)
def test_pictures(drawing: str, expected: list[tuple[float, float]]) -> None:
    """Bounds run from loss to loss and from success to success."""
    assert lengths(outages(picture(drawing), 1.0)) == expected


def test_a_short_gap_adds_nothing_to_at_least() -> None:
    """A hiccup of the prober within an outage widens the bounds by its length, and no more."""
    assert lengths(outages(picture(".xx   xx.", 0.1), 0.1)) == [(0.2, 0.8)]


def test_an_outage_says_where_it_lies_and_what_was_lost() -> None:
    """An outage carries its windows, its losses and the first kind of failure."""
    samples = [
        Sample(0.0, True, 0.0),
        Sample(1.0, False, error="timeout"),
        Sample(2.0, False, error="refused"),
        Sample(3.0, True, 0.0),
    ]

    assert outages(samples, 1.0) == [
        Outage(1.0, 3.0, lost=2, error="timeout", since=(0.0, 1.0), until=(2.0, 3.0))
    ]


def test_open_ends_are_said() -> None:
    """An outage at either end of the series says that it is open there."""
    first, last = outages(picture("x..x"), 1.0)

    assert (first.began_before, first.ongoing) == (True, False)
    assert (last.began_before, last.ongoing) == (False, True)


def test_an_outage_that_goes_on_is_measured_up_to_now() -> None:
    """While it goes on, an outage has a length so far."""
    (outage,) = outages(picture("..xx"), 1.0, now=3.5)

    assert (outage.at_least, outage.at_most, outage.ongoing) == (1.0, 2.5, True)


def test_samples_are_judged_by_send_time() -> None:
    """The order in which results come in changes nothing."""
    samples = picture("..xx..x.")

    assert outages(reversed(samples), 1.0) == outages(samples, 1.0)


def test_a_slow_answer_ends_an_outage_when_it_came() -> None:
    """A reply that was held back shows that the path was up at its arrival, not before."""
    samples = [*picture(".x"), Sample(2.0, True, 0.8), Sample(3.0, True, 0.1)]

    assert lengths(outages(samples, 1.0)) == [(0.0, 2.8)]


def test_the_earliest_answer_ends_an_outage() -> None:
    """A quick reply to a later sample beats a slow one to an earlier."""
    samples = [*picture(".x"), Sample(2.0, True, 0.9), Sample(2.1, True, 0.1)]

    assert lengths(outages(samples, 1.0)) == [(0.0, 2.2)]


def test_answers_that_waited_do_not_split_an_outage() -> None:
    """A success answered only after the next loss may have waited for the same outage's end."""
    samples = [*picture(".xx"), Sample(3.0, True, 2.5), *picture("    xx.")]

    assert lengths(outages(samples, 1.0)) == [(1.0, 6.0)]


def test_a_check_in_flight_at_the_cut_does_not_stretch_at_least() -> None:
    """The first loss may have been sent before the cut, by as much as a check usually takes."""
    samples = [
        Sample(0.0, True, 0.25),
        Sample(1.0, True, 0.2),
        Sample(2.0, False),
        Sample(3.0, False),
        Sample(4.0, True, 0.0),
    ]

    assert lengths(outages(samples, 1.0)) == [(0.75, 3.0)]


def test_a_late_refusal_tells_nothing_of_the_time_before() -> None:
    """The path may have been up until shortly before the failure was heard of."""
    samples = [*picture("."), Sample(1.0, False, spent=0.4), Sample(2.0, False), *picture("   .")]

    assert lengths(outages(samples, 1.0)) == [(0.6, 3.0)]


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        pytest.param("....", (0.0, 0.0), id="none"),
        pytest.param(".xx..xxx.", (2.0, 4.0), id="the longer"),
        pytest.param(".xx..x", (1.0, inf), id="one without an end is the longest"),
    ],
)
def test_longest(drawing: str, expected: tuple[float, float]) -> None:
    """The longest outage is the worst of each bound."""
    assert longest(outages(picture(drawing), 1.0)) == expected


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Sample], float, tuple[float, float]]:
    """
    Draw a stream through one true outage: jittered sends, some left out, answers that take time.

    A check fails if the path is down at any moment while it is under way. Checks take equally long
    until the outage: how long a lost one would have taken is told by those before it.
    """
    interval = draw(st.sampled_from([0.01, 0.05, 0.1, 0.5]))
    count = draw(st.integers(3, 60))
    unit = st.floats(0, 1, allow_nan=False)
    down = draw(unit) * count * interval
    up = down + draw(unit) * count * interval
    slowest = draw(unit) * 0.99 * interval
    samples = [Sample(-interval, True, slowest)] if down > 0 else []
    for tick in range(count):
        if draw(st.integers(0, 9)) == 0:
            continue
        at = (tick + draw(unit) * 0.9) * interval
        rtt = slowest if at < down else draw(unit) * slowest
        lost = at < up and at + rtt >= down
        samples.append(Sample(at, not lost, None if lost else rtt))
    return samples, interval, (down, up)


@settings(max_examples=400, deadline=None)
@given(streams())
def test_bounds_hold_any_true_outage(
    stream: tuple[list[Sample], float, tuple[float, float]],
) -> None:
    """For any outage, phase and jitter, the bounds contain the truth."""
    samples, interval, (down, up) = stream

    found = outages(samples, interval)

    assert len(found) <= 1
    for outage in found:
        assert outage.at_least - 1e-9 <= up - down <= outage.at_most + 1e-9
        assert outage.since[0] <= down + 1e-9
        assert outage.until[0] <= up + 1e-9 <= outage.until[1] + 2e-9


@settings(max_examples=200, deadline=None)
@given(
    interval=st.sampled_from([0.01, 0.1, 0.5]),
    phase=st.floats(0, 1, exclude_max=True),
    length=st.floats(0, 20),
)
def test_an_even_stream_is_exact_to_two_intervals(
    interval: float, phase: float, length: float
) -> None:
    """With even sends and instant answers the bounds are (n-1)p and (n+1)p."""
    down, up = (5 + phase) * interval, (5 + phase + length) * interval
    samples = [Sample(tick * interval, not down <= tick * interval < up, 0.0) for tick in range(40)]

    found = outages(samples, interval)

    lost = sum(not sample.ok for sample in samples)
    even = [(round((lost - 1) * interval, 9), round((lost + 1) * interval, 9))]
    assert lengths(found) == (even if lost else [])
    assert longest(found).at_least <= up - down + 1e-9


def test_a_length_reads_as_two_numbers() -> None:
    """A length is a pair with names."""
    assert Length(1.0, 3.0) == (1.0, 3.0)
