"""
The regions of a campaign with the results of their runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from chaosfailover.report.charts.rto_bars import Gauge, gauges, worst
from chaosfailover.report.view import RunView, mode_of, verdict_of

__all__ = ["PlaceRow", "places"]

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """
    One region of one account; "" is unknown.

    `verdict` is the gravest of its `runs`, which are `sound` if all are. `held` counts the sound
    ones that held; `worst` is the recovery with the longest failover time, None if nothing was
    measured.
    """

    account_id: str
    region_id: str
    mode: str
    verdict: str
    sound: bool
    runs: int
    held: int
    worst: Gauge | None


def places(views: Sequence[RunView]) -> list[PlaceRow]:
    """
    Return a row for each region of each account, in their order.
    """
    ordered = sorted(views, key=_key)
    return [_row(key, list(group)) for key, group in groupby(ordered, key=_key)]


def _key(view: RunView) -> Key:
    place = view.record["place"]
    return place["account_id"] or "", place["region_id"] or ""


def _row(key: Key, views: Sequence[RunView]) -> PlaceRow:
    return PlaceRow(
        *key,
        mode=mode_of(views),
        verdict=verdict_of(views),
        sound=all(view.sound for view in views),
        runs=len(views),
        held=sum(view.verdict == "held" and view.sound for view in views),
        worst=worst([gauge for view in views for gauge in gauges(view.record)]),
    )
