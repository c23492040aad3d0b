"""
What a run is given beside its experiment: the toolkit's settings, control files and variables.

The toolkit leaves out a file that it cannot parse, a control whose module is not there, and a
variable that the experiment does not have. A run would go on without the control that says no, or
with the default of what it cuts.
"""

import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path

from chaoslib.control import get_global_controls, load_global_controls
from chaoslib.settings import load_settings

from chaosfailover.errors import ArgumentError, close_to, did_you_mean
from chaosfailover.run import Experiment
from chaosfailover.run.experiment_shape import (
    SETTINGS,
    VARIABLES,
    check_keys,
    check_kinds,
    controls_shape,
)
from chaosfailover.run.loading import SUFFIXES, parsed, reading
from chaosfailover.run.provider_names import check_names
from chaosfailover.verdict.values import mapping

__all__ = ["check_settings", "check_variables", "load_controls"]

logger = logging.getLogger("chaostoolkit")

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
QUOTES = ("'", '"')
OURS = "FAILOVER_"
"""How the names of the variables begin that our experiments read."""
CLOSE = 0.9
"""How alike two of them are, from 0 to 1, for one to be a misspelling of the other."""


def load_controls(settings: str, files: Sequence[str]) -> dict[str, object]:
    """
    Load the controls of the toolkit's settings, which are returned, and of control files.

    Raises ArgumentError, and warns of a control that is left out.
    """
    declared = dict.fromkeys(check_settings(settings), settings)
    for file in files:
        if Path(file).suffix not in ("", *SUFFIXES):
            raise ArgumentError(
                f"the control file is {file!r}, expected a name that ends in .yaml, .yml or .json"
            )
        controls = _mapping(file, Path(file).suffix or ".json")
        _check_controls(file, controls)
        declared |= dict.fromkeys(controls, file)
    with reading(", ".join(files) or "the toolkit's settings"):
        loaded: dict[str, object] = load_settings(settings) or {}
        load_global_controls(loaded, [*files])
    called = [control["name"] for control in get_global_controls()]
    for name in (name for name in declared if name not in called):
        logger.warning(
            "The control %s of %s is left out: its module cannot be imported", name, declared[name]
        )
    return loaded


def check_settings(settings: str) -> Sequence[str]:
    """
    Return the names of the controls in the toolkit's settings; raises ArgumentError.
    """
    if not settings or not Path(settings).exists():
        return []
    document = _mapping(settings, ".yaml", may_be_empty=True)
    check_kinds(settings, document, SETTINGS)
    check_keys(document, SETTINGS, f"{settings}:")
    controls = mapping(document.get("controls"))
    _check_controls(settings, controls)
    return [*controls]


def check_variables(experiment: Experiment, names: Iterable[str], files: Sequence[str]) -> None:
    """
    Raise ArgumentError for a variable that the experiment does not have, and for a file that the
    toolkit would leave out; warn of what is not used of a file and of the environment.

    Both may serve several experiments, so they may have more than this one needs.
    """
    known = mapping(experiment.get("configuration"))
    for name in names:
        if name not in known:
            meant = did_you_mean(name, known) if known else ", which is empty"
            raise ArgumentError(
                f"the variable {name!r} is not in the experiment's configuration{meant}"
            )
    environment, reads = {*os.environ}, [experiment.get(part) for part in VARIABLES.keys]
    for file in files:
        if Path(file).suffix in SUFFIXES:
            variables = _variables(file)
            _tell_unused(file, variables, experiment)
            reads.append(variables)
        else:
            environment |= _environment(file)
    _tell_unread(environment, {*_environment_keys(reads)})


def _tell_unused(
    file: str, variables: Mapping[str, object], experiment: Mapping[str, object]
) -> None:
    for part, given in variables.items():
        had = mapping(experiment.get(part))
        if unused := [str(key) for key in mapping(given) if key not in had]:
            logger.warning(
                "%s: not in the experiment's %s, and not used: %s", file, part, ", ".join(unused)
            )


def _tell_unread(environment: Set[str], read: Set[str]) -> None:
    meant = {name: close_to(name.upper(), read - environment, CLOSE) for name in environment - read}
    unread = sorted(name for name in meant if name.startswith(OURS) or meant[name])
    if unread:
        names = ", ".join(name + meant[name] for name in unread)
        logger.warning("Set, and not read by the experiment: %s", names)


def _environment_keys(value: object) -> Iterator[str]:
    """
    Yield the environment variables that a configuration reads.
    """
    if isinstance(value, Mapping):
        if value.get("type") == "env":
            yield str(value.get("key"))
        value = [*value.values()]
    if isinstance(value, list):
        for each in value:
            yield from _environment_keys(each)


def _variables(file: str) -> Mapping[str, object]:
    """
    Return the variables in a file, by the part of the experiment that they are for.
    """
    if not _content(file):
        return {}
    variables = _mapping(file, Path(file).suffix, may_be_empty=True)
    if not variables:
        raise ArgumentError(f"{file} holds nothing, expected {' and '.join(VARIABLES.keys)}")
    if unknown := [key for key in variables if key not in VARIABLES.keys]:
        raise ArgumentError(f"{file}: {unknown[0]!r} is none of {', '.join(VARIABLES.keys)}")
    check_kinds(file, variables, VARIABLES)
    return variables


def _environment(file: str) -> set[str]:
    """
    Return the names of the environment variables that a file sets.
    """
    names = set()
    for number, line in _content(file):
        name, equals, value = line.partition("=")
        if not equals or not NAME.fullmatch(name):
            raise ArgumentError(f"{file}: line {number}: expected NAME=VALUE")
        if value[:1] in QUOTES and value[-1:] == value[:1]:
            raise ArgumentError(
                f"{file}: line {number}: the quotes would be part of {name}: leave them out"
            )
        names.add(name)
    return names


def _content(file: str) -> list[tuple[int, str]]:
    """
    Return the lines of a file that hold something, with their numbers.
    """
    with reading(file):
        lines = [line.strip() for line in Path(file).read_text().splitlines()]
    return [
        (number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")
    ]


def _check_controls(file: str, controls: Mapping[str, object]) -> None:
    check_kinds(file, controls, controls_shape(controls))
    check_keys(controls, controls_shape(controls), f"{file}:")
    check_names({name: {**mapping(each), "name": name} for name, each in controls.items()})


def _mapping(file: str, suffix: str, *, may_be_empty: bool = False) -> Mapping[str, object]:
    with reading(file):
        document = parsed(file, Path(file).read_bytes(), suffix)
    if document is None and may_be_empty:
        return {}
    if not isinstance(document, dict):
        found = "nothing" if document is None else f"a {type(document).__name__}"
        raise ArgumentError(f"{file} holds {found}, expected a mapping")
    return document
