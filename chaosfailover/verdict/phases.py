"""
What a journal tells of a target from a cut on, read from the cut or else from what was measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Any

from chaosfailover.outages.flapping import time_unseen, worst_lost
from chaosfailover.outages.outage import Outage
from chaosfailover.outages.samples import Gap
from chaosfailover.verdict.journal import instant, mapping, mappings, number

__all__ = ["Bounds", "Phases", "bounds", "down_at_stop", "length", "origin", "phases"]

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    A length in seconds that lies between two numbers; `at_most` is infinite while it goes on.
    """

    at_least: float
    at_most: float


@dataclass(frozen=True, slots=True)
class Phases:
    """
    The phases of a cut, in seconds of the measurement, and what was told of them.

    What the cut does not tell, as in the journals of older versions, is found in what was measured.
    """

    target: Document
    cut: Document
    spans: Mapping[str, tuple[float, float]]

    def worst(self, key: str) -> Bounds | None:
        if key in self.cut:
            return length(self.cut[key])
        since, until = self.spans[key.removeprefix("worst_")]
        ended_by = until if key == "worst_during" else inf
        found = worst_lost(_outages(self.target), since, until, ended_by)
        return found and Bounds(*found)

    def unseen(self, key: str) -> float:
        if key in self.cut:
            told = number(self.cut[key])
            return inf if told is None else told
        gaps = _gaps(self.target)
        span = self.spans[key.removeprefix("unseen_")]
        return time_unseen(_outages(self.target), gaps, *span) if gaps else 0.0


def phases(target: Document, cut: Document, following: Document) -> Phases:
    at = (_seconds(target, when) for when in (cut.get("cut_at"), cut.get("stop_at")))
    began, stopped = (inf if one is None else one for one in at)
    end = _seconds(target, following.get("cut_at"))
    spans = {"during": (began, stopped), "after": (stopped, inf if end is None else end)}
    return Phases(target, cut, spans)


def _seconds(target: Document, when: Any) -> float | None:
    began, at = origin(target), instant(when)
    return (at - began) / timedelta(seconds=1) if began and at else None


def _outages(target: Document) -> list[Outage]:
    rows = mappings(mapping(target.get("summary")).get("outages"))
    return [_outage(row, length) for row in rows if (length := bounds(row))]


def _outage(row: Document, length: Bounds) -> Outage:
    since, until = _pair(row.get("since"), -inf), _pair(row.get("until"), inf)
    return Outage(length.at_least, length.at_most, since=since, until=until)


def _gaps(target: Document) -> list[Gap]:
    rows = mapping(target.get("series")).get("gaps")
    pairs = [_pair(row, inf) for row in rows] if isinstance(rows, list) else []
    return [Gap(*pair) for pair in pairs if pair[0] < pair[1] < inf]


def down_at_stop(target: Document, cut: Document) -> float | None:
    """
    Return the least length, up to the stop, of an outage of this cut that the stop found open.
    """
    cutting, stop = (_seconds(target, cut.get(key)) for key in ("cut_at", "stop_at"))
    if cutting is None or stop is None:
        return None
    for outage in mappings(mapping(target.get("summary")).get("outages")):
        since = _pair(outage.get("since"), -inf)[1]
        if since < stop < _pair(outage.get("until"), inf)[1]:
            return max(0.0, stop - max(since, cutting))
    return None


def bounds(value: Any) -> Bounds | None:
    """
    Read a length as the journal holds it; None if there is none.
    """
    at_least = number(mapping(value).get("at_least"))
    if at_least is None:
        return None
    at_most = number(value.get("at_most"))
    return Bounds(at_least, inf if at_most is None else at_most)


def length(value: Any) -> Bounds | None:
    """
    Read a length that a cut tells; what is there but cannot be read may be of any length.
    """
    if value is None:
        return None
    at_most = number(mapping(value).get("at_most"))
    return bounds(value) or Bounds(0.0, inf if at_most is None else at_most)


def origin(target: Mapping[str, Any]) -> datetime | None:
    """
    Return the instant from which the instants of a target's measurement count.
    """
    return instant(mapping(target.get("series")).get("utc"))


def _pair(pair: Any, missing: float) -> tuple[float, float]:
    known = (
        [number(one) for one in pair] if isinstance(pair, list) and len(pair) == 2 else [None] * 2
    )
    first, last = (missing if one is None else one for one in known)
    return first, last
