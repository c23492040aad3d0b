"""
The recovery of each target in each cut: how long it was down, against its objective.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf

from chaosfailover.outages.outage import Length
from chaosfailover.outages.pooled import worst

__all__ = ["Bounds", "Directions", "FlowRecovery", "Loss", "Recovery", "Share", "Way"]


@dataclass(frozen=True, slots=True)
class Share:
    """
    The checks that were lost, of those sent, from the first loss of a phase to its last.
    """

    lost: float | None
    sent: float | None


@dataclass(frozen=True, slots=True)
class Way:
    """
    What was lost on the way out, or on the way back, as `outages.cut_details.Way` names it.
    """

    lost_during: float | None
    flows: float | None
    failover: Length | None
    unseen_during: float
    lost_after: float | None
    flows_back: float | None
    reversion: Length | None
    unseen_after: float


@dataclass(frozen=True, slots=True)
class Directions:
    """
    The losses apart by their way, and those of which the way is not known.
    """

    out: Way
    back: Way
    not_known_during: float | None
    not_known_after: float | None


@dataclass(frozen=True, slots=True)
class FlowRecovery:
    """
    One flow of a target in one cut: its source port, its checks from the cut to the stop, and what
    became of the connection that it kept, "" of a datagram's flow.

    A connection has `survived`, is `stalled` at the end of the phase, or ended by a failure such as
    `reset`; `stalled` is how long one that ended had stalled before.
    """

    number: float | None
    port: float | None
    sent: float | None
    lost: float | None
    connection: str
    stalled: Length | None
    connection_back: str
    recovery: "Recovery"


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    The earliest and the latest instant of something; None where there is no such bound.
    """

    earliest: datetime | None
    latest: datetime | None


@dataclass(frozen=True, slots=True)
class Loss:
    """
    A time in which checks were lost: when it began, and when it was over for good.
    """

    since: Bounds
    until: Bounds


@dataclass(frozen=True, slots=True)
class Recovery:
    """
    One target in one cut, as `outages.summary.Summary` names it.

    `failover` is None if nothing was lost, `reversion` if nothing was lost on the way back.
    `worst_during` is the longest loss that was over at the stop, `worst_after` the longest after
    it. `unseen_during` and `unseen_after` bound a loss that includes time without checks, 0 without
    any. `settled`, `down_at_stop` and `open_at_stop` are as in `outages.settled.AtStop`; what is
    not known to have settled has not. A `persistent` target keeps one connection, whose stall is no
    outage of the network: no objective applies to it but its own, and with one it counts as any
    other. After a signal, or when the run was killed, the measurement is `cut_off`: a loss that is
    open at its end is as long as it was seen, which without a stop is `open_at_stop`. That an
    `external` target was there says nothing for the network. `loss` is the first one after the cut,
    `loss_back` the first one after the stop.

    Of a target with `flows`, the lengths are those of the worst flow, and each flow has its own
    recovery. `directions` are there if a responder told them, a `share` if there are no flows.
    """

    target: str
    test: str
    cut_at: datetime | None
    stop_at: datetime | None
    rto: float | None
    interval: float | None
    failover: Length | None
    reversion: Length | None
    worst_during: Length | None
    worst_after: Length | None
    unseen_during: float
    unseen_after: float
    settled: bool
    down_at_stop: bool
    open_at_stop: Length | None
    persistent: bool
    cut_off: bool
    external: bool
    loss: Loss
    loss_back: Loss
    flows: Sequence[FlowRecovery]
    share: Share | None
    share_back: Share | None
    directions: Directions | None

    @property
    def each(self) -> "Sequence[Recovery]":
        """
        The recoveries to judge: those of the flows, or this one.
        """
        return [flow.recovery for flow in self.flows] or [self]

    @property
    def exceeded(self) -> bool:
        """
        Whether the pessimistic bound of the failover time is longer than the objective.
        """
        return not self._is_cut_off and self._over(self.failover)

    @property
    def exceeded_again(self) -> bool:
        """
        Whether a later loss was longer than the objective, though the failover time is not.
        """
        return not self.exceeded and self._over(self.worst_during)

    @property
    def exceeded_at_stop(self) -> bool:
        """
        Whether an outage had lasted longer than the objective when the stop found it open.

        How long it would have gone on is unknown.
        """
        return self._over(self.open_at_stop)

    @property
    def is_late(self) -> bool:
        """
        Whether anything was lost for longer than the objective before the way back.
        """
        return self.exceeded or self.exceeded_again or self.exceeded_at_stop

    @property
    def exceeded_back(self) -> bool:
        """
        Whether something was lost on the way back for longer than the objective.
        """
        if self.open_at_end and self.cut_off:
            return self._over(Length(0.0, max(loss.at_least for loss in self._back)))
        return any(self._over(loss) for loss in self._back)

    @property
    def open_at_end(self) -> bool:
        """
        Whether the target was still down when the measurement ended.
        """
        return any(loss.at_most == inf for loss in self._back)

    @property
    def ended_unstopped(self) -> bool:
        """
        Whether the measurement was cut off before the stop.
        """
        return self.cut_off and self.stop_at is None

    @property
    def may_exceed(self) -> bool:
        """
        Whether something longer than the objective may have gone unseen.
        """
        return self._over(Length(0.0, max(self.unseen_during, self.unseen_after)))

    @property
    def shown(self) -> Length | None:
        """
        The failover time, unmeasured time counted as lost; None if nothing was lost.

        It is open-ended if the stop came first, since the stop itself brought the path back.
        """
        if self.flows:
            return worst(it.shown for it in self.each)
        if self.open_at_stop and self._is_cut_off:
            return Length(self.open_at_stop.at_least, inf)
        return _widened(self.failover, self.unseen_during)

    @property
    def shown_back(self) -> Length | None:
        """
        The reversion time, unmeasured time counted as lost; None if nothing was lost.
        """
        return worst(_widened(it.reversion, it.unseen_after) for it in self.each)

    @property
    def lost_flows(self) -> Sequence[FlowRecovery]:
        """
        The flows that lost anything from the cut to the stop.
        """
        return [flow for flow in self.flows if flow.recovery.failover]

    @property
    def lost_flows_back(self) -> Sequence[FlowRecovery]:
        """
        The flows that lost anything on the way back.
        """
        return [flow for flow in self.flows if flow.recovery.reversion]

    @property
    def _is_cut_off(self) -> bool:
        """
        Whether the first loss after the cut was still open at the stop.
        """
        return self.open_at_stop is not None and self.worst_during is None

    @property
    def _back(self) -> list[Length]:
        return [loss for loss in (self.reversion, self.worst_after) if loss]

    def _over(self, length: Length | None) -> bool:
        if self.rto is None or self.persistent or length is None:
            return False
        if self.ended_unstopped and length.at_most == inf:
            return False
        return length.at_most > self.rto


def _widened(length: Length | None, unseen: float) -> Length | None:
    if not unseen:
        return length
    at_least, at_most = length or Length(0.0, 0.0)
    return Length(at_least, max(at_most, unseen))
