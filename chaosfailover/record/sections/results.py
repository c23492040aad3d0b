"""
The sections about the targets; instants are UTC, lengths are in seconds, an open end is null.
"""

from datetime import datetime, timedelta
from heapq import nlargest
from math import isfinite
from operator import attrgetter

from chaosfailover.outages.outage import Length, Outage
from chaosfailover.record.digest import Record
from chaosfailover.record.sections.place import iso
from chaosfailover.verdict.evidence import PhaseResult, TargetResult
from chaosfailover.verdict.journal import Run

__all__ = ["MOST_OUTAGES", "data_loss", "outages", "recoveries", "targets"]

Row = dict[str, object]

MOST_OUTAGES = 10_000
"""How many outages a record lists in all: of each target the longest."""


def targets(run: Run) -> list[Row]:
    """
    Return each target with its measurement over the whole run, save its outages.
    """
    return [_target(target) for target in run.control.targets]


def outages(run: Run) -> list[list[Record]]:
    """
    Return the longest outages of each target, in their order; `error` is their only text.

    `since` and `until` are each the earliest and the latest instant.
    """
    most = max(1, MOST_OUTAGES // max(1, len(run.control.targets)))
    return [
        [_outage(outage, target.series.utc) for outage in _longest(target, most)]
        for target in run.control.targets
    ]


def _longest(target: TargetResult, most: int) -> list[Outage]:
    longest = nlargest(most, target.summary.outages, key=attrgetter("at_most"))
    return sorted(longest, key=_since)


def recoveries(run: Run) -> list[Row]:
    """
    Return, for each target and cut, the objective and the measured lengths.

    In the upper bounds of `failover` and `reversion`, unmeasured time counts as lost.
    """
    return [
        {
            "target": recovery.target,
            "test": recovery.test,
            "rto": recovery.rto,
            "interval": recovery.interval,
            "failover": _length(recovery.shown),
            "reversion": _length(recovery.shown_back),
            "worst_during": _length(recovery.worst),
            "worst_after": _length(recovery.worst_after),
            "unseen_during": _finite(recovery.unseen),
            "unseen_after": _finite(recovery.unseen_after),
            "down_at_stop": recovery.down_at_stop,
            "persistent": recovery.persistent,
            "exceeded": recovery.exceeded or recovery.exceeded_at_stop,
            "exceeded_again": recovery.exceeded_again,
            "exceeded_back": recovery.exceeded_back,
            "may_exceed": recovery.may_exceed,
        }
        for recovery in run.recoveries
    ]


def data_loss(_: Run) -> Row:
    """
    Return the recovery point: links keep no data, so there is none to lose.
    """
    return {"rpo": 0, "note": "links keep no data"}


def _target(target: TargetResult) -> Row:
    summary = target.summary
    return {
        "name": target.name,
        "url": target.url or None,
        "persistent": target.persistent,
        "interval": target.interval,
        "timeout": target.timeout,
        "rto": target.rto,
        "sent": summary.sent,
        "lost": summary.lost,
        "count": summary.count,
        "duration": summary.duration,
        "unmeasured": summary.unmeasured,
        "accumulated": summary.accumulated,
        "errors": dict(summary.errors),
        "longest": _length(summary.longest),
        "availability": _length(summary.availability),
        "before": _phase(summary.before),
        "during": _phase(summary.during),
        "after": _phase(summary.after),
    }


def _since(outage: Outage) -> float:
    return outage.since[1]


def _phase(phase: PhaseResult) -> Row:
    rtt = {"p50": phase.p50, "p95": phase.p95, "most": phase.most}
    return {"sent": phase.sent, "lost": phase.lost, "rtt": rtt}


def _outage(outage: Outage, began: datetime | None) -> Record:
    return {
        "at_least": outage.at_least,
        "at_most": _finite(outage.at_most),
        "lost": outage.lost,
        "error": outage.error,
        "since": [_instant(began, at) for at in outage.since],
        "until": [_instant(began, at) for at in outage.until],
    }


def _instant(began: datetime | None, seconds: float) -> str | None:
    try:
        return iso(began + timedelta(seconds=seconds)) if began and isfinite(seconds) else None
    except OverflowError:
        return None


def _length(length: Length | None) -> Row | None:
    if length is None:
        return None
    return {"at_least": length.at_least, "at_most": _finite(length.at_most)}


def _finite(length: float) -> float | None:
    return length if isfinite(length) else None
