"""
What checks yield, and its run-length code: equal results in a row are one `Run`.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "LONG_GAP",
    "NOTHING",
    "Count",
    "Encoder",
    "Gap",
    "Run",
    "Sample",
    "count_after",
    "encode",
]

LONG_GAP = 1.0  # a longer one may hide a recovery that deserves the name
RECENT = 64  # successes that tell how long a check in flight may take


class Sample(NamedTuple):
    """
    The result of one check, judged by the instant of its sending.

    `at` is the monotonic instant just before the first packet was handed to the kernel and `late`
    how far that was behind the schedule. `rtt` is None unless `ok`. `error` is the kind of
    failure. `spent` is how long after `at` a failed check was still seen to move: until the
    refusal, or until it said its last word into the silence.
    """

    at: float
    ok: bool
    rtt: float | None = None
    error: str | None = None
    late: float = 0.0
    spent: float = 0.0


class Count(NamedTuple):
    """
    How many checks of a series were sent and lost up to some point, and in how many runs of losses.
    """

    sent: int = 0
    lost: int = 0
    runs: int = 0


NOTHING = Count()


@dataclass(slots=True)
class Run:
    """
    Samples of one result in a row; `error` is None for successes, else the first kind of failure.

    `since` and `until` are the first and the last send instant. `edge` is the earliest instant by
    which the result is known: a reply had come, or what was lost had been sent and was overdue.
    `solid` is the time from the first to the last send without the gaps; after a long gap it is
    counted anew, and the longest part stands. `lost` equals `count` in a run of failures; in a run
    of successes it counts the failures that were folded into it. `before` counts all earlier runs.
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
    A time in which nothing was sent that tells of the target: not up, not down, not measured.
    """

    since: float
    until: float


class Encoder:
    """
    Run-length code of one target's samples, which must come in the order of their send instants.

    More than two intervals between two send instants are a gap. `unmeasured` is how long all gaps
    lasted, also those that somebody has taken off the list.
    """

    def __init__(self, interval: float) -> None:
        self.runs: list[Run] = []
        self.gaps: list[Gap] = []
        self.unmeasured = 0.0
        self._blind = 2 * interval
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

    def end(self, at: float) -> None:
        """
        Note that checks were to be sent up to this instant.
        """
        if self.runs:
            self._note_gap(at)

    def _note_gap(self, at: float) -> None:
        gap = Gap(self.runs[-1].until, at)
        length = gap.until - gap.since
        if length > self._blind:
            self.gaps.append(gap)
            self.unmeasured += length
            self._stretch = at if length > LONG_GAP else self._stretch + length

    def _begin(self, sample: Sample) -> None:
        if not sample.ok:
            self._usual = max((rtt for heard, rtt in self._recent if heard <= sample.at), default=0)
        self._stretch = sample.at
        error = None if sample.ok else sample.error or "lost"
        before = count_after(self.runs[-1]) if self.runs else NOTHING
        self.runs.append(Run(sample.at, sample.at, 0, 0, error, float("inf"), before=before))

    def _extend(self, run: Run, sample: Sample) -> None:
        known = sample.at + (sample.rtt or 0.0 if sample.ok else sample.spent + self._usual)
        run.until = sample.at
        run.count += 1
        run.lost += not sample.ok
        run.edge = min(run.edge, known)
        run.solid = max(run.solid, sample.at - self._stretch)
        if sample.ok:
            self._recent.append((known, known - sample.at))


def count_after(run: Run) -> Count:
    """
    Return the counts at the end of a run into which nothing was folded.
    """
    sent, lost, runs = run.before
    return Count(sent + run.count, lost + run.lost, runs + (run.error is not None))


def encode(samples: Iterable[Sample], interval: float) -> Encoder:
    """
    Encode samples in any order.
    """
    encoder = Encoder(interval)
    for sample in sorted(samples, key=lambda sample: sample.at):
        encoder.add(sample)
    return encoder
