"""
The emulator as a command, in a process of its own.
"""

import contextlib
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from emulator_callers import CREATE, flattened
from own_services import answering, listening

from chaosfailover.emulator.__main__ import main
from chaosfailover.emulator.dataplane import TakenPort

FREE = ["--port", "0", *(f"--service-port={each}=0" for each in ("portal", "echo", "ledger"))]


@contextmanager
def command(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """
    Run the command without signatures; yields the process and its URL.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "chaosfailover.emulator", "--no-auth", *FREE, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        found = re.search(r"http://[^ ]+", process.stdout.readline())
        assert found, process.communicate()
        yield process, found[0]
    finally:
        process.kill()
        process.communicate()


def call(url: str, operation: str, **given: Any) -> Any:
    """
    Call an operation.
    """
    headers = {"x-acs-action": operation, "x-acs-version": "2016-04-28"}
    return httpx.post(url, params=flattened(given), headers=headers).json()


def test_it_says_how_to_use_it_logs_requests_and_ends_on_ctrl_c() -> None:
    with command() as (process, url):
        call(url, "StartFailoverTestJob", JobId="ftj-none", RegionId="cn-hangzhou")
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
        assert process.stdout is not None
        assert process.stderr is not None
        out, err = process.stdout.read(), process.stderr.read()

    assert process.returncode == 0
    assert f"export ALIBABA_CLOUD_ENDPOINT_VPC={url}\n" in out
    assert "export ALIBABA_CLOUD_ACCESS_KEY_ID=emulator\n" in out
    assert "portal  http://127.0.0.1:" in out
    assert "  emulator  emulator-secret  account 1000000000000001\n" in out
    assert re.fullmatch(
        r"\S+Z POST StartFailoverTestJob cn-hangzhou \d{16} 400 IllegalParam.JobId \d+\.\d ms\n",
        err,
    )


def test_it_puts_a_service_of_mine_behind_the_network() -> None:
    """The banner names the upstream, and its answers come back."""
    with listening(answering) as upstream, command(f"--upstream=portal={upstream}") as (process, _):
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(2)]
        portal = re.fullmatch(rf"  portal  (http://\S+)  upstream {upstream}\n", lines[1])
        assert portal, lines
        assert httpx.get(portal[1]).status_code == 204


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("portal=a:1 --upstream portal=b:2", "--upstream is given to 'portal' twice"),
        ("portal", "'portal' is not NAME=HOST:PORT, such as portal=127.0.0.1:3000"),
        ("portal=3000", "upstream.portal is '3000', expected host:port, such as 127.0.0.1:3000"),
        ("shop=127.0.0.1:1", "an upstream is given to 'shop', but the topology's services are"),
    ],
)
def test_wrong_upstream_is_told(
    given: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.suppress(SystemExit):
        main([*FREE, "--upstream", *given.split()])

    assert message in capsys.readouterr().err


def test_it_ends_on_sigterm() -> None:
    with command() as (process, _):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)

    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--host", "0.0.0.0"], 2, "not a loopback address"),  # noqa: S104 - refused
        (["--host", "::"], 2, "not a loopback address"),
        (["--minute", "0"], 2, "--minute is 0"),
        (["--topology", "nowhere"], 1, "topology 'nowhere' is neither one of"),
        (
            ["--topology", "dual-circut"],
            1,
            "topology 'dual-circut': there is no such file (did you mean dual-circuit?)",
        ),
        (["--topology", "nix.yaml"], 1, "topology 'nix.yaml': there is no such file\n"),
        (["--topology", "/"], 1, "topology '/' cannot be read: Is a directory\n"),
        (["--minute", "1e-300"], 2, "--minute is 1e-300, expected 0.001 to 86400 seconds"),
        (["--port", "99999"], 1, "emulator: the API cannot listen on http port 99999 of 127.0.0.1"),
        (["--service-port", "portal"], 2, "'portal' is not NAME=PORT, such as portal=0"),
        (["--service-port", "portal=x"], 2, "'portal=x' is not NAME=PORT"),
        (
            ["--port", "0", "--service-port", "shop=1"],
            1,
            "given to 'shop', but the topology's serv",
        ),
        (
            ["--port", "0", "--topology", "two-regions", "--service-port", "shop=1"],
            1,
            "but the topology's services are none",
        ),
        (["--state", "/nowhere/state.db"], 1, "state file /nowhere/state.db cannot be used"),
    ],
)
def test_wrong_arguments_are_explained(
    arguments: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        actual = main(arguments)
    except SystemExit as exc:
        actual = int(str(exc.code))

    assert actual == code
    assert says in capsys.readouterr().err


def test_a_taken_port_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with command() as (_, url):
        code = main(["--port", url.rpartition(":")[2]])

    assert code == 1
    assert "the API cannot listen on http port" in capsys.readouterr().err


def test_taken_ports_are_named_together_with_the_options_that_move_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ExitStack() as taken:
        api, portal = (
            taken.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for _ in range(2)
        )
        echo = taken.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        echo.bind(("127.0.0.1", 0))
        udp = echo.getsockname()[1]
        ports = {"portal": portal, "echo": udp, "ledger": 0}
        options = [f"--service-port={name}={port}" for name, port in ports.items()]
        code = main([f"--port={api}", *options])

    other = {port: TakenPort("", "", "", port, "").other for port in (api, portal, udp)}
    assert code == 1
    assert capsys.readouterr().err == (
        f"python -m chaosfailover.emulator: the API cannot listen on http port {api}, "
        f"service portal on http port {portal}, service echo on udp port {udp} of 127.0.0.1: "
        "Address already in use; stop the process that listens there, or use other ports: "
        f"--port {other[api]} --service-port portal={other[portal]} "
        f"--service-port echo={other[udp]}, and change the targets: "
        f"portal to http://127.0.0.1:{other[portal]}/ (bundled experiments: FAILOVER_PORTAL_URL), "
        f"echo to udp://127.0.0.1:{other[udp]}\n"
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{}", "topology '{path}': it needs accounts"),
        ("extends: dual-circuit\nsettings: {status_lag: 5s}", "settings.status_lag is '5s'"),
        ("a: 2024-13-45", "topology '{path}': line 1: '2024-13-45' cannot be read: month must be"),
    ],
)
def test_a_wrong_topology_is_explained(
    tmp_path: Path, content: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)

    assert main([*FREE, "--topology", str(path)]) == 1
    assert says.replace("{path}", str(path)) in capsys.readouterr().err


def test_jobs_survive_a_kill(tmp_path: Path) -> None:
    """
    Whatever was acknowledged is there after `kill -9`, and time went on.
    """
    state = ["--state", str(tmp_path / "state.db"), "--minute", "1"]
    other = {**CREATE, "ResourceId": ["pc-rehearsal-b"], "ClientToken": "t"}
    with command(*state) as (process, url):
        created = [call(url, "CreateFailoverTestJob", **CREATE)["JobId"] for _ in range(5)]
        call(url, "DeleteFailoverTestJob", JobId=created[0])
        call(url, "StartFailoverTestJob", JobId=created[1])
        token = call(url, "CreateFailoverTestJob", **other)["JobId"]
        process.kill()
    with command(*state) as (_, url):
        jobs = call(url, "DescribeFailoverTestJobs")["FailoverTestJobList"]
        again = call(url, "CreateFailoverTestJob", **other)["JobId"]

    assert [each["JobId"] for each in jobs] == [token, *created[:0:-1]]
    assert again == token
    assert {each["JobId"]: each["Status"] for each in jobs}[created[1]] in ("Testing", "Stopped")


def test_no_acknowledged_job_is_lost_in_a_storm(tmp_path: Path) -> None:
    """
    Kill the emulator while it creates; all IDs that arrived are there afterwards.
    """
    state = ["--state", str(tmp_path / "state.db")]
    with command(*state) as (process, url):
        acknowledged = [call(url, "CreateFailoverTestJob", **CREATE)["JobId"]]
        threading.Timer(0.5, process.kill).start()  # while the calls below are under way
        with contextlib.suppress(httpx.TransportError):
            while True:
                acknowledged.append(call(url, "CreateFailoverTestJob", **CREATE)["JobId"])
    with command(*state) as (_, url):
        listed = {job_id for job_id in acknowledged if "Status" in str(described(url, job_id))}

    assert acknowledged
    assert listed == set(acknowledged)


def described(url: str, job_id: str) -> Any:
    """
    Describe a job.
    """
    return call(url, "DescribeFailoverTestJob", JobId=job_id)


def test_a_state_file_serves_one_emulator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = ["--state", str(tmp_path / "state.db")]
    with command(*state):
        code = main([*FREE, *state])

    assert code == 1
    assert "database is locked" in capsys.readouterr().err


def test_a_file_that_is_no_state_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to look like one " * 10)

    assert main([*FREE, "--state", str(path)]) == 1
    assert "notes.txt cannot be used" in capsys.readouterr().err
    assert path.read_text().startswith("not a database")


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (["CREATE TABLE jobs (name TEXT)"], "no such column: job_id"),
        (
            [
                "CREATE TABLE jobs (job_id TEXT PRIMARY KEY, content TEXT NOT NULL)",
                """INSERT INTO jobs VALUES ('ftj-a', '{"job_id": "ftj-a"}')""",
            ],
            "job 'ftj-a' needs number",
        ),
        (
            [
                "CREATE TABLE replies (key TEXT PRIMARY KEY, content TEXT NOT NULL)",
                "INSERT INTO replies VALUES ('[1]', '{}')",
            ],
            "the key of a reply is [1], expected four texts",
        ),
    ],
)
def test_a_database_of_something_else_is_refused(
    tmp_path: Path, statements: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        for statement in statements:
            other.execute(statement)
        other.commit()

    assert main([*FREE, "--state", str(path)]) == 1
    assert f"other.db cannot be used: {says}" in capsys.readouterr().err


def test_no_start_gives_the_ids_of_another(tmp_path: Path) -> None:
    """
    With one seed and one state file, a deleted job's ID is not given again.
    """
    ids = []
    for _ in range(3):
        with command("--seed", "7", "--state", str(tmp_path / "state.db")) as (_, url):
            answer = call(url, "CreateFailoverTestJob", **CREATE)
            ids += [answer["JobId"], answer["RequestId"]]
            call(url, "DeleteFailoverTestJob", JobId=answer["JobId"])

    assert len(set(ids)) == 6
