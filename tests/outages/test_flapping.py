"""
Flapping: spells of losses, and the time lost in a phase.
"""

from math import inf

import pytest
from pictures import encode, outages, picture

from chaosfailover.outages.flapping import time_lost, time_unseen, worst_lost
from chaosfailover.outages.outage import find_outages
from chaosfailover.outages.samples import Gap


@pytest.mark.parametrize(
    ("drawing", "since", "until", "expected"),
    [
        pytest.param("..........", 2, 8, None, id="no loss"),
        pytest.param(".x........", 3, 8, None, id="loss before the phase"),
        pytest.param(".........x.", 3, 8, None, id="loss after the phase"),
        pytest.param("...xx.....", 2, 8, (1.0, 3.0), id="loss in the phase"),
        pytest.param("...xx.....", 2.5, 8, (1.0, 2.5), id="not before the phase"),
        pytest.param("...xx.x...", 2, 9, (3.0, 5.0), id="a flap belongs to it"),
        pytest.param("...xx.......x.", 2, 13, (1.0, 3.0), id="a later loss does not"),
        pytest.param(".xxxxxxxx.", 3, 6, (5.0, 6.0), id="down before the phase and after"),
        pytest.param("...xxxxxxx", 2, 6, (6.0, inf), id="without end"),
    ],
)
def test_time_lost(
    drawing: str, since: float, until: float, expected: tuple[float, float] | None
) -> None:
    """Failover and reversion time run from the first loss in their phase to lasting recovery."""
    assert time_lost(outages(picture(drawing), 1.0), since, until) == expected


@pytest.mark.parametrize(
    ("drawing", "since", "until", "expected"),
    [
        pytest.param("..........", 2, 8, None, id="no loss"),
        pytest.param("...xx......", 2, 10, (1.0, 3.0), id="the only one"),
        pytest.param("...xx.....", 2, 9, None, id="up again for less than the hold"),
        pytest.param("..x......xxxx......", 1, 18, (3.0, 5.0), id="a later, longer one"),
        pytest.param("..x......xxxx...", 1, 15, (0.0, 2.0), id="a later, longer one is not over"),
        pytest.param("..xxx......x.......", 1, 18, (2.0, 4.0), id="a later, shorter one"),
        pytest.param("..x......x.x.x.....", 1, 19, (4.0, 6.0), id="a later flap"),
        pytest.param("..x......xxxxxx.", 1, 12, (0.0, 2.0), id="what the stop found open is not"),
        pytest.param("...xxxxxxx", 2, 6, None, id="nothing had ended"),
    ],
)
def test_worst_lost(
    drawing: str, since: float, until: float, expected: tuple[float, float] | None
) -> None:
    """A later loss of a phase may be longer than the first."""
    found = outages(picture(drawing), 1.0)

    assert worst_lost(found, since, until, ended_by=until) == expected


@pytest.mark.parametrize(
    ("drawing", "since", "until", "expected"),
    [
        pytest.param(".........", 2, 8, 0.0, id="no gap"),
        pytest.param("....   ..", 2, 8, 4.0, id="a gap and no loss"),
        pytest.param("....   ..", 2, 5, 2.0, id="not beyond the phase"),
        pytest.param(".   .....", 5, 8, 0.0, id="not before the phase"),
        pytest.param("..x   x..", 1, 8, 0.0, id="the outage's own bounds hold the gap"),
        pytest.param("..x.   ..", 1, 8, 6.0, id="near a loss it may belong to it"),
        pytest.param("..x.......   ..", 1, 14, 4.0, id="far from a loss it does not"),
    ],
)
def test_time_unseen(drawing: str, since: float, until: float, expected: float) -> None:
    """In a gap, the path may have been down."""
    encoded = encode(picture(drawing), 1.0)

    found = find_outages(encoded.runs)

    assert time_unseen(found, encoded.gaps, since, until) == expected


def test_short_gaps_do_not_add_up() -> None:
    """A busy machine leaves many short gaps, and none of them is near enough to the next."""
    found = outages(picture(".x......"), 0.1)
    gaps = [Gap(float(at), at + 0.3) for at in range(2, 8)]

    assert time_unseen(found, gaps, 0, 8) == pytest.approx(0.3)
