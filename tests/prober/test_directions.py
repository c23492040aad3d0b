"""
Directions: losses on the way out and on the way back are told apart, over an emulated one-way cut.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from busy import measured_again
from measured_drill import measured_drill

from chaosfailover.cli.echo import serve
from chaosfailover.emulator import Emulator
from chaosfailover.prober.prober import Prober
from chaosfailover.prober.targets import parse_target

ANY = {"portal": 0, "echo": 0, "ledger": 0}
PATIENCE = 20.0
BUSY = 0.01  # by which a busy emulator reads its clock late
ONE_WAY = """
extends: dual-circuit
settings:
  loses: {{PHYSICALCONNECTION: {loses}}}
"""


@contextmanager
def responder() -> Iterator[int]:
    """
    Run the responder of `chaos failover echo` in a thread.
    """
    ports: list[int] = []
    ready = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def note(_: str, port: int) -> None:
        ports.append(port)
        ready.set()

    async def run() -> None:
        loops.append((asyncio.get_running_loop(), asyncio.Event()))
        await serve("127.0.0.1", 0, loops[0][1], note)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield ports[0]
    finally:
        loop, stopping = loops[0]
        loop.call_soon_threadsafe(stopping.set)
        thread.join(PATIENCE)


def drilled(emulator: Emulator, settings: dict[str, object]) -> dict[str, Any]:
    """
    Cut circuit a and return the row of the cut.
    """
    url = {"url": emulator.service_urls["echo"], "interval": 0.05, **settings}
    with Prober([parse_target("echo", url)], clock=time.monotonic) as prober:
        window = measured_drill(emulator, prober, ["echo"], baseline=1.0)
    entry = json.loads(json.dumps(prober.entry("echo", [window])))
    cut: dict[str, Any] = entry["cuts"][0]
    return cut


@pytest.mark.parametrize("settings", [{}, {"flows": 3}], ids=["ports", "flows"])
@pytest.mark.parametrize("loses", ["out", "back", "both"])
@measured_again
def test_loss_is_told_by_its_way(tmp_path: Path, loses: str, settings: dict[str, object]) -> None:
    """As the emulator lost it: out, back, or out where both were; the bounds hold the truth."""
    topology = tmp_path / "one-way.yaml"
    topology.write_text(ONE_WAY.format(loses=loses))
    with responder() as port:
        upstream = {"echo": f"127.0.0.1:{port}"}
        with Emulator(topology, auth=False, service_ports=ANY, upstreams=upstream) as emulator:
            cut = drilled(emulator, settings)
            truth = emulator.ground_truth()["echo"][0]

    told = cut["directions"]
    lost, other = ("back", "out") if loses == "back" else ("out", "back")
    seconds = (truth["end"] or 0.0) - truth["start"]
    length = told[lost]["failover"]
    assert length["at_least"] - BUSY <= seconds <= length["at_most"] + BUSY
    assert told[lost]["lost_during"] > 0
    flows = settings.get("flows", 1)
    # A reply that was under way when both ways were cut is lost on the way back.
    under_way = flows if loses == "both" else 0
    assert told[other]["lost_during"] <= under_way
    assert (told[other]["failover"] or {"at_least": 0.0})["at_least"] == 0.0
    assert told["not_known_during"] == 0
    assert told[lost]["flows"] == flows
    # Nothing that is lost on the way out tells of the way back.
    assert (told["back"]["unseen_during"] > 0.5) == (loses != "back")
