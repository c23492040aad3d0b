"""
The services of the data plane and the paths that they take through the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaosfailover.emulator.network import CIRCUIT, PEER, VBR, Network
from chaosfailover.emulator.settings import Span, span

__all__ = ["DETECTION", "Path", "Service", "services_from"]

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
