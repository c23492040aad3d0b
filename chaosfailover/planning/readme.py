"""
The READMEs of a plan: what is tested in which order, how long it takes, and what is refused.

They tell of the files as they stand, so one that somebody edited is shown as it was edited.
"""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from chaosfailover.errors import ArgumentError
from chaosfailover.journals import mapping, number
from chaosfailover.planning.choice import PlannedTest, RegionPlan
from chaosfailover.planning.experiments import TOPOLOGY, expected, folder_of
from chaosfailover.planning.game_day import GAME_DAY, MINUTES
from chaosfailover.planning.reading import (
    cut_circuits,
    expected_verdict,
    is_experiment,
    loaded,
    setting,
)

__all__ = ["README", "plan_readme", "region_readme"]

README = "README.md"

RUN = 15
"""About how many seconds a rehearsal of one test takes."""

INTRODUCTION = """\
# Failover plan

{tests} in {regions} {are} tested. Every file is a rehearsal on the embedded emulator as it is, with
the shape of the account; a live run says in its first lines how it is asked for. Run them from this
folder:

```sh
chaos run {example}
chaos failover rehearse-all .
```

One test runs in a region at a time, and regions may be tested at the same time. There is a file for
each test and a game day for each region that runs them all: `rehearse-all` runs both, so each test
twice, several regions at a time. A live run is the one or the other.

| Region | Tests | Rehearsals, of files and of the game day | Live, one or the other, cuts at most |
| --- | --- | --- | --- |
"""

NOTHING = """\
# Failover plan

Nothing is planned: {why}.
"""

HEADINGS = ("#", "File", "Serves", "Standby", "Survivors", "Unnoticed for", "Expected", "Note")


def plan_readme(standing: Mapping[str, str], errors: Mapping[str, str], *, read: bool) -> str:
    """
    Write the README of the whole plan from the files of all regions, by their paths.

    `errors` are the places that could not be read and why; `read` tells whether any could.
    """
    regions = {folder: _tests_in(standing, folder) for folder in _folders(standing)}
    planned = {folder: names for folder, names in regions.items() if names}
    why = "no circuit has a proven survivor" if read else "no region could be read"
    parts = [_introduction(standing, planned) if planned else NOTHING.format(why=why)]
    if untested := [folder for folder in regions if folder not in planned]:
        lines = [f"- [{folder}]({folder}/{README})" for folder in untested]
        parts.append("\n".join(["## Where nothing can be tested", "", *lines, ""]))
    if errors:
        said = "What stands here of these regions is from an earlier plan."
        lines = [f"- {place}: {error}" for place, error in sorted(errors.items())]
        parts.append("\n".join(["## Not read", "", said, "", *lines, ""]))
    return "\n".join(parts)


def region_readme(plan: RegionPlan, standing: Mapping[str, str], kept: set[str]) -> str:
    """
    Write the README of one region; `kept` are the files that the plan did not write.
    """
    folder = folder_of(plan)
    count = f"{len(plan.tests)} of {_counted(len(plan.snapshot.circuits), 'circuit')}"
    parts = [f"# {folder}\n\n{count} can be tested.\n"]
    own = [str(folder / f"{test.circuit_id}.yaml") for test in plan.tests]
    others = [name for name in _tests_in(standing, str(folder)) if name not in own]
    rows = [_row(plan, test, standing, kept) for test in plan.tests]
    rows += [_foreign_row(plan, name, standing[name]) for name in others]
    if rows:
        parts.append("\n".join([*_table(HEADINGS, _numbered(rows)), ""]))
    if game_day := standing.get(str(folder / GAME_DAY)):
        parts.append(_game_day(plan, game_day, edited=str(folder / GAME_DAY) in kept))
    warnings = sorted({warning for test in plan.tests for warning in test.warnings})
    if warnings:
        parts.append("\n".join([*(f"- {warning}" for warning in warnings), ""]))
    if plan.refusals:
        refused = [f"- `{each.circuit_id}`: {'; '.join(each.reasons)}" for each in plan.refusals]
        parts.append("\n".join(["## Not to be cut", "", *refused, ""]))
    return "\n".join(parts)


def _introduction(standing: Mapping[str, str], planned: Mapping[str, list[str]]) -> str:
    tests = sum(len(names) for names in planned.values())
    text = INTRODUCTION.format(
        tests=_counted(tests, "circuit"),
        regions=_counted(len(planned), "region"),
        are="is" if tests == 1 else "are",
        example=next(iter(planned.values()))[0],
    )
    rows = []
    for folder, names in planned.items():
        once = _minutes(len(names) * RUN / 60)
        longest = _minutes(len(names) * _duration(standing.get(f"{folder}/{GAME_DAY}")))
        link = f"[{folder}]({folder}/{README})"
        rows.append(f"| {link} | {len(names)} | {once} + {once} | {longest} |\n")
    return text + "".join(rows)


def _row(
    plan: RegionPlan, test: PlannedTest, standing: Mapping[str, str], kept: set[str]
) -> tuple[str, ...]:
    """
    Return the cells of a planned test: what its file says, and where that is not what was planned.
    """
    name = str(folder_of(plan) / f"{test.circuit_id}.yaml")
    document = _document(name, standing[name]) if name in kept else None
    standby = str(setting(document, "standby_circuit_id")) if document else test.standby_circuit_id
    return (
        f"`{name}`",
        ", ".join(test.groups),
        standby,
        str(test.survivors),
        f"{test.detection:g} s",
        expected_verdict(document) if document else expected(test),
        _note(test, document, standby) if name in kept else "",
    )


def _note(test: PlannedTest, document: Mapping[str, Any] | None, standby: str) -> str:
    if document is None:
        return "edited and kept; it is no experiment"
    wrong = []
    if cut_circuits(document) != [test.circuit_id]:
        wrong.append(f"it cuts {_listed(cut_circuits(document))}")
    if standby != test.standby_circuit_id:
        wrong.append(f"the standby is now {test.standby_circuit_id}")
    if expected_verdict(document) != expected(test):
        wrong.append(f"a rehearsal should now come to {expected(test)}")
    return "; ".join(["edited and kept", *wrong])


def _foreign_row(plan: RegionPlan, name: str, text: str) -> tuple[str, ...]:
    """
    Return the cells of an experiment that is not of this plan.
    """
    document = _document(name, text)
    if document is None:
        return (f"`{name}`", "", "", "", "", "", "kept; it is no experiment")
    refused = {refusal.circuit_id for refusal in plan.refusals} & {*cut_circuits(document)}
    note = f"it cuts {_listed(sorted(refused))}, not to be cut" if refused else "not of this plan"
    expectation = expected_verdict(document)
    standby = str(setting(document, "standby_circuit_id") or "")
    return (f"`{name}`", "", standby, "", "", expectation, f"kept; {note}")


def _game_day(plan: RegionPlan, text: str, *, edited: bool) -> str:
    """
    Tell what the game day runs, in which order and how long, as it stands.
    """
    name = str(folder_of(plan) / GAME_DAY)
    document = _document(name, text)
    if document is None:
        return f"`{name}` was edited and kept; it is no experiment.\n"
    cut, planned = cut_circuits(document), [test.circuit_id for test in plan.tests]
    longest = _minutes(len(cut) * _duration(text))
    order = "all of these, in this order" if cut == planned else _listed(cut)
    said = [f"`{name}` runs {order}; at most {longest} of cuts."]
    if edited:
        said.append("It was edited and is kept.")
    if refused := {refusal.circuit_id for refusal in plan.refusals} & {*cut}:
        said.append(f"**It still cuts {_listed(sorted(refused))}, not to be cut.**")
    if missing := [circuit_id for circuit_id in planned if circuit_id not in cut]:
        said.append(f"It leaves out {_listed(missing)}.")
    return " ".join(said) + "\n"


def _folders(standing: Mapping[str, str]) -> list[str]:
    parents = {PurePosixPath(name).parent for name in standing}
    return sorted(str(parent) for parent in parents if parent.parts)


def _tests_in(standing: Mapping[str, str], folder: str) -> list[str]:
    """
    Return the files of a folder that test one circuit, the planned order being that of the table.
    """
    return [
        name
        for name in sorted(standing)
        if str(PurePosixPath(name).parent) == folder
        and name.endswith(".yaml")
        and PurePosixPath(name).name not in (TOPOLOGY, GAME_DAY, "kustomization.yaml")
    ]


def _document(name: str, text: str) -> Mapping[str, Any] | None:
    try:
        document = loaded(name, text)
    except ArgumentError:
        return None
    return mapping(document) if is_experiment(document) else None


def _duration(game_day: str | None) -> float:
    """
    Return how many minutes a test of a game day may last.
    """
    document = _document(GAME_DAY, game_day or "") or {}
    return number(setting(document, "duration_minutes")) or MINUTES


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    lines = [f"| {' | '.join(cells)} |" for cells in (headings, *rows)]
    return [lines[0], "|" + " --- |" * len(HEADINGS), *lines[1:]]


def _numbered(rows: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [(str(number), *cells) for number, cells in enumerate(rows, start=1)]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"


def _minutes(minutes: float) -> str:
    return _counted(-int(-minutes // 1), "minute")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
