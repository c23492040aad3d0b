"""
Spells: outages that belong together, since the path came back for a few seconds at most.

A network that flaps has not recovered: losses that follow each other within 5 s are one spell
(RFC 6412, sustained convergence). A phase is what lies between two instants, as from the cut to the
stop.
"""

from collections.abc import Iterable
from dataclasses import replace
from math import inf

from chaosfailover.outages import Length, Outage, longest
from chaosfailover.samples import LONG_GAP, Gap

__all__ = ["coalesce", "spells", "time_lost", "time_unseen", "worst_lost"]

SETTLE = 5.0


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
