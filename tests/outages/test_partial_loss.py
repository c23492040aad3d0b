"""
The bounds of outages that lose only a share of the checks.
"""

import json
import random
from math import inf
from typing import NamedTuple

import pytest
from pictures import encode, outages, picture

from chaosfailover.outages.flapping import Spell, spells, time_lost, worst_lost
from chaosfailover.outages.outage import Outage, find_outages
from chaosfailover.outages.partial_loss import MOST, Cadence, run_on
from chaosfailover.outages.samples import Sample
from chaosfailover.outages.series import Series
from chaosfailover.outages.summary import summarize

GOOD = "." * 200
LOSSY = "x.xx..x...x.xx.x..xxx.x"


def lost(samples: list[Sample], since: float = -inf, until: float = inf) -> tuple[float, float]:
    """
    Return the bounds of the first loss of a phase, without the dust of floating point.
    """
    encoded = encode(samples, 1.0)
    cadence = Cadence(1.0, samples[0].at, samples[-1].at, tuple(encoded.gaps))
    length = time_lost(find_outages(encoded.runs), since, until, cadence)
    assert length is not None
    return round(length.at_least, 9), round(length.at_most, 9)


@pytest.mark.parametrize(
    ("drawing", "checks"),
    [
        pytest.param("x", 1, id="a single loss shows no share"),
        pytest.param("xx", 1, id="two in a row count as total loss"),
        pytest.param("x" * 40, 1, id="total loss"),
        pytest.param("x.x", MOST, id="two losses leave every share open"),
        pytest.param("xxxxxxxxx.x", 6, id="one success among ten losses"),
        pytest.param(LOSSY, 18, id="half of them, 23 checks"),
        pytest.param("xx.x..x.x." * 20, 13, id="half of them, 200 checks"),
        pytest.param("x...x..x....x.." * 20, 29, id="a quarter, 300 checks"),
        pytest.param("x" * 30 + "..." + "x" * 30, 3, id="total loss twice"),
    ],
)
def test_pictures(drawing: str, checks: int) -> None:
    """The fewer checks were lost, the more uncertain is the share, and the wider are the bounds."""
    span = len(drawing.rstrip("."))

    assert lost(picture(GOOD + drawing + GOOD)) == (span - 1, span - 1 + 2 * checks)


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        pytest.param(GOOD + LOSSY + "...", (22, 22 + 18 + 3), id="it ends in the run-on"),
        pytest.param("..." + LOSSY + GOOD, (22, 22 + 18 + 3), id="it begins in the run-on"),
        pytest.param(GOOD + LOSSY + "xx", (24, inf), id="the last check was lost"),
        pytest.param(GOOD + LOSSY + "." + " " * 9 + GOOD, (22, 22 + 36 + 10), id="a gap within"),
        pytest.param(GOOD + LOSSY + "." * 20 + " " * 9 + GOOD, (22, 22 + 36), id="a gap beyond"),
        pytest.param(GOOD + LOSSY.replace("..", " .") + GOOD, (22, 53.9), id="one not sent"),
    ],
)
def test_the_run_on_counts_checks(drawing: str, expected: tuple[float, float]) -> None:
    """It ends with the measurement, and time without checks comes on top."""
    assert lost(picture(drawing)) == expected


class Truth(NamedTuple):
    """
    An outage that stalls a share of the flows from one instant to another.
    """

    since: float
    until: float
    share: float


def simulated(rng: random.Random, share: float) -> tuple[list[Sample], Truth, float]:
    """
    Check a target before, in and after an outage of random length and phase; a check is a flow.

    A check is hit if the outage is on at any moment of it. Each is as long as those before.
    """
    interval = rng.choice([0.02, 0.1, 0.25])
    since = (10 + rng.random()) * interval
    truth = Truth(since, since + rng.uniform(3, 100) * interval, share)
    rtt = rng.choice([0.0, 0.3]) * interval
    samples = []
    for tick in range(120):
        at = (tick + rng.random() * 0.05) * interval
        hit = at + rtt >= truth.since and at < truth.until and rng.random() < share
        samples.append(Sample(at, not hit, None if hit else rtt))
    return samples, truth, interval


def shows_a_share(outage: Outage) -> bool:
    """
    Tell whether a check between two lost ones was answered.
    """
    first, last = outage.counts or pytest.fail("no counts")
    return last.runs > first.runs


def holds(bounds: Outage, truth: Truth) -> bool:
    within = bounds.at_least <= truth.until - truth.since <= bounds.at_most
    began = bounds.since[0] <= truth.since <= bounds.since[1]
    return within and began and bounds.until[0] <= truth.until <= bounds.until[1]


def measured(samples: list[Sample], interval: float) -> list[Spell]:
    encoded = encode(samples, interval)
    cadence = Cadence(interval, samples[0].at, samples[-1].at)
    return spells(find_outages(encoded.runs), -inf, inf, cadence)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.3, 0.5, 0.75, 0.9])
def test_bounds_hold_the_truth_of_partial_loss(share: float) -> None:
    """Of 200 outages that show a share none is missed; from loss to loss at least a tenth is."""
    rng = random.Random(f"share {share}")
    seen = missed = missed_before = 0
    while seen < 200:
        samples, truth, interval = simulated(rng, share)
        for spell in measured(samples, interval):
            if shows_a_share(spell.losses):
                seen += 1
                missed += not holds(spell.bounds, truth)
                missed_before += not holds(spell.losses, truth)

    assert missed == 0
    assert missed_before > 0.1 * seen


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("busy", ["the end", "the beginning"])
def test_checks_that_were_not_judged_may_have_been_lost(share: float, busy: str) -> None:
    """A busy machine fails to judge the lost checks of a part of an outage, and only those."""
    rng = random.Random(f"share {share} {busy}")
    missed = missed_without = seen = 0
    for _ in range(300):
        samples, truth, interval = simulated(rng, share)
        middle = (truth.since + truth.until) / 2
        of = {"the end": (middle, inf), "the beginning": (0.0, middle)}
        series = Series(interval)
        for sample in samples:
            is_busy = of[busy][0] <= sample.at < of[busy][1]
            if is_busy and not sample.ok:
                series.skip()
            else:
                series.add(sample)
        lost = find_outages(series.runs)
        blind = series.cadence._replace(doubts=())
        found = spells(lost, -inf, inf, series.cadence)
        if found and shows_a_share(found[0].losses):
            seen += 1
            missed += not holds(found[0].bounds, truth)
            missed_without += not holds(spells(lost, -inf, inf, blind)[0].bounds, truth)

    assert seen > 100
    assert missed <= seen * 0.01
    assert missed_without > seen * 0.1


def test_bounds_of_total_loss_are_those_from_loss_to_loss() -> None:
    """Where everything is lost, nothing is widened, and every outage is held."""
    rng = random.Random("total")
    for _ in range(100):
        samples, truth, interval = simulated(rng, 1.0)

        (spell,) = measured(samples, interval)

        assert spell.bounds == spell.losses
        assert spell.bounds.at_most == outages(samples, interval)[0].at_most
        assert holds(spell.bounds, truth)


def test_a_path_that_fails_in_full_twice_is_hardly_widened() -> None:
    """Few and long runs of losses are no partial loss: the path was up in between."""
    drawing = "x" * 30 + "." * 30 + "x" * 10
    samples = [it._replace(at=it.at / 10) for it in picture(GOOD + drawing + GOOD)]
    found = outages(samples, 0.1)

    (spell,) = spells(found, -inf, inf, Cadence(0.1))

    assert spell.bounds.at_most == pytest.approx(spell.losses.at_most + 2 * 2 * 0.1)


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        pytest.param(LOSSY + "." * 10 + "x", (22, 33 + 54), id="within the run-on"),
        pytest.param("x" + "." * 10 + LOSSY, (22, 33 + 54), id="before it"),
        pytest.param("x" * 9 + "." * 10 + "x", (8, 10), id="after total loss it is another"),
    ],
)
def test_a_loss_near_partial_loss_may_belong_to_it(
    drawing: str, expected: tuple[float, float]
) -> None:
    """Losses that may be one outage or two are one in at_most, two in at_least."""
    assert lost(picture(GOOD + drawing + GOOD)) == expected


def test_a_phase_begins_with_the_cut() -> None:
    """The run-on does not reach back beyond the cut, and stray losses before it do not count."""
    samples = picture("." * 100 + "x" + "." * 99 + LOSSY + GOOD)

    assert lost(samples, since=198.5) == (22, 222 + 18 - 198.5)


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        pytest.param(225.0, None, id="lost less than 5 s before it"),
        pytest.param(239.0, None, id="the bound goes on"),
        pytest.param(240.0, (22, 222 + 18 - 199.5), id="over"),
    ],
)
def test_partial_loss_counts_in_full_once_it_is_over(
    stop: float, expected: tuple[float, float] | None
) -> None:
    """So many good checks may be chance: until they have passed, it may go on."""
    encoded = encode(picture(GOOD + LOSSY + "." * 40), 1.0)
    cadence = Cadence(1.0, 0.0, 400.0)

    worst = worst_lost(find_outages(encoded.runs), 199.5, stop, stop, cadence)

    assert worst == expected


def test_a_summary_holds_partial_loss() -> None:
    """Failover and reversion time of a series run on; its single outages do not."""
    series = Series(1.0)
    for sample in picture(GOOD + LOSSY + GOOD):
        series.add(sample)

    summary = summarize(series, 199.5, 300.0)

    assert summary.failover == summary.worst_during == (22, 222 + 18 - 199.5)
    assert summary.longest == (2, 4)
    assert "counts" not in json.dumps(summary.as_dict())


@pytest.mark.parametrize("lost_checks", [2, 5, 50])
def test_the_run_on_is_one_check_for_total_loss_and_never_beyond_the_most(lost_checks: int) -> None:
    """The run-on grows with the share of successes."""
    grown = [run_on(lost_checks, passed, 2) for passed in (1, 10, 1000)]

    assert run_on(lost_checks, 0, 1) == 1
    assert 1 < min(grown) <= max(grown) <= MOST
