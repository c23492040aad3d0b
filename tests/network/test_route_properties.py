"""
Routes, forecasts and loads of mutated documents, judged by an oracle written from the rules.
"""

import json
import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
import route_oracle
from recorded import MISSING, Network, recorded
from route_oracle import Scene
from routed import ecr_route, transit_route, vbr_route

from chaosfailover.errors import ArgumentError
from chaosfailover.network.load import load
from chaosfailover.network.paths import Path
from chaosfailover.network.prefixes import RouteProof, proof_by_route
from chaosfailover.network.routes import RouteTables
from chaosfailover.network.routing import Datapoint, Traffic, Unread
from chaosfailover.network.survival import Survival, surviving_paths
from chaosfailover.network.takeover import takeovers

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
TIMES = [NOW - timedelta(minutes=5 * number) for number in range(2016)][::-1]
UNREAD = Unread("DescribeRouteEntryList", "NoPermission", "vpc:DescribeRouteEntryList")
BAD: list[Any] = [
    MISSING, None, "", "odd", 7, 0, -1, True, False, 1e9, math.nan, [], [None], {}, "10.1.0.0",
    "0.0.0.0/0", "10.1.0.7/16", "vbr-west", "vbr-east", "Active", "Rejected", "PCONN", "VPC",
    "300", 200, UNREAD,
]  # fmt: skip
PREFIXES = ["10.1.0.0/16", "10.2.0.0/16", "10.1.2.0/24", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32"]
LIMIT = 0.8


def traffic(rate: float, first: int = 0, last: int = 2016, peak: float = 0.0) -> Traffic:
    """
    Return traffic of 7 days in Mbit/s, or of a part of them.
    """
    points = tuple(
        Datapoint(when, (peak if peak and number == 900 else rate) * 1e6)
        for number, when in enumerate(TIMES)
        if first <= number < last
    )
    return Traffic(points, points)


TRAFFIC: list[Any] = [
    *(traffic(rate) for rate in (0, 10, 20, 20, 30, 39, 41, 90)),
    traffic(10, peak=60), traffic(1, peak=90), traffic(10, last=2012), traffic(10, first=900),
    traffic(-5), traffic(math.nan), Traffic((), ()), UNREAD,
]  # fmt: skip


def drawn_network(chance: random.Random) -> Network:
    """
    Return three circuits, some with another session, one without BFD or of the other family.
    """
    network = recorded("dual-circuit")
    for kind in (network.circuits, network.vbrs, network.bgp_peers):
        (west,) = (each for each in kind if "-west" in json.dumps(each))
        kind.append(json.loads(json.dumps(west).replace("-west", "-north")))
    peers = network.bgp_peers
    if chance.random() < 0.2:
        peers.append(chance.choice(peers) | {"BgpPeerId": "bgp-more"})
    if chance.random() < 0.2:
        chance.choice(peers)["EnableBfd"] = False
    for peer in [*peers] if chance.random() < 0.2 else []:
        peers.append(peer | {"BgpPeerId": f"{peer['BgpPeerId']}-6", "IpVersion": "ipv6"})
    if chance.random() < 0.1:
        peers[:] = [each for each in peers if each["BgpPeerId"] != "bgp-east"]
    for each in (*network.circuits, *network.vbrs):
        each["Bandwidth"] = 50
    return network


def drawn(chance: random.Random) -> Scene:
    """
    Return a network with its routes, mostly all of it well.
    """
    group = chance.choice(["ecr-main", "cen-main"])
    network = drawn_network(chance)
    for vbr in network.vbrs if group == "cen-main" else []:
        vbr["AssociatedCens"] = {"AssociatedCen": [{"CenId": group, "CenStatus": "Attached"}]}
        del vbr["EcrId"], vbr["EcrAttatchStatus"]
    names, peers = [each["VbrId"] for each in network.vbrs], str(network.bgp_peers)
    common = chance.sample(PREFIXES if "ipv6" in peers else PREFIXES[:5], 2)
    has = {name: common if chance.random() < 0.7 else chance.sample(PREFIXES, 2) for name in names}
    scene = Scene(
        group,
        network,
        {name: [vbr_route(prefix) for prefix in has[name]] for name in names},
        [*fabric(chance, group, has)],
        [ecr_route(chance.choice(names), common[0])] if chance.random() < 0.1 else [],
        now=NOW,
    )
    pair = {"VbrId": "vbr-east", "PeerVbrId": chance.choice(names[1:]), "Status": "Active"}
    scene.failover_groups = {"vbr-east": chance.choice([pair, pair, None, UNREAD])}
    check = {"CenId": group, "VbrInstanceId": "vbr-east", "HealthCheckInterval": 2}
    check |= {"HealthyThreshold": 8, "HealthCheckOnly": chance.choice([False, True])}
    scene.health_checks = {"vbr-east": chance.choice([check, None])}
    scene.traffic = {name: chance.choice(TRAFFIC[:4]) for name in names}
    scene.traffic[chance.choice(names)] = chance.choice(TRAFFIC)
    if group == "cen-main" and chance.random() < 0.4:
        with_vpn(scene, common)
    return scene


def fabric(chance: random.Random, group: str, has: Mapping[str, list[str]]) -> Iterator[Any]:
    """
    Yield the routes of the ECR or CEN, of which a few are missing or not in use.
    """
    for name, prefixes in has.items():
        for prefix in prefixes:
            if chance.random() < 0.05:
                continue
            if group == "ecr-main":
                yield ecr_route(name, prefix)
                continue
            statuses = ["Active"] * 8 + ["Standby", "Candidate", "Rejected"]
            for table in ["vtb-a", "vtb-b"][: chance.choice([1, 1, 1, 2])]:
                yield transit_route(name, prefix, chance.choice(statuses), table=table)
    if group == "cen-main" and chance.random() < 0.1:
        prefix = chance.choice(PREFIXES)
        yield transit_route(None, prefix, NextHopType="BlackHole", OriginResourceId=None)


def with_vpn(scene: Scene, prefixes: list[str]) -> None:
    """
    Add a VPN connection that carries the prefixes, and sometimes take the circuits away.
    """
    tunnel: Any = {"State": "active", "Status": "ipsec_sa_established"}
    tunnel["TunnelBgpConfig"] = {"BgpStatus": "success"}
    scene.vpn = [
        {
            "VpnConnectionId": "vco-1",
            "AttachType": "CEN",
            "AttachInstanceId": scene.group,
            "State": "attached",
            "NetworkType": "public",
            "EnableTunnelsBgp": True,
            "VcoHealthCheck": {"Enable": "true", "Status": "success", "Policy": "revoke_route"},
            "TunnelOptionsSpecification": {"TunnelOptions": [tunnel]},
        }
    ]
    route = {"RouteEntryType": "bgp", "Source": "VPN_BGP", "State": "published"}
    scene.vpn_routes = {"vco-1": [route | {"RouteDest": prefix} for prefix in prefixes]}
    scene.fabric += [transit_route("vco-1", prefix, "Standby") for prefix in prefixes]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """
    Yield every place of nested documents: a container, and a key of it.
    """
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in [*pairs]:
        if isinstance(value, dict):
            yield value, key
        if isinstance(each, dict | list):
            yield from places(each)


def mutate(scene: Scene, chance: random.Random) -> None:
    """
    Change up to three fields to something bad.
    """
    kinds: list[list[Any]] = [
        [scene.network.circuits, scene.network.vbrs, scene.network.bgp_peers],
        [scene.vbr_routes],
        [scene.fabric, scene.disabled],
        [scene.failover_groups, scene.health_checks],
        [scene.vpn, scene.vpn_routes] if scene.vpn else [scene.fabric],
    ]
    for _ in range(chance.randrange(4)):
        found = [*places(chance.choice(kinds))]
        container, key = chance.choice(found) if found else ({}, "")
        bad = chance.choice(BAD)
        whole = container in (scene.vbr_routes, scene.vpn_routes)
        mappings = (scene.failover_groups, scene.health_checks)
        if whole or container in mappings or isinstance(bad, Unread):
            container[key] = UNREAD  # a reply is read as a whole, or not
        elif bad is MISSING:
            container.pop(key, None)
        else:
            container[key] = bad
        if isinstance(container.get(key), Unread) and not (whole or container in mappings):
            container.pop(key)
    for name in ("fabric", "disabled", "vpn"):
        if chance.random() < 0.02:
            setattr(scene, name, UNREAD)


def survival_of(scene: Scene, cut: tuple[str, str]) -> Survival:
    """
    Return what survives; raises ArgumentError if the product refuses the documents.
    """
    return surviving_paths(scene.network.paths(), [cut[0]], cut[1])


def check_routes(scene: Scene, survival: Survival, proof: RouteProof) -> None:
    """
    Check that whatever is proven is so by the oracle, and that nothing of the cut was forgotten.
    """
    gone = {path.vbr_id for need in survival.needs for path in need.taken if path.vbr_id}
    for need, of in zip(survival.needs, proof.needs, strict=True):
        for fate in of.prefixes:
            for name in fate.by:
                assert route_oracle.is_covered(scene, fate.prefix, name, gone), f"{fate} of {need}"
    if proof.proven and survival.needs:
        carried = route_oracle.carried(scene, gone)
        covered = {fate.prefix for of in proof.needs for fate in of.prefixes}
        assert carried is not None
        assert carried <= covered or survival.resource_type == "BGPPEER"


def check_forecasts(scene: Scene, survival: Survival) -> bool:
    """
    Check that no forecast is too fast, and none calls impossible what may hold.
    """
    found = takeovers(survival, scene.routing())
    for need in survival.needs:
        forecast = found[str(need)]
        json.dumps(forecast.as_dict(), allow_nan=False)
        others = {path.vbr_id for path in need.survivors if path.vbr_id}
        ends = [
            route_oracle.forecast(scene, path.vbr_id or "", path.bgp_peer_id, others)
            for path in need.taken
            if carries(scene, path)
        ]
        assert forecast.least <= max((least for least, _ in ends), default=0) + 1e-9
        if forecast.most is not None:
            assert forecast.most >= max((most for _, most in ends), default=math.inf) - 1e-9
    return any(each.most is not None for each in found.values())


def carries(scene: Scene, path: Path) -> bool:
    """
    Tell whether a path's session is not known to carry nothing.
    """
    peer = route_oracle.peer_of(scene, path.bgp_peer_id)
    idle = not route_oracle.says(peer.get("BgpStatus"), "Established")
    routes = peer.get("ReceivedRouteCount")
    return not (path.bgp_peer_id and idle and type(routes) is int and routes == 0)


def check_load(scene: Scene, survival: Survival, proof: RouteProof) -> set[str]:
    """
    Check that a load that is called fit is known to fit.
    """
    loads = load(survival, proof, RouteTables(scene.routing()), LIMIT)
    for need, of in zip(survival.needs, loads, strict=True):
        json.dumps(of.as_dict(), allow_nan=False)
        if of.status in ("ok", "warning"):
            gone = {path.vbr_id or "" for path in need.taken}
            left = {path.vbr_id or "" for path in need.survivors}
            # Those that are used first carry it: one of them, or several together.
            firsts = [set(each) for n in (1, 2) for each in combinations(sorted(left), n)]
            known = [route_oracle.is_load_known(scene, gone, each, LIMIT) for each in firsts]
            assert any(now for now, _ in known)
            assert any(week for _, week in known) or of.status == "warning"
    return {each.status for each in loads}


def check(number: int, seen: Counter[str]) -> None:
    """
    Draw a network by its number, mutate it, and check all that the product says of it.
    """
    chance = random.Random(number)
    scene = drawn(chance)
    mutate(scene, chance)
    cut = chance.choice(
        [("pc-east", "PHYSICALCONNECTION")] * 3
        + [("vbr-east", "VIRTUALBORDERROUTER"), ("bgp-east", "BGPPEER")]
    )
    try:
        survival = survival_of(scene, cut)
    except ArgumentError:
        seen["refused"] += 1
        return
    proof = proof_by_route(survival, scene.routing())
    json.dumps(proof.as_dict(), allow_nan=False)
    check_routes(scene, survival, proof)
    if number % 4 == 0:  # it takes longest
        seen.update(f"load {status}" for status in check_load(scene, survival, proof))
    seen["forecast" if check_forecasts(scene, survival) else "no forecast"] += 1
    seen["proven" if proof.proven else "not proven"] += 1
    seen.update({fate.state for of in proof.needs for fate in of.prefixes})
    seen.update({"by VPN" for of in proof.needs for f in of.prefixes if "vco-1" in f.by})


def mutations(first: int, count: int) -> None:
    """
    Check mutated networks; a failure names its number, with which it can be repeated.
    """
    seen: Counter[str] = Counter()
    for number in range(first, first + count):
        try:
            check(number, seen)
        except Exception as exc:
            exc.add_note(f"mutation {number}")
            raise
    kinds: tuple[str, ...] = ("proven", "not proven", "covered", "lost", "unknown", "by VPN")
    kinds += ("forecast", "no forecast", "load ok", "load unknown", "load failed", "load warning")
    assert min(seen[kind] for kind in kinds) > count / 1000, seen


def test_mutated_documents_prove_nothing_that_the_rules_do_not() -> None:
    """A thousand networks with up to three fields changed."""
    mutations(0, 200)


@pytest.mark.long
def test_thousand_mutated_documents_prove_no_more() -> None:
    """The same up to the thousandth, on one Python."""
    mutations(200, 800)


@pytest.mark.matrix
def test_many_mutated_documents_prove_nothing_that_the_rules_do_not() -> None:
    """Twenty thousand more."""
    mutations(1000, 20_000)
