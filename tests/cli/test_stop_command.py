"""
`chaos failover stop`, where a wrong word must not look like success.
"""

import re
import socket
import time

import httpx
import pytest
from accounts import ACCOUNTS
from click.testing import CliRunner, Result

from chaosfailover import actions
from chaosfailover.alibaba.config import ENDPOINT, REGION_ID
from chaosfailover.cli import failover
from chaosfailover.emulator import Emulator

HANGZHOU = ("--region", "cn-hangzhou")


def stop(*arguments: str) -> Result:
    return CliRunner().invoke(failover, ["stop", *arguments])


@pytest.mark.usefixtures("ten_circuits")
def test_name_that_no_region_knows() -> None:
    """In an incident it is a slip of the pen: something else still runs."""
    done = stop("dril", "ftj-gone", *HANGZHOU, "--region", "cn-shanghai")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "dril: NOT FOUND: no failover test has this ID or name" in done.stderr
    assert "ftj-gone: NOT FOUND" in done.stderr


def test_name_that_one_region_knows(ten_circuits: Emulator) -> None:
    """Where it does not exist is of no interest."""
    actions.create_failover_test(
        "drill",
        ["pc-01"],
        configuration={REGION_ID: "cn-hangzhou", ENDPOINT: ten_circuits.url},
        secrets={
            "access_key_id": f"key-{ACCOUNTS[0]}",
            "access_key_secret": f"secret-{ACCOUNTS[0]}",
        },
    )

    done = stop("drill", *HANGZHOU, "--region", "cn-shanghai", "--timeout", "2")

    (line,) = done.stdout.splitlines()
    assert (done.exit_code, done.stderr.count("NOT FOUND")) == (0, 0)
    assert line.startswith("cn-hangzhou  ftj-")
    assert line.endswith(": Init: it never started")


@pytest.mark.usefixtures("ten_circuits")
@pytest.mark.parametrize("name", ["", " "])
def test_name_that_is_empty_is_never_missing_as_asked(name: str) -> None:
    """It is that of a variable that is not set: a test may run whose name nobody gave."""
    done = stop(name, "gone", *HANGZHOU, "--missing-ok")

    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{name}: NOT FOUND" in done.stderr
    assert stop("gone", *HANGZHOU, "--missing-ok").exit_code == 0


@pytest.mark.parametrize("command", ["inspect", "plan", "status", "stop"])
@pytest.mark.parametrize("region", ["", " "])
def test_region_that_is_empty_is_wrong_usage(
    region: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a variable that is not set: the region of the environment is another one."""
    monkeypatch.setenv("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou")
    tests = ["drill"] if command == "stop" else []

    done = CliRunner().invoke(failover, [command, *tests, "--region", region])

    assert done.exit_code == 2
    message = f"'--region': {region!r}, expected a region ID such as cn-hangzhou"
    assert message in done.stderr


@pytest.mark.parametrize("seconds", ["nan", "inf", "-inf", "-5", "0"])
def test_time_that_is_none_is_wrong_usage(seconds: str) -> None:
    """Nothing is given up before it was tried, with the endpoint to blame."""
    done = stop("drill", *HANGZHOU, "--timeout", seconds, "--yes")

    assert done.exit_code == 2
    message = f"'--timeout': {float(seconds)} is not a number of seconds above 0"
    assert message in done.stderr


def point_at(sock: socket.socket, monkeypatch: pytest.MonkeyPatch) -> str:
    """
    Make a socket's address the endpoint, with keys that it never reads; return the URL.
    """
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    monkeypatch.setenv("ALIBABA_CLOUD_ENDPOINT_VPC", url)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")
    return url


def test_timeout_holds_for_an_endpoint_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call ends by then, also the list of the tests, and one that is under way."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        point_at(silent, monkeypatch)
        began = time.monotonic()

        done = stop("drill", *HANGZHOU, "--timeout", "1")

    assert done.exit_code == 1
    assert "cn-hangzhou  drill: MAY STILL RUN: its status is unknown" in done.stderr
    assert time.monotonic() - began < 9.0


def test_named_test_is_tried_where_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line says so, since it may come back; the last tells how long it was tried."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        url = point_at(silent, monkeypatch)
        began = time.monotonic()

        done = stop("drill", *HANGZHOU, "--timeout", "1")

    assert done.exit_code == 1
    assert done.stderr.startswith(f"Warning: nothing listens at {url}: start chaos failover emul")
    told = re.search(r"its status is unknown after ([\d.]+) s: ", done.stderr)
    assert told, done.stderr
    assert 0.9 <= float(told[1]) <= time.monotonic() - began + 0.1


@pytest.mark.usefixtures("ten_circuits")
def test_nothing_runs() -> None:
    """Silence could mean anything."""
    done = stop("--all", "--yes", *HANGZHOU)

    assert (done.exit_code, done.stdout) == (0, "No failover test runs in 1 region.\n")


@pytest.mark.parametrize(
    ("document", "named"),
    [
        pytest.param({"JobId": "ftj-1", "Status": "testing"}, "ftj-1", id="another case"),
        pytest.param({"JobId": "ftj-1", "Status": "Failed"}, "ftj-1", id="unknown word"),
        pytest.param({"JobId": "ftj-1", "Status": ""}, "ftj-1", id="empty"),
        pytest.param({"JobId": "ftj-1"}, "ftj-1", id="missing"),
        pytest.param({"Name": "drill", "Status": "Testing"}, "drill", id="without ID"),
        pytest.param({"Status": "Testing"}, "", id="without name"),
    ],
)
def test_test_of_any_other_status_is_not_overlooked(
    document: dict[str, str], named: str, ten_circuits: Emulator
) -> None:
    """What cannot be stopped is said, whatever its document lacks."""
    for operation, result in (
        ("DescribeFailoverTestJobs", {"FailoverTestJobList": [document]}),
        ("DescribeFailoverTestJob", {"FailoverTestJobModel": document}),
    ):
        body = {"RequestId": "C44F62BE", **result}
        fault = {"fault": "answer", "operation": operation, "reply": {"body": body}}
        url = f"{ten_circuits.url}/_emulator/faults"
        httpx.post(url, json=fault, trust_env=False).raise_for_status()

    done = stop("--all", "--yes", "--timeout", "1", *HANGZHOU)

    assert done.exit_code == 1, done.output
    assert f"cn-hangzhou  {named}: MAY STILL RUN" in done.stderr
