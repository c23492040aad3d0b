"""
The table of a region's tests: what each file says, and where that is not what was planned.
"""

from collections.abc import Mapping
from typing import Any

from chaosfailover.planning.choice import PlannedTest, RegionPlan
from chaosfailover.planning.experiments import expected, folder_of
from chaosfailover.planning.reading import cut_circuits, expected_verdict, setting
from chaosfailover.planning.standing import experiment_in, files_in, why_none
from chaosfailover.planning.wording import listed

__all__ = ["region_table"]

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
