"""
The services of the data plane, and the paths that they take through the network.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import lcm
from typing import Annotated, NamedTuple

from chaosfailover.emulator import schema
from chaosfailover.emulator.detection import detection_from
from chaosfailover.emulator.resource_fields import shown
from chaosfailover.emulator.resources import CARRYING, PEER, Network

__all__ = [
    "PATHS",
    "SERVICES",
    "Route",
    "Service",
    "Upstream",
    "check_names",
    "services_from",
    "upstream_from",
    "with_upstreams",
]

MOST_EQUAL = 8  # equal paths; n of them make n * (n - 1) flow groups
MOST_GROUPS = 64


class Upstream(NamedTuple):
    """
    The address of the user's own service.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def upstream_from(value: object, place: str) -> Upstream:
    """
    Read `host:port`, with brackets around an IPv6 address.
    """
    match = re.fullmatch(r"(?:\[([^][]+)\]|([^][:/@\s]+)):([0-9]{1,5})", str(value))
    try:
        if match and 1 <= int(match[3]) <= 65535 and (match[1] or match[2].encode("idna")):
            return Upstream(match[1] or match[2], int(match[3]))
    except UnicodeError:
        pass
    raise ValueError(f"{place} is {value!r}, expected host:port, such as 127.0.0.1:3000")


@dataclass(frozen=True)
class Route:
    """
    One path through the network, over a peer, a VBR or a circuit.

    `delay` is in seconds, `loss` from 0 to 1. A path that does not carry looks healthy to the
    routing and loses everything.
    """

    name: str
    over: Annotated[str, schema.TEXT]
    detection: Annotated[schema.Span | str, detection_from] = "session"
    delay: Annotated[float, schema.number(0, 3600)] = 0.0
    loss: Annotated[float, schema.number(0, 1)] = 0.0
    carries: Annotated[bool, schema.TRUTH] = True


@dataclass(frozen=True)
class ServiceEntry:
    """
    A service as a topology writes it; `paths` are names.
    """

    kind: Annotated[str, schema.one_of("http", "tcp", "udp")]
    paths: Annotated[
        tuple[tuple[str, ...], ...], schema.listing(schema.listing(schema.TEXT, least=1))
    ]
    port: Annotated[int, schema.integer(0, 65535)] = 0
    upstream: Annotated[Upstream | None, upstream_from] = None
    prefix: Annotated[str, schema.PREFIX] = ""


PATHS = schema.table(schema.record_of(Route, name=""))
SERVICES = schema.table(schema.record_of(ServiceEntry))
"""
The schemas of a topology's `paths:` and `services:`.
"""


@dataclass(frozen=True)
class Service:
    """
    A loopback service of the data plane and its paths.

    `ranks` are the paths in order of preference; the paths of a rank are equal and share the
    flows. Traffic goes on to `upstream`, or to a small application of the emulator. With a
    `prefix`, only paths whose sessions bring a route that contains it carry the service.
    """

    name: str
    kind: str
    port: int
    ranks: tuple[tuple[Route, ...], ...]
    upstream: Upstream | None = None
    prefix: str = ""

    @property
    def paths(self) -> tuple[Route, ...]:
        """
        All paths, the preferred ones first.
        """
        return tuple(path for rank in self.ranks for path in rank)

    @property
    def orders(self) -> tuple[tuple[Route, ...], ...]:
        """
        The paths in order of preference for each flow group.

        Of n equal paths each carries n - 1 groups. When a path goes down, each of the others takes
        one of them, and no other flow moves, as with resilient hashing.
        """
        groups = _groups(self.ranks)
        return tuple(
            tuple(path for rank in self.ranks for path in _rotated(rank, group))
            for group in range(groups)
        )


def _groups(ranks: Iterable[Sequence[object]]) -> int:
    return lcm(*(len(rank) * (len(rank) - 1) for rank in ranks if len(rank) > 1))


def _rotated(rank: Sequence[Route], group: int) -> tuple[Route, ...]:
    """
    Return equal paths as one flow group prefers them: its own first, then one of the others.
    """
    own, turn = group % len(rank), group // len(rank)
    others = [*rank[own + 1 :], *rank[:own]]
    first = turn % len(others) if others else 0
    return (rank[own], *others[first:], *others[:first])


def services_from(
    services: Mapping[str, ServiceEntry], paths: Mapping[str, Route], network: Network
) -> tuple[Service, ...]:
    """
    Build the services of a topology from its `services:` and `paths:`.
    """
    for name, path in paths.items():
        _check_path(name, path, network)
    named = {name: replace(path, name=name) for name, path in paths.items()}
    return tuple(
        Service(
            name, each.kind, each.port, _ranks(name, each.paths, named), each.upstream, each.prefix
        )
        for name, each in services.items()
    )


def with_upstreams(
    services: Sequence[Service], upstreams: Mapping[str, str]
) -> tuple[Service, ...]:
    """
    Return services with other upstreams, `host:port` by name; ValueError says what is wrong.
    """
    check_names(upstreams, [each.name for each in services], "an upstream")
    parsed = {name: upstream_from(text, f"upstream.{name}") for name, text in upstreams.items()}
    return tuple(replace(each, upstream=parsed.get(each.name, each.upstream)) for each in services)


def check_names(names: Iterable[str], services: Collection[str], what: str) -> None:
    """
    Raise ValueError if a name is none of the topology's services.
    """
    if unknown := sorted(set(names) - set(services)):
        raise ValueError(
            f"{what} is given to {unknown[0]!r},"
            f" but the topology's services are {', '.join(services) or 'none'}"
        )


def _ranks(
    name: str, ranks: Sequence[Sequence[str]], paths: Mapping[str, Route]
) -> tuple[tuple[Route, ...], ...]:
    """
    Return the paths of a service by rank; ValueError for unknown, doubled or too many names.
    """
    if unknown := [path for rank in ranks for path in rank if path not in paths]:
        raise ValueError(
            f"services.{name}.paths has {unknown[0]!r}, expected one of {sorted(paths)}"
        )
    if doubled := [path for rank in ranks for path in rank if rank.count(path) > 1]:
        raise ValueError(
            f"services.{name}.paths has {doubled[0]!r} twice among equal paths, expected it once"
        )
    if max(map(len, ranks), default=0) > MOST_EQUAL or _groups(ranks) > MOST_GROUPS:
        raise ValueError(f"services.{name}.paths has more than {MOST_EQUAL} equal paths")
    return tuple(tuple(paths[path] for path in rank) for rank in ranks)


def _check_path(name: str, path: Route, network: Network) -> None:
    over = network.resources.get(path.over)
    if over is None or over.kind not in CARRYING:
        raise ValueError(
            f"paths.{name}.over is {path.over!r}, expected a circuit, VBR, BGP peer,"
            " router interface or VPN connection of regions"
        )
    if path.detection == "bfd" and over.kind == PEER and not shown(over, "EnableBfd"):
        raise ValueError(f"paths.{name}.detection is 'bfd', but {over.id} has EnableBfd: false")
