"""
The criteria of `--fail-on`, which make an inspection fail.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf

from chaosfailover.errors import ArgumentError
from chaosfailover.inspection.circuits import CircuitRow

__all__ = ["Criterion", "criterion", "violations"]

UNUSED = "not in use"
UNITS = {"h": 1 / 24, "d": 1.0, "w": 7.0}


@dataclass(frozen=True)
class Criterion:
    """
    A criterion: its text on the command line, and the test of a row.
    """

    text: str
    meets: Callable[[CircuitRow], bool]


def criterion(text: str) -> Criterion:
    """
    Read `no-survivor`, `same-access-point` or `stale=90d`; raises ArgumentError for others.

    `no-survivor` matches every row without a proven survivor, be it a circuit or a VPN. `stale`
    also matches a circuit that was never tested, or at an unknown time; ages are in hours, days or
    weeks. A circuit that is not in use matches no criterion.
    """
    if text in MEETS:
        return Criterion(text, MEETS[text])
    if age := re.fullmatch(r"stale=(\d+(?:\.\d+)?)([hdw])", text):
        days = float(age[1]) * UNITS[age[2]]
        return Criterion(text, lambda row: _age(row) > days)
    expected = ", ".join([*MEETS, "stale=90d"])
    raise ArgumentError(f"unknown criterion {text!r}, expected {expected}")


def violations(criteria: Iterable[Criterion], rows: Iterable[CircuitRow]) -> list[str]:
    """
    Return a sentence for each criterion and circuit that meets it, in the order of the criteria.
    """
    all_rows = list(rows)
    return list(
        dict.fromkeys(
            f"{each.text}: {row.region_id} {row.circuit_id} ({row.group}): {_reason(each, row)}"
            for each in criteria
            for row in all_rows
            if row.finding != UNUSED and each.meets(row)
        )
    )


def _age(row: CircuitRow) -> float:
    days = row.last_test.age_days if row.last_test else None
    return inf if days is None else days


def _reason(each: Criterion, row: CircuitRow) -> str:
    if not each.text.startswith("stale"):
        return row.finding
    days = row.last_test.age_days if row.last_test else None
    return "no test on record" if days is None else f"tested {days:g} days ago"


MEETS: dict[str, Callable[[CircuitRow], bool]] = {
    "no-survivor": lambda row: row.survivors == 0 and row.finding != "vpn only",
    "same-access-point": lambda row: row.finding == "same access point",
}
