"""
A journal, read so that whatever is missing or misshapen in it is only absent.

The toolkit writes a journal once, at the end, and leaves out what did not come to pass; older,
interrupted and edited ones hold less. Every reader of a journal goes through here.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = [
    "HYPOTHESES",
    "activities",
    "brief",
    "error_of",
    "events",
    "failover",
    "hypotheses",
    "instant",
    "mapping",
    "mappings",
    "met",
    "name_of",
    "number",
    "probes",
    "said",
    "status_of",
    "text",
]

Document = Mapping[str, Any]

HYPOTHESES = ("before", "during", "after")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
ABSURD = 1e15
ELLIPSIS = "\u2026"


def mapping(value: Any) -> Document:
    """
    Return a mapping as it is, and anything else as an empty one.
    """
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> list[Document]:
    """
    Return the mappings of a list; anything else has none.
    """
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """
    Return a value as text, "" for None.
    """
    return "" if value is None else str(value)


def said(value: Any) -> str | None:
    """
    Return a value as text, None for an empty one.
    """
    return text(value) if value or value == 0 else None


def number(value: Any) -> float | None:
    """
    Return a number that can be meant as a float, None for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < ABSURD else None


def instant(value: Any) -> datetime | None:
    """
    Return an ISO 8601 instant as aware UTC; the toolkit's older journals name no zone.
    """
    try:
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def brief(value: Any, limit: int = 300) -> str:
    """
    Return a value as one line of at most `limit` characters.

    Control characters, and those that turn the direction of writing, show as their escapes.
    """
    line = " ".join(text(value).split(maxsplit=limit))[: limit + 1]
    shown = CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", line)
    return shown if len(shown) <= limit else shown[: limit - 1] + ELLIPSIS


def failover(journal: Document) -> Document:
    """
    Return what the control left, empty for a run without it.
    """
    return mapping(journal.get("failover"))


def events(journal: Document, *kinds: str) -> list[Document]:
    """
    Return the control's events of these kinds, or all of them, that have an instant, in its order.
    """
    found = mappings(failover(journal).get("events"))
    wanted = [one for one in found if instant(one.get("at")) and (not kinds or _is(one, kinds))]
    return sorted(wanted, key=lambda one: instant(one["at"]) or datetime.min.replace(tzinfo=UTC))


def _is(event: Document, kinds: tuple[str, ...]) -> bool:
    return event.get("kind") in kinds


def activities(journal: Document) -> list[Document]:
    """
    Return the runs of the method's activities and then those of the rollbacks.
    """
    return mappings(journal.get("run")) + mappings(journal.get("rollbacks"))


def hypotheses(journal: Document, when: str) -> list[Document]:
    """
    Return the readings of the hypothesis `before`, `during` or `after` the method.
    """
    read = mapping(journal.get("steady_states")).get(when)
    return mappings(read if isinstance(read, list) else [read])


def met(hypothesis: Document) -> bool:
    """
    Tell whether a reading of the hypothesis was met; one that was cut off was not, nor is one with
    a probe that was not.
    """
    missed = any(run.get("tolerance_met") is False for run in probes(hypothesis))
    return hypothesis.get("steady_state_met") is True and not missed


def probes(hypothesis: Document) -> list[Document]:
    """
    Return the runs of a hypothesis's probes.
    """
    return mappings(hypothesis.get("probes"))


def name_of(run: Document) -> str:
    """
    Return the name of an activity that ran.
    """
    return text(mapping(run.get("activity")).get("name"))


def status_of(run: Document) -> str:
    """
    Return how an activity that ran ended, "" where that is not known.

    The toolkit takes a process for succeeded whatever its exit status; an action's then failed.
    """
    return "failed" if _exit_status(run) else text(run.get("status"))


def error_of(run: Document) -> str:
    """
    Return the last line of an activity's exception, which says what went wrong, or "".
    """
    lines = run.get("exception")
    said = [text(line).strip() for line in lines] if isinstance(lines, list) else [text(lines)]
    last = next((line for line in reversed(said) if line), "")
    if not last and (status := _exit_status(run)):
        error = text(mapping(run.get("output")).get("stderr")).strip()
        return f"exit status {status:g}" + (f", {error.splitlines()[-1]}" if error else "")
    return last.removeprefix("chaoslib.exceptions.ActivityFailed: ")


def _exit_status(run: Document) -> float:
    """
    Return the exit status of an action that is a process, 0 for all else.
    """
    activity = mapping(run.get("activity"))
    process = mapping(activity.get("provider")).get("type") == "process"
    status = number(mapping(run.get("output")).get("status"))
    return status or 0.0 if process and activity.get("type") != "probe" else 0.0
