"""
Nothing is cut unless all that must hold before it does.
"""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from client_stand_in import Cloud as Silence
from client_stand_in import client_of
from drills import experiment
from live import CHAOS, Cloud, Runner, clean_environment, emulated_cloud, tunnel
from processes import ended

from chaosfailover.alibaba import config
from chaosfailover.safety.cut import Cut
from chaosfailover.safety.preflight import PreflightContext, check_duration, preflight
from chaosfailover.safety.route_checks import RouteChecks, RouteRules


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with emulated_cloud(tmp_path) as cloud:
        yield cloud


@pytest.fixture
def live_cloud(cloud: Cloud) -> Iterator[Cloud]:
    with tunnel(cloud) as live:
        yield live


def attempt(cloud: Cloud, folder: Path, arguments: dict[str, Any], **control: Any) -> Runner:
    """
    Run what ought to be refused; check that it was, before anything was cut.
    """
    document = experiment("in a pause", "default", cloud.portal)
    document["controls"][0]["provider"]["arguments"] |= control
    document["method"][0]["provider"]["arguments"] |= arguments
    runner = Runner(document, folder, cloud.exports)
    try:
        assert runner.end() == 1, runner.log
    finally:
        runner.close()
    assert cloud.sent("StartFailoverTestJob") == 0
    assert cloud.statuses() == []
    return runner


@pytest.mark.sample(2)
@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "control", "check", "detail"),
    [
        pytest.param(
            {"resource_ids": ["pc-unknown"]},
            {},
            "drill: resources",
            "there is no PHYSICALCONNECTION 'pc-unknown'",
            id="unknown resource",
        ),
        pytest.param(
            {"resource_ids": ["pc-rehearsal-a", "pc-rehearsal-b"]},
            {},
            "drill: survivors",
            "0 of 1 needed survivors proven",
            id="no survivor",
        ),
        pytest.param(
            {}, {"min_survivors": 2}, "drill: survivors", "1 of 2 needed", id="too few survivors"
        ),
        pytest.param(
            {"duration_minutes": 600}, {}, "drill: duration", "takes only", id="wildly long"
        ),
        pytest.param(
            {},
            {"targets": {"nobody": "http://127.0.0.1:9/"}},
            "target nobody",
            "does not answer: refused",
            id="target that does not answer",
        ),
    ],
)
def test_failed_check_cuts_nothing(
    cloud: Cloud,
    tmp_path: Path,
    arguments: dict[str, Any],
    control: dict[str, Any],
    check: str,
    detail: str,
) -> None:
    """The check that failed is named in the log and in the journal, with what was seen."""
    runner = attempt(cloud, tmp_path, arguments, **control)

    assert f"Preflight: {check}: NO" in runner.log
    assert runner.journal["status"] == "interrupted"
    assert runner.journal["run"] == []
    rows = runner.journal["failover"]["preflight"]
    failed = {row["name"]: row["detail"] for row in rows if not row["passed"]}
    assert check in failed
    assert detail in " ".join(failed.values())


@pytest.mark.parametrize(
    ("planned", "result"),
    [
        pytest.param(2.0, "5 min for a method of 2 s", id="seconds"),
        pytest.param(90.0, "5 min for a method of 1.5 min", id="minutes"),
    ],
)
def test_short_method_is_told_in_seconds(planned: float, result: str) -> None:
    cut = Cut("drill", ("pc-a",), "PHYSICALCONNECTION", 5)

    assert check_duration(cut, planned) == result


@pytest.mark.long
def test_pause_longer_than_the_test_cuts_nothing(cloud: Cloud, tmp_path: Path) -> None:
    """A test that ended before the method does would prove nothing."""
    document = experiment("in a pause", "default", cloud.portal)
    document["method"][-1]["pauses"]["after"] = 600
    runner = Runner(document, tmp_path, cloud.exports)
    try:
        assert runner.end() == 1
    finally:
        runner.close()

    assert "2 min, but the method takes 10.0 min" in runner.log
    assert cloud.statuses() == []


@pytest.mark.long
def test_cut_in_the_rollbacks_cuts_nothing(cloud: Cloud, tmp_path: Path) -> None:
    """It would escape the preflight, the announcement and the operator's confirmation."""
    document = experiment("in a pause", "always", cloud.portal)
    document["rollbacks"].append(document["method"].pop(0))
    runner = Runner(document, tmp_path, cloud.exports)
    try:
        assert runner.end() == 1
    finally:
        runner.close()

    assert "nothing was cut: cut-the-circuit would start 'drill' in the rollbacks" in runner.log
    assert cloud.sent("CreateFailoverTestJob") == 0
    assert cloud.statuses() == []


def without_control(cloud: Cloud, place: str) -> dict[str, Any]:
    document = experiment("in a pause", "default", cloud.portal)
    controls = document.pop("controls")
    if place == "at an activity":
        document["method"][0]["controls"] = controls
    return document


@pytest.mark.parametrize("place", ["nowhere", "at an activity"])
def test_cut_without_the_control_is_no_run(cloud: Cloud, tmp_path: Path, place: str) -> None:
    """The toolkit would call no hook of it before the experiment, so nothing would be guarded."""
    runner = Runner(without_control(cloud, place), tmp_path, cloud.exports)
    try:
        assert runner.end() == 1, runner.log
    finally:
        runner.close()

    assert runner.log.count("VERDICT: inconclusive. The run could not begin: the control ") == 1
    assert (runner.journal["status"], runner.journal["run"]) == ("failed", [])
    assert cloud.statuses() == []


RUN_IN_PYTHON = """\
import json, sys
from chaoslib.experiment import run_experiment
json.dump(run_experiment(json.load(sys.stdin)), sys.stdout, default=str)
"""


@pytest.mark.parametrize("place", ["nowhere", "at an activity"])
def test_cut_without_the_control_ends_the_run(cloud: Cloud, tmp_path: Path, place: str) -> None:
    """A program that runs the toolkit would note a failed action, go on, and take it for right."""
    done = subprocess.run(
        [sys.executable, "-c", RUN_IN_PYTHON],
        input=json.dumps(without_control(cloud, place)),
        cwd=tmp_path,
        env=clean_environment(**cloud.exports),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    run = json.loads(done.stdout)
    assert run["status"] == "interrupted"
    assert [each["activity"]["name"] for each in run["run"]] == ["cut-the-circuit"]
    assert "module: chaosfailover.control" in done.stderr
    assert cloud.statuses() == []


def test_wrong_argument_cuts_nothing(cloud: Cloud, tmp_path: Path) -> None:
    """An argument that the action would refuse is refused before the method begins."""
    runner = attempt(cloud, tmp_path, {"duration_minutes": 0})

    assert "cut-the-circuit: duration_minutes is 0, expected" in runner.log


@pytest.mark.long
def test_region_that_refuses_us_cuts_nothing(cloud: Cloud, tmp_path: Path) -> None:
    """Wrong credentials are found out first, and are not in the log."""
    cloud.exports["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = "a-wrong-secret"

    runner = attempt(cloud, tmp_path, {})

    assert "Preflight: the region answers: NO: SignatureDoesNotMatch" in runner.log
    assert "a-wrong-secret" not in runner.log
    assert "a-wrong-secret" not in (tmp_path / "journal.json").read_text()
    assert "a-wrong-secret" not in (tmp_path / "chaostoolkit.log").read_text()


def test_preflight_ends_where_nobody_answers() -> None:
    """What follows would only try for as long, and learn as little."""
    nobody = Silence([httpx.ConnectError("refused")])
    with client_of(nobody, attempts=1) as client:
        cuts = [Cut("drill", ("pc-a",), "PHYSICALCONNECTION", 5)]

        reads = config.network_reads({"alibaba_cloud_region_id": "cn-hangzhou"}, None)
        routes = RouteChecks(client, reads, RouteRules())
        checks = preflight(PreflightContext(client, cuts, 60.0, 1, routes, targets=["portal"]))

    assert [(check.name, check.passed) for check in checks] == [("the region answers", False)]
    assert len(nobody.requests) == 1


@pytest.mark.long
def test_live_run_says_what_it_will_do(live_cloud: Cloud, tmp_path: Path) -> None:
    """Account, region, resources and planned end are stated before the cut."""
    document = experiment("settled", "default", live_cloud.portal)
    runner = Runner(document, tmp_path, live_cloud.exports)
    try:
        assert runner.end() == 0, runner.log
    finally:
        runner.close()

    what = "LIVE: drill will cut pc-rehearsal-a in cn-hangzhou of account 1000000000000001, until"
    announced = runner.log.index(what)
    assert announced < runner.log.index("Action: cut-the-circuit")
    assert "UTC at the latest" in runner.log
    assert runner.journal["failover"]["mode"] == "LIVE"


@pytest.mark.long
def test_run_on_an_emulator_elsewhere_is_a_rehearsal(cloud: Cloud, tmp_path: Path) -> None:
    """Nothing real is cut there, and the record must not say so; nobody is asked to confirm."""
    document = experiment("settled", "default", cloud.portal)
    document["controls"][0]["provider"]["arguments"]["confirm"] = True
    runner = Runner(document, tmp_path, cloud.exports)
    try:
        assert runner.end() == 0, runner.log
    finally:
        runner.close()

    assert f"REHEARSAL in cn-hangzhou on the emulator at {cloud.url}" in runner.log
    assert "will cut" not in runner.log
    entry = runner.journal["failover"]
    place = entry["mode"], entry["topology"], entry["account_id"]
    assert place == ("REHEARSAL", "dual-circuit", "1000000000000001")


@pytest.mark.long
@pytest.mark.parametrize(
    ("typed", "cut"),
    [
        pytest.param("drill", True, id="name"),
        pytest.param("yes", False, id="yes"),
    ],
)
def test_operator_confirms_by_typing_the_name(
    live_cloud: Cloud, tmp_path: Path, typed: str, cut: bool
) -> None:
    """On a terminal, with `confirm`, nothing but the test's name lets the run go on."""
    document = experiment("settled", "default", live_cloud.portal)
    document["controls"][0]["provider"]["arguments"]["confirm"] = True
    script = tmp_path / "experiment.json"
    script.write_text(json.dumps(document))
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        [*CHAOS, "run", "experiment.json"],
        cwd=tmp_path,
        env=clean_environment(**live_cloud.exports),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    with ended(process):
        seen = read_until(terminal, "Type the test's name, drill, to cut pc-rehearsal-a: ")
        assert live_cloud.statuses() == []
        os.write(terminal, f"{typed}\n".encode())
        code = drain(terminal, process)
    os.close(terminal)

    assert "Type the test's name" in seen
    assert (code == 0) is cut
    assert bool(live_cloud.statuses()) is cut


def read_until(terminal: int, text: str) -> str:
    seen = ""
    deadline = time.monotonic() + 30
    while text not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([terminal], [], [], 0.1)[0]:
            seen += os.read(terminal, 65536).decode()
    return seen


def drain(terminal: int, process: subprocess.Popen[bytes]) -> int:
    """
    Read on, so that the process can write, until it has ended.
    """
    while process.poll() is None:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                os.read(terminal, 65536)
            except OSError:
                break  # Linux says so when the other end is closed
    return process.wait()
