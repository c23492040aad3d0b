"""
What happened, in the order in which it did.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chaosfailover.record.sections.place import iso
from chaosfailover.verdict.job_history import job_histories
from chaosfailover.verdict.journal import (
    HYPOTHESES,
    brief,
    error_of,
    events,
    failover,
    instant,
    mapping,
    mappings,
    met,
    name_of,
    number,
    probes,
    said,
    status_of,
    text,
)
from chaosfailover.verdict.journal import hypotheses as readings

__all__ = [
    "abort",
    "activities",
    "hypotheses",
    "interruption",
    "preflight",
    "requests",
    "stopped",
    "tests",
    "timeline",
]

Document = Mapping[str, Any]

OUTPUT = 500
"""How many characters of an output a record keeps; the journal has the whole."""


def preflight(journal: Document) -> list[dict[str, Any]]:
    """
    Return each check with its result.
    """
    return [
        {
            "name": text(check.get("name")),
            "passed": check.get("passed") is True,
            "detail": text(check.get("detail")),
            "warnings": _texts(check.get("warnings")),
        }
        for check in mappings(failover(journal).get("preflight"))
    ]


def abort(journal: Document) -> dict[str, Any]:
    """
    Return what would have aborted the run, and what did.
    """
    settings = mapping(failover(journal).get("settings"))
    return {
        "abort_after": number(settings.get("abort_after")),
        "abort_when": said(settings.get("abort_when")),
        "fired": [
            {"at": iso(instant(event["at"])), "reason": text(event.get("reason"))}
            for event in events(journal, "abort")
        ],
    }


def tests(journal: Document) -> list[dict[str, Any]]:
    """
    Return each failover test with its statuses.
    """
    return [
        {
            "test": window.test,
            "job_id": window.job_id or None,
            "cut_at": iso(window.since),
            "stop_at": iso(window.until),
            "statuses": [
                {"at": iso(change.at), "status": change.status} for change in window.changes
            ],
        }
        for window in job_histories(journal)
    ]


def hypotheses(journal: Document) -> list[dict[str, Any]]:
    """
    Return the readings of the hypothesis, before, during and after the method.

    Readings in a row that came to the same are one, with their `count` and the probes of the first.
    """
    found: list[dict[str, Any]] = []
    for when in HYPOTHESES:
        for reading in readings(journal, when):
            row = _reading(when, reading)
            if found and _same(found[-1], row):
                found[-1]["count"] += 1
                found[-1]["ended"] = row["ended"] or found[-1]["ended"]
            else:
                found.append(row)
    return found


def _reading(when: str, reading: Document) -> dict[str, Any]:
    runs = [{**_run(run), "met": _bool(run.get("tolerance_met"))} for run in probes(reading)]
    began = min((run["began"] for run in runs if run["began"]), default=None)
    ended = max((run["ended"] for run in runs if run["ended"]), default=None)
    result = {"met": met(reading), "began": began, "ended": ended}
    return {"when": when, "count": 1, **result, "probes": runs}


def _same(one: Document, other: Document) -> bool:
    results = [
        (row["when"], row["met"], [(run["name"], run["met"]) for run in row["probes"]])
        for row in (one, other)
    ]
    return results[0] == results[1]


def _bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def activities(journal: Document) -> list[dict[str, Any]]:
    """
    Return the method's and the rollbacks' activities; those cut off have no status.
    """
    return [
        {"phase": phase, **_run(run)}
        for phase, key in (("method", "run"), ("rollbacks", "rollbacks"))
        for run in mappings(journal.get(key))
    ]


def _run(run: Document) -> dict[str, Any]:
    return {
        "type": text(mapping(run.get("activity")).get("type")),
        "name": name_of(run),
        "began": iso(instant(run.get("start"))),
        "ended": iso(instant(run.get("end"))),
        "status": said(status_of(run)),
        "output": _output(run.get("output")),
        "error": error_of(run) or None,
    }


def _output(output: Any) -> str | None:
    if output is None:
        return None
    written = output if isinstance(output, str) else json.dumps(output, default=str)
    return brief(written, OUTPUT)


def timeline(journal: Document) -> list[dict[str, Any]]:
    """
    Return the control's events and what the toolkit says of signals, in order.
    """
    found = [event for event in events(journal) if event.get("kind") != "request"]
    return [
        {**event, "at": iso(instant(event["at"])), "kind": text(event.get("kind"))}
        for event in found
    ]


def requests(journal: Document) -> list[dict[str, Any]]:
    """
    Return the provider's evidence: the request ID of everything that was changed.
    """
    return [
        {
            "at": iso(instant(event["at"])),
            **{key: said(event.get(key)) for key in REQUEST},
        }
        for event in events(journal, "request")
    ]


REQUEST = ("operation", "request_id", "job_id")


def stopped(journal: Document) -> list[dict[str, Any]]:
    """
    Return what the control stopped after the rollbacks.
    """
    return [dict(outcome) for outcome in mappings(failover(journal).get("stopped"))]


def interruption(journal: Document) -> dict[str, Any] | None:
    """
    Return what ended the run early, None if nothing did.
    """
    found = mapping(journal.get("interruption"))
    if found:
        return {key: text(value) for key, value in found.items()}
    return {"kind": "unknown"} if journal.get("status") in ("interrupted", "aborted") else None


def _texts(value: Any) -> list[str]:
    return list(_each(value)) if isinstance(value, list) else []


def _each(values: list[Any]) -> Iterator[str]:
    yield from (text(value) for value in values)
