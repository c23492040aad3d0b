"""
A planned experiment, read back: somebody may have edited it, so whatever is missing is only absent.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaosfailover.errors import ArgumentError
from chaosfailover.verdict.journal import mapping, mappings, text

__all__ = [
    "PLAN",
    "cut_circuits",
    "expected_late",
    "expected_verdict",
    "is_experiment",
    "loaded",
    "read",
    "setting",
    "watched",
]

PLAN = "failover-plan"
"""The extension in which a planned experiment says what a rehearsal is expected to come to."""

Document = Mapping[str, Any]


def loaded(name: str, content: str) -> Any:
    """
    Return the document of a YAML file; ArgumentError names the file, the line and what is wrong.
    """
    from chaosfailover.emulator.yaml_file import YamlFileError, parsed

    try:
        return parsed(content)
    except YamlFileError as error:
        raise ArgumentError(f"{name} cannot be used: {error}") from None


def read(file: Path) -> Any:
    """
    Return the document of a YAML file on disk; ArgumentError as `loaded`.
    """
    from chaosfailover.emulator.yaml_file import YamlFileError
    from chaosfailover.emulator.yaml_file import read as read_yaml

    try:
        return read_yaml(file)
    except YamlFileError as error:
        raise ArgumentError(f"{file} cannot be used: {error}") from None
    except OSError as error:
        raise ArgumentError(f"{file} cannot be read: {error}") from None


def is_experiment(document: Any) -> bool:
    """
    Tell whether a document is an experiment.
    """
    return "method" in mapping(document)


def setting(experiment: Document, key: str) -> Any:
    """
    Return what an entry of the configuration is where the environment sets nothing.
    """
    entry = mapping(experiment.get("configuration")).get(key)
    return entry.get("default") if isinstance(entry, Mapping) else entry


def cut_circuits(experiment: Document) -> list[str]:
    """
    Return the circuits that an experiment cuts, in its order.
    """
    found: list[str] = []
    for activity in mappings(experiment.get("method")):
        provider = mapping(activity.get("provider"))
        arguments = mapping(provider.get("arguments"))
        kind = arguments.get("resource_type", "PHYSICALCONNECTION")
        if provider.get("func") == "create_failover_test" and kind == "PHYSICALCONNECTION":
            named = arguments.get("resource_ids")
            ids = named if isinstance(named, list) else [named]
            found += [_resolved(experiment, each) for each in ids]
    return list(dict.fromkeys(found))


def watched(experiment: Document) -> dict[str, str]:
    """
    Return the URLs of the control's targets, by the targets' names.
    """
    found: dict[str, str] = {}
    for control in mappings(experiment.get("controls")):
        arguments = mapping(mapping(control.get("provider")).get("arguments"))
        for name, target in mapping(arguments.get("targets")).items():
            url = target.get("url") if isinstance(target, Mapping) else target
            found[str(name)] = _resolved(experiment, url)
    return found


def expected_verdict(experiment: Document) -> str:
    """
    Return the verdict that a rehearsal is expected to come to.
    """
    return str(_plan(experiment).get("expected") or "held")


def expected_late(experiment: Document) -> frozenset[str] | None:
    """
    Return the tests that are expected to break the promise; None if the experiment names none.
    """
    named = _plan(experiment).get("late")
    return frozenset(map(str, named)) if isinstance(named, list) else None


def _plan(experiment: Document) -> Document:
    entries = mappings(experiment.get("extensions"))
    return next((entry for entry in entries if entry.get("name") == PLAN), {})


def _resolved(experiment: Document, value: Any) -> str:
    said = text(value)
    if said.startswith("${") and said.endswith("}"):
        return text(setting(experiment, said[2:-1]))
    return said
