"""
The sections about the targets; instants are UTC, lengths are in seconds, an open end is null.
"""

from datetime import datetime, timedelta
from heapq import nlargest
from math import isfinite
from operator import attrgetter

from chaosfailover.outages.outage import Outage
from chaosfailover.record.digest import Record, members, plain
from chaosfailover.verdict.evidence import PhaseResult, TargetResult
from chaosfailover.verdict.journal import Run
from chaosfailover.verdict.recovery import FlowRecovery, Recovery

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
            **_recovery(recovery),
            "exceeded": any(it.exceeded or it.exceeded_at_stop for it in recovery.each),
            "exceeded_again": any(it.exceeded_again for it in recovery.each),
            "exceeded_back": any(it.exceeded_back for it in recovery.each),
            "may_exceed": any(it.may_exceed for it in recovery.each),
        }
        for recovery in run.recoveries
    ]


def _recovery(recovery: Recovery) -> Row:
    """
    Return the lengths of a target in a cut, and what is known beside them.
    """
    known = {key: getattr(recovery, key) for key in ("share", "share_back", "directions")}
    flows: Row = {"flows": [_flow(flow) for flow in recovery.flows]} if recovery.flows else {}
    return {
        **members(recovery, but=(*NOT_SHOWN, "flows", *known)),
        "failover": recovery.shown,
        "reversion": recovery.shown_back,
        **{key: value for key, value in known.items() if value},
        **flows,
    }


def _flow(flow: FlowRecovery) -> Row:
    """
    Return a flow in a cut; of datagrams there is no connection.
    """
    row = members(flow, but=("recovery",))
    kept = ("connection", "stalled", "connection_back")
    return {
        **{key: value for key, value in row.items() if flow.connection or key not in kept},
        "failover": flow.recovery.shown,
        "reversion": flow.recovery.shown_back,
        "settled": flow.recovery.settled,
    }


def _target(target: TargetResult) -> Row:
    return {
        "name": target.name,
        "url": target.url or None,
        "persistent": target.persistent,
        "interval": target.interval,
        "timeout": target.timeout,
        "rto": target.rto,
        **({"flows": target.flows} if target.flows else {}),
        **members(target.summary, but=("outages", "before", "during", "after")),
        **{key: _phase(getattr(target.summary, key)) for key in ("before", "during", "after")},
    }


def _phase(phase: PhaseResult) -> Row:
    return {**members(phase, but=() if phase.fewest is not None else ("fewest",))}


def _outage(outage: Outage, began: datetime | None) -> Record:
    row: Record = plain(
        {
            "at_least": outage.at_least,
            "at_most": outage.at_most,
            "lost": outage.lost,
            "error": outage.error,
            "since": [_instant(began, at) for at in outage.since],
            "until": [_instant(began, at) for at in outage.until],
            **({} if outage.flow is None else {"flow": outage.flow}),
        }
    )
    return row


def _instant(began: datetime | None, seconds: float) -> datetime | None:
    try:
        return began + timedelta(seconds=seconds) if began and isfinite(seconds) else None
    except OverflowError:
        return None
