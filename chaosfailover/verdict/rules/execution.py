"""
Rules about the course of the run: aborted, dry, refused, interrupted, or with failed activities.
"""

from collections.abc import Iterator

from chaosfailover.alibaba.failover_tests import is_underway
from chaosfailover.verdict.effect import UNREAD, had_effect, was_read
from chaosfailover.verdict.evidence import UNFINISHED, ActivityRun, Event
from chaosfailover.verdict.job_history import JobHistory
from chaosfailover.verdict.journal import Run, brief
from chaosfailover.verdict.rules import Reason, Rule
from chaosfailover.verdict.tolerance import shown_output, shown_tolerance

__all__ = ["RULES"]

CUTTING = ("create_failover_test", "start_failover_test")
LONGEST_READING = 100
LONGEST_REFUSAL = 600
STOPPING = ("stop_failover_test", "stop_running_failover_tests")


def _aborted(run: Run) -> Iterator[Reason]:
    reasons = [event.reason for event in run.control.events_of("abort")]
    if not reasons and run.interruption and run.interruption.kind == "abort":
        reasons = [run.interruption.reason]
    for reason in dict.fromkeys(map(_clause, reasons)):
        yield Reason("aborted", {"reason": reason})


def _safeguard(run: Run) -> Iterator[Reason]:
    if run.safeguard:
        yield Reason("safeguard", {"name": brief(run.safeguard)})


def _dry(run: Run) -> Iterator[Reason]:
    if dry := run.control.dry or run.experiment.dry:
        yield Reason("dry", {"dry": brief(dry)})


def _preflight(run: Run) -> Iterator[Reason]:
    for check in run.control.preflight:
        if not check.passed:
            values = {"name": brief(check.name), "detail": _clause(check.detail, LONGEST_REFUSAL)}
            yield Reason("preflight", values)


def _refused(run: Run) -> Iterator[Reason]:
    """
    Find what kept the run from beginning; failed preflight checks are reported one by one.
    """
    if all(check.passed for check in run.control.preflight):
        for event in run.control.events_of("refused"):
            yield Reason("refused", {"reason": _clause(event.reason, LONGEST_REFUSAL)})


def _interrupted(run: Run) -> Iterator[Reason]:
    """
    Find an interruption that is neither an abort, nor a safeguard's, nor a refusal.
    """
    interruption = run.interruption
    if interruption is None:
        if run.cut_short and not run.safeguard and not run.control.events_of("refused"):
            yield Reason("interrupted", {})
    elif interruption.kind == "signal":
        yield Reason("signal", {"name": brief(interruption.name)})
    elif interruption.kind == UNFINISHED:
        is_told = interruption.name == "watchdog"
        key = "taken_over" if is_told else UNFINISHED
        yield Reason(key, {"at": brief(interruption.reason or "?")})
        yield from _back_by_then(run)
    elif interruption.kind != "abort":
        yield Reason("interrupted", {})


def _back_by_then(run: Run) -> Iterator[Reason]:
    """
    Find what was back when the evidence ended.
    """
    if _emulator_ended(run) and run.tests:
        yield Reason("emulator_ended", {})
    for test in run.tests:
        if test.back:
            yield Reason("seen_back", {"test": brief(test.test), "at": f"{test.back:%H:%M:%S}"})


def _activities(run: Run) -> Iterator[Reason]:
    """
    Find failed activities of the method; those that were cut off have no status.
    """
    for activity in run.method:
        if activity.status == "failed":
            key = "probe" if activity.type == "probe" else "action"
            yield _failed("cut_failed" if activity.func in CUTTING else key, activity)


def _rollbacks(run: Run) -> Iterator[Reason]:
    """
    Find failed rollbacks; a run that was refused had nothing to roll back.
    """
    for activity in () if run.control.events_of("refused") else run.rollbacks:
        if activity.status == "failed":
            yield _failed("rollback", activity)


def _missed_rollbacks(run: Run) -> Iterator[Reason]:
    """
    Find tests that the rollbacks were to stop, but that the control had to stop after them.
    """
    stops = [each for each in run.rollbacks if each.func in STOPPING and each.status == "succeeded"]
    idle = [brief(each.name) for each in stops if not (each.job and each.job.stopped)]
    for stop in () if run.cut_short else run.control.stopped:
        if idle and stop.fields.get("stopped") is True:
            yield Reason("rollback_idle", {"name": ", ".join(idle), "test": brief(stop.test)})


def _tolerances(run: Run) -> Iterator[Reason]:
    """
    Find probes outside the hypothesis that missed their tolerance, or were not evaluated.
    """
    for probe in (*run.method, *run.rollbacks):
        if probe.type != "probe" or not probe.has_tolerance:
            continue
        if probe.tolerance_met is False:
            tolerance = shown_tolerance(probe.tolerance, run.control.configuration)
            values = {
                "name": brief(probe.name),
                "output": shown_output(probe.output, LONGEST_READING),
                "tolerance": _clause(tolerance or "", LONGEST_READING),
            }
            yield Reason("intolerable", values)
        elif probe.status == "succeeded" and not probe.tolerance_met:
            error = _clause(probe.tolerance_error or "no result is stored")
            yield Reason("unjudged", {"name": brief(probe.name), "error": error})


def _cuts(run: Run) -> Iterator[Reason]:
    """
    Find whether anything was cut, and whether each cut had an effect.
    """
    may_start = [stop for stop in run.control.stopped if stop.may_start]
    for stop in may_start:
        yield Reason("may_start", {"test": brief(stop.test)})
    started = [test for test in run.tests if test.started and test.since]
    for test in started if not run.tested else ():
        yield Reason("cut_unseen", {"test": brief(test.test)})
    if not run.tested and not may_start and not started and not _is_unfinished(run):
        yield Reason("no_cut", {})
    for test in run.tested:
        if not had_effect(run, test):
            key = "no_effect" if was_read(run, test) else "effect_unread"
            yield Reason(key, {"test": brief(test.test)})


def _running(run: Run) -> Iterator[Reason]:
    """
    Find tests that may still run: the control failed to stop them, or last saw them running.
    """
    if _emulator_ended(run):
        return
    failures = [stop for stop in run.control.stopped if stop.error]
    for stop in failures:
        yield Reason("running", {"test": brief(stop.test), "error": _clause(stop.error)})
    unstopped = {stop.job_id or stop.test for stop in failures}
    ended = {
        name
        for stop in run.control.stopped
        for name in (stop.test, stop.job_id)
        if not stop.error and not _runs(stop.status)
    }
    for test in run.tests:
        names = {test.job_id, test.test} - {""}
        if _runs(test.status) and not names & (ended | unstopped):
            yield Reason("running", {"test": brief(test.test), "error": test.status})


def _emulator_ended(run: Run) -> bool:
    """
    Tell whether the run was killed, and with it the emulator and all that was down there.
    """
    return run.control.embedded and _is_unfinished(run)


def _is_unfinished(run: Run) -> bool:
    return bool(run.interruption and run.interruption.kind == UNFINISHED)


def _runs(status: str) -> bool:
    return bool(status) and is_underway({"Status": status})


def _early_ends(run: Run) -> Iterator[Reason]:
    """
    Find tests that the run did not end: what recovered then may not be the failover.

    The API does not show who ended a test, only whether its planned end had come.
    """
    for test in run.tested:
        if test.seen_to_end and not test.stopped:
            key = "ended_as_planned" if _is_past_its_end(run, test) else "ended_early"
            times = {"last": test.until or test.seen_to_end, "at": test.seen_to_end}
            values = {name: f"{at:%H:%M:%S}" for name, at in times.items()}
            yield Reason(key, {"test": brief(test.test), **values})


def _is_past_its_end(run: Run, test: JobHistory) -> bool:
    """
    Tell whether a test was seen to end after the earliest instant that its duration allows.
    """
    minutes = [cut.duration_minutes for cut in run.control.cuts if cut.test == test.test]
    minute = (run.control.minute if run.control.mode == "REHEARSAL" else None) or 60.0
    if not (test.since and test.seen_to_end and minutes and minutes[0]):
        return False
    return (test.seen_to_end - test.since).total_seconds() >= minutes[0] * minute


def _restoration(run: Run) -> Iterator[Reason]:
    """
    Find tests that have ended, and whose resources were not seen as they were before.

    Without a control, or its events, nobody looked.
    """
    if not run.control.events or _emulator_ended(run):
        return
    stops = {name: stop for stop in run.control.stopped for name in (stop.test, stop.job_id)}
    for test in run.tests:
        stop = stops.get(test.job_id) or stops.get(test.test)
        if stop and stop.back is False:
            resources = _clause("; ".join(stop.not_back) or "?")
            yield Reason("not_back", {"test": brief(test.test), "resources": resources})
        elif test.away:
            resources = _clause("; ".join(_away(run, test)) or f"seen at {test.away:%H:%M:%S} UTC")
            yield Reason("away_again", {"test": brief(test.test), "resources": resources})
        elif test.status == "Stopped" and not (test.back or (stop and stop.back)):
            yield Reason("back_unknown", {"test": brief(test.test)})


def _away(run: Run, test: JobHistory) -> Iterator[str]:
    """
    Yield what was last seen in another status than before the cut of a test, and since when.
    """
    before: dict[str, str] = {}
    last: dict[str, Event] = {}
    for event in run.control.events_of("resource"):
        name, status = event.resource_id, event.status
        if event.test != test.test or status == UNREAD:
            continue
        if test.since and event.at < test.since:
            before[name] = status
        elif name not in last or last[name].status != status:
            last[name] = event
    for name, event in last.items():
        if before.get(name, event.status) != event.status:
            yield f"{name} is {event.status}, not {before[name]} since {event.at:%H:%M:%S} UTC"


def _failed(key: str, activity: ActivityRun) -> Reason:
    return Reason(key, {"name": brief(activity.name), "error": _clause(activity.error or "?")})


def _clause(sentence: str, limit: int = 300) -> str:
    return brief(sentence, limit).rstrip(". ")


RULES: tuple[Rule, ...] = (
    _aborted,
    _safeguard,
    _dry,
    _refused,
    _preflight,
    _interrupted,
    _activities,
    _rollbacks,
    _missed_rollbacks,
    _tolerances,
    _cuts,
    _running,
    _early_ends,
    _restoration,
)
