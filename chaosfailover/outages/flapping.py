"""
Spells: outages that belong together, since the path came back for a few seconds at most.

A network that flaps has not recovered: losses that follow each other within 5 s are one spell
(RFC 6412, sustained convergence). A phase is what lies between two instants, as from the cut to the
stop.

Where only part of the checks was lost, the bounds of a spell run on, see `measured.partial`. A loss
that lies within them may be of the same outage, even after more than 5 s: then it is the same spell
in `at_most`, but not in `at_least`. All this needs the cadence of the checks; without it, as for
the journals of older versions, each run of losses counts as total loss.
"""

from collections.abc import Iterable
from dataclasses import replace
from math import inf
from typing import NamedTuple

from chaosfailover.outages.outage import Length, Outage, longest
from chaosfailover.outages.partial_loss import Cadence, widened
from chaosfailover.outages.samples import LONG_GAP, Gap

__all__ = ["Spell", "coalesce", "spells", "time_lost", "time_unseen", "worst_lost"]

SETTLE = 5.0


class Spell(NamedTuple):
    """
    Outages that belong together, as one: from loss to loss, and with the bounds that hold.
    """

    losses: Outage
    bounds: Outage


def time_lost(
    found: Iterable[Outage], since: float, until: float, cadence: Cadence | None = None
) -> Length | None:
    """
    Return the time from the first loss in a phase to lasting recovery; None without a loss.

    From the cut to the stop this is the failover time, after the stop the reversion time (RFC
    6414). Losses that return soon belong to it, see `spells`. Time before the phase does not count.
    """
    known = [spell.bounds for spell in spells(found, since, until, cadence)[:1]]
    return longest(known) if known else None


def worst_lost(
    found: Iterable[Outage],
    since: float,
    until: float,
    ended_by: float = inf,
    cadence: Cadence | None = None,
) -> Length | None:
    """
    Return the bounds of the longest spell of a phase, of those that had ended by an instant.
    """
    known = spells(found, since, until, cadence)
    ended = [spell.bounds for spell in known if spell.losses.until[1] <= ended_by]
    return longest(ended) if ended else None


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
        for spell, _ in spells([*known, *lost], since, until)
        if any(spell.since[0] <= one.since[0] and one.until[1] <= spell.until[1] for one in lost)
    ]
    return max([0.0, *joined, *(gap.until - gap.since for gap in open_gaps)])


def spells(
    found: Iterable[Outage], since: float, until: float, cadence: Cadence | None = None
) -> list[Spell]:
    """
    Return the losses of a phase from its beginning on, each until lasting recovery.
    """
    inside = [it for it in coalesce(found, (since, until)) if _touches(it, since, until)]
    known: list[Spell] = []
    for outage in coalesce(inside):
        spell = _spell(_clip(outage, since), cadence)
        while known and _overlap(known[-1], spell):
            spell = _spell(_merge(known.pop().losses, spell.losses), cadence)
        known.append(spell)
    return [Spell(*(_clip(one, since) for one in spell)) for spell in known]


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
    first, last = one.counts or other.counts, other.counts or one.counts
    return replace(
        one,
        at_least=max(0.0, other.until[0] - one.since[1]),
        at_most=other.until[1] - one.since[0],
        lost=one.lost + other.lost,
        until=other.until,
        ongoing=other.ongoing,
        counts=first and last and (first[0], last[1]),
    )


def _spell(losses: Outage, cadence: Cadence | None) -> Spell:
    return Spell(losses, widened(losses, cadence) if cadence else losses)


def _overlap(one: Spell, other: Spell) -> bool:
    """
    Tell whether the losses of one spell lie within the bounds of the other.
    """
    after = other.losses.since[1] <= one.bounds.until[1]
    return after or other.bounds.since[0] <= one.losses.until[0]


def _merge(one: Outage, other: Outage) -> Outage:
    """
    Join what may be one outage or two.
    """
    return replace(_join(one, other), at_least=max(one.at_least, other.at_least))


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
