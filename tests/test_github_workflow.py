"""
The steps of the GitHub workflow, run and cancelled as a runner does.
"""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from accounts import plan_for
from live import default_signals
from live_runs import cloud, environment, statuses, wait_until
from places import EXPERIMENTS
from processes import ended

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.emulator import Emulator
from chaosfailover.plan.rendering import MINUTES
from chaosfailover.record.digest import verify

WORKFLOW = EXPERIMENTS / "github" / "game-day.yml"


def workflow() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return document


def step(name: str) -> dict[str, Any]:
    steps = workflow()["jobs"]["game-day"]["steps"]
    (found,) = (each for each in steps if each.get("name") == name)
    return dict(found)


@contextlib.contextmanager
def start(name: str, emulator: Emulator, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """
    Start a step as the runner does: its text as a script of `bash -e`, in a group of its own.
    """
    found = step(name)
    script = folder / "step.sh"
    script.write_text(found["run"], encoding="utf-8")
    process = subprocess.Popen(
        ["bash", "-e", str(script)],
        cwd=folder / found.get("working-directory", "."),
        env=environment(emulator, PLAN_FOLDER="cn-hangzhou", PLAN_ROLE_ARN="", HOME=str(folder)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # A shell's background job, which these tests may be, ignores some signals.
        preexec_fn=default_signals,  # noqa: PLW1509 - it takes no lock
    )
    with ended(process):
        yield process


def exit_code(name: str, emulator: Emulator, folder: Path) -> int:
    """
    Run a step to its end.
    """
    with start(name, emulator, folder) as running:
        return running.wait(60)


def start_test(emulator: Emulator, name: str) -> None:
    """
    Start a failover test that no run of ours looks after.
    """
    key = Credentials("emulator", "emulator-secret")
    with VpcClient("cn-hangzhou", lambda: key, endpoint=emulator.url) as client:
        client.create_failover_test_job(
            name=name, resource_ids=["pc-rehearsal-a"], job_type="StartNow", job_duration=5
        )


def cancel(running: subprocess.Popen[bytes], slowness: float = 1.0) -> list[str]:
    """
    Cancel a step: SIGINT, 7.5 s later SIGTERM, and 2.5 s later the end. Return what was needed.

    A machine that is busy with other tests may be slower than GitHub's.
    """
    sent = []
    for number, seconds in ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5)):
        patience = seconds * slowness
        running.send_signal(number)
        sent.append(number.name)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(patience)
            return sent
    os.killpg(running.pid, signal.SIGKILL)
    running.wait(10)
    return [*sent, "SIGKILL"]


@pytest.mark.long
def test_cancelled_game_day_brings_back_what_it_cut(tmp_path: Path) -> None:
    """The first signal reaches chaos, which stops the test and leaves a journal."""
    with cloud(tmp_path) as emulator:
        plan_for(emulator, tmp_path / "failover-plan", default=emulator.service_urls["portal"])
        with start("Game day", emulator, tmp_path) as running:
            wait_until(lambda: statuses(emulator) == ["Testing"])

            sent = cancel(running, slowness=3.0)

        assert "SIGKILL" not in sent
        # It stays in the list, which tells the next inspection when the circuit was tested last.
        assert statuses(emulator) == ["Stopped"]
    journal = json.loads((tmp_path / "records" / "cn-hangzhou" / "journal.json").read_text())
    assert journal["status"] == "interrupted"
    record = json.loads((tmp_path / "records" / "cn-hangzhou" / "record.json").read_text())
    assert verify(record)


@pytest.mark.long
def test_last_step_stops_what_a_killed_game_day_left(tmp_path: Path) -> None:
    """When the cloud is too slow for the runner's patience, the last step sees it through."""
    with cloud(tmp_path, stopping=15.0) as emulator:
        plan_for(emulator, tmp_path / "failover-plan", default=emulator.service_urls["portal"])
        with start("Game day", emulator, tmp_path) as running:
            wait_until(lambda: statuses(emulator) == ["Testing"])

            sent = cancel(running)

            assert sent == ["SIGINT", "SIGTERM", "SIGKILL"]
            assert statuses(emulator) == ["Stopping"]
            assert exit_code("Stop what still runs", emulator, tmp_path) == 0
            assert set(statuses(emulator)) <= {"Stopped"}


def test_last_step_stops_what_runs_by_itself(tmp_path: Path) -> None:
    """Nobody else has asked for the stop: the runner and all that it started are gone."""
    with cloud(tmp_path) as emulator:
        plan_for(emulator, tmp_path / "failover-plan")
        start_test(emulator, "pc-rehearsal-a-failover")
        wait_until(lambda: statuses(emulator) == ["Testing"])

        assert exit_code("Stop what still runs", emulator, tmp_path) == 0
        assert statuses(emulator) == ["Stopped"]


def test_last_step_of_a_rehearsal_asks_nobody(tmp_path: Path) -> None:
    """A rehearsal ended with its run; there is nothing to stop and no cloud to ask."""
    done = subprocess.run(
        ["bash", "-e", "-c", step("Stop what still runs")["run"]],
        env={"PATH": os.environ["PATH"], "ALIBABA_CLOUD_ENDPOINT_VPC": "emulator"},
        cwd=tmp_path,
        check=False,
    )

    assert done.returncode == 0


def test_every_way_out_keeps_the_records_and_stops_what_runs() -> None:
    """The artifacts and the last step come after a failure and after a cancel too."""
    steps = workflow()["jobs"]["game-day"]["steps"]

    after = steps[[each.get("name") for each in steps].index("Game day") + 1 :]
    assert [each["name"] for each in after] == [
        "Records",
        "Credentials to stop with",
        "Stop what still runs",
    ]
    assert [each for each in after if not each["if"].startswith("always()")] == []


@pytest.mark.parametrize("name", ["Credentials", "Credentials to stop with"])
def test_credentials_outlast_the_job(name: str) -> None:
    """A token that ends before the job would leave nobody to stop the test; 15 circuits fit in."""
    seconds = step(name)["with"]["role-session-expiration"]

    minutes = workflow()["jobs"]["game-day"]["timeout-minutes"]
    assert seconds > minutes * 60
    assert minutes > 15 * MINUTES


def test_regions_do_not_stop_each_other() -> None:
    """What one region shows cancels no other, and no game day cancels the one before."""
    document = workflow()

    assert document["jobs"]["game-day"]["strategy"]["fail-fast"] is False
    assert document["concurrency"]["cancel-in-progress"] is False


def test_last_step_leaves_the_tests_of_others_alone(tmp_path: Path) -> None:
    """A game day that was refused since another test runs does not stop that one."""
    with cloud(tmp_path) as emulator:
        plan_for(emulator, tmp_path / "failover-plan")
        start_test(emulator, "of somebody else")

        assert exit_code("Stop what still runs", emulator, tmp_path) == 0
        assert statuses(emulator) in (["Starting"], ["Testing"])
