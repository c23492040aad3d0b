"""
What a client meets on a path that stalls or loses, without any privilege.
"""

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from emulator_callers import CREATE, flattened
from places import HELPERS

from chaosfailover.emulator import Emulator

ANY = {"portal": 0, "echo": 0, "ledger": 0}
PATIENCE = 10.0
PATIENT = "extends: dual-circuit\npaths:\n  a: {detection: bgp-hold}\n"
EQUAL = "extends: dual-circuit-ecmp\npaths:\n  a: {detection: bgp-hold}\n"

Begin = Callable[[str], Emulator]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Start an emulator without signatures, on free ports, of a bundled topology or of a text."""
    with contextlib.ExitStack() as stack:

        def start(topology: str) -> Emulator:
            if "\n" in topology:
                (tmp_path / "topology.yaml").write_text(topology)
                topology = str(tmp_path / "topology.yaml")
            return stack.enter_context(Emulator(topology, auth=False, seed=1, service_ports=ANY))

        yield start


def call(emulator: Emulator, operation: str, **parameters: object) -> str:
    headers = {"x-acs-action": operation, "x-acs-version": "2016-04-28"}
    reply = httpx.post(emulator.url, params=flattened(parameters), headers=headers)
    return str(reply.raise_for_status().json().get("JobId"))


def cut(emulator: Emulator) -> str:
    """Start a test of circuit a and skip to its beginning."""
    job_id = call(emulator, "CreateFailoverTestJob", **{**CREATE, "JobType": "StartNow"})
    emulator.advance(2.0)
    return job_id


def address(emulator: Emulator, name: str) -> tuple[str, int]:
    url = urlsplit(emulator.service_urls[name])
    return str(url.hostname), int(url.port or 0)


def dialled(emulator: Emulator, name: str, count: int) -> list[socket.socket]:
    """Begin to connect, `count` times."""
    sockets = [socket.socket() for _ in range(count)]
    for sock in sockets:
        sock.setblocking(False)
        sock.connect_ex(address(emulator, name))
    return sockets


def connected(sockets: list[socket.socket], within: float = 0.3) -> list[socket.socket]:
    """Return those whose connection is open in time."""
    time.sleep(within)
    poll = select.poll()
    by_number = {sock.fileno(): sock for sock in sockets}
    for number in by_number:
        poll.register(number, select.POLLOUT)
    return [
        by_number[number]
        for number, _ in poll.poll(0)
        if by_number[number].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    ]


def close(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


@pytest.mark.parametrize("name", ["portal", "ledger"])
def test_new_connections_hang(begin: Begin, name: str) -> None:
    """Not one of twenty is accepted during the stall; all open by a SYN that is sent again."""
    emulator = begin(PATIENT)
    before = dialled(emulator, name, 20)
    opened_before = len(connected(before))
    cut(emulator)
    during = dialled(emulator, name, 20)
    opened_during = len(connected(during, within=0.7))
    emulator.advance(30.0)
    opened_after = len(connected(during, within=1.0))
    close([*before, *during])

    assert (opened_before, opened_during, opened_after) == (20, 0, 20)


def test_datagrams_are_gone(begin: Begin) -> None:
    """What was sent into the stall does not come out after it."""
    emulator = begin(PATIENT)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(address(emulator, "echo"))
        cut(emulator)
        sock.send(b"during")
        time.sleep(0.1)
        emulator.advance(30.0)
        time.sleep(0.1)
        sock.send(b"after")
        sock.settimeout(PATIENCE)

        assert sock.recv(100) == b"after"


def test_open_connection_is_tried_again_as_tcp_does(begin: Begin) -> None:
    """What meets the stall comes out 200, 600 or 1400 ms after it was sent, in order."""
    emulator = begin(PATIENT)
    with socket.create_connection(address(emulator, "ledger"), timeout=PATIENCE) as sock:
        sock.sendall(b"0")
        sock.recv(10)
        cut(emulator)
        sent = time.monotonic()
        sock.sendall(b"1")
        time.sleep(0.3)
        sock.sendall(b"2")
        emulator.advance(30.0)
        came = b""
        while len(came) < 2:
            came += sock.recv(10)
        took = time.monotonic() - sent

    assert came == b"12"
    assert 0.55 < took < 1.2


def test_answer_that_meets_the_stall_is_tried_again(begin: Begin) -> None:
    """The request arrived before the cut, and the answer on a slow path leaves in it."""
    emulator = begin(
        "extends: dual-circuit\nservices:\n  ledger: {paths: [b]}\n"
        "paths:\n  b: {detection: 60, delay: 2}\n"
    )
    with socket.create_connection(address(emulator, "ledger"), timeout=PATIENCE) as sock:
        sock.sendall(b"late")
        time.sleep(0.1)
        call(
            emulator,
            "CreateFailoverTestJob",
            **{**CREATE, "JobType": "StartNow", "ResourceId": ["pc-rehearsal-b"]},
        )
        emulator.advance(2.0)
        sock.settimeout(2.5)
        with pytest.raises(TimeoutError):
            sock.recv(10)


def test_connection_that_waits_to_be_accepted_is_not_lost(begin: Begin) -> None:
    """One that opened just before the cut is served after it."""
    emulator = begin(PATIENT)
    for _ in range(20):
        sockets = dialled(emulator, "ledger", 5)
        job_id = cut(emulator)
        opened = connected(sockets, within=0.0)
        for sock in opened:
            sock.send(b"x")
        emulator.advance(30.0)
        for sock in opened:
            sock.settimeout(PATIENCE)
            assert sock.recv(10) == b"x"
        close(sockets)
        call(emulator, "StopFailoverTestJob", JobId=job_id)
        emulator.advance(5.0)


def test_lossy_path_loses_whole_connections_by_chance(begin: Begin) -> None:
    """Three in ten, connections that are only opened included, and not always the same ones."""
    emulator = begin(
        "extends: dual-circuit\npaths:\n  a: {loss: 0.3}\nservices:\n  ledger: {paths: [a]}\n"
    )
    lost = 0
    for _ in range(8):
        sockets = dialled(emulator, "ledger", 100)
        lost += 100 - len(connected(sockets, within=0.55))
        close(sockets)
    shares = [each["share"] for each in emulator.ground_truth()["ledger"]]

    assert 140 < lost < 340
    assert shares == [0.3]


def test_half_of_the_connections_hang_on_equal_paths(begin: Begin) -> None:
    """A cut hits the flows of its path alone, until they move."""
    emulator = begin(EQUAL)
    cut(emulator)
    during = dialled(emulator, "ledger", 600)
    opened_during = len(connected(during))
    close(during)
    emulator.advance(30.0)
    after = dialled(emulator, "ledger", 600)
    opened_after = len(connected(after))
    close(after)

    assert 200 < opened_during < 400
    assert opened_after == 600


def test_datagrams_of_a_flow_share_its_fate_on_equal_paths(begin: Begin) -> None:
    """Either all datagrams of a source port are lost, or none."""
    emulator = begin(EQUAL)
    flows = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(40)]
    cut(emulator)
    for number, flow in enumerate(flows):
        flow.connect(address(emulator, "echo"))
        flow.settimeout(0.3)
        for _ in range(5):
            flow.send(b"%d" % number)
    came = [len(received(flow)) for flow in flows]
    close(flows)

    assert set(came) == {0, 5}
    assert 5 < came.count(0) < 35


def received(sock: socket.socket) -> list[bytes]:
    """Return datagrams until none come in time."""
    found = []
    with contextlib.suppress(TimeoutError):
        while True:
            found.append(sock.recv(100))
    return found


def test_ground_truth_has_the_share_and_the_path(begin: Begin) -> None:
    """Half of the flows are lost, all of them on the path that was cut."""
    emulator = begin("dual-circuit-ecmp")
    job_id = cut(emulator)
    emulator.advance(1.0)
    call(emulator, "StopFailoverTestJob", JobId=job_id)
    emulator.advance(2.0)
    time.sleep(1.5)
    truth = emulator.ground_truth()["portal"]
    by_path = emulator.ground_truth_by_path()["portal"]
    told = httpx.get(f"{emulator.url}/_emulator/ground-truth-by-path").json()["portal"]

    assert [each["share"] for each in truth] == [0.5, 0.5]
    assert all(each["end"] is not None for each in truth)
    assert by_path == told == {"a": truth}


def test_ground_truth_of_a_lossy_standby_has_both_shares(begin: Begin) -> None:
    """All is lost until the traffic moves, and then three in ten."""
    emulator = begin("lossy-standby")
    cut(emulator)
    emulator.advance(1.0)
    truth = emulator.ground_truth()["portal"]

    assert [each["share"] for each in truth] == [1.0, 0.3]
    assert truth[0]["end"] == truth[1]["start"]
    assert truth[1]["end"] is None


def test_ground_truth_of_the_network_is_on_the_clock_of_that_of_the_traffic(begin: Begin) -> None:
    """The circuit goes down when the traffic is lost, and its end is told once it has come."""
    emulator = begin("dual-circuit")
    job_id = cut(emulator)
    (lost,) = emulator.ground_truth()["portal"]
    before = emulator.ground_truth_of_network()
    call(emulator, "StopFailoverTestJob", JobId=job_id)
    emulator.advance(3.0)
    (time_down,) = emulator.ground_truth_of_network()["down"]["pc-rehearsal-a"]
    told = httpx.get(f"{emulator.url}/_emulator/ground-truth-of-network").json()

    assert before["jobs"][job_id][0]["end"] is None
    assert before["down"]["pc-rehearsal-a"][0]["start"] == pytest.approx(lost["start"], abs=0.5)
    assert time_down["end"] is not None
    assert set(told) == {"jobs", "down", "sessions", "routes"}


@pytest.mark.parametrize("topology", ["dual-circuit", "dual-circuit-ecmp", "lossy-standby"])
def test_port_in_use_is_refused_however_it_is_shared(begin: Begin, topology: str) -> None:
    """Two emulators would answer for each other."""
    first = begin(topology)
    port = address(first, "portal")[1]
    second = Emulator(topology, service_ports={**ANY, "portal": port})

    with pytest.raises(OSError, match=f"service portal cannot listen on http port {port}"):
        second.start()


@pytest.mark.parametrize("topology", ["dual-circuit", "dual-circuit-ecmp"])
def test_cut_without_a_free_file_is_followed(topology: str) -> None:
    """The truth is noted and the traffic moves, though clients have used up all files."""
    done = subprocess.run(
        [sys.executable, HELPERS / "out_of_files.py", topology],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "Traceback" not in done.stderr
    assert done.stdout == "lost, then moved\n", done.stderr


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc, to preload a call")
def test_system_that_cannot_lose_connections_is_told(tmp_path: Path) -> None:
    """One line for each service when the emulator starts; a rehearsal is refused with that line."""
    library = tmp_path / "deep_backlog.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", library, HELPERS / "deep_backlog.c", "-ldl"], check=True
    )
    environment = {**os.environ, "LD_PRELOAD": str(library)}
    with subprocess.Popen(
        [sys.executable, "-m", "chaosfailover.emulator", "--port=0"]
        + [f"--service-port={name}=0" for name in ANY],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        banner = ""
        while "ALICLOUD_REGION" not in banner:
            banner += process.stdout.readline()
        process.send_signal(signal.SIGTERM)

    assert re.findall(r"^  not emulated: (\w+): (.*)$", banner, re.MULTILINE) == [
        ("portal", CANNOT_LOSE),
        ("ledger", CANNOT_LOSE),
    ]


CANNOT_LOSE = (
    "this system accepts TCP connections that a cut should lose, so a check that only connects"
    " would pass during the cut"
)
