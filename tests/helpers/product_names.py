"""
What the product can be told, by name, as its own code has it: commands, options, arguments, keys.
"""

import argparse
import ast
import inspect
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import click
import yaml
from places import EXPERIMENTS, ROOT

from chaosfailover import actions, probes, tolerances
from chaosfailover.alibaba.config import CONFIGURATION_KEYS, SECRET_KEYS
from chaosfailover.cli import failover
from chaosfailover.emulator import Emulator
from chaosfailover.emulator.__main__ import _parser
from chaosfailover.emulator.topology import TOPOLOGY
from chaosfailover.prober.targets import COMMON, SETTINGS
from chaosfailover.run.settings import Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a library of the toolkit
    from chaostoolkit.cli import cli as toolkit

__all__ = [
    "activities",
    "activity_arguments",
    "commands",
    "configuration_keys",
    "control_arguments",
    "emulator_arguments",
    "environment_variables",
    "experiment_variables",
    "option_defaults",
    "option_values",
    "options",
    "target_keys",
    "toolkit",
    "topology_keys",
    "topology_sections",
    "vocabulary",
]

WORDS = (r"\w+", r"\w[\w-]*\w")
"""What a word is: its parts between hyphens, and the whole."""
OF_THE_TOOLKIT = {"configuration", "secrets", "value"}
"""Arguments that the toolkit itself gives to an activity."""


def commands() -> dict[str, click.Command]:
    """
    Return the group and its commands by their names, such as `chaos failover plan`.
    """
    inner = {f"chaos failover {name}": each for name, each in failover.commands.items()}
    return {"chaos failover": failover, **inner}


def options(command: click.Command) -> set[str]:
    """
    Return the options of a command in all their spellings; those of the emulator are argparse's.
    """
    own = {text for each in command.params for text in each.opts if text.startswith("-")}
    own |= {*failover.context_settings["help_option_names"]}
    if command.name == "emulator":
        own |= {text for each in _emulator_actions() for text in each.option_strings}
    return own


def option_values(command: click.Command) -> set[str]:
    """
    Return the values of the options that take one of a few.
    """
    kinds = (each.type for each in command.params)
    return {
        str(value) for kind in kinds if isinstance(kind, click.Choice) for value in kind.choices
    }


def option_defaults(command: click.Command) -> dict[str, float]:
    """
    Return the defaults of the options that are numbers.
    """
    given = {text: each.default for each in command.params for text in each.opts}
    if command.name == "emulator":
        given = {text: each.default for each in _emulator_actions() for text in each.option_strings}
    return {
        option: float(value)
        for option, value in given.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _emulator_actions() -> list[argparse.Action]:
    return _parser("emulator")._actions


def emulator_arguments() -> set[str]:
    """
    Return the arguments with which a test makes an emulator.
    """
    return {*inspect.signature(Emulator).parameters}


def control_arguments() -> dict[str, object]:
    """
    Return the arguments of the control, with their defaults.
    """
    return {each.name: getattr(Settings(), each.name) for each in fields(Settings)}


def target_keys() -> set[str]:
    """
    Return the settings of targets, of all schemes.
    """
    return COMMON.union(*SETTINGS.values())


def configuration_keys() -> set[str]:
    """
    Return the keys of an experiment's configuration and secrets that are read.
    """
    return {*CONFIGURATION_KEYS, *SECRET_KEYS}


def activities() -> dict[str, str]:
    """
    Return the actions, probes and tolerances, each with the module in which it is.
    """
    modules = (actions, probes, tolerances)
    return {name: module.__name__ for module in modules for name in module.__all__}


def activity_arguments(name: str) -> dict[str, object]:
    """
    Return the arguments that an experiment gives an activity, with their defaults.
    """
    function = getattr(sys.modules[activities()[name]], name)
    return {
        each.name: None if each.default is each.empty else each.default
        for each in inspect.signature(function).parameters.values()
        if each.name not in OF_THE_TOOLKIT
    }


def topology_keys() -> set[str]:
    """
    Return the emulator's own keys of a topology; capitalised ones are fields of the API.
    """
    return {key for key in _schema_keys(TOPOLOGY, set()) if key.islower()}


def topology_sections() -> set[str]:
    """
    Return the keys at the top of a topology.
    """
    return {*inspect.getclosurevars(TOPOLOGY).nonlocals["fields"]}


def _schema_keys(schema: Callable[..., object], seen: set[int]) -> Iterator[str]:
    """
    Yield the keys of the mappings that a schema reads, and of those in them.
    """
    if id(schema) in seen or not inspect.isfunction(schema):
        return
    seen.add(id(schema))
    variables = inspect.getclosurevars(schema)
    inner = {**variables.nonlocals, **variables.globals}
    inner.pop("build", None)
    keys = inner.pop("fields", None)
    for key, each in keys.items() if isinstance(keys, Mapping) else ():
        yield key
        yield from _schema_keys(each, seen)
    for each in inner.values():
        yield from _schema_keys(each, seen)


def environment_variables() -> set[str]:
    """
    Return the environment variables that the package and the bundled experiments read.
    """
    texts = (text for text in _texts() if re.fullmatch(r"(ALIBABA_CLOUD|FAILOVER)(_[A-Z]+)+", text))
    return {*texts, *experiment_variables()} - _identifiers()


def experiment_variables() -> dict[str, set[object]]:
    """
    Return the environment variables of the bundled experiments, with their defaults.
    """
    defaults: dict[str, set[object]] = {}
    for file in EXPERIMENTS.glob("*.yaml"):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for each in content["configuration"].values():
            if isinstance(each, dict):
                defaults.setdefault(each["key"], set()).add(each["default"])
    return defaults


@cache
def _texts() -> frozenset[str]:
    """
    Return the texts in the package's code.
    """
    return frozenset(
        node.value
        for tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@cache
def _trees() -> tuple[ast.Module, ...]:
    return tuple(_without_docstrings(path) for path in (ROOT / "chaosfailover").rglob("*.py"))


def _without_docstrings(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                setattr(node, name, [each for each in statements if not _is_text(each)])
    return tree


def _is_text(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


@cache
def _identifiers() -> frozenset[str]:
    """
    Return the names of what the package's code defines and uses.
    """
    kinds = ("id", "attr", "name", "arg")
    nodes = [node for tree in _trees() for node in ast.walk(tree)]
    return frozenset(str(getattr(node, kind, "")) for node in nodes for kind in kinds)


@cache
def vocabulary() -> frozenset[str]:
    """
    Return every word in the package's code, schema, dependencies and experiments, but for comments.

    The variables of Alibaba Cloud's credentials are those that its own library reads.
    """
    package = ROOT / "chaosfailover"
    files = [ROOT / "pyproject.toml", *package.rglob("*.json"), *EXPERIMENTS.rglob("*.y*ml")]
    texts = [*_texts(), *(file.read_text(encoding="utf-8") for file in files)]
    words = {word for text in texts for form in WORDS for word in re.findall(form, text)}
    names = {file.stem for folder in (package, EXPERIMENTS) for file in folder.rglob("*.*")}
    return _identifiers() | words | names | _variables_of_credentials()


def _variables_of_credentials() -> set[str]:
    library = find_spec("alibabacloud_credentials")
    files = Path(library.origin).parent.rglob("*.py") if library and library.origin else ()
    texts = (file.read_text(encoding="utf-8") for file in files)
    return {word for text in texts for word in re.findall(r"ALIBABA_CLOUD_\w+", text)}
