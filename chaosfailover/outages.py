"""
Outages and their honest lengths, from samples.

A success sent at `s` and answered at `a` shows that the path was up at some moment in between; a
failure sent at `f` shows that it was down at some moment from `f` on, at the latest when the
answer would usually have come. So an outage of the samples

    . x x x .
    s f   l s'      a' the answer to s'

began after `s` and at the latest when `f` was overdue, and ended after `l` and before `a'`. With
samples each `p` seconds, instant answers and `n` lost in a row that is between `(n-1)p` and
`(n+1)p`. Lengths are in seconds, instants are those of the samples: monotonic.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import NamedTuple

from chaosfailover.samples import LONG_GAP, Gap, Run, Sample, encode

__all__ = [
    "Length",
    "Outage",
    "coalesce",
    "find_outages",
    "longest",
    "outages",
    "spells",
    "time_lost",
    "time_unseen",
    "worst_lost",
]

SETTLE = 5.0


class Length(NamedTuple):
    """
    A length that is known to lie between two numbers; a promise is checked against `at_most`.
    """

    at_least: float
    at_most: float


@dataclass(frozen=True, slots=True)
class Outage:
    """
    A maximal run of failed samples.

    `since` and `until` are each an earliest and a latest instant. `began_before` says that the
    first sample had failed already, `ongoing` that the last one did; the length is then open and
    `at_most` infinite, save that an outage asked for while it goes on is measured up to now.
    `error` is the first kind of failure.
    """

    at_least: float
    at_most: float
    lost: int = 0
    error: str | None = None
    since: tuple[float, float] = (-inf, inf)
    until: tuple[float, float] = (-inf, inf)
    began_before: bool = False
    ongoing: bool = False


def outages(samples: Iterable[Sample], interval: float, now: float | None = None) -> list[Outage]:
    """
    Find the outages in samples that were sent about each `interval` seconds.

    Time without samples for more than two intervals is not measured: it widens `at_most` and adds
    nothing to `at_least`; if it is longer than a second, `at_least` takes the longer side only, as
    it may hide a recovery. `now` measures an outage that goes on up to this instant.
    """
    return find_outages(encode(samples, interval).runs, now)


def find_outages(runs: Sequence[Run], now: float | None = None) -> list[Outage]:
    """
    Find the outages in run-length coded samples.
    """
    return [_outage(runs, first, last, now) for first, last in _groups(runs)]


def _groups(runs: Sequence[Run]) -> list[tuple[int, int]]:
    """
    Return the first and last index of each outage's runs of failures.

    Successes whose answers all came after the next failure had been sent separate nothing: they
    may have waited for the end of the same outage.
    """
    groups: list[tuple[int, int]] = []
    for index, run in enumerate(runs):
        if run.error is None:
            continue
        if groups and runs[index - 1].edge > run.since:
            groups[-1] = (groups[-1][0], index)
        else:
            groups.append((index, index))
    return groups


def _outage(runs: Sequence[Run], first: int, last: int, now: float | None) -> Outage:
    failed = [run for run in runs[first : last + 1] if run.error is not None]
    ongoing = last == len(runs) - 1
    earliest = runs[first - 1].until if first else -inf
    latest = runs[last + 1].edge if not ongoing else inf if now is None else now
    return Outage(
        at_least=max(0.0, *(run.solid - (run.edge - run.since) for run in failed)),
        at_most=latest - earliest,
        lost=sum(run.lost for run in failed),
        error=failed[0].error,
        since=(earliest, failed[0].edge),
        until=(failed[-1].until, latest),
        began_before=not first,
        ongoing=ongoing,
    )


def longest(found: Iterable[Outage]) -> Length:
    """
    Return the bounds of the longest outage; zeros if there is none.
    """
    known = list(found)
    return Length(
        max((outage.at_least for outage in known), default=0.0),
        max((outage.at_most for outage in known), default=0.0),
    )


def time_lost(found: Iterable[Outage], since: float, until: float) -> Length | None:
    """
    Return the time from the first loss in a phase to lasting recovery; None without a loss.

    From the cut to the stop this is the failover time, after the stop the reversion time (RFC
    6414). Losses that return soon belong to it, see `spells`. Time before the phase does not count.
    """
    return next((Length(one.at_least, one.at_most) for one in spells(found, since, until)), None)


def worst_lost(
    found: Iterable[Outage], since: float, until: float, ended_by: float = inf
) -> Length | None:
    """
    Return the bounds of the longest spell of a phase, of those that had ended by an instant.
    """
    known = [one for one in spells(found, since, until) if one.until[1] <= ended_by]
    return longest(known) if known else None


def time_unseen(found: Iterable[Outage], gaps: Iterable[Gap], since: float, until: float) -> float:
    """
    Return how long a loss of a phase may have lasted that took in a gap; 0 without a gap.

    A gap within an outage is in its bounds already. What is near a long one may belong together.
    """
    known = list(found)
    open_gaps = [gap for gap in _clipped(gaps, since, until) if not _covered(gap, known)]
    lost = [_as_lost(gap) for gap in open_gaps if gap.until - gap.since > LONG_GAP]
    joined = [
        spell.at_most
        for spell in spells([*known, *lost], since, until)
        if any(spell.since[0] <= one.since[0] and one.until[1] <= spell.until[1] for one in lost)
    ]
    return max([0.0, *joined, *(gap.until - gap.since for gap in open_gaps)])


def spells(found: Iterable[Outage], since: float, until: float) -> list[Outage]:
    """
    Return the losses of a phase from its beginning on, each until lasting recovery.

    Losses that return within 5 s are one spell: a network that flaps has not recovered (RFC 6412,
    sustained convergence).
    """
    inside = [outage for outage in found if _touches(outage, since, until)]
    return [_clip(spell, since) for spell in coalesce(inside)]


def coalesce(found: Iterable[Outage], borders: Iterable[float] = ()) -> list[Outage]:
    """
    Join outages that follow each other within 5 s, unless the later one begins beyond a border.
    """
    marks = list(borders)
    joined: list[Outage] = []
    for outage in sorted(found, key=lambda one: (one.since[0], -one.until[1])):
        if joined and _returns(joined[-1], outage, marks):
            joined[-1] = _join(joined[-1], outage)
        else:
            joined.append(outage)
    return joined


def _returns(one: Outage, other: Outage, borders: list[float]) -> bool:
    parted = any(one.since[1] < border <= other.since[1] for border in borders)
    return other.since[1] - one.until[1] <= SETTLE and not parted


def _join(one: Outage, other: Outage) -> Outage:
    if other.until[1] <= one.until[1]:
        return one
    return replace(
        one,
        at_least=max(0.0, other.until[0] - one.since[1]),
        at_most=other.until[1] - one.since[0],
        lost=one.lost + other.lost,
        until=other.until,
        ongoing=other.ongoing,
    )


def _clip(spell: Outage, since: float) -> Outage:
    at_least = max(0.0, spell.until[0] - max(spell.since[1], since))
    at_most = spell.until[1] - max(spell.since[0], since)
    return replace(spell, at_least=min(at_least, spell.at_least), at_most=at_most)


def _touches(outage: Outage, since: float, until: float) -> bool:
    return outage.since[1] < until and max(outage.since[1], outage.until[0]) >= since


def _clipped(gaps: Iterable[Gap], since: float, until: float) -> list[Gap]:
    known = [Gap(max(gap.since, since), min(gap.until, until)) for gap in gaps]
    return [gap for gap in known if gap.since < gap.until]


def _covered(gap: Gap, found: list[Outage]) -> bool:
    return any(one.since[0] <= gap.since and gap.until <= one.until[1] for one in found)


def _as_lost(gap: Gap) -> Outage:
    ends = (gap.since, gap.since), (gap.until, gap.until)
    return Outage(0.0, gap.until - gap.since, since=ends[0], until=ends[1])
