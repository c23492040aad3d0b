"""
What survives a cut. Unknown counts as no.

A need is a redundancy group and address family of a path that the cut takes, or may take. Each need
requires survivors: other paths of the same group and family that are proven up.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from chaosfailover.errors import ArgumentError
from chaosfailover.network.capacity import capacity_warnings
from chaosfailover.network.health import UNKNOWN_GROUP
from chaosfailover.network.paths import Path

__all__ = ["RESOURCE_TYPES", "Need", "Survival", "surviving_paths"]

RESOURCE_TYPES = {
    "PHYSICALCONNECTION": "circuit_id",
    "VIRTUALBORDERROUTER": "vbr_id",
    "BGPPEER": "bgp_peer_id",
}


@dataclass(frozen=True)
class Need:
    """
    A redundancy group and address family that loses a path to a cut.

    An unknown group is `UNKNOWN_GROUP`, an unknown family None; no path serves those. `survivors`
    serve the need, `standby` would if they were up and attached. `taken` are the paths that the cut
    takes from it, or may take. `backups` are VPN connections that provably carry all that is taken;
    only the routes prove that, see `network.prefixes`.
    """

    group: str
    ip_version: str | None
    survivors: tuple[Path, ...]
    standby: tuple[Path, ...]
    taken: tuple[Path, ...] = ()
    backups: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.group == UNKNOWN_GROUP:
            return (
                f"an ECR or CEN that is not known{f' ({self.ip_version})' * bool(self.ip_version)}"
            )
        return f"{self.group} ({self.ip_version or 'of an address family that is not known'})"

    @property
    def count(self) -> int:
        """
        The number of circuits that the survivors provably use, and of VPN connections.

        Circuits of one parent count once. All sessions of VBRs over several circuits together prove
        a single circuit.
        """
        placed = {path.carrier_id for path in self.survivors if not path.other_circuit_ids}
        return (len(placed) or min(len(self.survivors), 1)) + len(self.backups)

    @property
    def other_ends(self) -> str | None:
        """
        A warning if the survivors lead to other autonomous systems than the cut; None if not.
        """
        ends = [{path.peer_asn for path in each} for each in (self.taken, self.survivors)]
        known = [", ".join(sorted(asn for asn in asns if asn)) for asns in ends]
        if not all(known) or not (ends[0] & ends[1]).issubset({None}):
            return None
        return (
            f"{self}: its survivors lead to AS {known[1]}, the cut to AS {known[0]}: whether that "
            "is the same network is not known"
        )


@dataclass(frozen=True)
class Survival:
    """
    The paths that a cut takes, and those that survive it.

    `count` is the smallest count of all `needs`: what provably survives. `unknown`
    paths may survive; `down` paths would if they were up and attached. Both count as no, for the
    `reasons` given. `warnings` name what a survivor shares with the cut, and slow detection.
    `sharing` are other paths over the circuits of survivors, of whatever group.
    """

    count: int
    survivors: list[Path]
    lost: list[Path]
    unknown: list[Path]
    down: list[Path]
    needs: list[Need]
    warnings: list[str]
    reasons: list[str]
    resource_type: str
    sharing: tuple[Path, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """
        Return the survival as JSON can hold it.
        """
        kinds = ("survivors", "lost", "unknown", "down")
        paths = {kind: [path.as_dict() for path in getattr(self, kind)] for kind in kinds}
        needs = [
            {"group": need.group, "ip_version": need.ip_version, "count": need.count}
            for need in self.needs
        ]
        notes = {"warnings": self.warnings, "reasons": self.reasons}
        return {"count": self.count, **paths, "needs": needs, **notes}


def surviving_paths(
    paths: Iterable[Path],
    resource_ids: Collection[str],
    resource_type: str = "PHYSICALCONNECTION",
) -> Survival:
    """
    Return what survives if these resources are cut together.

    The cut of a circuit takes its hosted circuits. A VBR over several circuits may survive the cut
    of one of them. Raises ArgumentError for an unknown type, for no resources, and for a resource
    that is not among the paths.
    """
    region = sorted(set(paths), key=str)
    cut = _cut(region, resource_ids, resource_type)
    fates = {path: _fate(path, cut, resource_type) for path in region}
    lost, doubtful, spared = (
        [path for path in region if fates[path] == fate] for fate in ("lost", "doubtful", "spared")
    )
    needs = _needs(lost + doubtful, spared)
    serving = {path for need in needs for path in need.survivors}
    waiting = {path for need in needs for path in need.standby}
    standby = [path for path in spared if path in waiting]
    return Survival(
        count=min((need.count for need in needs), default=0),
        survivors=[path for path in spared if path in serving],
        lost=lost,
        unknown=doubtful + [path for path in standby if path.health == "unknown"],
        down=[path for path in standby if path.health != "unknown" and path not in serving],
        needs=needs,
        warnings=sorted(set(_warnings(needs, lost, doubtful))),
        reasons=sorted(set(_reasons(needs, lost, doubtful))),
        resource_type=resource_type,
        sharing=tuple(_sharing(spared, serving)),
    )


def _cut(paths: list[Path], resource_ids: Collection[str], resource_type: str) -> frozenset[str]:
    if resource_type not in RESOURCE_TYPES:
        raise ArgumentError(f"resource_type {resource_type!r} is none of {[*RESOURCE_TYPES]}")
    if isinstance(resource_ids, str) or not resource_ids:
        raise ArgumentError(f"resource_ids must be a list of at least one ID, not {resource_ids!r}")
    names = {getattr(path, RESOURCE_TYPES[resource_type]) for path in paths} - {None}
    if missing := [name for name in resource_ids if name not in names]:
        raise ArgumentError(f"no {resource_type} of the region has the ID {missing[0]!r}")
    return frozenset(resource_ids)


def _fate(path: Path, cut: frozenset[str], resource_type: str) -> str:
    if getattr(path, RESOURCE_TYPES[resource_type]) in cut:
        return "lost"
    if resource_type != "PHYSICALCONNECTION":
        return "spared"
    if not cut.isdisjoint(path.parent_circuit_ids):
        return "lost"
    if path.circuit_id is None or path.other_circuit_ids & cut:
        return "doubtful"
    return "spared"


def _needs(taken: list[Path], spared: list[Path]) -> list[Need]:
    affected = {(group, path.ip_version) for path in taken for group in path.named_groups}
    return [_need(group, family, taken, spared) for group, family in sorted(affected, key=str)]


def _need(group: str, family: str | None, taken: list[Path], spared: list[Path]) -> Need:
    related = [path for path in spared if _related(path, group, family)]
    serving = [path.health == "up" and group in path.groups for path in related]
    return Need(
        group,
        family,
        survivors=tuple(path for path, serves in zip(related, serving, strict=True) if serves),
        standby=tuple(path for path, serves in zip(related, serving, strict=True) if not serves),
        taken=tuple(
            path for path in taken if group in path.named_groups and path.ip_version == family
        ),
    )


def _sharing(spared: list[Path], serving: Collection[Path]) -> Iterator[Path]:
    """
    Yield the paths that may load the circuits of survivors; a path of unknown circuit may be there.
    """
    carriers = {path.carrier_id for path in serving} | {None}
    for path in spared:
        loads = path.vbr_id is not None or (path.unproven_groups and not path.idle)
        if loads and path not in serving and path.carrier_id in carriers:
            yield path


def _related(path: Path, group: str, family: str | None) -> bool:
    """
    Return whether a path is of the group, and is or may be of the family.
    """
    named = group in path.named_groups and group != UNKNOWN_GROUP
    return named and path.ip_version in (family, None)


def _warnings(needs: list[Need], lost: list[Path], doubtful: list[Path]) -> Iterator[str]:
    taken = lost + doubtful
    for need in needs:
        gone = [path for path in taken if need.group in path.named_groups]
        for path in need.survivors:
            yield from _shared(path, gone)
        yield from capacity_warnings(
            str(need), [path for path in gone if path in lost], need.survivors
        )
        if need.other_ends:
            yield need.other_ends
        points = {path.access_point_id for path in need.survivors}
        if len(points) == 1 < need.count and None not in points:
            yield f"{need}: all survivors are at access point {points.pop()}"
    for path in taken:
        if path.bfd is False:
            yield f"{path}: {_slow_detection(path)}"


def _slow_detection(path: Path) -> str:
    if path.hold == 0:
        return "no BFD, and Hold is 0, so BGP alone never notices its loss"
    return "no BFD, so its loss is noticed only when the BGP hold time has passed"


def _shared(path: Path, gone: list[Path]) -> Iterator[str]:
    points = {other.access_point_id for other in gone}
    if path.access_point_id in points - {None}:
        yield f"{path}: is at the access point of the cut, {path.access_point_id}"
    if path.access_point_id is None or None in points:
        yield f"{path}: may be at the access point of the cut, since an access point is unknown"
    if path.circuit_id in {other.circuit_id for other in gone}:
        yield f"{path}: shares circuit {path.circuit_id} with the cut"
    elif path.carrier_id in {other.carrier_id for other in gone}:
        yield f"{path}: is carried by the parent circuit of the cut, {path.carrier_id}"


def _reasons(needs: list[Need], lost: list[Path], doubtful: list[Path]) -> Iterator[str]:
    for need in needs:
        if not need.count:
            yield f"{need}: no proven survivor"
        for path in need.standby:
            unproven = f"its attachment to {need.group} is not proven"
            yield f"{path}: {path.reason or unproven}"
    for path in lost:
        if path.reason:
            yield f"{path}: {path.reason}"
    shared = "its VBR also runs over the cut, and which circuit its session uses is unknown"
    for path in doubtful:
        yield f"{path}: {path.reason or shared}"
    yield from _declared(lost, {path.circuit_id for need in needs for path in need.survivors})


def _declared(lost: list[Path], proven: set[str | None]) -> Iterator[str]:
    for path in lost:
        declared = path.redundant_circuit_id
        if declared and declared not in proven:
            yield f"{path.circuit_id} declares {declared} as redundant, which proves no path"
