"""
`chaos failover rehearse-all`, and the files of a plan as a person runs them.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from accounts import ACCOUNTS, ONE, TEN, plans
from click.testing import CliRunner
from live_runs import wait_until
from processes import ended

from chaosfailover.cli import failover
from chaosfailover.plan.files import plan_files
from chaosfailover.plan.portals import ports_in

CHAOS = [str(Path(sys.executable).with_name("chaos")), "--no-version-check"]


def written(folder: Path, described: dict[str, object]) -> Path:
    """
    Write the plan of all accounts of a topology.
    """
    folder.mkdir()
    target = folder / "plan"
    for name, text in plan_files(plans(described, folder), {}, {}).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text, encoding="utf-8")
    return target


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files; the working directory is another, in which nothing is."""
    for name in ("temporary", "called-in"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "called-in")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def leave_only(folder: Path, *files: Path) -> None:
    """
    Remove the other experiments of a plan, whose topologies are then as if nobody had planned them.
    """
    for file in folder.rglob("*.yaml"):
        if file.name == "topology.yaml":
            file.write_text(file.read_text().partition("\n")[2])
        elif file not in files:
            file.unlink()


def environment() -> dict[str, str]:
    ours = ("ALIBABA", "FAILOVER")
    return {key: text for key, text in os.environ.items() if not key.startswith(ours)}


@pytest.mark.matrix
@pytest.mark.long
def test_plan_rehearses_as_expected(tmp_path: Path) -> None:
    """Every file of two accounts is valid and comes to the verdict that the plan expects."""
    folder = written(tmp_path / "accounts", TEN)
    rehearse = [*CHAOS, "failover", "rehearse-all", ".", "--journals", str(tmp_path / "journals")]

    done = subprocess.run(
        [*rehearse, "--format", "json"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    document = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    a, b = ACCOUNTS[:2]
    assert {run["file"]: run["verdict"] for run in document["runs"]} == {
        f"{a}/cn-hangzhou/game-day.yaml": "held",
        f"{a}/cn-hangzhou/pc-01.yaml": "held",
        f"{a}/cn-hangzhou/pc-02.yaml": "held",
        f"{a}/cn-shanghai/game-day.yaml": "held",
        f"{a}/cn-shanghai/pc-03.yaml": "held",
        f"{a}/cn-shanghai/pc-04.yaml": "held",
        f"{b}/eu-central-1/game-day.yaml": "deviated",
        f"{b}/eu-central-1/pc-08.yaml": "held",
        f"{b}/eu-central-1/pc-09.yaml": "deviated",
    }


@pytest.mark.long
def test_planned_experiment_is_a_rehearsal_as_it_is(tmp_path: Path) -> None:
    """From the folder of the plan, `chaos validate` and `chaos run` need the file and no more."""
    folder = written(tmp_path / "accounts", TEN)
    file = f"{ACCOUNTS[0]}/cn-hangzhou/pc-01.yaml"

    for command in ("validate", "run"):
        done = subprocess.run(
            [*CHAOS, command, file],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

        assert done.returncode == 0, done.stdout + done.stderr
    assert "REHEARSAL in cn-hangzhou" in done.stdout + done.stderr


@pytest.mark.long
def test_success_leaves_no_file(temporary: Path, tmp_path: Path) -> None:
    """Neither where it was called, nor among the temporary files, nor in the plan."""
    folder = written(tmp_path / "accounts", TEN)
    leave_only(folder, folder / ACCOUNTS[0] / "cn-hangzhou" / "pc-01.yaml")
    before = sorted(folder.rglob("*"))

    done = CliRunner().invoke(failover, ["rehearse-all", str(folder), "--format", "json"])

    (run,) = json.loads(done.stdout)["runs"]
    assert (done.exit_code, run["verdict"], run["journal"]) == (0, "held", None)
    assert (list(Path.cwd().iterdir()), list(temporary.iterdir())) == ([], [])
    assert sorted(folder.rglob("*")) == before


@pytest.mark.long
def test_unexpected_verdict_exits_1(temporary: Path, tmp_path: Path) -> None:
    """A plan that expects what does not come, or not of that circuit, says where its logs are."""
    folder = written(tmp_path / "accounts", TEN)
    first, second = (
        folder / ACCOUNTS[0] / "cn-hangzhou" / "pc-01.yaml",
        folder / ACCOUNTS[1] / "eu-central-1" / "pc-09.yaml",
    )
    leave_only(folder, first, second)
    first.write_text(first.read_text().replace("expected: held", "expected: deviated"))
    second.write_text(second.read_text().replace("- pc-09-failover", "- pc-08-failover"))

    done = CliRunner().invoke(failover, ["rehearse-all", str(folder)])

    assert done.exit_code == 1
    assert "pc-01.yaml  NOT AS EXPECTED (deviated)" in done.stdout
    late = "not in time: pc-09-failover; in time: pc-08-failover"
    assert f"pc-09.yaml  NOT AS EXPECTED ({late})" in done.stdout
    assert "0 of 2 runs" in done.stdout
    (kept,) = temporary.iterdir()
    assert f"Journals and logs are in {kept}\n" in done.stderr
    for file in (first, second):
        run = kept / file.relative_to(folder).with_suffix("")
        assert f"see {run / 'output.log'}\n" in done.stdout
        names = {"chaostoolkit.log", "journal.json", "output.log"}
        evidence = [each.name for each in run.glob("failover-*.jsonl")]
        assert len(evidence) == (file == second), "only a run that held removes its own"
        assert {each.name for each in run.iterdir()} == {*names, *evidence}
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.long
def test_interrupted_rehearsal_leaves_nothing_behind(tmp_path: Path) -> None:
    """SIGTERM stops every run, each of which brings back what it cut; the logs stay."""
    folder = written(tmp_path / "accounts", TEN)
    journals = tmp_path / "journals"
    journals.mkdir()
    process = subprocess.Popen(
        [*CHAOS, "failover", "rehearse-all", str(folder)],
        cwd=tmp_path,
        env=environment() | {"TMPDIR": str(journals)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with ended(process) as running:
        wait_until(lambda: said(journals, "-> Testing"))

        running.send_signal(signal.SIGTERM)

        _, said_at_last = running.communicate(timeout=60)
        assert running.returncode == 143
    (kept,) = journals.glob("failover-rehearsals-*")
    assert f"Journals and logs are in {kept}\n" in said_at_last
    logs = [log.read_text() for log in journals.rglob("output.log")]
    cut = [log for log in logs if "-> Testing" in log]
    assert cut
    assert [log for log in cut if "is Stopped" not in log] == []


def said(folder: Path, text: str) -> bool:
    return any(text in log.read_text() for log in folder.rglob("output.log"))


def test_folder_without_a_plan_is_wrong_usage(tmp_path: Path) -> None:
    """Nothing to rehearse is said, and is no success."""
    folder = written(tmp_path / "accounts", ONE)

    done = CliRunner().invoke(failover, ["rehearse-all", str(folder)])

    assert done.exit_code == 2
    assert "holds no planned experiment" in done.output


def test_what_cannot_be_run_hides_nothing_else(tmp_path: Path) -> None:
    """A broken file, a broken topology and a wrong portal are runs that failed, said once."""
    folder = written(tmp_path / "accounts", TEN)
    first, second = (folder / ACCOUNTS[0] / region for region in ("cn-hangzhou", "cn-shanghai"))
    shutil.rmtree(folder / ACCOUNTS[1])
    (first / "game-day.yaml").write_text("a: [b")
    (first / "pc-02.yaml").write_bytes(b"title: \xff")
    port = ports_in(yaml.safe_load((first / "topology.yaml").read_text()))
    file = first / "pc-01.yaml"
    file.write_text(file.read_text().replace(str(port["pc-01"]), str(port["pc-02"])))
    (second / "topology.yaml").write_text("")

    done = CliRunner().invoke(failover, ["rehearse-all", str(folder), "--journals", str(tmp_path)])

    assert done.exit_code == 1
    lines = {line.split()[4]: line for line in done.output.splitlines() if "not run" in line}
    names = ("game-day", "pc-01", "pc-02", "pc-03", "pc-04")
    assert sorted(Path(name).stem for name in lines) == sorted((*names, "game-day"))
    assert "cn-hangzhou/game-day.yaml cannot be used: line 2: while parsing" in done.output
    assert "it cuts pc-01 and watches the service of pc-02" in done.output
    assert "topology.yaml is no topology of a plan: it has no accounts" in done.output
    assert done.output.count(f"{ACCOUNTS[0]}/cn-hangzhou/pc-01.yaml") == 1
    assert "0 of 6 runs ended as expected." in done.output


@pytest.mark.long
def test_planned_experiment_that_is_missing_is_named(temporary: Path, tmp_path: Path) -> None:
    """What nobody rehearses is no success; neither is a file that no longer cuts anything."""
    folder = written(tmp_path / "accounts", TEN)
    shutil.rmtree(folder / ACCOUNTS[1])
    shutil.rmtree(folder / ACCOUNTS[0] / "cn-shanghai")
    region = folder / ACCOUNTS[0] / "cn-hangzhou"
    (region / "game-day.yaml").unlink()
    (region / "pc-02.yaml").write_text("title: to be done\n")

    done = CliRunner().invoke(failover, ["rehearse-all", str(folder)])

    assert done.exit_code == 1
    held, *not_run, last = done.stdout.splitlines()
    planned = "it was planned and"
    assert held.startswith("held")
    assert [line.split("  ", 2)[2].split("/", 2)[2] for line in not_run] == [
        f"pc-02.yaml  NOT AS EXPECTED ({planned} is no experiment: remove it and plan again)",
        f"game-day.yaml  NOT AS EXPECTED ({planned} is missing: plan again)",
    ]
    assert last == "1 of 3 runs ended as expected."
    assert len(list(temporary.iterdir())) == 1


@pytest.mark.long
@pytest.mark.usefixtures("temporary")
def test_file_that_somebody_added_is_rehearsed_or_passed_over(tmp_path: Path) -> None:
    """An experiment of one's own is run, a service of one's own needs none, and YAML is left."""
    folder = written(tmp_path / "accounts", TEN)
    shutil.rmtree(folder / ACCOUNTS[1])
    shutil.rmtree(folder / ACCOUNTS[0] / "cn-shanghai")
    region = folder / ACCOUNTS[0] / "cn-hangzhou"
    (region / "own.yaml").write_text((region / "pc-01.yaml").read_text())
    (region / "kustomization.yaml").write_text("resources: []\n")
    topology = (region / "topology.yaml").read_text()
    document = yaml.safe_load(topology)
    document["services"]["own"] = {**document["services"]["pc-01"], "port": 0}
    head = topology.partition("\n")[0]
    (region / "topology.yaml").write_text(f"{head}\n{yaml.safe_dump(document)}")

    done = CliRunner().invoke(failover, ["rehearse-all", str(folder)])

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "4 of 4 runs ended as expected."
    assert "own.yaml" in done.stdout


def test_folder_without_its_topology_is_not_passed_over(tmp_path: Path) -> None:
    """What nobody rehearses is said, and other YAML beside it is not taken for an experiment."""
    folder = written(tmp_path / "accounts", TEN)
    shutil.rmtree(folder / ACCOUNTS[1])
    for region in ("cn-hangzhou", "cn-shanghai"):
        (folder / ACCOUNTS[0] / region / "topology.yaml").unlink()
    (folder / "kustomization.yaml").write_text("resources: []\n")
    (folder / "several.yaml").write_text("kind: A\n---\nkind: B\n")
    broken = folder / ACCOUNTS[0] / "cn-shanghai" / "pc-03.yaml"
    broken.write_text(f"{broken.read_text()}\n  a: [b")

    done = CliRunner().invoke(failover, ["rehearse-all", str(folder), "--journals", str(tmp_path)])

    assert done.exit_code == 1
    assert done.output.count("not run") == 6
    assert "there is no topology.yaml beside it" in done.output
    assert "kustomization" not in done.output
    assert "several" not in done.output


def test_expectation_that_is_no_verdict_is_not_run(temporary: Path, tmp_path: Path) -> None:
    """A slip of the pen is said before the minutes of a run."""
    folder = written(tmp_path / "accounts", TEN) / ACCOUNTS[0] / "cn-hangzhou"
    for name in ("game-day.yaml", "pc-02.yaml"):
        (folder / name).unlink()
    file = folder / "pc-01.yaml"
    file.write_text(file.read_text().replace("expected: held", "expected: splendid"))

    done = CliRunner().invoke(failover, ["rehearse-all", str(folder)])

    assert done.exit_code == 1
    assert list(temporary.iterdir()) == []
    assert "it expects 'splendid', not held or deviated or aborted or inconclusive" in done.output


@pytest.mark.parametrize("minute", ["0", "-1", "1e-9", "nan", "inf", "1e300"])
def test_minute_that_does_not_last_is_wrong_usage(
    minute: str, temporary: Path, tmp_path: Path
) -> None:
    """An emulated minute takes some time, and ends."""
    folder = written(tmp_path / "accounts", TEN)

    done = CliRunner().invoke(failover, ["rehearse-all", str(folder), "--minute", minute])

    assert done.exit_code == 2
    message = f"--minute is {float(minute)!r}, expected 0.001 to 86400 seconds"
    assert done.stderr.splitlines()[-1] == f"Error: {message}"
    assert list(temporary.iterdir()) == []


def test_terminal_that_closes_ends_in_order(tmp_path: Path) -> None:
    """SIGHUP takes the same way out as SIGTERM, so that no run is left without its emulator."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    try:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        CliRunner().invoke(failover, ["rehearse-all", str(tmp_path)])

        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(signal.SIGHUP)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    assert ended.value.code == 128 + signal.SIGHUP
