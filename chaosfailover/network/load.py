"""
The traffic that the survivors of a cut have to carry, compared with their bandwidth.

Those count that carry every prefix and are used first; they share the traffic equally, as ECMP
does. Each of their VBRs and circuits is judged apart, with all that it carries then: what the cuts
of all needs bring, and the traffic of all its VBRs, of whatever group. The fullest is told. Traffic
is added up at equal times. No data is unknown, and never zero. `warnings` have no number, since
numbers change from day to day.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from chaosfailover.network.next_hops import first_survivors
from chaosfailover.network.paths import Path
from chaosfailover.network.prefixes import RouteProof
from chaosfailover.network.routes import RouteTables
from chaosfailover.network.routing import Datapoint, Routing, Traffic, Unread
from chaosfailover.network.survival import Need, Survival
from chaosfailover.network.vpn import vpn_backups

__all__ = ["MAX_SURVIVOR_LOAD", "Direction", "Load", "Status", "load"]

MAX_SURVIVOR_LOAD = 0.8
"""The share of their bandwidth that survivors may have to carry."""

NOW = timedelta(minutes=15)
WINDOW = timedelta(days=7)
PERIOD = timedelta(minutes=5)
COMPLETE = 0.95
"""The share of a window that has to have data."""

MEGABIT = 1_000_000
ROUNDING = 1e-9
"""The relative error of sums."""

Status = Literal["ok", "warning", "unknown", "failed"]
Way = Literal["inbound", "outbound"]

ORDER: tuple[Status, ...] = ("failed", "unknown", "warning", "ok")
"""From the worst."""


@dataclass(frozen=True)
class Direction:
    """
    The load of the fullest survivor in one direction, in Mbit/s; None is unknown.

    `now` is the highest sum of the last 15 minutes. `peak`, at `peak_at`, and `p95` are those of
    the sums of 7 days; they are of less if `complete` is false. If `bounded` is false, loads may be
    higher and the room may be less. `part` names the survivor where there are several.
    """

    way: Way
    room: float | None
    now: float | None
    peak: float | None
    peak_at: datetime | None
    p95: float | None
    complete: bool
    max_survivor_load: float
    bounded: bool = True
    part: str = ""

    @property
    def status(self) -> Status:
        """
        `failed` if the load of now is too high, `warning` if that of the 7 days is.
        """
        if self._exceeds(self.now):
            return "failed"
        if self.room is None or self.now is None or not self.bounded:
            return "unknown"
        if self._exceeds(self.peak):
            return "warning"
        return "ok" if self.complete else "unknown"

    @property
    def fullness(self) -> float:
        """
        The share of the room that is used now; 0 if unknown.
        """
        return (self.now or 0.0) / self.room if self.room else 0.0

    def _exceeds(self, load: float | None) -> bool:
        if self.room is None or load is None:
            return False
        return load > self.max_survivor_load * self.room * (1 + ROUNDING)

    def __str__(self) -> str:
        least, most = ("", "") if self.bounded else ("at least ", "at most ")
        most = most if self.room else ""
        part = f" of {self.part}" if self.part else ""
        now = self._shown(self.now, least)
        room = _megabits(self.room, (self.room or 0.0,))
        text = f"{self.way}: {now} of {most}{room}{part} in the last 15 minutes"
        if self.peak is None or self.peak_at is None:
            return f"{text}; no peak of 7 days is known"
        when = self.peak_at.strftime("%Y-%m-%d %H:%M UTC")
        gaps = "" if self.complete else ", with gaps"
        peak = f"peak of 7 days{gaps} {self._shown(self.peak, least)} at {when}"
        return f"{text}; {peak}, 95th percentile {self._shown(self.p95, least)}"

    def _shown(self, load: float | None, least: str) -> str:
        room = self.room or 0.0
        marks = (0.0, self.max_survivor_load * room, room)
        return "unknown" if load is None else f"{least}{_megabits(load, marks)}"

    def as_dict(self) -> dict[str, object]:
        """
        Return the direction as JSON can hold it.
        """
        return {
            "way": self.way,
            "status": self.status,
            "room": self.room,
            "now": self.now,
            "peak": self.peak,
            "peak_at": self.peak_at.isoformat() if self.peak_at else None,
            "p95": self.p95,
            "complete": self.complete,
            "bounded": self.bounded,
            "part": self.part,
        }


@dataclass(frozen=True)
class Load:
    """
    The load that a need leaves to its survivors; `gaps` are why a part of it is unknown.
    """

    need: str
    inbound: Direction
    outbound: Direction
    gaps: tuple[str, ...]

    @property
    def status(self) -> Status:
        """
        The worst status of the two directions.
        """
        return min(self.inbound.status, self.outbound.status, key=ORDER.index)

    @property
    def warnings(self) -> list[str]:
        """
        What is wrong or unknown, in sentences without numbers.
        """
        texts = {
            "failed": "its survivors have too little bandwidth for the present load",
            "warning": "its survivors have too little bandwidth for the peak of the last 7 days",
            "unknown": "whether its survivors have enough bandwidth for the load is not known",
        }
        statuses = {self.inbound.status, self.outbound.status}
        return [f"{self.need}: {text}" for status, text in texts.items() if status in statuses]

    def __str__(self) -> str:
        gaps = "".join(f"; {gap}" for gap in self.gaps)
        return f"{self.need}: {self.inbound}; {self.outbound}{gaps}"

    def as_dict(self) -> dict[str, object]:
        """
        Return the load as JSON can hold it.
        """
        ways = {"inbound": self.inbound.as_dict(), "outbound": self.outbound.as_dict()}
        return {"need": self.need, "status": self.status, **ways, "gaps": [*self.gaps]}


@dataclass(frozen=True)
class _Part:
    """
    A VBR, circuit or VPN connection that takes over, and which share of each VBR's traffic it then
    carries; without name, all that may. `doubts` are why it may carry more or have less room.
    """

    name: str
    room: float | None
    shares: Mapping[str | None, float]
    doubts: tuple[str, ...] = ()


def load(
    survival: Survival,
    proof: RouteProof,
    tables: RouteTables,
    max_survivor_load: float = MAX_SURVIVOR_LOAD,
) -> list[Load]:
    """
    Return the load of each need of a cut, with what the routes prove of it.

    If the survivors that are used first are not known, all that may take over are judged together:
    that may be too much for them, and is never known to fit.
    """
    cut = _Cut(survival, proof, tables)
    return [_load(need, [*cut.parts(need)], tables.routing, max_survivor_load) for need in cut.hops]


class _Cut:
    """
    A cut with the survivors that each of its needs uses first, or a sentence why not known.
    """

    def __init__(self, survival: Survival, proof: RouteProof, tables: RouteTables) -> None:
        taken = frozenset(path.vbr_id for need in survival.needs for path in need.taken)
        gone = frozenset(name for name in taken if name)
        self.routing = tables.routing
        self.hops = {
            need: first_survivors(need, of, tables, gone)
            for need, of in zip(survival.needs, proof.needs, strict=True)
        }
        staying = [path for need in survival.needs for path in need.survivors]
        self.others = {*staying, *survival.sharing}

    def parts(self, need: Need) -> Iterator[_Part]:
        """
        Yield all that may be too narrow for a need.
        """
        hops = self.hops[need]
        rooms = _rooms(need, self.routing)
        if isinstance(hops, str):
            yield self._all(need, rooms, hops)
            return
        names = {name for hop in hops for name in rooms.get(hop, {hop: None})}
        widths = {name: room for of in rooms.values() for name, room in of.items()}
        narrowest: dict[tuple[object, ...], _Part] = {}
        for name in sorted(names, key=str):
            part = self._part(name, widths.get(name))
            same = (frozenset(part.shares.items()), part.doubts)
            narrowest[same] = min(narrowest.get(same, part), part, key=_width)
        yield from narrowest.values()

    def _part(self, name: str, room: float | None) -> _Part:
        shares: dict[str | None, float] = {
            path.vbr_id: 1.0 for path in self.others if name in _names(path)
        }
        for need, hops in self.hops.items():
            if isinstance(hops, str):
                continue
            reached = [hop for hop in hops if hop == name or _is_over(need, hop, name)]
            if reached:
                for vbr_id in {path.vbr_id for path in need.taken}:
                    shares[vbr_id] = max(shares.get(vbr_id, 0.0), len(reached) / len(hops))
        return _Part(name, room, shares, tuple(self._doubts(name, shares)))

    def _doubts(self, name: str, shares: Mapping[str | None, float]) -> Iterator[str]:
        """
        Yield why more may come from needs of which it is not known who takes over.
        """
        for need, hops in self.hops.items():
            whole = all(shares.get(path.vbr_id) == 1 for path in need.taken)
            over = any(name in _names(path) for path in need.survivors)
            if isinstance(hops, str) and over and not whole:
                yield hops

    def _all(self, need: Need, rooms: Mapping[str, Mapping[str, float | None]], why: str) -> _Part:
        """
        Return all that may take over as one, with at most the bandwidth of all.
        """
        narrowest = [_least(*each.values()) for each in rooms.values()]
        known = [room for room in narrowest if room]
        total = sum(known) if known and len(known) == len(narrowest) else None
        names = {name for each in rooms.values() for name in each}
        carried = [path for path in self.others if not names.isdisjoint(_names(path))]
        members = dict.fromkeys((path.vbr_id for path in (*need.taken, *carried)), 1.0)
        return _Part("", total, members, (why,))


def _rooms(need: Need, routing: Routing) -> dict[str, dict[str, float | None]]:
    """
    Return what each survivor of a need leads over, with its bandwidth in Mbit/s; 0 is unknown.

    A VBR over several circuits may use any of them, so that their bandwidth is unknown.
    """
    rooms: dict[str, dict[str, float | None]] = {}
    for path in need.survivors:
        widths = (path.vbr_bandwidth, path.bandwidth, path.carrier_bandwidth)
        known = not path.other_circuit_ids
        names = (path.vbr_id, path.circuit_id, path.carrier_id)
        room = {
            name: (width or None) if known else None
            for name, width in zip(names, widths, strict=True)
            if name
        }
        rooms.setdefault(path.vbr_id or "", {}).update(room)
    backups = [each for each in vpn_backups(need.group, routing) if each.health != "down"]
    for backup in backups:
        rooms[backup.vpn_connection_id] = {backup.vpn_connection_id: backup.ceiling}
    return rooms


def _names(path: Path) -> set[str | None]:
    """
    Return the VBR and the circuits that a path leads over.
    """
    return {path.vbr_id, path.circuit_id, *path.parent_circuit_ids} - {None}


def _is_over(need: Need, hop: str, name: str) -> bool:
    return any(path.vbr_id == hop and name in _names(path) for path in need.survivors)


def _width(part: _Part) -> float:
    return part.room or 0.0


def _load(need: Need, parts: list[_Part], routing: Routing, limit: float) -> Load:
    inbound = [_direction("inbound", part, routing, limit) for part in parts]
    outbound = [_direction("outbound", part, routing, limit) for part in parts]
    gaps = [doubt for part in parts for doubt in part.doubts]
    gaps += [
        str(each)
        for part in parts
        for each in _traffic(part, routing).values()
        if isinstance(each, Unread)
    ]
    gaps += ["the bandwidth of a survivor is unknown" for part in parts if part.room is None]
    return Load(str(need), _fullest(inbound), _fullest(outbound), tuple(sorted(set(gaps))))


def _fullest(directions: Collection[Direction]) -> Direction:
    """
    Return the worst of several parts, and of these the fullest; named if there are several.
    """
    worst = max(directions, key=lambda each: (-ORDER.index(each.status), each.fullness))
    return worst if len(directions) > 1 else replace(worst, part="")


def _traffic(part: _Part, routing: Routing) -> dict[str | None, Traffic | Unread]:
    return {
        vbr_id: routing.traffic.get(
            vbr_id or "",
            Unread("DescribeMetricList", f"no data of {vbr_id or 'a part without VBR'}"),
        )
        for vbr_id in part.shares
    }


def _direction(way: Way, part: _Part, routing: Routing, limit: float) -> Direction:
    traffic = _traffic(part, routing)
    read = [
        (each.inbound if way == "inbound" else each.outbound, part.shares[vbr_id])
        for vbr_id, each in traffic.items()
        if isinstance(each, Traffic)
    ]
    sums = _sums(read, routing.taken_at)
    recent = [rate for at, rate in sums.items() if at > routing.taken_at - NOW]
    ranked = sorted(sums.values())
    return Direction(
        way,
        part.room,
        now=max(recent, default=None),
        peak=ranked[-1] if ranked else None,
        peak_at=max(sums, key=lambda at: sums[at], default=None),
        p95=ranked[math.ceil(0.95 * len(ranked)) - 1] if ranked else None,
        complete=len(sums) >= COMPLETE * (WINDOW / PERIOD),
        max_survivor_load=limit,
        bounded=not part.doubts and len(read) == len(traffic),
        part=part.name,
    )


def _sums(
    members: Collection[tuple[Iterable[Datapoint], float]], now: datetime
) -> dict[datetime, float]:
    """
    Return the sums of shares of all members in Mbit/s, at the times of 7 days at which each has a
    rate.
    """
    seen: Counter[datetime] = Counter()
    total: dict[datetime, float] = {}
    for points, share in members:
        rates = {at: rate for at, rate in points if now - WINDOW < at <= now and _is_rate(rate)}
        seen.update(rates.keys())
        for at, rate in rates.items():
            total[at] = total.get(at, 0.0) + share * rate / MEGABIT
    return {at: rate for at, rate in sorted(total.items()) if seen[at] == len(members)}


def _is_rate(rate: float) -> bool:
    return math.isfinite(rate) and rate >= 0


def _least(*values: float | None) -> float | None:
    """
    Return the lowest; None if one is missing or 0, which is unknown too.
    """
    known = [value for value in values if value]
    return min(known) if len(known) == len(values) else None


def _megabits(rate: float | None, marks: Collection[float] = ()) -> str:
    """
    Return a rate with as many digits as show on which side of each mark it is.
    """
    if rate is None:
        return "unknown"
    texts = (f"{rate:.{digits}f}" for digits in range(10))
    sides = [_side(rate, mark) for mark in marks]
    shown = (text for text in texts if [_side(float(text), mark) for mark in marks] == sides)
    return f"{next(shown, f'{rate:g}')} Mbit/s"


def _side(rate: float, mark: float) -> int:
    return 0 if math.isclose(rate, mark, rel_tol=ROUNDING) else 1 if rate > mark else -1
