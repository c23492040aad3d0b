"""
The traffic of a cut and its survivors against the bandwidth of the survivors.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from recorded import MISSING
from routed import Routed, transit_route, vbr_route

from chaosfailover.network.load import Load, load
from chaosfailover.network.prefixes import proof_by_route
from chaosfailover.network.routes import RouteTables
from chaosfailover.network.routing import Datapoint, Traffic, Unread

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
TIMES = [NOW - timedelta(minutes=5 * number) for number in range(2016)][::-1]
PEAK_AT = TIMES[1000]
WIDE = {"Bandwidth": 1000}


def traffic(rate: float, peak: float | None = None, back: float | None = None) -> Traffic:
    """
    Return seven days at a rate in Mbit/s in each direction, with one peak.
    """
    rates = dict.fromkeys(TIMES, rate) | {PEAK_AT: rate if peak is None else peak}
    inbound = tuple(Datapoint(at, value * 1e6) for at, value in rates.items())
    outbound = tuple(Datapoint(at, (rate if back is None else back) * 1e6) for at in TIMES)
    return Traffic(inbound, outbound)


def loaded(east: Any, west: Any, **documents: dict[str, object]) -> Load:
    """
    Return the load of the western circuit, of 1000 Mbit/s, without the eastern one.
    """
    wide = {"pc_west": WIDE, "vbr_west": WIDE} | documents
    read = {name: each for name, each in (("vbr-east", east), ("vbr-west", west)) if each}
    routed = Routed(more={"traffic": read, "taken_at": NOW}).changed(**wide)
    (found,) = load(routed.cut(), routed.proof(), RouteTables(routed.routing))
    return found


@pytest.mark.parametrize(
    ("east", "west", "status"),
    [
        pytest.param(traffic(300), traffic(400), "ok", id="fits"),
        pytest.param(traffic(400), traffic(400), "ok", id="just fits"),
        pytest.param(traffic(401), traffic(400), "failed", id="too much now"),
        pytest.param(traffic(0), traffic(0), "ok", id="0 is a value"),
        pytest.param(traffic(300, back=500), traffic(400), "failed", id="too much one way"),
        pytest.param(traffic(300, peak=500), traffic(400), "warning", id="too much at the peak"),
        pytest.param(None, traffic(1), "unknown", id="not asked"),
        pytest.param(None, traffic(801), "failed", id="not asked, and too much without it"),
        pytest.param(Unread("DescribeMetricList", "no data"), traffic(1), "unknown", id="no data"),
        pytest.param(traffic(1), Traffic((), ()), "unknown", id="empty"),
        pytest.param(traffic(float("nan")), traffic(1), "unknown", id="no number"),
        pytest.param(traffic(-1), traffic(1), "unknown", id="negative"),
        pytest.param(
            traffic(1),
            Traffic(*(each[:-4] for each in (traffic(1).inbound,) * 2)),
            "unknown",
            id="nothing of the last 15 minutes",
        ),
        pytest.param(
            traffic(1),
            Traffic(*(each[-1000:] for each in (traffic(1).inbound,) * 2)),
            "unknown",
            id="half of the days",
        ),
    ],
)
def test_load_is_added_up_at_equal_times(east: Any, west: Any, status: str) -> None:
    """What is unknown is not zero."""
    assert loaded(east, west).status == status


def test_both_numbers_are_told_with_the_time_of_the_peak() -> None:
    """An operator sees what would have to be carried, over how much."""
    found = loaded(traffic(300, peak=700), traffic(400))

    assert str(found.inbound) == (
        f"inbound: 700 Mbit/s of 1000 Mbit/s in the last 15 minutes; peak of 7 days 1100 Mbit/s "
        f"at {PEAK_AT:%Y-%m-%d %H:%M} UTC, 95th percentile 700 Mbit/s"
    )
    assert found.warnings == [
        ("ecr-main (IPv4): its survivors have too little bandwidth for the peak of the last 7 days")
    ]
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["inbound"]["peak"] == 1100


@pytest.mark.parametrize(
    ("documents", "room"),
    [
        pytest.param({}, 1000, id="circuit and VBR"),
        pytest.param({"vbr_west": {"Bandwidth": 200}}, 200, id="the VBR is narrower"),
        pytest.param({"pc_west": {"Bandwidth": 100}}, 100, id="the circuit is narrower"),
        pytest.param({"vbr_west": {"Bandwidth": MISSING}}, None, id="VBR unknown"),
        pytest.param({"vbr_west": {"Bandwidth": 0}}, None, id="0 is unknown"),
        pytest.param({"pc_west": {"Bandwidth": "wide"}}, None, id="circuit unknown"),
    ],
)
def test_room_is_that_of_the_narrowest(documents: Any, room: float | None) -> None:
    """The bandwidth of a survivor is that of its VBR or circuit."""
    found = loaded(traffic(1), traffic(1), **documents)

    assert found.inbound.room == room
    assert (found.status == "unknown") == (room is None)


@pytest.mark.parametrize(
    ("parent", "room"),
    [
        pytest.param("", 500, id="the fuller of two circuits of their own"),
        pytest.param("pc-port", 600, id="two hosted circuits of one port"),
    ],
)
def test_shared_circuit_counts_once(parent: str, room: float) -> None:
    """Hosted circuits share the bandwidth of the port that carries them."""
    names = ("vbr-east", "vbr-west", "vbr-third")
    more = {"traffic": dict.fromkeys(names, traffic(100)), "taken_at": NOW}
    fabric = tuple(transit_route(name) for name in names)
    routed = Routed("cen-main", fabric=fabric, more=more)
    routed = routed.changed(pc_west={"Bandwidth": 500}, vbr_west={"Bandwidth": 500})
    network = routed.network
    items = (network.circuits, network.vbrs, network.bgp_peers)
    west = [next(each for each in kind if "west" in str(each)) for kind in items]
    ids = {"PhysicalConnectionId": "pc-third", "VbrId": "vbr-third", "RouterId": "vbr-third"}
    for kind, document in zip(items, west, strict=True):
        changes = {key: name for key, name in ids.items() if key in document}
        changes |= {"BgpPeerId": "bgp-third"} if "BgpPeerId" in document else {}
        kind.append(document | changes)
    network.circuits.append(west[0] | {"PhysicalConnectionId": "pc-port", "Bandwidth": 600})
    if parent:
        hosted = {"ProductType": "VirtualPhysicalConnection", "VpconnStatus": "Confirmed"}
        hosted |= {"ParentPhysicalConnectionId": parent}
        routed.changed(pc_west=hosted, pc_third=hosted)
        routed.changed(pc_port={"VirtualPhysicalConnectionCount": 2})
    routing = replace(
        routed.routing, vbr_routes=dict.fromkeys(names, (vbr_route(),)), vpn=(), vpn_routes={}
    )
    survival, tables = routed.cut(), RouteTables(routing)
    (found,) = load(survival, proof_by_route(survival, tables), tables)

    assert found.inbound.room == room
    assert found.inbound.now == (300 if parent else 150)
