"""
The sections about the course of the run: tests, hypothesis, activities and events.
"""

import json
import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from chaosfailover.record.digest import part
from chaosfailover.verdict.evidence import ActivityRun, Fields, HypothesisReading
from chaosfailover.verdict.journal import Run, brief, mapping, text

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

REFERENCE = re.compile(r"\$\{([^}]+)\}")
OUTPUT = 500
"""How many characters of an output a record keeps; the journal has the whole."""


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
                "tolerance": _tolerance(probe.tolerance, configuration),
            }
            for probe in first.probes
        ],
    }


def _tolerance(tolerance: object, configuration: Fields) -> str | None:
    """
    Return what an output was held to, with the values of the configuration.
    """
    if tolerance is None:
        return None
    given = mapping(tolerance)
    provider = mapping(given.get("provider"))
    arguments = mapping(provider.get("arguments")) or {
        key: value for key, value in given.items() if key not in ("type", "name", "provider")
    }
    if not given:
        shown = _plain(tolerance)
    else:
        parts = "; ".join(f"{key}: {_plain(value)}" for key, value in arguments.items())
        shown = f"{text(provider.get('func') or given.get('type'))} ({parts})"
    filled = REFERENCE.sub(lambda found: text(configuration.get(found[1], found[0])), shown)
    return brief(filled, OUTPUT)


def _plain(value: object) -> str:
    """
    Return a value of a tolerance as people write it.
    """
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return value if isinstance(value, str) else json.dumps(value, default=str)


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
    return brief(output if isinstance(output, str) else json.dumps(output, default=str), OUTPUT)


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
