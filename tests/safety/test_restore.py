"""
A run that is interrupted brings the circuit back, whatever the cloud does meanwhile.
"""

import os
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from chaos_command import free_port
from drills import experiment
from live import CHAOS, Cloud, Runner, clean_environment, emulated_cloud
from places import HELPERS

IN_A_PAUSE = "Pausing after activity"

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc, to preload a call")


def run(
    runners: ExitStack, cloud: Cloud, folder: Path, name: str = "drill", **control: Any
) -> Runner:
    """
    Start a run that cuts and then pauses.
    """
    document = experiment("in a pause", "default", cloud.portal)
    document["controls"][0]["provider"]["arguments"] |= control
    document["method"][0]["provider"]["arguments"]["name"] = name
    runner = Runner(document, folder, cloud.exports)
    runners.callback(runner.close)
    return runner


def end_and_check(runner: Runner, cloud: Cloud) -> None:
    code = runner.end()
    assert code != 0, runner.log
    assert cloud.seconds_until_restored() < 10.0


@pytest.mark.long
@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"fault": "unavailable", "count": 6}, id="503"),
        pytest.param({"fault": "reset", "count": 6}, id="connection reset"),
        pytest.param({"fault": "html", "count": 4}, id="a gateway's page"),
        pytest.param({"fault": "truncated", "count": 4}, id="cut off"),
        pytest.param({"fault": "lost", "operation": "Stop*", "count": 2}, id="reply to Stop lost"),
        pytest.param(
            {
                "fault": "refuse",
                "operation": "Stop*",
                "code": "EcFailoverTestJobConflict",
                "count": 5,
            },
            id="Stop in conflict",
        ),
        pytest.param({"fault": "throttling", "count": 5, "retry_after": 300}, id="throttled"),
        pytest.param({"fault": "status-lag", "seconds": 2.0}, id="status lags"),
        pytest.param({"fault": "unknown-status", "count": 3}, id="unknown status"),
        pytest.param({"fault": "extra-fields"}, id="unknown fields"),
    ],
)
def test_fault_during_the_restore_is_outlasted(
    cloud: Cloud, runners: ExitStack, tmp_path: Path, fault: dict[str, Any]
) -> None:
    """What the cloud answers while the test is being stopped delays it, no more."""
    runner = run(runners, cloud, tmp_path)
    runner.wait_for(IN_A_PAUSE)
    cloud.fault(**fault)

    runner.process.terminate()

    end_and_check(runner, cloud)
    assert runner.journal["failover"]["stopped"][0]["status"] == "Stopped"


@pytest.mark.parametrize(
    "signum", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.long)]
)
def test_lost_reply_to_the_start_is_no_lost_test(
    cloud: Cloud, runners: ExitStack, tmp_path: Path, signum: signal.Signals
) -> None:
    """The run never heard that its test began, and stops it all the same."""
    runner = run(runners, cloud, tmp_path)
    runner.wait_for("Action: cut-the-circuit")
    cloud.fault(fault="lost", operation="CreateFailoverTestJob")
    while "Starting" not in cloud.statuses() and "Testing" not in cloud.statuses():
        time.sleep(0.02)

    os.kill(runner.process.pid, signum)

    end_and_check(runner, cloud)


@pytest.mark.long
def test_test_that_is_stuck_in_starting_is_stopped_once_it_can_be(
    cloud: Cloud, runners: ExitStack, tmp_path: Path
) -> None:
    """Only a test that is `Testing` can be stopped: the restore waits for it."""
    cloud.fault(fault="stuck-starting", seconds=6.0)
    runner = run(runners, cloud, tmp_path)
    runner.wait_for("is Starting")

    runner.process.terminate()

    end_and_check(runner, cloud)


@pytest.mark.long
def test_what_cannot_be_stopped_is_reported(
    cloud: Cloud, runners: ExitStack, tmp_path: Path
) -> None:
    """The log names the test and the command that stops it; the watchdog goes on trying."""
    cloud.fault(fault="stuck-stopping", seconds=8.0)
    runner = run(runners, cloud, tmp_path, restore_timeout=2.0)
    runner.wait_for(IN_A_PAUSE)

    runner.process.terminate()
    code = runner.end()

    assert code == 1
    assert "A FAILOVER TEST MAY STILL BE RUNNING: " in runner.log
    assert "To stop it: chaos failover stop ftj-" in runner.log
    assert runner.journal["status"] == "failed"
    assert "it is Stopping after " in runner.journal["failover"]["stopped"][0]["error"]
    cloud.seconds_until_restored()
    (log,) = tmp_path.glob("failover-watchdog-*.log")
    deadline = time.monotonic() + 30
    while "it had ended" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "it had ended" in log.read_text()


@pytest.mark.sample(1)
@pytest.mark.long
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_cloud_that_is_away_is_waited_for(
    runners: ExitStack, tmp_path: Path, signum: signal.Signals
) -> None:
    """The API is down when the run ends; when it is back, so is the circuit."""
    options = ("--port", str(free_port()), "--state", str(tmp_path / "state.db"))
    with emulated_cloud(tmp_path, *options) as cloud:
        runner = run(runners, cloud, tmp_path)
        runner.wait_for(IN_A_PAUSE)
        cloud.process.kill()
        cloud.process.wait()
        os.kill(runner.process.pid, signum)
        time.sleep(2.0)

    with emulated_cloud(tmp_path, *options) as back:
        assert back.statuses() != []
        assert runner.end() != 0
        assert back.seconds_until_restored() < 30.0
        runner.close()


@pytest.mark.long
def test_two_runs_that_race_for_a_region(cloud: Cloud, runners: ExitStack, tmp_path: Path) -> None:
    """One cuts, the other does not; and the one that ends first leaves the other's test alone."""
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    first = run(runners, cloud, folders[0], name="first")
    first.wait_for(IN_A_PAUSE)
    second = run(runners, cloud, folders[1], name="second")

    assert second.end() == 1
    assert "no test is running" in second.log
    assert cloud.statuses() == ["Testing"]

    first.process.terminate()
    end_and_check(first, cloud)


def preload(cloud: Cloud, folder: Path, source: str) -> None:
    """
    Have the runs of this cloud use our own version of a call of the C library.
    """
    library = folder / "preloaded.so"
    code = HELPERS / source
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, code, "-ldl"], check=True)
    cloud.exports["LD_PRELOAD"] = str(library)


@pytest.mark.long
@pytest.mark.sample(1)
@needs_gcc
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("jump", [7200, -7200])
def test_clock_that_jumps_changes_nothing(
    cloud: Cloud, runners: ExitStack, tmp_path: Path, jump: int, signum: signal.Signals
) -> None:
    """Waits are on the monotonic clock, and requests are signed by the clock of the API."""
    preload(cloud, tmp_path, "clock_jump.c")
    jumps = tmp_path / "jump"
    jumps.write_text("0")
    cloud.exports["CLOCK_JUMP"] = str(jumps)
    runner = run(runners, cloud, tmp_path)
    runner.wait_for(IN_A_PAUSE)
    jumps.write_text(str(jump))

    os.kill(runner.process.pid, signum)

    end_and_check(runner, cloud)


@pytest.mark.long
@pytest.mark.sample(1)
@needs_gcc
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_just_before_a_sleep_is_not_slept_over(
    cloud: Cloud, runners: ExitStack, tmp_path: Path, signum: signal.Signals
) -> None:
    """There Python has looked for signals for the last time, and the sleep is not interrupted."""
    preload(cloud, tmp_path, "late_sleep.c")
    runner = run(runners, cloud, tmp_path)
    runner.wait_for(IN_A_PAUSE)
    time.sleep(0.5)

    os.kill(runner.process.pid, signum)

    end_and_check(runner, cloud)
    assert runner.journal["interruption"]["name"] == signum.name


def test_dry_run_cuts_nothing(cloud: Cloud, tmp_path: Path) -> None:
    """Even one that leaves out the probes alone, and plays every action; it proves nothing."""
    runner = Runner(
        experiment("dry", "always", cloud.portal), tmp_path, cloud.exports, ["--dry", "probes"]
    )
    try:
        assert runner.end() == 1, runner.log
    finally:
        runner.close()

    assert "Nothing will be cut: this is a dry run (probes), which cuts nothing" in runner.log
    assert runner.journal["failover"]["verdict"]["verdict"] == "inconclusive"
    assert cloud.statuses() == []


@pytest.mark.long
def test_command_line_finds_and_stops_what_runs(
    cloud: Cloud, runners: ExitStack, tmp_path: Path
) -> None:
    """`status` lists it, `stop` ends it, and both can be repeated."""
    runner = run(runners, cloud, tmp_path)
    runner.wait_for(IN_A_PAUSE)

    def failover(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*CHAOS, "failover", *arguments],
            cwd=tmp_path,
            env=clean_environment(**cloud.exports),
            capture_output=True,
            text=True,
            check=False,
        )

    listed = failover("status")
    alarmed = failover("status", "--fail-if-running", "--format", "json")
    stopped = failover("stop", "--all", "--yes")
    again = failover("stop", "drill")
    quiet = failover("status")
    unknown = failover("stop", "nothing-of-this-name")

    assert listed.returncode == 0
    assert "Testing" in listed.stdout
    assert "pc-rehearsal-a" in listed.stdout
    assert (alarmed.returncode, '"status": "Testing"' in alarmed.stdout) == (1, True)
    assert (stopped.returncode, "it was stopped" in stopped.stdout) == (0, True)
    assert (again.returncode, "it had ended" in again.stdout) == (0, True)
    assert (quiet.returncode, quiet.stdout) == (0, "No failover test runs in 1 region.\n")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "nothing-of-this-name: NOT FOUND: no failover test has this ID or name" in unknown.stderr
    runner.process.terminate()
    runner.end()
