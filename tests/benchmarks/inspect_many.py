"""
Time the inspection of 300 circuits in 20 regions and 5 accounts, without routes and with them.

    PYTHONPATH=tests/helpers python tests/benchmarks/inspect_many.py [--answer-time 0.1]

The same calls are first made one after another; the time that the emulator takes to answer them,
divided by the width of the pool, is what a perfect pool would need. The emulator is a process of
its own and answers every call --answer-time seconds later than it could, as a cloud far away does.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

import httpx
import yaml
from accounts import LARGE, places

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.regions import POOL_WIDTH, Place, ask_places
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.inspection.circuits import CircuitRow, inspection
from chaosfailover.network.reading import read_region
from chaosfailover.network.snapshot import read_snapshot

PER_VBR, PER_PLACE = 6, 6
"""The calls that routes take at most for each VBR, and for each place with a CEN."""


@contextmanager
def emulator(answer_time: float) -> Iterator[str]:
    """
    Run the emulator of the 300 circuits as a process, and yield its URL.
    """
    slow = {"fault": "slow", "seconds": answer_time}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.yaml"
        file.write_text(yaml.safe_dump({**LARGE, "faults": [slow]}), encoding="utf-8")
        arguments = ["--topology", str(file), "--port", "0"]
        running = subprocess.Popen(
            [sys.executable, "-m", "chaosfailover.emulator", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert running.stdout
            found = re.search(r"http://127\.0\.0\.1:\d+", running.stdout.readline())
            assert found
            yield found[0]
        finally:
            running.terminate()
            running.wait()


class Timing(httpx.BaseTransport):
    """
    Counts the calls of all its clients, and adds up how long the emulator took to answer them.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.seconds = 0.0
        self._inner = httpx.HTTPTransport()
        self._lock = Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.calls[request.headers["x-acs-action"]] += 1
        began = time.perf_counter()
        response = self._inner.handle_request(request)
        response.read()
        self.seconds += time.perf_counter() - began
        return response

    def close(self) -> None:
        """
        Stay open for the next client.
        """


def opener(url: str, timing: Timing) -> Callable[[Place], VpcClient]:
    """
    Return what opens a client for each place, all over one transport.
    """

    def open_client(place: Place) -> VpcClient:
        key = Credentials(f"key-{place.account}", f"secret-{place.account}")
        return VpcClient(place.region_id, lambda: key, endpoint=url, transport=timing)

    return open_client


def with_sessions(client: VpcClient) -> list[CircuitRow]:
    """
    Inspect a region as without `--routes`.
    """
    return inspection(read_snapshot(client), datetime.now(UTC))


def with_routes(client: VpcClient) -> list[CircuitRow]:
    """
    Inspect a region as with `--routes`.
    """
    snapshot, routing = read_region(client)
    assert not routing.unread
    return inspection(snapshot, datetime.now(UTC), routing)


def inspected(
    url: str, width: int, question: Callable[[VpcClient], list[CircuitRow]]
) -> tuple[float, Timing, int]:
    """
    Inspect everything with a pool of this width; return the time, the calls and the findings.
    """
    timing = Timing()
    began = time.perf_counter()
    answers = ask_places(
        places(LARGE),
        opener(url, timing),
        question,
        width=width,
    )
    seconds = time.perf_counter() - began
    assert [answer.error for answer in answers if answer.error] == []
    return seconds, timing, sum(len(answer.value or ()) for answer in answers)


def main() -> None:
    """
    Print the figures; fails if the promise is not kept.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answer-time", type=float, default=0.1)
    most = {with_sessions: 5 * len(places(LARGE)), with_routes: 5 * len(places(LARGE))}
    most[with_routes] += PER_VBR * 300 + PER_PLACE * len(places(LARGE))
    with emulator(parser.parse_args().answer_time) as url:
        for question, calls in most.items():
            _, alone, _ = inspected(url, 1, question)
            seconds, timing, rows = inspected(url, POOL_WIDTH, question)
            show(question.__name__, seconds, timing, rows, alone.seconds / POOL_WIDTH)
            assert timing.calls.total() <= calls


def show(name: str, seconds: float, timing: Timing, rows: int, ideal: float) -> None:
    """
    Print the figures of one way to inspect, and hold them against the promise.
    """
    total = timing.calls.total()
    print(f"{name}: {rows} findings; {total} calls, {dict(timing.calls)}")
    print(f"  answers one after another, divided by {POOL_WIDTH}: {ideal:.2f} s")
    print(f"  {seconds:.2f} s, {seconds / ideal:.2f} times that; promised: at most 2")
    print(f"  {1000 * seconds * POOL_WIDTH / total:.0f} ms of a thread for each call")
    assert seconds <= 2 * ideal


if __name__ == "__main__":
    main()
