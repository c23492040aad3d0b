"""
The sections about the targets; instants are UTC, lengths are in seconds, an open end is null.
"""

from datetime import datetime, timedelta
from heapq import nlargest
from math import isfinite
from operator import attrgetter

from chaosfailover.outages.outage import Outage
from chaosfailover.record.digest import Record, members, plain
from chaosfailover.verdict.evidence import TargetResult
from chaosfailover.verdict.journal import Run

__all__ = ["MOST_OUTAGES", "outages", "recoveries", "targets"]

Row = dict[str, object]

NOT_SHOWN = ("cut_at", "stop_at", "cut_off", "external", "loss", "loss_back")
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
    return sorted(longest, key=lambda outage: outage.since[1])


def recoveries(run: Run) -> list[Row]:
    """
    Return, for each target and cut, the objective and the measured lengths.

    In the upper bounds of `failover` and `reversion`, unmeasured time counts as lost.
    """
    return [
        {
            **members(recovery, but=NOT_SHOWN),
            "failover": recovery.shown,
            "reversion": recovery.shown_back,
            "exceeded": recovery.exceeded or recovery.exceeded_at_stop,
            "exceeded_again": recovery.exceeded_again,
            "exceeded_back": recovery.exceeded_back,
            "may_exceed": recovery.may_exceed,
        }
        for recovery in run.recoveries
    ]


def _target(target: TargetResult) -> Row:
    return {
        "name": target.name,
        "url": target.url or None,
        "persistent": target.persistent,
        "interval": target.interval,
        "timeout": target.timeout,
        "rto": target.rto,
        **members(target.summary, but=("outages",)),
    }


def _outage(outage: Outage, began: datetime | None) -> Record:
    row: Record = plain(
        {
            "at_least": outage.at_least,
            "at_most": outage.at_most,
            "lost": outage.lost,
            "error": outage.error,
            "since": [_instant(began, at) for at in outage.since],
            "until": [_instant(began, at) for at in outage.until],
        }
    )
    return row


def _instant(began: datetime | None, seconds: float) -> datetime | None:
    try:
        return began + timedelta(seconds=seconds) if began and isfinite(seconds) else None
    except OverflowError:
        return None
