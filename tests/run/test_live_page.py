"""
The control's live page: it shows the run, and neither delays nor fails it.
"""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from chaos_command import on_free_ports
from drills import action, experiment, shell
from live import CHAOS, Cloud, Runner, clean_environment
from processes import wait_for_watchdogs

from chaosfailover.run.live_page import LivePage

PATIENCE = 60.0


def title(page: Path) -> str:
    found = re.search("<title>(.*?)</title>", page.read_text("utf-8")) if page.exists() else None
    return found[1] if found else ""


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def begun(cloud: Cloud, runners: ExitStack, folder: Path) -> Runner:
    """
    Begin a drill with a page, which cuts until it is interrupted.
    """
    document = experiment("in a pause", "always", cloud.portal)
    files = {"live": "out/day.html", "evidence": "ev.jsonl"}
    document["controls"][0]["provider"]["arguments"] |= files
    runner = Runner(document, folder, cloud.exports)
    runners.callback(runner.close)
    return runner


def rehearse(folder: Path, *options: str, **arguments: Any) -> subprocess.CompletedProcess[str]:
    """
    Run an experiment without a cut on the embedded emulator.
    """
    configuration = {
        "alibaba_cloud_region_id": "cn-hangzhou",
        "alibaba_cloud_vpc_endpoint": "emulator",
    }
    provider = {"type": "python", "module": "chaosfailover.control", "arguments": arguments}
    document = {
        "title": "nothing",
        "description": "nothing is cut",
        "configuration": configuration,
        "controls": [{"name": "failover", "provider": provider}],
        "method": [action("rest", shell("sleep 3"))],
        "rollbacks": [],
    }
    (folder / "e.json").write_text(json.dumps(document), encoding="utf-8")
    return subprocess.run(
        [*CHAOS, "run", *options, "e.json"],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_page_shows_the_run_and_becomes_its_report(
    cloud: Cloud, runners: ExitStack, tmp_path: Path
) -> None:
    """With the planned end of the API; after a signal too the report is there when the run ends."""
    page = tmp_path / "out" / "day.html"
    runner = begun(cloud, runners, tmp_path)
    runner.wait_for("is DOWN")
    wait_until(lambda: title(page).startswith("The test cuts \u00b7 REHEARSAL"))
    wait_until(lambda: "data-ends=" in page.read_text(encoding="utf-8"))
    runner.process.send_signal(signal.SIGTERM)
    runner.end()

    assert (set(cloud.statuses()), cloud.down()) == ({"Stopped"}, [])
    assert title(page) == "inconclusive \u00b7 REHEARSAL \u00b7 in a pause"
    assert "live: out/day.html" in runner.log
    assert "The live page" not in runner.log
    assert [*page.parent.iterdir()] == [page]


@pytest.mark.long
def test_page_of_a_killed_run_becomes_its_report(
    cloud: Cloud, runners: ExitStack, tmp_path: Path
) -> None:
    """Its process outlives it until the watchdog has written the end."""
    page = tmp_path / "out" / "day.html"
    runner = begun(cloud, runners, tmp_path)
    runner.wait_for("is DOWN")
    wait_until(lambda: title(page).startswith("The test cuts"))
    os.kill(runner.process.pid, signal.SIGKILL)
    runner.end()
    cloud.seconds_until_restored()
    wait_for_watchdogs()
    wait_until(lambda: title(page).startswith("inconclusive"))

    text = page.read_text(encoding="utf-8")
    assert "The evidence ends at" in text
    assert "All that drill took was seen back" in text


def test_page_that_cannot_be_written_is_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its process tries on, and whoever concludes the run says it no second time."""
    file, evidence = tmp_path / "file", tmp_path / "ev.jsonl"
    file.touch()

    live = LivePage(file / "day.html", evidence)
    wait_until(lambda: bool(caplog.messages))
    written = live.conclude({})

    (warning,) = caplog.messages
    assert warning.startswith(f"The live page: {file / 'day.html'} cannot be written: ")
    assert written == {}


def test_process_that_hangs_delays_the_end_by_seconds(tmp_path: Path) -> None:
    """It is killed, and the report takes the place of the page."""
    page = tmp_path / "day.html"
    live = LivePage(page, tmp_path / "ev.jsonl")
    wait_until(lambda: title(page) == "Waiting for the run")
    os.kill(live.pid, signal.SIGSTOP)

    written = live.conclude({"experiment": {"title": "Made"}})

    assert written == {"live": str(page)}
    assert title(page).endswith("Made")


@pytest.mark.long
def test_run_whose_page_cannot_be_written_goes_on(tmp_path: Path) -> None:
    """The run is as it would be without it."""
    topology = on_free_ports("dual-circuit", tmp_path)["FAILOVER_TOPOLOGY"]

    done = rehearse(tmp_path, live="e.json/day.html", topology=topology)

    warnings = [line for line in done.stderr.splitlines() if "The live page" in line]
    assert len(warnings) == 1
    assert "The live page: e.json/day.html cannot be written: " in warnings[0]
    assert "Experiment ended with status: completed" in done.stderr
    assert "Nothing was cut" in done.stderr
    assert "live: " not in done.stderr


def test_page_of_a_refused_run_is_its_report(tmp_path: Path) -> None:
    """An old page would look as if it were of this run."""
    page = tmp_path / "day.html"
    page.write_text("<title>old</title>", encoding="utf-8")

    done = rehearse(tmp_path, live="day.html", topology="no-such-topology")

    assert done.returncode == 1
    assert title(page).startswith("inconclusive")
    assert "The run could not begin" in page.read_text(encoding="utf-8")


@pytest.mark.long
def test_page_is_not_the_journal(tmp_path: Path) -> None:
    """The toolkit would write the journal over it."""
    done = rehearse(tmp_path, "--journal-path", "out/../day.html", live="day.html")

    assert done.returncode == 1
    assert "nothing was cut: live is 'day.html', as the journal: name another file" in done.stderr


def test_process_that_dies_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The report takes the place of the page all the same."""
    evidence, page = tmp_path / "journal.json", tmp_path / "day.html"
    evidence.write_text('{"experiment": {}}\n', encoding="utf-8")

    live = LivePage(page, evidence)
    wait_until(lambda: bool(caplog.messages))
    written = live.conclude({"experiment": {"title": "Made"}})

    problem = f"{evidence} is not followed: it is no evidence of a run, which --follow reads"
    warning = f"The live page: {page} is no longer written: Error: {problem}"
    assert caplog.messages == [warning]
    assert written == {"live": str(page)}
    assert title(page).endswith("Made")
