"""
Outages and the bounds of their lengths, from run-length coded samples.

A success shows that the path was up at some moment between sending and answer. A failure sent at
`f` shows that it was down at some moment from `f` on, at the latest when the answer would usually
have come. So an outage of the samples

    . x x x .
    s f   l s'      a' the answer to s'

began after `s`, at the latest when `f` was overdue, and ended after `l` and before `a'`. With
samples each `p` seconds, instant answers and `n` lost in a row, it lasted between `(n-1)p` and
`(n+1)p`. Lengths are in seconds; instants are monotonic.

Time without samples for more than two intervals is not measured: it widens `at_most` and adds
nothing to `at_least`. If it is longer than a second, `at_least` is that of the longer side, since
the path may have recovered meanwhile.

This holds for total loss. For partial loss, `outages.partial_loss` widens the bounds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from chaosfailover.outages.samples import Count, Run, count_after

__all__ = ["Length", "Outage", "find_outages", "longest"]


class Length(NamedTuple):
    """
    A length between two bounds; a promise is checked against `at_most`.
    """

    at_least: float
    at_most: float


@dataclass(frozen=True, slots=True)
class Outage:
    """
    A maximal run of failed samples.

    `since` and `until` are each an earliest and a latest instant. `began_before`: the first sample
    of the series failed; `ongoing`: the last one did. Then `at_most` is infinite, save for an
    ongoing outage that is measured up to now. `error` is the first kind of failure. `counts` are
    those of the series at the first and at the last lost check; None if there is no series.
    `flow` is its number, from 1 on; None of a target without flows.
    """

    at_least: float
    at_most: float
    lost: int = 0
    error: str | None = None
    since: tuple[float, float] = (-inf, inf)
    until: tuple[float, float] = (-inf, inf)
    began_before: bool = False
    ongoing: bool = False
    counts: tuple[Count, Count] | None = field(default=None, compare=False, repr=False)
    flow: int | None = field(default=None, compare=False)


def find_outages(runs: Sequence[Run], now: float | None = None) -> list[Outage]:
    """
    Return the outages of run-length coded samples; `now` measures an ongoing one up to now.
    """
    return [_outage(runs, first, last, now) for first, last in _groups(runs)]


def _groups(runs: Sequence[Run]) -> list[tuple[int, int]]:
    """
    Return the first and last index of each outage's runs of failures.

    Successes that were all answered after the next failure was sent do not end an outage: they may
    have waited for its end.
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
        counts=(_first_lost(failed[0]), count_after(failed[-1])),
    )


def _first_lost(run: Run) -> Count:
    sent, lost, runs = run.before
    return Count(sent + 1, lost + 1, runs + 1)


def longest(outages: Iterable[Outage]) -> Length:
    """
    Return the bounds of the longest outage; zeros if there is none.
    """
    outages = list(outages)
    return Length(
        max((outage.at_least for outage in outages), default=0.0),
        max((outage.at_most for outage in outages), default=0.0),
    )
