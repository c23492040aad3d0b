"""
Flows apart: which of them a cut takes, over the emulator's equal paths.
"""

import asyncio
import json
import random
import socket
import struct
import threading
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from busy import measured_again
from loopback import served, udp_echo, until
from measured_drill import measured_drill

from chaosfailover.emulator import Emulator
from chaosfailover.outages.measured import CutWindow
from chaosfailover.outages.outage import Outage
from chaosfailover.prober.echo_datagrams import Responder
from chaosfailover.prober.measurement import Measurement
from chaosfailover.prober.prober import Prober
from chaosfailover.prober.targets import Target, parse_target
from chaosfailover.record.evidence import read_evidence

ANY = {"portal": 0, "echo": 0, "ledger": 0}
FLOWS = 8
PATIENCE = 20.0
BUSY = 0.01  # by which a busy emulator reads its clock late
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


def targets(emulator: Emulator) -> list[Target]:
    return [
        parse_target(
            name, {"url": emulator.service_urls[name], "flows": FLOWS, "interval": 0.1, **settings}
        )
        for name, settings in SETTINGS.items()
    ]


def drilled(emulator: Emulator) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """
    Cut circuit a while all services are checked; return the entries of the journal and the truth.
    """
    with Prober(targets(emulator), clock=time.monotonic) as prober:
        window = measured_drill(emulator, prober, emulator.ground_truth(), baseline=1.5)
        truth = emulator.ground_truth()
    entries = {name: prober.entry(name, [window]) for name in SETTINGS}
    return json.loads(json.dumps(entries)), {name: list(each) for name, each in truth.items()}


@measured_again
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
        assert all(flow["failover"]["at_most"] >= seconds - BUSY for flow in lost), name
        if name == "echo":
            assert all(flow["failover"]["at_least"] <= seconds + BUSY for flow in lost)
        assert entry["summary"]["flows"] == FLOWS
        assert len({flow["port"] for flow in cut["flows"]}) == FLOWS
        assert after["flows_seen"] == FLOWS


class Stalling:
    """
    A line echo that can hold its answers back, and reset or close its connections.
    """

    def __init__(self) -> None:
        self.held = False
        self.connections: list[StreamWriter] = []

    async def echo(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connections.append(writer)
        while line := await reader.readline():
            while self.held:
                await asyncio.sleep(0.01)
            writer.write(line)

    def reset(self) -> None:
        """
        End all connections as a firewall or a restarted host does.
        """
        for writer in self.connections:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


@contextmanager
def held(service: Stalling, flows: int = 2) -> Iterator[Prober]:
    """
    Check flows of a service until each has been answered.
    """
    with served(service.echo) as port:
        settings = {"persistent": True, "send": "ping\n", "expect": "ping", "flows": flows}
        target = parse_target(
            "it", {"url": f"tcp://127.0.0.1:{port}", "interval": 0.02, **settings}
        )
        with Prober([target], timeout=0.2) as prober:
            until(lambda: prober.summary("it").sent >= 10 * flows)
            yield prober


def settle(prober: Prober) -> None:
    """
    Wait until some more checks were answered.
    """
    sent = prober.summary("it").sent
    until(lambda: prober.summary("it").sent > sent + 40)


def row(prober: Prober, window: CutWindow) -> dict[str, Any]:
    cut: dict[str, Any] = json.loads(json.dumps(prober.entry("it", [window])))["cuts"][0]
    return cut


@measured_again
def test_connection_that_stalls_is_held_until_it_goes_on() -> None:
    """Its stall is one outage, longer than the time limit of a check; it survives."""
    service = Stalling()
    with held(service) as prober:
        window = CutWindow("drill", prober.mark())
        service.held = True
        until(lambda: (prober.current_outage("it") or (0, 0))[0] > 0.5)
        service.held = False
        until(lambda: prober.current_outage("it") is None)
        settle(prober)
        window.stop_at = prober.mark()
    flows = row(prober, window)["flows"]

    assert [flow["connection"] for flow in flows] == ["survived"] * 2
    assert all(flow["failover"]["at_most"] > 0.5 for flow in flows)
    assert len(service.connections) == 2
    assert prober.summary("it").count == 2


def test_connection_that_is_reset_is_told_and_replaced() -> None:
    """The stall before the reset is bounded, and the flow goes on over another port."""
    service = Stalling()
    with held(service) as prober:
        window = CutWindow("drill", prober.mark())
        service.held = True
        until(lambda: (prober.current_outage("it") or (0, 0))[0] > 0.5)
        service.reset()
        service.held = False
        until(lambda: prober.current_outage("it") is None)
        window.stop_at = prober.mark()
    flows = row(prober, window)["flows"]
    series = prober.series("it")["flows"]

    assert [flow["connection"] for flow in flows] == ["reset"] * 2
    assert all(0 < flow["stalled"]["at_least"] < flow["failover"]["at_most"] for flow in flows)
    assert isinstance(series, list)
    assert [len(each["connections"]) for each in series] == [2, 2]
    assert len({link["port"] for each in series for link in each["connections"]}) == 4


def test_held_flows_leave_nothing_open() -> None:
    """After stop, no task and no socket is left, though all connections stalled."""
    service = Stalling()
    before = set(threading.enumerate())
    with held(service) as prober:
        service.held = True
        until(lambda: prober.current_outage("it") is not None)
        files = len(list(Path("/proc/self/fd").iterdir()))
        prober.stop()
        until(lambda: len(list(Path("/proc/self/fd").iterdir())) < files)
        service.held = False

    assert set(threading.enumerate()) == before


def test_udp_flows_keep_their_ports_and_state_asks_all_of_them() -> None:
    """The target is down from the first flow that is lost until the last is back."""
    lost: set[bytes] = set()
    nonces: set[bytes] = set()
    changes: list[Outage] = []

    def answer(data: bytes) -> bytes | None:
        nonces.add(data[4:12])
        return None if data[4:12] in lost else data

    with udp_echo(answer) as port:
        target = parse_target(
            "it", {"url": f"udp://127.0.0.1:{port}", "interval": 0.02, "flows": 3}
        )
        with Prober(
            [target], timeout=0.2, on_change=lambda _, outage: changes.append(outage)
        ) as prober:
            until(lambda: prober.summary("it").sent >= 30)
            ports = flow_ports(prober)
            first, second, _ = nonces
            lost.add(first)
            until(lambda: prober.current_outage("it") is not None)
            lost.add(second)
            until(lambda: len(prober.summary("it").outages) == 2)
            lost.remove(first)
            until(lambda: sum(outage.ongoing for outage in prober.summary("it").outages) == 1)
            down = prober.current_outage("it")
            lost.remove(second)
            until(lambda: prober.current_outage("it") is None)
            until(lambda: len(changes) == 2)
            assert flow_ports(prober) == ports
    summary = prober.summary("it")

    assert down is not None
    assert len(nonces) == len(ports) == 3
    assert [change.ongoing for change in changes] == [True, False]
    assert changes[1].lost == summary.lost
    assert sorted(outage.flow or 0 for outage in summary.outages) != [1, 1]
    assert (summary.flows, summary.count) == (3, 2)


def flow_ports(prober: Prober) -> list[int]:
    flows = prober.series("it")["flows"]
    assert isinstance(flows, list)
    return [link["port"] for each in flows for link in each["connections"]]


def test_evidence_holds_the_flows() -> None:
    """A run that was killed has the same flows, with ports, ways and connections."""
    responder = Responder()
    silent: list[bool] = []

    def answer(data: bytes) -> bytes | None:
        reply = responder.answer(data)
        return None if silent else reply

    with udp_echo(answer) as port:
        target = parse_target(
            "it", {"url": f"udp://127.0.0.1:{port}", "interval": 0.02, "flows": 3}
        )
        measurement = Measurement([target], 0.1, 0.2)
        measurement.start()
        until(lambda: measurement.summaries()[0].sent >= 30)
        measurement.listen({"kind": "cut", "test": "drill", "job_id": "ftj-1", "at": ""})
        silent.append(True)
        until(lambda: measurement.current_outage("it") is not None)
        lines: list[Any] = [measurement.take(final=True)]
        silent.clear()
        until(lambda: measurement.current_outage("it") is None)
        measurement.stop()
    lines.append(measurement.take(final=True))
    windows = {"0": asdict(measurement.windows[0])}
    about = {"journal": {"failover": {"measured": measurement.about(), "windows": windows}}}
    written = "\n".join(json.dumps(line) for line in (about, *lines)) + "\n"
    read = read_evidence(written.encode()).journal["failover"]["targets"]["it"]
    live = json.loads(json.dumps(measurement.as_dict()))["it"]

    assert json.loads(json.dumps(read)) == live
    assert live["cuts"][0]["directions"]["back"]["flows"] == 3
    assert live["cuts"][0]["directions"]["out"]["flows"] == 0
