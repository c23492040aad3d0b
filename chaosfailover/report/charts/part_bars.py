"""
The parts of the failover time, one stacked bar for each target, cut and way.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chaosfailover.record import Record
from chaosfailover.verdict.journal import instant

__all__ = ["PartBar", "Stretch", "part_bars"]

WAYS = ("there", "back")


@dataclass(frozen=True, slots=True)
class Stretch:
    """
    A piece of a bar, in percent of its width; `sure` unless the part may have ended before.
    """

    style: str
    sure: bool
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class PartBar:
    """
    The parts of one way of a target, and the stretches that show them.

    `unseen` are the instants that were not seen. `unplaced` divide nothing: each has the length
    from the request to it.
    """

    target: str
    test: str
    way: str
    parts: Sequence[Record]
    stretches: Sequence[Stretch]
    unseen: Sequence[str]
    unplaced: Mapping[str, Record]


Ends = tuple[float, float]


def part_bars(record: Record) -> list[PartBar]:
    """
    Return the bars of a run; those of the same way have one scale.
    """
    rows = [
        (each, way, _seconds(each[way]))
        for each in record.get("failover_parts", ())
        for way in WAYS
        if any(each[way]["instants"].values())
    ]
    scales = {way: max(_lengths(rows, way), default=0.001) for way in WAYS}
    return [
        PartBar(
            row["target"],
            row["test"],
            way,
            row[way]["parts"],
            list(_stretches(row[way]["parts"], ends, max(scales[way], 0.001))),
            [name for name, at in row[way]["instants"].items() if at is None],
            _unplaced(row[way], ends),
        )
        for row, way, ends in rows
    ]


def _seconds(way: Record) -> dict[str, Ends]:
    """
    Return the bounds of each instant that was seen, in seconds since the first of all.
    """
    seen = {
        name: (since, until)
        for name, at in way["instants"].items()
        if at and (since := instant(at["earliest"])) and (until := instant(at["latest"]))
    }
    first = min((since for since, _ in seen.values()), default=None)
    return {
        name: ((since - first).total_seconds(), (until - first).total_seconds())
        for name, (since, until) in seen.items()
        if first
    }


def _lengths(rows: Sequence[tuple[Record, str, Mapping[str, Ends]]], way: str) -> Iterator[float]:
    for row, each, ends in rows:
        if each == way:
            yield from (ends[part["ends"][-1]][1] for part in row[way]["parts"])


def _stretches(
    parts: Sequence[Record], ends: Mapping[str, Ends], scale: float
) -> Iterator[Stretch]:
    """
    Yield of each part the piece that is its own for certain, and the one in which it ended.
    """
    for part in parts:
        style = part["ends"][-1]
        since, (earliest, latest) = ends[part["begins"]][1], ends[style]
        yield Stretch(style, True, _share(since, scale), _share(max(0.0, earliest - since), scale))
        begin = max(since, earliest)
        yield Stretch(style, False, _share(begin, scale), _share(max(0.0, latest - begin), scale))


def _share(seconds: float, scale: float) -> float:
    return round(min(seconds / scale, 1.0) * 100, 2)


def _unplaced(way: Record, ends: Mapping[str, Ends]) -> dict[str, Record]:
    origin = ends.get(next(iter(way["instants"])), (0.0, 0.0))
    return {
        name: {
            "at_least": max(0.0, ends[name][0] - origin[1]),
            "at_most": max(0.0, ends[name][1] - origin[0]),
        }
        for name in way["unplaced"]
    }
