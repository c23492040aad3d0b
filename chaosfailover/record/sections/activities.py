"""
The sections about the course of the run: tests, hypothesis, activities and events.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby

from chaosfailover.record.digest import part
from chaosfailover.verdict.evidence import ActivityRun, Fields, HypothesisReading
from chaosfailover.verdict.journal import Run, brief
from chaosfailover.verdict.tolerance import LONGEST, rounded, shown_tolerance

__all__ = [
    "abort",
    "activities",
    "hypotheses",
    "interruption",
    "requests",
    "stopped",
    "tests",
    "timeline",
]

Row = dict[str, object]


def abort(run: Run) -> Row:
    """
    Return the abort conditions, and the aborts that fired.
    """
    return {
        "abort_after": run.control.abort_after,
        "abort_when": run.control.abort_when or None,
        "fired": [
            {"at": event.at, "reason": event.reason} for event in run.control.events_of("abort")
        ],
    }


def tests(run: Run) -> list[Row]:
    """
    Return each failover test with its statuses.
    """
    return [
        {
            "test": test.test,
            "job_id": test.job_id or None,
            "cut_at": test.since,
            "stop_at": test.until,
            "back_at": test.back,
            "statuses": [change._asdict() for change in test.changes],
        }
        for test in run.tests
    ]


def hypotheses(run: Run) -> list[Row]:
    """
    Return the readings of the hypothesis, before, during and after the method.

    Readings in a row with the same result are one, with their `count` and the probes of the first.
    """
    groups = groupby(run.readings, key=_result)
    return [_reading(list(group), run.control.configuration) for _, group in groups]


def _result(reading: HypothesisReading) -> tuple[object, ...]:
    probes = [(probe.name, probe.tolerance_met) for probe in reading.probes]
    return reading.when, reading.met, probes


def _reading(readings: Sequence[HypothesisReading], configuration: Fields) -> Row:
    first = readings[0]
    began = [probe.began for probe in first.probes if probe.began]
    ended = [probe.ended for each in readings for probe in each.probes if probe.ended]
    return {
        "when": first.when,
        "count": len(readings),
        "met": first.met,
        "began": min(began, default=None),
        "ended": max(ended, default=None),
        "probes": [
            {
                **_activity(probe),
                "met": probe.tolerance_met,
                "tolerance": shown_tolerance(probe.tolerance, configuration),
            }
            for probe in first.probes
        ],
    }


def activities(run: Run) -> list[Row]:
    """
    Return the activities of the method and the rollbacks; those cut off have no status.
    """
    phases = {"method": run.method, "rollbacks": run.rollbacks}
    return [
        {"phase": phase, **_activity(activity)}
        for phase, activities in phases.items()
        for activity in activities
    ]


def _activity(activity: ActivityRun) -> Row:
    return {
        "type": activity.type,
        "name": activity.name,
        "began": activity.began,
        "ended": activity.ended,
        "status": activity.status or None,
        "output": _output(activity.output),
        "error": activity.error or None,
    }


def _output(output: object) -> str | None:
    if output is None:
        return None
    shown = output if isinstance(output, str) else json.dumps(rounded(output), default=str)
    return brief(shown, LONGEST)


def timeline(run: Run) -> list[Row]:
    """
    Return the control's events, save the requests.
    """
    return [
        {**event.fields, "at": event.at, "kind": event.kind}
        for event in run.control.events
        if event.kind != "request"
    ]


def requests(run: Run) -> list[Row]:
    """
    Return the provider's evidence: the request ID of every change.
    """
    return [
        part(event, "at", "operation", "request_id", "job_id")
        for event in run.control.events_of("request")
    ]


def stopped(run: Run) -> list[Mapping[str, object]]:
    """
    Return the tests that the control stopped after the rollbacks.
    """
    return [stop.fields for stop in run.control.stopped]


def interruption(run: Run) -> Row | None:
    """
    Return what ended the run early, None if nothing did.
    """
    if run.interruption:
        return {**run.interruption.fields}
    return {"kind": "unknown"} if run.status in ("interrupted", "aborted") else None
