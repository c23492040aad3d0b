"""
Runs of random timing on the embedded emulator, whose parts of the failover time are compared with
the ground truth.

Everything that makes the bounds takes part: preflight, guard, observer, the watch of the routes,
prober, stop, journal and record. Only the toolkit's own process does not.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
from chaos_command import free_port

from chaosfailover import actions
from chaosfailover.record import make_record
from chaosfailover.run.session import Session
from chaosfailover.run.settings import Settings

__all__ = ["SLACK", "Comparison", "Run", "compared", "play"]

SLACK = 0.01
"""The emulator reads its clock that many seconds after a change at most, on a busy machine."""
CIRCUIT, PEER = "pc-rehearsal-a", "bgp-rehearsal-a"
SERVICES: Mapping[str, tuple[str, Sequence[object]]] = {
    "http": ("http", ["a0", "b"]),
    "tcp": ("tcp", ["a1", "b"]),
    "udp": ("udp", ["a2", "b"]),
}
SHARES: Mapping[str, tuple[str, Sequence[object]]] = {
    "half": ("udp", [["a3", "b"]]),
    "third": ("udp", [["a4", "b", "c"]]),
}
"""Services that lose a share of their flows: for long enough, since few losses show no share."""

Record = dict[str, Any]
Truth = Mapping[str, Sequence[datetime]]


@dataclass(frozen=True)
class Run:
    """
    The journal and the record of a run, and when everything truly happened, by target and way.
    """

    journal: Record
    record: Record
    truth: Mapping[tuple[str, str], Truth]


@dataclass(frozen=True)
class Comparison:
    """
    An instant or a part of a target on one way, and by how much its bounds miss the truth.
    """

    target: str
    way: str
    name: str
    missed: float
    width: float

    @property
    def holds(self) -> bool:
        return self.missed <= SLACK


def topology(rng: random.Random) -> Record:
    """
    Return a topology in which everything takes its own random time.
    """
    has_shares = rng.random() < 0.5
    served = {**SERVICES, **SHARES} if has_shares else SERVICES
    lengths = {
        "starting": rng.uniform(0.2, 3.0),
        "stopping": rng.uniform(0.2, 3.0),
        "convergence": [0.0, 2.0],
        "revert_delay": [0.0, 3.0],
        "revert_loss": [1.0, 2.0] if has_shares else [0.05, 1.5],
    }
    shown = {"PHYSICALCONNECTION": {"Status": "Unavailable"}, "BGPPEER": {"BgpStatus": "Idle"}}
    late = {"fault": "stays-down", "seconds": rng.uniform(0.1, 4.0), "resource": "BGPPEER"}
    return {
        "extends": "dual-circuit",
        "settings": {
            **lengths,
            "sessions_fall": rng.choice(["cut", "detection", "detection"]),
            "while_testing": shown if rng.random() < 0.8 else {"BGPPEER": shown["BGPPEER"]},
            "restored_on": rng.choice(["Stopping", "Stopped"]),
            "loses": {"PHYSICALCONNECTION": rng.choice(["both", "out", "back"])},
        },
        "paths": {
            f"a{number}": {"over": CIRCUIT, "detection": [1.0 if has_shares else 0.05, 4.0]}
            for number in range(5)
        }
        | {name: {"over": "bgp-rehearsal-b"} for name in ("b", "c")},
        "services": {
            name: {"kind": kind, "port": free_port(), "paths": paths}
            for name, (kind, paths) in served.items()
        }
        | {"portal": {"kind": "http", "port": 0, "paths": ["b"]}}
        | {"echo": {"kind": "udp", "port": 0, "paths": ["b"]}}
        | {"ledger": {"kind": "tcp", "port": 0, "paths": ["b"]}},
        "faults": [late] if rng.random() < 0.5 else [],
    }


def play(folder: Path, seed: int) -> Run:
    """
    Cut a circuit, wait until all targets have settled, stop, and return what was seen and was so.
    """
    rng = random.Random(seed)
    document = topology(rng)
    file = folder / "topology.yaml"
    file.write_text(json.dumps(document), encoding="utf-8")
    configuration: Record = {
        "alibaba_cloud_region_id": "cn-hangzhou",
        "alibaba_cloud_vpc_endpoint": "emulator",
    }
    journal: Record = {"experiment": _experiment(), "status": "completed", "run": []}
    session = Session(_settings(file, document, rng), _experiment(), configuration, {})
    try:
        session.begin()
        actions.create_failover_test(**_test(), configuration=configuration)
        actions.start_failover_test("drill", configuration=configuration)
        sleep(rng.uniform(4.0, 7.0))
        session.settle()
        sleep(rng.uniform(0.0, 2.0))
        actions.stop_failover_test("drill", configuration=configuration)
        session.end(journal)
        truth = dict(_truths(configuration["alibaba_cloud_vpc_endpoint"]))
    finally:
        session.close()
    return Run(journal, make_record(journal), truth)


def _settings(file: Path, document: Record, rng: random.Random) -> Settings:
    services = {name: each for name, each in document["services"].items() if each["port"]}
    return Settings(
        topology=str(file),
        targets={
            name: {
                "url": f"{each['kind']}://127.0.0.1:{each['port']}",
                "interval": 0.02 if name in SHARES else rng.choice([0.05, 0.1, 0.2]),
            }
            for name, each in services.items()
        },
        baseline=rng.uniform(2.5, 4.0),
        after_stop=8.0,
        evidence=str(file.with_name("evidence.jsonl")),
    )


def _test() -> Record:
    return {"name": "drill", "resource_ids": [CIRCUIT], "duration_minutes": 5}


def _experiment() -> Record:
    create = {"func": "create_failover_test", "arguments": _test()}
    start = {"func": "start_failover_test", "arguments": {"test": "drill"}}
    provider = {"type": "python", "module": "chaosfailover.actions"}
    method = [
        {"type": "action", "name": each["func"], "provider": {**provider, **each}}
        for each in (create, start)
    ]
    return {"title": "Where the seconds went", "method": method}


def _truths(endpoint: str) -> Iterator[tuple[tuple[str, str], Truth]]:
    """
    Yield when each instant of each way of each target truly was, in every sense that it has.
    """
    network, services = (
        httpx.get(f"{endpoint}/_emulator/{what}").json()
        for what in ("ground-truth-of-network", "ground-truth")
    )
    now, utc = monotonic(), datetime.now(UTC)

    def at(time: Mapping[str, float], end: str) -> list[datetime]:
        return [] if time[end] is None else [utc - timedelta(seconds=now - time[end])]

    (job,) = (each for times in network["jobs"].values() for each in times)
    down, session = (network[what][each] for what, each in (("down", CIRCUIT), ("sessions", PEER)))
    everything = [each for times in network["down"].values() for each in times]
    for name in services:
        lost = [each for each in services[name] if each["start"] < job["end"]]
        lost_back = [each for each in services[name] if each["start"] >= job["end"]]
        yield (
            (name, "there"),
            {
                "accepted": at(job, "start"),
                "down": at(down[0], "start"),
                "session": [each for time in session[:1] for each in at(time, "start")],
                "routes": [each for time in network["routes"][PEER] for each in at(time, "start")],
                "loss": at(lost[0], "start") if lost else [],
                "recovered": at(lost[-1], "end") if lost else [],
            },
        )
        yield (
            (name, "back"),
            {
                "stopped": at(job, "end"),
                "resource": at(down[-1], "end"),
                "session": [each for time in session[-1:] for each in at(time, "end")],
                "loss": at(lost_back[0], "start") if lost_back else [],
                "reverted": at(lost_back[-1], "end") if lost_back else [],
                "as_before": [max(each for time in everything for each in at(time, "end"))],
            },
        )


def compared(run: Run) -> Iterator[Comparison]:
    """
    Compare each instant that was seen and each part between two of them with the truth.
    """
    for each in run.record["failover_parts"]:
        for way in ("there", "back"):
            truth = run.truth[each["target"], way]
            for name, bounds in each[way]["instants"].items():
                if bounds:
                    yield Comparison(each["target"], way, name, *_missed(bounds, truth[name]))
            for part in each[way]["parts"]:
                begins, ends = truth[part["begins"]], truth[part["ends"][-1]]
                name = " and ".join(part["ends"])
                lengths = [(end - begin).total_seconds() for begin in begins for end in ends]
                missed = [max(part["at_least"] - it, it - part["at_most"]) for it in lengths]
                width = part["at_most"] - part["at_least"]
                yield Comparison(
                    each["target"], way, f"part: {name}", max(missed, default=9e9), width
                )


def _missed(bounds: Mapping[str, str], truth: Sequence[datetime]) -> tuple[float, float]:
    earliest, latest = (datetime.fromisoformat(bounds[key]) for key in ("earliest", "latest"))
    missed = [max((earliest - at).total_seconds(), (at - latest).total_seconds()) for at in truth]
    return max(missed, default=9e9), (latest - earliest).total_seconds()
