"""
The last lines of a run's log: what is back, the verdict, the outages, and where the files are.

They say what the verdict is made from, and nothing else: what was not seen back is named.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

from chaosfailover.outages.outage import Length
from chaosfailover.verdict.job_history import JobHistory
from chaosfailover.verdict.journal import Run, text
from chaosfailover.verdict.recovery import Recovery
from chaosfailover.verdict.verdict import Verdict, examine, sentence

__all__ = ["Files", "Summary", "summary"]

NOT_OVER = ("running", "may_start", "not_back", "away_again", "back_unknown")
"""The reasons of the verdict that name what may still be down."""
NOTHING_MADE = "This run started no failover test: there is nothing to bring back"
UNREAD = "unknown"
REPORTS = {"report", "live"}
"""The kinds of files that are reports: a live page becomes one at the end."""


@dataclass(frozen=True, slots=True)
class Files:
    """
    The files of a run that there are, or will be: the toolkit writes the journal last.
    """

    journal: str | None = None
    evidence: str | None = None
    written: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Summary:
    """
    The lines of a summary: the `first`, and the rest; `is_over` if nothing may still be down.
    """

    verdict: str
    restored: str
    rest: Sequence[str]
    is_over: bool
    is_restored_first: bool


def summary(run: Run, verdict: Verdict, files: Files) -> Summary:
    """
    Return the summary of a run; after a signal or an abort, what is back is the first line.
    """
    restored, is_over = _restored(run)
    return Summary(
        verdict=f"VERDICT: {verdict.verdict}. {' '.join(verdict.reasons)}",
        restored=restored,
        rest=[*map(_outage, run.recoveries), *_unmeasured(run), *_places(files)],
        is_over=is_over,
        is_restored_first=run.cut_short,
    )


def _restored(run: Run) -> tuple[str, bool]:
    """
    Return what is back since when, or what is not, and whether all is over.
    """
    if problems := [reason for reason in examine(run) if reason.key in NOT_OVER]:
        return f"NOT ALL IS BACK: {' '.join(map(sentence, problems))}", False
    cuts = [test for test in run.tests if test.since or test.started]
    ended = [test for test in cuts if test.status == "Stopped"]
    others = [_other(run, test) for test in cuts if test not in ended]
    if not ended:
        return "; ".join(others) or NOTHING_MADE, True
    tests = "All tests are" if not others else f"{', '.join(test.test for test in ended)}:"
    times = [test.back for test in ended if test.back]
    since = f" since {max(times):%H:%M:%S} UTC" if len(times) == len(ended) else ""
    states = ", ".join(dict.fromkeys(state for test in ended for state in _states(run, test)))
    shown = f": {states}" if states else ""
    return "; ".join([f"{tests} Stopped and all resources are back{since}{shown}", *others]), True


def _other(run: Run, test: JobHistory) -> str:
    """
    Return what is known of a test that was not seen Stopped, and that nothing speaks for running.
    """
    stops = (stop for stop in run.control.stopped if test.test in (stop.test, stop.job_id))
    reason = next((text(stop.fields.get("reason")) for stop in stops), "")
    return f"{test.test}: {reason or 'it was not seen to start'}"


def _states(run: Run, test: JobHistory) -> Iterator[str]:
    """
    Yield what a test took, each with the status in which it was seen back.
    """
    events = [event for event in run.control.events_of("resource") if event.test == test.test]
    states = {
        event.resource_id: event.status
        for event in events
        if event.status != UNREAD and (test.back is None or event.at <= test.back)
    }
    yield from (f"{resource_id} {status}" for resource_id, status in states.items())


def _outage(recovery: Recovery) -> str:
    """
    Return what a target lost in a cut, and on the way back.
    """
    again = recovery.worst_during
    is_known = recovery.settled or recovery.shown
    lost = _lost(recovery.shown) if is_known else "not settled"
    parts = [f"{lost} after the cut of {recovery.test}{_objective(recovery)}"]
    if again and recovery.shown and again.at_most > recovery.shown.at_most:
        parts.append(f"{_lost(again)} later in it")
    if recovery.stop_at is None:
        parts.append("the way back was not measured")
    else:
        until = ", as far as it was measured" if recovery.cut_off else ""
        parts.append(f"{_lost(recovery.shown_back)} on the way back{until}")
    return f"{recovery.target}: {'; '.join(parts)}"


def _objective(recovery: Recovery) -> str:
    has_one = recovery.rto is not None and not recovery.persistent
    return f" (RTO {_seconds(recovery.rto or 0.0)} s)" if has_one else ""


def _lost(length: Length | None) -> str:
    if length is None:
        return "nothing was lost"
    if length.at_most == inf:
        return f"down for at least {_seconds(length.at_least)} s"
    return f"down for {_seconds(length.at_least)} to {_seconds(length.at_most)} s"


def _seconds(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _unmeasured(run: Run) -> Iterator[str]:
    yield from (f"{target}: not measured" for target in run.control.unmeasured)


def _places(files: Files) -> Iterator[str]:
    """
    Yield where the files are, and, unless there is a report, the command that renders one of the
    best of them.
    """
    all_files = {"Journal": files.journal, "evidence": files.evidence, **files.written}
    if places := [f"{name}: {place}" for name, place in all_files.items() if place]:
        yield "; ".join(places)
    source = files.journal or files.evidence
    if source and not REPORTS & files.written.keys():
        yield (
            "To render the report: chaos failover report "
            f"{shlex.quote(source)} -o failover-report.html"
        )
