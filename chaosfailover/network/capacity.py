"""
Whether survivors can carry what a cut takes: fewer routes or slower circuits may not.

It is a warning, as nobody knows how much traffic there is. No warning names a number that changes
from day to day, so that what is written of it stays as it is.
"""

import re
from collections.abc import Callable, Collection, Iterator

from chaosfailover.network.paths import Path

__all__ = ["capacity_warnings"]

CLEARLY = 0.5
"""What is left is clearly less if it is at most this part of what is taken."""

MEGABITS = {"M": 1.0, "G": 1e3, "T": 1e6}


def capacity_warnings(
    need: str, gone: Collection[Path], survivors: Collection[Path]
) -> Iterator[str]:
    """
    Yield what the survivors of a need have clearly less of than the paths that it loses.

    Routes are those of the richest session; circuits add up. What is not known is not compared.
    """
    if _is_less(_routes(survivors), _routes(gone)):
        yield f"{need}: its survivors receive half of the routes of the cut at most"
    if any(_is_less(_sum(survivors, of), _sum(gone, of)) for of in (_speed, _bandwidth)):
        yield f"{need}: its survivors have half of the bandwidth of the cut at most"


def _is_less(left: float | None, taken: float | None) -> bool:
    return left is not None and taken is not None and taken > 0 and left <= taken * CLEARLY


def _routes(paths: Collection[Path]) -> int | None:
    known = [path.received_routes for path in paths if path.received_routes is not None]
    return max(known, default=None)


def _sum(paths: Collection[Path], of: Callable[[Path], float | None]) -> float | None:
    """
    Return what the circuits of the paths add up to; None if one of them does not say.
    """
    each = {path.circuit_id: of(path) for path in paths}.values()
    known = [value for value in each if value is not None]
    return sum(known) if known and len(known) == len(each) else None


def _speed(path: Path) -> float | None:
    said = re.fullmatch(r"(\d+(?:\.\d+)?)([MGT])", (path.spec or "").upper())
    return float(said[1]) * MEGABITS[said[2]] if said else None


def _bandwidth(path: Path) -> float | None:
    return path.bandwidth
