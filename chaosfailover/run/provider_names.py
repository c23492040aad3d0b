"""
The names of our modules and functions in an experiment, and those that are only spelt like one.

The toolkit warns of a control whose module does not exist, and runs the experiment without it.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from inspect import signature

from chaosfailover.errors import ArgumentError, ConfigurationError, did_you_mean
from chaosfailover.run import Experiment
from chaosfailover.run.declarations import MODULE, declared_arguments, is_called
from chaosfailover.run.steps import cuts
from chaosfailover.verdict.values import mapping

__all__ = ["NO_CONTROL", "PACKAGE", "check_control", "check_names", "given_arguments", "uses_us"]

PACKAGE = "chaosfailover"
OUR_MODULE = re.compile(rf"{PACKAGE}(\.\w+)+")
MODULES = (MODULE, *(f"{PACKAGE}.{name}" for name in ("actions", "probes", "tolerances")))
INJECTED = ("configuration", "secrets")
"""The arguments that the toolkit adds."""
CLOSE = 0.9
"""How alike two names are, from 0 to 1, for one to be a misspelling of the other."""
NO_CONTROL = """\
the control chaosfailover.control is not among the experiment's controls, so that nothing would \
stop a failover test: add it there, or name its --control-file"""


def uses_us(document: object) -> bool:
    """
    Tell whether a value of a document is the name of a module of ours, be there one or not.
    """
    if isinstance(document, Mapping):
        return any(map(uses_us, document.values()))
    if isinstance(document, list):
        return any(map(uses_us, document))
    return isinstance(document, str) and OUR_MODULE.fullmatch(document) is not None


def check_names(experiment: Experiment) -> None:
    """
    Raise ArgumentError for a module or a function of ours that does not exist.
    """
    for owner, provider in _providers(experiment):
        module, function = provider.get("module"), provider.get("func")
        if not isinstance(module, str) or not _is_meant(module):
            continue
        if module not in MODULES:
            meant = did_you_mean(module, MODULES, CLOSE)
            raise ArgumentError(f"{owner}: there is no module {module!r}{meant}")
        found = import_module(module)
        if isinstance(function, str) and not hasattr(found, function):
            other = next((each for each in MODULES if _has(each, function)), None)
            meant = f", {other} has" if other else did_you_mean(function, found.__all__)
            raise ArgumentError(f"{owner}: {module} has no function {function!r}{meant}")
        if isinstance(function, str):
            _check_arguments(f"{owner}: {module}.{function}", getattr(found, function), provider)


def _check_arguments(name: str, function: object, provider: Mapping[str, object]) -> None:
    known = signature(function).parameters if callable(function) else {}
    for argument in mapping(provider.get("arguments")):
        if argument in INJECTED:
            raise ArgumentError(
                f"{name}: {argument} is no argument: the toolkit passes that of the experiment"
            )
        if known and argument not in known:
            meant = did_you_mean(argument, [each for each in known if each not in INJECTED])
            raise ArgumentError(f"{name} has no argument {argument!r}{meant}")


def check_control(experiment: Experiment) -> None:
    """
    Raise ConfigurationError for an experiment that cuts, and whose control the toolkit would not
    call before it.

    It may stand in the toolkit's settings or in control files, which have to be loaded before.
    """
    if cuts(experiment) and not is_called(experiment):
        raise ConfigurationError(NO_CONTROL)


def given_arguments(experiment: Experiment) -> Mapping[str, object]:
    """
    Return the arguments of our control, or of one whose module is spelt like it; {} if none is.
    """
    declared = declared_arguments(experiment)
    meant = (
        mapping(provider.get("arguments"))
        for _, provider in _providers(experiment)
        if get_close_matches(str(provider.get("module")), [MODULE], 1, CLOSE)
    )
    return next(meant, {}) if declared is None else declared


def _providers(value: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    """
    Yield each provider, with the name of what it provides.
    """
    if isinstance(value, Mapping):
        provider = value.get("provider")
        if isinstance(provider, Mapping):
            yield str(value.get("name")), provider
        for each in value.values():
            yield from _providers(each)
    elif isinstance(value, list):
        for each in value:
            yield from _providers(each)


def _is_meant(module: str) -> bool:
    """
    Tell whether a module is one of ours, or is spelt like one and is none.
    """
    if module.partition(".")[0] == PACKAGE:
        return True
    return bool(get_close_matches(module, MODULES, 1, CLOSE)) and not _exists(module)


def _has(module: str, function: str) -> bool:
    return function in import_module(module).__all__


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
