"""
The README of a plan: what is tested in which order, how long it takes, and what is refused.
"""

from collections.abc import Mapping, Sequence

from chaosfailover.planning.choice import PlannedTest, RegionPlan
from chaosfailover.planning.experiments import expected, folder_of
from chaosfailover.planning.game_day import GAME_DAY, MINUTES

__all__ = ["README", "readme"]

README = "README.md"

RUN = 15
"""About how many seconds a rehearsal of one test takes."""

INTRODUCTION = """\
# Failover plan

{tests} of {circuits} circuits in {regions} are tested. Every file is a rehearsal on the embedded
emulator as it is, with the shape of the account; a live run says in its first lines how it is asked
for. Run them from this folder:

```sh
chaos run {example}
chaos failover rehearse-all .
```

One test runs in a region at a time, and regions may be tested at the same time. Expected: about
{rehearsal} as rehearsals one after another; live, no circuit is down for longer than {minutes}
minutes, and all regions at once are over within {live} minutes of cuts.
"""

EMPTY = """\
# Failover plan

No circuit can be tested: none has a proven survivor.
"""


def readme(plans: Sequence[RegionPlan], errors: Mapping[str, str]) -> str:
    """
    Write the README; `errors` are the places that could not be read, and why.
    """
    planned = [plan for plan in plans if plan.tests]
    parts = [_introduction(plans, planned) if planned else EMPTY]
    parts += [_region(plan) for plan in planned]
    if refused := [line for plan in plans for line in _refusals(plan)]:
        parts.append("\n".join(["## Not to be cut", "", *refused, ""]))
    if errors:
        lines = [f"- {place}: {error}" for place, error in errors.items()]
        parts.append("\n".join(["## Not read", "", *lines, ""]))
    return "\n".join(parts)


def _introduction(plans: Sequence[RegionPlan], planned: Sequence[RegionPlan]) -> str:
    tests = sum(len(plan.tests) for plan in planned)
    first = planned[0]
    return INTRODUCTION.format(
        tests=tests,
        circuits=sum(len(plan.snapshot.circuits) for plan in plans),
        regions=_counted(len([plan for plan in plans if plan.snapshot.circuits]), "region"),
        example=folder_of(first) / f"{first.tests[0].circuit_id}.yaml",
        rehearsal=_counted(-(-tests * RUN // 60), "minute"),
        minutes=MINUTES,
        live=max(len(plan.tests) for plan in planned) * MINUTES,
    )


def _region(plan: RegionPlan) -> str:
    folder = folder_of(plan)
    longest = _counted(len(plan.tests) * MINUTES, "minute")
    return "\n".join(
        [
            f"## {folder}",
            "",
            f"`{folder / GAME_DAY}` runs all of these, in this order; at most {longest} of cuts.",
            "",
            "| # | File | Serves | Standby | Survivors | Unnoticed for | Expected |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *(_row(plan, test) for test in plan.tests),
            "",
            *(f"- {warning}" for warning in _warnings(plan)),
            *([""] if _warnings(plan) else []),
        ]
    )


def _row(plan: RegionPlan, test: PlannedTest) -> str:
    cells = (
        str(plan.tests.index(test) + 1),
        f"`{folder_of(plan) / test.circuit_id}.yaml`",
        ", ".join(test.groups),
        test.standby_circuit_id,
        str(test.survivors),
        f"{test.detection:g} s",
        expected(test),
    )
    return f"| {' | '.join(cells)} |"


def _warnings(plan: RegionPlan) -> list[str]:
    return sorted({warning for test in plan.tests for warning in test.warnings})


def _refusals(plan: RegionPlan) -> list[str]:
    return [
        f"- `{refusal.circuit_id}` in {folder_of(plan)}: {'; '.join(refusal.reasons)}"
        for refusal in plan.refusals
    ]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
