"""
Routes, load and forecast decide before a cut, and are read once for all cuts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

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


def test_rto_below_the_forecast_is_a_warning() -> None:
    """BFD at Alibaba's defaults notices nothing within 2 s; an RTO of 5 s may hold."""
    made = checks("ecr-ecmp", objectives={"portal": 1.5, "echo": 5.0})

    (warning,) = made["drill: takeover"].warnings
    assert made["drill: takeover"].passed
    assert "the RTO of portal is 1.5 s, and a silent loss takes 2 s or more" in warning


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
