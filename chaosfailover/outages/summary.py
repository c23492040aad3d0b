"""
The summary of one target's samples: before, during and after a cut.
"""

from dataclasses import asdict, dataclass
from math import ceil, inf

from chaosfailover.outages.flapping import time_lost, time_unseen, worst_lost
from chaosfailover.outages.histogram import Percentiles
from chaosfailover.outages.outage import Length, Outage, find_outages, longest
from chaosfailover.outages.samples import Run
from chaosfailover.outages.series import Series

__all__ = ["Phase", "Summary", "counted", "plain", "summarize"]


@dataclass(frozen=True, slots=True)
class Phase:
    """
    The checks sent and lost in a part of the run, and the round trips of the answers.

    `fewest` are those sent in the flow that has the fewest; None without flows.
    """

    sent: int
    lost: int
    rtt: Percentiles | None
    fewest: int | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """
    The measurement of one target.

    `duration` is from the first sending to the last, `unmeasured` the part of it in gaps. `count`
    is the number of outages, of which `outages` holds the longest. `longest.at_most` covers gaps
    too. `accumulated` is the number of lost samples times the interval, the outage in the sense of
    fping. `availability` is a share. `before` is the baseline. `failover` and `reversion` are None
    without a loss in their phase, infinite if the loss had not ended. `worst_during` and
    `worst_after` are the longest losses of these phases, the former of those that had ended by the
    stop. `unseen_during` and `unseen_after` bound a loss that includes a gap; 0 without a gap.
    `flows` is the number of flows that are pooled, 0 of a target without flows.
    """

    interval: float
    duration: float
    sent: int
    lost: int
    errors: dict[str, int]
    count: int
    longest: Length
    accumulated: float
    availability: Length
    unmeasured: float
    before: Phase
    during: Phase
    after: Phase
    failover: Length | None
    reversion: Length | None
    worst_during: Length | None
    worst_after: Length | None
    unseen_during: float
    unseen_after: float
    lateness: Percentiles | None
    outages: list[Outage]
    flows: int = 0

    def as_dict(self, began: float = 0.0) -> dict[str, object]:
        """
        Return the summary as plain data for JSON: instants count from `began`, infinity is null.
        """
        outages = [_outage_row(outage, began) for outage in self.outages]
        row = asdict(self)
        if not self.flows:
            del row["flows"], row["before"]["fewest"], row["during"]["fewest"]
            del row["after"]["fewest"]
        return {key: plain(value) for key, value in row.items()} | {"outages": outages}


def summarize(
    series: Series,
    cut_at: float | None = None,
    stop_at: float | None = None,
    now: float | None = None,
    until: float | None = None,
) -> Summary:
    """
    Summarise a series.

    Without `cut_at` all is baseline; without `stop_at` the cut lasts to the end. The phase after
    the stop ends at `until`, where a next cut begins. `now` measures an ongoing outage up to this
    instant; without it, such an outage has no upper bound.
    """
    cut = inf if cut_at is None else cut_at
    stop = inf if stop_at is None else stop_at
    end = inf if until is None else until
    outages = find_outages(series.runs, now)
    lost, cadence = [*series.folded_spells, *outages], series.cadence
    first, last = series.span
    return Summary(
        interval=series.interval,
        duration=last - first,
        sent=series.sent,
        lost=series.lost,
        errors=dict(series.errors),
        count=len(outages) + series.folded,
        longest=_longest(series, outages),
        accumulated=series.lost * series.interval,
        availability=_availability(series, outages),
        unmeasured=series.unmeasured,
        before=_phase(series, -inf, cut),
        during=_phase(series, cut, stop),
        after=_phase(series, stop, end),
        failover=time_lost(lost, cut, stop, cadence),
        reversion=time_lost(lost, stop, end, cadence),
        worst_during=worst_lost(lost, cut, stop, stop, cadence),
        worst_after=worst_lost(lost, stop, end, cadence=cadence),
        unseen_during=time_unseen(lost, series.gaps, cut, stop),
        unseen_after=time_unseen(lost, series.gaps, stop, end),
        lateness=series.lateness.percentiles(),
        outages=outages,
    )


def _longest(series: Series, outages: list[Outage]) -> Length:
    at_least, at_most = longest(outages)
    return Length(at_least, max([at_most, *(gap.until - gap.since for gap in series.gaps)]))


def _availability(series: Series, outages: list[Outage]) -> Length:
    """
    Bound the share of time that the target was up; gaps count as down in the lower bound.
    """
    first, last = series.span
    duration = last - first
    if not duration:
        share = 1 - series.lost / series.sent if series.sent else 0.0
        return Length(share, share)
    least = sum(outage.at_least for outage in outages) + series.folded_at_least
    most = sum(min(it.until[1], last) - max(it.since[0], first) for it in outages)
    most += series.folded_at_most + series.unmeasured
    return Length(max(0.0, 1 - most / duration), max(0.0, 1 - least / duration))


def _phase(series: Series, since: float, until: float) -> Phase:
    sent, lost = counted(series, since, until)
    return Phase(sent, lost, series.timeline.between(since, until).percentiles())


def counted(series: Series, since: float, until: float) -> tuple[int, int]:
    """
    Return how many checks were sent between two instants, and how many of these were lost.
    """
    sent = [_sent_before(run, until) - _sent_before(run, since) for run in series.runs]
    lost = (ceil(run.lost * n / run.count) for run, n in zip(series.runs, sent, strict=True))
    return sum(sent), sum(lost)


def _sent_before(run: Run, at: float) -> int:
    """
    Return how many of a run's samples were sent before an instant, as if evenly spaced.
    """
    if at > run.until:
        return run.count
    if at <= run.since:
        return 0
    return ceil((at - run.since) / (run.until - run.since) * (run.count - 1))


def _outage_row(outage: Outage, began: float) -> dict[str, object]:
    row = asdict(outage)
    del row["counts"]
    if outage.flow is None:
        del row["flow"]
    row["since"] = [at - began for at in outage.since]
    row["until"] = [at - began for at in outage.until]
    return {key: plain(value) for key, value in row.items()}


def plain(value: object) -> object:
    """
    Return a value as plain data for JSON: rounded, and infinity is null.
    """
    if isinstance(value, Length):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return round(value, 6) if abs(value) < inf else None
    return value
