"""
The topologies of the network as Alibaba Cloud builds it, each as a real `chaos run`.

What lasts 10 s there runs ten times as fast.
"""

import json
from math import inf
from pathlib import Path
from typing import Any

import pytest
import yaml
from accounts import plan_for
from busy import measured_again
from chaos_command import chaos, journal, on_free_ports
from places import EXPERIMENTS

from chaosfailover.emulator import Emulator

FASTER = {"ecr-ecmp": 10}
RTO = 3.0
"""The objective in seconds of the machine."""


def rehearsed(
    topology: str, folder: Path, more: dict[str, Any] | None = None, **arguments: object
) -> tuple[str, Any]:
    """
    Run `circuit-failover.yaml` on a topology, with `more` of it; return its log and the control's
    part of its journal.

    A machine that was too busy to measure gets a second try: the verdict says so itself.
    """
    settings = on_free_ports(topology, folder, more)
    experiment = yaml.safe_load((EXPERIMENTS / "circuit-failover.yaml").read_text("utf-8"))
    hypothesis = experiment["steady-state-hypothesis"]
    if more:  # whose standby is another
        hypothesis["probes"] = [
            probe for probe in hypothesis["probes"] if "standby" not in probe["name"]
        ]
    experiment["controls"][0]["provider"]["arguments"] |= {
        "minute": 60 / FASTER.get(topology, 1),
        "targets": {"portal": {"url": "${portal_url}", "interval": 0.02, "timeout": 0.5}},
        **arguments,
    }
    copy = folder / "experiment.yaml"
    copy.write_text(yaml.safe_dump(experiment), encoding="utf-8")

    for _ in range(2):
        done = chaos("run", str(copy), folder=folder, FAILOVER_RTO=str(RTO), **settings)
        log = done.stderr + done.stdout
        if "was not measured for" not in log:
            break
    assert "Traceback" not in log
    return log, journal(folder)["failover"]


def forecast(entry: dict[str, Any]) -> tuple[float, float]:
    """
    Return the range that the preflight forecast for the cut, in seconds.
    """
    (row,) = entry["cuts"][0]["takeover"]
    return row["least"], inf if row["most"] is None else row["most"]


def measured(entry: dict[str, Any], topology: str) -> tuple[float, float]:
    """
    Return the bounds of the failover time, in seconds of the topology.
    """
    failover = entry["targets"]["portal"]["summary"]["failover"]
    faster = FASTER.get(topology, 1)
    return faster * failover["at_least"], faster * failover["at_most"]


@pytest.mark.parametrize(
    ("topology", "truth", "arguments"),
    [
        pytest.param("dual-circuit", 0.9, {}, id="BFD of 0.9 s", marks=pytest.mark.matrix),
        pytest.param("ecr-ecmp", 10.0, {}, id="defaults", marks=pytest.mark.long),
        pytest.param("failover-group", 1.1, {}, id="failover group", marks=pytest.mark.long),
        pytest.param(
            "missing-prefix",
            0.9,
            {"survivors_by": "sessions"},
            id="by sessions",
            marks=pytest.mark.matrix,
        ),
    ],
)
@measured_again
def test_forecast_contains_what_is_measured(
    topology: str, truth: float, arguments: dict[str, Any], tmp_path: Path
) -> None:
    """The bounds hold the topology's own time, and lie within the range of the preflight."""
    log, entry = rehearsed(topology, tmp_path, **arguments)

    (least, most), (at_least, at_most) = forecast(entry), measured(entry, topology)
    assert entry["verdict"]["verdict"] == "held", log
    assert at_least <= truth + 0.5
    assert at_most >= truth
    assert least <= at_least <= at_most <= most


@pytest.mark.parametrize(
    ("topology", "reasons"),
    [
        pytest.param(
            "missing-prefix",
            [
                "10.2.0.0/16 would be lost: vbr-rehearsal-b has no single route that contains it",
                "let a survivor carry what would be lost",
            ],
            id="a prefix by name",
        ),
        pytest.param(
            "overloaded-standby",
            ["above 0.8 of the bandwidth", "inbound: 230 Mbit/s of 200 Mbit/s"],
            id="both numbers",
            marks=pytest.mark.long,
        ),
    ],
)
def test_survivor_that_cannot_carry_the_traffic_is_refused(
    topology: str, reasons: list[str], tmp_path: Path
) -> None:
    """Nothing is cut, and the log says what is missing."""
    log, entry = rehearsed(topology, tmp_path)

    assert entry["verdict"]["verdict"] == "inconclusive"
    assert entry["cut_at"] is None
    assert "is Starting" not in log
    for reason in reasons:
        assert reason in log


@pytest.mark.long
def test_vpn_connection_may_be_the_only_survivor(tmp_path: Path) -> None:
    """No other circuit has a session; the VPN has all prefixes, and the traffic moves to it."""
    topology = {
        "regions": {
            "cn-hangzhou": {
                "bgp_peers": {"bgp-rehearsal-b": {"BgpStatus": "Idle"}},
                "vpn_connections": {
                    "vco-1": {
                        "AttachInstanceId": "cen-rehearsal",
                        "prefixes": ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"],
                    }
                },
            }
        },
        "paths": {"c": {"over": "vco-1"}},
        "services": {name: {"paths": ["a", "c"]} for name in ("portal", "echo", "ledger")},
    }
    log, entry = rehearsed("dual-circuit", tmp_path, more=topology)

    assert "survivors: ok: 1: vco-1" in log, log
    assert entry["verdict"]["verdict"] == "held", log
    assert entry["cuts"][0]["load"][0]["inbound"]["room"] == 1000


@pytest.mark.long
def test_equal_paths_lose_a_share_that_ends(tmp_path: Path) -> None:
    """Each check is a flow: about half are lost until the routes have moved, none afterwards."""
    _, entry = rehearsed("ecr-ecmp", tmp_path)

    summary = entry["targets"]["portal"]["summary"]
    at_least, _ = measured(entry, "ecr-ecmp")
    share = summary["during"]["lost"] / (at_least / 10 / 0.02 + 1)
    last = summary["outages"][-1]
    assert 0.2 < share < 0.8
    assert last["ongoing"] is False
    assert summary["during"]["sent"] - summary["during"]["lost"] > summary["during"]["lost"]
    assert entry["targets"]["portal"]["cuts"][0]["settled"]


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("topology", "expected"),
    [
        pytest.param("ecr-ecmp", {"deviated"}, id="10 s on an ECR"),
        pytest.param("failover-group", {"held"}, id="failover group"),
        pytest.param("missing-prefix", {"held"}, id="the circuit whose prefixes survive"),
    ],
)
def test_plan_of_a_topology_is_rehearsed_as_expected(
    topology: str, expected: set[str], tmp_path: Path
) -> None:
    """The mirror has its timers, prefixes and group, and every file comes to what is planned."""
    plan_for(Emulator(topology), tmp_path)

    done = chaos("failover", "rehearse-all", ".", "--format", "json", folder=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert {run["verdict"] for run in json.loads(done.stdout)["runs"]} == expected
