"""
Samples, the results of checks, and their run-length code: equal results in a row are one `Run`.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["LONG_GAP", "Count", "Encoder", "Gap", "Run", "Sample", "count_after"]

LONG_GAP = 1.0  # a longer gap may hide a recovery
RECENT = 64  # successes that show how long an answer usually takes


class Sample(NamedTuple):
    """
    The result of one check.

    `at` is the monotonic instant just before the first packet was sent, `late` its distance from
    the schedule. `rtt` is None unless `ok`. `error` is the kind of failure. `spent` is the time
    from `at` to the refusal, or to the last data that was sent and not answered; of an answer, by
    how much `at` may be too early.
    """

    at: float
    ok: bool
    rtt: float | None = None
    error: str | None = None
    late: float = 0.0
    spent: float = 0.0


class Count(NamedTuple):
    """
    The checks of a series that were sent and lost up to some point, and the runs of losses.
    """

    sent: int = 0
    lost: int = 0
    runs: int = 0


NOTHING = Count()


@dataclass(slots=True)
class Run:
    """
    Equal results in a row; `error` is None for successes, else the first kind of failure.

    `since` and `until` are the first and the last instant of sending. `edge` is the earliest
    instant at which a reply had come, or a reply was overdue. `solid` is the time from the first to
    the last sending without the gaps; long gaps divide it, and the longest part counts. `lost`
    equals `count` in a run of failures; in a run of successes it counts the failures that were
    folded into it. `before` counts all earlier runs.
    """

    since: float
    until: float
    count: int
    lost: int
    error: str | None
    edge: float
    solid: float = 0.0
    before: Count = NOTHING


class Gap(NamedTuple):
    """
    A time without samples: not up, not down, not measured.
    """

    since: float
    until: float


class Encoder:
    """
    Run-length code of one target's samples, which must come in the order of sending.

    More than two intervals between two sendings are a gap. `unmeasured` is the length of all gaps,
    those included that are no longer on the list. `doubts` are the times with checks that were not
    judged: those may have been lost, also where others were answered meanwhile.
    """

    def __init__(self, interval: float) -> None:
        self.runs: list[Run] = []
        self.gaps: list[Gap] = []
        self.doubts: list[Gap] = []
        self.unmeasured = 0.0
        self._blind = 2 * interval
        self._skipped = False
        self._stretch = 0.0
        self._recent: deque[tuple[float, float]] = deque(maxlen=RECENT)
        self._usual = 0.0

    def add(self, sample: Sample) -> None:
        """
        Append one sample.
        """
        changed = not self.runs or (self.runs[-1].error is None) != sample.ok
        if self.runs:
            self._note_gap(sample.at)
        if changed:
            self._begin(sample)
        self._extend(self.runs[-1], sample)

    def skip(self) -> None:
        """
        Note that the check after the last sample was not judged.
        """
        self._skipped = True

    def end(self, at: float) -> None:
        """
        Note that checks were due up to this instant.
        """
        if self.runs:
            self._note_gap(at)

    def _note_gap(self, at: float) -> None:
        gap = Gap(self.runs[-1].until, at)
        if self._skipped:
            self._doubt(gap)
        length = gap.until - gap.since
        if length > self._blind:
            self.gaps.append(gap)
            self.unmeasured += length
            self._stretch = at if length > LONG_GAP else self._stretch + length

    def _doubt(self, time: Gap) -> None:
        self._skipped = False
        if self.doubts and self.doubts[-1].until == time.since:
            self.doubts[-1] = Gap(self.doubts[-1].since, time.until)
        else:
            self.doubts.append(time)

    def _begin(self, sample: Sample) -> None:
        if not sample.ok:
            self._usual = max(
                (rtt for answered_at, rtt in self._recent if answered_at <= sample.at), default=0
            )
        self._stretch = sample.at
        error = None if sample.ok else sample.error or "lost"
        before = count_after(self.runs[-1]) if self.runs else NOTHING
        self.runs.append(Run(sample.at, sample.at, 0, 0, error, float("inf"), before=before))

    def _extend(self, run: Run, sample: Sample) -> None:
        judged_at = sample.at + (sample.rtt or 0.0 if sample.ok else self._usual) + sample.spent
        run.until = sample.at
        run.count += 1
        run.lost += not sample.ok
        run.edge = min(run.edge, judged_at)
        run.solid = max(run.solid, sample.at - self._stretch)
        if sample.ok:
            self._recent.append((judged_at, judged_at - sample.at))


def count_after(run: Run) -> Count:
    """
    Return the counts at the end of a run into which nothing was folded.
    """
    sent, lost, runs = run.before
    return Count(sent + run.count, lost + run.lost, runs + (run.error is not None))
