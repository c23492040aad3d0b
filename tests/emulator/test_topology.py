"""
Topology files: what is bundled, how one extends another, and what a wrong one is told.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from readme_tables import README

from chaosfailover.emulator.settings import drawn
from chaosfailover.emulator.topology import BUNDLED, TopologyError, load, topology_from

MINE = """
extends: dual-circuit
paths: {b: {loss: 0.5}}
settings: {starting: [1, 3]}
"""
SMALL: dict[str, Any] = {
    "accounts": {"1": None},
    "regions": {
        "cn-hangzhou": {
            "circuits": {"pc-a": None},
            "vbrs": {"vbr-a": {"PhysicalConnectionId": "pc-a"}},
        }
    },
}


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_topologies_can_be_loaded(name: str) -> None:
    assert load(name).network.regions[0] == "cn-hangzhou"


def test_the_topologies_that_experiments_use_are_bundled() -> None:
    assert {"dual-circuit", "single-circuit", "broken-standby"} <= set(BUNDLED)


def test_a_file_can_extend_a_bundled_topology(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    topology = load(path)
    portal = topology.services[0]

    assert [each.loss for each in portal.paths] == [0.0, 0.5]
    assert topology.settings.starting == (1.0, 3.0)
    assert "pc-rehearsal-b" in topology.network.resources


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"acounts": {}}, "acounts", id="a key that is not there"),
        pytest.param({"accounts": {}}, "needs an account", id="no account"),
        pytest.param({"extends": "nothing"}, "nothing", id="extends what is not bundled"),
        pytest.param({"settings": {"begin": 1}}, "begin", id="unknown setting"),
        pytest.param({"settings": {"starting": [3, 1]}}, "starting", id="range upside down"),
        pytest.param({"settings": {"starting": "soon"}}, "starting", id="no length"),
        pytest.param({"settings": {"restored_on": "Init"}}, "restored_on", id="wrong choice"),
        pytest.param({"faults": [{"fault": "x"}]}, "x", id="unknown fault"),
        pytest.param({"jobs": [{"name": "n"}]}, "resources", id="job without resources"),
        pytest.param(
            {"jobs": [{"resources": ["pc-a"], "status": "Running"}]}, "status", id="job status"
        ),
        pytest.param({"regions": {"r": {"circles": {}}}}, "circles", id="unknown kind"),
        pytest.param(
            {"regions": {"r": {"vbrs": {"vbr-x": {"PhysicalConnectionId": "pc-x"}}}}},
            "pc-x",
            id="stands on what is not there",
        ),
        pytest.param({"regions": {"r": {"vbrs": {"vbr-x": {}}}}}, "PhysicalConnectionId", id="on"),
        pytest.param(
            {"regions": {"r": {"circuits": {"pc-x": {"owner": "2"}}}}}, "2", id="unknown owner"
        ),
        pytest.param(
            {"regions": {"r": {"circuits": {"pc-x": {"colour": "red"}}}}}, "colour", id="own key"
        ),
        pytest.param(
            {"regions": {"r": {"circuits": {"pc-x": {}}}, "s": {"circuits": {"pc-x": {}}}}},
            "twice",
            id="described twice",
        ),
        pytest.param(
            {"paths": {"a": {"over": "bgp-x"}}}, "bgp-x", id="path over what is not there"
        ),
        pytest.param({"paths": {"a": {"over": "vbr-a", "speed": 1}}}, "speed", id="path key"),
        pytest.param(
            {"services": {"s": {"kind": "smtp", "paths": []}}}, "smtp", id="kind of service"
        ),
        pytest.param({"services": {"s": {"kind": "http", "paths": ["z"]}}}, "z", id="unknown path"),
        pytest.param(
            {
                "paths": {"a": {"over": "vbr-a"}},
                "services": {"s": {"kind": "http", "paths": [["a", "a"]]}},
            },
            "services.s.paths has 'a' twice among equal paths",
            id="doubled path",
        ),
        pytest.param(
            {
                "paths": {f"p{number}": {"over": "vbr-a"} for number in range(9)},
                "services": {
                    "s": {"kind": "http", "paths": [[f"p{number}" for number in range(9)]]}
                },
            },
            "services.s.paths has more than 8 equal paths",
            id="nine equal paths",
        ),
        pytest.param(
            {"services": {"s": {"kind": "http", "paths": [], "upstream": "3000"}}},
            "services.s.upstream is '3000', expected host:port",
            id="upstream",
        ),
        pytest.param(
            {"accounts": {"1": {"access_keys": {"k": {"secret": "s", "role": "x"}}}}},
            "role",
            id="access key",
        ),
        pytest.param({"loads": {"s": 1}}, "loads has 's', expected a service", id="load of what"),
        pytest.param(
            {"regions": {"r": {"router_interfaces": {"ri-x": {}}}}},
            "ri-x needs OppositeRouterId",
            id="router interface alone",
        ),
        pytest.param(
            {"regions": {"r": {"router_interfaces": {"ri-x": {"OppositeRouterId": "vbr-x"}}}}},
            "ri-x stands on 'vbr-x', expected a VIRTUALBORDERROUTER",
            id="router interface of an unknown VBR",
        ),
        pytest.param(
            {"regions": {"r": {"vpn_connections": {"vco-x": {"VpnGatewayId": "vpn-x"}}}}},
            "vco-x stands on 'vpn-x', expected a VPNGATEWAY",
            id="VPN connection of an unknown gateway",
        ),
        pytest.param(
            {"regions": {"r": {"vpn_connections": {"vco-x": {"Status": "up"}}}}},
            "vco-x.Status is 'up', expected one of ike_sa_not_established",
            id="status of a VPN connection",
        ),
        pytest.param(
            {"regions": {"r": {"vpn_connections": {"vco-x": {"prefixes": ["10.1.0.1/16"]}}}}},
            r"vco-x.prefixes\[0\] is '10.1.0.1/16', expected a prefix",
            id="prefix with host bits",
        ),
        pytest.param(
            {"regions": {"r": {"vpn_connections": {"vco-x": {"VcoHealthCheck": {"On": 1}}}}}},
            "vco-x.VcoHealthCheck has no 'On'",
            id="nested field",
        ),
        pytest.param(
            {
                "regions": {
                    "r": {
                        "circuits": {"pc-a": {}},
                        "vbrs": {"vbr-a": {"PhysicalConnectionId": "pc-a", "health_check": {}}},
                    }
                }
            },
            "vbr-a.health_check needs cens",
            id="health check without a CEN",
        ),
        pytest.param(
            {
                "regions": {
                    "r": {
                        "circuits": {"pc-a": {}},
                        "vbrs": {
                            "vbr-a": {
                                "PhysicalConnectionId": "pc-a",
                                "cens": ["cen-a"],
                                "health_check": {"HealthCheckInterval": 1},
                            }
                        },
                    }
                }
            },
            "HealthCheckInterval is 1, expected a whole number from 2 to 3",
            id="interval of a health check",
        ),
    ],
)
def test_a_wrong_topology_is_told_what_is_wrong(change: dict[str, Any], says: str) -> None:
    with pytest.raises(TopologyError, match=says):
        topology_from({**SMALL, **change})


@pytest.mark.parametrize("content", [None, [], "text", 7])
def test_a_topology_is_a_mapping(content: object) -> None:
    with pytest.raises(TopologyError):
        topology_from(content)


def test_a_file_that_is_no_yaml_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("{")
    with pytest.raises(TopologyError, match=r"broken\.yaml"):
        load(path)


def test_a_path_can_go_over_a_vbr_or_a_circuit() -> None:
    paths = {"a": {"over": "vbr-a", "detection": "health-check"}, "b": {"over": "pc-a"}}
    services = {"s": {"kind": "udp", "port": 1, "paths": ["a", "b"]}}
    service = topology_from({**SMALL, "paths": paths, "services": services}).services[0]

    assert [(each.over, each.detection) for each in service.paths] == [
        ("vbr-a", "health-check"),
        ("pc-a", "session"),
    ]


def test_a_length_is_drawn_within_its_range() -> None:
    span = (1.0, 3.0)
    lengths = [drawn(span, 7, number) for number in range(50)]

    assert all(1.0 <= each <= 3.0 for each in lengths)
    assert lengths == [drawn(span, 7, number) for number in range(50)]
    assert len(set(lengths)) == 50


def test_the_example_of_the_documentation_can_be_loaded(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.+?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    paths = [tmp_path / f"{number}.yaml" for number in range(2)]
    for path, block in zip(paths, blocks, strict=False):
        path.write_text(block)
    whole, variant = (load(path) for path in paths)

    assert whole.network.regions == ("cn-hangzhou", "cn-shanghai")
    assert [each.kind for each in whole.services] == ["http", "udp", "tcp"]
    assert sorted(whole.keys) == ["guest", "main", "old", "reader"]
    assert variant.settings.starting == (20.0, 40.0)


def test_every_variant_of_the_documentation_can_be_loaded(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.+?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    variants = [block for block in blocks if block.startswith("extends: ")]
    path = tmp_path / "variant.yaml"
    names = []
    for block in variants:
        path.write_text(block)
        names.append(load(path).network.regions[0])

    assert names == ["cn-hangzhou"] * len(variants)
    assert len(variants) > 4
