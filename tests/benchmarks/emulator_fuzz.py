"""
Fuzz the emulator for minutes: malformed requests in process, and nonsense over raw sockets.

    python tests/benchmarks/emulator_fuzz.py --seconds 300
"""

import argparse
import random
import re
import socket
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.wire import Request

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

from emulator_fuzzing import admin_requests, half_formed, malformed

FREE = {"portal": 0, "echo": 0, "ledger": 0}
PIECES = [
    *(b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n", b"BREW / HTTP/9.9\r\n", b"\r\n\r\n"),
    *(b"Host: x\r\n", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"Connection: close\r\n"),
    *(b"x-acs-action: CreateFailoverTestJob\r\n", b"x-acs-version: 2016-04-28\r\n", b"a" * 70000),
    *(b"Expect: 100-continue\r\n", b"Upgrade: websocket\r\n", b"\x00\xff\xfe", b"Date: \xff\r\n"),
]


def fuzz_in_process(seconds: float, seen: Counter[str]) -> None:
    """
    Send hypothesis' requests to an emulator with and one without signatures, until time is over.
    """
    open_one, signed = Emulator(auth=False), Emulator()
    deadline = time.monotonic() + seconds
    requests = st.one_of(half_formed(), malformed(), admin_requests())

    @settings(
        max_examples=500,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests)
    def send(request: Request) -> None:
        for name, emulator in (("open", open_one), ("signed", signed)):
            url = f"{request.path}?{request.query}"
            reply = emulator.handle(request.method, url, request.headers, request.body)
            armed = bool(emulator.cloud.faults.faults)
            assert reply.status < 500 or armed, (request, reply)
            assert b"Traceback" not in reply.body, (request, reply)
            seen[f"{name} {reply.status}"] += 1
            emulator.cloud.faults.faults.clear()

    while time.monotonic() < deadline:
        send()
        open_one.cloud.reset()


def fuzz_sockets(seconds: float, seen: Counter[str]) -> None:
    """
    Throw pieces of HTTP at the API's port and at the portal's, until time is over.
    """
    chance = random.Random(1)
    deadline = time.monotonic() + seconds
    with Emulator(auth=False, service_ports=FREE) as emulator:
        urls = [urlsplit(emulator.url), urlsplit(emulator.service_urls["portal"])]
        while time.monotonic() < deadline:
            url = chance.choice(urls)
            data = b"".join(chance.choices(PIECES, k=chance.randint(1, 8)))
            reply = exchange((url.hostname or "", url.port or 0), data)
            status = re.match(rb"HTTP/1\.1 (\d+)", reply)
            assert b"Traceback" not in reply, (data, reply)
            assert not reply.startswith(b"HTTP/1.1 5"), (data, reply)
            seen[f"socket {status[1].decode() if status else 'closed'}"] += 1


def exchange(address: tuple[str, int], data: bytes) -> bytes:
    """
    Send bytes, say that there are no more, and return what comes.
    """
    with socket.create_connection(address, timeout=2.0) as sock:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            return sock.recv(65536)
        except OSError:
            return b""


def main() -> None:
    """
    Print how many requests got which answer.
    """
    parser = argparse.ArgumentParser(description="Fuzz the emulator.")
    parser.add_argument("--seconds", type=float, default=300.0)
    seconds = parser.parse_args().seconds
    seen: Counter[str] = Counter()
    fuzz_in_process(seconds * 0.7, seen)
    fuzz_sockets(seconds * 0.3, seen)
    for answer, count in sorted(seen.items()):
        print(f"{count:>8}  {answer}")


if __name__ == "__main__":
    main()
