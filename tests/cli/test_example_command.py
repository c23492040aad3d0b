"""
`chaos failover example`: from pip alone to a first rehearsal.
"""

import json
from pathlib import Path
from shlex import quote

import pytest
import yaml
from chaos_command import ALL, on_free_ports
from click.testing import CliRunner, Result
from places import EXPERIMENTS

from chaosfailover.cli import failover

NAMES = [name.removesuffix(".yaml") for name in ALL]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, in which nothing of the project is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def example(*arguments: str) -> Result:
    return CliRunner().invoke(failover, ["example", *arguments])


def test_list_has_a_line_for_each() -> None:
    """Its name, and what it does."""
    lines = [line.split(maxsplit=1) for line in example().stdout.splitlines()]

    assert [name for name, _ in lines] == NAMES
    assert dict(lines)["circuit-failover"] == (
        "Cuts one Express Connect circuit and proves that traffic moves to the other."
    )
    assert all(about.endswith(".") for _, about in lines)


@pytest.mark.parametrize("name", NAMES)
def test_experiment_is_that_of_the_project(name: str) -> None:
    """Whole, and its first lines name the file that it is in."""
    written = example(name, "-o", "drill.yaml")
    shown = example(name)

    original = (EXPERIMENTS / f"{name}.yaml").read_text(encoding="utf-8")
    text = Path("drill.yaml").read_text(encoding="utf-8")
    assert (written.exit_code, shown.exit_code) == (0, 0)
    assert shown.stdout == original.replace(f"experiments/{name}.yaml", f"{name}.yaml")
    assert written.stderr == "drill.yaml is written; to run it: chaos run drill.yaml\n"
    assert yaml.safe_load(text) == yaml.safe_load(original)
    assert f"experiments/{name}.yaml" not in text


@pytest.mark.parametrize("output", [".", "sub", "new/", "new/er/", "my drills/"])
def test_folder_gets_a_file_of_the_name(output: str) -> None:
    """One that exists, or ends in a slash; its first lines and the hint name the file."""
    Path("sub").mkdir()

    done = example("game-day", "-o", output)

    file = Path(output) / "game-day.yaml"
    command = f"chaos run {quote(str(file))}"
    assert done.stderr == f"{file} is written; to run it: {command}\n"
    assert f"emulator: {command}\n" in file.read_text(encoding="utf-8")


def test_json_file_holds_json() -> None:
    """`chaos run` reads it by its ending."""
    example("game-day", "-o", "drill.json")

    original = (EXPERIMENTS / "game-day.yaml").read_text(encoding="utf-8")
    assert json.loads(Path("drill.json").read_text(encoding="utf-8")) == yaml.safe_load(original)


def test_experiment_runs_as_it_is(folder: Path) -> None:
    """Its cut could be made, save that this test needs ports of its own."""
    example("circuit-failover", "-o", "drill.yaml")

    done = CliRunner().invoke(
        failover, ["check", "drill.yaml"], env=on_free_ports("dual-circuit", folder)
    )

    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(
            ["nothing"], 2, "there is no experiment 'nothing', expected one of", id="name"
        ),
        pytest.param(
            ["circuit-failovr"], 2, "'circuit-failovr' (did you mean circuit-failover?)", id="slip"
        ),
        pytest.param(["-o", "x.yaml"], 2, "name an experiment to write", id="no name"),
        pytest.param(
            ["game-day", "-o", "kept.yaml"],
            1,
            "kept.yaml exists, and is not overwritten",
            id="kept",
        ),
        pytest.param(
            ["game-day", "-o", "drill"], 2, "a name that ends in .yaml, .yml, .json", id="ending"
        ),
        pytest.param(["game-day", "-o", "kept.yaml/"], 1, "cannot be written: ", id="no such"),
        pytest.param(["game-day", "-o", "no/x.yaml"], 1, "cannot be written: ", id="no folder"),
    ],
)
def test_what_cannot_be_written(arguments: list[str], code: int, message: str) -> None:
    """One sentence says why, and nothing is changed."""
    Path("kept.yaml").write_text("kept", encoding="utf-8")

    done = example(*arguments)

    assert (done.exit_code, message in done.stderr) == (code, True)
    assert Path("kept.yaml").read_text(encoding="utf-8") == "kept"
    assert [file.name for file in Path().iterdir()] == ["kept.yaml"]
