"""
Describe calls per second: the emulator against `moto_server`, in pairs in the same run.

    pip install 'moto[server]' && python tests/benchmarks/emulator_against_moto.py

Both servers run as a process of their own and describe two circuits: DescribePhysicalConnections
here, DescribeConnections of Direct Connect there. The emulator verifies a signature per request,
moto verifies none. Requests are made beforehand, and clients keep connections open where the
server lets them; moto's server closes them, so the emulator is measured both ways.
"""

import argparse
import http.client
import json
import re
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chaosfailover.emulator.signatures import signature_v3
from chaosfailover.emulator.wire import Request

EMULATOR = [sys.executable, "-m", "chaosfailover.emulator", "--port=0"]
FREE = [f"--service-port={name}=0" for name in ("portal", "echo", "ledger")]
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
MOTO = {
    "Content-Type": "application/x-amz-json-1.1",
    "Authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/directconnect/aws4_request",
}


@dataclass(frozen=True)
class Prepared:
    """
    A request that is ready to be sent.
    """

    path: str
    body: str
    headers: dict[str, str]


def emulator_request(address: str) -> Prepared:
    """
    Sign a DescribePhysicalConnections.
    """
    headers = {
        "host": address,
        "x-acs-action": "DescribePhysicalConnections",
        "x-acs-content-sha256": EMPTY,
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-version": "2016-04-28",
    }
    query = "RegionId=cn-hangzhou"
    names = tuple(sorted(headers))
    signature, _ = signature_v3(Request("POST", "/", query, headers), names, "emulator-secret")
    claim = f"Credential=emulator,SignedHeaders={';'.join(names)},Signature={signature}"
    return Prepared(f"/?{query}", "", {**headers, "authorization": f"ACS3-HMAC-SHA256 {claim}"})


def moto_request(operation: str, body: dict[str, str]) -> Prepared:
    """
    Make a request of Direct Connect.
    """
    target = {"X-Amz-Target": f"OvertureService.{operation}"}
    return Prepared("/", json.dumps(body), {**MOTO, **target})


def send(connection: http.client.HTTPConnection, prepared: Prepared) -> bytes:
    """
    Send one request and return the body of its 200 answer.
    """
    connection.request("POST", prepared.path, prepared.body, prepared.headers)
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, body
    return body


def rate(address: str, batches: list[list[Prepared]], *, reconnect: bool) -> float:
    """
    Send batches of requests, each from a thread of its own; returns calls per second.
    """

    def run(batch: list[Prepared]) -> None:
        connection = http.client.HTTPConnection(address)
        for prepared in batch:
            send(connection, prepared)
            if reconnect:
                connection.close()
        connection.close()

    threads = [threading.Thread(target=run, args=(batch,)) for batch in batches]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(map(len, batches)) / (time.perf_counter() - began)


@contextmanager
def serving(command: list[str], stream: str) -> Iterator[str]:
    """
    Run a server and yield its address, which it writes to stdout or stderr.
    """
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        for line in getattr(process, stream):
            if found := re.search(r"http://([0-9.]+:\d+)", line):
                break
        else:
            raise RuntimeError(f"{command} did not start")
        for pipe in (process.stdout, process.stderr):
            threading.Thread(target=lambda source=pipe: list(source), daemon=True).start()
        yield found[1]
    finally:
        process.kill()
        process.wait()


def furnish(address: str) -> None:
    """
    Make two connections in moto.
    """
    for name in ("a", "b"):
        given = {"location": "EqDC2", "bandwidth": "1Gbps", "connectionName": name}
        send(http.client.HTTPConnection(address), moto_request("CreateConnection", given))


def measure(
    address: str, clients: int, calls: int, make: Callable[[], Prepared], *, reconnect: bool
) -> float:
    """
    Measure one round.
    """
    batches = [[make() for _ in range(calls // clients)] for _ in range(clients)]
    return rate(address, batches, reconnect=reconnect)


def main() -> None:
    """
    Print a table of rates and ratios.
    """
    parser = argparse.ArgumentParser(description="Compare the emulator with moto_server.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=240)
    given = parser.parse_args()
    moto = [sys.executable, "-m", "moto.server", "-p", "0"]
    with serving([*EMULATOR, *FREE], "stdout") as ours, serving(moto, "stderr") as theirs:
        furnish(theirs)
        print(f"{'clients':>7}  {'emulator':>9}  {'reconnecting':>12}  {'moto':>6}  ratios")
        for clients in (1, 8):
            rows = [_round(ours, theirs, clients, given.calls) for _ in range(given.rounds)]
            kept, new, moto_rate = (statistics.median(column) for column in zip(*rows, strict=True))
            pairs = [(row[0] / row[2], row[1] / row[2]) for row in rows]
            ratio, ratio_new = (statistics.median(each) for each in zip(*pairs, strict=True))
            print(
                f"{clients:>7}  {kept:>7.0f}/s  {new:>10.0f}/s  {moto_rate:>4.0f}/s"
                f"  {ratio:.1f} and {ratio_new:.1f} reconnecting"
            )


def _round(ours: str, theirs: str, clients: int, calls: int) -> tuple[float, float, float]:
    def ask_moto() -> Prepared:
        return moto_request("DescribeConnections", {})

    def ask_us() -> Prepared:
        return emulator_request(ours)

    return (
        measure(ours, clients, calls, ask_us, reconnect=False),
        measure(ours, clients, calls, ask_us, reconnect=True),
        measure(theirs, clients, calls, ask_moto, reconnect=True),
    )


if __name__ == "__main__":
    main()
