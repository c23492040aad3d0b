"""
`chaos failover echo`, as its users run it.
"""

import asyncio
import resource
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from live import CHAOS, clean_environment, default_signals
from processes import ended

from chaosfailover.cli.echo import serve
from chaosfailover.prober.echo_datagrams import LENGTH, new_nonce, read_reply, request

PATIENCE = 30.0


@contextmanager
def responding(
    folder: Path, files: tuple[int, int] | None = None
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """
    Run the command on a free port, with limits of open files; yield its process and the port.

    What it writes on stderr is in the file `stderr` of the folder.
    """

    def prepare() -> None:
        default_signals()
        if files:
            resource.setrlimit(resource.RLIMIT_NOFILE, files)

    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [*CHAOS, "failover", "echo", "--port", "0"],
            cwd=folder,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509 - it takes no lock
        )
    assert process.stdout is not None
    with ended(process), process.stdout:
        udp, tcp = process.stdout.readline().strip(), process.stdout.readline().strip()
        assert udp.replace("udp", "tcp") == tcp
        yield process, int(udp.rpartition(":")[2])


def client(stack: ExitStack, port: int) -> socket.socket:
    return stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))


def is_answered(sock: socket.socket) -> bool:
    sock.sendall(b"hello")
    return sock.recv(100) == b"hello"


def flood(sock: socket.socket) -> None:
    """
    Send until nothing more is taken, and read nothing.
    """
    sock.settimeout(0.5)
    with suppress(TimeoutError):
        while True:
            sock.sendall(bytes(100_000))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_echo_answers_over_udp_and_tcp_until_a_signal(
    tmp_path: Path, signum: signal.Signals
) -> None:
    """On the loopback alone; what is no request has no answer over UDP, and comes back over TCP."""
    nonce = new_nonce()
    with responding(tmp_path) as (process, port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(("127.0.0.1", port))
            sock.send(b"hello")
            sock.send(request(nonce, 1))
            reply = sock.recv(2 * LENGTH)
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
            sock.sendall(b"hello")
            line = sock.recv(100)
        process.send_signal(signum)
        code = process.wait(PATIENCE)

    receipt = read_reply(reply, nonce)
    assert receipt
    assert receipt.report
    assert receipt.report.received == 1
    assert (line, code) == (b"hello", 0)


def test_echo_on_a_port_in_use_says_so(tmp_path: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        done = subprocess.run(
            [*CHAOS, "failover", "echo", "--port", str(sock.getsockname()[1])],
            cwd=tmp_path,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert done.returncode == 1
    assert "cannot listen on 127.0.0.1:" in done.stderr


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_echo_ends_quietly_while_clients_are_connected(
    tmp_path: Path, signum: signal.Signals
) -> None:
    """Idle ones, and one that never reads."""
    with responding(tmp_path) as (process, port), ExitStack() as stack:
        clients = [client(stack, port) for _ in range(3)]
        answered = [is_answered(each) for each in clients]
        flood(clients[0])
        process.send_signal(signum)
        code = process.wait(PATIENCE)

    assert answered == [True] * 3
    assert (code, (tmp_path / "stderr").read_text()) == (0, "")


def test_echo_has_fewer_connections_under_a_low_limit_of_open_files(tmp_path: Path) -> None:
    """More clients wait for a place, which is said once."""
    with responding(tmp_path, (64, 64)) as (process, port), ExitStack() as stack:
        clients = [client(stack, port) for _ in range(100)]
        answered = [is_answered(each) for each in clients[:32]]
        clients[-1].settimeout(0.5)
        with pytest.raises(TimeoutError):
            is_answered(clients[-1])
        for each in clients[:-1]:
            each.close()
        clients[-1].settimeout(PATIENCE)
        late = clients[-1].recv(100)
        process.terminate()
        code = process.wait(PATIENCE)

    assert (answered, late, code) == ([True] * 32, b"hello", 0)
    assert (tmp_path / "stderr").read_text().splitlines() == [
        "TCP connections at most: 32, since the limit of open files is 64",
        "32 TCP connections are open: others wait",
    ]


def test_echo_raises_the_soft_limit_of_open_files(tmp_path: Path) -> None:
    with responding(tmp_path, (64, 2000)) as (process, port), ExitStack() as stack:
        clients = [client(stack, port) for _ in range(100)]
        answered = [is_answered(each) for each in clients]
        process.terminate()
        code = process.wait(PATIENCE)

    assert (answered, code, (tmp_path / "stderr").read_text()) == ([True] * 100, 0, "")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit")
def test_echo_without_a_file_says_so_once_and_accepts_later(tmp_path: Path) -> None:
    with responding(tmp_path) as (process, port), ExitStack() as stack:
        limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        assert is_answered(client(stack, port))
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        waiting = client(stack, port)
        waiting.settimeout(1.0)
        with pytest.raises(TimeoutError):
            is_answered(waiting)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
        waiting.settimeout(PATIENCE)
        late = waiting.recv(100)
        process.terminate()
        code = process.wait(PATIENCE)

    assert (late, code) == (b"hello", 0)
    assert (tmp_path / "stderr").read_text().splitlines() == [
        "cannot accept a TCP connection: [Errno 24] Too many open files"
    ]


def test_connection_that_never_reads_is_closed_after_the_idle_limit() -> None:
    """Its place is free for the next client only then."""

    async def converse() -> bytes:
        stopping, port = asyncio.Event(), asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as group:
            group.create_task(
                serve(
                    "127.0.0.1",
                    0,
                    stopping,
                    lambda _, bound: port.set_result(bound),
                    most=1,
                    idle=1.0,
                )
            )
            with ExitStack() as stack:
                silent = client(stack, await port)
                await asyncio.to_thread(flood, silent)
                waiting = client(stack, await port)
                waiting.sendall(b"hello")
                line = await asyncio.to_thread(waiting.recv, 100)
                silent.settimeout(PATIENCE)
                with pytest.raises(ConnectionError):
                    await asyncio.to_thread(silent.sendall, bytes(10_000_000))
            stopping.set()
        return line

    assert asyncio.run(converse()) == b"hello"


def test_free_port_is_free_over_both_protocols() -> None:
    """Many ports are taken over UDP alone; the responder never ends because of one of them."""

    async def respond() -> int:
        stopping, bound = asyncio.Event(), list[int]()

        def note(_: str, port: int) -> None:
            bound.append(port)
            stopping.set()

        await serve("127.0.0.1", 0, stopping, note)
        return bound[0]

    with ExitStack() as stack:
        taken = set()
        for _ in range(500):
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind(("127.0.0.1", 0))
            taken.add(sock.getsockname()[1])
        ports = [asyncio.run(respond()) for _ in range(400)]

    assert not taken & set(ports)
