"""
Arrows point one way: a module imports only what lies below it.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import chaosfailover

PACKAGE = Path(chaosfailover.__file__).parent

# From the bottom up; a module may import what stands on a line above its own, and nothing else.
LAYERS = [
    {"errors", "events", "outages", "signals"},
    {"alibaba", "arguments", "i18n"},
    {"network", "prober", "verdict"},
    {"inspection", "plan", "probes", "record", "safety"},
    {"actions", "report", "tolerances"},
    {"run"},
    {"cli", "control"},
]
MOST_ROOMS, MOST_ARROWS = 23, 78
KNOW_THE_TOOLKIT = {"actions", "control", "probes", "run", "tolerances"}
WITHOUT_CHAOSLIB = {name for layer in LAYERS for name in layer} - KNOW_THE_TOOLKIT
MAY_START_THE_EMULATOR = {"cli", "run"}
# Topologies and plans are read by one loader, and it is the emulator's, which imports none of ours.
MAY_READ_AS_THE_EMULATOR = {"plan"}
LOADER = "chaosfailover.emulator.yaml_file"


def _modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.iterdir()) if path.suffix == ".py" or _is_package(path)]


def _is_package(path: Path) -> bool:
    return (path / "__init__.py").exists() and path.name != "emulator"


def _files(name: str) -> list[Path]:
    """
    List the files of a module, or of a package below ours.
    """
    module = PACKAGE / f"{name}.py"
    return [module] if module.exists() else sorted((PACKAGE / name).rglob("*.py"))


def _imports(path: Path) -> Iterator[str]:
    """
    Yield the modules that a file imports, anywhere in it, as dotted names.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            pytest.fail(f"{path} has a relative import")


def _own_imports(path: Path) -> set[str]:
    names = (name.split(".") for name in _imports(path) if name.startswith("chaosfailover."))
    return {parts[1] for parts in names}


def test_every_module_has_a_layer() -> None:
    """A new module is given its place."""
    actual = {path.stem for path in _modules()} - {"__init__"}

    assert actual == {name for layer in LAYERS for name in layer}


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_module_imports_only_what_lies_below(number: int) -> None:
    """No module imports one of its own layer or above."""
    below = {name for layer in LAYERS[:number] for name in layer}

    for name in sorted(LAYERS[number]):
        knows = MAY_START_THE_EMULATOR | MAY_READ_AS_THE_EMULATOR
        allowed = below | ({"emulator"} if name in knows else set())
        for path in _files(name):
            assert _own_imports(path) - {name} <= allowed, path


def test_house_stays_small() -> None:
    """A reader knows the product from a few rooms and the arrows between them."""
    rooms = {path.stem for path in _modules()} - {"__init__"} | {"emulator"}
    arrows = {
        (name, other)
        for name in rooms - {"emulator"}
        for path in _files(name)
        for other in _own_imports(path) & rooms - {name}
    }

    assert len(rooms) <= MOST_ROOMS
    assert len(arrows) <= MOST_ARROWS


@pytest.mark.parametrize("name", sorted(WITHOUT_CHAOSLIB))
def test_module_knows_nothing_of_the_toolkit(name: str) -> None:
    """What does not talk to the toolkit does not import it."""
    imported = [found for path in _files(name) for found in _imports(path)]

    actual = [found for found in imported if found.startswith("chaoslib")]

    assert actual == []


def test_emulator_imports_nothing_of_the_rest() -> None:
    """The emulator shares no code with the client that is tested against it."""
    for path in sorted((PACKAGE / "emulator").rglob("*.py")):
        assert _own_imports(path) <= {"emulator"}, path


@pytest.mark.parametrize("name", sorted(MAY_READ_AS_THE_EMULATOR))
def test_who_reads_as_the_emulator_takes_its_loader_only(name: str) -> None:
    """Nothing else of the emulator is known there."""
    for path in _files(name):
        known = [each for each in _imports(path) if each.startswith("chaosfailover.emulator")]

        assert [each for each in known if not each.startswith(LOADER)] == [], path


def test_yaml_is_read_by_one_loader() -> None:
    """PyYAML's own would take the last of doubled keys, and write out every alias."""
    loaders = re.compile(r"yaml\.(safe_|full_|unsafe_)?load|yaml\.(compose|parse|scan)\b")
    files = [path for path in PACKAGE.rglob("*.py") if loaders.search(path.read_text("utf-8"))]

    assert [path.stem for path in files] == [LOADER.rpartition(".")[2]]


@pytest.mark.parametrize(
    "module", ["chaosfailover", "chaosfailover.actions", "chaosfailover.control"]
)
def test_import_is_light(module: str) -> None:
    """An import loads no credential library, no server and no emulator."""
    script = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()

    heavy = ("alibabacloud_credentials", "starlette", "uvicorn", "chaosfailover.emulator")
    assert [name for name in heavy if name in loaded] == []
