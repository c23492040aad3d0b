"""
The topologies of the network as Alibaba Cloud builds it, each as a real `chaos run`.

They run at a tenth of their time, so a second of the topology takes 0.1 s.
"""

from math import inf
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaos_command import chaos, journal, on_free_ports
from places import EXPERIMENTS

FASTER = 10
CUT = "pc-rehearsal-a"


def rehearsed(topology: str, folder: Path, rto: float, **arguments: object) -> tuple[str, Any]:
    """
    Run `circuit-failover.yaml` on a topology; return its log and the control's part of its journal.

    `rto` is in seconds of the topology; `arguments` are those of the control.
    """
    settings = on_free_ports(topology, folder)
    experiment = yaml.safe_load((EXPERIMENTS / "circuit-failover.yaml").read_text("utf-8"))
    target = {"url": "${portal_url}", "interval": 0.02, "timeout": 0.5, "rto": rto / FASTER}
    experiment["controls"][0]["provider"]["arguments"] |= {
        "minute": 60 / FASTER,
        "targets": {"portal": target},
        "rto": rto / FASTER,
        **arguments,
    }
    copy = folder / "experiment.yaml"
    copy.write_text(yaml.safe_dump(experiment), encoding="utf-8")

    done = chaos("run", str(copy), folder=folder, FAILOVER_RTO=str(rto / FASTER), **settings)

    log = done.stderr + done.stdout
    assert "Traceback" not in log
    return log, journal(folder)["failover"]


def forecast(entry: dict[str, Any]) -> tuple[float, float]:
    """
    Return the range that the preflight forecast for the cut, in seconds.
    """
    (row,) = entry["cuts"][0]["takeover"]
    return row["least"], inf if row["most"] is None else row["most"]


def measured(entry: dict[str, Any]) -> tuple[float, float]:
    """
    Return the bounds of the failover time, in seconds of the topology.
    """
    failover = entry["targets"]["portal"]["summary"]["failover"]
    return FASTER * failover["at_least"], FASTER * failover["at_most"]


@pytest.mark.parametrize(
    ("topology", "truth", "arguments"),
    [
        pytest.param("dual-circuit", 0.9, {}, id="BFD of 0.9 s"),
        pytest.param("ecr-ecmp", 10.0, {}, id="defaults"),
        pytest.param("failover-group", 1.1, {}, id="failover group"),
        pytest.param("missing-prefix", 0.9, {"survivors_by": "sessions"}, id="by sessions"),
    ],
)
def test_forecast_contains_what_is_measured(
    topology: str, truth: float, arguments: dict[str, object], tmp_path: Path
) -> None:
    """The bounds of the portal hold the topology's own time, and lie within the forecast."""
    _, entry = rehearsed(topology, tmp_path, 30.0, **arguments)

    least, most = forecast(entry)
    at_least, at_most = measured(entry)
    assert entry["verdict"]["verdict"] == "held"
    assert at_least <= truth + 0.5
    assert at_most >= truth
    assert least <= at_most
    assert most >= at_least
