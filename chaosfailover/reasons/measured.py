"""
What the measurement of the targets says.
"""

from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from chaosfailover.journals import brief, failover, mapping, number, text
from chaosfailover.reasons import Finder, Reason
from chaosfailover.recoveries import Bounds, Recovery, recoveries
from chaosfailover.windows import windows

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
            values = {"target": name, "lost": _count(lost), "sent": _count(sent)}
            yield Reason("lossy", values)


def _samples(journal: Document) -> Iterator[Reason]:
    """
    Find targets that were hardly checked; only a run that cut has a before and a during.
    """
    if not any(window.tested for window in windows(journal)):
        return
    for name, summary in _summaries(journal):
        for when in ("before", "during"):
            sent = number(mapping(summary.get(when)).get("sent"))
            if sent is not None and sent < FEWEST_SAMPLES:
                yield Reason(f"few_{when}", {"target": name, "sent": _count(sent)})


def _gaps(journal: Document) -> Iterator[Reason]:
    for name, summary in _summaries(journal):
        duration = number(summary.get("duration")) or 0.0
        unmeasured = number(summary.get("unmeasured")) or 0.0
        if unmeasured > UNMEASURED * duration:
            values = {"unmeasured": seconds(unmeasured), "duration": seconds(duration)}
            yield Reason("unmeasured", {"target": name, **values})


def _recoveries(journal: Document) -> Iterator[Reason]:
    cut_short = _cut_short(journal)
    for recovery in recoveries(journal):
        if recovery.exceeded:
            key = "rto" if recovery.down_at_stop is None else "rto_open"
            yield Reason(key, _values(recovery))
        elif recovery.down_at_stop is None:
            yield _recovered(recovery)
        elif not cut_short:
            yield Reason("unrecovered", _values(recovery))
        if recovery.reversion and recovery.reversion.at_most == inf:
            yield Reason("down_at_end", _values(recovery))


def _recovered(recovery: Recovery) -> Reason:
    if recovery.failover is None:
        return Reason("no_loss", _values(recovery))
    if recovery.failover.at_most == inf:
        return Reason("unrecovered", _values(recovery))
    if recovery.persistent:
        return Reason("persistent", _values(recovery))
    return Reason("recovered" if recovery.rto is None else "within_rto", _values(recovery))


def _cut_short(journal: Document) -> bool:
    """
    Tell whether something ended the cut before the method did.
    """
    return bool(journal.get("interruption")) or journal.get("status") in ("interrupted", "aborted")


def _summaries(journal: Document) -> Iterator[tuple[str, Document]]:
    for name, target in mapping(failover(journal).get("targets")).items():
        yield brief(name), mapping(mapping(target).get("summary"))


def _values(recovery: Recovery) -> dict[str, str]:
    failover_time = recovery.failover or Bounds(0.0, 0.0)
    down = recovery.down_at_stop
    return {
        "target": brief(recovery.target),
        "test": brief(text(recovery.test) or "?"),
        "rto": seconds(recovery.rto or 0.0),
        "at_least": seconds(failover_time.at_least),
        "at_most": seconds(failover_time.at_most if down is None else down),
    }


def seconds(value: float) -> str:
    """
    Write seconds to the millisecond, without trailing zeros.
    """
    return "\u221e" if value == inf else f"{value:.3f}".rstrip("0").rstrip(".")


def _count(value: float) -> str:
    return f"{value:.0f}"


FINDERS: tuple[Finder, ...] = (_baseline, _samples, _gaps, _recoveries)
