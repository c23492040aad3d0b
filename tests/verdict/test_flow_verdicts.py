"""
What is said of a target whose flows were measured apart: the worst flow decides, all are counted.
"""

from typing import Any

import pytest
from made_flows import flow, with_flows

from chaosfailover.record import make_record
from chaosfailover.record.digest import misfit
from chaosfailover.report import FORMATS, render
from chaosfailover.verdict.verdict import judge

WELL = flow()
SHORT, LONG = flow([(10.5, 11.5)]), flow([(10.5, 14.5)])
NEVER = flow(until=0.0)
THREE = [flow([(10.5, 13.5)]), flow([(10.5, 13.6)]), flow([(10.6, 13.5)]), *[WELL] * 5]


def test_lost_flows_are_counted_and_bounded() -> None:
    """From the least lower bound to the greatest upper one; the worst flow is held to the RTO."""
    verdict = judge(with_flows(THREE, rto=4.0))

    assert verdict.verdict == "held"
    assert verdict.reasons == (
        "The hypothesis was met after the method.",
        "portal was down for 2.999 to 3.201 s after the cut of drill, within its RTO of 4 s.",
        "3 of 8 flows of portal were lost for 2.799 to 3.201 s after the cut of drill.",
    )


@pytest.mark.parametrize(
    ("flows", "verdict", "reason"),
    [
        pytest.param(
            [SHORT, LONG, WELL],
            "deviated",
            "portal was down for up to 4.101 s after the cut of drill, longer than its RTO of 3 s.",
            id="the worst is too slow",
        ),
        pytest.param(
            [SHORT, flow([(18.0, 18.5)])],
            "inconclusive",
            "portal had not settled before the cut of drill was stopped",
            id="one had not settled; after the stop nobody knows",
        ),
        pytest.param(
            [SHORT, flow([(12.0, 31.0)])],
            "deviated",
            "portal had been down for 7.999",
            id="one never came back",
        ),
        pytest.param(
            [WELL, flow([(21.0, 25.0)])],
            "deviated",
            "portal was down for up to 4.101 s after the cut of drill was stopped",
            id="the way back of one",
        ),
        pytest.param(
            [SHORT, NEVER], "inconclusive", "portal was checked only 0 times", id="one unchecked"
        ),
        pytest.param([WELL, WELL], "held", "portal lost nothing while drill was on", id="none"),
    ],
)
def test_worst_flow_decides(flows: list[Any], verdict: str, reason: str) -> None:
    """No flow's failure is hidden by those that fared better."""
    judged = judge(with_flows(flows))

    assert judged.verdict == verdict
    assert any(reason in each for each in judged.reasons), judged.reasons


def test_deviation_tells_the_lost_flows_too() -> None:
    """Also where something speaks against the run, and on the way back."""
    judged = judge(with_flows([LONG, flow([(22.0, 23.0)]), WELL]))

    assert judged.verdict == "deviated"
    assert [each for each in judged.reasons if "flows of portal" in each] == [
        "1 of 3 flows of portal were lost for 3.899 to 4.101 s after the cut of drill.",
        "1 of 3 flows of portal were lost for 0.899 to 1.101 s after the cut of drill was stopped.",
    ]


def test_record_holds_every_flow() -> None:
    """With its port, its lengths and its outages; availability is the mean of all."""
    flows = [flow([(12.0, 15.0)], port=40_001), flow(port=40_002)]
    record = make_record(with_flows(flows))
    (recovery,), (target,) = record["recoveries"], record["targets"]

    assert misfit(record) == ""
    assert [each["port"] for each in recovery["flows"]] == [40_001, 40_002]
    assert recovery["flows"][0]["failover"] == recovery["failover"]
    assert recovery["flows"][1]["failover"] is None
    assert (target["flows"], target["sent"], target["lost"]) == (2, 600, 30)
    assert [outage["flow"] for outage in target["outages"]] == [1]
    assert 0.94 < target["availability"]["at_least"] < target["availability"]["at_most"] < 0.96


def test_connections_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """One survived its stall, one was reset after it, one still stalls, one opened too late."""
    survived, was_reset = flow([(12.0, 13.0)]), flow([(12.0, 14.0)])
    was_reset.close(13.5, "reset")
    was_reset.open(14.0, 40_009)
    stalls, late = flow([(19.0, 31.0)]), flow()
    late.connections[0].opened_at = 11.0
    journal = with_flows([survived, was_reset, stalls, late], persistent=True)
    record = make_record(journal)
    flows = record["recoveries"][0]["flows"]

    assert misfit(record) == ""
    assert [each["connection"] for each in flows] == ["survived", "reset", "stalled", "unknown"]
    assert flows[1]["stalled"] == {"at_least": pytest.approx(1.499), "at_most": pytest.approx(1.6)}
    assert [each["connection_back"] for each in flows][:3] == ["survived", "survived", "stalled"]
    assert "1 ended: reset" in render([journal], "markdown")
    assert "1 次" not in capsys.readouterr().out


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("form", FORMATS)
def test_flows_and_directions_are_shown(form: str, language: str) -> None:
    """Every format tells how many flows were lost, and on which way."""
    flows = [flow([(12.0, 13.0)], "out"), flow([], "out"), flow([(12.0, 14.0)], "back")]
    shown = render([with_flows(flows)], form, language)

    words = {
        "en": ("2 of 3 flows", "out 0.8", "back 1.8"),
        "zh": ("3 条流中的 2 条", "去程 0.8", "回程 1.8"),
    }
    if form == "json":
        assert '"directions"' in shown
        return
    for word in words[language]:
        assert word in shown


def test_share_of_connections_is_shown() -> None:
    """Without flows, how many of the checks were lost."""
    lossy = flow([(12.0, 12.05), (12.3, 12.45), (12.8, 12.85)])
    journal = with_flows([lossy], flows=0)
    record = make_record(journal)

    assert misfit(record) == ""
    assert record["recoveries"][0]["share"] == {"lost": 4, "sent": 9}
    assert "4 of 9 checks" in render([journal], "html")
