"""
The capacity of survivors compared with that of the cut: fewer routes, or slower circuits.

The result is a warning, since traffic is not looked at: `network.load` does that. No warning
contains a number that changes from day to day, so that plans stay the same.
"""

import re
from collections.abc import Callable, Collection, Iterator

from chaosfailover.network.paths import Path

__all__ = ["capacity_warnings", "megabits"]

CLEARLY = 0.5
"""The share of the cut at or below which the survivors have clearly less."""

MEGABITS = {"M": 1.0, "G": 1e3, "T": 1e6}


def capacity_warnings(
    need: str, gone: Collection[Path], survivors: Collection[Path]
) -> Iterator[str]:
    """
    Yield a warning for routes and for bandwidth of which the survivors have clearly less.

    Routes are those of the session with the most routes; the bandwidths of circuits are added up.
    Unknown values are not compared.
    """
    if _is_less(_routes(survivors), _routes(gone)):
        yield f"{need}: its survivors receive at most half of the routes of the cut"
    if any(_is_less(_sum(survivors, of), _sum(gone, of)) for of in (_speed, _bandwidth)):
        yield f"{need}: its survivors have at most half of the bandwidth of the cut"


def _is_less(surviving: float | None, taken: float | None) -> bool:
    return surviving is not None and taken is not None and 0 < taken >= surviving / CLEARLY


def _routes(paths: Collection[Path]) -> int | None:
    counts = (path.received_routes for path in paths if path.received_routes is not None)
    return max(counts, default=None)


def _sum(paths: Collection[Path], of: Callable[[Path], float | None]) -> float | None:
    """
    Return the sum over the circuits of the paths; None if the value of a circuit is unknown.
    """
    each = {path.circuit_id: of(path) for path in paths}.values()
    values = [value for value in each if value is not None]
    return sum(values) if values and len(values) == len(each) else None


def megabits(spec: str | None) -> float | None:
    """
    Return a speed such as `10M` or `1G` in Mbit/s; None if it is not understood.
    """
    speed = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([MGT])", (spec or "").upper())
    return float(speed[1]) * MEGABITS[speed[2]] if speed else None


def _speed(path: Path) -> float | None:
    return megabits(path.spec)


def _bandwidth(path: Path) -> float | None:
    return path.bandwidth
