"""
`chaos failover stop`, where a wrong word must not look like success.
"""

import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from accounts import ACCOUNTS
from click.testing import CliRunner, Result
from live import CHAOS, Cloud, clean_environment, default_signals, emulated_cloud
from processes import ended

from chaosfailover import actions
from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.config import ENDPOINT, REGION_ID
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.cli import failover
from chaosfailover.emulator import Emulator

HANGZHOU = ("--region", "cn-hangzhou")


def stop(*arguments: str) -> Result:
    return CliRunner().invoke(failover, ["stop", *arguments])


@contextmanager
def stopping(
    folder: Path, exports: Mapping[str, str], *arguments: str
) -> Iterator[subprocess.Popen[str]]:
    with (
        subprocess.Popen(
            [*CHAOS, "failover", "stop", *arguments],
            cwd=folder,
            env=clean_environment(**exports),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=default_signals,  # noqa: PLW1509 - no threads use locks here
        ) as process,
        ended(process),
    ):
        yield process


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


def test_retries_are_told_once_with_their_end(tmp_path: Path) -> None:
    """The first line says until when the endpoint is tried; the others would say the same."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        exports = {
            "ALIBABA_CLOUD_ENDPOINT_VPC": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "key",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
        }
        arguments = ("drill", "--region", "cn-hangzhou", "--timeout", "3")
        with stopping(tmp_path, exports, *arguments) as process:
            _, errors = process.communicate(timeout=30)

    (line,) = [each for each in errors.splitlines() if "tried again" in each]
    assert "DescribeFailoverTestJobs failed, and is tried again for up to 3 s in all: " in line


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


@pytest.mark.usefixtures("ten_circuits")
@pytest.mark.parametrize("tests", [["drill"], ["--all", "--yes"]], ids=["named", "all"])
def test_region_that_does_not_exist(tests: list[str]) -> None:
    """Nothing runs there, so nothing may still run; the regions that exist are offered."""
    done = stop(*tests, "--region", "cn-hangzho")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("cn-hangzho: NO SUCH REGION: InvalidRegionId.NotFound: ")
    assert re.search(
        r"\(DescribeFailoverTestJobs, HTTP 404, .*\); known: .*cn-hangzhou", done.stderr
    )
    assert "MAY STILL RUN" not in done.stderr


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with emulated_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def drill(cloud: Cloud) -> str:
    """The ID of a test that runs."""
    cloud.reset()
    key = Credentials(
        cloud.exports["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        cloud.exports["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
    )
    with VpcClient("cn-hangzhou", lambda: key, endpoint=cloud.url) as client:
        job_id = client.create_failover_test_job(
            resource_ids=["pc-rehearsal-a"], job_type="StartNow", job_duration=5, name="drill"
        )
        client.wait_for_status(job_id, "Testing", timeout=30)
    return job_id


@pytest.mark.parametrize(
    ("arguments", "signum"),
    [
        pytest.param(["drill", "--region", "cn-hangzhou"], signal.SIGTERM, id="named, SIGTERM"),
        pytest.param(
            ["--all", "--region", "cn-hangzhou", "--yes"], signal.SIGHUP, id="all, SIGHUP"
        ),
        pytest.param(["--all", "--all-regions", "--yes"], signal.SIGINT, id="everywhere, SIGINT"),
    ],
)
def test_interrupted_stop_says_what_it_saw_last(
    arguments: list[str], signum: signal.Signals, cloud: Cloud, drill: str, tmp_path: Path
) -> None:
    """The last lines are the state of each test, and the command that goes on."""
    with stopping(tmp_path, cloud.exports, *arguments) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "is Testing" in line:
                break
        process.send_signal(signum)
        *_, state, again = process.stderr.read().splitlines()
        process.wait(timeout=30)

    assert process.returncode == 1
    assert re.fullmatch(
        rf"cn-hangzhou  {drill}: MAY STILL RUN: it is (Testing|Stopping) after [\d.]+ s", state
    )
    command = " ".join(["chaos failover stop", *arguments])
    assert again == f"Interrupted by {signum.name}; to go on: {command}"


def test_interrupted_stop_of_an_endpoint_that_is_silent(tmp_path: Path) -> None:
    """What was not read yet may still run."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        exports = {
            "ALIBABA_CLOUD_ENDPOINT_VPC": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "key",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
        }
        with stopping(tmp_path, exports, "drill", "--region", "cn-hangzhou") as process:
            for _ in range(2):  # the look whether anything listens, and a call
                silent.accept()[0].close()
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert errors.splitlines()[-3:] == [
        "cn-hangzhou: NOT READ: interrupted by SIGTERM before it was read",
        "drill: MAY STILL RUN: not every region was read",
        "Interrupted by SIGTERM; to go on: chaos failover stop drill --region cn-hangzhou",
    ]
