"""
Where the traffic of a service flows, as pure functions of what is cut and when.

A service takes the first of its paths that is believed to be up. A cut stalls it until the
path's detection time is over; then it moves. After the cut it moves back, with a short loss.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Any

from chaosfailover.emulator.jobs import Job, entered, projected
from chaosfailover.emulator.network import CIRCUIT, PEER, VBR, Network
from chaosfailover.emulator.settings import Settings, Span, drawn, span

__all__ = [
    "DETECTION",
    "Cut",
    "Path",
    "Segment",
    "Service",
    "cuts_from",
    "segments",
    "services_from",
]

DETECTION: dict[str, float] = {"bfd": 0.9, "bgp-hold": 30.0, "health-check": 16.0}
"""
How long each mechanism takes to find a path dead: BFD 3 x 300 ms, BGP hold time 30 s, VBR health
check 8 x 2 s.
"""

UP = {CIRCUIT: ("Status", "Enabled"), VBR: ("Status", "active"), PEER: ("BgpStatus", "Established")}


@dataclass(frozen=True)
class Path:
    """
    One way through the network, over a peer, a VBR or a circuit.

    `delay` (seconds) and `loss` (0 to 1) make it slow or lossy; one that does not carry looks
    healthy to the routing and swallows everything.
    """

    name: str
    over: str
    detection: Span = DETECTION["bfd"]
    delay: float = 0.0
    loss: float = 0.0
    carries: bool = True
    up: bool = True


@dataclass(frozen=True)
class Service:
    """
    A loopback service of the data plane and its paths in order of preference.
    """

    name: str
    kind: str
    port: int
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Cut:
    """
    Resources that a job takes down from one instant to another; `number` is the job's.
    """

    resource_ids: tuple[str, ...]
    start: float
    end: float
    number: int


@dataclass(frozen=True)
class Segment:
    """
    From `start` on, a service uses `path` (None: it has no route), and its traffic flows or not.
    """

    start: float
    path: Path | None
    flows: bool


def cuts_from(jobs: Iterable[Job], settings: Settings) -> tuple[Cut, ...]:
    """
    Return what jobs cut, past and to come if nobody touches them.
    """
    ends = [projected(job) for job in jobs]
    return tuple(
        Cut(job.resource_ids, start, _restored(job, settings), job.number)
        for job in ends
        if (start := entered(job, "Testing")) is not None
    )


def _restored(job: Job, settings: Settings) -> float:
    at = entered(job, settings.restored_on)
    return inf if job.unrestored or at is None else at


def segments(
    service: Service, cuts: Sequence[Cut], network: Network, settings: Settings, seed: object = None
) -> tuple[Segment, ...]:
    """
    Return the course of a service's traffic over all time, as segments in order.
    """
    downs = {path.name: _downs(path, cuts, network) for path in service.paths}
    avoided = {
        path.name: _avoided(path, downs[path.name], settings, seed) for path in service.paths
    }
    edges = {-inf} | {edge for each in (downs, avoided) for edge in _edges(each.values())}
    course: list[Segment] = []
    for at in sorted(edges - {inf}):
        path = next((p for p in service.paths if not _within(at, avoided[p.name])), None)
        flows = path is not None and path.carries and not _within(at, downs[path.name])
        if not course or (course[-1].path, course[-1].flows) != (path, flows):
            course.append(Segment(at, path, flows))
    return tuple(_with_loss(service, course, settings, seed))


def _downs(path: Path, cuts: Sequence[Cut], network: Network) -> list[tuple[float, float, int]]:
    """
    Return when a path is really down, as (start, end, number of the cut that began it).
    """
    edges = sorted({cut.start for cut in cuts} | {cut.end for cut in cuts})
    found: list[tuple[float, float, int]] = []
    for start, end in pairwise(edges):
        acting = [cut for cut in cuts if cut.start <= start < cut.end]
        if path.over not in network.down(id_ for cut in acting for id_ in cut.resource_ids):
            continue
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end, found[-1][2])
        else:
            found.append((start, end, acting[-1].number))
    return found


def _avoided(
    path: Path, downs: Sequence[tuple[float, float, int]], settings: Settings, seed: object
) -> list[tuple[float, float]]:
    """
    Return when routing believes a path to be down: from its detection to its reversion.
    """
    if not path.up:
        return [(-inf, inf)]
    found: list[tuple[float, float]] = []
    for start, end, number in downs:
        back = end + drawn(settings.revert_delay, seed, path.name, number, "revert")
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], back)
        elif (at := start + drawn(path.detection, seed, path.name, number)) < end:
            found.append((at, back))
    return found


def _with_loss(
    service: Service, course: Sequence[Segment], settings: Settings, seed: object
) -> Iterable[Segment]:
    """
    Yield the course with a loss at each move of flowing traffic to a path preferred more.
    """
    yield from course[:1]
    for number, (before, after) in enumerate(pairwise(course)):
        loss = drawn(settings.revert_loss, seed, service.name, number, "loss")
        if not (loss and _is_reversion(service, before, after)):
            yield after
            continue
        yield Segment(after.start, after.path, flows=False)
        if number + 2 >= len(course) or after.start + loss < course[number + 2].start:
            yield Segment(after.start + loss, after.path, flows=True)


def _is_reversion(service: Service, before: Segment, after: Segment) -> bool:
    if not (before.flows and after.flows) or before.path is None or after.path is None:
        return False
    return service.paths.index(after.path) < service.paths.index(before.path)


def _edges(intervals: Iterable[Sequence[tuple[float, ...]]]) -> set[float]:
    return {edge for each in intervals for interval in each for edge in interval[:2]}


def _within(at: float, intervals: Iterable[tuple[float, ...]]) -> bool:
    return any(interval[0] <= at < interval[1] for interval in intervals)


def services_from(
    services: Mapping[str, Any], paths: Mapping[str, Any], network: Network
) -> tuple[Service, ...]:
    """
    Build the services of a topology from its `services:` and `paths:`.
    """
    known = {name: _path(name, entry, network) for name, entry in paths.items()}
    return tuple(
        Service(name, _kind(name, entry), int(entry.get("port", 0)), _chosen(name, entry, known))
        for name, entry in services.items()
    )


def _kind(name: str, entry: Mapping[str, Any]) -> str:
    if entry["kind"] not in ("http", "tcp", "udp"):
        raise ValueError(f"service {name} is of kind {entry['kind']!r}, not http, tcp or udp")
    return str(entry["kind"])


def _chosen(name: str, entry: Mapping[str, Any], known: Mapping[str, Path]) -> tuple[Path, ...]:
    if unknown := [path for path in entry["paths"] if path not in known]:
        raise ValueError(f"service {name} takes paths {unknown}, which are not described")
    return tuple(known[path] for path in entry["paths"])


def _path(name: str, entry: Mapping[str, Any], network: Network) -> Path:
    values = dict(entry)
    resource = network.resources[values["over"]]
    given = values.get("detection", "bfd")
    values["detection"] = span(
        DETECTION.get(given, given) if isinstance(given, str) else given, name
    )
    field, literal = UP[resource.kind]
    return Path(name=name, **{"up": resource.fields.get(field, literal) == literal, **values})
