"""
The files of a plan: their contents, and which of them may be written over.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

import yaml

from chaosfailover.errors import ArgumentError
from chaosfailover.plan.choice import RegionPlan
from chaosfailover.plan.experiments import (
    TARGETS,
    TOPOLOGY,
    circuit_experiment,
    folder_of,
    targets_file,
)
from chaosfailover.plan.game_day import GAME_DAY, game_day
from chaosfailover.plan.portals import portals, ports_for, ports_in, targets_in
from chaosfailover.plan.reading import loaded
from chaosfailover.plan.readme import README, plan_readme, region_readme
from chaosfailover.plan.rehearsal_topology import mirror

__all__ = ["Change", "changes", "fate", "is_edited", "is_planned", "plan_files", "sealed"]

SEAL = "Written by `chaos failover plan`; it writes this file again unless you edit it. sha256:"
FOUND = re.compile(rf"{re.escape(SEAL)}([0-9a-f]{{64}})")
OVERLAY = "kustomization.yaml"
"""What people put beside a region's files to run them in Kubernetes; no plan has a say in it."""

Fate = Literal["new", "unchanged", "updated", "kept", "foreign", "removed"]


@dataclass(frozen=True)
class Change:
    """
    What becomes of one file; `text` is what the plan would write, empty for what it would not.
    """

    name: str
    fate: Fate
    text: str = ""


def plan_files(
    template: str,
    plans: Sequence[RegionPlan],
    errors: Mapping[str, str],
    targets: Mapping[str, str],
    standing: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """
    Return the files of a plan by their paths, each sealed; nothing is planned for what is refused.

    `standing` are the texts of the files that are there already: ports and targets stay, and the
    READMEs tell what will stand in the end. Raises ArgumentError for a file that would be no YAML.
    """
    before = standing or {}
    found: dict[str, str] = {}
    for plan in plans:
        found |= _sealed(_region(template, plan, targets, before))
    found |= _sealed(_region_readmes(plans, before, found))
    after = _after(before, changes(before, found, plans))
    return found | _sealed({README: plan_readme(after, errors, read=bool(plans))})


def changes(
    standing: Mapping[str, str], planned: Mapping[str, str], plans: Iterable[RegionPlan]
) -> list[Change]:
    """
    Return what becomes of every file of the regions that were planned, the README of all last.
    """
    folders = {str(folder_of(plan)) for plan in plans}
    found = [
        Change(name, fate(standing.get(name), text), text)
        for name, text in sorted(planned.items(), key=lambda each: (each[0] == README, each[0]))
    ]
    left = [
        Change(name, "foreign" if is_edited(text) else "removed")
        for name, text in sorted(standing.items())
        if name not in planned and _belongs(name, folders)
    ]
    return [*left, *found]


def sealed(name: str, text: str) -> str:
    """
    Put the checksum of a text on its first line, as a comment.
    """
    said = f"{SEAL}{hashlib.sha256(text.encode()).hexdigest()}"
    comment = f"<!-- {said} -->" if name.endswith(".md") else f"# {said}"
    return f"{comment}\n{text}"


def is_planned(existing: str) -> bool:
    """
    Tell whether a file was written by a plan, edited or not.
    """
    return FOUND.search(existing.partition("\n")[0]) is not None


def is_edited(existing: str) -> bool:
    """
    Tell whether a file is no longer what was planned, or never was: somebody wrote it.

    One that is empty holds nothing to keep.
    """
    first, _, rest = existing.partition("\n")
    seal = FOUND.search(first)
    return bool(existing.strip()) and (
        seal is None or hashlib.sha256(rest.encode()).hexdigest() != seal[1]
    )


def fate(existing: str | None, planned: str) -> Fate:
    """
    Return what becomes of a file: what somebody edited is kept, whatever the plan would write.
    """
    if existing is None:
        return "new"
    if existing == planned:
        return "unchanged"
    return "kept" if is_edited(existing) else "updated"


def _region(
    template: str, plan: RegionPlan, targets: Mapping[str, str], standing: Mapping[str, str]
) -> dict[str, str]:
    """
    Return the files of one region but its README; none where nothing can be tested.
    """
    if not plan.tests:
        return {}
    folder = folder_of(plan)
    ports = ports_for(plan, _ports(standing.get(str(folder / TOPOLOGY))))
    known = portals(plan, targets, ports, targets_in(standing.get(str(folder / TARGETS), "")))
    found = {
        str(folder / f"{test.circuit_id}.yaml"): circuit_experiment(
            template, plan, test, known[test.circuit_id]
        )
        for test in plan.tests
    }
    found[str(folder / GAME_DAY)] = game_day(template, plan, known)
    found[str(folder / TOPOLOGY)] = yaml.safe_dump(
        mirror(plan, ports), sort_keys=False, allow_unicode=True, width=100
    )
    for name, text in found.items():
        loaded(name, text)
    return {**found, str(folder / TARGETS): targets_file(known.values())}


def _ports(topology: str | None) -> dict[str, int]:
    try:
        return ports_in(loaded(TOPOLOGY, topology or ""))
    except ArgumentError:
        return {}


def _sealed(files: Mapping[str, str]) -> dict[str, str]:
    return {name: sealed(name, text) for name, text in files.items()}


def _belongs(name: str, folders: set[str]) -> bool:
    path = PurePosixPath(name)
    return str(path.parent) in folders and path.name != OVERLAY


def _region_readmes(
    plans: Iterable[RegionPlan], standing: Mapping[str, str], planned: Mapping[str, str]
) -> dict[str, str]:
    plans = [plan for plan in plans if plan.snapshot.circuits]
    made = changes(standing, planned, plans)
    after = _after(standing, made)
    kept = {each.name for each in made if each.fate in ("kept", "foreign")}
    return {str(folder_of(plan) / README): region_readme(plan, after, kept) for plan in plans}


def _after(standing: Mapping[str, str], made: Iterable[Change]) -> dict[str, str]:
    """
    Return the texts that will stand once the changes are made.
    """
    after = dict(standing)
    for each in made:
        if each.fate == "removed":
            del after[each.name]
        elif each.fate in ("new", "unchanged", "updated"):
            after[each.name] = each.text
    return after
