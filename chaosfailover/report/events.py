"""
The events of a run as sentences, with rounded numbers.
"""

import json
from collections.abc import Callable, Mapping

from chaosfailover.record import Record
from chaosfailover.report import formatting
from chaosfailover.verdict.journal import instant, number

__all__ = ["fields", "sentence"]

Speak = Callable[..., str]


def sentence(event: Record, t: Speak) -> str:
    """
    Write what an event says; one of an unknown kind has its fields.
    """
    try:
        return t(_key(event), **_values(event, t))
    except KeyError:
        return fields(event)


def fields(event: Record) -> str:
    """
    Write the fields of an event besides its instant and kind.
    """
    more = {key: value for key, value in event.items() if key not in ("at", "kind")}
    return ", ".join(
        f"{key} {value if isinstance(value, str) else json.dumps(value, default=str)}"
        for key, value in more.items()
        if value is not None
    )


def _key(event: Record) -> str:
    kind = str(event["kind"])
    return f"event.{kind}{VARIANTS[kind](event) if kind in VARIANTS else ''}"


def _status(event: Record) -> str:
    if event.get("status") == "unknown":
        return ".unknown"
    return ".ends" if event.get("ends_at") else ".testing" if event.get("testing_ago") else ""


def _routes(event: Record) -> str:
    if event.get("reason"):
        return ".unread"
    return ".first" if event.get("moved_from") is None else ".moved"


def _target(event: Record) -> str:
    up = event.get("up")
    return ".up" if up is True else ".down" if up is False else ""


VARIANTS: Mapping[str, Callable[[Record], str]] = {
    "status": _status,
    "resource": lambda event: ".since" if event.get("earliest") else "",
    "routes": _routes,
    "path": lambda event: ".unread" if event.get("reason") else "",
    "target": _target,
}
"""What tells apart the sentences of a kind."""


def _values(event: Record, t: Speak) -> dict[str, str]:
    """
    Return all that a sentence may name.
    """
    test, job_id = (str(event.get(key) or "") for key in ("test", "job_id"))
    ends = {key: number(event.get(key)) for key in ("at_least", "at_most")}
    plain = ("status", "name", "source", "target", "resource_id", "count")
    hops = _listed(event.get("hops"), "*") if event.get("reached") else t("path.no_answer")
    phase = event.get("phase")
    return {
        **{key: formatting.isolate(event.get(key, formatting.NOTHING)) for key in plain},
        **{key: _second(event.get(key)) for key in ("ends_at", "earliest")},
        "reason": str(event.get("reason") or formatting.NOTHING).rstrip(". "),
        "test": (f"{test} ({job_id})" if test and job_id else test or job_id) or formatting.NOTHING,
        "ago": formatting.length(number(event.get("testing_ago"))),
        "least": formatting.length(ends["at_least"]),
        "outage": formatting.bounds(ends),
        "moved_from": _listed(event.get("moved_from")),
        "moved_to": _listed(event.get("moved_to")),
        "phase": t(f"chart.{phase}") if phase in ("before", "during", "after") else "",
        "hops": hops,
    }


def _second(value: object) -> str:
    at = instant(value)
    return formatting.second(at) if at else formatting.NOTHING


def _listed(names: object, missing: str = formatting.NOTHING) -> str:
    several = names if isinstance(names, list) else []
    return ", ".join(str(name or missing) for name in several) or formatting.NOTHING
