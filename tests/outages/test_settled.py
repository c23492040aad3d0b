"""
What had settled at the stop, drawn as a pattern in time.
"""

from math import inf

import pytest
from pictures import encode, picture

from chaosfailover.outages.outage import Length, find_outages
from chaosfailover.outages.partial_loss import Cadence
from chaosfailover.outages.series import Series
from chaosfailover.outages.settled import AtStop, at_stop, stand


def at(drawing: str, stop: float | None, cut: float = 1.5, in_effect: float = 2.5) -> AtStop:
    """Tell how a target stood, of which a check a second is drawn."""
    series = Series(1.0)
    for sample in picture(drawing):
        series.add(sample)
    return at_stop(series, cut, in_effect, stop)


@pytest.mark.parametrize(
    ("drawing", "stop", "expected"),
    [
        pytest.param("..........", 7.5, AtStop(True, False, None), id="no loss for 5 s"),
        pytest.param("..........", 7.4, AtStop(False, False, None), id="no loss for less"),
        pytest.param("..xx........", 9.0, AtStop(True, False, None), id="5 s after the last loss"),
        pytest.param(
            "..xx........", 8.9, AtStop(False, False, Length(1.0, 2.5)), id="less than 5 s after it"
        ),
        pytest.param(
            "..xxxxxx....", 6.5, AtStop(False, True, Length(4.5, 5.0)), id="down at the stop"
        ),
        pytest.param(
            "..x..x..x...", 9.5, AtStop(False, False, Length(6.0, 8.0)), id="flapping is one spell"
        ),
        pytest.param("x...........", 7.5, AtStop(True, False, None), id="lost before the cut"),
        pytest.param(".........xx.", 8.5, AtStop(True, False, None), id="lost after the stop"),
        pytest.param("...    ......", 11.9, AtStop(False, False, None), id="unseen 4.9 s before"),
        pytest.param("...    ......", 12.0, AtStop(True, False, None), id="unseen 5 s before"),
        pytest.param("....", 20.0, AtStop(False, False, None), id="not checked until the stop"),
        pytest.param("..........", None, AtStop(True, False, None), id="settled by now"),
        pytest.param("....x.....", None, AtStop(False, False, Length(0.0, 2.0)), id="not by now"),
        pytest.param("....xx", None, AtStop(False, True, Length(1.0, 2.0)), id="down now"),
        pytest.param("", None, AtStop(False, False, None), id="not checked at all"),
    ],
)
def test_target_at_the_stop(drawing: str, stop: float | None, expected: AtStop) -> None:
    """An outage is over after 5 s without a loss, and what was not seen is not over."""
    assert at(drawing, stop) == expected


def test_losses_among_successes_are_over_when_their_bound_is() -> None:
    """A share of the checks may pass for longer than 5 s by chance, the more seldom they are."""
    encoded = encode(picture("." * 10 + "x.xx.x..x.x" + "." * 60), 1.0)

    found = find_outages(encoded.runs)
    cadence = Cadence(1.0, 0.0, 80.0)

    early, late = (stand(found, [], 9.5, 9.5, at, inf, cadence) for at in (27.0, 60.0))

    assert not early.settled
    assert late == AtStop(True, False, None)
