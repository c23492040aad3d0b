"""
`chaos failover status` as an alarm.
"""

import json
from datetime import UTC, datetime, timedelta
from threading import Timer

import httpx
import pytest
from accounts import ACCOUNTS
from click.testing import CliRunner, Result

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.cli import failover
from chaosfailover.emulator import Emulator


def status(*arguments: str) -> Result:
    return CliRunner().invoke(failover, ["status", "--region", "cn-hangzhou", *arguments])


def running_since(emulator: Emulator, minutes: float | None) -> None:
    """
    Have the list show one test of five minutes that began some minutes ago, or is beginning.
    """
    operation = "DescribeFailoverTestJobs"
    key = Credentials(f"key-{ACCOUNTS[0]}", f"secret-{ACCOUNTS[0]}")
    with VpcClient("cn-hangzhou", lambda: key, endpoint=emulator.url) as client:
        client.create_failover_test_job(
            name="drill", resource_ids=["pc-01"], job_type="StartLater", job_duration=5
        )
        document = client.call(operation, {"MaxResults": 20})
    status = "Starting" if minutes is None else "Testing"
    body = json.loads(json.dumps(document).replace('"Init"', f'"{status}"'))
    (jobs,) = (value for value in body.values() if isinstance(value, list))
    if minutes is not None:
        began = datetime.now(UTC) - timedelta(minutes=minutes)
        jobs[0]["StartTime"] = began.strftime("%Y-%m-%dT%H:%M:%SZ")
    fault = {"fault": "answer", "operation": operation, "reply": {"body": body}}
    httpx.post(f"{emulator.url}/_emulator/faults", json=fault, trust_env=False).raise_for_status()


@pytest.mark.parametrize(
    ("minutes", "exit_code"),
    [
        pytest.param(1.0, 0, id="on time"),
        pytest.param(6.0, 0, id="about to be stopped"),
        pytest.param(8.0, 1, id="overdue"),
    ],
)
def test_alarm_is_for_what_is_overdue(
    minutes: float, exit_code: int, ten_circuits: Emulator
) -> None:
    """A game day that runs as planned raises none; what the cloud should have ended does."""
    running_since(ten_circuits, minutes)

    done = status("--fail-if-overdue")

    assert done.exit_code == exit_code, done.output
    assert ("OVERDUE" in done.stdout) == bool(exit_code)
    assert status().exit_code == 0
    assert status("--fail-if-running").exit_code == 1


def test_test_that_never_ends_by_itself_is_overdue(ten_circuits: Emulator) -> None:
    """One that is stuck in `Starting` may cut, and nobody can say until when."""
    running_since(ten_circuits, None)

    done = status("--fail-if-overdue", "--patience", "0.1")

    assert done.exit_code == 1, done.output
    assert "until unknown" in done.stdout
    assert status().exit_code == 0


def test_test_that_has_just_been_started_is_not_overdue(ten_circuits: Emulator) -> None:
    """When it ends is not known yet, but soon is."""
    running_since(ten_circuits, None)
    faults = f"{ten_circuits.url}/_emulator/faults"
    later = Timer(1.0, lambda: httpx.delete(faults, trust_env=False))
    later.start()

    done = status("--fail-if-overdue", "--patience", "30")

    later.join()
    assert done.exit_code == 0, done.output


def test_nothing_is_asked_where_rehearsals_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no cloud to watch and there may be no credentials; that is no alarm."""
    monkeypatch.setenv("ALIBABA_CLOUD_ENDPOINT_VPC", "emulator")

    done = status("--fail-if-overdue")

    assert (done.exit_code, done.stdout) == (
        0,
        "Rehearsals end with their runs: there is nothing to watch.\n",
    )


@pytest.mark.usefixtures("ten_circuits")
def test_alarm_that_cannot_ask_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to know is no reason to be quiet."""
    monkeypatch.setenv("ALIBABA_CLOUD_ENDPOINT_VPC", "http://127.0.0.1:9")

    assert status("--fail-if-overdue").exit_code == 1
