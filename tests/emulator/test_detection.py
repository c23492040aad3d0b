"""
Detection: the fields of a session say how long its loss goes unnoticed.
"""

from math import inf
from typing import Any

import pytest

from chaosfailover.emulator.detection import detection
from chaosfailover.emulator.downtime import Downtime
from chaosfailover.emulator.resources import CIRCUIT, PEER, VBR
from chaosfailover.emulator.routing import courses
from chaosfailover.emulator.topology import BUNDLED, Topology, load, topology_from

PEER_A, VBR_A = "bgp-rehearsal-a", "vbr-rehearsal-a"


def dual_circuit(vbr: dict[str, object], peer: dict[str, object], **others: object) -> Topology:
    """
    Return `dual-circuit` with other fields on its first session.
    """
    region = {"vbrs": {VBR_A: vbr}, "bgp_peers": {PEER_A: peer}}
    return topology_from({"extends": "dual-circuit", "regions": {"cn-hangzhou": region}, **others})


@pytest.mark.parametrize(
    ("vbr", "peer", "expected"),
    [
        pytest.param({}, {}, 0.9, id="as the topology says"),
        pytest.param(
            {"MinTxInterval": 0, "MinRxInterval": 0}, {}, 3.0, id="the documented default"
        ),
        pytest.param({"MinTxInterval": 200, "MinRxInterval": 200}, {}, 0.6, id="the fastest"),
        pytest.param({"MinTxInterval": 200}, {}, 0.9, id="the longer interval: to receive"),
        pytest.param({"MinRxInterval": 200}, {}, 0.9, id="the longer interval: to transmit"),
        pytest.param({"DetectMultiplier": 10}, {}, 3.0, id="a multiplier"),
        pytest.param({"DetectMultiplier": 0}, {}, 0.9, id="the default multiplier"),
        pytest.param({}, {"EnableBfd": False}, 30.0, id="the default hold time"),
        pytest.param({}, {"EnableBfd": False, "Hold": 9}, 9.0, id="a hold time"),
        pytest.param({}, {"EnableBfd": False, "Hold": "0"}, inf, id="no hold time"),
        pytest.param({}, {"EnableBfd": True, "Hold": "3"}, 0.9, id="BFD before the hold time"),
    ],
)
@pytest.mark.parametrize("over", [PEER_A, VBR_A, "pc-rehearsal-a"])
def test_the_session_says_how_long(
    over: str, vbr: dict[str, object], peer: dict[str, object], expected: float
) -> None:
    network = dual_circuit(vbr, peer).network

    assert detection("session", over, "silent", network) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ("bfd", 0.9),
        ("bgp-hold", 30.0),
        ("health-check", 16.0),
        (7.0, 7.0),
        ((1.0, 2.0), (1.0, 2.0)),
    ],
)
def test_a_mechanism_by_name(means: str | float, expected: object) -> None:
    assert detection(means, PEER_A, "silent", load("dual-circuit").network) == expected


def test_fields_that_nobody_set_are_the_documented_defaults() -> None:
    """3 x 1000 ms, also where no session is known."""
    network = load("two-regions").network
    over = ("bgp-hangzhou-a", "vbr-hosted", "pc-neighbour")

    assert [detection("session", each, "silent", network) for each in over] == [3.0, 3.0, 3.0]


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ({}, 16.0),
        ({"HealthCheckInterval": 3, "HealthyThreshold": 8}, 24.0),
        ({"HealthCheckInterval": 2, "HealthyThreshold": 3}, 6.0),
        pytest.param({"HealthCheckOnly": True}, inf, id="it probes and moves nothing"),
    ],
)
def test_a_health_check_takes_its_own_time(check: dict[str, Any], expected: float) -> None:
    network = dual_circuit({"health_check": check}, {}).network

    assert detection("health-check", PEER_A, "silent", network) == expected


def test_the_slowest_session_of_a_circuit_counts() -> None:
    network = dual_circuit({}, {}).network.changed(PEER_A, EnableBfd=False)

    assert detection("session", "pc-rehearsal-a", "silent", network) == 30.0
    assert detection("session", "pc-rehearsal-b", "silent", network) == pytest.approx(0.9)


OTHER_TIMERS = {"health-check": 16.0, "ecr-ecmp": 3.0, "failover-group": 0.6}


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_topologies_name_their_timers(name: str) -> None:
    """What a rehearsal measures does not depend on defaults."""
    topology = load(name)
    paths = {path for service in topology.services for path in service.paths}
    found = [detection(each.detection, each.over, "silent", topology.network) for each in paths]

    assert found == pytest.approx([OTHER_TIMERS.get(name, 0.9)] * len(paths))


@pytest.mark.parametrize("kind", [CIRCUIT, VBR, PEER])
@pytest.mark.parametrize(
    ("cut_is", "means", "expected"),
    [
        ("silent", "session", 0.9),
        ("link-down", "session", 0.01),
        ("link-down", "bfd", 0.01),
        ("session-closed", "bgp-hold", 0.0),
        ("session-closed", "health-check", 16.0),
        ("link-down", 5, 5.0),
    ],
)
def test_what_a_cut_is_to_the_routers(
    kind: str, cut_is: str, means: str | float, expected: float
) -> None:
    """The setting of the job's own resource type decides, and no other."""
    others = dict.fromkeys((CIRCUIT, VBR, PEER), "silent" if cut_is != "silent" else "link-down")
    topology = dual_circuit(
        {}, {}, settings={"cut_is": {**others, kind: cut_is}}, paths={"a": {"detection": means}}
    )
    cut = {CIRCUIT: "pc-rehearsal-a", VBR: VBR_A, PEER: PEER_A}[kind]
    cuts = [Downtime((cut,), 100.0, 160.0, 1, kind)]
    course = courses(topology.services[0], cuts, topology.network, topology.settings)[0]
    moved = next(each.start for each in course if each.path and each.path.name == "b")

    assert moved - 100.0 == pytest.approx(expected)
