"""
When the losses of a cut began and were over, in a target's part of the journal.
"""

from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest
from pictures import picture

from chaosfailover.outages.first_loss import FirstLoss, first_loss
from chaosfailover.outages.flow import Flow
from chaosfailover.outages.measured import CutWindow, Origin, target_entry

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ABOUT: dict[str, object] = {"target": "t", "url": "udp://t", "persistent": False, "timeout": 0.5}
Bounds = list[float | None] | None


def checked(drawing: str, unjudged: int = 0) -> Flow:
    """Return a flow with a check a second, of which some more had no result."""
    drawn = Flow(1.0)
    for sample in picture(drawing):
        drawn.add(sample)
    drawn.unjudged = unjudged
    return drawn


def cut(drawing: str, cut_at: float, stop_at: float | None, unjudged: int = 0) -> dict[str, Any]:
    """Return the entry of a cut of a target, of which a check a second is drawn."""
    windows = [CutWindow("drill", cut_at, stop_at, stop_sent=True)]
    entry: Any = target_entry(ABOUT, [checked(drawing, unjudged)], windows, Origin(0.0, BEGAN))
    (only,) = entry["cuts"]
    return {key: only[key] and _seconds(only[key]) for key in ("loss", "loss_back")}


def _seconds(loss: dict[str, dict[str, str | None]]) -> Bounds:
    bounds = (loss[edge][end] for edge in ("since", "until") for end in ("earliest", "latest"))
    return [
        None if at is None else (datetime.fromisoformat(at) - BEGAN) / timedelta(seconds=1)
        for at in bounds
    ]


@pytest.mark.parametrize(
    ("drawing", "stop", "loss", "loss_back"),
    [
        pytest.param("." * 20, 15.5, None, None, id="nothing was lost"),
        pytest.param("...xx...........", 14.5, [2, 3, 4, 5], None, id="there"),
        pytest.param("..........xx.......", 9.5, None, [9, 10, 11, 12], id="back"),
        pytest.param(
            "...xxxxxx.......", 6.5, [2, 3, None, None], [2, 3, 8, 9], id="open at the stop"
        ),
        pytest.param("...xxxxxxx", None, [2, 3, 9, None], None, id="open at the end"),
        pytest.param("xxx........", 9.5, [None, 0, 2, 3], None, id="lost from the beginning on"),
    ],
)
def test_loss_has_four_bounds(
    drawing: str, stop: float | None, loss: Bounds, loss_back: Bounds
) -> None:
    """One that the stop found open was not over before it."""
    assert cut(drawing, 1.5, stop) == {"loss": loss, "loss_back": loss_back}


def test_bounds_of_a_share_reach_further() -> None:
    """The success before the first loss does not show that all paths were up."""
    since, _, until, over = cut("." * 20 + "x.x.xx..x.x" + "." * 60, 10.5, 80.5)["loss"]

    assert since < 19
    assert until == 30
    assert over > 31


@pytest.mark.parametrize(
    ("drawing", "loss"),
    [
        pytest.param("..." + "x" * 8 + "." * 9, [2, 3.5, 10, 11], id="total loss"),
        pytest.param("..." + "x" * 7 + "." * 9, None, id="too short for that"),
        pytest.param("..." + "xxxxx.xxxxx" + "." * 9, None, id="a share"),
    ],
)
def test_checks_without_result_hide_what_may_be_a_share(drawing: str, loss: Bounds) -> None:
    """They may have been lost, and answers may have been late, since this process was starved."""
    assert cut(drawing, 1.5, 19.5, unjudged=1)["loss"] == loss


def test_flows_have_the_loss_of_all() -> None:
    """From the first that is lost to the last that is back; one that lost nothing says nothing."""
    flows = [checked("...xx......"), checked("....xxx....")]

    loss = first_loss([*flows, checked("...........")], 1.5, inf, timeout=0.5)
    open_end = first_loss([*flows, checked("....xxxxxxx")], 1.5, inf, timeout=0.5)

    assert loss == FirstLoss((2, 3), (6, 7))
    assert open_end
    assert open_end.until[1] == inf


@pytest.mark.parametrize(
    ("drawing", "latest"),
    [
        pytest.param(".." + "   " + "....." + "xxx" + "." * 9, 10.0, id="long before"),
        pytest.param("......" + "   " + "." + "xxx" + "." * 9, 10.5, id="near"),
        pytest.param("......" + "   " + "xxx" + "." * 9, 9.5, id="within"),
    ],
)
def test_answer_near_a_gap_may_have_been_late(drawing: str, latest: float) -> None:
    """A machine that sends nothing for a while does not answer as usual either."""
    bounds = cut(drawing, 1.5, 19.5)["loss"]

    assert bounds[1] == latest
