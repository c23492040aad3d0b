"""
The READMEs of a plan: what is tested in which order, how long it takes, and what must not be cut.

They describe the files as they are on disk, so an edited file is shown as it was edited.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from chaosfailover.errors import ArgumentError
from chaosfailover.plan.choice import PlannedTest, RegionPlan
from chaosfailover.plan.planned_experiment import PlannedExperiment, planned_experiment
from chaosfailover.plan.rendering import MINUTES, as_code, counted, render
from chaosfailover.plan.yaml_file import loaded

__all__ = ["GAME_DAY", "OVERLAY", "README", "TOPOLOGY", "plan_readme", "region_readme"]

README, GAME_DAY, TOPOLOGY = "README.md", "game-day.yaml", "topology.yaml"
OVERLAY = "kustomization.yaml"
"""What people add to a region's folder to run its files in Kubernetes; no plan changes it."""

RUN = 15
"""About how many seconds the rehearsal of one test takes."""


class Row(NamedTuple):
    """
    An experiment of a region in the table of its README.
    """

    file: str
    groups: str
    standby: str
    survivors: str
    takeover: str
    rehearsed: str
    expected: str
    note: str


class PlannedRegion(NamedTuple):
    """
    A region with tests in the table of the whole plan, with its durations.
    """

    folder: str
    files: list[str]
    rehearsal: str
    longest: str


def plan_readme(files: Mapping[str, str], errors: Mapping[str, str], *, read: bool) -> str:
    """
    Render the README of the whole plan from the texts of all regions' files, by path.

    `errors` are the places that could not be read, and why; `read` is whether any could.
    """
    folders = sorted({str(PurePosixPath(name).parent) for name in files} - {"."})
    regions = [_region(files, folder) for folder in folders]
    planned = [region for region in regions if region.files]
    return render(
        "README.md.j2",
        tests=sum(len(region.files) for region in planned),
        regions=planned,
        untested=[region.folder for region in regions if not region.files],
        errors=sorted(errors.items()),
        read=read,
    )


def region_readme(plan: RegionPlan, files: Mapping[str, str], kept: set[str]) -> str:
    """
    Render the README of one region; `kept` are the files that the plan did not write.
    """
    own = {str(plan.folder / f"{test.circuit_id}.yaml"): test for test in plan.tests}
    others = [name for name in _experiment_files(files, str(plan.folder)) if name not in own]
    warnings: dict[str, list[str]] = {}
    for test in plan.tests:
        for warning in test.warnings:
            warnings.setdefault(warning, []).append(test.circuit_id)
    return render(
        "region.md.j2",
        plan=plan,
        rows=[
            *(_planned_row(name, test, files[name], name in kept) for name, test in own.items()),
            *(_foreign_row(plan, name, files[name]) for name in others),
        ],
        game_day=_game_day(plan, files, kept),
        warnings=sorted(warnings.items()),
    )


def _region(files: Mapping[str, str], folder: str) -> PlannedRegion:
    tests = [
        name
        for name in _experiment_files(files, folder)
        if isinstance(experiment := _experiment(files[name]), PlannedExperiment)
        and experiment.cut_circuits
    ]
    longest = len(tests) * _duration(_experiment(files.get(f"{folder}/{GAME_DAY}", "")))
    return PlannedRegion(folder, tests, _in_minutes(len(tests) * RUN / 60), _in_minutes(longest))


def _experiment_files(files: Mapping[str, str], folder: str) -> list[str]:
    """
    Return the files of a folder that may test one circuit.
    """
    return [
        name
        for name in sorted(files)
        if str(PurePosixPath(name).parent) == folder
        and name.endswith(".yaml")
        and PurePosixPath(name).name not in (TOPOLOGY, GAME_DAY, OVERLAY)
    ]


def _experiment(text: str) -> PlannedExperiment | str:
    """
    Return the experiment in a file, or why it is none, for a cell of a table.
    """
    try:
        return planned_experiment(loaded("it", text)) or "it is no experiment"
    except ArgumentError as error:
        return str(error).replace("|", "\\|")


def _planned_row(name: str, test: PlannedTest, text: str, is_kept: bool) -> Row:
    """
    Return the row of a planned test; that of an edited file shows what the file holds.
    """
    row = Row(
        name,
        ", ".join(test.groups),
        test.standby_circuit_id,
        str(test.survivors),
        str(test.takeover),
        f"{test.rehearsed:g} s",
        test.expected,
        "",
    )
    if not is_kept:
        return row
    experiment = _experiment(text)
    if isinstance(experiment, str):
        return row._replace(note=f"edited and kept; {experiment}")
    return row._replace(
        standby=experiment.standby_circuit_id,
        expected=experiment.expected,
        note="; ".join(["edited and kept", *_differences(test, experiment)]),
    )


def _differences(test: PlannedTest, experiment: PlannedExperiment) -> list[str]:
    differences = []
    if experiment.cut_circuits != (test.circuit_id,):
        differences.append(f"it cuts {as_code(experiment.cut_circuits)}")
    if experiment.standby_circuit_id != test.standby_circuit_id:
        differences.append(f"the standby is now {test.standby_circuit_id}")
    if experiment.expected != test.expected:
        differences.append(f"a rehearsal is now expected to be {test.expected}")
    return differences


def _foreign_row(plan: RegionPlan, name: str, text: str) -> Row:
    """
    Return the row of an experiment that is not of this plan.
    """
    experiment = _experiment(text)
    if isinstance(experiment, str):
        return Row(name, "", "", "", "", "", "", f"kept; {experiment}")
    refused = _refused(plan, experiment)
    note = f"it cuts {as_code(refused)}, not to be cut" if refused else "not of this plan"
    standby = experiment.standby_circuit_id
    return Row(name, "", standby, "", "", "", experiment.expected, f"kept; {note}")


def _game_day(plan: RegionPlan, files: Mapping[str, str], kept: set[str]) -> str:
    """
    Describe what the game day runs, in which order and how long; nothing where there is none.
    """
    name = str(plan.folder / GAME_DAY)
    if name not in files:
        return ""
    experiment = _experiment(files[name])
    if isinstance(experiment, str):
        return f"`{name}` was edited and kept; {experiment}."
    cut, planned = experiment.cut_circuits, tuple(test.circuit_id for test in plan.tests)
    longest = _in_minutes(len(cut) * _duration(experiment))
    order = "all of these, in this order" if cut == planned else as_code(cut)
    sentences = [f"`{name}` runs {order}; at most {longest} of cuts."]
    if name in kept:
        sentences.append("It was edited and is kept.")
    if refused := _refused(plan, experiment):
        sentences.append(f"**It still cuts {as_code(refused)}, not to be cut.**")
    if missing := [circuit_id for circuit_id in planned if circuit_id not in cut]:
        sentences.append(f"It leaves out {as_code(missing)}.")
    return " ".join(sentences)


def _refused(plan: RegionPlan, experiment: PlannedExperiment) -> list[str]:
    refused = {refusal.circuit_id for refusal in plan.refusals}
    return sorted(refused.intersection(experiment.cut_circuits))


def _duration(game_day: PlannedExperiment | str) -> float:
    minutes = None if isinstance(game_day, str) else game_day.duration_minutes
    return minutes or MINUTES


def _in_minutes(minutes: float) -> str:
    return counted(-int(-minutes // 1), "minute")
