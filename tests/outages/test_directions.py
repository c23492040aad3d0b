"""
Directions: losses by their way, each way with bounds of its own.
"""

from itertools import groupby

import pytest

from chaosfailover.outages.cut_details import Phases, shares, ways
from chaosfailover.outages.directions import MOST_REPORTED, Directions, spread, squeezed
from chaosfailover.outages.flow import Flow
from chaosfailover.outages.outage import find_outages
from chaosfailover.outages.sample_code import SampleDecoder, SampleEncoder
from chaosfailover.outages.samples import Sample
from chaosfailover.outages.series import Series
from chaosfailover.outages.summary import summarize


def walked(drawing: str, flow: Flow | None = None, code: SampleEncoder | None = None) -> Flow:
    """
    Make a flow of a time pattern: `.` answered, `o` lost out, `b` lost back, `u` not known, `r`
    refused. The answer after losses tells of them.
    """
    flow = flow or Flow(1.0)
    for tick, mark in enumerate(drawing):
        at, ok = float(tick), mark == "."
        sample = Sample(at, ok, 0.0, spent=0.0) if ok else Sample(at, False, None, kind(mark))
        if ok:
            fates = drawing[:tick][len(drawing[:tick].rstrip("obur")) :].replace("r", "")
            flow.begin_directions().tell(fates)
            if code:
                code.tell(fates)
        flow.add(code.encode(sample) if code else sample)
    return flow


def kind(mark: str) -> str:
    return "refused" if mark == "r" else "timeout"


def lengths(series: Series) -> list[tuple[float, float]]:
    return [(it.at_least, it.at_most) for it in find_outages(series.runs)]


@pytest.mark.parametrize(
    ("drawing", "out", "back", "not_known"),
    [
        pytest.param("....", [], [], 0, id="nothing lost"),
        pytest.param("..ooo..", [(2.0, 4.0)], [], 0, id="out"),
        pytest.param("..bbb..", [], [(2.0, 4.0)], 0, id="back"),
        pytest.param("..uuu..", [], [], 3, id="not covered"),
        pytest.param("..rrr..", [], [], 3, id="refused"),
        pytest.param("..obb..", [(0.0, 4.0)], [(1.0, 4.0)], 0, id="out, then back"),
        pytest.param("..o.b..", [(0.0, 2.0)], [(0.0, 2.0)], 0, id="one each"),
        pytest.param("..ooo", [], [], 0, id="not yet known"),
    ],
)
def test_losses_are_told_apart(
    drawing: str, out: list[object], back: list[object], not_known: int
) -> None:
    """Each way has outages of its own; what is not known is in neither."""
    flow = walked(drawing)

    assert flow.directions is not None
    assert lengths(flow.directions.out) == out
    assert lengths(flow.directions.back) == back
    assert flow.directions.not_known == not_known
    assert flow.series.lost == sum(mark != "." for mark in drawing)


def test_nothing_is_known_of_the_way_back_while_the_way_out_is_lost() -> None:
    """It is a gap, which bounds what may have been lost there."""
    flow = walked("....ooooo....")
    row = ways([flow], summarize(flow.series, 3.5, 11.0), Phases(3.5, 11.0))["directions"]

    assert isinstance(row, dict)
    assert row["out"]["failover"] == {"at_least": 4.0, "at_most": 5.5}
    assert (row["back"]["failover"], row["back"]["unseen_during"]) == (None, 5.5)
    assert (row["out"]["lost_during"], row["back"]["lost_during"]) == (5, 0)
    assert (row["not_known_during"], row["not_known_after"]) == (0, 0)


def test_losses_without_a_report_wait_in_bounded_memory() -> None:
    """The oldest that no report can cover any more are not known."""
    directions = Directions(1.0)
    for tick in range(MOST_REPORTED + 10):
        directions.add(Sample(float(tick), False, None, "timeout"), tick)

    assert len(directions.waiting) == MOST_REPORTED
    assert directions.waiting[0] == 10
    assert directions.not_known == 10


def test_end_leaves_what_waits_not_known() -> None:
    """What no answer told of is in neither way."""
    flow = walked("..ooo")
    flow.end(7.0)

    assert flow.directions is not None
    assert flow.directions.not_known == 3
    assert flow.directions.out.lost == flow.directions.back.lost == 0
    assert [gap.until for gap in flow.directions.out.gaps] == [7.0]


@pytest.mark.parametrize("drawing", ["..obb.bu.oo..", "...o" + "b" * 30 + "...", ".r.o."])
def test_text_tells_the_directions(drawing: str) -> None:
    """Whoever reads the evidence file sees the same ways."""
    code = SampleEncoder(1.0)
    live = Flow(1.0)
    code.open(0.5, 40_000)
    live.open(0.5, 40_000)
    walked(drawing, live, code)
    code.close(5.5, "reset")
    live.close(5.5, "reset")
    decoder = SampleDecoder(1.0)
    decoder.read(code.take())

    assert decoder.flow.directions is not None
    assert live.directions is not None
    assert decoder.flow.series.as_dict() == live.series.as_dict()
    assert decoder.flow.connections == live.connections
    for name, series in live.directions.ways.items():
        assert decoder.flow.directions.ways[name].as_dict() == series.as_dict()
    assert decoder.flow.directions.not_known == live.directions.not_known


def test_text_after_a_loss_of_text_tells_the_directions_again() -> None:
    """What was lost with the text is not known; what follows is."""
    code, decoder = SampleEncoder(1.0), SampleDecoder(1.0)
    flow = walked("..oo", code=code)
    decoder.read(code.take())
    decoder.lose()
    code.begin_anew()
    code.tell("oo")
    code.encode(Sample(4.0, True, 0.0))
    code.encode(Sample(5.0, False, None, "timeout"))
    code.tell("b")
    code.encode(Sample(6.0, True, 0.0))
    decoder.read(code.take())

    assert flow.directions is not None
    told = decoder.flow.directions
    assert told is not None
    assert (told.lost_out, told.lost_back, told.not_known) == (0, 1, 2)


@pytest.mark.parametrize("text", ["!=x3;", "!=o;", "!=o99999;", "!=3o;", "!+x,1;", "!+1.0,x;"])
def test_what_no_encoder_writes_is_refused(text: str) -> None:
    """Damage is noticed, and fills no memory."""
    with pytest.raises(ValueError, match=r"tells|invalid literal|could not convert"):
        SampleDecoder(1.0).read(f"@0;{text}")


def test_fates_are_written_in_runs() -> None:
    """A long outage takes a few characters."""
    fates = "o" * 300 + "b" + "u" * 12

    assert squeezed(fates) == "o300b1u12"
    assert spread(squeezed(fates)) == fates
    assert len(list(groupby(fates))) == 3


@pytest.mark.parametrize(
    ("drawing", "share"),
    [
        pytest.param("....xx.x..xxxx......", {"lost": 7, "sent": 10}, id="a share"),
        pytest.param("....xxxxx...........", {"lost": 5, "sent": 5}, id="all"),
        pytest.param("....................", None, id="nothing"),
    ],
)
def test_share_of_the_checks_lost(drawing: str, share: object) -> None:
    """From the first loss to the last, where each check is a connection of its own."""
    series = Series(1.0)
    for tick, mark in enumerate(drawing):
        series.add(Sample(float(tick), mark == ".", 0.0 if mark == "." else None, "timeout"))

    assert shares(series, Phases(3.5)) == {"share": share, "share_back": None}


@pytest.mark.parametrize(
    ("drawing", "during", "after"),
    [
        pytest.param("....xxxxxxx.........", (4, 4), (3, 3), id="all"),
        pytest.param("....xx.x..x.x.......", (3, 4), (2, 3), id="a share"),
        pytest.param("......x.x...........", (1, 1), (1, 1), id="one and one"),
    ],
)
def test_outage_that_the_stop_finds_counts_in_each_phase(
    drawing: str, during: tuple[int, int], after: tuple[int, int]
) -> None:
    """Each check counts once, in the phase in which it was sent."""
    series = Series(1.0)
    for tick, mark in enumerate(drawing):
        series.add(Sample(float(tick), mark == ".", 0.0 if mark == "." else None, "timeout"))

    assert shares(series, Phases(3.5, 7.5)) == {
        "share": dict(zip(("lost", "sent"), during, strict=True)),
        "share_back": dict(zip(("lost", "sent"), after, strict=True)),
    }
