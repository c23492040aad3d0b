"""
The services of the data plane and the paths that they take through the network.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import lcm
from typing import Any, NamedTuple

from chaosfailover.emulator.resources import CARRYING, Network
from chaosfailover.emulator.schema import (
    SPAN,
    TEXT,
    TRUTH,
    Span,
    integer,
    listing,
    number,
    one_of,
    record,
    table,
)

__all__ = [
    "DETECTION",
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

DETECTION: dict[str, float] = {"bfd": 0.9, "bgp-hold": 30.0, "health-check": 16.0}
"""
How long each mechanism takes to find a path dead: BFD 3 x 300 ms, BGP hold time 30 s, VBR health
check 8 x 2 s.
"""


def _detection(value: Any, place: str) -> Span:
    """
    Read how a path is found dead: by a mechanism, or within some time.
    """
    lasts: Span = SPAN(
        DETECTION[one_of(*DETECTION)(value, place)] if isinstance(value, str) else value, place
    )
    return lasts


class Upstream(NamedTuple):
    """
    Where a service of the user's own listens.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def upstream_from(value: Any, place: str) -> Upstream:
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


PATHS = table(
    record(
        {
            "over": TEXT,
            "detection": _detection,
            "delay": number(0, 3600),
            "loss": number(0, 1),
            "carries": TRUTH,
        },
        required=("over",),
    )
)
SERVICES = table(
    record(
        {
            "kind": one_of("http", "tcp", "udp"),
            "port": integer(0, 65535),
            "paths": listing(listing(TEXT, least=1)),
            "upstream": upstream_from,
        },
        required=("kind", "paths"),
    )
)
"""
The schemas of a topology's `paths:` and `services:`.
"""


@dataclass(frozen=True)
class Route:
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


@dataclass(frozen=True)
class Service:
    """
    A loopback service of the data plane and its paths.

    `ranks` are the paths in order of preference; the paths of one rank are equal and share the
    flows. What arrives goes on to `upstream`, or to a small application of the emulator.
    """

    name: str
    kind: str
    port: int
    ranks: tuple[tuple[Route, ...], ...]
    upstream: Upstream | None = None

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


def _groups(ranks: Iterable[Sequence[Route]]) -> int:
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
    services: Mapping[str, Any], paths: Mapping[str, Any], network: Network
) -> tuple[Service, ...]:
    """
    Build the services of a topology from its `services:` and `paths:`.
    """
    known = {name: _path(name, entry, network) for name, entry in paths.items()}
    return tuple(
        Service(
            name,
            entry["kind"],
            entry.get("port", 0),
            _chosen(name, entry["paths"], known),
            entry.get("upstream"),
        )
        for name, entry in services.items()
    )


def with_upstreams(
    services: Sequence[Service], upstreams: Mapping[str, str]
) -> tuple[Service, ...]:
    """
    Return services with other upstreams, `host:port` by name; ValueError says what is wrong.
    """
    check_names(upstreams, [each.name for each in services], "an upstream")
    given = {name: upstream_from(text, f"upstream.{name}") for name, text in upstreams.items()}
    return tuple(
        replace(each, upstream=given[each.name]) if each.name in given else each
        for each in services
    )


def check_names(given: Iterable[str], services: Collection[str], what: str) -> None:
    """
    Refuse what is given to a service that the topology does not have.
    """
    if unknown := sorted(set(given) - set(services)):
        raise ValueError(
            f"{what} is given to {unknown[0]!r},"
            f" but the topology's services are {', '.join(services) or 'none'}"
        )


def _chosen(
    name: str, ranks: Sequence[Sequence[str]], known: Mapping[str, Route]
) -> tuple[tuple[Route, ...], ...]:
    names = [path for rank in ranks for path in rank]
    if unknown := [path for path in names if path not in known]:
        raise ValueError(
            f"services.{name}.paths has {unknown[0]!r}, expected one of {sorted(known)}"
        )
    if doubled := [path for rank in ranks for path in rank if rank.count(path) > 1]:
        raise ValueError(
            f"services.{name}.paths has {doubled[0]!r} twice among equal paths, expected it once"
        )
    chosen = tuple(tuple(known[path] for path in rank) for rank in ranks)
    if max(map(len, chosen), default=0) > MOST_EQUAL or _groups(chosen) > MOST_GROUPS:
        raise ValueError(f"services.{name}.paths has more than {MOST_EQUAL} equal paths")
    return chosen


def _path(name: str, entry: Mapping[str, Any], network: Network) -> Route:
    over = network.resources.get(entry["over"])
    if over is None or over.kind not in CARRYING:
        raise ValueError(
            f"paths.{name}.over is {entry['over']!r},"
            " expected a circuit, VBR or BGP peer of regions"
        )
    return Route(name=name, **entry)
