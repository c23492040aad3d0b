"""
Where a test looks whether traffic flows: a port of its own in rehearsals, a URL in live runs.
"""

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from chaosfailover.errors import ArgumentError
from chaosfailover.plan.choice import PlannedTest, RegionPlan
from chaosfailover.prober.targets import parse_target
from chaosfailover.verdict.journal import mapping

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
"""The ports of planned services: below those of the bundled topologies and of outgoing traffic."""

EXAMPLE = "https://portal.example.com/"


@dataclass(frozen=True, slots=True)
class Portal:
    """
    The portal of one circuit; `live` is None where no target was given for it.
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
        The name of its entry in the configuration of a game day.
        """
        return f"portal_url_{_word(self.circuit_id)}"

    @property
    def key(self) -> str:
        """
        The variable of the environment that holds its URL in a live run.
        """
        return f"FAILOVER_{self.entry.upper()}"


def portals(
    plan: RegionPlan,
    targets: Mapping[str, str],
    ports: Mapping[str, int],
    known: Mapping[str, str] | None = None,
) -> dict[str, Portal]:
    """
    Return the portal of each planned test, by circuit.

    `known` are the live targets that stand, by their variables: they stay where none is given.
    """
    found = {
        test.circuit_id: Portal(
            test.circuit_id, ports[test.circuit_id], live_url(plan, test, targets)
        )
        for test in plan.tests
    }
    return {
        name: replace(portal, live=portal.live or (known or {}).get(portal.key))
        for name, portal in found.items()
    }


def targets_in(text: str) -> dict[str, str]:
    """
    Return the live targets of a file that was planned before, by their variables.
    """
    lines = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    found = {key.strip(): url.strip() for key, sign, url in lines if sign}
    return {key: url for key, url in found.items() if _is_target(key, url)}


def _is_target(key: str, url: str) -> bool:
    try:
        return bool(checked_targets({key: url}))
    except ArgumentError:
        return False


def ports_for(plan: RegionPlan, known: Mapping[str, int]) -> dict[str, int]:
    """
    Return the port of each planned test: the one that it has, else a free one that its ID leads to.

    So neither the order nor the number of circuits changes the port of any.
    """
    circuits = sorted(test.circuit_id for test in plan.tests)
    found: dict[str, int] = {}
    for circuit_id in circuits:
        found[circuit_id] = known.get(circuit_id) or _free(
            circuit_id, {*known.values(), *found.values()}
        )
    return found


def ports_in(topology: Any) -> dict[str, int]:
    """
    Return the port of each service of a topology that was planned before.
    """
    services = mapping(mapping(topology).get("services")).items()
    found = {str(name): mapping(service).get("port") for name, service in services}
    return {name: port for name, port in found.items() if isinstance(port, int) and port > 0}


def live_url(plan: RegionPlan, test: PlannedTest, targets: Mapping[str, str]) -> str | None:
    """
    Return the URL that shows in a live run whether traffic flows, the most specific that is given.
    """
    keys = (test.circuit_id, *test.groups, plan.place.region_id, "default")
    return next((targets[key] for key in keys if key in targets), None)


def checked_targets(content: Any) -> dict[str, str]:
    """
    Check a mapping of names to URLs; raise ArgumentError that names the entry and the rule.

    A planned experiment reads its portal over HTTP.
    """
    if not isinstance(content, dict):
        raise ArgumentError("it is no mapping of names to URLs")
    for name, url in content.items():
        if not isinstance(name, str) or not isinstance(url, str):
            raise ArgumentError(
                f"{name!r}: {url!r} is no mapping of names to URLs; quote what YAML would read as "
                "something else"
            )
        if not url.isprintable() or " " in url:
            raise ArgumentError(f"target {name!r}: the url holds a space or a control character")
        if parse_target(name, url).scheme not in ("http", "https"):
            raise ArgumentError(f"target {name!r}: url is {url!r}, expected http or https")
    return content


def check_matches(
    targets: Iterable[str], plans: Sequence[RegionPlan], standing: Iterable[str]
) -> None:
    """
    Raise ArgumentError for names that are no circuit, group or region of what was read.

    What stands in the folder of the plan, its files by their paths, is known too.
    """
    known = {"default", *(part for name in standing for part in _parts(name))}
    for plan in plans:
        known |= {plan.place.region_id}
        known |= {str(each["PhysicalConnectionId"]) for each in plan.snapshot.circuits}
        known |= {group for path in plan.snapshot.paths() for group in path.named_groups}
    if unknown := sorted(set(targets) - known):
        raise ArgumentError(
            f"target {', '.join(map(repr, unknown))}: no circuit, ECR, CEN or region that was read "
            "has this name"
        )


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name).with_suffix("").parts


def _free(circuit_id: str, taken: set[int]) -> int:
    first = zlib.crc32(circuit_id.encode())
    ports = (FIRST_PORT + (first + step) % PORTS for step in range(PORTS))
    return next(port for port in ports if port not in taken)


def _word(circuit_id: str) -> str:
    """
    Write an ID as a part of a name; what not every name can hold is told apart by its checksum.
    """
    plain = re.fullmatch(r"[a-z0-9-]+", circuit_id)
    word = re.sub(r"[^a-z0-9]", "_", circuit_id.lower())
    return word if plain else f"{word}_{zlib.crc32(circuit_id.encode()):08x}"
