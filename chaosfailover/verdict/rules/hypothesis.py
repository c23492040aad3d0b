"""
Rules about the readings of the hypothesis.
"""

from collections.abc import Iterator

from chaosfailover.verdict.evidence import HypothesisReading
from chaosfailover.verdict.journal import Run, brief
from chaosfailover.verdict.rules import Reason, Rule

__all__ = ["RULES"]


def _before(run: Run) -> Iterator[Reason]:
    readings = run.readings_of("before")
    for reading in readings:
        if not reading.met:
            yield Reason("unsteady", {"probes": _missed(reading, causes=True)})
    if not run.tested:
        return
    if not readings and run.experiment.has_hypothesis:
        yield Reason("unread_before", {})
    if not run.experiment.has_hypothesis and not run.control.targets:
        yield Reason("nothing", {})


def _during(run: Run) -> Iterator[Reason]:
    readings = _finished(run, "during")
    missed = [reading for reading in readings if not reading.met]
    if missed:
        names = ", ".join(dict.fromkeys(map(_missed, missed)))
        values = {"count": str(len(missed)), "total": str(len(readings)), "probes": brief(names)}
        yield Reason("deviated_during", values)


def _after(run: Run) -> Iterator[Reason]:
    readings = _finished(run, "after")
    for reading in readings:
        if not reading.met:
            yield Reason("deviated_after", {"probes": _missed(reading)})
    unfinished = len(readings) < len(run.readings_of("after"))
    unread = unfinished or not (readings or _finished(run, "during"))
    if unread and not run.cut_short and run.experiment.has_hypothesis and run.tested:
        yield Reason("unread_after", {})
    if readings and all(reading.met for reading in readings):
        yield Reason("hypothesis_held", {})


def _finished(run: Run, when: str) -> list[HypothesisReading]:
    """
    Return the readings that a signal did not cut off.
    """
    return [reading for reading in run.readings_of(when) if reading.finished]


def _missed(reading: HypothesisReading, *, causes: bool = False) -> str:
    """
    Name the probes that missed their tolerance, or were cut off; with `causes`, why they failed.
    """
    missed = [probe for probe in reading.probes if probe.tolerance_met is not True]
    names = [
        f"{probe.name} ({brief(probe.error).rstrip('.')})" if causes and probe.error else probe.name
        for probe in missed
    ]
    return brief(", ".join(names) or reading.title or "?")


RULES: tuple[Rule, ...] = (_before, _during, _after)
