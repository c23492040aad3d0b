"""
The watchdog takes over from a run that was killed, and only then.
"""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live import default_signals
from live_runs import wait_until
from processes import wait_for_watchdogs

from chaosfailover import actions, probes
from chaosfailover.errors import GuardError
from chaosfailover.safety import guard
from chaosfailover.safety.cut import ApprovedCuts, Cut
from chaosfailover.safety.guard import Guard
from chaosfailover.safety.watchdog import Watchdogs, log_handler

Configuration = dict[str, Any]
DRILL = Cut("drill", ("pc-rehearsal-a",), "PHYSICALCONNECTION", 5)

# A run as short as can be: it cuts, says so, and waits for what the test does to it.
RUN = """
import sys, json
from chaosfailover import actions
from chaosfailover.safety import guard
from chaosfailover.safety.cut import ApprovedCuts
from chaosfailover.safety.cut import Cut
from chaosfailover.safety.watchdog import Watchdogs
configuration = json.loads(sys.argv[1])
watchdog = Watchdogs()
guarding = guard.Guard(backup=watchdog, timeout=30.0)
guarding.approved = ApprovedCuts((Cut("drill", ("pc-rehearsal-a",), "PHYSICALCONNECTION", 5),), "")
guard.set_current(guarding)
actions.create_failover_test("drill", ["pc-rehearsal-a"], start=True, configuration=configuration)
print(*watchdog.pids, flush=True)
sys.stdin.readline()
guarding.restore("the end")
watchdog.dismiss()
"""


@pytest.fixture
def run(configuration: Configuration, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, json.dumps(configuration)],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals,  # noqa: PLW1509 - it takes no lock
    )
    with process:
        yield process
        process.kill()
        process.wait()
        wait_for_watchdogs()


def started(run: subprocess.Popen[str]) -> list[int]:
    """
    Wait until the run has cut; return the process IDs of its watchdogs.
    """
    assert run.stdout is not None
    return [int(pid) for pid in run.stdout.readline().split()]


def is_alive(pid: int) -> bool:
    """
    Tell whether a process is there and is no zombie.
    """
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 30.0
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} did not end"
        time.sleep(0.05)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGQUIT, signal.SIGTERM])
def test_test_of_a_killed_run_is_stopped(
    run: subprocess.Popen[str], configuration: Configuration, tmp_path: Path, signum: int
) -> None:
    """However the run dies, the circuit comes back, and one log file says so."""
    watchdog, _ = started(run)
    assert probes.failover_test_status("drill", configuration=configuration) == "Testing"

    run.send_signal(signum)
    run.wait()
    wait_until_gone(watchdog)

    assert probes.failover_test_status("drill", configuration=configuration) == "Stopped"
    (log,) = tmp_path.glob("failover-watchdog-*.log")
    assert "it was stopped" in log.read_text()
    assert "rehearsal-secret" not in log.read_text()


def test_watchdog_outlives_the_process_group(
    run: subprocess.Popen[str], configuration: Configuration
) -> None:
    """It has a session of its own, and the signals that end others do not end it."""
    watchdog, _ = started(run)
    assert os.getsid(watchdog) == watchdog

    for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        os.kill(watchdog, signum)
    run.kill()
    run.wait()
    wait_until_gone(watchdog)

    assert probes.failover_test_status("drill", configuration=configuration) == "Stopped"


def test_watchdog_goes_silently_after_a_normal_end(
    run: subprocess.Popen[str], configuration: Configuration, tmp_path: Path
) -> None:
    """The run stopped its own test: nothing is left to do, and nothing is written."""
    watchdog, _ = started(run)

    assert run.stdin is not None
    run.stdin.write("\n")
    run.stdin.flush()

    assert run.wait() == 0
    assert not is_alive(watchdog)
    assert list(tmp_path.iterdir()) == []
    assert probes.failover_test_status("drill", configuration=configuration) == "Stopped"


def test_watchdog_carries_no_credential_where_others_can_read_it(
    run: subprocess.Popen[str],
) -> None:
    """Neither its command line nor its environment holds what the pipe brought."""
    watchdog, _ = started(run)

    assert b"rehearsal-secret" not in Path(f"/proc/{watchdog}/cmdline").read_bytes()
    assert b"rehearsal-secret" not in Path(f"/proc/{watchdog}/environ").read_bytes()


def test_watchdog_is_small(run: subprocess.Popen[str]) -> None:
    """It waits in 40 MB at most."""
    watchdog, _ = started(run)

    status = Path(f"/proc/{watchdog}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    assert int(resident.split()[1]) < 40_000


def test_nothing_is_cut_without_a_watchdog(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no watchdog can be started in place of those that died, the next cut is refused."""
    watchdogs = Watchdogs()
    watchdogs.check()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    for pid in watchdogs.pids:
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid)
    wait_until(lambda: not watchdogs.pids)
    guarding = Guard(backup=watchdogs, timeout=5.0)
    guarding.approved = ApprovedCuts((DRILL,), "")
    guard.set_current(guarding)

    with pytest.raises(GuardError, match="no watchdog process is running"):
        actions.create_failover_test(
            "drill", ["pc-rehearsal-a"], start=True, configuration=configuration
        )

    assert probes.list_failover_tests(configuration=configuration) == []
    guard.set_current(None)
    guarding.restore("the test is over")
    watchdogs.dismiss()


def test_watchdog_imports_nothing_from_the_folder_of_the_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file there may have the name of a module of the standard library."""
    (tmp_path / "queue.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    watchdog = Watchdogs()

    watchdog.check()

    watchdog.dismiss()


def killed(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("dead", [0, 1], ids=["first", "spare"])
def test_watchdog_that_is_killed_is_replaced_with_its_list(
    run: subprocess.Popen[str], configuration: Configuration, dead: int
) -> None:
    """Its death is noticed at once, and the run may be killed right after it."""
    pids = started(run)
    os.kill(pids[dead], signal.SIGKILL)
    run.kill()
    run.wait()
    wait_for_watchdogs()

    assert probes.failover_test_status("drill", configuration=configuration) == "Stopped"


@pytest.mark.parametrize("pause", [0.0, 0.2, 0.8])
def test_run_and_then_its_watchdog_are_killed(
    run: subprocess.Popen[str], configuration: Configuration, pause: float
) -> None:
    """The spare has the list too, and looks a moment later."""
    first, _ = started(run)
    run.kill()
    time.sleep(pause)
    killed([first])
    run.wait()
    wait_for_watchdogs()

    assert probes.failover_test_status("drill", configuration=configuration) == "Stopped"


def test_both_watchdogs_are_replaced(
    run: subprocess.Popen[str], configuration: Configuration
) -> None:
    """The run goes on, with two others."""
    killed(started(run))
    time.sleep(3.0)
    run.kill()
    run.wait()
    wait_for_watchdogs()

    assert probes.failover_test_status("drill", configuration=configuration) == "Stopped"


def test_watchdog_stops_even_where_it_can_write_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is worth less than the circuit."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr(tempfile, "tempdir", str(gone))

    assert isinstance(log_handler("watchdog.log"), logging.NullHandler)
