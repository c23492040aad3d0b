"""
The data plane from outside: real connections to a running emulator.
"""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from busy import measured_again
from chaos_command import free_port
from emulator_callers import CREATE, flattened

from chaosfailover.emulator import Emulator

ANY = {"portal": 0, "echo": 0, "ledger": 0}
PATIENCE = 10.0


PATIENT = """
extends: dual-circuit
paths:
  a: {detection: bgp-hold}
"""


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    """
    A dual-circuit emulator without signatures, on free ports, whose traffic stalls for 30 s.
    """
    topology = tmp_path / "patient.yaml"
    topology.write_text(PATIENT)
    with Emulator(topology, auth=False, service_ports=ANY) as running:
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


def test_a_closed_session_moves_the_traffic_at_once(tmp_path: Path) -> None:
    """Nothing is lost, also on a path that would stall for 30 s."""
    topology = tmp_path / "told.yaml"
    topology.write_text(f"{PATIENT}settings: {{cut_is: {{PHYSICALCONNECTION: session-closed}}}}")
    with Emulator(topology, auth=False, service_ports=ANY) as emulator:
        cut(emulator)

        assert path_of(emulator, PATIENCE) == "b"
        assert echoes(emulator, "echo", PATIENCE)
        assert emulator.ground_truth()["portal"] == []


def test_a_cut_stalls_the_traffic_then_moves_it_and_moves_it_back(emulator: Emulator) -> None:
    job_id = cut(emulator)
    stalled = path_of(emulator), echoes(emulator, "echo"), echoes(emulator, "ledger")
    emulator.advance(30.0)
    moved = eventually(emulator, "b"), echoes(emulator, "echo"), echoes(emulator, "ledger")
    call(emulator, "StopFailoverTestJob", JobId=job_id)
    emulator.advance(2.0)
    back = eventually(emulator, "a")

    assert stalled == ("stalled", False, False)
    assert moved == (True, True, True)
    assert back


@measured_again
def test_ground_truth_tells_the_outages() -> None:
    """
    A cut with BFD stalls for about 0.9 s, the way back for about 0.2 s.
    """
    with Emulator(auth=False, service_ports=ANY) as emulator:
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
    assert 0.85 < lengths[0] < 5.0
    assert 0.15 < lengths[1] < 5.0
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
        sock.settimeout(0.3)
        sock.send(b"during")
        with pytest.raises(TimeoutError):
            sock.recv(100)
        emulator.advance(30.0)
        sock.settimeout(PATIENCE)
        after = sock.recv(100)

    assert (before, after) == (b"before", b"during")


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
    With a minute of one second, a one-minute test ends within seconds.
    """
    given = {**CREATE, "JobType": "StartNow", "JobDuration": 1}
    with Emulator(auth=False, minute=1.0, service_ports=ANY) as emulator:
        job_id = call(emulator, "CreateFailoverTestJob", **given)
        deadline = time.monotonic() + 2 * PATIENCE
        status = ""
        while status != "Stopped" and time.monotonic() < deadline:
            time.sleep(0.1)
            found = call(emulator, "DescribeFailoverTestJob", JobId=job_id["JobId"])
            status = found["FailoverTestJobModel"]["Status"]  # type: ignore[index]

    assert status == "Stopped"


@pytest.fixture
def standby(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """
    An emulator of a topology whose traffic has had time to move to the standby.
    """
    with Emulator(request.param, auth=False, service_ports=ANY) as emulator:
        cut(emulator)
        emulator.advance(1.0)
        yield emulator


@pytest.mark.parametrize("standby", ["slow-standby"], indirect=True)
def test_a_slow_standby_is_slow(standby: Emulator) -> None:
    began = time.monotonic()
    answered = path_of(standby, PATIENCE)
    waited = time.monotonic() - began

    assert answered == "b"
    assert waited >= 0.4
    assert not echoes(standby, "echo", timeout=0.3)
    assert echoes(standby, "echo", timeout=PATIENCE)


@pytest.mark.parametrize("standby", ["lossy-standby"], indirect=True)
def test_a_lossy_standby_loses_some(standby: Emulator) -> None:
    """
    Three in ten datagrams are lost; TCP gets through by sending again.
    """
    url = urlsplit(standby.service_urls["echo"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((url.hostname, url.port))
        sock.settimeout(0.5)
        for number in range(200):
            sock.send(b"%d" % number)
        came = sum(1 for _ in received(sock))

    assert 80 < came < 190
    assert path_of(standby, PATIENCE) == "b"


def received(sock: socket.socket) -> Iterator[bytes]:
    """
    Yield datagrams until none come.
    """
    while True:
        try:
            yield sock.recv(100)
        except TimeoutError:
            return


@pytest.mark.parametrize("standby", ["no-standby"], indirect=True)
def test_a_standby_that_is_missing_takes_nothing_over(standby: Emulator) -> None:
    assert [path_of(standby) for _ in range(2)] == ["stalled"] * 2


def test_the_health_check_takes_sixteen_seconds() -> None:
    """
    Sixteen emulated seconds, of which a minute lasts six real ones here.
    """
    with Emulator("health-check", auth=False, minute=6.0, service_ports=ANY) as emulator:
        cut(emulator)
        eventually(emulator, "b")
        outage = emulator.ground_truth()["echo"][0]

    assert outage["end"] is not None
    assert 1.55 < outage["end"] - outage["start"] < 8.0


def test_a_stall_ends_when_the_emulator_stops() -> None:
    """
    Clients that wait are let go.
    """
    emulator = Emulator("broken-standby", auth=False, service_ports=ANY)
    emulator.start()
    url = urlsplit(emulator.service_urls["ledger"])
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=PATIENCE) as sock:
        cut(emulator)
        time.sleep(0.1)
        sock.send(b"hello")
        emulator.stop()
        with contextlib.suppress(ConnectionError):
            assert sock.recv(100) == b""


@pytest.mark.parametrize(
    ("request_bytes", "answers"),
    [
        (b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", 1),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n", 1),
        (b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n", 2),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 300000\r\nConnection: close\r\n\r\n"
            + b"x" * 300_000,
            1,
        ),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 17\r\n\r\nconnection: closeGET / HTTP/1.0\r\n\r\n",
            2,
        ),
    ],
    ids=["HTTP/1.0 twice", "after the last", "two", "large body", "body like a head"],
)
def test_requests_are_told_apart(
    emulator: Emulator, request_bytes: bytes, answers: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What follows the last request is not answered, and bodies are no heads."""
    url = urlsplit(emulator.service_urls["portal"])
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=PATIENCE) as sock:
        sock.sendall(request_bytes)
        came = b""
        while data := sock.recv(65536):
            came += data
            sock.sendall(b"more")

    assert came.count(b"HTTP/1.1 200 OK") == answers
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == []


def test_two_services_on_one_port_are_refused() -> None:
    """Whoever is second is named."""
    port = free_port()
    emulator = Emulator(service_ports={**ANY, "portal": port, "ledger": port})

    with pytest.raises(OSError, match=f"service ledger cannot listen on tcp port {port}"):
        emulator.start()
