"""
Rules about the measurement of the targets.
"""

from collections import Counter
from collections.abc import Iterator
from math import inf

from chaosfailover.outages.flapping import RECOVERY_HOLD
from chaosfailover.outages.outage import Length
from chaosfailover.verdict.journal import Run, brief
from chaosfailover.verdict.recovery import Recovery
from chaosfailover.verdict.rules import Reason, Rule

__all__ = ["FEWEST_SAMPLES", "LOSSY", "RULES", "UNMEASURED"]

FEWEST_SAMPLES = 3
"""Fewer checks than this before the cut, or during it, show nothing."""
LOSSY = 0.01
"""The share of lost checks from which a baseline is not clean."""
UNMEASURED = 0.1
"""The share of the time that may go unmeasured."""
UNSETTLED = ("unsettled", "back_early")
"""A failover that had not settled when the run stopped the test, or when something else did."""


def _baseline(run: Run) -> Iterator[Reason]:
    for target in run.control.targets:
        sent, lost = target.summary.before.sent or 0.0, target.summary.before.lost or 0.0
        if lost and lost >= LOSSY * sent:
            counts = {"lost": _count(lost), "sent": _count(sent)}
            yield Reason("lossy", {"target": brief(target.name), **counts})


def _samples(run: Run) -> Iterator[Reason]:
    """
    Find targets that were hardly checked; only a run that cut has a before and a during.
    """
    tested = len(run.tested)
    measured = Counter(recovery.target for recovery in run.recoveries)
    for target in run.control.targets if tested else ():
        if not target.measured or measured[target.name] < tested:
            yield Reason("unchecked", {"target": brief(target.name)})
        phases = {"before": target.summary.before, "during": target.summary.during}
        for when, phase in phases.items() if target.measured else ():
            fewest = phase.sent if phase.fewest is None else phase.fewest
            if (fewest or 0.0) < FEWEST_SAMPLES:
                sent = _count(fewest or 0.0)
                yield Reason(f"few_{when}", {"target": brief(target.name), "sent": sent})
    for name in run.control.unmeasured if tested else ():
        yield Reason("unchecked", {"target": brief(name)})


def _objectives(run: Run) -> Iterator[Reason]:
    for target in run.control.targets:
        if target.unreadable_rto is not None:
            values = {"target": brief(target.name), "rto": target.unreadable_rto}
            yield Reason("objective", values)


def _gaps(run: Run) -> Iterator[Reason]:
    for target in run.control.targets:
        duration = target.summary.duration or 0.0
        unmeasured = target.summary.unmeasured or 0.0
        if unmeasured > UNMEASURED * duration:
            values = {"unmeasured": _seconds(unmeasured), "duration": _seconds(duration)}
            yield Reason("unmeasured", {"target": brief(target.name), **values})


def _recoveries(run: Run) -> Iterator[Reason]:
    for recovery in run.recoveries:
        favour = {} if recovery.external else {_favour(recovery): recovery}
        culprits = _culprits(run, recovery) or favour
        yield from (Reason(key, _values(each, key)) for key, each in culprits.items())


def _culprits(run: Run, recovery: Recovery) -> dict[str, Recovery]:
    """
    Return the reasons against a target, each with the flow that gives it most; or the target.
    """
    found: dict[str, Recovery] = {}
    for each in recovery.each:
        for key in (*_against(run, each), *_unsettled(run, each)):
            if key not in found or _length(each, key)[1] > _length(found[key], key)[1]:
                found[key] = each
    return found


def _flows(run: Run) -> Iterator[Reason]:
    """
    Tell how many flows a cut, or the way back, lost, and for how long.
    """
    for recovery in run.recoveries:
        for key, lost in (
            ("flows", [flow.recovery.shown for flow in recovery.lost_flows]),
            ("flows_back", [flow.recovery.shown_back for flow in recovery.lost_flows_back]),
        ):
            lengths = [length for length in lost if length]
            if lengths:
                least, most = (
                    edge(it[end] for it in lengths) for edge, end in ((min, 0), (max, 1))
                )
                yield Reason(key, _values(recovery, key, Length(least, most), len(lengths)))


def _external(run: Run) -> Iterator[Reason]:
    """
    Find that nothing was watched which a cut could touch.
    """
    targets = run.control.targets
    watched = run.experiment.has_hypothesis or not all(target.external for target in targets)
    if run.tested and targets and not watched:
        yield Reason("all_external", {})


def _against(run: Run, recovery: Recovery) -> list[str]:
    """
    Return the keys of the reasons that a target's recovery gives against the network.
    """
    late = recovery.is_late
    reasons = {
        "rto": recovery.exceeded,
        "rto_again": recovery.exceeded_again,
        "rto_open": recovery.exceeded_at_stop and not recovery.ended_unstopped,
        "rto_unstopped": recovery.exceeded_at_stop and recovery.ended_unstopped,
        "unrecovered": not late and _unrecovered(run, recovery),
        "down_at_end": recovery.open_at_end and not recovery.cut_off,
        "rto_back": recovery.exceeded_back and not recovery.open_at_end,
        "rto_open_back": recovery.exceeded_back and recovery.open_at_end and recovery.cut_off,
        "not_seen_back": recovery.open_at_end and recovery.cut_off and not recovery.exceeded_back,
        "unseen": not late and recovery.may_exceed,
    }
    return [key for key, applies in reasons.items() if applies]


def _unsettled(run: Run, recovery: Recovery) -> list[str]:
    """
    Return the key of the reason that the failover was not seen to settle before the way back.
    """
    told = recovery.is_late or _unrecovered(run, recovery)
    if recovery.settled or told or recovery.external or run.cut_short:
        return []
    return [UNSETTLED[0] if _was_stopped(run, recovery) else UNSETTLED[1]]


def _unrecovered(run: Run, recovery: Recovery) -> bool:
    if recovery.ended_unstopped:
        return False
    if recovery.down_at_stop and recovery.stop_at:
        return not run.cut_short and _was_stopped(run, recovery)
    return any(loss and loss.at_most == inf for loss in (recovery.failover, recovery.worst_during))


def _was_stopped(run: Run, recovery: Recovery) -> bool:
    """
    Tell whether the run itself stopped the cut, so that its end is known to the instant.
    """
    tests = [test for test in run.tests if recovery.test in (test.test, test.job_id)]
    return all(test.stopped for test in tests)


def _favour(recovery: Recovery) -> str:
    if recovery.failover is None:
        return "no_loss_seen" if recovery.unseen_during else "no_loss"
    if recovery.persistent:
        return "persistent"
    return "recovered" if recovery.rto is None else "within_rto"


def _values(
    recovery: Recovery, key: str, length: Length | None = None, lost: int = 0
) -> dict[str, str]:
    length = length or _length(recovery, key)
    return {
        "target": brief(recovery.target),
        "test": brief(recovery.test or "?"),
        "rto": _seconds(recovery.rto or 0.0),
        "interval": _seconds(recovery.interval or 0.0),
        "at_least": _seconds(length.at_least),
        "at_most": _seconds(length.at_most),
        **(_hold(recovery) if key in UNSETTLED else {}),
        **({"lost": _count(lost), "flows": _count(len(recovery.flows))} if lost else {}),
    }


def _hold(recovery: Recovery) -> dict[str, str]:
    at = f"{recovery.stop_at:%H:%M:%S}" if recovery.stop_at else "?"
    return {"hold": _seconds(RECOVERY_HOLD), "at": at}


def _length(recovery: Recovery, key: str) -> Length:
    """
    Return the length that a reason quotes.
    """
    back = [loss for loss in (recovery.worst_after, recovery.reversion) if loss]
    lengths = {
        "rto_again": recovery.worst_during,
        "rto_open": recovery.open_at_stop,
        "rto_unstopped": recovery.open_at_stop,
        "rto_back": max(back, key=lambda loss: loss.at_most, default=None),
        "rto_open_back": max(back, key=lambda loss: loss.at_least, default=None),
        "unseen": Length(0.0, max(recovery.unseen_during, recovery.unseen_after)),
        "rto": recovery.failover,
    }
    return lengths.get(key, recovery.shown) or Length(0.0, 0.0)


def _seconds(value: float) -> str:
    """
    Write seconds to the millisecond, without trailing zeros.
    """
    return "\u221e" if value == inf else f"{value:.3f}".rstrip("0").rstrip(".")


def _count(value: float) -> str:
    return f"{value:.0f}"


RULES: tuple[Rule, ...] = (
    _baseline,
    _samples,
    _objectives,
    _gaps,
    _recoveries,
    _flows,
    _external,
)
