"""
Flapping: outages that follow each other within the recovery hold, joined to spells.

A network that flaps has not recovered: losses within 5 s of each other are one spell (RFC 6412,
sustained convergence). A phase is the time between two instants, as from the cut to the stop.

Where only part of the checks was lost, the bounds of a spell reach further, see
`outages.partial_loss`. A loss within them may be of the same outage, even after more than 5 s: then
it is the same spell in `at_most`, but not in `at_least`. This needs the cadence of the checks;
without it, each run of losses counts as total loss.
"""

from collections.abc import Iterable
from dataclasses import replace
from math import inf
from typing import NamedTuple

from chaosfailover.outages.outage import Length, Outage, longest
from chaosfailover.outages.partial_loss import Cadence, widened
from chaosfailover.outages.samples import LONG_GAP, Gap

__all__ = ["RECOVERY_HOLD", "Spell", "coalesce", "spells", "time_lost", "time_unseen", "worst_lost"]

RECOVERY_HOLD = 5.0  # seconds without a loss after which a path has recovered


class Spell(NamedTuple):
    """
    Outages that belong together: from the first loss to the last, and with bounds that hold.
    """

    losses: Outage
    bounds: Outage

    @property
    def over_at(self) -> float:
        """
        The instant from which on it is over: the recovery hold has passed, and no bound goes on.
        """
        return max(self.losses.until[1] + RECOVERY_HOLD, self.bounds.until[1])


def time_lost(
    outages: Iterable[Outage], since: float, until: float, cadence: Cadence | None = None
) -> Length | None:
    """
    Return the time from the first loss in a phase to lasting recovery; None without a loss.

    From the cut to the stop this is the failover time, after the stop the reversion time (RFC
    6414). Time before the phase does not count.
    """
    first = [spell.bounds for spell in spells(outages, since, until, cadence)[:1]]
    return longest(first) if first else None


def worst_lost(
    outages: Iterable[Outage],
    since: float,
    until: float,
    ended_by: float = inf,
    cadence: Cadence | None = None,
) -> Length | None:
    """
    Return the bounds of the longest spell of a phase that was over at an instant.
    """
    inside = spells(outages, since, until, cadence)
    ended = [spell.bounds for spell in inside if spell.over_at <= ended_by]
    return longest(ended) if ended else None


def time_unseen(
    outages: Iterable[Outage], gaps: Iterable[Gap], since: float, until: float
) -> float:
    """
    Return how long a loss of a phase may have lasted that includes a gap; 0 without a gap.

    The bounds of an outage include the gaps within it. A long gap may join the outages near it.
    """
    seen = list(outages)
    open_gaps = [gap for gap in _clipped(gaps, since, until) if not _covered(gap, seen)]
    lost = [_as_lost(gap) for gap in open_gaps if gap.until - gap.since > LONG_GAP]
    joined = [
        spell.at_most
        for spell, _ in spells([*seen, *lost], since, until)
        if any(spell.since[0] <= gap.since[0] and gap.until[1] <= spell.until[1] for gap in lost)
    ]
    return max([0.0, *joined, *(gap.until - gap.since for gap in open_gaps)])


def spells(
    outages: Iterable[Outage], since: float, until: float, cadence: Cadence | None = None
) -> list[Spell]:
    """
    Return the losses of a phase from its beginning on, each until lasting recovery.
    """
    inside = [it for it in coalesce(outages, (since, until)) if _touches(it, since, until)]
    merged: list[Spell] = []
    for outage in coalesce(inside):
        spell = _spell(_clip(outage, since), cadence)
        while merged and _overlap(merged[-1], spell):
            spell = _spell(_merge(merged.pop().losses, spell.losses), cadence)
        merged.append(spell)
    return [Spell(*(_clip(outage, since) for outage in spell)) for spell in merged]


def coalesce(outages: Iterable[Outage], borders: Iterable[float] = ()) -> list[Outage]:
    """
    Join outages within the recovery hold, unless the later one begins beyond a border.
    """
    marks = list(borders)
    joined: list[Outage] = []
    for outage in sorted(outages, key=lambda it: (it.since[0], -it.until[1])):
        if joined and _returns(joined[-1], outage, marks):
            joined[-1] = _join(joined[-1], outage)
        else:
            joined.append(outage)
    return joined


def _returns(first: Outage, second: Outage, borders: list[float]) -> bool:
    parted = any(first.since[1] < border <= second.since[1] for border in borders)
    return second.since[1] - first.until[1] <= RECOVERY_HOLD and not parted


def _join(first: Outage, second: Outage) -> Outage:
    if second.until[1] <= first.until[1]:
        return first
    begin, end = first.counts or second.counts, second.counts or first.counts
    return replace(
        first,
        at_least=max(0.0, second.until[0] - first.since[1]),
        at_most=second.until[1] - first.since[0],
        lost=first.lost + second.lost,
        until=second.until,
        ongoing=second.ongoing,
        counts=begin and end and (begin[0], end[1]),
    )


def _spell(losses: Outage, cadence: Cadence | None) -> Spell:
    return Spell(losses, widened(losses, cadence) if cadence else losses)


def _overlap(first: Spell, second: Spell) -> bool:
    """
    Tell whether the losses of one spell lie within the bounds of the other.
    """
    after = second.losses.since[1] <= first.bounds.until[1]
    return after or second.bounds.since[0] <= first.losses.until[0]


def _merge(first: Outage, second: Outage) -> Outage:
    """
    Join outages that may be the same or not.
    """
    return replace(_join(first, second), at_least=max(first.at_least, second.at_least))


def _clip(outage: Outage, since: float) -> Outage:
    at_least = max(0.0, outage.until[0] - max(outage.since[1], since))
    at_most = outage.until[1] - max(outage.since[0], since)
    return replace(outage, at_least=min(at_least, outage.at_least), at_most=at_most)


def _touches(outage: Outage, since: float, until: float) -> bool:
    return outage.since[1] < until and max(outage.since[1], outage.until[0]) >= since


def _clipped(gaps: Iterable[Gap], since: float, until: float) -> list[Gap]:
    clipped = [Gap(max(gap.since, since), min(gap.until, until)) for gap in gaps]
    return [gap for gap in clipped if gap.since < gap.until]


def _covered(gap: Gap, outages: list[Outage]) -> bool:
    return any(it.since[0] <= gap.since and gap.until <= it.until[1] for it in outages)


def _as_lost(gap: Gap) -> Outage:
    ends = (gap.since, gap.since), (gap.until, gap.until)
    return Outage(0.0, gap.until - gap.since, since=ends[0], until=ends[1])
