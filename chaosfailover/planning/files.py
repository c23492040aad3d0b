"""
The files of a plan: their contents, and which of them may be written over.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Literal

import yaml

from chaosfailover.planning.choice import RegionPlan
from chaosfailover.planning.experiments import TOPOLOGY, circuit_experiment, folder_of
from chaosfailover.planning.game_day import GAME_DAY, game_day
from chaosfailover.planning.mirror import mirror
from chaosfailover.planning.readme import README, readme

__all__ = ["Fate", "fate", "is_edited", "plan_files", "sealed"]

SEAL = "Written by `chaos failover plan`; it writes this file again unless you edit it. sha256:"
FOUND = re.compile(rf"{re.escape(SEAL)}([0-9a-f]{{64}})")

Fate = Literal["new", "unchanged", "updated", "kept"]


def plan_files(
    template: str,
    plans: Sequence[RegionPlan],
    errors: Mapping[str, str],
    targets: Mapping[str, str],
) -> dict[str, str]:
    """
    Return the files of a plan by their paths, each sealed; nothing is planned for what is refused.
    """
    found = {README: readme(plans, errors)}
    for plan in plans:
        if plan.tests:
            folder = folder_of(plan)
            found |= {
                str(folder / f"{test.circuit_id}.yaml"): circuit_experiment(
                    template, plan, test, targets
                )
                for test in plan.tests
            }
            found[str(folder / GAME_DAY)] = game_day(template, plan, targets)
            found[str(folder / TOPOLOGY)] = _dumped(mirror(plan))
    return {name: sealed(name, text) for name, text in found.items()}


def sealed(name: str, text: str) -> str:
    """
    Put the checksum of a text on its first line, as a comment.
    """
    said = f"{SEAL}{hashlib.sha256(text.encode()).hexdigest()}"
    comment = f"<!-- {said} -->" if name.endswith(".md") else f"# {said}"
    return f"{comment}\n{text}"


def is_edited(existing: str) -> bool:
    """
    Tell whether a file is no longer what was planned, or never was: somebody wrote it.
    """
    first, _, rest = existing.partition("\n")
    seal = FOUND.search(first)
    return seal is None or hashlib.sha256(rest.encode()).hexdigest() != seal[1]


def fate(existing: str | None, planned: str) -> Fate:
    """
    Return what becomes of a file: what somebody edited is kept, whatever the plan would write.
    """
    if existing is None:
        return "new"
    if existing == planned:
        return "unchanged"
    return "kept" if is_edited(existing) else "updated"


def _dumped(topology: Mapping[str, object]) -> str:
    return yaml.safe_dump(topology, sort_keys=False, allow_unicode=True, width=100)
