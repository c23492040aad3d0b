"""
RTO against measured failover time, one bar for each target and cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from chaosfailover.record import Record
from chaosfailover.report.network import with_open_end

__all__ = ["Gauge", "gauges", "state", "worst"]

ROOM = 1.2


@dataclass(frozen=True, slots=True)
class Gauge:
    """
    A recovery with its place on a scale: all in percent of the bar's width, None for what is not.
    """

    recovery: Record
    state: str
    sure: float | None
    most: float | None
    rto: float | None


def gauges(record: Record) -> list[Gauge]:
    """
    Return the recoveries of a run on one common scale, the worst first.
    """
    proven = record["verdict"]["verdict"] in ("held", "deviated")
    unended = {test["test"] for test in record["tests"] if not test["stop_at"]}
    states = [
        (_shown(each), _state(each, proven=proven, unended=each["test"] in unended))
        for each in record["recoveries"]
    ]
    states.sort(key=lambda pair: (pair[1] in BAD, _size(pair[0])), reverse=True)
    lengths = [length for recovery, _ in states for length in _lengths(recovery)]
    scale = max([*lengths, 0.001]) * ROOM
    return [_gauge(recovery, word, scale) for recovery, word in states]


def worst(gauges: Sequence[Gauge]) -> Gauge | None:
    """
    Return the recovery with the longest failover time of the network's, at its upper bound; of
    those without one, at its lower bound.
    """
    network = [gauge for gauge in gauges if not gauge.recovery.get("persistent")]
    return max(network or gauges, key=lambda gauge: _size(gauge.recovery), default=None)


def _state(recovery: Record, *, proven: bool, unended: bool) -> str:
    word = state(recovery, proven=proven)
    return "unended" if word == "open" and unended else word


def state(recovery: Record, *, proven: bool = True) -> str:
    """
    Compare a recovery with its objective, in a word of the messages `gauge.*`.

    If the run is not `proven`, nothing is within its objective.
    """
    for word, key in WORDS.items():
        if recovery.get(key):
            return word
    failover = recovery["failover"]
    if not recovery["settled"] or (failover and failover["at_most"] is None):
        return "open"
    if failover is None and not proven:
        return "unbound" if recovery["rto"] is None else "unproven"
    if failover is None:
        return "no_loss"
    if recovery.get("persistent"):
        return "persistent"
    within = "within" if proven else "unproven"
    return "unbound" if recovery["rto"] is None else within


WORDS = {
    "exceeded": "exceeded",
    "again": "exceeded_again",
    "back": "exceeded_back",
    "unseen": "may_exceed",
}
BAD = {"exceeded", "again", "back", "open", "unended", "unseen"}


def _shown(recovery: Record) -> Record:
    """
    Return a recovery as shown: without a loss, an outage within the interval stays possible, and
    nothing is known of one that had not settled.
    """
    if recovery.get("interval") is None:
        return recovery
    shown = with_open_end(recovery)
    within = {"at_least": 0.0, "at_most": recovery["interval"]}
    return {**shown, "failover": shown["failover"] or within}


def _gauge(recovery: Record, word: str, scale: float) -> Gauge:
    failover = recovery["failover"]
    most = _most(recovery)
    open_end = 100.0 if failover and most is None else None
    return Gauge(
        recovery,
        word,
        _share(failover["at_least"] if failover else 0.0, scale),
        _share(most, scale) if most is not None else open_end,
        _share(recovery["rto"], scale),
    )


def _lengths(recovery: Record) -> list[float]:
    failover = recovery["failover"]
    lengths = [recovery["rto"], _most(recovery), failover and failover["at_least"]]
    return [length for length in lengths if length is not None]


def _size(recovery: Record) -> tuple[float, float]:
    """
    Return by how much a recovery is longer than others: its upper bound, then its lower one.
    """
    most, failover = _most(recovery), recovery["failover"]
    return inf if most is None else most, failover["at_least"] or 0.0 if failover else 0.0


def _most(recovery: Record) -> float | None:
    """
    Return the upper bound of the bar: that of the failover time, or of a longer loss after it.
    """
    losses = (recovery["failover"], recovery.get("worst_during"))
    ends = [loss["at_most"] for loss in losses if loss]
    return None if None in ends else max(ends, default=0.0)


def _share(value: float | None, scale: float) -> float | None:
    return None if value is None else round(min(value / scale, 1.0) * 100, 2)
