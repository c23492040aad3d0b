"""
What the measurement of the targets says.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from chaosfailover.verdict.job_history import job_histories
from chaosfailover.verdict.journal import brief, failover, mapping, number, text
from chaosfailover.verdict.phases import Bounds
from chaosfailover.verdict.recoveries import Recovery, objective, recoveries
from chaosfailover.verdict.rules import Finder, Reason, cut_short

__all__ = ["FEWEST_SAMPLES", "FINDERS", "LOSSY", "UNMEASURED"]

Document = Mapping[str, Any]

FEWEST_SAMPLES = 3
"""Fewer checks than this before the cut, or during it, show nothing."""
LOSSY = 0.01
"""The share of lost checks from which a baseline is not clean."""
UNMEASURED = 0.1
"""The share of the time that may have gone unmeasured."""


def _baseline(journal: Document) -> Iterator[Reason]:
    for name, summary in _summaries(journal):
        before = mapping(summary.get("before"))
        sent, lost = number(before.get("sent")) or 0.0, number(before.get("lost")) or 0.0
        if lost and lost >= LOSSY * sent:
            values = {"target": brief(name), "lost": _count(lost), "sent": _count(sent)}
            yield Reason("lossy", values)


def _samples(journal: Document) -> Iterator[Reason]:
    """
    Find targets that were hardly checked; only a run that cut has a before and a during.
    """
    tested = sum(window.tested for window in job_histories(journal))
    measured = Counter(recovery.target for recovery in recoveries(journal))
    for name, summary in _summaries(journal) if tested else ():
        if not summary or measured[name] < tested:
            yield Reason("unchecked", {"target": brief(name)})
        for when in ("before", "during") if summary else ():
            sent = number(mapping(summary.get(when)).get("sent")) or 0.0
            if sent < FEWEST_SAMPLES:
                yield Reason(f"few_{when}", {"target": brief(name), "sent": _count(sent)})


def _objectives(journal: Document) -> Iterator[Reason]:
    for name, target in mapping(failover(journal).get("targets")).items():
        rto = mapping(target).get("rto")
        if rto is not None and objective(mapping(target)) is None:
            yield Reason("objective", {"target": brief(name), "rto": brief(rto)})


def _gaps(journal: Document) -> Iterator[Reason]:
    for name, summary in _summaries(journal):
        duration = number(summary.get("duration")) or 0.0
        unmeasured = number(summary.get("unmeasured")) or 0.0
        if unmeasured > UNMEASURED * duration:
            values = {"unmeasured": seconds(unmeasured), "duration": seconds(duration)}
            yield Reason("unmeasured", {"target": brief(name), **values})


def _recoveries(journal: Document) -> Iterator[Reason]:
    short = cut_short(journal)
    for recovery in recoveries(journal):
        keys = _against(recovery, short=short) or [_favour(recovery)]
        yield from (Reason(key, _values(recovery, key)) for key in keys)


def _against(recovery: Recovery, *, short: bool) -> list[str]:
    """
    Return what speaks against a target's recovery, as keys.
    """
    late = recovery.exceeded or recovery.exceeded_again or recovery.exceeded_at_stop
    found = {
        "rto": recovery.exceeded,
        "rto_again": recovery.exceeded_again,
        "rto_open": recovery.exceeded_at_stop,
        "unrecovered": not late and _unrecovered(recovery, short=short),
        "down_at_end": recovery.down_at_end,
        "rto_back": recovery.exceeded_back and not recovery.down_at_end,
        "unseen": not late and recovery.may_exceed,
    }
    return [key for key, applies in found.items() if applies]


def _unrecovered(recovery: Recovery, *, short: bool) -> bool:
    if recovery.down_at_stop is not None:
        return not short
    return any(one and one.at_most == inf for one in (recovery.failover, recovery.worst))


def _favour(recovery: Recovery) -> str:
    if recovery.failover is None:
        return "no_loss_seen" if recovery.unseen else "no_loss"
    if recovery.persistent:
        return "persistent"
    return "recovered" if recovery.rto is None else "within_rto"


def _summaries(journal: Document) -> Iterator[tuple[str, Document]]:
    """
    Yield every target that was measured or that the settings name, with its summary if it has one.
    """
    found = failover(journal)
    measured, named = mapping(found.get("targets")), mapping(found.get("settings")).get("targets")
    for name in dict.fromkeys([*measured, *mapping(named)]):
        yield text(name), mapping(mapping(measured.get(name)).get("summary"))


def _values(recovery: Recovery, key: str) -> dict[str, str]:
    length = _length(recovery, key)
    return {
        "target": brief(recovery.target),
        "test": brief(text(recovery.test) or "?"),
        "rto": seconds(recovery.rto or 0.0),
        "interval": seconds(recovery.interval or 0.0),
        "at_least": seconds(length.at_least),
        "at_most": seconds(length.at_most),
    }


def _length(recovery: Recovery, key: str) -> Bounds:
    """
    Return the length that a reason tells of.
    """
    back = (recovery.worst_after, recovery.reversion)
    lengths = {
        "rto_again": recovery.worst,
        "rto_open": Bounds(0.0, recovery.down_at_stop or 0.0),
        "rto_back": max((one for one in back if one), key=lambda one: one.at_most, default=None),
        "unseen": Bounds(0.0, max(recovery.unseen, recovery.unseen_after)),
        "rto": recovery.failover,
    }
    return lengths.get(key, recovery.shown) or Bounds(0.0, 0.0)


def seconds(value: float) -> str:
    """
    Write seconds to the millisecond, without trailing zeros.
    """
    return "\u221e" if value == inf else f"{value:.3f}".rstrip("0").rstrip(".")


def _count(value: float) -> str:
    return f"{value:.0f}"


FINDERS: tuple[Finder, ...] = (_baseline, _samples, _objectives, _gaps, _recoveries)
