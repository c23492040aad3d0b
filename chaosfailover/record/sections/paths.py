"""
The section about the way to each target, hop by hop, before, during and after each cut.
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from chaosfailover.verdict.evidence import Event
from chaosfailover.verdict.journal import Run
from chaosfailover.verdict.values import text

__all__ = ["paths"]

Row = dict[str, object]
Hops = Sequence[str | None]


def paths(run: Run) -> list[Row]:
    """
    Return, for each target that was traced and each cut, the last way that was seen in each phase.

    A run without a cut has one row for each target; so has a target whose hops are not available.
    """
    targets: dict[str, list[Event]] = {}
    for event in run.control.events_of("path"):
        targets.setdefault(text(event.fields.get("target")), []).append(event)
    return [row for target, events in targets.items() for row in _rows(target, events)]


def _rows(target: str, events: Sequence[Event]) -> list[Row]:
    """
    Return the rows of one target; what was last seen outside of a cut is what was before the next.
    """
    outside: Row | None = None
    reason: str | None = None
    cuts: dict[str, Row] = {}
    for event in events:
        phase = text(event.fields.get("phase"))
        if phase in ("during", "after"):
            cut = cuts.setdefault(event.test, {"before": outside, "during": None, "after": None})
            cut[phase] = _way(event)
        if phase in ("before", "after"):
            outside = _way(event)
        reason = reason or event.reason or None
    without = {None: {"before": outside, "during": None, "after": None}}
    return [
        {
            "target": target,
            "test": test,
            **ways,
            "moved": _moved(ways["before"], ways["during"]),
            "reason": reason,
        }
        for test, ways in (cuts or without).items()
    ]


def _way(event: Event) -> Row:
    return {
        "at": event.at,
        "hops": _hops(event.fields.get("hops")),
        "reached": event.fields.get("reached") is True,
    }


def _hops(value: object) -> list[str | None]:
    hops = value if isinstance(value, list) else []
    return [hop if isinstance(hop, str) and hop else None for hop in hops]


def _moved(before: object, during: object) -> bool | None:
    """
    Tell whether the traffic took another way; None if that was not seen.

    Silent hops prove nothing. Nor does a way without a router: there is no other.
    """
    one, other = _reaching(before), _reaching(during)
    if not one or not other:
        return None
    if any(hop and there and hop != there for hop, there in zip(one, other, strict=False)):
        return True
    same = len(one) > 1 and all(hop and hop == there for hop, there in zip_longest(one, other))
    return False if same else None


def _reaching(way: object) -> Hops:
    """
    Return the hops of a way that reached its target, else none.
    """
    if not isinstance(way, Mapping) or not way["reached"]:
        return ()
    hops: Hops = way["hops"]
    return hops
