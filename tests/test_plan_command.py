"""
`chaos failover plan` and `chaos failover rehearse-all`, as a person runs them.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from accounts import ACCOUNTS, ONE, TEN, plans
from click.testing import CliRunner, Result

from chaosfailover.cli import failover
from chaosfailover.emulator import Emulator
from chaosfailover.planning.files import plan_files
from chaosfailover.planning.template import circuit_template

CHAOS = [str(Path(sys.executable).with_name("chaos")), "--no-version-check"]
HZ = [
    "README.md",
    "cn-hangzhou/game-day.yaml",
    "cn-hangzhou/pc-01.yaml",
    "cn-hangzhou/pc-02.yaml",
    "cn-hangzhou/topology.yaml",
]


@pytest.fixture
def emulator(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Emulator]:
    """
    An emulator of ten circuits, and an environment that names it and the first account.
    """
    file = tmp_path_factory.mktemp("topology") / "ten.yaml"
    file.write_text(yaml.safe_dump(TEN), encoding="utf-8")
    for name in ("REGION_ID", "ROLE_ARN", "SECURITY_TOKEN"):
        monkeypatch.delenv(f"ALIBABA_CLOUD_{name}", raising=False)
    with Emulator(file) as running:
        monkeypatch.setenv("ALIBABA_CLOUD_ENDPOINT_VPC", running.url)
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", f"key-{ACCOUNTS[0]}")
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", f"secret-{ACCOUNTS[0]}")
        yield running


def plan(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(failover, ["plan", "--output", str(folder), *arguments])


def contents(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


@pytest.mark.usefixtures("emulator")
def test_plan_of_one_region(tmp_path: Path) -> None:
    """The region gets an experiment for each circuit, a game day and a topology."""
    done = plan(tmp_path, "--region", "cn-hangzhou")

    assert done.exit_code == 0, done.output
    assert list(contents(tmp_path)) == HZ


@pytest.mark.usefixtures("emulator")
def test_refusals_are_said(tmp_path: Path) -> None:
    """What must not be cut is on stderr, with the reason, and has no file."""
    done = plan(tmp_path, "--all-regions")

    assert done.exit_code == 0
    assert "REFUSED  cn-shenzhen  pc-07: cen-sz (IPv4): no proven survivor" in done.stderr
    assert [name for name in contents(tmp_path) if "cn-shenzhen" in name] == []


@pytest.mark.usefixtures("emulator")
def test_nothing_to_plan(tmp_path: Path) -> None:
    """A region where nothing can be tested exits 1."""
    assert plan(tmp_path, "--region", "cn-shenzhen").exit_code == 1


@pytest.mark.usefixtures("emulator")
def test_plan_is_stable(tmp_path: Path) -> None:
    """The same account planned twice leaves every byte as it was."""
    plan(tmp_path, "--all-regions")
    before = contents(tmp_path)

    done = plan(tmp_path, "--all-regions")

    assert contents(tmp_path) == before
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"unchanged"}


@pytest.mark.usefixtures("emulator")
def test_edits_are_kept(tmp_path: Path) -> None:
    """A file that somebody edited is left alone, and that is said; others are written again."""
    plan(tmp_path, "--region", "cn-hangzhou")
    edited, other = (tmp_path / "cn-hangzhou" / name for name in ("pc-01.yaml", "pc-02.yaml"))
    edited.write_text(edited.read_text().replace("default: 3.0", "default: 1.0"))
    mine = edited.read_text()
    targets = tmp_path / "targets.yaml"
    targets.write_text("default: https://portal.example.org/\n")

    done = plan(tmp_path, "--region", "cn-hangzhou", "--targets", str(targets))

    assert done.exit_code == 0
    assert edited.read_text() == mine
    assert "portal.example.org" in other.read_text()
    assert f"{edited} was edited and is kept; move it away" in done.stderr


def test_what_is_no_longer_planned_is_removed(emulator: Emulator, tmp_path: Path) -> None:
    """A circuit that has lost its survivor has no experiment left, unless somebody edited it."""
    plan(tmp_path, "--region", "cn-hangzhou")
    (tmp_path / "cn-hangzhou" / "mine.yaml").write_text("title: mine\n")
    cloud = emulator.cloud
    cloud.network = cloud.network.changed("bgp-02", BgpStatus="Idle")

    done = plan(tmp_path, "--region", "cn-hangzhou")

    assert done.exit_code == 1
    assert list(contents(tmp_path)) == ["README.md", "cn-hangzhou/mine.yaml"]
    assert "mine.yaml is not of this plan and is kept" in done.stderr


@pytest.mark.usefixtures("emulator")
def test_region_that_cannot_be_read_keeps_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not to know is no reason to remove what was planned; the README names the region."""
    plan(tmp_path, "--region", "cn-hangzhou")
    monkeypatch.setenv("ALIBABA_CLOUD_ENDPOINT_VPC", "http://127.0.0.1:9")

    done = plan(tmp_path, "--region", "cn-hangzhou", "--deadline", "2")

    assert done.exit_code == 1
    assert list(contents(tmp_path)) == HZ
    assert "## Not read" in (tmp_path / "README.md").read_text()


@pytest.mark.usefixtures("emulator")
def test_wrong_targets_are_wrong_usage(tmp_path: Path) -> None:
    """A list is no mapping of names to URLs."""
    targets = tmp_path / "targets.yaml"
    targets.write_text("- https://portal.example.org/\n")

    done = plan(tmp_path, "--region", "cn-hangzhou", "--targets", str(targets))

    assert done.exit_code == 2
    assert "no mapping of names to URLs" in done.output


def written(folder: Path, described: dict[str, object]) -> Path:
    """
    Write the plan of all accounts of a topology.
    """
    folder.mkdir()
    target = folder / "plan"
    for name, text in plan_files(circuit_template(), plans(described, folder), {}, {}).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text, encoding="utf-8")
    return target


def environment() -> dict[str, str]:
    ours = ("ALIBABA", "FAILOVER")
    return {key: text for key, text in os.environ.items() if not key.startswith(ours)}


def test_plan_rehearses_as_expected(tmp_path: Path) -> None:
    """Every file of two accounts is valid and comes to the verdict that the plan expects."""
    folder = written(tmp_path / "accounts", TEN)
    rehearse = [*CHAOS, "failover", "rehearse-all", ".", "--journals", str(tmp_path / "journals")]

    done = subprocess.run(
        [*rehearse, "--output", "json"],
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


def test_unexpected_verdict_exits_1(tmp_path: Path) -> None:
    """A plan that expects what does not come is not done."""
    folder = written(tmp_path / "accounts", TEN) / ACCOUNTS[0] / "cn-hangzhou"
    for name in ("game-day.yaml", "pc-02.yaml"):
        (folder / name).unlink()
    file = folder / "pc-01.yaml"
    file.write_text(file.read_text().replace("expected: held", "expected: deviated"))

    done = CliRunner().invoke(
        failover, ["rehearse-all", str(folder), "--journals", str(tmp_path / "journals")]
    )

    assert done.exit_code == 1
    assert "NOT AS EXPECTED (deviated)" in done.stdout
    assert "0 of 1 runs" in done.stdout


def test_interrupted_rehearsal_leaves_nothing_behind(tmp_path: Path) -> None:
    """SIGTERM stops every run, each of which brings back what it cut, and then the emulator."""
    folder = written(tmp_path / "accounts", TEN)
    journals = tmp_path / "journals"
    rehearse = [*CHAOS, "failover", "rehearse-all", str(folder), "--journals", str(journals)]
    running = subprocess.Popen(rehearse, env=environment(), stderr=subprocess.DEVNULL)
    wait_for(journals, "-> Testing")

    running.send_signal(signal.SIGTERM)

    assert running.wait(60) == 143
    logs = [log.read_text() for log in journals.rglob("output.log")]
    cut = [log for log in logs if "-> Testing" in log]
    assert cut
    assert [log for log in cut if "is Stopped" not in log] == []


def wait_for(folder: Path, text: str) -> None:
    deadline = time.monotonic() + 60
    while not any(text in log.read_text() for log in folder.rglob("output.log")):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_folder_without_a_plan_is_wrong_usage(tmp_path: Path) -> None:
    """Nothing to rehearse is said, and is no success."""
    folder = written(tmp_path / "accounts", ONE)

    done = CliRunner().invoke(failover, ["rehearse-all", str(folder)])

    assert done.exit_code == 2
    assert "holds no planned experiment" in done.output
