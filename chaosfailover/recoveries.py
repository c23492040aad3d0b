"""
What each cut did to each target: how long it was down, against its objective.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import inf
from typing import Any

from chaosfailover.journals import failover, instant, mapping, mappings, number, text
from chaosfailover.outages import Outage, time_unseen, worst_lost
from chaosfailover.samples import Gap

__all__ = ["Bounds", "Recovery", "bounds", "objective", "origin", "recoveries"]

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    A length in seconds that lies between two numbers; `at_most` is infinite while it goes on.
    """

    at_least: float
    at_most: float


@dataclass(frozen=True, slots=True)
class Recovery:
    """
    One target in one cut.

    `failover` is None if nothing was lost, `reversion` if nothing was lost on the way back. `worst`
    is the longest loss that had ended by the stop, `worst_after` the longest after it. `unseen` and
    `unseen_after` tell how long a loss may have lasted that took in time without checks, 0 without
    any. `down_at_stop` tells, where the target was not proven up again by the time the cut was
    stopped, how long it had been down at least; else it is None. `interval` is that of its checks.
    """

    target: str
    test: str
    rto: float | None
    interval: float | None
    failover: Bounds | None
    reversion: Bounds | None
    worst: Bounds | None = None
    worst_after: Bounds | None = None
    unseen: float = 0.0
    unseen_after: float = 0.0
    down_at_stop: float | None = None

    @property
    def exceeded(self) -> bool:
        """
        Whether the pessimistic bound of the failover time is longer than the objective.
        """
        ended = self.down_at_stop is None or self.worst is not None
        return ended and self._over(self.failover)

    @property
    def exceeded_again(self) -> bool:
        """
        Whether a later loss was longer than the objective, though the failover time is not.
        """
        return not self.exceeded and self._over(self.worst)

    @property
    def exceeded_at_stop(self) -> bool:
        """
        Whether an outage had lasted longer than the objective when the stop found it open.

        It says nothing about how long it would have gone on.
        """
        return self.down_at_stop is not None and self._over(Bounds(0.0, self.down_at_stop))

    @property
    def exceeded_back(self) -> bool:
        """
        Whether something was lost on the way back for longer than the objective.
        """
        return self._over(self.reversion) or self._over(self.worst_after)

    @property
    def down_at_end(self) -> bool:
        """
        Whether the target was still down when the measurement ended.
        """
        return any(one and one.at_most == inf for one in (self.reversion, self.worst_after))

    @property
    def may_exceed(self) -> bool:
        """
        Whether something longer than the objective may have gone unseen.
        """
        return self._over(Bounds(0.0, max(self.unseen, self.unseen_after)))

    @property
    def shown(self) -> Bounds | None:
        """
        The failover time with what was not measured taken for lost; None if nothing was lost.
        """
        return _widened(self.failover, self.unseen)

    @property
    def shown_back(self) -> Bounds | None:
        """
        The reversion time with what was not measured taken for lost; None if nothing was lost.
        """
        return _widened(self.reversion, self.unseen_after)

    def _over(self, length: Bounds | None) -> bool:
        return self.rto is not None and length is not None and length.at_most > self.rto


def recoveries(journal: Mapping[str, Any]) -> list[Recovery]:
    """
    Return what each cut did to each target, by target and then in the order of the cuts.
    """
    targets = mapping(failover(journal).get("targets"))
    return [
        _recovery(text(name), mapping(target), cut, following)
        for name, target in targets.items()
        for cut, following in pairwise([*_cuts(journal, mapping(target)), {}])
    ]


def bounds(value: Any) -> Bounds | None:
    """
    Read a length as the journal holds it; None if there is none.
    """
    at_least = number(mapping(value).get("at_least"))
    if at_least is None:
        return None
    at_most = number(value.get("at_most"))
    return Bounds(at_least, inf if at_most is None else at_most)


def objective(target: Mapping[str, Any]) -> float | None:
    """
    Return the objective of a target; None if it has none, or one that cannot be read.
    """
    try:
        return number(float(target["rto"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def origin(target: Mapping[str, Any]) -> datetime | None:
    """
    Return the instant from which the instants of a target's measurement count.
    """
    return instant(mapping(target.get("series")).get("utc"))


def _cuts(journal: Document, target: Document) -> Iterator[Document]:
    """
    Yield the cuts that a target was measured in; without them, the one of its summary.
    """
    cuts = mappings(target.get("cuts"))
    summary = mapping(target.get("summary"))
    found = failover(journal)
    if cuts:
        yield from cuts
    elif summary and found.get("cut_at"):
        planned = mappings(found.get("cuts"))
        whole = {key: found.get(key) for key in ("cut_at", "stop_at")}
        yield {**summary, "test": planned[0].get("test") if planned else "", **whole}


def _recovery(name: str, target: Document, cut: Document, following: Document) -> Recovery:
    phases = _phases(target, cut, following)
    return Recovery(
        target=name,
        test=text(cut.get("test")),
        rto=objective(target),
        interval=number(target.get("interval")),
        failover=_length(cut.get("failover")),
        reversion=_length(cut.get("reversion")),
        worst=phases.worst("worst_during"),
        worst_after=phases.worst("worst_after"),
        unseen=phases.unseen("unseen_during"),
        unseen_after=phases.unseen("unseen_after"),
        down_at_stop=_down_at_stop(target, cut),
    )


@dataclass(frozen=True, slots=True)
class _Phases:
    """
    The phases of a cut, in seconds of the measurement, and what was told of them.

    What the cut does not tell, as in the journals of older versions, is found in what was measured.
    """

    target: Document
    cut: Document
    spans: Mapping[str, tuple[float, float]]

    def worst(self, key: str) -> Bounds | None:
        if key in self.cut:
            return _length(self.cut[key])
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


def _phases(target: Document, cut: Document, following: Document) -> _Phases:
    at = (_seconds(target, when) for when in (cut.get("cut_at"), cut.get("stop_at")))
    began, stopped = (inf if one is None else one for one in at)
    end = _seconds(target, following.get("cut_at"))
    spans = {"during": (began, stopped), "after": (stopped, inf if end is None else end)}
    return _Phases(target, cut, spans)


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


def _down_at_stop(target: Document, cut: Document) -> float | None:
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


def _pair(pair: Any, missing: float) -> tuple[float, float]:
    known = (
        [number(one) for one in pair] if isinstance(pair, list) and len(pair) == 2 else [None] * 2
    )
    first, last = (missing if one is None else one for one in known)
    return first, last


def _length(value: Any) -> Bounds | None:
    """
    Read a length that a cut tells; what is there but cannot be read may be of any length.
    """
    if value is None:
        return None
    at_most = number(mapping(value).get("at_most"))
    return bounds(value) or Bounds(0.0, inf if at_most is None else at_most)


def _widened(length: Bounds | None, unseen: float) -> Bounds | None:
    if not unseen:
        return length
    known = length or Bounds(0.0, 0.0)
    return Bounds(known.at_least, max(known.at_most, unseen))
