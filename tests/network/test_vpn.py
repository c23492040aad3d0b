"""
VPN connections as survivors: only where tunnel, health check, BGP and routes say so.
"""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from routed import P, Routed, transit_route

from chaosfailover.network.load import load
from chaosfailover.network.prefixes import RouteProof, with_backups
from chaosfailover.network.routes import RouteTables
from chaosfailover.network.routing import Routing, Unread
from chaosfailover.network.vpn import vpn_backups

CEN = "cen-main"
UP: dict[str, Any] = {
    "VpnConnectionId": "vco-1",
    "AttachType": "CEN",
    "AttachInstanceId": CEN,
    "State": "attached",
    "Status": "ipsec_sa_established",
    "NetworkType": "public",
    "TunnelBandwidth": "Standard",
    "EnableTunnelsBgp": True,
    "VcoHealthCheck": {"Enable": "true", "Status": "success", "Policy": "revoke_route"},
    "VpnBgpConfig": {"Status": "success"},
    "TunnelOptionsSpecification": {
        "TunnelOptions": [
            {
                "Role": role,
                "State": "active",
                "Status": "ipsec_sa_established",
                "TunnelBgpConfig": {"BgpStatus": "success"},
            }
            for role in ("master", "slave")
        ]
    },
}
ROUTE = {"RouteDest": P, "RouteEntryType": "bgp", "Source": "VPN_BGP", "State": "published"}


def changed(path: str, value: object) -> dict[str, Any]:
    """
    Return the connection with a field changed, `both` being both tunnels.
    """
    document = deepcopy(UP)
    first, *rest = path.split(".")
    places = [document]
    if first == "both":
        places = document["TunnelOptionsSpecification"]["TunnelOptions"]
        first, *rest = rest
    for place in places:
        if rest:
            place[first][rest[0]] = value
        else:
            place[first] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "health"),
    [
        pytest.param("TunnelBandwidth", None, "up", id="as it is, its ceiling unknown"),
        pytest.param("State", "attaching", "unknown", id="not attached"),
        pytest.param("AttachType", None, "unknown", id="attached to nothing known"),
        pytest.param("NetworkType", "private", "unknown", id="private, so over a circuit"),
        pytest.param("NetworkType", None, "unknown", id="of unknown network"),
        pytest.param("both.State", "updating", "down", id="tunnels not active"),
        pytest.param("both.Status", "ike_sa_established", "down", id="tunnels not established"),
        pytest.param("both.TunnelBgpConfig", None, "down", id="tunnels without BGP"),
        pytest.param("EnableTunnelsBgp", False, "unknown", id="static"),
        pytest.param("EnableTunnelsBgp", "true", "unknown", id="BGP as a text"),
        pytest.param("TunnelOptionsSpecification", None, "unknown", id="tunnels malformed"),
        pytest.param("TunnelOptionsSpecification", {}, "up", id="single-tunnel mode"),
        pytest.param("VcoHealthCheck.Status", "failed", "down", id="health check failed"),
        pytest.param("VcoHealthCheck.Policy", "reserve_route", "unknown", id="black hole"),
        pytest.param("VcoHealthCheck.Enable", True, "unknown", id="health check unknown"),
        pytest.param("VcoHealthCheck", None, "unknown", id="no health check shown"),
        pytest.param("VcoHealthCheck.Enable", "false", "up", id="no health check"),
    ],
)
def test_connection_is_up_only_if_all_says_so(path: str, value: object, health: str) -> None:
    """Tunnel, health check and BGP are witnesses."""
    document: Any = changed(path, value)
    (backup,) = vpn_backups(CEN, Routing(vpn=(document,)))

    assert backup.health == health
    assert bool(backup.reasons) == (health != "up")


@pytest.mark.parametrize(
    ("path", "value", "health"),
    [
        pytest.param("VpnBgpConfig.Status", "false", "unknown", id="no BGP"),
        pytest.param("Status", "ike_sa_established", "down", id="not established"),
    ],
)
def test_single_tunnel_is_judged_by_the_connection(path: str, value: str, health: str) -> None:
    """Without tunnels, the connection's own fields count."""
    document: Any = changed(path, value) | {"TunnelOptionsSpecification": {"TunnelOptions": []}}
    (backup,) = vpn_backups(CEN, Routing(vpn=(document,)))

    assert backup.health == health


@pytest.mark.parametrize(
    ("document", "group"),
    [
        pytest.param(UP, "cen-other", id="of another CEN"),
        pytest.param(UP, "ecr-main", id="an ECR has none"),
        pytest.param(UP | {"AttachInstanceId": None}, CEN, id="attached to nothing"),
        pytest.param(UP | {"VpnConnectionId": None}, CEN, id="without ID"),
    ],
)
def test_others_are_no_backups(document: Any, group: str) -> None:
    """A connection serves the CEN that it is attached to."""
    assert vpn_backups(group, Routing(vpn=(document,))) == ()


@pytest.mark.parametrize(
    ("routes", "fabric", "state"),
    [
        pytest.param((ROUTE,), transit_route("vco-1", status="Standby"), "covered", id="both"),
        pytest.param((ROUTE,), transit_route("vco-1", status="Rejected"), "lost", id="rejected"),
        pytest.param((), transit_route("vco-1"), "lost", id="not learned"),
        pytest.param(
            (ROUTE | {"Source": "CLOUD"},), transit_route("vco-1"), "unknown", id="from the cloud"
        ),
        pytest.param((ROUTE | {"State": None},), transit_route("vco-1"), "unknown", id="no state"),
        pytest.param(
            Unread("DescribeVcoRouteEntries", "NoPermission"),
            transit_route("vco-1"),
            "unknown",
            id="unread",
        ),
    ],
)
def test_vpn_carries_the_prefixes_that_it_has(routes: Any, fabric: Any, state: str) -> None:
    """Its routes and those of the transit router are witnesses, as with a VBR."""
    routed = Routed(
        CEN,
        fabric=(transit_route("vbr-east"), fabric),
        more={"vpn": (UP,), "vpn_routes": {"vco-1": routes}},
    )
    routed.network = routed.network.without("bgp-west")
    (need,) = (need for need in routed.proof().needs if need.need == "cen-main (IPv4)")
    (fate,) = need.prefixes

    assert fate.state == state
    assert need.proven == (state == "covered")
    assert fate.by == (("vco-1",) if need.proven else ())
    (counted,) = with_backups(routed.cut(), RouteProof((need,), ())).needs
    assert counted.backups == fate.by
    assert counted.count == len(fate.by)


def test_ceiling_is_that_of_a_tunnel() -> None:
    """Where no circuit survives, the VPN is what the load has to fit in."""
    carried = {"vpn": (UP,), "vpn_routes": {"vco-1": (ROUTE,)}, "taken_at": datetime.now(UTC)}
    fabric = (transit_route("vbr-east"), transit_route("vco-1", status="Standby"))
    routed = Routed(CEN, fabric=fabric, more=carried)
    routed.network = routed.network.without("bgp-west")
    survival = with_backups(routed.cut(), routed.proof())
    (found,) = (
        each
        for each in load(survival, routed.proof(), RouteTables(routed.routing))
        if "IPv4" in each.need
    )

    assert found.inbound.room == 1000


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        pytest.param(
            {"vpn": (changed("both.Status", "ike_sa_established"),)}, "no tunnel", id="down"
        ),
        pytest.param(
            {"vpn": (UP,), "vpn_routes": {"vco-1": ()}}, "vco-1 has no single route", id="bare"
        ),
        pytest.param(
            {"vpn": Unread("DescribeVpnConnections", "NoPermission", "vpc:DescribeVpnConnections")},
            "VPN connections are not known: DescribeVpnConnections: NoPermission, which needs the "
            "permission vpc:DescribeVpnConnections",
            id="unread",
        ),
    ],
)
def test_vpn_that_does_not_count_is_told_with_its_reason(more: Any, reason: str) -> None:
    """No circuit survives, and neither is the VPN proven: the survival says why."""
    routed = Routed(CEN, more=more)
    routed.network = routed.network.without("bgp-west")

    survival = with_backups(routed.cut(), routed.proof())

    assert survival.count == 0
    assert any(reason in each for each in survival.reasons), survival.reasons
