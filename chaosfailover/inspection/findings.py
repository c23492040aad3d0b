"""
The findings of an inspection: what each redundancy group keeps if one of its circuits is cut.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import compress
from typing import Literal

from chaosfailover.network.health import UNKNOWN_GROUP
from chaosfailover.network.load import Load, load
from chaosfailover.network.paths import Path
from chaosfailover.network.prefixes import NeedProof, RouteProof, proof_by_route, with_backups
from chaosfailover.network.routes import RouteTables
from chaosfailover.network.routing import Routing
from chaosfailover.network.survival import Need, Survival, surviving_paths
from chaosfailover.network.takeover import Takeover, slowest, takeovers

__all__ = ["Finding", "Outlook", "findings"]

Outlook = Literal[
    "redundant",
    "no session up",
    "same access point",
    "standby not established",
    "no survivor",
    "prefixes lost",
    "vpn only",
    "unknown",
    "not in use",
]


@dataclass(frozen=True)
class Finding:
    """
    The outlook of a redundancy group for the cut of one of its circuits.

    `sessions` are the paths of the group that the cut takes, and `survivors` is the number of
    surviving circuits. `reasons` and `warnings` are those of the whole cut. The group of a circuit
    without known group is `UNKNOWN_GROUP`. `takeover` is None without survivor.

    With routes, survivors count only if they provably carry every prefix: `prefixes` is what the
    routes prove, and `loads` what would be left to carry. Both are None without routes.
    """

    group: str
    circuit_id: str
    access_point_id: str | None
    finding: Outlook
    survivors: int
    sessions: list[Path]
    warnings: list[str]
    reasons: list[str]
    takeover: Takeover | None
    prefixes: tuple[NeedProof, ...] | None = None
    loads: tuple[Load, ...] | None = None


def findings(paths: Iterable[Path], routing: Routing | None = None) -> list[Finding]:
    """
    Return a finding for each group and circuit, by group and then by circuit.

    An unknown that affects the whole cut makes the outlook of each of its groups unknown. Without
    `routing`, sessions prove survivors, and the time to take over rests on their timers alone.
    """
    region = list(paths)
    tables = RouteTables(routing) if routing else None
    circuits = {path.circuit_id for path in region if path.circuit_id}
    unsorted = [each for circuit_id in circuits for each in _findings(region, circuit_id, tables)]
    return sorted(unsorted, key=lambda finding: (finding.group, finding.circuit_id))


def _findings(paths: list[Path], circuit_id: str, tables: RouteTables | None) -> list[Finding]:
    survival = surviving_paths(paths, [circuit_id])
    proof = proof_by_route(survival, tables) if tables else None
    if proof:
        survival = with_backups(survival, proof)
    groups = {group for path in survival.lost for group in path.named_groups}
    by_session = [
        _finding(circuit_id, group, survival, tables)
        for group in (groups - {UNKNOWN_GROUP}) or groups
    ]
    if not (tables and proof):
        return by_session
    loads = load(survival, proof, tables)
    return [_with_routes(finding, survival, proof, loads) for finding in by_session]


def _with_routes(
    finding: Finding, survival: Survival, proof: RouteProof, loads: list[Load]
) -> Finding:
    of_group = [need.group in (finding.group, UNKNOWN_GROUP) for need in survival.needs]
    prefixes, own_loads = tuple(compress(proof.needs, of_group)), tuple(compress(loads, of_group))
    routed = replace(finding, warnings=[*proof.warnings], prefixes=prefixes, loads=own_loads)
    if all(need.proven for need in prefixes):
        circuits = all(need.survivors for need in compress(survival.needs, of_group))
        return routed if circuits else replace(routed, finding="vpn only")
    if not finding.survivors:
        return routed
    lost = any(fate.state == "lost" for need in prefixes for fate in need.prefixes)
    reasons = [*finding.reasons, *(reason for need in prefixes for reason in need.reasons)]
    outlook: Outlook = "prefixes lost" if lost else "unknown"
    return replace(routed, finding=outlook, survivors=0, reasons=reasons)


def _finding(
    circuit_id: str, group: str, survival: Survival, tables: RouteTables | None
) -> Finding:
    needs = [need for need in survival.needs if need.group in (group, UNKNOWN_GROUP)]
    forecasts = takeovers(survival, tables.routing if tables else Routing())
    survivors = min(need.count for need in needs)
    own = [path.access_point_id for path in survival.lost if path.circuit_id == circuit_id]
    points = {path.access_point_id for path in survival.lost}
    sessions = [path for path in survival.lost if group in path.named_groups]
    return Finding(
        group=group,
        circuit_id=circuit_id,
        access_point_id=own[0],
        finding=_carried(_outlook(needs, points, survival), sessions),
        survivors=survivors,
        sessions=sessions,
        warnings=survival.warnings,
        reasons=survival.reasons,
        takeover=slowest(forecasts[str(need)] for need in needs) if survivors else None,
    )


def _carried(outlook: Outlook, sessions: list[Path]) -> Outlook:
    """
    Return the outlook of a circuit, which is no redundant one if none of its sessions is up.
    """
    states = [path.established for path in sessions if path.bgp_peer_id]
    return "no session up" if outlook == "redundant" and states and not any(states) else outlook


def _outlook(needs: list[Need], points: set[str | None], survival: Survival) -> Outlook:
    if all(path.idle for path in survival.lost):
        return "not in use"
    if all(need.count for need in needs):
        return _spread(needs, points)
    return _gap(needs, survival)


def _spread(needs: list[Need], points: set[str | None]) -> Outlook:
    """
    Judge the places of survivors: each need requires one at another access point than the cut.
    """
    surviving = [{path.access_point_id for path in need.survivors} for need in needs]
    if None not in points and all(others - points - {None} for others in surviving):
        return "redundant"
    return "unknown" if None in points.union(*surviving) else "same access point"


def _gap(needs: list[Need], survival: Survival) -> Outlook:
    """
    Judge the lack of a survivor: an unknown comes first, since it may hide a survivor.
    """
    empty = [need for need in needs if not need.count]
    if any(_doubted(need, survival.unknown) for need in empty):
        return "unknown"
    return "standby not established" if all(need.standby for need in empty) else "no survivor"


def _doubted(need: Need, unknown: list[Path]) -> bool:
    hidden = need.group == UNKNOWN_GROUP or need.ip_version is None
    return hidden or any(
        need.group in path.named_groups and path.ip_version in (need.ip_version, None)
        for path in unknown
    )
