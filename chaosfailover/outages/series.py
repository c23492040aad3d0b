"""
The samples of one target in bounded memory: run-length coded results, counts and a timeline.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from math import inf

from chaosfailover.outages.flapping import RECOVERY_HOLD, coalesce
from chaosfailover.outages.histogram import Histogram, Slot, Timeline
from chaosfailover.outages.outage import Outage, find_outages
from chaosfailover.outages.partial_loss import Cadence
from chaosfailover.outages.samples import Encoder, Gap, Run, Sample

__all__ = ["Series", "slot_rows"]

MOST_RUNS = 1000
MOST_GAPS = 1000
MOST_SPELLS = 1000


class Series(Encoder):
    """
    One target's samples, in the order of sending.

    Of more than 500 outages the shorter half is folded: their number, their losses and the sum of
    their bounds are kept, but not their instants. Of gaps, the longer half is kept.
    `folded_spells` holds the folded outages, joined to spells within each phase; of these, the
    first and the longest of each phase are always kept. Of many doubts, neighbours are joined.
    """

    def __init__(self, interval: float) -> None:
        super().__init__(interval)
        self.interval = interval
        self.sent = 0
        self.lost = 0
        self.errors: Counter[str] = Counter()
        self.lateness = Histogram()
        self.timeline = Timeline()
        self.folded = 0
        self.folded_at_least = 0.0
        self.folded_at_most = 0.0
        self.folded_spells: list[Outage] = []

    @property
    def span(self) -> tuple[float, float]:
        """
        The instants of the first check and of the last, or of when the last was due.
        """
        if not self.runs:
            return 0.0, 0.0
        last = self.gaps[-1].until if self.gaps else -inf
        return self.runs[0].since, max(self.runs[-1].until, last)

    @property
    def cadence(self) -> Cadence:
        """
        The interval, the span, the gaps and the doubts of the checks.
        """
        return Cadence(self.interval, *self.span, tuple(self.gaps), tuple(self.doubts))

    def add(self, sample: Sample) -> None:
        """
        Append one sample.
        """
        super().add(sample)
        self.sent += 1
        self.lateness.add(max(sample.late, 0.0))
        self.timeline.add(sample.at, sample.rtt if sample.ok else None)
        if not sample.ok:
            self.lost += 1
            self.errors[sample.error or "lost"] += 1
        if len(self.runs) > MOST_RUNS:
            self._fold()
        if len(self.gaps) > MOST_GAPS:
            self.gaps = _longer_half(self.gaps)
        if len(self.doubts) > MOST_GAPS:
            pairs = zip(self.doubts[::2], self.doubts[1::2], strict=False)
            rest = self.doubts[len(self.doubts) & ~1 :]
            self.doubts = [*(Gap(first.since, second.until) for first, second in pairs), *rest]

    def _fold(self) -> None:
        runs = self.runs
        inner = [i for i in range(1, len(runs) - 2) if runs[i].error is not None]
        inner.sort(key=lambda i: runs[i + 1].edge - runs[i - 1].until)
        short = set(inner[: len(inner) // 2])
        self.folded += len(short)
        folded = [find_outages(runs[index - 1 : index + 2])[0] for index in sorted(short)]
        self.folded_at_least += sum(outage.at_least for outage in folded)
        self.folded_at_most += sum(outage.at_most for outage in folded)
        self.folded_spells = coalesce([*self.folded_spells, *folded], self.timeline.marks)
        if len(self.folded_spells) > MOST_SPELLS:
            self.folded_spells = self._needed_spells()
        self.runs = _without(runs, short)

    def _needed_spells(self) -> list[Outage]:
        """
        Return the longer half of the spells, joined with the outages that are not folded.

        Always included are each phase's first and longest spell, one that may reach into a phase,
        and the last, which may go on.
        """
        marks = self.timeline.marks
        ended = [it for it in find_outages(self.runs) if it.until[0] < self.runs[-2].since]
        spells = coalesce([*self.folded_spells, *ended], marks)
        ranked = sorted(range(len(spells)), key=lambda index: spells[index].at_most)
        last = len(spells) - 1
        needed = {*ranked[-(MOST_SPELLS // 2) :], last}
        borders = [bisect_left(spells, mark, key=lambda it: it.since[1]) for mark in marks]
        phases = zip(
            pairwise([-inf, *marks, inf]), pairwise([0, *borders, len(spells)]), strict=True
        )
        for (since, until), (begin, end) in phases:
            needed |= {begin - 1, begin}
            # The last spell may outgrow its phase, so it is no candidate for the longest.
            inside = spells[begin:end][: last - begin]
            needed |= {begin + index for index in _longest(inside, since, until)}
        return [spell for index, spell in enumerate(spells) if index in needed]

    def as_dict(self, began: float = 0.0) -> dict[str, object]:
        """
        Return the series as plain data for JSON; instants count from `began`.

        `runs` are since, until, count, lost, error, edge and solid, see `Run`; `gaps` since and
        until; `slots` since, until, sent, lost and the least, median, 95th percentile and greatest
        round trip (null without an answer).
        """
        return {
            "interval": self.interval,
            "sent": self.sent,
            "lost": self.lost,
            "errors": dict(self.errors),
            "unmeasured": round(self.unmeasured, 6),
            "folded": [self.folded, round(self.folded_at_least, 6), round(self.folded_at_most, 6)],
            "runs": [_row(run, began) for run in self.runs],
            "gaps": [[round(at - began, 6) for at in gap] for gap in self.gaps],
            "slots": slot_rows(self.timeline.slots, began),
        }


def slot_rows(slots: Iterable[Slot], began: float) -> list[list[float | None]]:
    """
    Return slots of a timeline as rows of plain data.
    """
    rows: list[list[float | None]] = []
    for slot in slots:
        rtts = slot.rtts.percentiles()
        row = [slot.since - began, slot.until - began, slot.sent, slot.lost]
        row += [rtts.least, rtts.p50, rtts.p95, rtts.most] if rtts else []
        rows.append([*(round(value, 6) for value in row), *[None] * (8 - len(row))])
    return rows


def _row(run: Run, began: float) -> list[float | str | None]:
    since, until, edge = (round(at - began, 6) for at in (run.since, run.until, run.edge))
    return [since, until, run.count, run.lost, run.error, edge, round(run.solid, 6)]


def _longest(spells: list[Outage], since: float, until: float) -> set[int]:
    """
    Return the indexes of the longest spell of a phase, and of the longest that was over in it.
    """
    # Time before the phase does not count.
    sizes = [it.until[1] - max(it.since[0], since) for it in spells]
    over = [it.until[1] + RECOVERY_HOLD <= until for it in spells]
    ended = [size if is_over else 0.0 for is_over, size in zip(over, sizes, strict=True)]
    return {lengths.index(max(lengths)) for lengths in (sizes, ended) if lengths}


def _longer_half(gaps: list[Gap]) -> list[Gap]:
    longer = sorted(gaps, key=lambda gap: gap.until - gap.since)[len(gaps) // 2 :]
    return sorted(longer)


def _without(runs: list[Run], folded: set[int]) -> list[Run]:
    """
    Join the successes on both sides of each folded run of failures.
    """
    kept: list[Run] = []
    for index, run in enumerate(runs):
        if index - 1 in folded or index in folded:
            kept[-1].until = run.until
            kept[-1].count += run.count
            kept[-1].lost += run.lost
        else:
            kept.append(run)
    return kept
