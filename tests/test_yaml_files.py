"""
The YAML files that people hand to the commands: what is hostile ends in one line, soon and small.
"""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from accounts import TEN, plans
from click.testing import CliRunner
from hostile_yaml import HOSTILE

from chaosfailover.cli import failover
from chaosfailover.plan.files import plan_files
from chaosfailover.plan.topology import checked_topology, merged

CHAOS = [str(Path(sys.executable).with_name("chaos")), "--no-version-check", "failover"]
MEMORY = 1_500_000_000
SECONDS = 90
"""
All of the toolkit is loaded first.
"""


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """
    Run a command with little memory, and only for a while.
    """
    return subprocess.run(
        [*CHAOS, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_targets_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    """The file, the line and what is wrong are named, and nothing is called or written."""
    text, says = HOSTILE[name]
    file, folder = tmp_path / "targets.yaml", tmp_path / "plan"
    file.write_text(text)

    done = CliRunner().invoke(
        failover,
        ["plan", "--region", "cn-hangzhou", "--targets", str(file), "--output-file", str(folder)],
    )

    assert done.exit_code == 2
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("Error"))
    assert f"{file} cannot be used: " in line
    assert says in line
    assert done.stderr.endswith(f"{line}\n")
    assert not folder.exists()


BOMBS = [
    *("billion laughs", "billion merges", "long text, many times", "alias of itself"),
    *("deep in brackets", "deep in lines", "many values", "larger than can be"),
    *("a million hex digits", "a million of base 60", "thousands of digits"),
]


@pytest.mark.long
@pytest.mark.sample(3)
@pytest.mark.parametrize("name", BOMBS)
def test_bombs_as_targets_take_little_memory_and_time(name: str, tmp_path: Path) -> None:
    file = tmp_path / "targets.yaml"
    file.write_text(HOSTILE[name][0])

    done = command("plan", "--region", "cn-hangzhou", "--targets", str(file))

    assert done.returncode == 2
    assert HOSTILE[name][1] in done.stderr
    assert "Traceback" not in done.stderr


def test_doubled_targets_are_refused_with_both_lines(tmp_path: Path) -> None:
    """The last one would win, and a circuit be watched at the wrong address."""
    file = tmp_path / "doubled-targets.yaml"
    file.write_text(
        "pc-rehearsal-a: https://one.example.com/\n"
        "pc-rehearsal-a: https://two.example.com/\n"
        "default: https://d.example.com/\n"
    )

    done = CliRunner().invoke(failover, ["plan", "--region", "r", "--targets", str(file)])

    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == (
        f"Error: Invalid value for '--targets': {file} cannot be used: line 2: "
        "key 'pc-rehearsal-a' is doubled, first on line 1; expected once"
    )


def written(folder: Path) -> Path:
    """
    Write a plan and return the folder of the region of pc-03.
    """
    folder.mkdir()
    for name, text in plan_files(plans(TEN, folder), {}, {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return next(folder.rglob("pc-03.yaml")).parent


@pytest.mark.long
@pytest.mark.sample(6)
@pytest.mark.parametrize("file", ["topology.yaml", "pc-03.yaml"])
@pytest.mark.parametrize("name", ["doubled at the top", "infinity", "null as a key", *BOMBS])
def test_hostile_files_of_a_plan_are_not_rehearsed(name: str, file: str, tmp_path: Path) -> None:
    """What is wrong stands in the line of each experiment that it keeps from being run."""
    folder = written(tmp_path / "plan")
    for other in folder.glob("*.yaml"):
        if other.name not in ("topology.yaml", "pc-03.yaml"):
            other.unlink()
    (folder / file).write_text(HOSTILE[name][0])

    done = CliRunner().invoke(
        failover, ["rehearse-all", str(folder), "--journals", str(tmp_path / "journals")]
    )

    assert done.exit_code == 1
    not_run = [each for each in done.output.splitlines() if each.startswith("not run")]
    (line,) = (each for each in not_run if "it was planned and is missing" not in each)
    assert f"{folder / file} cannot be used: " in line
    assert HOSTILE[name][1] in line


def test_doubled_keys_of_an_edited_experiment_stand_in_the_plan(tmp_path: Path) -> None:
    """The plan is written again around it, and its row says what is wrong, with the lines."""
    folder = written(tmp_path / "plan")
    file = folder / "pc-03.yaml"
    text = file.read_text()
    file.write_text(text + "method: []\n")
    first = text.splitlines().index("method:") + 1
    last = len(text.splitlines()) + 1
    standing = {
        each.relative_to(tmp_path / "plan").as_posix(): each.read_text()
        for each in (tmp_path / "plan").rglob("*")
        if each.is_file()
    }
    found = plan_files(plans(TEN, tmp_path / "plan"), {}, {}, standing)
    readme = found[(folder / "README.md").relative_to(tmp_path / "plan").as_posix()]

    assert (
        f"edited and kept; it cannot be used: line {last}: key 'method' is doubled, first on "
        f"line {first}; expected once |"
    ) in readme


def test_a_topology_may_leave_empty_what_is_all_defaults() -> None:
    """As the emulator reads it: no value at all is an empty mapping, and one name is a list."""
    topology = yaml.safe_load(
        "accounts: {'1': {access_keys: {k: s}}}\n"
        "regions: {r: {circuits: {pc-a: }, vbrs: }, s: }\n"
        "paths: {a: {over: pc-a}}\n"
        "services: {pc-a: {kind: http, port: 1, paths: a}, pc-b: {kind: http, paths: }}\n"
    )

    whole = merged({"f": checked_topology(topology)})

    assert whole["regions"] == {"r": {"circuits": {"pc-a": {"owner": "1"}}, "vbrs": {}}, "s": {}}
    assert [each["paths"] for each in whole["services"].values()] == [["f/a"], []]
