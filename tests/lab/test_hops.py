"""
The hops on the way to a target, against routers in namespaces.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import hop_network
import pytest
import yaml
from chaos_command import CHAOS
from hop_network import PORT, SERVICE
from live import clean_environment

from chaosfailover.record import make_record
from chaosfailover.record.evidence import read_evidence

pytestmark = pytest.mark.lab

NAMESPACES = ("unshare", "-Urnm", "--pid", "--fork", "--kill-child")
HELPER = hop_network.__file__
OVER_A = {4: ["10.9.1.2", "10.9.2.2", "10.9.9.9"], 6: ["fd09:1::2", "fd09:2::2", "fd09:9::9"]}
OVER_B = {4: ["10.9.1.2", "10.9.3.2", "10.9.9.9"], 6: ["fd09:1::2", "fd09:3::2", "fd09:9::9"]}


def as_client(*command: str, folder: Path, **more: str) -> str:
    """
    Run a command in a network of its own, as the client.
    """
    done = subprocess.run(
        [*NAMESPACES, sys.executable, HELPER, *command],
        cwd=folder,
        env=clean_environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_kind_of_flow_names_the_routers(tmp_path: Path) -> None:
    """Over UDP and TCP, IPv4 and IPv6; a silent one has no name, and a lost target has no hops."""
    shown = json.loads(as_client(sys.executable, HELPER, "traces", folder=tmp_path))
    seen = {(row["flow"], row["when"]): (row["hops"], row["reached"]) for row in shown}

    assert seen == {
        (f"{kind}, IPv{version}", when): (hops, bool(hops))
        for kind in ("UdpFlow", "TcpFlow")
        for version in SERVICE
        for when, hops in {
            "over a": OVER_A[version],
            "over b": OVER_B[version],
            "b is silent": [OVER_B[version][0], None, OVER_B[version][2]],
            "lost": [],
            "back over a": OVER_A[version],
        }.items()
    }


def moving(middle: str) -> dict[str, Any]:
    arguments = [HELPER, "move", middle]
    provider = {"type": "process", "path": sys.executable, "arguments": arguments}
    return {"type": "action", "name": f"move-to-{middle}", "provider": provider}


def step(func: str, **arguments: object) -> dict[str, Any]:
    module = "chaosfailover.actions"
    provider = {"type": "python", "module": module, "func": func, "arguments": arguments}
    return {"type": "action", "name": func, "provider": provider}


def experiment() -> dict[str, Any]:
    """
    Return a rehearsal that moves the traffic of the routers itself, as the emulator cannot.
    """
    targets = {
        "portal": {"url": "http://127.0.0.1:28080/", "path": True},
        "tcp": {"url": f"tcp://{SERVICE[4]}:{PORT}", "path": True, "external": True},
        "udp": {"url": f"udp://[{SERVICE[6]}]:{PORT}", "path": True, "external": True},
    }
    arguments = {"topology": "dual-circuit", "targets": targets, "rto": 5, "evidence": "run.jsonl"}
    control = {"type": "python", "module": "chaosfailover.control", "arguments": arguments}
    cut = {"name": "cut", "resource_ids": ["pc-rehearsal-a"], "duration_minutes": 5}
    return {
        "version": "1.0.0",
        "title": "The traffic takes another way",
        "description": "The traffic takes another way",
        "configuration": {
            "alibaba_cloud_region_id": "cn-hangzhou",
            "alibaba_cloud_vpc_endpoint": "emulator",
        },
        "controls": [{"name": "failover", "provider": control}],
        "runtime": {"rollbacks": {"strategy": "always"}},
        "method": [
            step("create_failover_test", **cut, resource_type="PHYSICALCONNECTION"),
            step("start_failover_test", test="cut"),
            {**moving("b"), "pauses": {"after": 3}},
        ],
        "rollbacks": [step("stop_failover_test", test="cut"), moving("a")],
    }


def test_a_run_records_that_the_traffic_took_another_way(tmp_path: Path) -> None:
    """Before, during and after the cut, as far as the evidence goes; without a router, none did."""
    file = tmp_path / "experiment.yaml"
    file.write_text(yaml.safe_dump(experiment()), encoding="utf-8")
    as_client(str(CHAOS), "--no-version-check", "run", str(file), folder=tmp_path)
    entry = json.loads((tmp_path / "journal.json").read_text(encoding="utf-8"))["failover"]
    evidence = (tmp_path / "run.jsonl").read_bytes()
    killed = evidence[: evidence.index(b'"phase":"after"')]

    near = ["127.0.0.1"]

    assert ways(entry["record"]) == {
        "portal": ("cut", near, near, near, None),
        "tcp": ("cut", OVER_A[4], OVER_B[4], OVER_A[4], True),
        "udp": ("cut", OVER_A[6], OVER_B[6], OVER_A[6], True),
    }
    assert ways(make_record(read_evidence(evidence).journal)) == ways(entry["record"])
    assert ways(make_record(read_evidence(killed).journal)) == {
        "portal": ("cut", near, near, None, None),
        "tcp": ("cut", OVER_A[4], OVER_B[4], None, True),
        "udp": ("cut", OVER_A[6], OVER_B[6], None, True),
    }


def ways(record: dict[str, Any]) -> dict[str, tuple[object, ...]]:
    """
    Return the hops of each target, by the phases of its cut, and whether they differ.
    """
    return {
        row["target"]: (
            row["test"],
            *map(hops, (row["before"], row["during"], row["after"])),
            row["moved"],
        )
        for row in record["paths"]
    }


def hops(way: dict[str, Any] | None) -> object:
    return way and way["hops"]
