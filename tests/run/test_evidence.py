"""
The evidence file: what is left of a run, whenever it ends.
"""

import json
import os
import signal
import stat
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from drills import action, experiment, shell
from live import CHAOS, Cloud, Runner, clean_environment
from made_journals import held
from processes import wait_for_watchdogs

from chaosfailover.record import make_record, read_evidence, stored
from chaosfailover.run.evidence import open_evidence
from chaosfailover.run.finish import fail
from chaosfailover.verdict.journal import parse
from chaosfailover.verdict.verdict import given, judge

Journal = dict[str, Any]


def drill(cloud: Cloud, moment: str = "in a pause", **arguments: Any) -> Journal:
    """Return an experiment that keeps its evidence."""
    document = experiment(moment, "always", cloud.portal)
    document["controls"][0]["provider"]["arguments"] |= {"evidence": "ev.jsonl", **arguments}
    return document


def begun(document: Journal, cloud: Cloud, runners: ExitStack, folder: Path) -> Runner:
    runner = Runner(document, folder, cloud.exports)
    runners.callback(runner.close)
    return runner


MOMENTS: list[tuple[str, str, str]] = [
    ("as it begins", "in a pause", "on the emulator at"),
    ("in the first reading", "in a pause", "Probe: slow-the-second-time"),
    ("as the cut is sent", "in a pause", "Action: cut-the-circuit"),
    ("while it starts", "in a pause", "is Starting"),
    ("while it cuts", "in a pause", "Probe: the-session"),
    ("once the target is down", "in a pause", "is DOWN"),
    ("in a process", "in a process action", "work-in-a-process"),
    ("in the last reading", "in the hypothesis", "Steady state hypothesis: quick"),
    ("in a rollback", "in a rollback", "Rollback: roll-back-slowly"),
    ("while it stops", "in no work", "is Stopping"),
]


ALWAYS = "once the target is down"
"""The moment on each Python; the others are on one."""


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("stay", "line"),
    [
        pytest.param(*stay, id=moment, marks=() if moment == ALWAYS else pytest.mark.long)
        for moment, *stay in MOMENTS
    ],
)
def test_killed_run_leaves_its_evidence(
    stay: str, line: str, cloud: Cloud, runners: ExitStack, tmp_path: Path
) -> None:
    """After kill -9 the file has what was seen, and what the watchdog then did."""
    runner = begun(drill(cloud, stay), cloud, runners, tmp_path)
    runner.wait_for(line)
    os.kill(runner.process.pid, signal.SIGKILL)
    runner.end()
    cloud.seconds_until_restored()
    wait_for_watchdogs()

    evidence = read_evidence((tmp_path / "ev.jsonl").read_bytes())

    verdict = judge(evidence.journal)
    cut = any(event["kind"] == "cut" for event in evidence.journal["failover"]["events"])
    assert (evidence.damaged, evidence.changed, evidence.lost) == (0, 0, 0)
    assert verdict.verdict == "inconclusive"
    assert any("The evidence ends at" in reason for reason in verdict.reasons)
    assert not any("Nothing was cut" in reason for reason in verdict.reasons)
    if cut:
        assert any("All that drill took was seen back" in reason for reason in verdict.reasons)
        stops = evidence.journal["failover"]["stopped"]
        assert [(stop["status"], stop["back"]) for stop in stops] == [("Stopped", True)]
        assert not any("may still run" in reason for reason in verdict.reasons)
    assert evidence.taken_over == cut
    assert make_record(evidence.journal)["verdict"]["verdict"] == "inconclusive"
    verified = report("--verify", "ev.jsonl", folder=tmp_path)
    assert verified.returncode == 1
    assert "is unchanged up to line" in verified.stdout


@pytest.mark.long
def test_watchdog_contradicts_no_record(cloud: Cloud, runners: ExitStack, tmp_path: Path) -> None:
    """A run that gave up is judged by what it saw, whatever its watchdog sees after it."""
    cloud.fault(fault="stays-down", seconds=8.0)
    document = drill(cloud, "in no work", restore_timeout=4.0)
    runner = begun(document, cloud, runners, tmp_path)
    assert runner.end() == 1
    cloud.seconds_until_restored()
    wait_for_watchdogs()

    verified = report("--verify", "ev.jsonl", folder=tmp_path)

    evidence = read_evidence((tmp_path / "ev.jsonl").read_bytes())
    assert evidence.told_by == "watchdog"
    assert stored(evidence.journal).record == runner.journal["failover"]["record"]
    assert (verified.returncode, verified.stdout) == (
        0,
        "ev.jsonl: the record matches its SHA-256\n",
    )
    assert "NOT BACK: drill" in runner.log


def report(*options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [*CHAOS, "failover", "report", *options]
    return subprocess.run(
        command, cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False
    )


def rehearse(folder: Path, **arguments: Any) -> subprocess.CompletedProcess[str]:
    """Run an experiment without a cut on the embedded emulator."""
    document = {
        "title": "nothing",
        "description": "nothing is cut",
        "configuration": {
            "alibaba_cloud_region_id": "cn-hangzhou",
            "alibaba_cloud_vpc_endpoint": "emulator",
        },
        "controls": [
            {
                "name": "failover",
                "provider": {
                    "type": "python",
                    "module": "chaosfailover.control",
                    "arguments": arguments,
                },
            }
        ],
        "method": [action("rest", shell("sleep 0.2"))],
        "rollbacks": [],
    }
    (folder / "e.json").write_text(json.dumps(document), encoding="utf-8")
    return subprocess.run(
        [*CHAOS, "run", "e.json"],
        cwd=folder,
        env=clean_environment(TMPDIR=str(folder / "tmp")),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.long
def test_whole_file_is_the_journal(cloud: Cloud, runners: ExitStack, tmp_path: Path) -> None:
    """Verdict, record and measurement of the evidence are those of the journal, to the digit."""
    document = drill(cloud, "in no work", after_stop=0.5)
    document["method"].append(action("beside", shell("sleep 0.3"), background=True))
    runner = begun(document, cloud, runners, tmp_path)
    runner.end()

    evidence = read_evidence((tmp_path / "ev.jsonl").read_bytes())

    journal, whole = runner.journal, evidence.journal
    assert (evidence.is_whole, evidence.changed, evidence.damaged) == (True, 0, 0)
    assert whole["failover"].pop("evidence") == {"changed": 0}
    assert whole["failover"] == journal["failover"]
    assert whole["run"] == journal["run"]
    assert whole["rollbacks"] == journal["rollbacks"]
    assert whole["steady_states"]["after"] == journal["steady_states"]["after"]
    assert make_record(whole)["targets"] == make_record(journal)["targets"]
    assert stored(whole).state == "intact"
    assert stat.S_IMODE((tmp_path / "ev.jsonl").stat().st_mode) == 0o600
    grown = (tmp_path / "ev.jsonl").read_bytes()
    concluded = grown[: grown.index(b"\n", grown.index(b'"end":true')) + 1]
    assert stored(read_evidence(concluded).journal).state == "intact"
    for size in range(7_000, len(grown), len(grown) // 40):
        part = read_evidence(grown[:size])
        assert (part.changed, part.damaged) == (0, 0)
        assert judge(part.journal).verdict == "inconclusive"


@pytest.mark.long
def test_changed_file_is_found(cloud: Cloud, runners: ExitStack, tmp_path: Path) -> None:
    """Whoever changes a line, or takes one out, is found by --verify."""
    runner = begun(drill(cloud, "in a rollback"), cloud, runners, tmp_path)
    runner.end()
    lines = (tmp_path / "ev.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "changed.jsonl").write_text("".join(lines).replace('"Testing"', '"Stopped"', 1))
    (tmp_path / "shorter.jsonl").write_text("".join(lines[:5] + lines[6:]))

    results = [report("--verify", name, folder=tmp_path) for name in ("ev.jsonl", "changed.jsonl")]
    results.append(report("--verify", "shorter.jsonl", folder=tmp_path))

    content = (tmp_path / "changed.jsonl").read_bytes()

    assert [each.returncode for each in results] == [0, 1, 1]
    assert judge(read_evidence(content).journal).verdict == "inconclusive"
    reasons = make_record(read_evidence(content).journal)["verdict"]["reasons"]
    assert any("was changed or damaged" in reason for reason in reasons)
    assert "does not match the lines before it" in results[1].stdout
    assert "line 6 does not match" in results[2].stdout


@pytest.mark.long
def test_full_disk_costs_evidence_only(cloud: Cloud, runners: ExitStack, tmp_path: Path) -> None:
    """The test is stopped, and the verdict is told, although nothing more can be written."""
    runner = Runner(
        drill(cloud, "in a rollback"), tmp_path, cloud.exports, command=["prlimit", "--fsize=14000"]
    )
    runners.callback(runner.close)
    runner.wait_for("VERDICT:")
    runner.end()

    evidence = read_evidence((tmp_path / "ev.jsonl").read_bytes())

    assert cloud.seconds_until_restored() < 10.0
    assert "lines that did not fit" in runner.log
    assert judge(evidence.journal).verdict == "inconclusive"
    assert not evidence.changed


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("/proc/self/ev.jsonl", "cannot be written"),
        ("e.json/ev.jsonl", "cannot be written"),
        ("e.json", "evidence is never overwritten"),
    ],
)
def test_evidence_that_cannot_be_written_is_refused(
    given: str, problem: str, tmp_path: Path
) -> None:
    """One error names the value and what is wrong with it, before anything begins."""
    done = rehearse(tmp_path, evidence=given)

    assert done.returncode == 1
    assert f"nothing was cut: evidence is {given!r}, which" in done.stderr
    assert problem in done.stderr


def test_journal_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """The toolkit would find out only after the run."""
    (tmp_path / "journal.json").mkdir()

    done = rehearse(tmp_path)

    assert "nothing was cut: the journal is 'journal.json', which cannot be" in done.stderr


@pytest.mark.long
def test_file_has_a_name_of_its_own(tmp_path: Path) -> None:
    """Without a cut it stays, in a folder if one is named, and says where it is."""
    (tmp_path / "tmp").mkdir()

    done = rehearse(tmp_path, evidence="kept/")
    again = rehearse(tmp_path, evidence="kept")

    names = [path.name for path in (tmp_path / "kept").iterdir()]
    assert len(names) == 2
    assert all(name.startswith("failover-2") and name.endswith(".jsonl") for name in names)
    assert all(name in done.stderr + again.stderr for name in names)


def test_runs_of_one_second_have_files_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process may run several experiments, and refuse them at once."""
    monkeypatch.chdir(tmp_path)
    opened = [open_evidence(None, ()) for _ in range(3)]
    for evidence in opened:
        evidence.close(wanted=True)

    assert {evidence.path for evidence in opened} == {*tmp_path.iterdir()}
    assert len({*tmp_path.iterdir()}) == 3


def test_note_of_an_unwritten_report_is_in_the_evidence(tmp_path: Path) -> None:
    """Its record was made of the status that is noted."""
    journal = held()
    journal["failover"]["record"] = make_record(journal)
    fail(journal, "report")
    evidence = open_evidence(str(tmp_path / "ev.jsonl"), ())
    evidence.conclude(journal)
    evidence.close(wanted=True)

    read = parse(read_evidence((tmp_path / "ev.jsonl").read_bytes()).journal)

    assert (read.status, given(read)) == ("completed", given(parse(journal)))


def test_folder_that_cannot_be_written_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In a pod with a read-only root, the evidence is in the folder for temporary files."""
    monkeypatch.chdir("/proc/self")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    evidence = open_evidence(None, ())
    evidence.close(wanted=False)

    assert evidence.path.parent == tmp_path
    assert not list(tmp_path.iterdir())
    assert f"the evidence is in {evidence.path}" in caplog.text
