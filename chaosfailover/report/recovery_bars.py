"""
RTO against measured failover time, one bar for each target and cut.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

__all__ = ["Gauge", "gauges", "state", "worst"]

Document = Mapping[str, Any]

ROOM = 1.2


@dataclass(frozen=True, slots=True)
class Gauge:
    """
    A recovery with its place on a scale: all in percent of the bar's width, None for what is not.
    """

    recovery: Document
    state: str
    sure: float | None
    most: float | None
    rto: float | None


def gauges(record: Document) -> list[Gauge]:
    """
    Return the recoveries of a run on one common scale, the worst first.
    """
    recoveries = sorted(record["recoveries"], key=_badness, reverse=True)
    known = [one["rto"] or 0.0 for one in recoveries]
    known += [_most(one) or 0.0 for one in recoveries]
    known += [one["failover"]["at_least"] or 0.0 for one in recoveries if one["failover"]]
    scale = max([*known, 0.001]) * ROOM
    return [_gauge(one, scale) for one in recoveries]


def worst(found: Sequence[Gauge]) -> Gauge | None:
    """
    Return the recovery with the longest failover time of the network's, at its upper bound.
    """
    network = [gauge for gauge in found if not gauge.recovery.get("persistent")]
    return max(network or found, key=lambda gauge: _most_or_endless(gauge.recovery), default=None)


def _gauge(recovery: Document, scale: float) -> Gauge:
    failover = recovery["failover"]
    most = _most(recovery)
    open_end = 100.0 if failover and most is None else None
    return Gauge(
        recovery,
        state(recovery),
        _share(failover["at_least"] if failover else 0.0, scale),
        _share(most, scale) if most is not None else open_end,
        _share(recovery["rto"], scale),
    )


def state(recovery: Mapping[str, Any]) -> str:
    """
    Tell in one word how a recovery compares: `exceeded`, `open`, `within`, `unbound`,
    `persistent` or `no_loss`.
    """
    if recovery["exceeded"]:
        return "exceeded"
    if recovery["failover"] is None:
        return "no_loss"
    if recovery.get("persistent") and recovery["failover"]["at_most"] is not None:
        return "persistent"
    if recovery["down_at_stop"] is not None or recovery["failover"]["at_most"] is None:
        return "open"
    return "unbound" if recovery["rto"] is None else "within"


def _badness(recovery: Document) -> tuple[bool, float]:
    return state(recovery) in ("exceeded", "open"), _most_or_endless(recovery)


def _most_or_endless(recovery: Document) -> float:
    most = _most(recovery)
    return inf if most is None else most


def _most(recovery: Document) -> float | None:
    failover = recovery["failover"]
    return failover["at_most"] if failover else 0.0


def _share(value: float | None, scale: float) -> float | None:
    return None if value is None else round(min(value / scale, 1.0) * 100, 2)
