"""
Settled: whether a target had recovered for good when the way back of a cut began.

An outage is over after the recovery hold, 5 s without a loss. What the way back finds open has no
end: the path may have come back since the cut was stopped, and not since the failover had worked.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf

from chaosfailover.outages.flapping import RECOVERY_HOLD, Spell, spells
from chaosfailover.outages.outage import Length, Outage, find_outages
from chaosfailover.outages.partial_loss import Cadence
from chaosfailover.outages.samples import LONG_GAP, Gap
from chaosfailover.outages.series import Series

__all__ = ["AtStop", "at_stop", "stand"]


@dataclass(frozen=True, slots=True)
class AtStop:
    """
    A target when the way back began.

    It had `settled` if nothing was lost and no long time went unmeasured in the recovery hold
    before it, while the cut was in effect. It was `down_at_stop` if its last check had been lost.
    `open_at_stop` is how long the spell of losses had lasted that was not over, None without one.
    """

    settled: bool
    down_at_stop: bool
    open_at_stop: Length | None

    def as_dict(self) -> dict[str, object]:
        """
        Return it as plain data for the journal.
        """
        return asdict(self) | {"open_at_stop": self.open_at_stop and self.open_at_stop._asdict()}


def at_stop(
    series: Series, cut_at: float, in_effect_at: float, stop_at: float | None = None
) -> AtStop:
    """
    Tell how a target stood at the stop of a cut; without a stop, how it stands now.
    """
    return stand(
        [*series.folded_spells, *find_outages(series.runs)],
        series.gaps,
        cut_at,
        in_effect_at,
        inf if stop_at is None else stop_at,
        series.span[1],
        series.cadence,
    )


def stand(
    outages: Sequence[Outage],
    gaps: Sequence[Gap],
    cut_at: float,
    in_effect_at: float,
    stop_at: float,
    checked_until: float,
    cadence: Cadence | None = None,
) -> AtStop:
    """
    Tell how a target stood at the stop, or at its last check if that is earlier.

    The hold counts from `in_effect_at`, when the cut was seen to be in effect; losses count from
    `cut_at`. Where a share of the checks was lost, the bounds for that share have to be over too.
    """
    end = min(stop_at, checked_until)
    endless = cadence and cadence._replace(until=inf)
    last = next(reversed(spells(outages, cut_at, stop_at, endless)), None)
    is_open = last is not None and last.over_at > end
    unseen = [min(gap.until, end) for gap in gaps if _is_long(gap, end)]
    return AtStop(
        settled=max([in_effect_at, *unseen]) + RECOVERY_HOLD <= end and not is_open,
        down_at_stop=any(outage.since[1] < end < outage.until[1] for outage in outages),
        open_at_stop=_length(last, cut_at, end) if last and is_open else None,
    )


def _is_long(gap: Gap, end: float) -> bool:
    return gap.since < end and gap.until - gap.since > LONG_GAP


def _length(spell: Spell, since: float, end: float) -> Length:
    at_least = min(spell.losses.until[0], end) - max(spell.losses.since[1], since)
    at_most = min(spell.bounds.until[1], end) - max(spell.bounds.since[0], since)
    return Length(max(0.0, at_least), max(0.0, at_most))
