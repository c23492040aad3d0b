"""
What the rehearsal of one experiment came to, against what the plan foresaw.
"""

from collections.abc import Mapping
from typing import Any

from chaosfailover.verdict.journal import brief
from chaosfailover.verdict.verdict import examine

__all__ = ["surprise", "verdict_of"]

LATE = ("rto", "rto_again", "rto_open", "unrecovered")
"""The reasons that say of a test that its promise was broken."""

HYPOTHESIS = ("deviated_after", "deviated_during")
"""The reasons that a broken promise brings along, as the hypothesis holds it too."""


def verdict_of(exit_code: int, journal: Mapping[str, Any]) -> str:
    """
    Return what a run came to: the verdict in its journal, else what the toolkit itself says.
    """
    verdict = (journal.get("failover") or {}).get("verdict") or {}
    if isinstance(verdict, Mapping) and verdict.get("verdict"):
        return str(verdict["verdict"])
    if journal.get("deviated") is True:
        return "deviated"
    if journal.get("status") == "interrupted":
        return "aborted"
    return "held" if exit_code == 0 and _all_succeeded(journal) else "inconclusive"


def surprise(late: frozenset[str] | None, journal: Mapping[str, Any]) -> str:
    """
    Return what else a run came to that was expected to deviate; nothing if it is as foreseen.

    `late` are the tests that are expected to break their promise, and nothing else is to speak
    against the network; None where the plan does not say which.
    """
    if late is None:
        return ""
    reasons = examine(journal)
    found = {reason.values["test"] for reason in reasons if reason.key in LATE}
    others = {reason.key for reason in reasons} - {*LATE, *HYPOTHESIS}
    foreseen = {brief(test) for test in late}
    told = {
        "not in time": sorted(found - foreseen),
        "in time": sorted(foreseen - found),
        "also": sorted(others),
    }
    return "; ".join(f"{what}: {', '.join(names)}" for what, names in told.items() if names)


def _all_succeeded(journal: Mapping[str, Any]) -> bool:
    ran = [*(journal.get("run") or ()), *(journal.get("rollbacks") or ())]
    return bool(ran) and all(run.get("status") == "succeeded" for run in ran)
