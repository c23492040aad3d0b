"""
A real database and its real client on the emulated network: a transaction open across a cut.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from chaos_command import free_port
from emulator_callers import CREATE, flattened

from chaosfailover.emulator import Emulator

psycopg = pytest.importorskip("psycopg")

ANY = {"portal": 0, "echo": 0, "ledger": 0}
PATIENCE = 60.0
INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: each.parent.name)
IN_CI = bool(os.environ.get("CI"))


def binary(name: str) -> str | None:
    """
    Return a program of PostgreSQL; Debian keeps them off the path.
    """
    return shutil.which(name, path=os.pathsep.join(map(str, [*reversed(INSTALLED), "/usr/bin"])))


@contextmanager
def postgresql() -> Iterator[int]:
    """
    Run a server on a free port of loopback; it refuses to run as root, so nobody runs it then.
    """
    initdb, server = binary("initdb"), binary("postgres")
    assert initdb
    assert server
    port = free_port()
    user = None if os.geteuid() else "nobody"
    with tempfile.TemporaryDirectory() as data:
        if user:
            become(user, data)
        yield from serving(Path(data), user, initdb, server, port)


def become(user: str, data: str) -> None:
    """
    Give the data to another user; root without capabilities can neither do it nor run the server.
    """
    try:
        shutil.chown(data, user)
    except PermissionError:
        pytest.skip("PostgreSQL refuses to run as root, and this process can be no other user")


def serving(data: Path, user: str | None, initdb: str, server: str, port: int) -> Iterator[int]:
    options = ["--auth=trust", "--username=drill", "--no-sync", "--locale=C", "--encoding=UTF8"]
    subprocess.run(
        [initdb, "--pgdata", data, *options], check=True, user=user, capture_output=True, cwd="/"
    )
    settings = [f"-cport={port}", "-clisten_addresses=127.0.0.1", "-cunix_socket_directories="]
    with subprocess.Popen(
        [server, "-D", data, *settings, "-cfsync=off"],
        user=user,
        stderr=subprocess.DEVNULL,
        cwd="/",
    ) as process:
        try:
            wait_for(port)
            yield port
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(conninfo(port)).close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


def conninfo(port: int, timeout: int = 5) -> str:
    return f"host=127.0.0.1 port={port} user=drill dbname=postgres connect_timeout={timeout}"


def cut(emulator: Emulator) -> None:
    headers = {"x-acs-action": "CreateFailoverTestJob", "x-acs-version": "2016-04-28"}
    given = flattened({**CREATE, "JobType": "StartNow"})
    httpx.post(emulator.url, params=given, headers=headers).raise_for_status()
    emulator.advance(2.0)


@pytest.mark.skipif(
    binary("postgres") is None and not IN_CI, reason="needs PostgreSQL's server programs"
)
def test_transaction_survives_a_cut(tmp_path: Path) -> None:
    """
    It stalls with the path, then goes on and commits; a new connection times out meanwhile.
    """
    topology = tmp_path / "topology.yaml"
    topology.write_text("extends: dual-circuit\npaths:\n  a: {detection: bgp-hold}\n")
    with (
        postgresql() as port,
        Emulator(
            topology, auth=False, service_ports=ANY, upstreams={"ledger": f"127.0.0.1:{port}"}
        ) as emulator,
    ):
        ledger = int(urlsplit(emulator.service_urls["ledger"]).port or 0)
        with psycopg.connect(conninfo(ledger)) as connection:
            connection.execute("create table payments (amount integer)")
            connection.commit()
            connection.execute("insert into payments values (1)")
            cut(emulator)
            with pytest.raises(psycopg.OperationalError, match="timeout"):
                psycopg.connect(conninfo(ledger, timeout=2))
            emulator.advance(30.0)
            connection.execute("insert into payments values (2)")
        with psycopg.connect(conninfo(ledger)) as connection:
            rows = connection.execute("select amount from payments order by 1").fetchall()

    assert rows == [(1,), (2,)]
