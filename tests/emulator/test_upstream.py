"""
A service of the user's own behind the emulated network.
"""

import contextlib
import re
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from chaos_command import free_port
from emulator_callers import CREATE, flattened
from loopback import until
from own_services import answering, echo, listening, total

from chaosfailover.emulator import Emulator

ANY = {"portal": 0, "echo": 0, "ledger": 0}
PATIENCE = 20.0
PATIENT = "extends: dual-circuit\npaths:\n  a: {detection: bgp-hold}\n"

Begin = Callable[..., Emulator]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Start an emulator whose stalls last 30 s, with upstreams by the name of the service."""
    topology = tmp_path / "topology.yaml"
    topology.write_text(PATIENT)
    with contextlib.ExitStack() as stack:

        def start(**upstreams: str) -> Emulator:
            emulator = Emulator(topology, auth=False, service_ports=ANY, upstreams=upstreams)
            return stack.enter_context(emulator)

        yield start


def cut(emulator: Emulator) -> None:
    headers = {"x-acs-action": "CreateFailoverTestJob", "x-acs-version": "2016-04-28"}
    given = flattened({**CREATE, "JobType": "StartNow"})
    httpx.post(emulator.url, params=given, headers=headers).raise_for_status()
    emulator.advance(2.0)


def connect(emulator: Emulator, name: str, timeout: float = PATIENCE) -> socket.socket:
    url = urlsplit(emulator.service_urls[name])
    return socket.create_connection((url.hostname or "", url.port or 0), timeout=timeout)


def read_all(sock: socket.socket) -> bytes:
    content = b""
    while data := sock.recv(1 << 20):
        content += data
    return content


@pytest.mark.matrix
@pytest.mark.long
def test_thousand_requests_lose_nothing(begin: Begin) -> None:
    """An upstream behind an uncut path answers as it does by itself."""
    with listening(answering) as upstream:
        emulator = begin(portal=upstream)
        with httpx.Client(timeout=PATIENCE) as client:
            kept = [client.get(emulator.service_urls["portal"]).status_code for _ in range(700)]
        fresh = [
            httpx.get(emulator.service_urls["portal"], timeout=PATIENCE).status_code
            for _ in range(300)
        ]

    assert kept + fresh == [204] * 1000


def test_thousand_connections_at_once(begin: Begin) -> None:
    """Each is answered, and none with the bytes of another."""
    with listening(echo) as upstream:
        emulator = begin(ledger=upstream)
        sockets = [connect(emulator, "ledger") for _ in range(1000)]
        for number, sock in enumerate(sockets):
            sock.sendall(b"%06d" % number)
        came = [sock.recv(6, socket.MSG_WAITALL) for sock in sockets]
        for sock in sockets:
            sock.close()

    assert came == [b"%06d" % number for number in range(1000)]


def test_half_closed_connection_is_answered(begin: Begin) -> None:
    """The upstream hears of the end of the request, and its answer still arrives."""
    with listening(total) as upstream, connect(begin(ledger=upstream), "ledger") as sock:
        sock.sendall(b"x" * 5)
        sock.shutdown(socket.SHUT_WR)

        assert read_all(sock) == b"5 bytes"


def test_large_bodies_pass_both_ways_to_a_slow_reader(begin: Begin) -> None:
    """Sixteen megabytes arrive whole and in order, though the client reads late."""
    content = b"".join(b"%07d\n" % number for number in range(2 * 1024 * 1024))
    with listening(echo) as upstream, connect(begin(ledger=upstream), "ledger") as sock:

        def send() -> None:
            sock.sendall(content)
            sock.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(0.5)
        came = read_all(sock)
        sender.join()

    assert came == content


def test_what_is_sent_into_a_stall_does_not_pile_up(begin: Begin) -> None:
    """The emulator stops reading, so that the client's own buffers fill, as with a real stall."""
    with listening(echo) as upstream:
        emulator = begin(ledger=upstream)
        with connect(emulator, "ledger") as sock:
            sock.sendall(b"x")
            sock.recv(1)
            cut(emulator)
            sock.settimeout(0.5)
            taken = fill(sock, b"y" * 65536)
            emulator.advance(30.0)
            sock.settimeout(PATIENCE)
            sock.shutdown(socket.SHUT_WR)
            came = read_all(sock)

    assert taken < 50_000_000
    assert came == b"y" * taken


def fill(sock: socket.socket, data: bytes) -> int:
    """
    Send until nothing more is taken; return how much was.
    """
    taken = 0
    try:
        while True:
            taken += sock.send(data)
    except TimeoutError:
        return taken


def test_upstream_is_stalled_by_a_cut_and_returns(begin: Begin) -> None:
    """An open connection waits, a new one hangs, and both go on once the traffic has moved."""
    with listening(echo) as upstream:
        emulator = begin(ledger=upstream)
        with connect(emulator, "ledger") as sock:
            sock.sendall(b"before")
            before = sock.recv(100)
            cut(emulator)
            with pytest.raises(TimeoutError):
                connect(emulator, "ledger", timeout=0.5)
            sock.sendall(b"during")
            emulator.advance(30.0)
            during = sock.recv(100)

    assert (before, during) == (b"before", b"during")


def test_end_of_a_connection_is_held_up_by_a_stall(begin: Begin) -> None:
    """The upstream hears of the client's FIN when the path delivers again, not before."""
    heard = threading.Event()

    async def waiting(reader: object, writer: object) -> None:
        await reader.read()  # type: ignore[attr-defined]
        heard.set()
        writer.close()  # type: ignore[attr-defined]

    with listening(waiting) as upstream:
        emulator = begin(ledger=upstream)
        with connect(emulator, "ledger") as sock:
            time.sleep(0.1)
            cut(emulator)
            sock.shutdown(socket.SHUT_WR)
            during = heard.wait(0.5)
            emulator.advance(30.0)
            after = heard.wait(PATIENCE)

    assert (during, after) == (False, True)


def test_refusal_of_an_upstream_is_no_cut(begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
    """Clients are reset at once, the log tells why, once, and the ground truth has no outage."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        emulator = begin(ledger=address)
        began = time.monotonic()
        for _ in range(3):
            with pytest.raises(ConnectionResetError), connect(emulator, "ledger") as sock:
                sock.recv(1)
        took = time.monotonic() - began

    assert took < 6.0
    assert emulator.ground_truth()["ledger"] == []
    said = f"service ledger: its upstream {address} cannot be reached: Connection refused;"
    assert caplog.text.count(f"{said} this is no cut") == 1


def test_silence_of_an_upstream_is_told(begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
    """After five seconds the log says that it is no cut; the ground truth knows of no outage."""
    with socket.socket() as deaf, contextlib.ExitStack() as stack:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        emulator = begin(ledger=address)
        with connect(emulator, "ledger"):
            deadline = time.monotonic() + PATIENCE
            while "upstream" not in caplog.text and time.monotonic() < deadline:
                time.sleep(0.1)

    assert f"service ledger: its upstream {address} does not answer; this is no cut" in caplog.text
    assert emulator.ground_truth()["ledger"] == []


def test_reset_of_an_upstream_reaches_the_client(begin: Begin) -> None:
    """At once, as a reset."""

    async def resetting(reader: object, writer: object) -> None:
        await reader.read(1)  # type: ignore[attr-defined]
        sock = writer.get_extra_info("socket")  # type: ignore[attr-defined]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()  # type: ignore[attr-defined]

    with listening(resetting) as upstream, connect(begin(ledger=upstream), "ledger") as sock:
        sock.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_reset_of_a_client_reaches_the_upstream(begin: Begin) -> None:
    heard: list[str] = []
    over = threading.Event()

    async def waiting(reader: object, writer: object) -> None:
        try:
            await reader.read()  # type: ignore[attr-defined]
            heard.append("end")
        except ConnectionResetError:
            heard.append("reset")
        over.set()
        writer.close()  # type: ignore[attr-defined]

    with listening(waiting) as upstream:
        sock = connect(begin(ledger=upstream), "ledger")
        time.sleep(0.1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        over.wait(PATIENCE)

    assert heard == ["reset"]


def test_datagrams_go_to_the_upstream_and_back(begin: Begin) -> None:
    """Each client has its own way back; what meets a stall is gone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upstream:
        upstream.bind(("127.0.0.1", 0))
        upstream.settimeout(PATIENCE)
        emulator = begin(echo=f"127.0.0.1:{upstream.getsockname()[1]}")
        url = urlsplit(emulator.service_urls["echo"])
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for number, client in enumerate(clients):
            client.settimeout(PATIENCE)
            client.connect((url.hostname, url.port))
            client.send(b"%d" % number)
        for _ in clients:
            data, address = upstream.recvfrom(100)
            upstream.sendto(b"answer " + data, address)
        came = [client.recv(100) for client in clients]
        cut(emulator)
        upstream.sendto(b"lost", address)
        clients[0].send(b"lost")
        upstream.settimeout(0.3)
        with pytest.raises(TimeoutError):
            upstream.recvfrom(100)
        for client in clients:
            client.close()

    assert came == [b"answer 0", b"answer 1"]


def test_reset_of_an_upstream_overtakes_what_waits(begin: Begin) -> None:
    """A client that does not read hears of it as it would without the emulator."""

    async def pouring(reader: object, writer: object) -> None:
        writer.write(b"x" * 20_000_000)  # type: ignore[attr-defined]
        await reader.read(1)  # type: ignore[attr-defined]
        sock = writer.get_extra_info("socket")  # type: ignore[attr-defined]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()  # type: ignore[attr-defined]

    with listening(pouring) as upstream, connect(begin(ledger=upstream), "ledger") as sock:
        sock.sendall(b"x")
        poll = select.poll()
        poll.register(sock, 0)

        assert poll.poll(PATIENCE * 1000) != []


def test_many_datagram_clients_take_few_files(begin: Begin) -> None:
    """The sockets to the upstream are bounded; the clients of late are served."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upstream:
        upstream.bind(("127.0.0.1", 0))
        upstream.settimeout(PATIENCE)
        emulator = begin(echo=f"127.0.0.1:{upstream.getsockname()[1]}")
        url = urlsplit(emulator.service_urls["echo"])
        ports = set()
        for _ in range(700):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.connect((url.hostname, url.port))
                client.send(b"x")
                ports.add(upstream.recvfrom(10)[1])
        files = len(list(Path("/proc/self/fd").iterdir()))

    assert len(ports) > 512
    assert files < 700


def test_emulator_that_stops_closes_every_connection(begin: Begin) -> None:
    """
    Those that are just being made too; callers go on until they are refused.

    Its own ends are looked at. A client that the kernel was just connecting when the listener
    closed, or that met a full accept queue, may believe in a connection that nobody has accepted.
    """
    accepted, dialed = 1, 2  # the columns of a local and a remote address
    sockets: list[socket.socket] = []

    def dial(address: tuple[str, int]) -> None:
        while True:
            sock = socket.socket()
            sock.settimeout(PATIENCE)
            sockets.append(sock)
            try:
                sock.connect(address)
            except OSError:
                return

    with listening(echo) as upstream:
        emulator = begin(ledger=upstream)
        url = urlsplit(emulator.service_urls["ledger"])
        callers = [
            threading.Thread(target=dial, args=((url.hostname, url.port),)) for _ in range(3)
        ]
        for caller in callers:
            caller.start()
        until(lambda: len(open_connections(accepted, url.port)) > 20)
        emulator.stop()
        left = open_connections(accepted, url.port)
        left += open_connections(dialed, int(upstream.rpartition(":")[2]))
        for caller in callers:
            caller.join()
        for sock in sockets:
            sock.close()

    assert left == []


def open_connections(column: int, port: int | None) -> list[list[str]]:
    """
    Return the TCP connections, of a port in a column, that nobody has closed on this side.
    """
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    established, close_wait = "01", "08"
    return [
        line
        for line in lines
        if line[column].endswith(f":{port:04X}") and line[3] in (established, close_wait)
    ]


def test_half_closed_connection_that_pours_ends_cleanly(
    begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    """The last bytes and both ends meet in any order, without a traceback in the log."""
    with listening(echo) as upstream:
        emulator = begin(ledger=upstream)
        for _ in range(10):
            with connect(emulator, "ledger") as sock:
                sender = threading.Thread(target=pour, args=(sock, b"z" * 3_000_000))
                sender.start()
                time.sleep(0.05)
                assert len(read_all(sock)) == 3_000_000
                sender.join()

    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == []


def pour(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def test_upstream_without_an_address_is_named(
    begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    """The system's own words, and the client is reset."""
    emulator = begin(ledger="no-such-host.invalid:80")
    with pytest.raises(ConnectionResetError), connect(emulator, "ledger") as sock:
        sock.recv(1)

    assert "its upstream no-such-host.invalid:80 cannot be reached: " in caplog.text
    assert "Unknown error" not in caplog.text


@pytest.mark.parametrize(
    "address",
    [
        "3000",
        "http://127.0.0.1:3000/",
        "127.0.0.1:99999",
        "127.0.0.1:0",
        "127.0.0.1:\u0663\u0660",
        "::1:3000",
        "a..b:80",
        f"{'a' * 70}.example:80",
        "",
    ],
)
def test_wrong_upstream_is_refused(address: str) -> None:
    expected = f"upstream.portal is {address!r}, expected host:port, such as 127.0.0.1:3000"

    with pytest.raises(ValueError, match=re.escape(expected)):
        Emulator(upstreams={"portal": address})


def test_upstream_of_an_unknown_service_is_refused() -> None:
    expected = "an upstream is given to 'shop', but the topology's services are portal, echo, ledge"

    with pytest.raises(ValueError, match=expected):
        Emulator(upstreams={"shop": "127.0.0.1:3000"})


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.1", "0", "LOCALHOST", socket.gethostname()]
)
def test_service_is_not_its_own_upstream(host: str, caplog: pytest.LogCaptureFixture) -> None:
    """It would connect to itself until no file is left."""
    port = free_port()
    emulator = Emulator(
        service_ports={**ANY, "ledger": port}, upstreams={"ledger": f"{host}:{port}"}
    )

    with pytest.raises(
        ValueError, match=f"upstream of ledger is {host}:{port}, which is service ledger of"
    ):
        emulator.start()
    assert caplog.text == ""
