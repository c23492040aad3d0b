"""
The flows of one target, pooled: its lengths are those of the worst flow, its counts those of all.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf

from chaosfailover.outages.flapping import time_unseen
from chaosfailover.outages.histogram import Histogram, Slot
from chaosfailover.outages.outage import Length, Outage
from chaosfailover.outages.samples import Gap
from chaosfailover.outages.series import Series
from chaosfailover.outages.settled import AtStop
from chaosfailover.outages.summary import Phase, Summary, summarize

__all__ = ["pooled", "pooled_at_stop", "pooled_slots", "worst"]


def pooled(
    flows: Sequence[Series],
    cut_at: float | None = None,
    stop_at: float | None = None,
    now: float | None = None,
    until: float | None = None,
) -> Summary:
    """
    Summarise the flows of a target as `summarize` does one: the worst flow's lengths, the mean
    availability, and the sums of what was sent and lost. A flow without a check is unknown.
    """
    each = [summarize(series, cut_at, stop_at, now, until) for series in flows]
    spans = [series.span for series in flows if series.sent] or [(0.0, 0.0)]
    whole = Gap(min(since for since, _ in spans), max(until for _, until in spans))
    cut, stop = inf if cut_at is None else cut_at, inf if stop_at is None else stop_at
    end = inf if until is None else until
    known = [_known(it, whole, (cut, stop, end)) for it in each]
    ends = ((-inf, cut), (cut, stop), (stop, end))
    before, during, after = (
        _phase(flows, [getattr(it, name) for it in known], *phase)
        for name, phase in zip(("before", "during", "after"), ends, strict=True)
    )
    return Summary(
        interval=known[0].interval,
        duration=whole.until - whole.since,
        sent=sum(it.sent for it in known),
        lost=sum(it.lost for it in known),
        errors=dict(sum((Counter(it.errors) for it in known), Counter())),
        count=sum(it.count for it in known),
        longest=worst(it.longest for it in known) or Length(0.0, 0.0),
        accumulated=sum(it.accumulated for it in known) / len(known),
        availability=Length(
            sum(it.availability.at_least for it in known) / len(known),
            sum(it.availability.at_most for it in known) / len(known),
        ),
        unmeasured=max(it.unmeasured for it in known),
        before=before,
        during=during,
        after=after,
        failover=worst(it.failover for it in known),
        reversion=worst(it.reversion for it in known),
        worst_during=worst(it.worst_during for it in known),
        worst_after=worst(it.worst_after for it in known),
        unseen_during=max(it.unseen_during for it in known),
        unseen_after=max(it.unseen_after for it in known),
        lateness=Histogram(series.lateness for series in flows).percentiles(),
        outages=_outages(known),
        flows=len(known),
    )


def worst(lengths: Iterable[Length | None]) -> Length | None:
    """
    Return the bounds of the longest of some lengths; None without any.
    """
    some = [length for length in lengths if length]
    least, most = (max((it[end] for it in some), default=0.0) for end in (0, 1))
    return Length(least, most) if some else None


def _known(it: Summary, whole: Gap, borders: tuple[float, float, float]) -> Summary:
    """
    Return the summary of a flow; one that was never checked may have been up or down.
    """
    if it.sent:
        return it
    cut, stop, end = borders
    return replace(
        it,
        longest=Length(0.0, whole.until - whole.since),
        availability=Length(0.0, 1.0),
        unmeasured=whole.until - whole.since,
        unseen_during=time_unseen([], [whole], cut, stop),
        unseen_after=time_unseen([], [whole], stop, end),
    )


def _phase(flows: Sequence[Series], each: Sequence[Phase], since: float, until: float) -> Phase:
    trips = Histogram(series.timeline.between(since, until) for series in flows)
    sent = [phase.sent for phase in each]
    return Phase(sum(sent), sum(phase.lost for phase in each), trips.percentiles(), min(sent))


def _outages(each: Sequence[Summary]) -> list[Outage]:
    numbered = [
        replace(outage, flow=number)
        for number, summary in enumerate(each, 1)
        for outage in summary.outages
    ]
    return sorted(numbered, key=lambda outage: outage.since[1])


def pooled_at_stop(each: Sequence[AtStop]) -> AtStop:
    """
    Tell how the flows of a target stood at a stop: settled if all had.
    """
    return AtStop(
        settled=all(it.settled for it in each),
        down_at_stop=any(it.down_at_stop for it in each),
        open_at_stop=worst(it.open_at_stop for it in each),
    )


def pooled_slots(flows: Sequence[Series]) -> list[Slot]:
    """
    Return the slots of all flows as one row, of which none reaches over a mark.
    """
    width = max(series.timeline.width for series in flows)
    marks = sorted({mark for series in flows for mark in series.timeline.marks})
    slots = sorted(
        (slot for series in flows for slot in series.timeline.slots), key=lambda it: it.since
    )
    groups: list[list[Slot]] = []
    for slot in slots:
        since = groups[-1][0].since if groups else -inf
        over = any(since < mark <= slot.since for mark in marks)
        if over or slot.since >= since + width:
            groups.append([])
        groups[-1].append(slot)
    ends = [*(group[0].since for group in groups[1:]), inf]
    return [
        Slot(group[0].since, min(end, max(it.until for it in group)), group)
        for group, end in zip(groups, ends, strict=True)
    ]
