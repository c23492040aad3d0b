"""
Flows apart: which of them a cut takes, over the emulator's equal paths.
"""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from emulator_callers import CREATE, flattened

from chaosfailover.emulator import Emulator
from chaosfailover.outages.measured import CutWindow
from chaosfailover.prober.prober import Prober
from chaosfailover.prober.targets import Target, parse_target

ANY = {"portal": 0, "echo": 0, "ledger": 0}
FLOWS = 8
PATIENCE = 20.0
SECOND = """
extends: ecr-ecmp
settings: {convergence: 0.2, revert_loss: 0.3}
regions:
  cn-hangzhou:
    vbrs:
      vbr-rehearsal-a: {MinTxInterval: 300, MinRxInterval: 300}
      vbr-rehearsal-b: {MinTxInterval: 300, MinRxInterval: 300}
"""
SETTINGS: dict[str, dict[str, object]] = {
    "echo": {},
    "portal": {"persistent": True},
    "ledger": {"persistent": True, "send": "ping\n", "expect": "ping"},
}


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    """
    Two equal paths; a cut stalls those of one for 1.1 s.
    """
    topology = tmp_path / "second.yaml"
    topology.write_text(SECOND)
    with Emulator(topology, auth=False, service_ports=ANY, seed=random.randrange(9999)) as running:
        yield running


def call(emulator: Emulator, operation: str, **parameters: object) -> str:
    headers = {"x-acs-action": operation, "x-acs-version": "2016-04-28"}
    reply = httpx.post(emulator.url, params=flattened(parameters), headers=headers)
    return str(reply.raise_for_status().json().get("JobId"))


def targets(emulator: Emulator) -> list[Target]:
    return [
        parse_target(
            name, {"url": emulator.service_urls[name], "flows": FLOWS, "interval": 0.1, **settings}
        )
        for name, settings in SETTINGS.items()
    ]


def until_truth(emulator: Emulator, ended: int) -> None:
    """
    Wait until so many outages of each service have ended.
    """
    deadline = time.monotonic() + PATIENCE
    while any(
        sum(each["end"] is not None for each in outages) < ended
        for outages in emulator.ground_truth().values()
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def drilled(emulator: Emulator) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """
    Cut circuit a while all services are checked; return the entries of the journal and the truth.
    """
    with Prober(targets(emulator), clock=time.monotonic) as prober:
        time.sleep(1.5)
        window = CutWindow("drill", prober.mark())
        job_id = call(emulator, "CreateFailoverTestJob", **{**CREATE, "JobType": "StartNow"})
        until_truth(emulator, 1)
        time.sleep(1.5)
        window.stop_at = prober.mark()
        call(emulator, "StopFailoverTestJob", JobId=job_id)
        until_truth(emulator, 2)
        time.sleep(1.5)
        truth = emulator.ground_truth()
    entries = {name: prober.entry(name, [window]) for name in SETTINGS}
    return json.loads(json.dumps(entries)), {name: list(each) for name, each in truth.items()}


def test_lost_flows_are_those_that_the_data_plane_cut(emulator: Emulator) -> None:
    """By count and by source port, exactly; each for as long as the truth says, within bounds."""
    entries, truth = drilled(emulator)

    for name, entry in entries.items():
        (cut,) = entry["cuts"]
        during, after = truth[name]
        lost = [flow for flow in cut["flows"] if flow["failover"]]
        seconds = during["end"] - during["start"]

        assert len(cut["flows"]) == during["flows_seen"] == FLOWS, name
        assert sorted(flow["port"] for flow in lost) == during["flows_lost"], name
        assert all(flow["failover"]["at_most"] >= seconds for flow in lost), name
        if name == "echo":
            assert all(flow["failover"]["at_least"] <= seconds for flow in lost)
        assert entry["summary"]["flows"] == FLOWS
        assert len({flow["port"] for flow in cut["flows"]}) == FLOWS
        assert after["flows_seen"] == FLOWS
