"""
The portal of a test, which shows whether traffic flows: a port in rehearsals, a URL in live runs.
"""

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from chaosfailover.errors import ArgumentError
from chaosfailover.plan.choice import PlannedTest, RegionPlan
from chaosfailover.prober.targets import parse_target
from chaosfailover.verdict.values import mapping

__all__ = [
    "EXAMPLE",
    "Portal",
    "check_matches",
    "checked_targets",
    "live_url",
    "portals",
    "ports_for",
    "ports_in",
    "targets_in",
]

FIRST_PORT = 20000
PORTS = 8000
"""The ports of planned services: below those of the bundled topologies and ephemeral ports."""

EXAMPLE = "https://portal.example.com/"


@dataclass(frozen=True, slots=True)
class Portal:
    """
    The portal of one circuit; `live` is None if no target was given for it.
    """

    circuit_id: str
    port: int
    live: str | None = None

    @property
    def url(self) -> str:
        """
        The URL of its service in a rehearsal.
        """
        return f"http://127.0.0.1:{self.port}/"

    @property
    def entry(self) -> str:
        """
        The name of its configuration entry in a game day.
        """
        return f"portal_url_{_word(self.circuit_id)}"

    @property
    def key(self) -> str:
        """
        The environment variable that holds its URL in a live run.
        """
        return f"FAILOVER_{self.entry.upper()}"


def portals(
    plan: RegionPlan,
    targets: Mapping[str, str],
    ports: Mapping[str, int],
    earlier: Mapping[str, str] | None = None,
) -> dict[str, Portal]:
    """
    Return the portal of each planned test, by circuit.

    `earlier` are the live targets of an earlier plan, by variable: they stay where none is given.
    """
    own: dict[str, Portal] = {}
    for test in plan.tests:
        portal = Portal(test.circuit_id, ports[test.circuit_id])
        live = live_url(plan, test, targets) or (earlier or {}).get(portal.key)
        own[test.circuit_id] = replace(portal, live=live)
    return own


def targets_in(text: str) -> dict[str, str]:
    """
    Return the live targets of an earlier plan's file, by variable.
    """
    lines = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    urls = {key.strip(): url.strip() for key, sign, url in lines if sign}
    return {key: url for key, url in urls.items() if _is_target(key, url)}


def _is_target(key: str, url: str) -> bool:
    try:
        return bool(checked_targets({key: url}))
    except ArgumentError:
        return False


def ports_for(plan: RegionPlan, earlier: Mapping[str, int]) -> dict[str, int]:
    """
    Return the port of each planned test: its earlier one, else a free one derived from its ID.

    So neither the order nor the number of circuits changes any port.
    """
    ports: dict[str, int] = {}
    for circuit_id in sorted(test.circuit_id for test in plan.tests):
        taken = {*earlier.values(), *ports.values()}
        ports[circuit_id] = earlier.get(circuit_id) or _free(circuit_id, taken)
    return ports


def ports_in(topology: object) -> dict[str, int]:
    """
    Return the port of each service of an earlier plan's topology.
    """
    services = mapping(mapping(topology).get("services")).items()
    ports = {str(name): mapping(service).get("port") for name, service in services}
    return {name: port for name, port in ports.items() if isinstance(port, int) and port > 0}


def live_url(plan: RegionPlan, test: PlannedTest, targets: Mapping[str, str]) -> str | None:
    """
    Return the URL to watch in a live run: the most specific of the given ones.
    """
    keys = (test.circuit_id, *test.groups, plan.place.region_id, "default")
    return next((targets[key] for key in keys if key in targets), None)


def checked_targets(content: object) -> dict[str, str]:
    """
    Check a mapping of names to URLs; raise ArgumentError that names the entry and the rule.

    A planned experiment reads its portal over HTTP.
    """
    if not isinstance(content, dict):
        raise ArgumentError("it is no mapping of names to URLs")
    for name, url in content.items():
        if not isinstance(name, str) or not isinstance(url, str):
            raise ArgumentError(
                f"{name!r}: {url!r} is no mapping of names to URLs; quote words that YAML would "
                "read as something else"
            )
        if not url.isprintable() or " " in url:
            raise ArgumentError(f"target {name!r}: the url holds a space or a control character")
        if parse_target(name, url).scheme not in ("http", "https"):
            raise ArgumentError(f"target {name!r}: url is {url!r}, expected http or https")
    return content


def check_matches(
    targets: Iterable[str], plans: Sequence[RegionPlan], existing: Iterable[str]
) -> None:
    """
    Raise ArgumentError for names that are no circuit, group or region that was read.

    The names of the existing files and folders of the plan are accepted too.
    """
    names = {part for file in existing for part in PurePosixPath(file).with_suffix("").parts}
    for plan in plans:
        names |= {plan.place.region_id}
        names |= {str(each["PhysicalConnectionId"]) for each in plan.snapshot.circuits}
        names |= {group for path in plan.snapshot.paths() for group in path.named_groups}
    if unknown := sorted(set(targets) - names - {"default"}):
        raise ArgumentError(
            f"target {', '.join(map(repr, unknown))}: no circuit, ECR, CEN or region that was read "
            "has this name"
        )


def _free(circuit_id: str, taken: set[int]) -> int:
    first = zlib.crc32(circuit_id.encode())
    ports = (FIRST_PORT + (first + step) % PORTS for step in range(PORTS))
    return next(port for port in ports if port not in taken)


def _word(circuit_id: str) -> str:
    """
    Return an ID as part of a name; a checksum distinguishes IDs that a name cannot express.
    """
    plain = re.fullmatch(r"[a-z0-9-]+", circuit_id)
    word = re.sub(r"[^a-z0-9]", "_", circuit_id.lower())
    return word if plain else f"{word}_{zlib.crc32(circuit_id.encode()):08x}"
