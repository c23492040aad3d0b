"""
All samples of one target in little room: run-length coded results, counts and a time line.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from math import inf
from typing import Any

from chaosfailover.outages.flapping import coalesce
from chaosfailover.outages.histogram import Histogram, Timeline
from chaosfailover.outages.outage import Outage, find_outages
from chaosfailover.outages.partial_loss import Cadence
from chaosfailover.outages.samples import NOTHING, Encoder, Gap, Run, Sample, count_after

__all__ = ["Series", "load_runs"]

MOST_RUNS = 1000
MOST_GAPS = 1000
MOST_SPELLS = 1000


class Series:
    """
    One target's samples, in the order of their sending.

    Memory is bounded: of more than 500 outages the shorter half is folded, which keeps
    their number, their losses and the sum of their bounds, but not each one's place. The longest
    outages and the longest gaps are always kept. `folded_spells` holds when something was lost that
    is folded, what lies within 5 s of each other as one, but never beyond a mark: the first and the
    longest of each phase, from loss to loss, are always kept.
    """

    def __init__(self, interval: float) -> None:
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
        self._encoder = Encoder(interval)

    @property
    def runs(self) -> list[Run]:
        """
        The run-length code; the last run still grows.
        """
        return self._encoder.runs

    @property
    def span(self) -> tuple[float, float]:
        """
        From the first check to the last, or to where the last should have been.
        """
        if not self.runs:
            return 0.0, 0.0
        last = self.gaps[-1].until if self.gaps else -inf
        return self.runs[0].since, max(self.runs[-1].until, last)

    @property
    def gaps(self) -> list[Gap]:
        """
        The times in which nothing was sent for more than two intervals.
        """
        return self._encoder.gaps

    @property
    def unmeasured(self) -> float:
        """
        How long all gaps lasted, also those that are not kept.
        """
        return self._encoder.unmeasured

    @property
    def cadence(self) -> Cadence:
        """
        How often the target was checked, from when to when, and when it was not.
        """
        return Cadence(self.interval, *self.span, tuple(self.gaps))

    def add(self, sample: Sample) -> None:
        """
        Append one sample.
        """
        self._encoder.add(sample)
        self.sent += 1
        self.lateness.add(max(sample.late, 0.0))
        self.timeline.add(sample.at, sample.rtt if sample.ok else None)
        if not sample.ok:
            self.lost += 1
            self.errors[sample.error or "lost"] += 1
        if len(self.runs) > MOST_RUNS:
            self._fold()
        if len(self.gaps) > MOST_GAPS:
            self._encoder.gaps = _longer_half(self.gaps)

    def end(self, at: float) -> None:
        """
        Note that the target was to be checked up to this instant, whether it was or not.
        """
        self._encoder.end(at)

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
        self._encoder.runs = _without(runs, short)

    def _needed_spells(self) -> list[Outage]:
        """
        Drop the shorter half of the spells, joined with what is not folded, save each phase's first
        and longest, one that may reach into a phase, and the last, which may go on.
        """
        marks = self.timeline.marks
        ended = [one for one in find_outages(self.runs) if one.until[0] < self.runs[-2].since]
        known = coalesce([*self.folded_spells, *ended], marks)
        size = [one.at_most for one in known]
        ranked = sorted(range(len(known)), key=size.__getitem__)
        last = len(known) - 1
        needed = {*ranked[-(MOST_SPELLS // 2) :], last}
        borders = [bisect_left(known, mark, key=lambda one: one.since[1]) for mark in marks]
        bounds = zip(
            pairwise([-inf, *marks, inf]), pairwise([0, *borders, len(known)]), strict=True
        )
        for (since, until), (begin, end) in bounds:
            needed |= {begin - 1, begin}
            # The last is kept, and may yet outgrow the phase, so it stands for no other.
            needed |= {
                begin + index for index in _longest(known[begin:end][: last - begin], since, until)
            }
        return [one for index, one in enumerate(known) if index in needed]

    def as_dict(self, began: float = 0.0) -> dict[str, Any]:
        """
        Return the series as plain data for JSON; instants count from `began`.

        `runs` holds since, until, count, lost, error, edge and solid, see `Run`; `gaps` since and
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
            "slots": self._slots(began),
        }

    def _slots(self, began: float) -> list[list[float | None]]:
        rows: list[list[float | None]] = []
        for slot in self.timeline.slots:
            rtts = slot.rtts.percentiles()
            row = [slot.since - began, slot.until - began, slot.sent, slot.lost]
            row += [rtts.least, rtts.p50, rtts.p95, rtts.most] if rtts else []
            rows.append([*(round(value, 6) for value in row), *[None] * (8 - len(row))])
        return rows


def load_runs(series: Mapping[str, Any]) -> list[Run]:
    """
    Read the runs back from `Series.as_dict`, so that outages can be found again.
    """
    runs: list[Run] = []
    for row in series["runs"]:
        runs.append(Run(*row))
        runs[-1].before = count_after(runs[-2]) if runs[1:] else NOTHING
    return runs


def _row(run: Run, began: float) -> list[Any]:
    since, until, edge = (round(at - began, 6) for at in (run.since, run.until, run.edge))
    return [since, until, run.count, run.lost, run.error, edge, round(run.solid, 6)]


def _longest(spells: list[Outage], since: float, until: float) -> set[int]:
    """
    Return where the longest of a phase stands, and the longest of those that ended with it.
    """
    # Time before the phase does not count.
    sizes = [one.until[1] - max(one.since[0], since) for one in spells]
    ended = [
        size if one.until[1] <= until else 0.0 for one, size in zip(spells, sizes, strict=True)
    ]
    return {found.index(max(found)) for found in (sizes, ended) if found}


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
