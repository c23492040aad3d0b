"""
The data plane from outside: real connections to a running emulator.
"""

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from emulator_callers import CREATE, flattened

from chaosfailover.emulator import Emulator

ANY = {"portal": 0, "echo": 0, "ledger": 0}
PATIENCE = 10.0


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """
    A dual-circuit emulator without signatures, on free ports.
    """
    with Emulator(auth=False, service_ports=ANY) as running:
        yield running


def call(emulator: Emulator, operation: str, **parameters: object) -> dict[str, object]:
    """
    Call an operation over HTTP.
    """
    headers = {"x-acs-action": operation, "x-acs-version": "2016-04-28"}
    reply = httpx.post(emulator.url, params=flattened(parameters), headers=headers)
    document: dict[str, object] = reply.raise_for_status().json()
    return document


def cut(emulator: Emulator) -> str:
    """
    Start a test of circuit a and skip to its beginning.
    """
    job_id = call(emulator, "CreateFailoverTestJob", **{**CREATE, "JobType": "StartNow"})["JobId"]
    emulator.advance(2.0)
    return str(job_id)


def path_of(emulator: Emulator, timeout: float = 0.3) -> str:
    """
    Return the path that the portal's answer took, `stalled` for none.
    """
    try:
        reply = httpx.get(emulator.service_urls["portal"], timeout=timeout)
    except httpx.TimeoutException:
        return "stalled"
    return reply.headers["x-failover-path"]


def echoes(emulator: Emulator, name: str, timeout: float = 0.3) -> bool:
    """
    Say whether a TCP or UDP service echoes in time.
    """
    url = urlsplit(emulator.service_urls[name])
    kind = socket.SOCK_DGRAM if url.scheme == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.settimeout(timeout)
        try:
            sock.connect((url.hostname, url.port))
            sock.send(b"hello")
            return sock.recv(100) == b"hello"
        except TimeoutError:
            return False


def eventually(emulator: Emulator, path: str) -> bool:
    """
    Say whether the portal answers over a path before patience runs out.
    """
    deadline = time.monotonic() + PATIENCE
    while path_of(emulator) != path:
        if time.monotonic() > deadline:
            return False
    return True


def test_services_answer_over_the_preferred_path(emulator: Emulator) -> None:
    reply = httpx.get(emulator.service_urls["portal"])

    assert (reply.status_code, reply.text) == (200, "portal over path a\n")
    assert echoes(emulator, "echo")
    assert echoes(emulator, "ledger")


def test_a_cut_stalls_the_traffic_then_moves_it_and_moves_it_back(emulator: Emulator) -> None:
    job_id = cut(emulator)
    stalled = [path_of(emulator) == "stalled", echoes(emulator, "echo"), echoes(emulator, "ledger")]
    moved = eventually(emulator, "b"), echoes(emulator, "echo"), echoes(emulator, "ledger")
    call(emulator, "StopFailoverTestJob", JobId=job_id)
    emulator.advance(2.0)
    back = eventually(emulator, "a")

    assert stalled == [True, False, False]
    assert moved == (True, True, True)
    assert back


def test_ground_truth_tells_the_outages(emulator: Emulator) -> None:
    """
    A cut with BFD stalls for about 0.9 s, the way back for about 0.2 s.
    """
    began = time.monotonic()
    job_id = cut(emulator)
    eventually(emulator, "b")
    call(emulator, "StopFailoverTestJob", JobId=job_id)
    emulator.advance(2.0)
    eventually(emulator, "a")
    truth = emulator.ground_truth()
    lengths = [(each["end"] or 0.0) - each["start"] for each in truth["portal"]]

    assert set(truth) == {"portal", "echo", "ledger"}
    assert len(lengths) == 2
    assert 0.85 < lengths[0] < 2.0
    assert 0.15 < lengths[1] < 1.0
    assert began <= truth["portal"][0]["start"] <= time.monotonic()
    assert str(truth["portal"][0]["start_utc"]).endswith("+00:00")


def test_an_open_connection_stalls_and_recovers(emulator: Emulator) -> None:
    """
    A stall holds a connection that is already open, and TCP delivers afterwards.
    """
    url = urlsplit(emulator.service_urls["ledger"])
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=PATIENCE) as sock:
        sock.send(b"before")
        before = sock.recv(100)
        cut(emulator)
        time.sleep(0.1)
        sock.send(b"during")
        sent = time.monotonic()
        during = sock.recv(100)
        waited = time.monotonic() - sent

    assert (before, during) == (b"before", b"during")
    assert waited > 0.5


def test_a_broken_standby_never_recovers() -> None:
    """
    All looks well from the API, but nothing comes through while the circuit is cut.
    """
    with Emulator("broken-standby", auth=False, service_ports=ANY) as emulator:
        cut(emulator)
        emulator.advance(30.0)
        seen = [path_of(emulator) for _ in range(3)]
        peers = call(emulator, "DescribeBgpPeers", RegionId="cn-hangzhou")["BgpPeers"]

    assert seen == ["stalled"] * 3
    assert [each["BgpStatus"] for each in peers["BgpPeer"]] == ["Down", "Established"]  # type: ignore[index]


def test_time_can_be_sped_up() -> None:
    """
    With a minute of one second, a five-minute test ends within seconds.
    """
    with Emulator(auth=False, minute=1.0, service_ports=ANY) as emulator:
        job_id = call(emulator, "CreateFailoverTestJob", **{**CREATE, "JobType": "StartNow"})
        deadline = time.monotonic() + 2 * PATIENCE
        status = ""
        while status != "Stopped" and time.monotonic() < deadline:
            time.sleep(0.1)
            found = call(emulator, "DescribeFailoverTestJob", JobId=job_id["JobId"])
            status = found["FailoverTestJobModel"]["Status"]  # type: ignore[index]

    assert status == "Stopped"
