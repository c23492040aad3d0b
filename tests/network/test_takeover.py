"""
The time until another path takes over, forecast by the timers, checks and groups that were read.
"""

import json
import math
from typing import Any

import pytest
from recorded import MISSING
from routed import Routed

from chaosfailover.network.routing import Unread
from chaosfailover.network.survival import RESOURCE_TYPES
from chaosfailover.network.takeover import CUT_PROVES, Takeover, takeover, takeovers

GROUP = {"VbrHaId": "vbrha-1", "VbrId": "vbr-east", "PeerVbrId": "vbr-west", "Status": "Active"}
NONE = {"vbr-east": None}
CEN = "cen-main"
CHECK = {
    "CenId": CEN,
    "VbrInstanceId": "vbr-east",
    "HealthCheckInterval": 2,
    "HealthyThreshold": 8,
    "HealthCheckOnly": False,
}
INTERFACE = {
    "RouterId": "vtb-1",
    "OppositeRouterId": "vbr-east",
    "HealthCheckStatus": "Normal",
    "HcRate": 2000,
    "HcThreshold": 8,
}


def forecast(
    group: str = "ecr-main",
    vbr: dict[str, object] | None = None,
    peer: dict[str, object] | None = None,
    **more: Any,
) -> Takeover:
    """
    Return the forecast of the cut circuit, with fields of its VBR and BGP peer changed.
    """
    routed = Routed(group, more=more).changed(vbr_east=vbr or {}, bgp_east=peer or {})
    return takeover(routed.lost(), routed.need(), routed.routing)


def timers(tx: object, rx: object, multiplier: object) -> dict[str, object]:
    """
    Return the BFD fields of a VBR.
    """
    return {"MinTxInterval": tx, "MinRxInterval": rx, "DetectMultiplier": multiplier}


@pytest.mark.parametrize(
    ("fields", "least", "most"),
    [
        pytest.param(timers(200, 200, 3), 0.4, 3.0, id="the fastest"),
        pytest.param(timers(300, 300, 3), 0.6, 3.0, id="the sample of the API"),
        pytest.param(timers(1000, 1000, 3), 2.0, 3.0, id="the defaults"),
        pytest.param(timers(MISSING, MISSING, MISSING), 2.0, 3.0, id="left out, so the defaults"),
        pytest.param(timers(1000, 1000, 5), 4.0, 5.0, id="five"),
        pytest.param(timers(1000, 1000, 10), 9.0, 10.0, id="the slowest"),
        pytest.param(timers(200, 200, 10), 1.8, 10.0, id="often, and ten times"),
        pytest.param(timers(100, 300, 3), 0.0, None, id="too fast to be true"),
        pytest.param(timers(1001, 300, 3), 0.0, None, id="too slow to be true"),
        pytest.param(timers(300, 300, 2), 0.0, None, id="too few to be true"),
        pytest.param(timers(None, 300, 3), 0.0, None, id="null"),
        pytest.param(timers("300", 300, 3), 0.0, None, id="a text"),
        pytest.param(timers(300, 300.0, 3), 0.0, None, id="a float"),
        pytest.param(timers(300, 300, True), 0.0, None, id="a boolean"),
    ],
)
def test_bfd_is_noticed_by_the_slower_side(
    fields: dict[str, object], least: float, most: float | None
) -> None:
    """From one interval before the VBR's own time, to that of a router at the defaults."""
    detection = forecast(vbr=fields).detection

    assert detection.least == pytest.approx(least)
    assert detection.most == most


@pytest.mark.parametrize(
    ("fields", "least", "most"),
    [
        pytest.param({"Hold": "30", "Keepalive": "10"}, 12.5, 30, id="shown"),
        pytest.param({"Hold": "180", "Keepalive": "60"}, 75, 180, id="slow"),
        pytest.param({"Hold": "30", "Keepalive": MISSING}, 0, 30, id="Keepalive unknown"),
        pytest.param({"Hold": "30", "Keepalive": "40"}, 0, 30, id="Keepalive above Hold"),
        pytest.param({"Hold": "0"}, 0, None, id="no hold time"),
        pytest.param({"Hold": "2"}, 0, None, id="not a hold time"),
        pytest.param({"Hold": "65536"}, 0, None, id="too long to be true"),
        pytest.param({"Hold": MISSING}, 0, None, id="left out"),
        pytest.param({"Hold": "soon"}, 0, None, id="a word"),
        pytest.param({"Hold": -3}, 0, None, id="negative"),
    ],
)
def test_without_bfd_the_hold_time_passes(
    fields: dict[str, object], least: float, most: float | None
) -> None:
    """Silent loss is noticed within three quarters of Hold, less Keepalive, to Hold."""
    detection = forecast(peer={"EnableBfd": False} | fields).detection

    assert (detection.least, detection.most) == (least, most)


@pytest.mark.parametrize("value", [MISSING, None, "true", 1])
def test_unknown_bfd_is_no_forecast(value: object) -> None:
    """Neither BFD nor its absence is assumed."""
    span = forecast(peer={"EnableBfd": value}).detection

    assert (span.least, span.most) == (0, None)


@pytest.mark.parametrize(
    ("groups", "most"),
    [
        pytest.param({"vbr-east": GROUP}, 4.0, id="its own"),
        pytest.param({"vbr-east": None, "vbr-west": GROUP}, 4.0, id="found by the partner"),
        pytest.param({"vbr-east": GROUP | {"Status": "Creating"}}, None, id="not active"),
        pytest.param({"vbr-east": GROUP | {"PeerVbrId": "vbr-far"}}, None, id="no survivor"),
        pytest.param({"vbr-east": GROUP | {"PeerVbrId": None}}, None, id="no partner"),
        pytest.param({"vbr-east": GROUP | {"VbrId": "vbr-far"}}, None, id="not its own"),
        pytest.param(
            {"vbr-east": GROUP, "vbr-west": GROUP | {"VbrId": "vbr-far", "PeerVbrId": "vbr-east"}},
            None,
            id="two, which cannot be",
        ),
        pytest.param({"vbr-east": None}, None, id="none"),
        pytest.param({"vbr-east": Unread("DescribeVbrHa", "NoPermission")}, None, id="unread"),
        pytest.param({}, None, id="not asked"),
    ],
)
def test_failover_group_moves_traffic_within_a_second(groups: Any, most: float | None) -> None:
    """Without a group whose partner survives, no end is known."""
    assert forecast(failover_groups=groups).most == most


def test_failover_group_needs_bfd() -> None:
    """It moves traffic on the loss of BFD."""
    assert forecast(peer={"EnableBfd": False}, failover_groups={"vbr-east": GROUP}).most is None


def test_ecr_without_group_is_documented_to_need_longer() -> None:
    """No end is known, and the reason says which time is documented."""
    (*_, reason) = forecast(failover_groups=NONE).reasons

    assert reason == (
        "pc-east - vbr-east - bgp-east: it has no failover group; an ECR is documented to need "
        "10 s or more without one"
    )


@pytest.mark.parametrize(
    ("check", "least"),
    [
        pytest.param(CHECK, 14, id="the defaults"),
        pytest.param(CHECK | {"HealthCheckInterval": 3, "HealthyThreshold": 3}, 6, id="others"),
        pytest.param(CHECK | {"HealthCheckOnly": True}, math.inf, id="probing only"),
        pytest.param(None, math.inf, id="none"),
        pytest.param(CHECK | {"HealthCheckOnly": None}, 0, id="perhaps probing only"),
        pytest.param(CHECK | {"HealthCheckOnly": "false"}, 0, id="a text"),
        pytest.param(CHECK | {"HealthyThreshold": 0}, 0, id="no threshold"),
        pytest.param(CHECK | {"HealthyThreshold": "8"}, 0, id="a threshold of text"),
        pytest.param(CHECK | {"HealthCheckInterval": True}, 0, id="no interval"),
        pytest.param(CHECK | {"CenId": "cen-other"}, 0, id="that of another CEN"),
        pytest.param(CHECK | {"VbrInstanceId": "vbr-far"}, 0, id="that of another VBR"),
        pytest.param(Unread("DescribeCenVbrHealthCheck", "NoPermission"), 0, id="unread"),
    ],
)
def test_static_vbr_depends_on_its_health_check(check: Any, least: float) -> None:
    """A check that only probes moves no traffic."""
    routed = Routed(CEN, more={"health_checks": {"vbr-east": check}})
    routed.network = routed.network.without("bgp-east")
    (need,) = (need for need in routed.cut().needs if need.group == CEN)
    found = takeover(routed.lost(), need, routed.routing)

    assert (found.least, found.most) == (least, None)


@pytest.mark.parametrize(
    ("changes", "least"),
    [
        pytest.param({}, 14, id="normal"),
        pytest.param({"HcRate": 2}, 14, id="in seconds"),
        pytest.param({"HealthCheckStatus": "NoRedundantRoute"}, math.inf, id="nowhere to move"),
        pytest.param({"HealthCheckStatus": "NoHealthCheckConfig"}, math.inf, id="no check"),
        pytest.param({"HealthCheckStatus": "Abnormal"}, 0, id="abnormal"),
        pytest.param({"HealthCheckStatus": None}, 0, id="unknown"),
        pytest.param({"HcRate": 50}, 0, id="out of range"),
        pytest.param({"OppositeRouterId": "vbr-far"}, 0, id="of another VBR"),
    ],
)
def test_static_vbr_of_a_vpc_depends_on_its_router_interface(
    changes: dict[str, object], least: float
) -> None:
    """Its status tells whether traffic would move at all."""
    routed = Routed(more={"interfaces": (INTERFACE | changes,)})
    routed.network = routed.network.without("bgp-east")
    routed.changed(vbr_east={"EcrId": MISSING, "EcrAttatchStatus": MISSING})

    assert takeover(routed.lost(), routed.need(), routed.routing).least == least


@pytest.mark.parametrize(
    ("vbr", "peer", "groups", "advice"),
    [
        pytest.param(
            {},
            {},
            NONE,
            ("add the two VBRs to a failover group", "lower the BFD timers"),
            id="both",
        ),
        pytest.param({}, {}, {"vbr-east": GROUP}, ("lower the BFD timers",), id="timers"),
        pytest.param(timers(200, 200, 3), {}, {"vbr-east": GROUP}, (), id="as fast as can be"),
        pytest.param({}, {"EnableBfd": False}, NONE, ("enable BFD",), id="BFD"),
        pytest.param({}, {"EnableBfd": False, "Hold": "3"}, NONE, (), id="BFD is no faster"),
        pytest.param({}, {"EnableBfd": None}, NONE, (), id="nothing is known"),
        pytest.param({}, {}, {}, ("lower the BFD timers",), id="perhaps in a group"),
    ],
)
def test_advice_would_lower_the_forecast(
    vbr: dict[str, object], peer: dict[str, object], groups: Any, advice: tuple[str, ...]
) -> None:
    """What helps is named, and what does not is not."""
    assert forecast(vbr=vbr, peer=peer, failover_groups=groups).advice == advice


def test_rto_is_compared_with_both_ends() -> None:
    """Below the least it cannot hold; below the most, or what is documented, it may not."""
    known = forecast(vbr=timers(1000, 1000, 3), failover_groups={"vbr-east": GROUP})
    unknown = forecast(vbr=timers(1000, 1000, "?"), failover_groups=NONE)

    assert str(known) == "2 s to 4 s"
    assert known.doubt(1.9) == "2 s to 4 s: it cannot hold"
    assert known.doubt(2.0) == known.doubt(3.9) == "2 s to 4 s: it may not hold"
    assert known.doubt(4.0) == ""
    assert str(unknown).startswith("not known")
    assert not unknown.cannot_hold(0.1)
    assert unknown.doubt(1e9).endswith("whether it can hold is not known either")


def test_ecr_without_a_group_takes_what_is_documented() -> None:
    """Groups of several VBRs, which no API shows, may be faster: it may hold, or may not."""
    alone = forecast(vbr=timers(1000, 1000, 3), failover_groups=NONE)
    open_ended = forecast(vbr=timers(1000, 1000, 3))

    assert str(alone) == "2 s or more (documented: 10 s or more)"
    assert alone.doubt(9.9).endswith("it may not hold")
    assert alone.doubt(10.0) == ""
    assert str(open_ended) == "2 s or more"


def test_need_has_the_forecast_of_its_slowest_path() -> None:
    """A session that carries nothing does not count."""
    routed = Routed(more={"failover_groups": {"vbr-east": GROUP}})
    (east,) = (peer for peer in routed.network.bgp_peers if peer["BgpPeerId"] == "bgp-east")
    slow = east | {"BgpPeerId": "bgp-slow", "EnableBfd": False, "Hold": "90", "Keepalive": "30"}
    down = slow | {"BgpPeerId": "bgp-down", "BgpStatus": "Idle", "Hold": "180"}
    down |= {"ReceivedRouteCount": 0}
    routed.network.bgp_peers.extend([slow, down])
    (found,) = takeovers(routed.cut(), routed.routing).values()

    assert (found.detection.least, found.detection.most) == (37.5, 90)
    assert found.most is None


def test_session_that_is_no_survivor_may_carry_traffic_all_the_same() -> None:
    """A peer that is being deleted forwards as long as its session is established."""
    routed = Routed(more={"failover_groups": {"vbr-east": GROUP}})
    (east,) = (peer for peer in routed.network.bgp_peers if peer["BgpPeerId"] == "bgp-east")
    slow = {"BgpPeerId": "bgp-slow", "EnableBfd": False, "Hold": "90", "Status": "Deleting"}
    routed.network.bgp_peers.append(east | slow)
    (found,) = takeovers(routed.cut(), routed.routing).values()

    assert found.detection.most == 90


def test_forecast_fits_in_json() -> None:
    """What never happens is no number."""
    routed = Routed(CEN, more={"health_checks": {"vbr-east": None}})
    routed.network = routed.network.without("bgp-east")
    need = next(need for need in routed.cut().needs if need.group == CEN)
    found = takeover(routed.lost(), need, routed.routing)
    document = json.loads(json.dumps(found.as_dict(), allow_nan=False))

    assert str(found) == "never"
    assert found.cannot_hold(1e9)
    assert {"least": None, "most": None, "never": True}.items() <= document.items()


def test_each_kind_of_cut_says_what_it_proves() -> None:
    """Whether a session is closed or falls silent is not documented."""
    assert CUT_PROVES.keys() == RESOURCE_TYPES.keys()
    assert all("not documented" in sentence for sentence in CUT_PROVES.values())
