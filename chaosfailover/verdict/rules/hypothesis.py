"""
What the readings of the hypothesis say.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from chaosfailover.verdict.job_history import job_histories
from chaosfailover.verdict.journal import (
    HYPOTHESES,
    brief,
    failover,
    hypotheses,
    mapping,
    mappings,
    met,
    name_of,
    probes,
)
from chaosfailover.verdict.rules import Finder, Reason, cut_short

__all__ = ["FINDERS"]

Document = Mapping[str, Any]


def _before(journal: Document) -> Iterator[Reason]:
    read = hypotheses(journal, "before")
    for hypothesis in read:
        if not met(hypothesis):
            yield Reason("unsteady", {"probes": _missed(hypothesis)})
    if not _was_cut(journal):
        return
    if not read and _has_hypothesis(journal):
        yield Reason("unread_before", {})
    if not _has_hypothesis(journal) and not _targets(journal):
        yield Reason("nothing", {})


def _during(journal: Document) -> Iterator[Reason]:
    read = [one for one in hypotheses(journal, "during") if _finished(one)]
    missed = [one for one in read if not met(one)]
    if missed:
        names = ", ".join(dict.fromkeys(_missed(one) for one in missed))
        values = {"count": str(len(missed)), "total": str(len(read)), "probes": brief(names)}
        yield Reason("deviated_during", values)


def _after(journal: Document) -> Iterator[Reason]:
    after = hypotheses(journal, "after")
    read = [one for one in after if _finished(one)]
    for hypothesis in read:
        if not met(hypothesis):
            yield Reason("deviated_after", {"probes": _missed(hypothesis)})
    seen = read or [one for one in hypotheses(journal, "during") if _finished(one)]
    unseen = len(read) < len(after) or not seen
    if unseen and not cut_short(journal) and _has_hypothesis(journal) and _was_cut(journal):
        yield Reason("unread_after", {})
    if read and all(met(one) for one in read):
        yield Reason("hypothesis_held", {})


def _missed(hypothesis: Document) -> str:
    """
    Name the probes that missed their tolerance, or were cut off.
    """
    names = [name_of(run) for run in probes(hypothesis) if run.get("tolerance_met") is not True]
    return brief(", ".join(names) or mapping(hypothesis).get("title") or "?")


def _finished(hypothesis: Document) -> bool:
    """
    Tell whether a reading came to a result; one that a signal cut off did not.
    """
    return isinstance(hypothesis.get("steady_state_met"), bool)


def _has_hypothesis(journal: Document) -> bool:
    written = mapping(mapping(journal.get("experiment")).get("steady-state-hypothesis"))
    read = any(hypotheses(journal, when) for when in HYPOTHESES)
    return read or bool(mappings(written.get("probes")))


def _targets(journal: Document) -> Document:
    return mapping(failover(journal).get("targets"))


def _was_cut(journal: Document) -> bool:
    return any(window.tested for window in job_histories(journal))


FINDERS: tuple[Finder, ...] = (_before, _during, _after)
