"""
The schedule of one target, and its track: checks under way and samples in the order of sending.
"""

from collections import deque
from dataclasses import dataclass
from itertools import product
from math import ceil

from chaosfailover.outages.flapping import RECOVERY_HOLD, coalesce
from chaosfailover.outages.flow import Flow
from chaosfailover.outages.outage import Length, Outage, find_outages
from chaosfailover.outages.sample_code import SampleEncoder
from chaosfailover.outages.samples import Run, Sample
from chaosfailover.outages.series import Series
from chaosfailover.prober.check import Check, Opened
from chaosfailover.prober.echo_datagrams import Receipt, Report, fate
from chaosfailover.prober.targets import Target

__all__ = ["Schedule", "Ticket", "Track"]


class Schedule:
    """
    The instants at which a target is due: evenly spaced, whatever the answers do.

    Instants that have passed are left out: a burst of checks measures nothing.
    """

    def __init__(self, began: float, interval: float) -> None:
        self._began = began
        self._interval = interval
        self._tick = 0

    @property
    def due(self) -> float:
        """
        The next instant.
        """
        return self._began + self._tick * self._interval

    def advance(self, now: float) -> None:
        """
        Go on to the next instant that has not passed.
        """
        self._tick = max(self._tick + 1, ceil((now - self._began) / self._interval))


@dataclass(slots=True, eq=False)
class Ticket:
    """
    A check under way, or one that waits for those sent before it.
    """

    done: bool = False
    sample: Sample | None = None
    receipt: Receipt | None = None


class Track:
    """
    One flow of a target, its check and its samples; a target without flows has one track.

    Checks overlap and end in any order; samples enter the series in the order of sending, at most
    one time limit later. With a `code`, they are written there first.
    """

    def __init__(self, target: Target, check: Check, *, coded: bool = False) -> None:
        self.target = target
        self.check = check
        self.interval = target.interval or 0.0
        self.timeout = target.timeout or 0.0
        self.flow = Flow(self.interval)
        self.code = SampleEncoder(self.interval) if coded else None
        self._waiting: deque[Ticket] = deque()
        self._answered_at = float("-inf")

    @property
    def series(self) -> Series:
        """
        The samples.
        """
        return self.flow.series

    @property
    def unjudged(self) -> int:
        """
        The checks without a result.
        """
        return self.flow.unjudged

    def most_sockets(self, addresses: int) -> int:
        """
        Return how many sockets its checks hold while it is down: one for each address of each check
        under way. Those of a persistent target take turns, beside the connection that is kept.
        """
        at_once = 1 if self.target.persistent else ceil(self.timeout / self.interval) + 1
        return at_once * addresses

    def begin(self) -> Ticket:
        """
        Note that a check is being sent.
        """
        ticket = Ticket()
        self._waiting.append(ticket)
        return ticket

    def end(self, ticket: Ticket, sample: Sample | None) -> list[Outage]:
        """
        Note the result of a check; None if the failure was ours.

        Returns the outages that begin or end with the samples that enter the series now.
        """
        ticket.done, ticket.sample = True, sample
        if sample and sample.ok:
            self._answered_at = max(self._answered_at, sample.at)
        changes: list[Outage] = []
        self._take_notes()
        while self._waiting and self._waiting[0].done:
            first = self._waiting.popleft()
            if first.sample is None:
                self._skip()
            else:
                changes += self._take(first.sample, first.receipt)
        return changes

    def mark(self, at: float) -> None:
        """
        Divide the timeline at an instant.
        """
        self.flow.mark(at)
        if self.code:
            self.code.mark(at)

    def close(self, at: float) -> None:
        """
        Note that checks were due up to this instant.
        """
        self._take_notes()
        self.flow.end(at)
        if self.code:
            self.code.end(at)

    def _skip(self) -> None:
        self.flow.skip()
        if self.code:
            self.code.skip()

    def _take(self, sample: Sample, receipt: Receipt | None) -> list[Outage]:
        was_down = self.is_down
        if sample.ok and receipt:
            self._tell(receipt.report)
        written = self.code.encode(sample) if self.code else sample
        self.flow.add(written, receipt.number if receipt else 0)
        return [] if self.is_down == was_down else [self.last_outage(sample.at)]

    def _tell(self, report: Report | None) -> None:
        """
        Note what the report of an answer tells of the losses before it.
        """
        begins = self.flow.directions is None
        if begins and report is None:
            return
        directions = self.flow.begin_directions()
        lost = directions.waiting
        if lost or begins:
            fates = "".join(fate(report, self.check.latest, number) for number in lost)
            directions.tell(fates)
            if self.code:
                self.code.tell(fates)

    def _take_notes(self) -> None:
        takers: list[Flow | SampleEncoder] = [self.flow, *([self.code] if self.code else [])]
        notes, self.check.notes = self.check.notes, []
        for note, taker in product(notes, takers):
            if isinstance(note, Opened):
                taker.open(*note)
            else:
                taker.close(*note)

    @property
    def is_down(self) -> bool:
        """
        Whether the last sample of the series failed.
        """
        return bool(self.series.runs) and self.series.runs[-1].error is not None

    def last_outage(self, now: float) -> Outage:
        """
        Return the last outage, up to now if it goes on.
        """
        return find_outages(self.series.runs[-9:], now)[-1]

    def current_outage(self, now: float) -> Length | None:
        """
        Return the bounds of the outage that goes on; None if the target answers.

        An answer to a later check ends it, even while earlier checks are still awaited. Losses
        within the recovery hold of each other are one outage.
        """
        if not self.is_down or self._answered_at > self.series.runs[-1].until:
            return None
        outage = coalesce(find_outages(self._last_spell(), now))[-1]
        since = max(outage.since[0], self.series.runs[0].since)
        return Length(outage.at_least, now - since)

    def _last_spell(self) -> list[Run]:
        """
        Return the runs from the last good one before the last spell of losses on.
        """
        runs = self.series.runs
        first = len(runs) - 1
        while first >= 2 and runs[first].edge - runs[first - 1].edge <= RECOVERY_HOLD:
            first -= 2
        return runs[max(0, first - 1) :]
