"""
The load of the prober: a hundred targets, ten checks a second each, in one process.

    python tests/benchmarks/load.py [--scheme http|https|tcp|udp] [--hang SHARE] [--targets 100]
                                    [--flows 0] [--interval 0.1] [--seconds 60] [--responder]

The servers run in a process of their own, so that the figures are those of the prober.
"""

import argparse
import asyncio
import os
import resource
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

from chaosfailover.outages.outage import Length
from chaosfailover.outages.summary import Summary
from chaosfailover.prober.echo_datagrams import Responder
from chaosfailover.prober.prober import Prober
from chaosfailover.prober.targets import Target, parse_target

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
EXTRA: dict[str, dict[str, object]] = {
    "https": {"verify": False},
    "tcp": {"send": "x", "expect": "ok"},
}


class Answer(asyncio.Protocol):
    """
    Answers every request with a small page, and closes the connection unless it is to be `kept`.
    """

    kept = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002
        self.transport.write(REPLY.replace(b"close", b"keep-alive") if self.kept else REPLY)
        if not self.kept:
            self.transport.close()


class Silence(asyncio.Protocol):
    """
    Accepts connections and never answers.
    """


class Echo(asyncio.DatagramProtocol):
    """
    Sends every datagram back.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)


class Kept(Answer):
    """
    Answers every request on one connection.
    """

    kept = True


class Reporting(Echo):
    """
    Answers as `chaos failover echo` does.
    """

    def __init__(self) -> None:
        self._responder = Responder()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if reply := self._responder.answer(data):
            self.transport.sendto(reply, addr)


def certificate() -> ssl.SSLContext:
    with tempfile.TemporaryDirectory() as folder:
        command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost"
        subprocess.run(
            ["openssl", *command.split(), "-keyout", "k", "-out", "c"],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Path(folder, "c"), Path(folder, "k"))
        return context


async def serve(scheme: str, count: int, hanging: int, *, kept: bool, reports: bool) -> None:
    """
    Serve until killed; the ports are the first line of the output.
    """
    loop = asyncio.get_running_loop()
    tls = certificate() if scheme == "https" else None
    ports: list[int] = []
    for index in range(count):
        if scheme == "udp":
            transport, _ = await loop.create_datagram_endpoint(
                Reporting if reports else Echo, ("127.0.0.1", 0)
            )
            ports.append(transport.get_extra_info("sockname")[1])
        else:
            kind = Silence if index < hanging else Kept if kept else Answer
            server = await loop.create_server(kind, "127.0.0.1", 0, ssl=tls, backlog=4096)
            ports.append(server.sockets[0].getsockname()[1])
    print(*ports, flush=True)
    await asyncio.sleep(86400)


def target(scheme: str, index: int, port: int, flows: int) -> Target:
    settings: dict[str, object] = {"url": f"{scheme}://127.0.0.1:{port}"}
    if flows:
        settings |= {"flows": flows} | ({"persistent": True} if scheme != "udp" else {})
    return parse_target(f"target-{index}", settings | EXTRA.get(scheme, {}))


def memory() -> float:
    """
    Return the resident memory in MiB.
    """
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def run(prober: Prober, seconds: float) -> None:
    """
    Run the prober and print its figures.
    """
    usage, began = os.times(), time.monotonic()
    points: list[str] = []
    with prober:
        for share in (0.1, 0.4, 0.7, 1.0):
            time.sleep(max(0.0, began + seconds * share - time.monotonic()))
            points.append(f"{memory():.1f}")
        took, now = time.monotonic() - began, os.times()
    report(list(prober.summaries().values()), took, now.user + now.system - usage[0] - usage[1])
    print(f"memory in MiB along the run: {', '.join(points)}")
    stopped = time.monotonic() - began - took
    print(
        f"stopped in {stopped:.2f} s, {len(list(Path('/proc/self/fd').iterdir()))} files left open"
    )


def report(summaries: list[Summary], took: float, cpu: float) -> None:
    sent = sum(summary.sent for summary in summaries)
    late = sorted(summary.lateness.p50 for summary in summaries if summary.lateness)
    worst = [(each.p99, each.most) for summary in summaries if (each := summary.lateness)]
    healthy = [summary for summary in summaries if not summary.lost]
    gaps = sum(summary.unmeasured for summary in summaries)
    print(f"{sent} checks in {took:.1f} s: {sent / took:.0f} a second, {cpu / took:.2f} of a core")
    print(
        f"lateness: median {late[len(late) // 2] * 1000:.2f} ms, "
        f"worst target's p99 {max(p99 for p99, _ in worst) * 1000:.2f} ms, "
        f"greatest {max(most for _, most in worst) * 1000:.1f} ms"
    )
    print(f"targets without loss: {len(healthy)} of {len(summaries)}; not measured: {gaps:.2f} s")
    print(f"longest outage of those: {max([s.longest for s in healthy], default=Length(0, 0))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--scheme", default="http", choices=["http", "https", "tcp", "udp"])
    parser.add_argument("--hang", type=float, default=0.0, help="share of targets that hang")
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--flows", type=int, default=0, help="flows of each target")
    parser.add_argument("--responder", action="store_true", help="answer as chaos failover echo")
    parser.add_argument("--interval", type=float, default=0.1)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    hanging = round(given.hang * given.targets)
    if given.serve:
        kept, reports = given.flows > 0, given.responder
        asyncio.run(serve(given.scheme, given.targets, hanging, kept=kept, reports=reports))
        return
    command = [sys.executable, __file__, *sys.argv[1:], "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        ports = [int(port) for port in server.stdout.readline().split()]
        print(f"{given.targets} {given.scheme} targets, {hanging} hang, each {given.interval:g} s")
        targets = [
            target(given.scheme, index, port, given.flows) for index, port in enumerate(ports)
        ]
        run(Prober(targets, given.interval), given.seconds)
        server.kill()


if __name__ == "__main__":
    main()
