"""
Rules about parts of the journal that are missing or contradict the rest, and on what proofs rest.
"""

from collections.abc import Iterator

from chaosfailover.verdict.journal import Run, brief
from chaosfailover.verdict.rules import Reason, Rule

__all__ = ["RULES", "contradictions"]


def _ends(run: Run) -> Iterator[Reason]:
    """
    Find activities whose end is unknown; in an interrupted run that is to be expected.
    """
    for activity in () if run.cut_short else (*run.method, *run.rollbacks):
        if activity.status not in ("succeeded", "failed"):
            values = {"name": brief(activity.name), "status": brief(activity.status or "?")}
            yield Reason("unended", values)


def _evidence(run: Run) -> Iterator[Reason]:
    """
    Find that the evidence file of the run was changed.
    """
    if run.control.changed_line:
        yield Reason("evidence_changed", {"line": f"{run.control.changed_line:g}"})


def _control(run: Run) -> Iterator[Reason]:
    """
    Find that nothing of the control is left: then nothing shows a cut, or its effect.
    """
    if not run.control.present:
        yield Reason("missing_control", {})


def _omissions(run: Run) -> Iterator[Reason]:
    """
    Find missing activities and events of the control, in a run that cut and came to its end.
    """
    if run.cut_short or not run.tested or not run.control.present:
        return
    yield from _missing("run", len(run.method), run.experiment.activities)
    yield from _missing("rollbacks", len(run.rollbacks), run.experiment.rollbacks)
    if not run.control.preflight:
        yield Reason("missing_preflight", {})
    if not run.control.events:
        yield Reason("missing_events", {})


def _missing(part: str, ran: int, total: int) -> Iterator[Reason]:
    if ran < total:
        yield Reason(f"missing_{part}", {"ran": str(ran), "total": str(total)})


def _proof(run: Run) -> Iterator[Reason]:
    """
    Say on what the proof of the survivors of each cut rests.
    """
    for cut in run.control.cuts:
        if cut.rests_on:
            count = len({prefix for need in cut.routes for prefix in need.covered})
            values = {"test": brief(cut.test), "count": str(count)}
            yield Reason(f"by_{cut.rests_on}", values)


def contradictions(run: Run) -> Iterator[Reason]:
    """
    Find what only the toolkit's own status and `deviated` say against a run.
    """
    if run.deviated:
        yield Reason("toolkit_deviated", {})
    if run.status != "completed":
        yield Reason("toolkit_status", {"status": brief(run.status or "?")})


RULES: tuple[Rule, ...] = (_ends, _evidence, _control, _omissions, _proof)
