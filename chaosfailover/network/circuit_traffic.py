"""
The traffic of circuits before, during and after a cut, as far as CloudMonitor shows it.

A rate is the mean of 5 minutes, and counts where the middle of them lies: it may mix two phases.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from statistics import fmean
from typing import NamedTuple

from chaosfailover.network.routing import Datapoint, Read, Traffic, Unread
from chaosfailover.network.survival import Survival

__all__ = ["BEFORE", "CutTimes", "circuit_traffic"]

BEFORE = timedelta(minutes=15)
"""The time before a cut of which the traffic is shown."""

MEGABIT = 1_000_000
HALF = timedelta(minutes=2.5)


class CutTimes(NamedTuple):
    """
    When a test cut, when its stop was sent, and when all was back; None if that was not seen.
    """

    cut_at: datetime
    stop_at: datetime | None
    back_at: datetime | None


def circuit_traffic(
    survival: Survival, traffic: Mapping[str, Read[Traffic]], times: CutTimes
) -> list[dict[str, object]]:
    """
    Return the mean traffic in Mbit/s of each circuit of a cut and its survivors, as JSON can hold
    it; None is not seen.
    """
    vbrs: dict[str, set[str]] = {}
    for need in survival.needs:
        for path in (*need.taken, *need.survivors):
            if path.circuit_id and path.vbr_id:
                vbrs.setdefault(path.circuit_id, set()).add(path.vbr_id)
    spans = {
        "before": (times.cut_at - BEFORE, times.cut_at),
        "during": (times.cut_at, times.stop_at),
        "after": (times.back_at, datetime.max.replace(tzinfo=times.cut_at.tzinfo)),
    }
    return [
        {
            "circuit_id": circuit_id,
            **{
                phase: _mean([traffic.get(each) for each in sorted(members)], *span)
                for phase, span in spans.items()
            },
        }
        for circuit_id, members in sorted(vbrs.items())
    ]


def _mean(
    members: list[Read[Traffic] | None], since: datetime | None, until: datetime | None
) -> dict[str, float] | None:
    read = [each for each in members if each and not isinstance(each, Unread)]
    if since is None or until is None or len(read) < len(members):
        return None
    inbound = _sums([each.inbound for each in read], since, until)
    outbound = _sums([each.outbound for each in read], since, until)
    if not inbound or not outbound:
        return None
    return {"inbound": round(fmean(inbound), 3), "outbound": round(fmean(outbound), 3)}


def _sums(members: list[tuple[Datapoint, ...]], since: datetime, until: datetime) -> list[float]:
    """
    Return the sums of all members, at the times at which each has a rate.
    """
    rates = [{at: rate for at, rate in points if since < at + HALF <= until} for points in members]
    return [sum(each[at] for each in rates) / MEGABIT for at in _common(rates)]


def _common(rates: Iterable[Mapping[datetime, float]]) -> set[datetime]:
    return set.intersection(*(set(each) for each in rates))
