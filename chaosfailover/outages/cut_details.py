"""
The details of a target in one cut: its flows, its connections, its directions, and shares of loss.

All are plain data for the journal. `phases` are the instants of the cut, of its stop and of the
next cut; infinity for what did not come.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf
from typing import NamedTuple

from chaosfailover.outages.flapping import spells
from chaosfailover.outages.flow import Flow
from chaosfailover.outages.outage import Length, Outage, find_outages
from chaosfailover.outages.pooled import worst
from chaosfailover.outages.samples import LONG_GAP
from chaosfailover.outages.series import Series
from chaosfailover.outages.summary import Summary, counted, plain, summarize

__all__ = ["STALLED", "SURVIVED", "UNKNOWN", "Phases", "connections", "shares", "ways"]

SURVIVED, STALLED, UNKNOWN = "survived", "stalled", "unknown"
"""What became of a connection in a phase; one that ended has the kind of its end, such as reset."""


class Phases(NamedTuple):
    """
    The instants of a cut, of its stop and of the next cut.
    """

    cut_at: float
    stop_at: float = inf
    until: float = inf

    @property
    def during(self) -> tuple[float, float]:
        """
        The time from the cut to the stop.
        """
        return self.cut_at, self.stop_at

    @property
    def after(self) -> tuple[float, float]:
        """
        The time from the stop to the next cut.
        """
        return self.stop_at, self.until


def shares(series: Series, phases: Phases) -> dict[str, object]:
    """
    Return how many checks were lost, of those sent, from the first loss of a phase to its last.

    An outage that goes on in the next phase counts in each with the checks that were sent in it.

    Where each check is a connection of its own, this is the share of the connections lost.
    """
    return {
        "share": _share(series, *phases.during),
        "share_back": _share(series, *phases.after),
    }


def _share(series: Series, since: float, until: float) -> dict[str, int] | None:
    lost = [*series.folded_spells, *find_outages(series.runs)]
    first = next(iter(spells(lost, since, until, series.cadence)), None)
    if first is None or first.losses.counts is None:
        return None
    begin, end = first.losses.counts
    sent_before, lost_before = counted(series, -inf, since)
    sent_by, lost_by = counted(series, -inf, until)
    return {
        "lost": min(end.lost, lost_by) - max(begin.lost - 1, lost_before),
        "sent": min(end.sent, sent_by) - max(begin.sent - 1, sent_before),
    }


def connections(flow: Flow, summary: Summary, phases: Phases) -> dict[str, object]:
    """
    Return what became of the connection that a flow had at the cut, and of that at the stop.

    `stalled` is how long one that ended had stalled before. One that survived stalled for the
    failover time, or the reversion time.
    """
    return {
        "connection": _fate(flow, summary.outages, *phases.during),
        "stalled": _stalled(flow, summary.outages, *phases.during),
        "connection_back": _fate(flow, summary.outages, *phases.after),
    }


def _fate(flow: Flow, outages: Sequence[Outage], since: float, until: float) -> str:
    there = [it for it in flow.connections if it.opened_at <= since < (it.ended_at or inf)]
    if not there:
        return UNKNOWN
    if (ended_at := there[-1].ended_at) and ended_at < until:
        return there[-1].ended_by or UNKNOWN
    end = min(until, flow.series.span[1])
    gaps = [it for it in flow.series.gaps if it.since < end and it.until > since]
    if end <= since or any(gap.until - gap.since > LONG_GAP for gap in gaps):
        return UNKNOWN
    is_down = any(it.since[1] < end < it.until[1] for it in outages)
    return STALLED if is_down else SURVIVED


def _stalled(flow: Flow, outages: Sequence[Outage], since: float, until: float) -> object:
    ends = [at for it in flow.connections if (at := it.ended_at) and since <= at < until]
    within = [it for it in outages for at in ends[:1] if it.since[0] <= at <= it.until[1]]
    if not within:
        return None
    earliest, latest = (max(at, since) for at in within[0].since)
    return plain(Length(max(0.0, ends[0] - latest), max(0.0, ends[0] - earliest)))


def ways(flows: Sequence[Flow], summary: Summary, phases: Phases) -> dict[str, object]:
    """
    Return what was lost on the way out and on the way back, if a responder told it of a flow.

    What is `not_known` was lost, and may have been lost either way.
    """
    told = [flow.directions for flow in flows if flow.directions]
    if not told:
        return {}
    out, back = (_way([each.ways[name] for each in told], phases) for name in ("out", "back"))
    during = summary.during.lost - out.lost_during - back.lost_during
    after = summary.after.lost - out.lost_after - back.lost_after
    unknown = {"not_known_during": max(0, during), "not_known_after": max(0, after)}
    return {"directions": {"out": _plain(out), "back": _plain(back), **unknown}}


@dataclass(frozen=True, slots=True)
class Way:
    """
    The checks that were lost on one way, and for how long: the lengths of the worst flow.

    `flows` and `flows_back` count the flows that lost any. Where nothing was known of this way for
    a while, the unseen lengths bound a loss that includes it.
    """

    lost_during: int
    flows: int
    failover: Length | None
    unseen_during: float
    lost_after: int
    flows_back: int
    reversion: Length | None
    unseen_after: float


def _way(each: Sequence[Series], phases: Phases) -> Way:
    sums = [summarize(series, phases.cut_at, phases.stop_at, until=phases.until) for series in each]
    return Way(
        lost_during=sum(it.during.lost for it in sums),
        flows=sum(it.failover is not None for it in sums),
        failover=worst(it.failover for it in sums),
        unseen_during=max(it.unseen_during for it in sums),
        lost_after=sum(it.after.lost for it in sums),
        flows_back=sum(it.reversion is not None for it in sums),
        reversion=worst(it.reversion for it in sums),
        unseen_after=max(it.unseen_after for it in sums),
    )


def _plain(value: Way) -> dict[str, object]:
    return {key: plain(inner) for key, inner in asdict(value).items()}
