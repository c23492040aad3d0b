"""
What the pages show runs: command lines, experiments, topologies and code.
"""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import click
import pytest
import yaml
from chaoslib.experiment import ensure_experiment_is_valid
from click.testing import CliRunner
from console_lines import CommandLine, command_lines
from markdown_pages import GUIDES, PAGES, Block
from places import EXPERIMENTS, ROOT
from product_names import control_arguments, environment_variables, toolkit, topology_sections

from chaosfailover.cli import failover
from chaosfailover.emulator import Emulator
from chaosfailover.emulator.__main__ import _exports, _options
from chaosfailover.emulator.topology import BUNDLED, topology_from
from chaosfailover.plan.portals import checked_targets
from chaosfailover.run.experiment_shape import EXPERIMENT
from chaosfailover.run.settings import Settings
from chaosfailover.run.written_values import check_written

LINES = [line for page in PAGES for line in command_lines(page)]
OURS = [
    line
    for line in LINES
    if line.program in {"chaos", "chaosfailover.cli", "chaosfailover.emulator"}
]
PATH = re.compile(r"(?<![\w./-])(?:chaosfailover|docs|experiments|tests)/[\w./-]*\w")
OF_OTHERS = {"apiVersion", "patches", "on", True}
"""Keys of what Kubernetes and GitHub read; YAML takes `on` for true."""
REACHES_IT = {
    f"ALIBABA_CLOUD_{name}"
    for name in ("ENDPOINT_VPC", "REGION_ID", "ACCESS_KEY_ID", "ACCESS_KEY_SECRET")
}
PROBE = {
    "type": "probe",
    "name": "a-probe",
    "provider": {"type": "python", "module": "chaosfailover.probes", "func": "outage_count"},
}


def id_of(line: CommandLine) -> str:
    return f"{line.place} {line.program} {' '.join(line.arguments)}"


def parse(
    command: click.Command, arguments: list[str], parent: click.Context | None = None
) -> None:
    """
    Parse a command line as `chaos` does, without running anything; UsageError says what is wrong.
    """
    context = click.Context(command, parent, command.name, **command.context_settings)
    values, rest, _ = command.make_parser(context).parse_args(list(arguments))
    for each in command.params:
        if isinstance(each.type, click.Choice):
            each.type_cast_value(context, values.get(each.name or ""))
    if isinstance(command, click.Group) and rest and not rest[0].isupper():
        inner = command.get_command(context, rest[0])
        if inner is None:
            raise click.NoSuchOption(rest[0], f"no such command: {rest[0]}")
        parse(inner, rest[1:], context)
    elif command.name == "emulator":
        given = values["arguments"]
        _options(given if isinstance(given, list | tuple) else (), "emulator")
    elif rest and not isinstance(command, click.Group):
        raise click.UsageError(f"unexpected: {' '.join(rest)}")


@pytest.mark.parametrize("line", [pytest.param(line, id=id_of(line)) for line in OURS])
def test_command_lines_are_those_of_the_command(line: CommandLine) -> None:
    """Each command, option and choice exists."""
    if line.program == "chaosfailover.emulator":
        _options(line.arguments, "emulator")
    else:
        parse(toolkit if line.program == "chaos" else failover, [*line.arguments])


def test_command_lines_are_many() -> None:
    """The pages are read as they are meant."""
    assert len(OURS) > 25


def test_variables_of_command_lines_are_read_by_something() -> None:
    """A variable of ours that nothing reads would change nothing."""
    given = {
        name
        for line in LINES
        for name in line.variables
        if name.startswith(("FAILOVER_", "ALIBABA_"))
    }

    assert given - environment_variables() == set()


def test_lines_that_point_to_the_emulator_are_those_that_it_prints() -> None:
    """Without region or key, `inspect`, `status` and `stop` would not reach it."""
    printed = {line.split()[1] for line in _exports(Emulator("dual-circuit", port=8700))}
    blocks = [block for page in PAGES for block in page.blocks("sh") if ":8700" in block.text]
    given = [{*re.findall(r"ALIBABA_CLOUD_\w+=\S+", block.text)} for block in blocks]

    assert blocks
    for each in given:
        assert each <= printed
        assert {setting.split("=")[0] for setting in each} == REACHES_IT


def test_topologies_of_command_lines_exist() -> None:
    """`FAILOVER_TOPOLOGY` names a bundled one, or a file."""
    named = {
        line.variables["FAILOVER_TOPOLOGY"]
        for line in LINES
        if "FAILOVER_TOPOLOGY" in line.variables
    }

    assert {name for name in named if not name.endswith(".yaml")} - {*BUNDLED} == set()


def test_examples_that_are_written_exist() -> None:
    """`chaos failover example NAME` knows the name."""
    names = [
        line.arguments[2]
        for line in OURS
        if line.arguments[:2] == ("failover", "example") and line.arguments[2:]
    ]
    listed = CliRunner().invoke(failover, ["example"]).output.split()

    assert [name for name in names if name != "NAME" and name not in listed] == []


def test_extras_that_are_installed_exist() -> None:
    """`pip install` of an extra that is none would warn and go on."""
    extras = re.findall(r"chaostoolkit-failover\[([\w,]+)\]", "".join(page.text for page in PAGES))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert [each for each in ",".join(extras).split(",") if f"\n{each} = [" not in project] == []


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in GUIDES])
def test_files_in_code_font_exist(page: Any) -> None:
    """A reader finds each file of the project that is named."""
    named = {path for text in page.spans() for path in PATH.findall(text)}
    named |= {path for block in page.blocks("sh", "console") for path in PATH.findall(block.text)}

    assert [
        path
        for path in sorted(named)
        if not any((base / path).exists() for base in (ROOT, page.path.parent))
    ] == []


def yaml_blocks() -> Iterator[tuple[Block, Any]]:
    for page in PAGES:
        for block in page.blocks("yaml", "yml"):
            for content in yaml.safe_load_all(block.text):
                yield block, content


def check(content: Any) -> None:
    """
    Check a document with what the product itself checks it with, before it runs.
    """
    if isinstance(content, list):
        check_experiment({**bundled(), "method": [*bundled()["method"], *content]})
    elif not OF_OTHERS.isdisjoint(content):
        return
    elif content.keys() == {"arguments"}:
        check(content["arguments"])
    elif content.keys() <= control_arguments().keys():
        Settings.parse(content)
    elif content.keys() <= topology_sections():
        topology_from({**({} if "regions" in content else {"extends": "dual-circuit"}), **content})
    elif content.keys() <= {*EXPERIMENT.keys}:
        check_experiment(content if "method" in content else {**bundled(), **content})
    elif "provider" in content or content.keys() == {"tolerance"}:
        check([{**PROBE, **content}])
    else:
        checked_targets(content)


def bundled() -> dict[str, Any]:
    """
    Return an experiment for parts that a page shows; its hypothesis would need its own control.
    """
    text = (EXPERIMENTS / "circuit-failover.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    del content["steady-state-hypothesis"]
    return content


def check_experiment(experiment: dict[str, Any]) -> None:
    ensure_experiment_is_valid(experiment)
    for control in experiment.get("controls", []):
        if control["provider"]["module"] == "chaosfailover.control":
            check_written(experiment, control["provider"].get("arguments") or {})


@pytest.mark.parametrize(
    ("block", "content"),
    [pytest.param(block, content, id=block.place) for block, content in yaml_blocks()],
)
def test_yaml_is_valid(block: Block, content: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Experiments and parts of them, topologies and targets are what the product accepts."""
    for variable in re.findall(r"type: env, key: (\w+)\}", block.text):
        monkeypatch.setenv(variable, "set")  # it has no default

    check(content)


@pytest.mark.parametrize(
    "block",
    [pytest.param(block, id=block.place) for page in PAGES for block in page.blocks("json")],
)
def test_json_is_valid(block: Block) -> None:
    """It can be copied into a file."""
    json.loads(block.text)


@pytest.mark.parametrize(
    "block",
    [pytest.param(block, id=block.place) for page in PAGES for block in page.blocks("python")],
)
def test_python_imports_what_exists(block: Block) -> None:
    """It is Python, and what it imports of ours is there."""
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("chaosfailover"):
            module = __import__(str(node.module), fromlist=["*"])
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
