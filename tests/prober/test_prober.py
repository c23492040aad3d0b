"""
The prober with every kind of target, and with several at once.
"""

import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from math import inf
from pathlib import Path
from typing import Any

import pytest
from busy import measured_again
from loopback import Handler, Switch, closed_port, served, udp_echo, until

from chaosfailover.errors import ArgumentError
from chaosfailover.outages.outage import Outage
from chaosfailover.outages.summary import Summary
from chaosfailover.prober.prober import Prober
from chaosfailover.prober.targets import Target, parse_target

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


def answering(reply: bytes) -> Handler:
    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        writer.close()

    return answer


async def hang(reader: StreamReader, writer: StreamWriter) -> None:  # noqa: ARG001
    await asyncio.sleep(60)


async def listen(reader: StreamReader, writer: StreamWriter) -> None:  # noqa: ARG001
    while await reader.read(1024):
        pass


async def flood(reader: StreamReader, writer: StreamWriter) -> None:  # noqa: ARG001
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


def measure(value: str | dict[str, Any], checks: int = 3, timeout: float = 0.3) -> Summary:
    """
    Check one target a few times.
    """
    with Prober([parse_target("it", value)], 0.02, timeout) as prober:
        until(lambda: prober.summary("it").sent >= checks)
    return prober.summary("it")


@pytest.fixture
def http() -> Iterator[int]:
    with served(answering(OK)) as port:
        yield port


@pytest.mark.parametrize(
    ("reply", "settings", "errors"),
    [
        pytest.param(OK, {}, set(), id="ok"),
        pytest.param(OK, {"body": "^hel+o$"}, set(), id="the body matches"),
        pytest.param(OK, {"body": "bye"}, {"body-mismatch"}, id="the body does not match"),
        pytest.param(OK, {"status": 204}, {"http-200"}, id="not the status asked for"),
        pytest.param(b"HTTP/1.1 503 No\r\n\r\n", {}, {"http-503"}, id="unavailable"),
        pytest.param(b"HTTP/1.1 503 No\r\n\r\n", {"status": [200, 503]}, set(), id="503 is fine"),
        pytest.param(b"HTTP/1.1 302 Found\r\n\r\n", {}, set(), id="a redirect is an answer"),
        pytest.param(b"HTTP/1.1 103 Early\r\n\r\n" + OK, {}, set(), id="interim answer"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nhel\r\n2;x\r\nlo\r\n0\r\n\r\n",
            {"body": "hello"},
            set(),
            id="a chunked body",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nhello", {"body": "hello"}, set(), id="till the end"),
        pytest.param(b"220 mail\r\n\r\n", {}, {"protocol"}, id="not HTTP"),
        pytest.param(b"x" * 200_000, {}, {"protocol"}, id="a head without end"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", {}, {"closed"}, id="cut off"),
    ],
)
def test_http_answers(reply: bytes, settings: dict[str, Any], errors: set[str]) -> None:
    """Status and body decide; each other failure has a kind of its own."""
    with served(answering(reply)) as port:
        summary = measure({"url": f"http://127.0.0.1:{port}/x?y=1", **settings})

    assert set(summary.errors) == errors
    assert summary.lost == (summary.sent if errors else 0)


async def greet(reader: StreamReader, writer: StreamWriter) -> None:
    writer.write(b"220 ready\r\n")
    writer.write(await reader.readline())
    await reader.read()


@pytest.mark.parametrize(
    ("handler", "settings", "errors"),
    [
        pytest.param(hang, {}, set(), id="connect only"),
        pytest.param(greet, {"expect": "^220"}, set(), id="banner"),
        pytest.param(greet, {"send": "ping\n", "expect": "ping"}, set(), id="send and expect"),
        pytest.param(hang, {"send": "ping\n", "expect": "ping"}, {"timeout"}, id="stalled"),
        pytest.param(answering(b""), {"send": "\r\n\r\n", "expect": "x"}, {"closed"}, id="closed"),
        pytest.param(flood, {"expect": "never"}, {"mismatch"}, id="flood"),
    ],
)
def test_tcp_answers(handler: Handler, settings: dict[str, Any], errors: set[str]) -> None:
    """A stalled connection is seen when an answer is expected."""
    with served(handler) as port:
        summary = measure({"url": f"tcp://127.0.0.1:{port}", **settings})

    assert set(summary.errors) == errors


def test_udp_echo_is_matched_by_its_payload() -> None:
    """Only the very payload that was sent counts as an answer."""
    with udp_echo(lambda data: data) as good, udp_echo(lambda _: b"other") as bad:
        good_one, bad_one = (measure(f"udp://127.0.0.1:{port}") for port in (good, bad))

    assert (good_one.lost, good_one.errors) == (0, {})
    assert set(bad_one.errors) == {"timeout"}


@pytest.mark.parametrize("scheme", ["http", "tcp", "udp"])
def test_refusals_are_told_apart(scheme: str) -> None:
    """A closed port refuses, for every protocol."""
    summary = measure(f"{scheme}://127.0.0.1:{closed_port()}")

    assert set(summary.errors) == {"refused"}


def may_ping() -> bool:
    """
    Tell whether this process may open a socket for ICMP, with privileges or without.
    """
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        with suppress(PermissionError), socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP):
            return True
    return False


@pytest.mark.skipif(
    not may_ping(), reason="net.ipv4.ping_group_range has no group of ours, and no CAP_NET_RAW"
)
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_icmp_answers(host: str) -> None:
    """Each ping finds its own answer among those of others."""
    with Prober([parse_target(str(i), f"icmp://{host}") for i in range(5)], 0.02) as prober:
        until(lambda: prober.summary("4").sent >= 10)

    assert [summary.lost for summary in prober.summaries().values()] == [0] * 5


def test_an_unknown_name_is_a_dns_failure() -> None:
    """A name that does not resolve is not a refusal."""

    def fail(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    target = parse_target("it", "http://nowhere.example/")
    with Prober([target], 0.02, 0.2, getaddrinfo=fail) as prober:
        until(lambda: prober.summary("it").sent >= 3)

    assert set(prober.summary("it").errors) == {"dns"}


def certified(folder: Path, *options: str) -> ssl.SSLContext:
    """
    Make a self-signed certificate, `c` in the folder, and the context of a server that has it.
    """
    command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout k -out c"
    subprocess.run(
        ["openssl", *command.split(), *options], cwd=folder, check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "c", folder / "k")
    return context


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return certified(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize(
    ("verify", "errors"),
    [pytest.param(True, {"tls"}, id="verified"), pytest.param(False, set(), id="not verified")],
)
def test_tls_failure_is_told_apart(
    self_signed: ssl.SSLContext, verify: bool, errors: set[str]
) -> None:
    """An untrusted certificate is a TLS failure, unless verification is off."""
    with served(answering(OK), self_signed) as port:
        target = {"url": f"https://127.0.0.1:{port}/", "verify": verify}
        summary = measure(target, timeout=0.9)

    assert set(summary.errors) == errors


def test_an_absolute_name_is_verified_without_its_dot(tmp_path: Path) -> None:
    """The dot is for the resolver; neither the certificate nor the server has it."""
    context = certified(tmp_path, "-addext", "subjectAltName=DNS:portal.example.com")
    names: set[str] = set()
    hosts: set[bytes] = set()
    context.sni_callback = lambda _, name, __: names.add(name)

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        hosts.add((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[1])
        writer.write(OK)

    code = (
        "import socket, sys, time\n"
        "from chaosfailover.prober.prober import Prober\n"
        "from chaosfailover.prober.targets import parse_target\n"
        "names = set()\n"
        "def local(name, port, **options):\n"
        "    names.add(name)\n"
        "    return socket.getaddrinfo('127.0.0.1', port, **options)\n"
        "with Prober([parse_target('it', sys.argv[1])], 0.05, getaddrinfo=local) as prober:\n"
        "    while prober.summary('it').sent < 3: time.sleep(0.01)\n"
        "print(*names, prober.summary('it').errors)\n"
    )
    with served(answer, context) as port:
        url = f"https://portal.example.com.:{port}/"
        done = subprocess.run(
            [sys.executable, "-c", code, url],
            env={**os.environ, "SSL_CERT_FILE": str(tmp_path / "c")},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

    assert done.stdout == "portal.example.com. {}\n"
    assert names == {"portal.example.com"}
    assert hosts == {f"Host: portal.example.com:{port}".encode()}


def test_a_plain_server_is_no_tls_server() -> None:
    """An https target that does not speak TLS fails in TLS."""
    with served(greet) as port:
        assert set(measure(f"https://127.0.0.1:{port}/").errors) == {"tls"}


def test_bad_neighbours_change_nothing(http: int) -> None:
    """Targets that hang, flood, refuse or resolve slowly leave a healthy one alone."""
    release = threading.Event()

    def slow(host: str, port: int, **options: Any) -> list[Any]:
        if host == "slow.example":
            release.wait(20)
        return socket.getaddrinfo("127.0.0.1", port, **options)

    with served(hang) as hanging, served(flood) as flooding:
        urls: dict[str, str | dict[str, object]] = {
            "healthy": f"http://127.0.0.1:{http}/",
            "hanging": f"http://127.0.0.1:{hanging}/",
            "flooding": {"url": f"http://127.0.0.1:{flooding}/", "body": "never"},
            "refusing": f"tcp://127.0.0.1:{closed_port()}",
            "slow": "http://slow.example/",
        }
        targets = [parse_target(name, url) for name, url in urls.items()]
        with Prober(targets, 0.05, 0.5, getaddrinfo=slow) as prober:
            until(lambda: prober.summary("healthy").sent >= 40)
            until(lambda: prober.summary("slow").sent >= 2)
        release.set()
    found = prober.summaries()

    assert found["healthy"].lost == 0
    assert set(found["hanging"].errors) == {"timeout"}
    assert set(found["flooding"].errors) <= {"body-mismatch", "timeout"}
    assert set(found["refusing"].errors) == {"refused"}
    assert set(found["slow"].errors) == {"dns"}


def test_an_outage_is_seen_bounded_and_told() -> None:
    """Both ends of an outage are reported with bounds that hold it."""
    service = Switch()
    changes: list[tuple[str, Outage]] = []
    with served(service.http) as port:
        target = parse_target("portal", f"http://127.0.0.1:{port}/")
        prober = Prober(
            [target], 0.02, 0.3, on_change=lambda it, outage: changes.append((it.name, outage))
        )
        with prober:
            until(lambda: prober.summary("portal").sent >= 10)
            down, cut_at = time.monotonic(), prober.mark()
            service.silent = True
            until(lambda: prober.current_outage("portal") is not None)
            time.sleep(0.5)
            service.silent = False
            up = time.monotonic()
            until(lambda: prober.current_outage("portal") is None)
            until(lambda: len(changes) == 2)
    summary = prober.summary("portal", cut_at)

    (outage,) = summary.outages
    assert outage.at_least <= up - down <= outage.at_most
    assert summary.failover is not None
    assert summary.failover.at_most <= outage.at_most
    assert (summary.before.lost, summary.reversion) == (0, None)
    assert [(name, change.ongoing) for name, change in changes] == [
        ("portal", True),
        ("portal", False),
    ]
    assert changes[1][1].at_least == outage.at_least


def test_the_current_outage_grows() -> None:
    """While an outage goes on, its bounds follow the clock."""
    prober = Prober([parse_target("it", f"tcp://127.0.0.1:{closed_port()}")], 0.02, 0.2)
    with prober:
        until(lambda: prober.current_outage("it") is not None)
        first = prober.current_outage("it")
        until(lambda: (prober.current_outage("it") or (0, 0))[0] > 0.2)
        second = prober.current_outage("it")

    assert first is not None
    assert second is not None
    assert second.at_least <= second.at_most
    assert second.at_most > first.at_most


@pytest.mark.parametrize(
    ("scheme", "settings"),
    [
        pytest.param("http", {}, id="http"),
        pytest.param("tcp", {"send": "ping\n", "expect": "ping"}, id="tcp"),
    ],
)
def test_a_persistent_target_keeps_its_connection(scheme: str, settings: dict[str, Any]) -> None:
    """Checks share one connection, until it fails."""
    service = Switch()
    with served(service.http if scheme == "http" else service.echo) as port:
        url = {"url": f"{scheme}://127.0.0.1:{port}", "persistent": True, **settings}
        with Prober([parse_target("it", url)], 0.02, 0.2) as prober:
            until(lambda: prober.summary("it").sent >= 10)
            steady = service.connections
            service.silent = True
            until(lambda: prober.summary("it").lost > 0)
            service.silent = False
            until(lambda: prober.current_outage("it") is None)
        reconnected = service.connections

    assert steady == 1
    assert reconnected > 1
    assert prober.series("it")["persistent"] is True


def test_stop_ends_thread_and_sockets() -> None:
    """After stop, no thread, no task and no socket is left, though all checks were hanging."""
    files = Path("/proc/self/fd")
    before = set(threading.enumerate())
    with served(listen) as port:
        idle = len(list(files.iterdir()))
        targets = [parse_target(str(i), f"http://127.0.0.1:{port}/") for i in range(5)]
        with Prober(targets, 0.02, 0.5) as prober:
            until(lambda: prober.summary("0").lost > 0)
        prober.stop()
        until(lambda: len(list(files.iterdir())) <= idle)

    assert set(threading.enumerate()) == before
    assert prober.summary("0").outages[0].ongoing


@measured_again
def test_what_is_lost_at_the_end_is_an_outage(http: int) -> None:
    """The last checks are judged too: a target that is down at the end has an ongoing outage."""
    service = Switch()
    with served(service.http) as port:
        portal = {"url": f"http://127.0.0.1:{port}/", "timeout": 0.9}
        other = parse_target("other", f"http://127.0.0.1:{http}/")
        targets = [parse_target("portal", portal), other]
        with Prober(targets, 0.05) as prober:
            until(lambda: prober.summary("portal").sent >= 3)
            service.silent = True
            until(lambda: service.asked_in_vain >= 3)
    summary = prober.summary("portal")

    assert summary.lost >= 3
    assert summary.outages[-1].ongoing
    assert summary.longest.at_most == inf
    assert summary.availability.at_least < 1
    assert prober.series("portal")["unjudged"] == 0
    assert prober.summary("other").lost == 0


def test_time_up_to_the_stop_in_which_nothing_was_sent_is_a_gap(http: int) -> None:
    """A prober that ends before it is stopped has not seen the rest."""
    ahead = 0.0
    targets = [parse_target("portal", f"http://127.0.0.1:{http}/")]
    with Prober(targets, 5.0, clock=lambda: time.monotonic() + ahead) as prober:
        until(lambda: prober.summary("portal").sent == 1)
        ahead = 60.0

    summary = prober.summary("portal")
    assert summary.sent == 1
    assert 59.0 < summary.unmeasured < 65.0


def test_a_prober_that_was_not_started_stops() -> None:
    """Stop is safe at any time."""
    prober = Prober([parse_target("it", "tcp://127.0.0.1:9")])

    prober.stop()

    assert prober.summary("it").sent == 0


def test_signals_stay_with_the_main_thread(http: int) -> None:
    """A signal wakes the main thread from its wait while the prober runs."""
    code = (
        "import signal, sys, time\n"
        "from chaosfailover.prober.prober import Prober\n"
        "from chaosfailover.prober.targets import parse_target\n"
        "def leave(*_): raise SystemExit(7)\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        f"prober = Prober([parse_target('it', 'http://127.0.0.1:{http}/')], 0.01)\n"
        "prober.start()\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code_left = process.wait(30)

    assert code_left == 7
    assert time.monotonic() - began < 20


async def think(reader: StreamReader, writer: StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(0.2)
    writer.write(OK)
    await writer.drain()


def test_a_suspended_prober_says_what_it_did_not_measure() -> None:
    """A stopped process leaves a gap: no outage, no silent up-time, and a wide longest bound."""
    code = (
        "import json, sys, time\n"
        "from chaosfailover.prober.prober import Prober\n"
        "from chaosfailover.prober.targets import parse_target\n"
        "with Prober([parse_target('it', sys.argv[1])], 0.05) as prober:\n"
        "    while prober.summary('it').sent < 10: time.sleep(0.01)\n"
        "    print('up', flush=True)\n"
        "    while prober.summary('it').unmeasured < 0.8: time.sleep(0.01)\n"
        "    time.sleep(0.3)\n"
        "print(json.dumps(prober.summary('it').as_dict()))\n"
    )
    with served(think) as port:
        command = [sys.executable, "-c", code, f"http://127.0.0.1:{port}/"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGSTOP)
            time.sleep(1.5)
            process.send_signal(signal.SIGCONT)
            output, _ = process.communicate(timeout=30)

    summary = json.loads(output)
    assert (summary["lost"], summary["count"]) == (0, 0)
    assert summary["unmeasured"] >= 1.0
    assert summary["longest"]["at_least"] == 0.0
    assert summary["longest"]["at_most"] >= 1.0


def test_time_that_the_system_slept_is_a_gap(http: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suspend stops the kernel's monotonic clock; an outage across it goes on."""
    clock_gettime, slept = time.clock_gettime, [0.0]

    def gettime(clock: int) -> float:
        return clock_gettime(clock) + (slept[0] if clock == time.CLOCK_BOOTTIME else 0.0)

    monkeypatch.setattr(time, "clock_gettime", gettime)
    with Prober([parse_target("it", f"http://127.0.0.1:{http}/")], 0.02) as prober:
        until(lambda: prober.summary("it").sent >= 5)
        slept[0] = 60.0
        until(lambda: prober.summary("it").sent >= 15)
    summary = prober.summary("it")

    assert summary.lost == 0
    assert 60.0 <= summary.unmeasured < 75.0
    assert summary.longest.at_most >= 60.0


def test_want_of_sockets_is_not_an_outage(http: int) -> None:
    """Checks that fail since this process has no socket are counted apart."""
    code = (
        "import resource, json, time\n"
        "from chaosfailover.prober.prober import Prober\n"
        "from chaosfailover.prober.targets import parse_target\n"
        f"prober = Prober([parse_target('it', 'http://127.0.0.1:{http}/')], 0.02)\n"
        "prober.start()\n"
        "while prober.summary('it').sent < 5: time.sleep(0.01)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 4096))\n"
        "while prober.series('it')['unjudged'] < 5: time.sleep(0.01)\n"
        "prober.stop()\n"
        "print(prober.summary('it').lost)\n"
    )
    left = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert left.stdout == "0\n"


def test_a_jump_of_the_wall_clock_changes_nothing(
    http: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the monotonic clock is read while measuring."""
    with Prober([parse_target("it", f"http://127.0.0.1:{http}/")], 0.02) as prober:
        until(lambda: prober.summary("it").sent >= 5)
        monkeypatch.setattr(time, "time", lambda: 0.0)
        until(lambda: prober.summary("it").sent >= 15)

    assert prober.summary("it").lost == 0
    assert prober.summary("it").duration < 15


def test_instants_have_a_wall_clock(http: int) -> None:
    """The start of the prober ties its clock to UTC."""
    with Prober([parse_target("it", f"http://127.0.0.1:{http}/")], 0.02) as prober:
        until(lambda: prober.summary("it").sent >= 2)

    later = prober.wall_clock(prober.began + 1.5) - prober.wall_clock(prober.began)
    assert later.total_seconds() == pytest.approx(1.5)
    assert prober.series("it")["utc"] == prober.wall_clock(prober.began).isoformat()


def test_a_prober_without_room_says_so() -> None:
    """If not even the event loop can be made, start fails instead of hanging."""
    code = (
        "import resource\n"
        "from chaosfailover.errors import FailoverError\n"
        "from chaosfailover.prober.open_files import Room\n"
        "from chaosfailover.prober.prober import Prober\n"
        "from chaosfailover.prober.targets import parse_target\n"
        "prober = Prober([parse_target('it', 'tcp://127.0.0.1:9')], room=Room(reserve=-99))\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
        "try: prober.start()\n"
        "except (FailoverError, OSError) as error: print(error)\n"
        "prober.stop()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert "the prober has not started" in done.stdout


def test_wrong_use_is_refused() -> None:
    """Twice the same name, or a name that is not checked, is an error that says so."""
    target = Target("it", "tcp://127.0.0.1:9", "tcp", "127.0.0.1", 9)

    with pytest.raises(ArgumentError, match="target 'it' is given twice"):
        Prober([target, target])
    with pytest.raises(ArgumentError, match="target 'that' is not checked, expected one of it"):
        Prober([target]).summary("that")


@contextmanager
def deaf(kind: socket.SocketKind, port: int) -> Iterator[None]:
    """
    Take packets for a port of 127.0.0.2 and answer none; its queue of connections is full.
    """
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket(socket.AF_INET, kind))
        listener.bind(("127.0.0.2", port))
        if kind == socket.SOCK_STREAM:
            listener.listen(0)
            for _ in range(3):
                client = sockets.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(("127.0.0.2", port))
        yield


@pytest.mark.parametrize(
    ("scheme", "kind"),
    [
        pytest.param("http", socket.SOCK_STREAM, id="http"),
        pytest.param("tcp", socket.SOCK_STREAM, id="tcp"),
        pytest.param("udp", socket.SOCK_DGRAM, id="udp"),
    ],
)
def test_an_address_that_hangs_does_not_hide_another(
    scheme: str, kind: socket.SocketKind, http: int
) -> None:
    """The second address is tried while the first is silent, as clients do."""

    def two(_: str, port: int, **options: Any) -> list[Any]:
        return [
            *socket.getaddrinfo("127.0.0.2", port, **options),
            *socket.getaddrinfo("127.0.0.1", port, **options),
        ]

    with udp_echo(lambda data: data) as udp:
        port = udp if scheme == "udp" else http
        with (
            deaf(kind, port),
            Prober(
                [parse_target("it", f"{scheme}://two.example:{port}")], 0.05, getaddrinfo=two
            ) as it,
        ):
            until(lambda: it.summary("it").sent >= 5)

    round_trips = it.summary("it").before.rtt

    assert it.summary("it").lost == 0
    assert round_trips is not None
    assert round_trips.least >= 0.2


@pytest.mark.parametrize("scheme", ["http", "udp"])
def test_a_name_with_several_addresses_is_tried_to_the_end(scheme: str, http: int) -> None:
    """An address that refuses is no outage while another one answers."""

    def two(_: str, port: int, **options: Any) -> list[Any]:
        return [
            *socket.getaddrinfo("127.0.0.2", port, **options),
            *socket.getaddrinfo("127.0.0.1", port, **options),
        ]

    with udp_echo(lambda data: data) as udp:
        target = parse_target("it", f"{scheme}://two.example:{http if scheme == 'http' else udp}")
        with Prober([target], 0.02, getaddrinfo=two) as prober:
            until(lambda: prober.summary("it").sent >= 5)

    assert prober.summary("it").lost == 0
