"""
What should have left a trace in the journal and did not, or contradicts the rest.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from chaosfailover.verdict.job_history import job_histories
from chaosfailover.verdict.journal import (
    brief,
    events,
    failover,
    mapping,
    mappings,
    name_of,
    status_of,
)
from chaosfailover.verdict.rules import Finder, Reason, cut_short

__all__ = ["FINDERS", "contradictions"]

Document = Mapping[str, Any]


def _ends(journal: Document) -> Iterator[Reason]:
    """
    Find activities of which nobody knows how they ended; of an interrupted run that is no wonder.
    """
    for key in ("run", "rollbacks"):
        for run in mappings(journal.get(key)):
            if status_of(run) not in ("succeeded", "failed") and not cut_short(journal):
                said = brief(status_of(run) or "?")
                yield Reason("unended", {"name": brief(name_of(run)), "status": said})


def _omissions(journal: Document) -> Iterator[Reason]:
    """
    Find what a run that cut to its end must have left: every activity, the control's own notes.
    """
    if cut_short(journal) or not any(window.tested for window in job_histories(journal)):
        return
    experiment, found = mapping(journal.get("experiment")), failover(journal)
    planned = {"run": experiment.get("method"), "rollbacks": _certain_rollbacks(experiment)}
    for key, activities in planned.items():
        ran, total = len(mappings(journal.get(key))), len(mappings(activities))
        if ran < total:
            yield Reason(f"missing_{key}", {"ran": str(ran), "total": str(total)})
    if found and not mappings(found.get("preflight")):
        yield Reason("missing_preflight", {})
    if found and not events(journal):
        yield Reason("missing_events", {})


def _certain_rollbacks(experiment: Document) -> Any:
    """
    Return the rollbacks, if they are played whatever happens.
    """
    strategy = mapping(mapping(experiment.get("runtime")).get("rollbacks")).get("strategy")
    return experiment.get("rollbacks") if strategy == "always" else None


def contradictions(journal: Mapping[str, Any]) -> Iterator[Reason]:
    """
    Find what the toolkit itself says against a run that nothing else speaks against.
    """
    if journal.get("deviated") not in (None, False):
        yield Reason("toolkit_deviated", {})
    if journal.get("status") != "completed":
        yield Reason("toolkit_status", {"status": brief(journal.get("status") or "?")})


FINDERS: tuple[Finder, ...] = (_ends, _omissions)
