"""
Routing: which path the traffic of a service takes, as a pure function of the cuts.

A service takes the first of its paths that is in service and believed to be up. A cut stalls the
traffic for the path's detection time; then it moves. After the cut it moves back, with a short
loss.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from typing import NamedTuple

from chaosfailover.emulator.detection import by_bfd, detection
from chaosfailover.emulator.downtime import Downtime
from chaosfailover.emulator.resources import PEER, VBR, Network
from chaosfailover.emulator.route_entries import brings
from chaosfailover.emulator.services import Route, Service
from chaosfailover.emulator.settings import Settings, drawn, longest

__all__ = ["Intervals", "Segment", "courses", "fallen_sessions", "lost_sessions", "within"]

Intervals = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Segment:
    """
    From `start` on, traffic takes `path` (None without a route), and flows or stalls.

    A stall loses `both` directions, only `out` from the client to the service, or only `back`.
    """

    start: float
    path: Route | None
    flows: bool
    loses: str = "both"


def courses(
    service: Service,
    cuts: Sequence[Downtime],
    network: Network,
    settings: Settings,
    seed: object = None,
) -> tuple[tuple[Segment, ...], ...]:
    """
    Return the course of each flow group of a service over all time, as segments in order.
    """
    stalls = {path.name: _stalls(path, cuts, network, settings) for path in service.paths}
    avoided = {
        path.name: _avoided(path, cuts, network, settings, seed)
        if network.in_service(path.over) and brings(network, path.over, service.prefix)
        else [(-inf, inf)]
        for path in service.paths
    }
    edges = {-inf} | _edges(avoided.values())
    edges |= {edge for each in stalls.values() for start, end, _ in each for edge in (start, end)}
    ordered = sorted(edges - {inf})
    return tuple(
        tuple(
            _with_loss(service.name, order, _moves(order, ordered, stalls, avoided), settings, seed)
        )
        for order in service.orders
    )


def _moves(
    order: Sequence[Route],
    edges: Iterable[float],
    stalls: Mapping[str, Sequence[tuple[float, float, str]]],
    avoided: Mapping[str, Intervals],
) -> list[Segment]:
    """
    Return the course of a flow group, without the losses on its way back.
    """
    course: list[Segment] = []
    for at in edges:
        path = next((each for each in order if not within(at, avoided[each.name])), None)
        segment = Segment(at, path, flows=False)
        if path is not None and path.carries:
            loses = next((it for start, end, it in stalls[path.name] if start <= at < end), None)
            segment = Segment(at, path, loses is None, loses or "both")
        if not course or replace(course[-1], start=at) != segment:
            course.append(segment)
    return course


def _down(
    path: Route, cuts: Sequence[Downtime], network: Network
) -> Iterator[tuple[float, float, list[Downtime]]]:
    """
    Yield when a path is down, as (start, end, the cuts that act then).
    """
    edges = sorted({cut.start for cut in cuts} | {cut.end for cut in cuts})
    for start, end in pairwise(edges):
        acting = [cut for cut in cuts if cut.start <= start < cut.end]
        if path.over in network.down(id_ for cut in acting for id_ in cut.resource_ids):
            yield start, end, acting


def _stalls(
    path: Route, cuts: Sequence[Downtime], network: Network, settings: Settings
) -> list[tuple[float, float, str]]:
    """
    Return when a path is down, and which direction it loses then.
    """
    return [
        (start, end, _direction(path, acting, network, settings))
        for start, end, acting in _down(path, cuts, network)
    ]


def _direction(
    path: Route, acting: Iterable[Downtime], network: Network, settings: Settings
) -> str:
    """
    Return which direction a path loses under cuts that take it down together.
    """
    kinds = {cut: settings.loses[cut.kind] for cut in acting}
    lost = [
        direction
        for direction in ("out", "back")
        if path.over
        in network.down(
            id_
            for cut, loses in kinds.items()
            if loses in ("both", direction)
            for id_ in cut.resource_ids
        )
    ]
    return lost[0] if len(lost) == 1 else "both"


def _lost(
    path: Route, cuts: Sequence[Downtime], network: Network
) -> list[tuple[float, float, Downtime]]:
    """
    Return when a path is down without a pause, as (start, end, the cut that began it).
    """
    intervals: list[tuple[float, float, Downtime]] = []
    for start, end, acting in _down(path, cuts, network):
        if intervals and intervals[-1][1] == start:
            intervals[-1] = (intervals[-1][0], end, intervals[-1][2])
        else:
            intervals.append((start, end, acting[-1]))
    return intervals


def _avoided(
    path: Route,
    cuts: Sequence[Downtime],
    network: Network,
    settings: Settings,
    seed: object,
) -> list[tuple[float, float]]:
    """
    Return when routing believes a path to be down: from its detection to its reversion.
    """
    intervals: list[tuple[float, float]] = []
    for each in _losses(path, cuts, network, settings, seed):
        if intervals and each.start <= intervals[-1][1]:
            intervals[-1] = (intervals[-1][0], each.back)
        elif each.moved < each.end:
            intervals.append((each.moved, each.back))
    return intervals


class Loss(NamedTuple):
    """
    A time in which a path is down: when that is noticed, and when the traffic has moved and is
    back, unless the path is up before.
    """

    start: float
    noticed: float
    moved: float
    end: float
    back: float


def _losses(
    path: Route,
    cuts: Sequence[Downtime],
    network: Network,
    settings: Settings,
    seed: object,
) -> Iterator[Loss]:
    for start, end, cut in _lost(path, cuts, network):
        unnoticed = detection(path.detection, path.over, settings.cut_is[cut.kind], network)
        noticed = start + drawn(unnoticed, seed, path.name, cut.number)
        takeover = settings.convergence
        if takeover and _has_partner(path, start, cuts, network):
            takeover = min(takeover, settings.group_takeover, key=longest)
        moved = noticed + drawn(takeover, seed, path.name, cut.number, "convergence")
        back = end + drawn(settings.revert_delay, seed, path.name, cut.number, "revert")
        yield Loss(start, noticed, moved, end, back)


def _has_partner(path: Route, at: float, cuts: Iterable[Downtime], network: Network) -> bool:
    """
    Say whether a failover group moves the traffic of a path to a VBR that is up at an instant.
    """
    vbrs = [each for each in network.related(path.over) if network.resources[each].kind == VBR]
    partners = {network.fabrics.partner(each) for each in vbrs}
    acting = (cut for cut in cuts if cut.start <= at < cut.end)
    down = network.down(id_ for cut in acting for id_ in cut.resource_ids)
    up = all(each and each not in down and network.in_service(each) for each in partners)
    return bool(vbrs) and up and by_bfd(path.detection, path.over, network)


def lost_sessions(
    paths: Iterable[Route],
    cuts: Sequence[Downtime],
    network: Network,
    settings: Settings,
    seed: object,
) -> dict[str, Intervals]:
    """
    Return when routing has noticed the loss of BGP peers, as it does for the `paths` over them; and
    when a health check has taken the static routes of VBRs away.
    """
    lost: dict[str, Intervals] = {}
    for path in _paths_of(paths, cuts, network):
        kind = network.resources[path.over].kind
        checked = path.detection not in ("bfd", "bgp-hold", "session")
        if kind == PEER or (kind == VBR and checked):
            lost[path.over] = _avoided(path, cuts, network, settings, seed)
    return lost


def fallen_sessions(
    paths: Iterable[Route],
    cuts: Sequence[Downtime],
    network: Network,
    settings: Settings,
    seed: object,
) -> dict[str, Intervals]:
    """
    Return when the sessions of BGP peers show that they are down.
    """
    on_cut = settings.sessions_fall == "cut"
    return {
        path.over: [
            (each.start if on_cut else each.noticed, each.end)
            for each in _losses(path, cuts, network, settings, seed)
            if on_cut or each.noticed < each.end
        ]
        for path in _paths_of(paths, cuts, network)
        if network.resources[path.over].kind == PEER
    }


def _paths_of(
    paths: Iterable[Route], cuts: Iterable[Downtime], network: Network
) -> Iterator[Route]:
    """
    Yield a path over each resource that cuts take down, as that of the `paths` below it.
    """
    over = {path.over: path for path in reversed(list(paths))}
    down = network.down(id_ for cut in cuts for id_ in cut.resource_ids)
    for each in down & network.resources.keys():  # a job may be of a topology before this one
        below = network.stands_on(each)
        path = next((over[id_] for id_ in below if id_ in over), Route(each, each))
        yield replace(path, over=each)


def _with_loss(
    name: str,
    order: Sequence[Route],
    course: Sequence[Segment],
    settings: Settings,
    seed: object,
) -> Iterable[Segment]:
    """
    Yield the course, with a loss whenever flowing traffic returns to a preferred path.
    """
    yield from course[:1]
    for number, (before, after) in enumerate(pairwise(course)):
        loss = drawn(settings.revert_loss, seed, name, number, "loss")
        if not (loss and _is_reversion(order, before, after)):
            yield after
            continue
        yield Segment(after.start, after.path, flows=False)
        if number + 2 >= len(course) or after.start + loss < course[number + 2].start:
            yield Segment(after.start + loss, after.path, flows=True)


def _is_reversion(order: Sequence[Route], before: Segment, after: Segment) -> bool:
    if not (before.flows and after.flows) or before.path is None or after.path is None:
        return False
    return order.index(after.path) < order.index(before.path)


def _edges(intervals: Iterable[Intervals]) -> set[float]:
    return {edge for each in intervals for interval in each for edge in interval}


def within(at: float, intervals: Intervals) -> bool:
    """
    Say whether an instant lies in one of the intervals.
    """
    return any(start <= at < end for start, end in intervals)
