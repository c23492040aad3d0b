"""
What the image and the workflows install is named before: by version, and by hash or commit.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from places import EXPERIMENTS, ROOT

PINS = (ROOT / "requirements.txt").read_text(encoding="utf-8")
PIN = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>\S+)(?: ; (?P<marker>[^\\\n]+))?"
    r"(?P<hashes>(?: \\\n +--hash=\S+)*)$",
    re.M,
)
PYTHONS = ("3.11", "3.12", "3.13")
IMAGE = EXPERIMENTS / "kubernetes" / "Containerfile"
GAME_DAY = EXPERIMENTS / "github" / "game-day.yml"
WORKFLOWS = [GAME_DAY, *sorted((ROOT / ".github" / "workflows").glob("*.yml"))]


def required() -> Iterator[Requirement]:
    """
    Yield what pyproject.toml and requirements.in ask for.
    """
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = document["project"]
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    for text in (
        *project["dependencies"],
        *project["optional-dependencies"]["emulator"],
        *document["build-system"]["requires"],
        *(line for line in lines if not line.startswith("#")),
    ):
        yield Requirement(text)


def pinned(python: str) -> dict[str, str]:
    """
    Return the versions that are installed on a Python, by name.
    """
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    return {
        canonicalize_name(match["name"]): match["version"]
        for match in PIN.finditer(PINS)
        if not match["marker"] or Marker(match["marker"]).evaluate(environment)
    }


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("requirement", [pytest.param(each, id=str(each)) for each in required()])
def test_dependency_is_pinned_within_its_range(requirement: Requirement, python: str) -> None:
    """Whoever changes a range renews the pins, as requirements.in says."""
    assert requirement.specifier.contains(pinned(python)[canonicalize_name(requirement.name)])


def test_toolkit_can_be_installed_on_python_3_11() -> None:
    """Its versions from 1.20 need Python 3.12: pip would find no distribution of them."""
    assert Version(pinned("3.11")["chaostoolkit"]) < Version("1.20")
    assert Version(pinned("3.12")["chaostoolkit"]) >= Version("1.20")


def test_each_pin_has_its_hashes() -> None:
    """Nothing else stands in the file, and no source is built, which would install more."""
    lines = [line for line in PINS.splitlines() if not line.lstrip().startswith(("#", "--hash="))]
    hashed = [match for match in PIN.finditer(PINS) if "--hash=sha256:" in match["hashes"]]

    assert lines[0] == "--only-binary :all:"
    assert len(hashed) == len([line for line in lines[1:] if line])


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        pytest.param(IMAGE.read_text(encoding="utf-8"), "/source", id="image"),
        pytest.param(GAME_DAY.read_text(encoding="utf-8"), ".", id="workflow"),
    ],
)
def test_dependencies_are_installed_by_hash_and_then_the_project(text: str, folder: str) -> None:
    """No command of pip may look for anything by itself."""
    lines = re.findall("pip install.*", text)
    installs = [re.sub(r" --no-cache-dir| &&.*| \\$", "", line) for line in lines]
    file = "requirements.txt" if folder == "." else f"{folder}/requirements.txt"

    assert installs == [
        f"pip install --require-hashes --requirement {file}",
        f"pip install --no-deps --no-build-isolation {folder}",
    ]


def test_base_of_the_image_is_pinned() -> None:
    """Its version is for people, its digest for the builder."""
    bases = re.findall(r"^FROM (.*)$", IMAGE.read_text(encoding="utf-8"), re.M)

    assert len(bases) == 1
    assert re.fullmatch(r"python:3(\.\d+){2}-[\w-]+@sha256:[0-9a-f]{64}", bases[0])


@pytest.mark.parametrize("workflow", [pytest.param(each, id=each.name) for each in WORKFLOWS])
def test_actions_are_pinned_to_a_commit(workflow: Path) -> None:
    """A tag can be moved; its name stays beside the commit for people."""
    text = workflow.read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"].values()
    used = [step["uses"] for job in jobs for step in job["steps"] if "uses" in step]

    assert used
    assert len(used) == len(re.findall(r"uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", text, re.M))
