"""
The READMEs of a plan: what is tested in which order, how long it takes, and what is refused.

They tell of the files as they stand, so one that somebody edited is shown as it was edited.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chaosfailover.plan.choice import PlannedTest, RegionPlan
from chaosfailover.plan.existing import (
    duration_of,
    experiment_in,
    files_in,
    folders_in,
    tests_in,
    why_none,
)
from chaosfailover.plan.experiments import expected, folder_of
from chaosfailover.plan.game_day import GAME_DAY
from chaosfailover.plan.reading import cut_circuits, expected_verdict, setting

__all__ = [
    "README",
    "counted",
    "in_minutes",
    "listed",
    "plan_readme",
    "region_readme",
    "region_table",
]

HEADINGS = ("#", "File", "Serves", "Standby", "Survivors", "Unnoticed for", "Expected", "Note")


def region_table(plan: RegionPlan, standing: Mapping[str, str], kept: set[str]) -> list[str]:
    """
    Return the lines of the table, none where nothing is tested; the planned come first, in order.

    `kept` are the files that the plan did not write.
    """
    folder = folder_of(plan)
    own = [str(folder / f"{test.circuit_id}.yaml") for test in plan.tests]
    others = [name for name in files_in(standing, str(folder)) if name not in own]
    rows = [_planned_row(plan, test, standing, kept) for test in plan.tests]
    rows += [_foreign_row(plan, name, standing[name]) for name in others]
    if not rows:
        return []
    numbered = [(str(number), *cells) for number, cells in enumerate(rows, start=1)]
    lines = [f"| {' | '.join(cells)} |" for cells in (HEADINGS, *numbered)]
    return [lines[0], "|" + " --- |" * len(HEADINGS), *lines[1:]]


def _planned_row(
    plan: RegionPlan, test: PlannedTest, standing: Mapping[str, str], kept: set[str]
) -> tuple[str, ...]:
    """
    Return the cells of a planned test: what its file says, and where that is not what was planned.
    """
    name = str(folder_of(plan) / f"{test.circuit_id}.yaml")
    document = experiment_in(name, standing[name]) if name in kept else None
    standby = str(setting(document, "standby_circuit_id")) if document else test.standby_circuit_id
    return (
        f"`{name}`",
        ", ".join(test.groups),
        standby,
        str(test.survivors),
        f"{test.detection:g} s",
        expected_verdict(document) if document else expected(test),
        _note(test, document, standby, standing[name]) if name in kept else "",
    )


def _note(test: PlannedTest, document: Mapping[str, Any] | None, standby: str, text: str) -> str:
    if document is None:
        return f"edited and kept; {why_none(text)}"
    wrong = []
    if cut_circuits(document) != [test.circuit_id]:
        wrong.append(f"it cuts {listed(cut_circuits(document))}")
    if standby != test.standby_circuit_id:
        wrong.append(f"the standby is now {test.standby_circuit_id}")
    if expected_verdict(document) != expected(test):
        wrong.append(f"a rehearsal should now come to {expected(test)}")
    return "; ".join(["edited and kept", *wrong])


def _foreign_row(plan: RegionPlan, name: str, text: str) -> tuple[str, ...]:
    """
    Return the cells of an experiment that is not of this plan.
    """
    document = experiment_in(name, text)
    if document is None:
        return (f"`{name}`", "", "", "", "", "", f"kept; {why_none(text)}")
    refused = {refusal.circuit_id for refusal in plan.refusals} & {*cut_circuits(document)}
    note = f"it cuts {listed(sorted(refused))}, not to be cut" if refused else "not of this plan"
    expectation = expected_verdict(document)
    standby = str(setting(document, "standby_circuit_id") or "")
    return (f"`{name}`", "", standby, "", "", expectation, f"kept; {note}")


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def in_minutes(minutes: float) -> str:
    return counted(-int(-minutes // 1), "minute")


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"


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


def plan_readme(standing: Mapping[str, str], errors: Mapping[str, str], *, read: bool) -> str:
    """
    Write the README of the whole plan from the files of all regions, by their paths.

    `errors` are the places that could not be read and why; `read` tells whether any could.
    """
    regions = {folder: tests_in(standing, folder) for folder in folders_in(standing)}
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
    count = f"{len(plan.tests)} of {counted(len(plan.snapshot.circuits), 'circuit')}"
    parts = [f"# {folder}\n\n{count} can be tested.\n"]
    if lines := region_table(plan, standing, kept):
        parts.append("\n".join([*lines, ""]))
    if game_day := standing.get(str(folder / GAME_DAY)):
        parts.append(_game_day(plan, game_day, edited=str(folder / GAME_DAY) in kept))
    warned: dict[str, list[str]] = {}
    for test in plan.tests:
        for warning in test.warnings:
            warned.setdefault(warning, []).append(f"`{test.circuit_id}`")
    if warned:
        lines = [f"- {', '.join(of)}: {warning}" for warning, of in sorted(warned.items())]
        parts.append("\n".join([*lines, ""]))
    if plan.refusals:
        refused = [f"- `{each.circuit_id}`: {'; '.join(each.reasons)}" for each in plan.refusals]
        parts.append("\n".join(["## Not to be cut", "", *refused, ""]))
    return "\n".join(parts)


def _introduction(standing: Mapping[str, str], planned: Mapping[str, list[str]]) -> str:
    tests = sum(len(names) for names in planned.values())
    text = INTRODUCTION.format(
        tests=counted(tests, "circuit"),
        regions=counted(len(planned), "region"),
        are="is" if tests == 1 else "are",
        example=next(iter(planned.values()))[0],
    )
    rows = []
    for folder, names in planned.items():
        once = in_minutes(len(names) * RUN / 60)
        longest = in_minutes(len(names) * duration_of(standing.get(f"{folder}/{GAME_DAY}")))
        link = f"[{folder}]({folder}/{README})"
        rows.append(f"| {link} | {len(names)} | {once} + {once} | {longest} |\n")
    return text + "".join(rows)


def _game_day(plan: RegionPlan, text: str, *, edited: bool) -> str:
    """
    Tell what the game day runs, in which order and how long, as it stands.
    """
    name = str(folder_of(plan) / GAME_DAY)
    document = experiment_in(name, text)
    if document is None:
        return f"`{name}` was edited and kept; {why_none(text)}.\n"
    cut, planned = cut_circuits(document), [test.circuit_id for test in plan.tests]
    longest = in_minutes(len(cut) * duration_of(text))
    order = "all of these, in this order" if cut == planned else listed(cut)
    said = [f"`{name}` runs {order}; at most {longest} of cuts."]
    if edited:
        said.append("It was edited and is kept.")
    if refused := {refusal.circuit_id for refusal in plan.refusals} & {*cut}:
        said.append(f"**It still cuts {listed(sorted(refused))}, not to be cut.**")
    if missing := [circuit_id for circuit_id in planned if circuit_id not in cut]:
        said.append(f"It leaves out {listed(missing)}.")
    return " ".join(said) + "\n"
