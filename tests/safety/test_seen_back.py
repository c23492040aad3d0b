"""
Down means down and back means back: real runs on a cloud that says less than what is true.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaos_command import ALL, chaos, journal, on_free_ports
from drills import experiment
from live import CHAOS, Cloud, Runner, clean_environment, emulated_cloud
from places import EXPERIMENTS
from processes import wait_for_watchdogs

IN_A_PAUSE = "Pausing after activity"
SETTLING = "Waiting for at most"
ODD_STATUSES: list[dict[str, Any]] = [
    {"fault": "unknown-status", "status": "testing"},
    {"fault": "unknown-status", "status": "Pausing"},
    {"fault": "unknown-status", "status": "Failed"},
    {"fault": "unknown-status", "status": "Starting"},
    {"fault": "unknown-status", "status": ""},
    {"fault": "unknown-status", "status": None},
    {"fault": "no-status"},
]
NAMES = [str(fault.get("status", "missing")) or "empty" for fault in ODD_STATUSES]
# All of them for each way to stop are many runs: `pytest -m matrix`.
RARE: dict[str, Any] = {"Pausing": pytest.mark.long, "missing": ()}
ODD = [
    pytest.param(fault, id=name, marks=RARE.get(name, pytest.mark.matrix))
    for fault, name in zip(ODD_STATUSES, NAMES, strict=True)
]


def run(
    runners: ExitStack,
    cloud: Cloud,
    folder: Path,
    moment: str = "in a pause",
    rollbacks: bool = True,
    **control: Any,
) -> Runner:
    """
    Start a run that cuts, and then pauses for a minute or, at no moment, ends once it has settled.
    """
    document = experiment(moment, "always", cloud.portal)
    document["controls"][0]["provider"]["arguments"] |= {"restore_timeout": 20.0, **control}
    document["title"] = document["description"] = "a run"
    document["rollbacks"] = document["rollbacks"] if rollbacks else []
    runner = Runner(document, folder, cloud.exports)
    runners.callback(runner.close)
    return runner


def failover(cloud: Cloud, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CHAOS, "failover", *arguments],
        cwd=folder,
        env=clean_environment(**cloud.exports),
        capture_output=True,
        text=True,
        check=False,
    )


def verdict(runner: Runner) -> dict[str, Any]:
    verdict: dict[str, Any] = runner.journal["failover"]["verdict"]
    return verdict


@pytest.mark.parametrize(
    "rollbacks",
    [pytest.param(True, id="rollback", marks=pytest.mark.long), pytest.param(False, id="guard")],
)
def test_stopped_is_not_back(
    cloud: Cloud, runners: ExitStack, tmp_path: Path, rollbacks: bool
) -> None:
    """The job is `Stopped`, the circuit is not back: the run says so, and is no success."""
    cloud.fault(fault="stays-down")
    runner = run(runners, cloud, tmp_path, "", rollbacks, restore_timeout=3.0)

    code = runner.end()

    assert code == 1
    assert re.search(
        r"CRITICAL\] NOT BACK: drill \(ftj-\w+\) is Stopped, but bgp-rehearsal-a is Available and "
        r"Down, not Available and Established since \d\d:\d\d:\d\d UTC\. To see it: chaos failover",
        runner.log,
    )
    assert "NOT ALL IS BACK: What drill took is not back: bgp-rehearsal-a is " in runner.log
    assert "all resources are back" not in runner.log
    assert verdict(runner)["verdict"] == "deviated"
    assert verdict(runner)["reasons"][0].startswith("What drill took is not back: ")
    assert runner.journal["failover"]["record"]["tests"][0]["back_at"] is None
    alarmed = failover(cloud, tmp_path, "status", "--fail-if-overdue")
    assert (alarmed.returncode, "bgp-rehearsal-a" in alarmed.stdout) == (1, True)
    assert "stays until" in runner.log


@pytest.mark.parametrize(
    "name",
    [
        name if name == "circuit-failover.yaml" else pytest.param(name, marks=pytest.mark.matrix)
        for name in ALL
    ],
)
def test_no_bundled_experiment_holds_while_something_is_down(tmp_path: Path, name: str) -> None:
    """Not one of them, on the embedded emulator either."""
    experiment = yaml.safe_load((EXPERIMENTS / name).read_text("utf-8"))
    experiment["controls"][0]["provider"]["arguments"]["restore_timeout"] = 2.0
    (tmp_path / name).write_text(yaml.safe_dump(experiment), encoding="utf-8")
    settings = on_free_ports("dual-circuit", tmp_path)
    topology = Path(settings["FAILOVER_TOPOLOGY"])
    faults = yaml.safe_load(topology.read_text("utf-8")) | {"faults": [{"fault": "stays-down"}]}
    topology.write_text(yaml.safe_dump(faults), encoding="utf-8")

    done = chaos("run", name, folder=tmp_path, **settings)

    assert done.returncode == 1
    assert "NOT BACK: " in done.stderr
    found = journal(tmp_path)["failover"]["verdict"]
    assert found["verdict"] == "deviated"
    assert found["reasons"][0].startswith("What ")


@pytest.mark.parametrize(
    "ended_by",
    [
        pytest.param("the cloud", marks=pytest.mark.long),
        # Its command has to be quicker than the recovery hold of 5 s.
        pytest.param("somebody else", marks=pytest.mark.matrix),
    ],
)
def test_recovery_by_an_early_end_is_no_failover(
    cloud: Cloud, runners: ExitStack, tmp_path: Path, ended_by: str
) -> None:
    """Nobody asked the run: what came back with the circuit proves nothing of the other one."""
    if ended_by == "the cloud":
        cloud.fault(fault="ends-early", seconds=1.0)
    runner = run(runners, cloud, tmp_path, "")
    runner.wait_for(SETTLING)
    if ended_by == "somebody else":
        assert failover(cloud, tmp_path, "stop", "--all", "--yes").returncode == 0

    assert runner.end() == 1

    assert verdict(runner)["verdict"] == "inconclusive"
    assert re.search(
        r"drill was last seen Testing at [\d:]{8} UTC and seen to end at [\d:]{8} UTC, before this "
        r"run stopped it: somebody else stopped it, or the cloud",
        " ".join(verdict(runner)["reasons"]),
    )


@pytest.mark.long
def test_late_return_is_waited_for(cloud: Cloud, runners: ExitStack, tmp_path: Path) -> None:
    """The wait ends when everything is as before, and the record has the time of it."""
    cloud.fault(fault="stays-down", seconds=5.0)
    runner = run(runners, cloud, tmp_path, "")

    assert runner.end() == 0, runner.log

    assert cloud.down() == []
    (test,) = runner.journal["failover"]["record"]["tests"]
    assert test["back_at"] > test["stop_at"]
    assert verdict(runner)["verdict"] == "held"


def seen_of_the_return(runner: Runner) -> list[str]:
    events = runner.journal["failover"]["events"]
    return [each["kind"] for each in events if each["kind"] in ("back", "away")]


@pytest.mark.long
def test_flap_after_the_way_back_is_measured(
    cloud: Cloud, runners: ExitStack, tmp_path: Path
) -> None:
    """The time after everything is back begins anew once that is so again."""
    cloud.fault(fault="flaps", seconds=2.5, times=1)
    runner = run(runners, cloud, tmp_path, "", after_stop=4.0)

    assert runner.end() == 0, runner.log

    events = runner.journal["failover"]["events"]
    at = {each["kind"]: datetime.fromisoformat(each["at"]) for each in events}
    assert seen_of_the_return(runner) == ["back", "away", "back"]
    assert at["end"] - at["back"] >= timedelta(seconds=3.9)


@pytest.mark.long
def test_what_is_away_again_at_the_end_is_named(
    cloud: Cloud, runners: ExitStack, tmp_path: Path
) -> None:
    """It is as it was seen: back, and not any more since then."""
    cloud.fault(fault="flaps", seconds=8.0, times=1)
    runner = run(runners, cloud, tmp_path, "", after_stop=9.5, restore_timeout=4.0)

    assert runner.end() == 1

    assert seen_of_the_return(runner) == ["back", "away"]
    assert re.search(
        r"NOT ALL IS BACK: What drill took was back, and is away again: bgp-rehearsal-a is Down, "
        r"not Established since [\d:]{8} UTC",
        runner.log,
    )
    assert verdict(runner)["verdict"] == "deviated"


@pytest.mark.long
def test_further_signal_ends_the_wait(cloud: Cloud, runners: ExitStack, tmp_path: Path) -> None:
    """Once all is `Stopped`, whoever waits may have had enough; what is not back is told."""
    cloud.fault(fault="stays-down")
    runner = run(runners, cloud, tmp_path, restore_timeout=300.0)
    runner.wait_for(IN_A_PAUSE)
    runner.process.send_signal(signal.SIGINT)
    runner.wait_for("is Stopped")
    time.sleep(2.0)
    assert runner.process.poll() is None

    runner.process.send_signal(signal.SIGINT)

    assert runner.end() == 1
    assert "NOT BACK: drill" in runner.log
    # The watchdogs go on looking, for longer than this test does.
    cloud.process.terminate()


@pytest.mark.long
def test_session_before_is_what_has_to_come_back(
    cloud: Cloud, runners: ExitStack, tmp_path: Path
) -> None:
    """The observer sees all that the cut takes, before it and in it, with no probe."""
    runner = run(runners, cloud, tmp_path, "")

    assert runner.end() == 0, runner.log

    statuses: dict[str, list[str]] = {}
    for event in runner.journal["failover"]["events"]:
        if event["kind"] == "resource" and event.get("test"):
            seen = statuses.setdefault(event["resource_id"], [])
            # What a first reading in the cut finds unchanged is told again.
            seen += [event["status"]] if seen[-1:] != [event["status"]] else []
    assert statuses == {
        "pc-rehearsal-a": ["Enabled"],
        "vbr-rehearsal-a": ["active"],
        "bgp-rehearsal-a": ["Established", "Down", "Established"],
    }


@pytest.mark.long
@pytest.mark.sample(1)
@pytest.mark.parametrize("fault", ODD)
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL], ids=["guard", "watchdog"])
def test_whatever_status_is_shown_the_test_is_stopped(
    cloud: Cloud, runners: ExitStack, tmp_path: Path, fault: dict[str, Any], signum: int
) -> None:
    """Anything but `Init` and `Stopped` may run."""
    runner = run(runners, cloud, tmp_path)
    runner.wait_for(IN_A_PAUSE)
    cloud.fault(during=["Starting", "Testing", "Stopping"], **fault)

    os.kill(runner.process.pid, signum)

    assert runner.end() != 0
    assert cloud.seconds_until_restored() < 10.0


@pytest.mark.long
@pytest.mark.sample(1)
@pytest.mark.parametrize("fault", ODD)
def test_rollback_stops_whatever_status_is_shown(
    cloud: Cloud, runners: ExitStack, tmp_path: Path, fault: dict[str, Any]
) -> None:
    """It goes on until the test is `Stopped` and back, once the failover has settled."""
    runner = run(runners, cloud, tmp_path, "")
    runner.wait_for(SETTLING)
    cloud.fault(during=["Starting", "Testing", "Stopping"], **fault)

    runner.end()

    (rollback,) = runner.journal["rollbacks"]
    assert (rollback["status"], rollback["output"]["back"]) == ("succeeded", True)
    assert cloud.statuses() == ["Stopped"]
    (cut,) = runner.journal["failover"]["targets"]["portal"]["cuts"]
    assert cut["settled"] is True


@pytest.mark.long
@pytest.mark.sample(1)
@pytest.mark.parametrize("fault", ODD)
def test_command_line_stops_whatever_status_is_shown(
    cloud: Cloud, runners: ExitStack, tmp_path: Path, fault: dict[str, Any]
) -> None:
    """`status` lists it, and `stop --all` stops it."""
    runner = run(runners, cloud, tmp_path)
    runner.wait_for(IN_A_PAUSE)
    cloud.fault(during=["Starting", "Testing", "Stopping"], **fault)

    listed = failover(cloud, tmp_path, "status", "--fail-if-running")
    stopped = failover(cloud, tmp_path, "stop", "--all", "--yes")

    assert (listed.returncode, "pc-rehearsal-a" in listed.stdout) == (1, True)
    assert (stopped.returncode, "it was stopped" in stopped.stdout) == (0, True), stopped.stderr
    assert cloud.seconds_until_restored() < 10.0
    runner.process.terminate()
    runner.end()


@pytest.mark.long
@pytest.mark.sample(1)
@pytest.mark.parametrize("fault", [ODD_STATUSES[1], ODD_STATUSES[-1]], ids=["Pausing", "missing"])
def test_test_of_an_odd_status_is_no_survivor(
    cloud: Cloud, runners: ExitStack, tmp_path: Path, fault: dict[str, Any]
) -> None:
    """What it has cut is no proven survivor of the next cut."""
    other = tmp_path / "other"
    other.mkdir()
    document = experiment("in a pause", "always", cloud.portal)
    document["method"][0]["provider"]["arguments"] |= {
        "name": "other",
        "resource_ids": ["pc-rehearsal-b"],
    }
    first = Runner(document, other, cloud.exports)
    runners.callback(first.close)
    first.wait_for(IN_A_PAUSE)
    cloud.fault(during=["Starting", "Testing", "Stopping"], **fault)

    second = run(runners, cloud, tmp_path)

    assert second.end() == 1
    assert "nothing was cut" in second.log
    assert cloud.sent("CreateFailoverTestJob") == 3  # two of them were dry runs
    first.process.terminate()
    first.end()


@pytest.mark.parametrize(
    ("resource", "fields"),
    [
        pytest.param(
            "pc-rehearsal-b",
            {"BusinessStatus": "FinancialLocked"},
            id="locked",
            marks=pytest.mark.long,
        ),
        pytest.param(
            "pc-rehearsal-b", {"Status": "Terminated"}, id="terminated", marks=pytest.mark.matrix
        ),
        pytest.param(
            "vbr-rehearsal-b",
            {"Status": "unconfirmed"},
            id="VBR unconfirmed",
            marks=pytest.mark.matrix,
        ),
        pytest.param(
            "bgp-rehearsal-b", {"BgpStatus": "Idle"}, id="session idle", marks=pytest.mark.matrix
        ),
        pytest.param("bgp-rehearsal-b", {"AdvertisedRouteCount": 0}, id="no routes"),
    ],
)
def test_what_is_not_proven_is_no_survivor(
    cloud: Cloud, runners: ExitStack, tmp_path: Path, resource: str, fields: dict[str, Any]
) -> None:
    """The cut is refused, and nothing is started."""
    cloud.change(resource, fields)

    runner = run(runners, cloud, tmp_path)

    assert runner.end() == 1
    assert "0 of 1 needed survivors proven" in runner.log
    assert cloud.statuses() == []


@pytest.mark.sample(1)
@pytest.mark.long
@pytest.mark.parametrize(
    "signum",
    [
        pytest.param(signal.SIGINT, id="interrupted"),
        pytest.param(signal.SIGKILL, id="killed"),
        # The retries go on for as long as the check of the survivors lasts.
        pytest.param(None, id="undisturbed", marks=pytest.mark.matrix),
    ],
)
def test_start_that_takes_effect_late_is_stopped(
    runners: ExitStack, tmp_path: Path, signum: int | None
) -> None:
    """No reply came, the run ended, and then the test begins: the watchdog is still there."""
    delay = 25 if signum else 45
    with emulated_cloud(tmp_path, "--timestamp-window", str(delay + 15)) as cloud:
        cloud.fault(fault="late-start", operation="CreateFailoverTestJob", seconds=delay)
        cloud.fault(fault="lost", operation="CreateFailoverTestJob", dry_run=False)
        runner = run(runners, cloud, tmp_path, "in a pause" if signum else "")
        runner.wait_for("Action: cut-the-circuit")
        time.sleep(1.0)
        if signum:
            os.kill(runner.process.pid, signum)
        if signum == signal.SIGKILL:
            runner.process.wait()
        else:
            assert runner.end() == 1
            check_late_start(runner)
        wait_for_watchdogs()

        assert cloud.statuses() == ["Stopped"]
        assert cloud.seconds_until_restored() < 10.0


def check_late_start(runner: Runner) -> None:
    """
    Check what a run says of a start that was not answered.
    """
    assert "A FAILOVER TEST MAY STILL START: drill" in runner.log
    assert re.search(r"The watchdog \(process \d+\) stays until \d\d:\d\d:\d\d UTC", runner.log)
    assert "Nothing was cut" not in runner.log
    assert verdict(runner)["verdict"] == "inconclusive"
    assert "Whether drill was started is not known" in " ".join(verdict(runner)["reasons"])


@pytest.mark.long
def test_late_start_of_a_listed_test_is_prevented(
    cloud: Cloud, runners: ExitStack, tmp_path: Path
) -> None:
    """The run created the test, which is still `Init`: it is deleted, and the wait is over."""
    cloud.fault(fault="late-start", operation="CreateFailoverTestJob", seconds=60, listed=True)
    cloud.fault(fault="lost", operation="CreateFailoverTestJob", dry_run=False)
    runner = run(runners, cloud, tmp_path)
    runner.wait_for("Action: cut-the-circuit")
    time.sleep(1.0)
    runner.process.terminate()

    assert runner.end() == 1

    assert "stays until" not in runner.log
    wait_for_watchdogs()
    assert cloud.statuses() == []


needs_root = pytest.mark.skipif(
    os.getuid() != 0
    or not shutil.which("unshare")
    or bool(
        subprocess.run(["unshare", "-pf", "true"], capture_output=True, check=False).returncode
    ),
    reason="needs a process namespace of its own",
)


@pytest.mark.matrix
@needs_root
def test_first_process_of_a_container_waits_itself(tmp_path: Path) -> None:
    """Its watchdogs would die with it."""
    with emulated_cloud(tmp_path, "--timestamp-window", "60") as cloud:
        cloud.fault(fault="late-start", operation="CreateFailoverTestJob", seconds=45)
        cloud.fault(fault="lost", operation="CreateFailoverTestJob", dry_run=False)
        document = experiment("in a pause", "always", cloud.portal)
        document["method"] = document["method"][:1]
        runner = Runner(
            document, tmp_path, cloud.exports, command=["unshare", "-pf", "--kill-child"]
        )
        try:
            assert runner.end() == 1
        finally:
            runner.close()

        assert cloud.statuses() == ["Stopped"]
        assert "stays until" not in runner.log
