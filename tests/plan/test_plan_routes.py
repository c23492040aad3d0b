"""
What a plan makes of the routes, failover groups and traffic of a region.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.regions import Place
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.emulator import Emulator
from chaosfailover.network.reading import read_region
from chaosfailover.plan.choice import PlannedTest, RegionPlan, region_plan
from chaosfailover.plan.files import plan_files
from chaosfailover.plan.topology import checked_topology, merged, mirror
from chaosfailover.plan.yaml_file import loaded

A, B = "pc-rehearsal-a", "pc-rehearsal-b"


def planned(topology: str | Path, key: str = "emulator") -> RegionPlan:
    """
    Plan for the first region of a topology, with all that can be read of it.
    """
    emulator = Emulator(topology)
    secret = "rehearsal-secret" if key.startswith("rehearsal-") else f"{key}-secret"
    client = VpcClient(
        "cn-hangzhou",
        lambda: Credentials(key, secret),
        endpoint="http://127.0.0.1:1",
        transport=emulator.transport(),
    )
    return region_plan(Place("cn-hangzhou"), *read_region(client))


def varied(folder: Path, **document: Any) -> Path:
    file = folder / "varied.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file


def readme(plan: RegionPlan) -> str:
    return plan_files([plan], {}, {})["cn-hangzhou/README.md"]


def choice_of(plan: RegionPlan, circuit_id: str) -> PlannedTest:
    (test,) = (test for test in plan.tests if test.circuit_id == circuit_id)
    return test


@pytest.mark.parametrize(
    ("topology", "forecast", "rehearsed", "expected"),
    [
        pytest.param("dual-circuit", "0.6 s or more", 0.9, "held", id="CEN"),
        pytest.param(
            "ecr-ecmp",
            "2 s or more (documented: 10 s or more)",
            10.0,
            "deviated",
            id="ECR without a group",
        ),
        pytest.param("failover-group", "0.4 s to 4 s", 0.6, "held", id="group"),
    ],
)
def test_expectation_follows_the_forecast(
    topology: str, forecast: str, rehearsed: float, expected: str
) -> None:
    """What a rehearsal is expected to take is in the range that is forecast for a live run."""
    test = choice_of(planned(topology), A)

    assert (str(test.takeover), test.rehearsed, test.expected) == (forecast, rehearsed, expected)
    assert test.takeover.least <= test.rehearsed <= (test.takeover.most or test.rehearsed)


def test_default_timers_of_bfd_break_an_rto_of_3_s(tmp_path: Path) -> None:
    """Without timers it is 1000 ms x 3; a VBR says what its interval is only if it was set."""
    timers = {"MinTxInterval": 1000, "MinRxInterval": 1000}
    vbrs = {f"vbr-rehearsal-{each}": timers for each in "ab"}
    file = varied(tmp_path, extends="dual-circuit", regions={"cn-hangzhou": {"vbrs": vbrs}})

    test = choice_of(planned(file), A)

    assert (test.detection, test.expected) == (3.0, "deviated")


def test_readme_names_what_would_help() -> None:
    text = readme(planned("ecr-ecmp"))

    assert "| 1 | 2 s or more (documented: 10 s or more) | 10 s | deviated |" in text
    assert f"- `{A}`, `{B}`: add the two VBRs to a failover group\n" in text
    assert f"- `{A}`, `{B}`: lower the BFD timers\n" in text


def test_missing_prefix_is_refused_by_name() -> None:
    """The other circuit, whose prefix both have, is planned."""
    plan = planned("missing-prefix")

    assert [test.circuit_id for test in plan.tests] == [B]
    (refusal,) = plan.refusals
    assert refusal.circuit_id == A
    assert "10.2.0.0/16 would be lost: vbr-rehearsal-b has no single route" in "; ".join(
        refusal.reasons
    )


def test_circuit_that_only_a_vpn_survives_is_refused(tmp_path: Path) -> None:
    """It may be cut, but there is no standby circuit to write an experiment for."""
    prefixes = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]
    region = {
        "bgp_peers": {"bgp-rehearsal-b": {"BgpStatus": "Idle"}},
        "vpn_connections": {"vco-1": {"AttachInstanceId": "cen-rehearsal", "prefixes": prefixes}},
    }

    plan = planned(varied(tmp_path, extends="dual-circuit", regions={"cn-hangzhou": region}))

    reasons = {refusal.circuit_id: refusal.reasons for refusal in plan.refusals}
    only = "only vco-1 would survive, and no experiment is planned for a VPN"
    assert reasons[A] == (only,)


def test_overloaded_survivor_is_a_warning_without_numbers() -> None:
    """The load is that of today; the preflight of the run decides with that of its day."""
    plan = planned("overloaded-standby")

    assert "its survivors have too little bandwidth for the present load" in readme(plan)
    assert plan.refusals == ()


def test_what_may_not_be_read_is_refused_and_named(tmp_path: Path) -> None:
    """Unknown counts as no; the README names each permission once."""
    actions = ["vpc:DescribeP*", "vpc:DescribeVirtual*", "vpc:DescribeB*", "vpc:DescribeF*"]
    account = {"access_keys": {"reader": {"secret": "reader-secret", "actions": actions}}}
    file = varied(tmp_path, extends="dual-circuit", accounts={"1000000000000001": account})

    plan = planned(file, "reader")

    assert plan.tests == ()
    assert "vpc:DescribeRouteEntryList" in "; ".join(plan.refusals[0].reasons)
    for permission in ("vpc:DescribeVbrHa", "cen:ListTransitRouters", "cms:QueryMetricList"):
        assert readme(plan).count(f"which needs the permission {permission}") >= 1


@pytest.mark.parametrize("topology", ["dual-circuit", "ecr-ecmp", "failover-group"])
def test_mirror_is_planned_as_the_region(topology: str, tmp_path: Path) -> None:
    """Timers, prefixes and failover groups are those that were read, also once written as YAML."""
    plan = planned(topology)
    text = plan_files([plan], {}, {})["cn-hangzhou/topology.yaml"]
    (tmp_path / "mirror.yaml").write_text(text, encoding="utf-8")

    again = planned(tmp_path / "mirror.yaml", "rehearsal-1000000000000001")

    assert again.tests == plan.tests
    assert mirror(again) == mirror(plan)
    written = checked_topology(loaded("it", text))
    peer = written["regions"]["cn-hangzhou"]["bgp_peers"]["bgp-rehearsal-b"]
    assert peer["prefixes"] == ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]
    groups = written["vbr_failover_groups"]
    pair = ["vbr-rehearsal-a", "vbr-rehearsal-b"]
    expected = {"vbrha-rehearsal": {"vbrs": pair}} if topology == "failover-group" else {}
    assert groups == merged({"cn-hangzhou": mirror(plan)})["vbr_failover_groups"] == expected


def test_mirror_has_the_prefixes_that_were_read(tmp_path: Path) -> None:
    """Those of the VBR's table, by address family; routes that lead to the cloud are none."""
    peers = {f"bgp-rehearsal-{each}": {"prefixes": ["192.168.7.0/24"]} for each in "ab"}
    file = varied(tmp_path, extends="dual-circuit", regions={"cn-hangzhou": {"bgp_peers": peers}})

    mirrored = mirror(planned(file))["regions"]["cn-hangzhou"]["bgp_peers"]

    assert {name: peer["prefixes"] for name, peer in mirrored.items()} == {
        name: ["192.168.7.0/24"] for name in peers
    }
