"""
For how long a signed request is valid: the default, who sets it, and who can read it.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from freezegun import freeze_time

from chaosfailover.alibaba.signing import AcsAuth, Credentials
from chaosfailover.emulator import Emulator
from chaosfailover.emulator.faults import fault_from

SHORT = "{extends: dual-circuit, settings: {timestamp_window: 7}}"
FREE = {"portal": 0, "echo": 0, "ledger": 0}
CREATE = {
    "RegionId": "cn-hangzhou",
    "ResourceType": "PHYSICALCONNECTION",
    "ResourceId.1": "pc-rehearsal-a",
    "JobType": "StartNow",
    "JobDuration": "5",
}


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """
    A topology with a short window.
    """
    path = tmp_path / "short.yaml"
    path.write_text(SHORT)
    return path


def test_the_default_is_the_documented_one() -> None:
    assert Emulator().timestamp_window == 900.0


def test_a_topology_sets_it_and_an_argument_overrides_it(short: Path) -> None:
    assert Emulator(short).timestamp_window == 7.0
    assert Emulator(short, timestamp_window=3.0).timestamp_window == 3.0


@pytest.mark.parametrize("window", [-1.0, float("nan"), float("inf")])
def test_what_is_no_window_is_refused(window: float) -> None:
    with pytest.raises(ValueError, match=r"timestamp_window is .*, expected a number from 0 to"):
        Emulator(timestamp_window=window)


def test_another_process_reads_it_beside_the_topology() -> None:
    with Emulator(auth=False, service_ports=FREE, timestamp_window=5.0) as emulator:
        state = httpx.get(f"{emulator.url}/_emulator/state").json()

    assert (state["topology"], state["timestamp_window"]) == ("dual-circuit", 5.0)


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """
    Run the command until it ends by itself.
    """
    line = [sys.executable, "-m", "chaosfailover.emulator", *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_line_refuses_what_is_no_window() -> None:
    done = command("--timestamp-window=-1")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "python -m chaosfailover.emulator: "
        "timestamp_window is -1.0, expected a number from 0 to 1e+09\n"
    )


def test_the_help_names_it() -> None:
    assert "--timestamp-window SECONDS" in command("--help").stdout


def signed(emulator: Emulator, operation: str, **given: Any) -> httpx.Response:
    """
    Sign a request now, and send it 4 seconds later.
    """
    auth = AcsAuth(lambda: Credentials("emulator", "emulator-secret"))
    headers = {"x-acs-action": operation, "x-acs-version": "2016-04-28"}
    request = httpx.Request("POST", "http://emulator.test/", params=given, headers=headers)
    with freeze_time("2026-03-01") as frozen:
        signing = next(auth.auth_flow(request))
        frozen.tick(4.0)
        with httpx.Client(transport=emulator.transport()) as client:
            return client.send(signing)


@pytest.mark.parametrize(("window", "status"), [(3.0, 400), (4.0, 200)])
def test_a_request_is_valid_within_the_window(window: float, status: int) -> None:
    emulator = Emulator(timestamp_window=window)

    assert signed(emulator, "CreateFailoverTestJob", **CREATE).status_code == status


@pytest.mark.parametrize(
    ("minute", "seconds", "jobs"),
    [(60.0, 6.0, 1), (60.0, 7.0, 0), (6.0, 60.0, 1), (6.0, 70.0, 0)],
)
def test_a_late_start_counts_from_the_date_of_its_signature(
    minute: float, seconds: float, jobs: int
) -> None:
    """
    Of 10 real seconds 4 are over at the receipt, which leaves 60 emulated ones at tenfold speed.
    """
    emulator = Emulator(timestamp_window=10.0, minute=minute)
    emulator.cloud.faults.faults.append(fault_from({"fault": "late-start", "seconds": seconds}))
    assert signed(emulator, "CreateFailoverTestJob", **CREATE).status_code == 200
    emulator.advance(seconds)
    with emulator.cloud.held():
        existing = [job for job in emulator.cloud.ledger.everything() if job.exists]

    assert len(existing) == jobs
