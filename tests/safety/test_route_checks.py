"""
Routes, load and forecast decide before a cut, and are read once for all cuts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from chaosfailover.alibaba import config
from chaosfailover.emulator import Emulator
from chaosfailover.safety.cut import Cut
from chaosfailover.safety.preflight import PreflightCheck, PreflightContext, preflight
from chaosfailover.safety.route_checks import RouteChecks, RouteRules

A, B = "pc-rehearsal-a", "pc-rehearsal-b"
SECRETS = {"access_key_id": "anyone", "access_key_secret": "any-secret"}


def cut(name: str, *circuits: str) -> Cut:
    return Cut(name, circuits, "PHYSICALCONNECTION", 5)


def emulated(topology: str) -> Emulator:
    ports = dict.fromkeys(("portal", "echo", "ledger"), 0)
    return Emulator(topology, auth=False, service_ports=ports)


@contextmanager
def flight(emulator: Emulator, *cuts: Cut, **rules: Any) -> Iterator[PreflightContext]:
    settings = {
        "alibaba_cloud_region_id": "cn-hangzhou",
        "alibaba_cloud_vpc_endpoint": emulator.url,
    }
    reading = config.network_reads(settings, SECRETS)
    with config.client(settings, SECRETS) as client, reading as reads:
        routes = RouteChecks(client, reads, RouteRules(**rules))
        yield PreflightContext(client, [*cuts], 60.0, 1, routes)


def checks(topology: str, *cuts: Cut, **rules: Any) -> dict[str, PreflightCheck]:
    with (
        emulated(topology) as emulator,
        flight(emulator, *(cuts or [cut("drill", A)]), **rules) as context,
    ):
        return {check.name: check for check in preflight(context)}


def test_survivors_are_proven_by_routes() -> None:
    """Each prefix is told with its survivor, and nothing is left to warn of."""
    made = checks("dual-circuit", objectives={"portal": 3.0})

    assert all(check.passed for check in made.values())
    assert "10.1.0.0/16 is carried by vbr-rehearsal-b" in made["drill: routes"].detail
    assert "Mbit/s in the last 15 minutes" in made["drill: capacity"].detail
    assert "cen-rehearsal (IPv4): 0.6 s or more" in made["drill: takeover"].detail
    assert "The cut of a circuit disables" in made["drill: takeover"].detail
    assert not [warning for check in made.values() for warning in check.warnings]


def test_missing_prefix_is_refused_by_name() -> None:
    """A session that is up proves nothing of a prefix that it does not bring."""
    made = checks("missing-prefix")

    assert made["drill: survivors"].passed
    assert not made["drill: routes"].passed
    assert "10.2.0.0/16 would be lost" in made["drill: routes"].detail
    assert "let a survivor carry what would be lost" in made["drill: routes"].detail


def test_sessions_are_enough_where_the_control_says_so() -> None:
    """What would be lost is then a warning, and the proof says what it does not rest on."""
    made = checks("missing-prefix", survivors_by="sessions")

    assert made["drill: routes"].passed
    assert "survivors_by: sessions" in made["drill: routes"].detail
    assert any("10.2.0.0/16 would be lost" in each for each in made["drill: routes"].warnings)


def test_overloaded_survivor_is_refused_with_both_numbers() -> None:
    """The survivor has 200 Mbit/s, and would have to carry 230."""
    made = checks("overloaded-standby")

    assert not made["drill: capacity"].passed
    assert "above 0.8 of the bandwidth" in made["drill: capacity"].detail
    assert "230 Mbit/s of 200 Mbit/s" in made["drill: capacity"].detail


@pytest.mark.parametrize(
    ("topology", "rto", "doubt"),
    [
        pytest.param("ecr-ecmp", 1.5, "it cannot hold", id="below BFD"),
        pytest.param("ecr-ecmp", 9.0, "it may not hold", id="below what is documented"),
        pytest.param("ecr-ecmp", 10.0, "", id="an ECR may need more than 10 s, or not"),
        pytest.param("failover-group", 1.0, "it may not hold", id="below the upper end"),
        pytest.param("failover-group", 4.0, "", id="from the upper end on"),
    ],
)
def test_rto_that_may_not_hold_is_a_warning(topology: str, rto: float, doubt: str) -> None:
    """It is told before the cut, and refuses nothing."""
    made = checks(topology, objectives={"portal": rto})

    assert made["drill: takeover"].passed
    warnings = made["drill: takeover"].warnings
    assert len(warnings) == bool(doubt)
    for warning in warnings:
        assert f"the RTO of portal is {rto:g} s, and a silent loss takes " in warning
        assert warning.endswith(f": {doubt}")


ALL = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]


def written(folder: Path, region: dict[str, Any], **more: Any) -> str:
    """
    Write a topology that changes one, and return its file.
    """
    document = {"extends": "dual-circuit", "regions": {"cn-hangzhou": region}, **more}
    file = folder / "topology.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(
    ("prefixes", "needed", "count"),
    [
        pytest.param(ALL, 2, None, id="all"),
        pytest.param(["10.1.0.0/16", "10.2.0.0/16"], 2, 1, id="not all"),
        pytest.param(["192.168.0.0/24"], 2, 1, id="others"),
        pytest.param(["192.168.0.0/24"], 1, None, id="one is enough"),
    ],
)
def test_each_prefix_needs_so_many_survivors(
    prefixes: list[str], needed: int, count: int | None, tmp_path: Path
) -> None:
    """A session that carries nothing of the cut is none of the needed survivors."""
    third = {
        "circuits": {"pc-c": {"AccessPointId": "ap-c"}},
        "vbrs": {"vbr-c": {"PhysicalConnectionId": "pc-c", "cens": ["cen-rehearsal"]}},
        "bgp_groups": {"bgpg-c": {"RouterId": "vbr-c"}},
        "bgp_peers": {"bgp-c": {"BgpGroupId": "bgpg-c", "prefixes": prefixes}},
    }

    check = checks(written(tmp_path, third), min_survivors=needed)["drill: routes"]

    assert check.passed == (count is None)
    if count is not None:
        assert f"{count} of {needed} needed survivors (min_survivors) carry each prefix" in (
            check.detail
        )


def test_survivor_without_the_way_back_is_refused(tmp_path: Path) -> None:
    """The CEN tells it nothing of the cloud, so the data center would not find the way back."""
    cen = {"vpc_prefixes": ["172.16.0.0/16"], "unpublished": ["vbr-rehearsal-b"]}
    file = written(tmp_path, {}, cens={"cen-rehearsal": cen})

    check = checks(file)["drill: routes"]

    assert not check.passed
    assert "vbr-rehearsal-b has no route to 172.16.0.0/16 in the cloud" in check.detail


@pytest.mark.parametrize(
    ("change", "faults", "reason"),
    [
        pytest.param(
            {"NetworkType": "private"},
            [],
            "NetworkType is private, not public",
            id="private",
        ),
        pytest.param(
            {},
            [
                {
                    "fault": "refuse",
                    "operation": "DescribeVpnConnections",
                    "code": "Forbidden.RAM",
                }
            ],
            "VPN connections are not known: DescribeVpnConnections",
            id="not to be read",
        ),
    ],
)
def test_remedy_for_a_vpn_connection_that_is_not_proven(
    change: dict[str, Any], faults: list[Any], reason: str, tmp_path: Path
) -> None:
    """Without a circuit that survives, sessions are no way out, and unread is not lost."""
    vpn = {"AttachInstanceId": "cen-rehearsal", "prefixes": ALL, **change}
    region = {
        "bgp_peers": {"bgp-rehearsal-b": {"BgpStatus": "Idle"}},
        "vpn_connections": {"vco-1": vpn},
    }
    made = checks(written(tmp_path, region, faults=faults))

    assert not made["drill: survivors"].passed
    assert reason in made["drill: survivors"].detail
    assert not made["drill: routes"].passed
    assert reason in made["drill: routes"].detail
    remedy = "; let another circuit survive, or mend what is said of the VPN connections"
    assert made["drill: routes"].detail.endswith(remedy)
    assert "would be lost" not in made["drill: routes"].detail


def test_routes_are_read_once_for_all_cuts() -> None:
    """Two cuts take as many reads as one, and no cut takes none."""
    calls = {}
    for name, cuts in {"none": [], "one": [cut("a", A)], "two": [cut("a", A), cut("b", B)]}.items():
        with (
            emulated("dual-circuit") as emulator,
            flight(emulator, *cuts) as context,
        ):
            preflight(context)
            asked = [entry["operation"] for entry in emulator.cloud.request_log.shown()]
            calls[name] = sum(action == "DescribeRouteEntryList" for action in asked)

    assert calls == {"none": 0, "one": 2, "two": 2}


@pytest.mark.parametrize(
    ("operation", "check"),
    [
        pytest.param("DescribeRouteEntryList", "routes", id="the routes of VBRs"),
        pytest.param("ListTransitRouterRouteEntries", "routes", id="the routes of the CEN"),
        pytest.param("DescribeMetricList", "capacity", id="the traffic"),
        pytest.param("DescribeVbrHa", "takeover", id="the failover groups"),
    ],
)
def test_refused_read_is_unknown(operation: str, check: str) -> None:
    """Without routes nothing is proven; the rest is unknown, and no reason to refuse the cut."""
    with emulated("dual-circuit") as emulator:
        fault = {"fault": "refuse", "operation": operation, "code": "NoPermission"}
        httpx.post(
            f"{emulator.url}/_emulator/faults", json=fault, trust_env=False
        ).raise_for_status()
        with flight(emulator, cut("drill", A)) as context:
            made = {each.name: each for each in preflight(context)}
            evidence = context.routes.evidence["drill"]

    failed = [name for name, each in made.items() if not each.passed]
    assert failed == (["drill: routes"] if check == "routes" else [])
    if check == "routes":
        assert "which needs the permission" in made["drill: routes"].detail
        assert "survivors_by: sessions" in made["drill: routes"].detail
    if check == "capacity":
        assert "is not known" in made["drill: capacity"].warnings[0]
    assert evidence["survivors_by"] == "routes"


def test_unknown_resource_has_no_routes_to_check() -> None:
    """It is the one cause that is told."""
    made = checks("dual-circuit", cut("drill", "pc-unknown"))

    assert [name for name, check in made.items() if not check.passed] == ["drill: resources"]
    assert "drill: routes" not in made


NARROW: dict[str, Any] = {"Bandwidth": 200}
A_BUSY = {"vbr-rehearsal-a": {"in": 150, "out": 50}, "vbr-rehearsal-b": {"in": 100, "out": 50}}


def narrow(**more: dict[str, Any]) -> dict[str, Any]:
    """
    Return a region with two circuits of 200 Mbit/s, and more resources.
    """
    region: dict[str, Any] = {
        "circuits": {A: NARROW, B: NARROW},
        "vbrs": {"vbr-rehearsal-a": NARROW, "vbr-rehearsal-b": NARROW},
    }
    for kind, resources in more.items():
        region[kind] = {**region.get(kind, {}), **resources}
    return region


def third(prefixes: list[str], **peer: object) -> dict[str, Any]:
    """
    Return such a region with a wide circuit beside them.
    """
    return narrow(
        circuits={"pc-c": {"AccessPointId": "ap-c", "Bandwidth": 1000}},
        vbrs={
            "vbr-c": {"PhysicalConnectionId": "pc-c", "cens": ["cen-rehearsal"], "Bandwidth": 1000}
        },
        bgp_groups={"bgpg-c": {"RouterId": "vbr-c"}},
        bgp_peers={
            "bgp-c": {"BgpGroupId": "bgpg-c", "prefixes": prefixes, **peer},
            "bgp-rehearsal-b": {"prefixes": ALL},
        },
    )


def beside(*circuits: str) -> dict[str, Any]:
    """
    Return such a region with VBRs of another CEN on these circuits.
    """
    vbrs = {f"vbr-on-{circuit}": circuit for circuit in circuits}
    return narrow(
        vbrs={
            name: {
                "PhysicalConnectionId": circuit,
                "VlanId": 300 + number,
                "cens": ["cen-x"],
                **NARROW,
            }
            for number, (name, circuit) in enumerate(vbrs.items())
        },
        bgp_groups={f"bgpg-{name}": {"RouterId": name} for name in vbrs},
        bgp_peers={f"bgp-{name}": {"BgpGroupId": f"bgpg-{name}"} for name in vbrs},
    )


@pytest.mark.parametrize(
    ("region", "loads", "numbers"),
    [
        pytest.param(
            third(["192.168.0.0/24"]), A_BUSY, "250 Mbit/s of 200", id="it carries other prefixes"
        ),
        pytest.param(third(ALL, prepend=3), A_BUSY, "250 Mbit/s of 200", id="it is used last"),
        pytest.param(
            beside(B),
            {
                "vbr-rehearsal-a": {"in": 100, "out": 5},
                "vbr-rehearsal-b": {"in": 20, "out": 5},
                f"vbr-on-{B}": {"in": 150, "out": 5},
            },
            "270 Mbit/s of 200",
            id="another group is on its circuit",
        ),
        pytest.param(
            beside(A, B),
            {
                "vbr-rehearsal-a": {"in": 110, "out": 5},
                f"vbr-on-{A}": {"in": 110, "out": 5},
                "vbr-rehearsal-b": {"in": 0, "out": 0},
                f"vbr-on-{B}": {"in": 0, "out": 0},
            },
            "220 Mbit/s of 200",
            id="two groups move to one circuit",
        ),
    ],
)
def test_room_is_that_of_what_takes_over(
    region: dict[str, Any], loads: dict[str, Any], numbers: str, tmp_path: Path
) -> None:
    """Room is that of the survivors that carry the cut first, less what is there already."""
    check = checks(written(tmp_path, region, loads=loads))["drill: capacity"]

    assert not check.passed, check.detail
    assert numbers in check.detail


def test_vpn_connection_is_no_wider_than_its_specification(tmp_path: Path) -> None:
    """The smaller of the two numbers that the API shows."""
    vpn = {"AttachInstanceId": "cen-rehearsal", "prefixes": ALL, "Spec": "10M"}
    region = {
        "bgp_peers": {"bgp-rehearsal-b": {"BgpStatus": "Idle"}},
        "vpn_connections": {"vco-1": vpn},
    }
    loads = {"vbr-rehearsal-a": {"in": 9, "out": 1}}

    check = checks(written(tmp_path, region, loads=loads))["drill: capacity"]

    assert not check.passed, check.detail
    assert "9 Mbit/s of 10 Mbit/s" in check.detail
