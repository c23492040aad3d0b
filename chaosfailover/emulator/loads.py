"""
Loads: how much traffic each VBR carries, as a pure function of the cuts.

A load is of a service or of a VBR, and takes the paths of the data plane. What a cut VBR carried is
lost until routing notices, and then goes where the paths of the services over it lead. Before the
emulator's start, loads follow a daily curve.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import cos, inf, pi
from typing import NamedTuple, Protocol

from chaosfailover.emulator.resources import VBR, Network
from chaosfailover.emulator.routing import Segment
from chaosfailover.emulator.schema import Schema, number, optional, record, scalar, table
from chaosfailover.emulator.services import Route, Service

__all__ = ["HISTORY", "LOADS", "Carried", "Load", "Loads", "Traffic", "check_loads"]

HISTORY = 7 * 86400.0
"""
How long before the emulator's start there is traffic, in seconds.
"""
STEADY = 3600.0
"""
How long before the emulator's start loads are already what they are since.
"""
DAY, BUSIEST, QUIETEST = 86400.0, 6 * 3600.0, 0.4
"""
The daily curve: its length, its top (14:00 in China, as seconds after midnight in UTC), and the
part of the peak that is left half a day later.
"""


@dataclass(frozen=True)
class Load:
    """
    The traffic of a service or VBR in Mbit/s: `inward` from the data center to the cloud.

    `peak` is the top of the daily curve before the start, as a multiple of the load.
    """

    inward: float
    outward: float
    peak: float = 1.0

    def level(self, at: float, began: float) -> float:
        """
        Return the part of the load that there is at an instant; `began` is the emulator's start.
        """
        if at >= began - STEADY:
            return 1.0
        top = 1 + cos(2 * pi * (at - BUSIEST) / DAY)
        return self.peak * (QUIETEST + (1 - QUIETEST) * top / 2)


def _load(**values: float) -> Load:
    return Load(values.get("in", 0.0), values.get("out", 0.0), values.get("peak", 1.0))


RATE = number(0, 1e6)
DIRECTIONS = record(_load, {"in": RATE, "out": RATE, "peak": number(0, 100)})
BOTH: Schema[float] = scalar(
    "Mbit/s, or {in: Mbit/s, out: Mbit/s, peak: times the load}",
    lambda value: (
        value
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1e6
        else None
    ),
)


def _load_from(value: object, place: str) -> Load:
    """
    Read a load: Mbit/s in both directions, or in each.
    """
    if isinstance(value, Mapping):
        return DIRECTIONS(value, place)
    rate = BOTH(value, place)
    return Load(rate, rate)


Loads = Mapping[str, Load | None]
"""
Loads by service or VBR. CloudMonitor has no data of a VBR whose load is None.
"""
LOADS = table(optional(_load_from))
"""
The schema of a topology's `loads:`.
"""
SMALL = Load(1.0, 1.0)
"""
The load of each service in a topology without loads.
"""


def check_loads(loads: Loads, services: Sequence[Service], network: Network) -> None:
    """
    Raise ValueError if a load is of something else than a service or a VBR.
    """
    vbrs = [each.id for each in network.resources.values() if each.kind == VBR]
    names = [*(each.name for each in services), *vbrs]
    if unknown := [name for name in loads if name not in names]:
        raise ValueError(
            f"loads has {unknown[0]!r}, expected a service or VBR: {', '.join(names) or 'none'}"
        )


class Courses(Protocol):
    """
    What returns the course of each flow group of a service.
    """

    def __call__(self, service: Service, /) -> Sequence[Sequence[Segment]]: ...


@dataclass(frozen=True)
class Piece:
    """
    From `start` to `end`, a VBR carries a share of a load.
    """

    start: float
    end: float
    load: Load
    share: float


class Rates(NamedTuple):
    """
    Averages of a period: bit/s from the data center and to it, and which part of the time the VBR
    did not answer its health check.
    """

    inward: float
    outward: float
    loss: float


@dataclass(frozen=True)
class Carried:
    """
    What a VBR carries over all time, and from when to when it answers.
    """

    pieces: tuple[Piece, ...]
    answers: tuple[tuple[float, float], ...]

    def rates(self, start: float, end: float, began: float) -> Rates:
        """
        Return the averages of a period; `began` is the emulator's start.
        """
        inward = outward = 0.0
        for piece in self.pieces:
            if seconds := _overlap(start, end, piece.start, piece.end):
                level = piece.load.level((start + end) / 2, began)
                part = 1e6 * piece.share * level * seconds / (end - start)
                inward += part * piece.load.inward
                outward += part * piece.load.outward
        answered = sum(_overlap(start, end, *each) for each in self.answers)
        return Rates(inward, outward, 1 - answered / (end - start))


def _overlap(start: float, end: float, other_start: float, other_end: float) -> float:
    return max(0.0, min(end, other_end) - max(start, other_start))


class Traffic:
    """
    The loads of a topology on its network; a changed network needs another one.
    """

    def __init__(self, loads: Loads, services: Sequence[Service], network: Network) -> None:
        self.network = network
        self._services = {each.name: each for each in services}
        given = {name: load for name, load in loads.items() if load is not None}
        self._loads = given if loads else dict.fromkeys(self._services, SMALL)
        self._hidden = loads.keys() - given.keys()
        paths = {path.over for each in services for path in each.paths}
        self._vbrs = {over: _vbrs_of(over, network) for over in paths}
        self._vbrs |= {name: (name,) for name in self._loads if name not in self._services}
        self._leading: dict[str, list[Service]] = {}
        for service in services:
            for vbr in {each for path in service.paths for each in self._vbrs[path.over]}:
                self._leading.setdefault(vbr, []).append(service)

    @property
    def vbrs(self) -> frozenset[str]:
        """
        The IDs of the VBRs of which there is data.
        """
        resources = self.network.resources.values()
        return frozenset(
            each.id for each in resources if each.kind == VBR and each.id not in self._hidden
        )

    def carried(self, vbrs: Collection[str], courses: Courses) -> dict[str, Carried]:
        """
        Return what each of some VBRs carries, by its ID.
        """
        pieces: dict[str, list[Piece]] = {each: [] for each in vbrs}
        for name, load in self._loads.items():
            own = name in self._services
            ways = [self._services[name]] if own else list(self._ways_from(name))
            if not any(self._leads_over(vbrs, way) for way in ways):
                continue
            flows = [course for way in ways for course in courses(way)]
            for course in flows:
                for vbr, piece in self._pieces(course, load, "" if own else name):
                    if vbr in pieces:
                        pieces[vbr].append(replace(piece, share=piece.share / len(flows)))
        return {
            vbr: Carried(tuple(each), tuple(_answers(vbr, courses))) for vbr, each in pieces.items()
        }

    def _leads_over(self, vbrs: Collection[str], service: Service) -> bool:
        return any(vbr in vbrs for path in service.paths for vbr in self._vbrs[path.over])

    def _ways_from(self, vbr: str) -> Iterator[Service]:
        """
        Yield the ways of what a VBR carries: those of the services, with its own paths first.
        """
        services = self._leading.get(vbr, ())
        for service in services:
            for order in service.orders:
                own = [path for path in order if vbr in self._vbrs[path.over]]
                others = [path for path in order if path not in own]
                yield replace(service, name=vbr, ranks=tuple((path,) for path in [*own, *others]))
        if not services:
            yield _alone(vbr)

    def _pieces(
        self, course: Sequence[Segment], load: Load, home: str
    ) -> Iterator[tuple[str, Piece]]:
        """
        Yield what VBRs carry of a load that takes a course; that of a VBR is at `home` on its own.
        """
        for segment, after in pairwise([*course, END]):
            if segment.path is None or not segment.flows:
                continue
            vbrs = self._vbrs[segment.path.over]
            vbrs = (home,) if home in vbrs else vbrs
            for vbr in vbrs:
                share = (1 - segment.path.loss) / len(vbrs)
                yield vbr, Piece(segment.start, after.start, load, share)


END = Segment(inf, None, flows=False)


def _vbrs_of(over: str, network: Network) -> tuple[str, ...]:
    """
    Return the IDs of the VBRs that a path leads over; over a circuit, these are all of its VBRs.
    """
    related = sorted(network.related(over))
    return tuple(each for each in related if network.resources[each].kind == VBR)


def _answers(vbr: str, courses: Courses) -> Iterator[tuple[float, float]]:
    (course,) = courses(_alone(vbr))
    for segment, after in pairwise([*course, END]):
        if segment.flows:
            yield segment.start, after.start


def _alone(vbr: str) -> Service:
    """
    Return a service whose only path is over a VBR.
    """
    return Service(vbr, "udp", 0, ((Route(vbr, vbr),),))
