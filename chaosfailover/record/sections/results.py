"""
What the targets showed; instants are UTC, lengths are in seconds, an open end is null.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from chaosfailover.record.sections.place import iso
from chaosfailover.verdict import recoveries as found
from chaosfailover.verdict.journal import failover, mapping, mappings, number, said, text
from chaosfailover.verdict.phases import Bounds, bounds, origin

__all__ = ["MOST_OUTAGES", "data_loss", "recoveries", "targets"]

Document = Mapping[str, Any]

MOST_OUTAGES = 10_000
"""How many outages a record lists in all: of each target the longest ones."""


def targets(journal: Document) -> list[dict[str, Any]]:
    """
    Return each target with its measurement over the whole run.
    """
    known = mapping(failover(journal).get("targets"))
    most = max(1, MOST_OUTAGES // max(1, len(known)))
    return [_target(text(name), mapping(target), most) for name, target in known.items()]


def recoveries(journal: Document) -> list[dict[str, Any]]:
    """
    Return, for each target and cut, the objective and what was measured.

    What was not measured is taken for lost in the upper bounds of `failover` and `reversion`.
    """
    return [
        {
            "target": one.target,
            "test": one.test,
            "rto": one.rto,
            "interval": one.interval,
            "failover": _length(one.shown),
            "reversion": _length(one.shown_back),
            "worst_during": _length(one.worst),
            "worst_after": _length(one.worst_after),
            "unseen_during": _finite(one.unseen),
            "unseen_after": _finite(one.unseen_after),
            "down_at_stop": one.down_at_stop,
            "persistent": one.persistent,
            "exceeded": one.exceeded or one.exceeded_at_stop,
            "exceeded_again": one.exceeded_again,
            "exceeded_back": one.exceeded_back,
            "may_exceed": one.may_exceed,
        }
        for one in found.recoveries(journal)
    ]


def data_loss(_: Document) -> dict[str, Any]:
    """
    Return the recovery point: links keep no data, so there is none to lose.
    """
    return {"rpo": 0, "note": "links keep no data"}


def _target(name: str, target: Document, most: int) -> dict[str, Any]:
    summary = mapping(target.get("summary"))
    began = origin(target)
    outages = sorted(mappings(summary.get("outages")), key=_size, reverse=True)[:most]
    return {
        "name": name,
        "url": said(target.get("url")),
        "persistent": target.get("persistent") is True,
        **{key: number(target.get(key)) for key in ("interval", "timeout", "rto")},
        **{key: number(summary.get(key)) for key in NUMBERS},
        "errors": {str(key): number(count) for key, count in _errors(summary)},
        "longest": _length(bounds(summary.get("longest"))),
        "availability": _length(bounds(summary.get("availability"))),
        **{phase: _phase(summary.get(phase)) for phase in ("before", "during", "after")},
        "outages": sorted((_outage(one, began) for one in outages), key=_since),
    }


NUMBERS = ("sent", "lost", "count", "duration", "unmeasured", "accumulated")


def _errors(summary: Document) -> list[tuple[Any, Any]]:
    return list(mapping(summary.get("errors")).items())


def _phase(value: Any) -> dict[str, Any]:
    phase = mapping(value)
    rtt = mapping(phase.get("rtt"))
    counts = {key: number(phase.get(key)) for key in ("sent", "lost")}
    return {**counts, "rtt": {key: number(rtt.get(key)) for key in ("p50", "p95", "most")}}


def _outage(outage: Document, began: datetime | None) -> dict[str, Any]:
    """
    Return an outage; `since` and `until` are each the earliest and the latest instant.
    """
    return {
        **_plain_length(bounds(outage)),
        "lost": number(outage.get("lost")),
        "error": said(outage.get("error")),
        "since": _instants(outage.get("since"), began),
        "until": _instants(outage.get("until"), began),
    }


def _instants(pair: Any, began: datetime | None) -> list[str | None]:
    seconds = [number(one) for one in pair] if isinstance(pair, list) else []
    return [_instant(began, at) for at in [*seconds, None, None][:2]]


def _instant(began: datetime | None, seconds: float | None) -> str | None:
    try:
        return iso(began + timedelta(seconds=seconds)) if began and seconds is not None else None
    except OverflowError:
        return None


def _size(outage: Document) -> float:
    length = bounds(outage)
    return length.at_most if length else 0.0


def _since(outage: Mapping[str, Any]) -> str:
    return outage["since"][1] or ""


def _length(length: Bounds | None) -> dict[str, float | None] | None:
    return _plain_length(length) if length else None


def _plain_length(length: Bounds | None) -> dict[str, float | None]:
    if length is None:
        return {"at_least": None, "at_most": None}
    return {"at_least": length.at_least, "at_most": _finite(length.at_most)}


def _finite(length: float) -> float | None:
    return length if isfinite(length) else None
