"""
A cut that loses one direction: what a client and the service behind it meet.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from emulator_callers import CREATE, flattened

from chaosfailover.emulator import Emulator

ANY = {"portal": 0, "echo": 0, "ledger": 0}
PATIENCE = 20.0
PATIENT = """
extends: dual-circuit
paths:
  a: {{detection: bgp-hold}}
settings:
  loses: {{PHYSICALCONNECTION: {loses}}}
"""
EQUAL = f"{PATIENT}services:\n  echo: {{{{paths: [[a, b]]}}}}\n"

Begin = Callable[..., Emulator]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """
    Start an emulator of a text, with upstreams by the name of the service.
    """
    topology = tmp_path / "topology.yaml"
    with contextlib.ExitStack() as stack:

        def start(text: str, **upstreams: str) -> Emulator:
            topology.write_text(text)
            return stack.enter_context(
                Emulator(topology, auth=False, seed=1, service_ports=ANY, upstreams=upstreams)
            )

        yield start


def call(emulator: Emulator, operation: str, **parameters: object) -> str:
    headers = {"x-acs-action": operation, "x-acs-version": "2016-04-28"}
    reply = httpx.post(emulator.url, params=flattened(parameters), headers=headers)
    return str(reply.raise_for_status().json().get("JobId"))


def cut(emulator: Emulator) -> str:
    """
    Start a test of circuit a and skip to its beginning.
    """
    job_id = call(emulator, "CreateFailoverTestJob", **{**CREATE, "JobType": "StartNow"})
    emulator.advance(2.0)
    return job_id


def address(emulator: Emulator, name: str) -> tuple[str, int]:
    url = urlsplit(emulator.service_urls[name])
    return str(url.hostname), int(url.port or 0)


class Service:
    """
    An echo of the user's own that notes what reached it, over UDP and TCP.

    `push` sends to the last connection that opened.
    """

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.heard: list[bytes] = []
        self._udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._udp.bind(("127.0.0.1", 0))
        self._tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._connections: list[socket.socket] = []
        for serve in (self._answer_datagrams, self._answer_connections):
            thread = threading.Thread(target=serve)
            thread.start()
            stack.callback(thread.join)
        stack.callback(self._close)

    @property
    def udp(self) -> str:
        return f"127.0.0.1:{self._udp.getsockname()[1]}"

    @property
    def tcp(self) -> str:
        return f"127.0.0.1:{self._tcp.getsockname()[1]}"

    def push(self, data: bytes) -> None:
        self._connections[-1].sendall(data)

    def has_heard(self, data: bytes, within: float = PATIENCE) -> bool:
        deadline = time.monotonic() + within
        while data not in self.heard and time.monotonic() < deadline:
            time.sleep(0.01)
        return data in self.heard

    def all_heard(self) -> set[bytes]:
        """
        Return what was heard, once nothing has come for a second.
        """
        before = -1
        while before < (before := len(self.heard)):
            time.sleep(1.0)
        return set(self.heard)

    def _close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", self._udp.getsockname())
        for sock in (self._tcp, *self._connections):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _answer_datagrams(self) -> None:
        while True:
            data, sender = self._udp.recvfrom(100)
            if not data:
                return
            self.heard.append(data)
            self._udp.sendto(data, sender)

    def _answer_connections(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._tcp.accept()
                self._connections.append(connection)
                with connection:
                    while data := connection.recv(100):
                        self.heard.append(data)
                        connection.sendall(data)


@pytest.fixture
def service() -> Iterator[Service]:
    with contextlib.ExitStack() as stack:
        yield Service(stack)


@pytest.mark.parametrize(("loses", "arrives"), [("out", False), ("back", True), ("both", False)])
def test_datagrams_vanish_in_one_direction(
    begin: Begin, service: Service, loses: str, *, arrives: bool
) -> None:
    """The service gets them, or not; the client gets no answer in either case, also not later."""
    emulator = begin(PATIENT.format(loses=loses), echo=service.udp)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(address(emulator, "echo"))
        sock.settimeout(PATIENCE)
        sock.send(b"before")
        before = sock.recv(100)
        cut(emulator)
        sock.send(b"during")
        came = service.has_heard(b"during", within=PATIENCE if arrives else 0.3)
        sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            sock.recv(100)
        emulator.advance(30.0)
        sock.settimeout(PATIENCE)
        sock.send(b"after")
        after = sock.recv(100)

    assert (before, came, after) == (b"before", arrives, b"after")


@pytest.mark.parametrize("loses", ["out", "back", "both"])
def test_new_connections_hang_whichever_direction_is_lost(
    begin: Begin, service: Service, loses: str
) -> None:
    emulator = begin(PATIENT.format(loses=loses), ledger=service.tcp)
    cut(emulator)
    with pytest.raises(TimeoutError):
        socket.create_connection(address(emulator, "ledger"), timeout=0.5)
    emulator.advance(30.0)
    with socket.create_connection(address(emulator, "ledger"), timeout=PATIENCE) as sock:
        sock.sendall(b"after")
        after = sock.recv(100)

    assert after == b"after"


@pytest.mark.parametrize(
    ("loses", "heard", "told"),
    [("out", False, True), ("back", True, False), ("both", False, False)],
)
def test_open_connection_stalls_in_one_direction(
    begin: Begin, service: Service, loses: str, *, heard: bool, told: bool
) -> None:
    """The other direction delivers, and what waited comes in order once the path delivers."""
    emulator = begin(PATIENT.format(loses=loses), ledger=service.tcp)
    with socket.create_connection(address(emulator, "ledger"), timeout=PATIENCE) as sock:
        sock.sendall(b"before")
        before = sock.recv(100)
        cut(emulator)
        service.push(b"news")
        seen_told = has_come(sock, PATIENCE if told else 0.3)
        sock.sendall(b"during")
        seen_heard = service.has_heard(b"during", PATIENCE if heard else 0.3)
        emulator.advance(30.0)
        sock.settimeout(PATIENCE)
        after = b""
        while len(after) < len(b"newsduring"):
            after += sock.recv(100)

    assert (before, after) == (b"before", b"newsduring")
    assert (seen_heard, seen_told) == (heard, told)


def has_come(sock: socket.socket, within: float) -> bool:
    sock.settimeout(within)
    try:
        return bool(sock.recv(100, socket.MSG_PEEK))
    except TimeoutError:
        return False


@pytest.mark.parametrize("loses", ["out", "back", "both"])
def test_ground_truth_names_the_direction(begin: Begin, loses: str) -> None:
    """Of a stall that ends, by service and by path; the loss on the way back is in both."""
    emulator = begin(PATIENT.format(loses=loses))
    job_id = cut(emulator)
    emulator.advance(30.0)
    call(emulator, "StopFailoverTestJob", JobId=job_id)
    emulator.advance(2.5)
    deadline = time.monotonic() + PATIENCE
    while len(emulator.ground_truth()["portal"]) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    truth = emulator.ground_truth()["portal"]
    by_path = emulator.ground_truth_by_path()["portal"]["a"]
    lost = [(each["share"], each["out"], each["back"]) for each in truth]

    assert lost == [(1.0, float(loses != "back"), float(loses != "out")), (1.0, 1.0, 1.0)]
    assert by_path == truth


@pytest.mark.parametrize("loses", ["out", "back"])
def test_one_direction_of_one_of_two_equal_paths_is_lost(begin: Begin, loses: str) -> None:
    """Half of the flows lose one direction, and each of them loses it whole."""
    with contextlib.ExitStack() as stack:
        service = Service(stack)
        emulator = begin(EQUAL.format(loses=loses), echo=service.udp)
        cut(emulator)
        sockets = []
        for number in range(20):
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.connect(address(emulator, "echo"))
            for turn in range(3):
                sock.send(b"%d/%d" % (number, turn))
            sockets.append(sock)
        heard = service.all_heard()
        arrived = [n for n in range(20) if {b"%d/%d" % (n, turn) for turn in range(3)} <= heard]
        patience = PATIENCE if loses == "out" else 0.3
        answered = [n for n in arrived if has_come(sockets[n], patience)]
        truth = emulator.ground_truth()["echo"]

    assert len(heard) == 3 * len(arrived)
    assert 0 < len(answered) < 20
    assert arrived == (answered if loses == "out" else list(range(20)))
    assert [(it["share"], it["out"], it["back"]) for it in truth] == [
        (0.5, 0.5 * (loses == "out"), 0.5 * (loses == "back"))
    ]


def test_a_path_that_loses_by_chance_loses_on_the_way_out(begin: Begin) -> None:
    emulator = begin("extends: lossy-standby\n")
    cut(emulator)
    emulator.advance(1.0)
    truth = emulator.ground_truth()["echo"]

    assert [(it["share"], it["out"], it["back"]) for it in truth] == [(1, 1, 1), (0.3, 0.3, 0)]
