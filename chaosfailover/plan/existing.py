"""
What stands in the folders of a plan, as it is: somebody may have edited, added or taken away.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from chaosfailover.errors import ArgumentError
from chaosfailover.plan.experiments import TOPOLOGY
from chaosfailover.plan.game_day import GAME_DAY, MINUTES
from chaosfailover.plan.reading import cut_circuits, is_experiment, loaded, setting
from chaosfailover.verdict.journal import mapping, number

__all__ = ["duration_of", "experiment_in", "files_in", "folders_in", "tests_in", "why_none"]


def folders_in(standing: Mapping[str, str]) -> list[str]:
    """
    Return the folders of the regions.
    """
    parents = {PurePosixPath(name).parent for name in standing}
    return sorted(str(parent) for parent in parents if parent.parts)


def tests_in(standing: Mapping[str, str], folder: str) -> list[str]:
    """
    Return the files of a folder that really test a circuit.
    """
    return [
        name
        for name in files_in(standing, folder)
        if cut_circuits(experiment_in(name, standing[name]) or {})
    ]


def files_in(standing: Mapping[str, str], folder: str) -> list[str]:
    """
    Return the files of a folder that a test of one circuit could be in.
    """
    return [
        name
        for name in sorted(standing)
        if str(PurePosixPath(name).parent) == folder
        and name.endswith(".yaml")
        and PurePosixPath(name).name not in (TOPOLOGY, GAME_DAY, "kustomization.yaml")
    ]


def experiment_in(name: str, text: str) -> Mapping[str, Any] | None:
    """
    Return the experiment that a file is; None if it is none.
    """
    try:
        document = loaded(name, text)
    except ArgumentError:
        return None
    return mapping(document) if is_experiment(document) else None


def why_none(text: str) -> str:
    """
    Return why a file is no experiment, for a cell of a table.
    """
    try:
        loaded("it", text)
    except ArgumentError as error:
        return str(error).replace("|", "\\|")
    return "it is no experiment"


def duration_of(game_day: str | None) -> float:
    """
    Return how many minutes a test of a game day may last.
    """
    document = experiment_in(GAME_DAY, game_day or "") or {}
    return number(setting(document, "duration_minutes")) or MINUTES
