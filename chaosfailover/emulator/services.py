"""
The services of the data plane and the paths that they take through the network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaosfailover.emulator.network import CARRYING, Network
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

__all__ = ["DETECTION", "PATHS", "SERVICES", "Path", "Service", "services_from"]

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
        {"kind": one_of("http", "tcp", "udp"), "port": integer(0, 65535), "paths": listing(TEXT)},
        required=("kind", "paths"),
    )
)
"""
The schemas of a topology's `paths:` and `services:`.
"""


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


@dataclass(frozen=True)
class Service:
    """
    A loopback service of the data plane and its paths in order of preference.
    """

    name: str
    kind: str
    port: int
    paths: tuple[Path, ...]


def services_from(
    services: Mapping[str, Any], paths: Mapping[str, Any], network: Network
) -> tuple[Service, ...]:
    """
    Build the services of a topology from its `services:` and `paths:`.
    """
    known = {name: _path(name, entry, network) for name, entry in paths.items()}
    return tuple(
        Service(name, entry["kind"], entry.get("port", 0), _chosen(name, entry["paths"], known))
        for name, entry in services.items()
    )


def _chosen(name: str, paths: Sequence[str], known: Mapping[str, Path]) -> tuple[Path, ...]:
    if unknown := [path for path in paths if path not in known]:
        raise ValueError(
            f"services.{name}.paths has {unknown[0]!r}, expected one of {sorted(known)}"
        )
    return tuple(known[path] for path in paths)


def _path(name: str, entry: Mapping[str, Any], network: Network) -> Path:
    over = network.resources.get(entry["over"])
    if over is None or over.kind not in CARRYING:
        raise ValueError(
            f"paths.{name}.over is {entry['over']!r},"
            " expected a circuit, VBR or BGP peer of regions"
        )
    return Path(name=name, **entry)
