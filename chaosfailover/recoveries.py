"""
What each cut did to each target: how long it was down, against its objective.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Any

from chaosfailover.journals import failover, instant, mapping, mappings, number, text

__all__ = ["Bounds", "Recovery", "bounds", "origin", "recoveries"]

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

    `failover` is None if nothing was lost. `down_at_stop` tells, where the target was not proven
    up again by the time the cut was stopped, how long it had been down at least; else it is None.
    `reversion` is None if nothing was lost on the way back. A `persistent` target keeps one
    connection, whose stall is not the network's outage.
    """

    target: str
    test: str
    rto: float | None
    failover: Bounds | None
    reversion: Bounds | None
    down_at_stop: float | None
    persistent: bool = False

    @property
    def exceeded(self) -> bool:
        """
        Whether the pessimistic bound is longer than the objective.

        An outage that lasted until the stop says nothing about how long it would have gone on: it
        exceeds the objective if it had done so by then.
        """
        if self.rto is None or self.failover is None or self.persistent:
            return False
        if self.down_at_stop is not None:
            return self.down_at_stop > self.rto
        return self.failover.at_most > self.rto


def recoveries(journal: Mapping[str, Any]) -> list[Recovery]:
    """
    Return what each cut did to each target, by target and then in the order of the cuts.
    """
    targets = mapping(failover(journal).get("targets"))
    return [
        _recovery(text(name), mapping(target), cut)
        for name, target in targets.items()
        for cut in _cuts(journal, mapping(target))
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
        lengths = {key: summary.get(key) for key in ("failover", "reversion")}
        yield {"test": planned[0].get("test") if planned else "", **whole, **lengths}


def _recovery(name: str, target: Document, cut: Document) -> Recovery:
    return Recovery(
        target=name,
        test=text(cut.get("test")),
        rto=number(target.get("rto")),
        failover=bounds(cut.get("failover")),
        reversion=bounds(cut.get("reversion")),
        down_at_stop=_down_at_stop(target, cut),
        persistent=target.get("persistent") is True,
    )


def _down_at_stop(target: Document, cut: Document) -> float | None:
    """
    Return the least length, up to the stop, of an outage of this cut that the stop found open.
    """
    began, cut_at, stop_at = origin(target), instant(cut.get("cut_at")), instant(cut.get("stop_at"))
    if not (began and cut_at and stop_at):
        return None
    stop = (stop_at - began) / timedelta(seconds=1)
    cutting = (cut_at - began) / timedelta(seconds=1)
    for outage in mappings(mapping(target.get("summary")).get("outages")):
        since = _latest(outage.get("since"), -inf)
        if since < stop < _latest(outage.get("until"), inf):
            return max(0.0, stop - max(since, cutting))
    return None


def _latest(pair: Any, missing: float) -> float:
    last = number(pair[1]) if isinstance(pair, list) and len(pair) == 2 else None
    return missing if last is None else last
