"""
The traffic of a cut and its survivors, compared with the bandwidth of the survivors.

Traffic is that of VBRs, added up at equal times, in each direction. Bandwidth is that of circuits
and VBRs: VBRs share their circuit, and hosted circuits share the circuit that carries them. No data
is unknown, and never zero. `warnings` have no number, since numbers change from day to day.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Literal

from chaosfailover.network.paths import Path
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

Status = Literal["ok", "warning", "unknown", "failed"]
Way = Literal["inbound", "outbound"]


@dataclass(frozen=True)
class Direction:
    """
    The load of survivors in one direction, in Mbit/s; None is unknown.

    `now` is the highest sum of the last 15 minutes. `peak`, at `peak_at`, and `p95` are those of
    the sums of 7 days; they are of less if `complete` is false.
    """

    way: Way
    room: float | None
    now: float | None
    peak: float | None
    peak_at: datetime | None
    p95: float | None
    complete: bool
    max_survivor_load: float

    @property
    def status(self) -> Status:
        """
        `failed` if the load of now is too high, `warning` if that of the 7 days is.
        """
        if self._exceeds(self.now):
            return "failed"
        if self.room is None or self.now is None:
            return "unknown"
        if self._exceeds(self.peak):
            return "warning"
        return "ok" if self.complete else "unknown"

    def _exceeds(self, load: float | None) -> bool:
        known = self.room is not None and load is not None
        return known and (load or 0.0) > self.max_survivor_load * (self.room or 0.0)

    def __str__(self) -> str:
        room = _megabits(self.room)
        text = f"{self.way}: {_megabits(self.now)} of {room} in the last 15 minutes"
        if self.peak is None or self.peak_at is None:
            return f"{text}; no peak of 7 days is known"
        when = self.peak_at.strftime("%Y-%m-%d %H:%M UTC")
        part = "" if self.complete else ", with gaps"
        peak = f"peak of 7 days{part} {_megabits(self.peak)} at {when}"
        return f"{text}; {peak}, 95th percentile {_megabits(self.p95)}"

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
        order: tuple[Status, ...] = ("failed", "unknown", "warning", "ok")
        both = {self.inbound.status, self.outbound.status}
        return next(status for status in order if status in both)

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


def load(
    survival: Survival, routing: Routing, max_survivor_load: float = MAX_SURVIVOR_LOAD
) -> list[Load]:
    """
    Return the load of each need of a cut.

    It counts the VBRs that lose a path, the surviving ones, and others of the cut's needs that
    share a circuit with those.
    """
    region = {path for need in survival.needs for path in (*need.taken, *need.survivors)}
    return [_load(need, region, routing, max_survivor_load) for need in survival.needs]


def _load(need: Need, region: Collection[Path], routing: Routing, limit: float) -> Load:
    carriers = {path.carrier_id for path in need.survivors}
    sharing = [path for path in region if path.carrier_id in carriers]
    members = {path.vbr_id for path in (*need.taken, *need.survivors, *sharing)}
    traffic = {vbr_id: _traffic(vbr_id, routing) for vbr_id in members}
    read = [each for each in traffic.values() if isinstance(each, Traffic)]
    room = _room(need, routing)
    gaps = [str(each) for each in traffic.values() if isinstance(each, Unread)]
    gaps += ["the bandwidth of a survivor is unknown"] if room is None else []

    def direction(way: Way, points: Callable[[Traffic], Iterable[Datapoint]]) -> Direction:
        sums = _sums([points(each) for each in read], routing.taken_at)
        if len(read) < len(traffic):  # a part of the load can be too much, and never little enough
            sums = {at: rate for at, rate in sums.items() if room and rate > limit * room}
        return _direction(way, sums, routing.taken_at, room, limit)

    return Load(
        str(need),
        direction("inbound", lambda each: each.inbound),
        direction("outbound", lambda each: each.outbound),
        tuple(sorted(set(gaps))),
    )


def _traffic(vbr_id: str | None, routing: Routing) -> Traffic | Unread:
    unread = Unread("DescribeMetricList", f"no data of {vbr_id or 'a part without VBR'}")
    return routing.traffic.get(vbr_id or "", unread)


def _sums(members: list[Iterable[Datapoint]], now: datetime) -> dict[datetime, float]:
    """
    Return the sums of all members in Mbit/s, at the times of 7 days at which each has a rate.
    """
    seen: Counter[datetime] = Counter()
    total: dict[datetime, float] = {}
    for points in members:
        rates = {at: rate for at, rate in points if now - WINDOW < at <= now and _is_rate(rate)}
        seen.update(rates.keys())
        for at, rate in rates.items():
            total[at] = total.get(at, 0.0) + rate / MEGABIT
    return {at: rate for at, rate in sorted(total.items()) if seen[at] == len(members)}


def _is_rate(rate: float) -> bool:
    return math.isfinite(rate) and rate >= 0


def _direction(
    way: Way, sums: Mapping[datetime, float], now: datetime, room: float | None, limit: float
) -> Direction:
    recent = [rate for at, rate in sums.items() if at > now - NOW]
    ranked = sorted(sums.values())
    peak_at = max(sums, key=lambda at: sums[at], default=None)
    return Direction(
        way,
        room,
        now=max(recent, default=None),
        peak=ranked[-1] if ranked else None,
        peak_at=peak_at,
        p95=ranked[math.ceil(0.95 * len(ranked)) - 1] if ranked else None,
        complete=len(sums) >= COMPLETE * (WINDOW / PERIOD),
        max_survivor_load=limit,
    )


def _room(need: Need, routing: Routing) -> float | None:
    """
    Return the bandwidth of the survivors in Mbit/s; None if that of one is unknown.

    VPN connections count where no circuit survives, since a circuit is preferred to them, and if
    they provably carry all that is cut. A VBR over several circuits may use any of them, so that
    its bandwidth is unknown.
    """
    if not need.survivors:
        backups = vpn_backups(need.group, routing)
        proven = [each.ceiling for each in backups if each.vpn_connection_id in need.backups]
        return _sum(proven) if proven else None
    if any(path.other_circuit_ids for path in need.survivors):
        return None
    return _sum(
        _shared_room(carrier) for carrier in _grouped(need.survivors, attrgetter("carrier_id"))
    )


def _shared_room(paths: Collection[Path]) -> float | None:
    """
    Return the bandwidth of the circuits that one circuit carries.
    """
    circuits = [_circuit_room(circuit) for circuit in _grouped(paths, attrgetter("circuit_id"))]
    return _least(_sum(circuits), next(iter(paths)).carrier_bandwidth)


def _circuit_room(paths: Collection[Path]) -> float | None:
    vbrs = {path.vbr_id: path.vbr_bandwidth or None for path in paths}
    return _least(_sum(vbrs.values()), next(iter(paths)).bandwidth)


def _grouped(
    paths: Iterable[Path], key: Callable[[Path], str | None]
) -> Iterator[Collection[Path]]:
    groups: dict[str | None, list[Path]] = {}
    for path in paths:
        groups.setdefault(key(path), []).append(path)
    yield from groups.values()


def _sum(values: Iterable[float | None]) -> float | None:
    each = list(values)
    known = [value for value in each if value]
    return sum(known) if len(known) == len(each) else None


def _least(*values: float | None) -> float | None:
    """
    Return the lowest; None if one is missing or 0, which is unknown too.
    """
    known = [value for value in values if value]
    return min(known) if len(known) == len(values) else None


def _megabits(rate: float | None) -> str:
    return "unknown" if rate is None else f"{rate:.0f} Mbit/s"
