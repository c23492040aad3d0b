"""
The first loss of each phase of a cut: when it began and when it was over, each with two bounds.
"""

from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple, Protocol

from chaosfailover.outages.flapping import Spell, spells
from chaosfailover.outages.outage import Outage, find_outages
from chaosfailover.outages.series import Series

__all__ = ["FirstLoss", "first_loss"]

# Losses in a row that are no share of the flows, though checks between them had no result.
CERTAIN = 8

Ends = tuple[float, float]


class FirstLoss(NamedTuple):
    """
    When a loss began and when it was over, each as an earliest and a latest instant.
    """

    since: Ends
    until: Ends


class Checked(Protocol):
    """
    One series of checks, of which so many had no result since this process was starved.
    """

    @property
    def series(self) -> Series: ...

    @property
    def unjudged(self) -> int: ...


def first_loss(
    checked: Iterable[Checked],
    since: float,
    until: float,
    timeout: float,
    ended_by: float = inf,
) -> FirstLoss | None:
    """
    Return the first loss of a phase in several series: from the first of all to the last.

    It was not over if it is not by `ended_by`. None is returned without a loss, and if a loss may
    be one of a share of the flows while checks had no result: these may have been lost, too.
    """
    losses = []
    for each in checked:
        spell = next(iter(_spells(each.series, since, until)), None)
        if spell is None:
            continue
        if each.unjudged and not _is_total(spell.losses):
            return None
        over = spell.bounds.until if spell.over_at <= ended_by else (-inf, inf)
        losses.append(FirstLoss(_began(spell.bounds.since, each, timeout), over))
    return _joined(losses)


def _spells(series: Series, since: float, until: float) -> list[Spell]:
    lost = [*series.folded_spells, *find_outages(series.runs)]
    return spells(lost, since, until, series.cadence)


def _began(since: Ends, checked: Checked, timeout: float) -> Ends:
    """
    Return when a loss began, at the latest when the first check that was lost was overdue.

    While this process is starved, which shows in a gap, an answer may take the whole time limit.
    """
    begin, end = since[0] - timeout, since[1] + timeout
    near_a_gap = any(gap.since < end and begin < gap.until for gap in checked.series.gaps)
    return since[0], end if checked.unjudged or near_a_gap else since[1]


def _joined(losses: Sequence[FirstLoss]) -> FirstLoss | None:
    if not losses:
        return None
    begins, ends = zip(*losses, strict=True)
    return FirstLoss(
        (min(it[0] for it in begins), min(it[1] for it in begins)),
        (max(it[0] for it in ends), max(it[1] for it in ends)),
    )


def _is_total(losses: Outage) -> bool:
    if losses.counts is None:
        return False
    first, last = losses.counts
    lost, sent = last.lost - first.lost + 1, last.sent - first.sent + 1
    return lost == sent >= CERTAIN
