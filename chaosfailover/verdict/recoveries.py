"""
What each cut did to each target: how long it was down, against its objective.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Any

from chaosfailover.verdict.journal import failover, mapping, mappings, number, text
from chaosfailover.verdict.phases import Bounds, down_at_stop, length, phases

__all__ = ["Recovery", "objective", "recoveries"]

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recovery:
    """
    One target in one cut.

    `failover` is None if nothing was lost, `reversion` if nothing was lost on the way back. `worst`
    is the longest loss that had ended by the stop, `worst_after` the longest after it. `unseen` and
    `unseen_after` tell how long a loss may have lasted that took in time without checks, 0 without
    any. `down_at_stop` tells, where the target was not proven up again by the time the cut was
    stopped, how long it had been down at least; else it is None. `interval` is that of its checks.
    A `persistent` target keeps one connection, whose stall is not the network's outage, so that no
    objective is held against it.
    """

    target: str
    test: str
    rto: float | None
    interval: float | None
    failover: Bounds | None
    reversion: Bounds | None
    worst: Bounds | None = None
    worst_after: Bounds | None = None
    unseen: float = 0.0
    unseen_after: float = 0.0
    down_at_stop: float | None = None
    persistent: bool = False

    @property
    def exceeded(self) -> bool:
        """
        Whether the pessimistic bound of the failover time is longer than the objective.
        """
        ended = self.down_at_stop is None or self.worst is not None
        return ended and self._over(self.failover)

    @property
    def exceeded_again(self) -> bool:
        """
        Whether a later loss was longer than the objective, though the failover time is not.
        """
        return not self.exceeded and self._over(self.worst)

    @property
    def exceeded_at_stop(self) -> bool:
        """
        Whether an outage had lasted longer than the objective when the stop found it open.

        It says nothing about how long it would have gone on.
        """
        return self.down_at_stop is not None and self._over(Bounds(0.0, self.down_at_stop))

    @property
    def exceeded_back(self) -> bool:
        """
        Whether something was lost on the way back for longer than the objective.
        """
        return self._over(self.reversion) or self._over(self.worst_after)

    @property
    def down_at_end(self) -> bool:
        """
        Whether the target was still down when the measurement ended.
        """
        return any(one and one.at_most == inf for one in (self.reversion, self.worst_after))

    @property
    def may_exceed(self) -> bool:
        """
        Whether something longer than the objective may have gone unseen.
        """
        return self._over(Bounds(0.0, max(self.unseen, self.unseen_after)))

    @property
    def shown(self) -> Bounds | None:
        """
        The failover time with what was not measured taken for lost; None if nothing was lost.

        It has no end where the stop of the cut came first, which brought the path back itself.
        """
        if self.down_at_stop is not None and self.worst is None:
            return Bounds(self.down_at_stop, inf)
        return _widened(self.failover, self.unseen)

    @property
    def shown_back(self) -> Bounds | None:
        """
        The reversion time with what was not measured taken for lost; None if nothing was lost.
        """
        return _widened(self.reversion, self.unseen_after)

    def _over(self, length: Bounds | None) -> bool:
        if self.rto is None or self.persistent or length is None:
            return False
        return length.at_most > self.rto


def recoveries(journal: Mapping[str, Any]) -> list[Recovery]:
    """
    Return what each cut did to each target, by target and then in the order of the cuts.
    """
    targets = mapping(failover(journal).get("targets"))
    return [
        _recovery(text(name), mapping(target), cut, following)
        for name, target in targets.items()
        for cut, following in pairwise([*_cuts(journal, mapping(target)), {}])
    ]


def objective(target: Mapping[str, Any]) -> float | None:
    """
    Return the objective of a target; None if it has none, or one that cannot be read.
    """
    try:
        return number(float(target["rto"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _cuts(journal: Document, target: Document) -> Iterator[Document]:
    """
    Yield the cuts that a target was measured in; without them, the one of its summary.
    """
    cuts = mappings(target.get("cuts"))
    summary = mapping(target.get("summary"))
    found = failover(journal)
    if cuts:
        yield from cuts
    elif summary and found.get("cut_at"):
        planned = mappings(found.get("cuts"))
        whole = {key: found.get(key) for key in ("cut_at", "stop_at")}
        yield {**summary, "test": planned[0].get("test") if planned else "", **whole}


def _recovery(name: str, target: Document, cut: Document, following: Document) -> Recovery:
    told = phases(target, cut, following)
    return Recovery(
        target=name,
        test=text(cut.get("test")),
        rto=objective(target),
        interval=number(target.get("interval")),
        failover=length(cut.get("failover")),
        reversion=length(cut.get("reversion")),
        worst=told.worst("worst_during"),
        worst_after=told.worst("worst_after"),
        unseen=told.unseen("unseen_during"),
        unseen_after=told.unseen("unseen_after"),
        down_at_stop=down_at_stop(target, cut),
        persistent=target.get("persistent") is True,
    )


def _widened(length: Bounds | None, unseen: float) -> Bounds | None:
    if not unseen:
        return length
    known = length or Bounds(0.0, 0.0)
    return Bounds(known.at_least, max(known.at_most, unseen))
