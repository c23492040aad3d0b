"""
`chaos failover echo`, as its users run it.
"""

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live import CHAOS, clean_environment, default_signals
from processes import ended

from chaosfailover.prober.echo_datagrams import LENGTH, new_nonce, read_reply, request

PATIENCE = 30.0


@contextmanager
def responding(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """
    Run the command on a free port; yield its process and the port.
    """
    process = subprocess.Popen(
        [*CHAOS, "failover", "echo", "--port", "0", *options],
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=default_signals,  # noqa: PLW1509 - it takes no lock
    )
    assert process.stdout is not None
    with ended(process), process.stdout:
        udp, tcp = process.stdout.readline().strip(), process.stdout.readline().strip()
        assert udp.replace("udp", "tcp") == tcp
        yield process, int(udp.rpartition(":")[2])


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
