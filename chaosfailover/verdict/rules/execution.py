"""
How the run went: aborted, dry, refused, interrupted, or with activities that failed.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from chaosfailover.verdict.effect import had_effect
from chaosfailover.verdict.job_history import RUNNING, job_histories
from chaosfailover.verdict.journal import (
    activities,
    brief,
    error_of,
    events,
    failover,
    mapping,
    mappings,
    name_of,
    status_of,
    text,
)
from chaosfailover.verdict.rules import Finder, Reason, cut_short

__all__ = ["FINDERS"]

Document = Mapping[str, Any]

CUTTING = ("create_failover_test", "start_failover_test")


def _aborted(journal: Document) -> Iterator[Reason]:
    interruption = mapping(journal.get("interruption"))
    said = [event.get("reason") for event in events(journal, "abort")]
    if not said and interruption.get("kind") == "abort":
        said = [interruption.get("reason")]
    for reason in dict.fromkeys(map(_clause, said)):
        yield Reason("aborted", {"reason": reason})


def _safeguard(journal: Document) -> Iterator[Reason]:
    if name := mapping(journal.get("safeguards")).get("triggered_by"):
        yield Reason("safeguard", {"name": brief(name)})


def _dry(journal: Document) -> Iterator[Reason]:
    dry = failover(journal).get("dry") or mapping(journal.get("experiment")).get("dry")
    if dry:
        yield Reason("dry", {"dry": brief(dry)})


def _preflight(journal: Document) -> Iterator[Reason]:
    for check in mappings(failover(journal).get("preflight")):
        if check.get("passed") is not True:
            values = {"name": brief(check.get("name")), "detail": _clause(check.get("detail"))}
            yield Reason("preflight", values)


def _refused(journal: Document) -> Iterator[Reason]:
    """
    Find what kept the control from beginning; of a preflight that is told check by check.
    """
    checks = mappings(failover(journal).get("preflight"))
    if all(check.get("passed") is True for check in checks):
        for event in events(journal, "refused"):
            yield Reason("refused", {"reason": brief(event.get("reason"), 600).rstrip(". ")})


def _interrupted(journal: Document) -> Iterator[Reason]:
    interruption = mapping(journal.get("interruption"))
    safeguarded = mapping(journal.get("safeguards")).get("triggered_by")
    if interruption.get("kind") == "abort" or (safeguarded and not interruption):
        return
    if not interruption and events(journal, "refused"):
        return
    if interruption.get("kind") == "signal":
        yield Reason("signal", {"name": brief(interruption.get("name"))})
    elif cut_short(journal):
        yield Reason("interrupted", {})


def _activities(journal: Document) -> Iterator[Reason]:
    """
    Find what failed in the method. What was cut off has no status: the interruption says so.
    """
    for run in mappings(journal.get("run")):
        activity = mapping(run.get("activity"))
        if status_of(run) == "failed":
            func = mapping(activity.get("provider")).get("func")
            key = "probe" if activity.get("type") == "probe" else "action"
            yield _failed("cut_failed" if func in CUTTING else key, run)


def _rollbacks(journal: Document) -> Iterator[Reason]:
    if events(journal, "refused"):
        return  # there was nothing to roll back, and mostly nothing to do it with
    for run in mappings(journal.get("rollbacks")):
        if status_of(run) == "failed":
            yield _failed("rollback", run)


def _tolerances(journal: Document) -> Iterator[Reason]:
    """
    Find what the probes outside the hypothesis say, whose tolerances the control has evaluated.
    """
    for run in activities(journal):
        activity, found = mapping(run.get("activity")), run.get("tolerance_met")
        if activity.get("type") != "probe" or activity.get("tolerance") is None:
            continue
        if found is False:
            yield Reason("intolerable", {"name": brief(name_of(run))})
        elif status_of(run) == "succeeded" and found is not True:
            error = _clause(run.get("tolerance_error") or "nobody did")
            yield Reason("unjudged", {"name": brief(name_of(run)), "error": error})


def _cuts(journal: Document) -> Iterator[Reason]:
    """
    Find whether anything was cut, and whether each cut shows.
    """
    tested = [window for window in job_histories(journal) if window.tested]
    if not tested:
        yield Reason("no_cut", {})
    for window in tested:
        if not had_effect(journal, window, only=len(tested) == 1):
            yield Reason("no_bite", {"test": brief(window.test)})


def _running(journal: Document) -> Iterator[Reason]:
    """
    Find what may still run: what could not be stopped, or was last seen running.
    """
    outcomes = mappings(failover(journal).get("stopped"))
    ended = {
        text(outcome.get(key))
        for outcome in outcomes
        for key in ("test", "job_id")
        if not outcome.get("error") and outcome.get("status") not in RUNNING
    }
    for outcome in outcomes:
        if outcome.get("error"):
            values = {"test": brief(outcome.get("test")), "error": _clause(outcome["error"])}
            yield Reason("running", values)
    unstopped = {text(one.get("job_id") or one.get("test")) for one in outcomes if one.get("error")}
    for window in job_histories(journal):
        known = {window.job_id, window.test} - {""}
        if window.status in RUNNING and not known & (ended | unstopped):
            yield Reason("running", {"test": brief(window.test), "error": window.status})


def _failed(key: str, run: Document) -> Reason:
    return Reason(key, {"name": brief(name_of(run)), "error": _clause(error_of(run) or "?")})


def _clause(sentence: Any) -> str:
    return brief(sentence).rstrip(". ")


FINDERS: tuple[Finder, ...] = (
    _aborted,
    _safeguard,
    _dry,
    _refused,
    _preflight,
    _interrupted,
    _activities,
    _rollbacks,
    _tolerances,
    _cuts,
    _running,
)
