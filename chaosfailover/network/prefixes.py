"""
The prefixes that a cut takes, and the survivors that provably carry each of them.

A survivor carries a prefix if its own table has a route to the data center that contains it, and if
the ECR or the transit router would use the survivor for it. The longest route decides in both.
A prefix is lost if everything was read completely and no survivor carries it. Whatever was not read
or is not understood is unknown, and unknown counts as no.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

from chaosfailover.network.health import UNKNOWN_GROUP
from chaosfailover.network.paths import Path
from chaosfailover.network.routes import (
    Answer,
    Prefix,
    Route,
    RouteTables,
    Table,
    Witness,
    longest,
    worst,
)
from chaosfailover.network.routing import Routing, Unread
from chaosfailover.network.survival import Need, Survival
from chaosfailover.network.vpn import VpnBackup, vpn_backups

__all__ = ["NeedProof", "PrefixFate", "RouteProof", "proof_by_route", "with_backups"]

FAMILIES = {4: "IPv4", 6: "IPv6"}
ROUTE_LIMIT = 110
"""The routes of a BGP peer by default; those beyond are dropped."""


@dataclass(frozen=True)
class PrefixFate:
    """
    A prefix of a cut: `covered` by VBRs and VPN connections, else `lost` or `unknown` by reasons.
    """

    prefix: str
    state: Literal["covered", "lost", "unknown"]
    by: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        why = "; ".join(self.reasons)
        return {
            "covered": f"{self.prefix} is carried by {', '.join(self.by)}",
            "lost": f"{self.prefix} would be lost: {why}",
            "unknown": f"whether {self.prefix} survives is not known: {why}",
        }[self.state]


@dataclass(frozen=True)
class NeedProof:
    """
    What the routes prove of a need; `unread` is why more prefixes may be lost than are named.

    `backups` are the VPN connections that carry each of the prefixes, and `backup_reasons` are why
    others do not.
    """

    need: str
    prefixes: tuple[PrefixFate, ...]
    unread: tuple[str, ...]
    warnings: tuple[str, ...]
    has_survivors: bool
    backups: tuple[str, ...] = ()
    backup_reasons: tuple[str, ...] = ()

    @property
    def proven(self) -> bool:
        """
        Whether every prefix of the cut is known and covered.
        """
        covered = all(fate.state == "covered" for fate in self.prefixes)
        return covered and not self.unread and bool(self.prefixes or self.has_survivors)

    @property
    def carriers(self) -> frozenset[str]:
        """
        The VBRs and VPN connections that carry every prefix of the cut.
        """
        each = [frozenset(fate.by) for fate in self.prefixes]
        return frozenset.intersection(*each) if each else frozenset()

    @property
    def reasons(self) -> list[str]:
        """
        Why the need is not proven, one sentence for each prefix and each part that was not read.
        """
        open_fates = [str(fate) for fate in self.prefixes if fate.state != "covered"]
        none = [] if self.prefixes or self.has_survivors else ["no proven survivor"]
        return [f"{self.need}: {reason}" for reason in [*self.unread, *open_fates, *none]]

    def as_dict(self) -> dict[str, object]:
        """
        Return the proof as JSON can hold it.
        """
        prefixes: dict[str, object] = {
            state: {
                fate.prefix: [*(fate.by or fate.reasons)]
                for fate in self.prefixes
                if fate.state == state
            }
            for state in ("covered", "lost", "unknown")
        }
        return {"need": self.need, "proven": self.proven, **prefixes, "unread": [*self.unread]}


@dataclass(frozen=True)
class RouteProof:
    """
    What the routes prove of all needs of a cut.

    `warnings` replace those of the survival: a survivor that leads to another autonomous system is
    no warning where the routes prove the same prefixes.
    """

    needs: tuple[NeedProof, ...]
    warnings: tuple[str, ...]

    @property
    def proven(self) -> bool:
        """
        Whether all needs are proven. A cut of which no path was read has none, and is not.
        """
        return bool(self.needs) and all(need.proven for need in self.needs)

    @property
    def reasons(self) -> list[str]:
        """
        Why the cut is not proven to be survivable.
        """
        if not self.needs:
            return ["the cut takes no path that was read"]
        return [reason for need in self.needs for reason in need.reasons]

    def count(self, survival: Survival) -> int:
        """
        Return how many circuits and VPN connections carry the prefix that has the fewest.
        """
        return min(
            (
                _restricted(need, fate.by).count
                for need, of in zip(survival.needs, self.needs, strict=True)
                for fate in of.prefixes
            ),
            default=survival.count,
        )

    def as_dict(self) -> dict[str, object]:
        """
        Return the proof as JSON can hold it.
        """
        needs = [need.as_dict() for need in self.needs]
        return {"proven": self.proven, "needs": needs, "warnings": [*self.warnings]}


def proof_by_route(survival: Survival, routing: Routing | RouteTables) -> RouteProof:
    """
    Return which prefixes of a cut its survivors carry, by the routes that were read.

    Those who ask for many cuts of a region pass its `RouteTables`, so that each is parsed once.
    """
    tables = routing if isinstance(routing, RouteTables) else RouteTables(routing)
    cut = {path.vbr_id for need in survival.needs for path in need.taken if path.vbr_id}
    proofs = tuple(
        _Proof(need, tables, frozenset(cut), survival).result() for need in survival.needs
    )
    settled = {
        need.other_ends for need, of in zip(survival.needs, proofs, strict=True) if of.proven
    }
    kept = [warning for warning in survival.warnings if warning not in settled]
    warnings = [warning for proof in proofs for warning in proof.warnings]
    return RouteProof(proofs, tuple(sorted({*kept, *warnings})))


def _restricted(need: Need, names: Collection[str]) -> Need:
    """
    Return a need with those survivors only that have one of these VBRs, or are one of these VPNs.
    """
    survivors = tuple(path for path in need.survivors if path.vbr_id in names)
    vbrs = {path.vbr_id for path in survivors}
    return replace(need, survivors=survivors, backups=tuple(sorted({*names} - vbrs)))


def with_backups(survival: Survival, proof: RouteProof) -> Survival:
    """
    Return a survival that counts the VPN connections which carry all that a need loses.

    Its reasons tell why others do not count.
    """
    needs = [
        replace(need, backups=of.backups)
        for need, of in zip(survival.needs, proof.needs, strict=True)
    ]
    settled = {f"{need}: no proven survivor" for need in needs if need.count}
    why_not = {reason for of in proof.needs for reason in of.backup_reasons}
    return replace(
        survival,
        needs=needs,
        count=min((need.count for need in needs), default=0),
        reasons=sorted({*survival.reasons, *why_not} - settled),
    )


@dataclass(frozen=True)
class _Proof:
    """
    The proof of one need, from the tables of its VBRs and the routes of its ECR or CEN.
    """

    need: Need
    tables: RouteTables
    cut: frozenset[str]
    survival: Survival

    def result(self) -> NeedProof:
        used = self.tables.of_group(self.need.group)
        unread = [*self._unread(), *([used] if isinstance(used, str) else self._apart(used))]
        backups = vpn_backups(self.need.group, self.tables.routing)
        prefixes = sorted(self._prefixes(used), key=lambda each: (each.version, each))
        pairs = [self._fate(prefix, used, backups) for prefix in prefixes]
        refusals = {
            backup.vpn_connection_id: [*self._refusals(prefixes, backup, used)]
            for backup in backups
        }
        return NeedProof(
            str(self.need),
            tuple(fate for fate, _ in pairs),
            tuple(dict.fromkeys(unread)),
            tuple(warning for _, warnings in pairs for warning in warnings),
            bool(self.need.survivors),
            tuple(name for name, whys in refusals.items() if prefixes and not unread and not whys),
            tuple(dict.fromkeys([*self._vpn_unread(), *chain(*refusals.values())])),
        )

    def _refusals(
        self, prefixes: Iterable[Prefix], backup: VpnBackup, used: Table | str
    ) -> Iterator[str]:
        """
        Yield why a VPN connection does not carry all that is cut.
        """
        if backup.health != "up":
            yield from backup.reasons
            return
        for prefix in prefixes:
            witnesses = self._vpn_witnesses(prefix, backup, used)
            yield from (witness.why for witness in witnesses if witness.answer != "yes")

    def _vpn_unread(self) -> Iterator[str]:
        vpn = self.tables.routing.vpn
        if isinstance(vpn, Unread) and self.need.group.startswith("cen-"):
            yield f"VPN connections are not known: {vpn}"

    def _vbrs(self) -> dict[str, list[Path]]:
        vbrs: dict[str, list[Path]] = {}
        for path in self.need.taken:
            vbrs.setdefault(path.vbr_id or "", []).append(path)
        return vbrs

    def _unread(self) -> Iterator[str]:
        """
        Yield why the cut may carry prefixes that are not known.
        """
        if self.need.group == UNKNOWN_GROUP or self.need.ip_version is None:
            yield "what it carries is not known, since its group or address family is not"
        for vbr_id, paths in self._vbrs().items():
            table = self.tables.of_vbr(vbr_id)
            if isinstance(table, str):
                yield table if vbr_id else "what the cut carries is not known: it has no VBR"
            elif not any(route.source == "bgp" for route in self._of_family(table)):
                yield from _contradictions(vbr_id, paths)

    def _apart(self, used: Table) -> Iterator[str]:
        """
        Yield the address families that the cut carries without a session of their own.
        """
        needs = [need for need in self.survival.needs if need.group == self.need.group]
        for vbr_id in [] if self._is_peer else self._vbrs():
            table = self.tables.of_vbr(vbr_id)
            routes = [route for route in used.routes if vbr_id in route.via]
            routes += [] if isinstance(table, str) else table.routes
            families = {FAMILIES[each.prefix.version] for each in routes if not each.leads_to_cloud}
            for family in sorted(families - {need.ip_version for need in needs}):
                yield f"{vbr_id} has {family} routes, but no session of that family was read"

    @property
    def _is_peer(self) -> bool:
        return self.survival.resource_type == "BGPPEER"

    def _of_family(self, table: Table | str) -> list[Route]:
        """
        Return the routes of the need's address family.
        """
        routes = () if isinstance(table, str) else table.routes
        family = self.need.ip_version
        return [route for route in routes if FAMILIES[route.prefix.version] == family]

    def _prefixes(self, used: Table | str) -> set[Prefix]:
        """
        Return the prefixes that the cut carries: by the tables of its VBRs, and those that only the
        ECR or CEN has. Static routes of a VBR stay when a peer is cut.
        """
        vbrs = self._vbrs()
        tables = [self.tables.of_vbr(vbr_id) for vbr_id in vbrs]
        listed = [route for table in tables for route in self._of_family(table)]
        carried = {
            route.prefix
            for route in listed
            if not (route.leads_to_cloud or (self._is_peer and route.source == "static"))
        }
        others = {each.prefix for each in self._of_family(used) if not each.via.isdisjoint(vbrs)}
        return carried | (others - {route.prefix for route in listed})

    def _fate(
        self, prefix: Prefix, used: Table | str, backups: Iterable[VpnBackup]
    ) -> tuple[PrefixFate, list[str]]:
        """
        Return what becomes of a prefix, and warnings.
        """
        vbrs = sorted({path.vbr_id for path in self.need.survivors if path.vbr_id})
        witnesses = {vbr_id: self._witnesses(prefix, vbr_id, used) for vbr_id in vbrs}
        witnesses |= {
            backup.vpn_connection_id: self._vpn_witnesses(prefix, backup, used)
            for backup in backups
        }
        by = tuple(
            name for name, each in witnesses.items() if all(one.answer == "yes" for one in each)
        )
        if by:
            default = all(any(one.by_default for one in witnesses[name]) for name in by)
            warning = (
                f"{self.need}: only a default route over {', '.join(by)} carries {prefix}, and "
                "whether it leads to the same network is not known"
            )
            return PrefixFate(str(prefix), "covered", by), [warning] if default else []
        if not witnesses:
            witnesses[""] = [Witness("unknown", why) for why in self._vpn_unread()]
        lost = all("no" in {one.answer for one in each} for each in witnesses.values() if each)
        reasons = [one.why for each in witnesses.values() for one in each if one.answer != "yes"]
        return PrefixFate(
            str(prefix),
            "lost" if lost else "unknown",
            reasons=tuple(dict.fromkeys(reasons)) or ("no proven survivor",),
        ), []

    def _witnesses(self, prefix: Prefix, vbr_id: str, used: Table | str) -> list[Witness]:
        if vbr_id in self.cut:
            why = f"the table of {vbr_id} does not tell which of its sessions brought a route"
            return [Witness("unknown", why)]
        here = [self._in_table(prefix, vbr_id), self._in_fabric(prefix, vbr_id, used)]
        return [*here, *self._way_back(vbr_id)]

    def _way_back(self, vbr_id: str) -> Iterator[Witness]:
        """
        Yield that a survivor lacks routes into the cloud which the cut has told the data center.
        """
        table = self.tables.of_vbr(vbr_id)
        if isinstance(table, str):
            return
        told = {
            route.prefix
            for cut_id in self._vbrs()
            for route in self._of_family(self.tables.of_vbr(cut_id))
            if route.source == "fabric"
        }
        missing = [
            str(prefix)
            for prefix in sorted(told, key=str)
            if not any(route.source == "fabric" for route in table.around(prefix))
        ]
        if missing:
            names = ", ".join(missing)
            yield Witness("no", f"{vbr_id} has no route to {names} in the cloud, as the cut has")

    def _in_table(self, prefix: Prefix, vbr_id: str) -> Witness:
        """
        Return whether a survivor has learned a route, which all sessions of its VBR may have.
        """
        table = self.tables.of_vbr(vbr_id)
        if isinstance(table, str):
            return Witness("unknown", table)
        others = [path for path in self.need.standby if path.vbr_id == vbr_id]
        if any(path.may_carry for path in others):
            why = f"{vbr_id} has sessions that are no survivors and may have brought its routes"
            return Witness("unknown", why)
        witness = longest(
            prefix, vbr_id, table.around(prefix), f"{vbr_id} has no single route that contains it"
        )
        own = [path for path in self.need.survivors if path.vbr_id == vbr_id]
        if witness.answer == "no" and any(_is_full(path) for path in own):
            limit = f"{witness.why}, and its session has reached its limit of routes"
            return Witness("unknown", limit)
        return witness

    def _in_fabric(self, prefix: Prefix, name: str, used: Table | str) -> Witness:
        """
        Return whether the ECR or all tables of the CEN that have the cut's route use a survivor.
        """
        if isinstance(used, str):
            return Witness("unknown", used)
        group, gone = self.need.group, self.cut - {name}
        around = used.around(prefix)
        left = [route for route in around if route.via.isdisjoint(gone)]
        absent = f"{group} has no single route over {name} that contains it"
        if group.startswith("ecr-"):
            best = "whether an ECR lists routes that are not the best is not known"
            return longest(prefix, name, left, f"{absent}; {best}", "unknown")
        tables = {route.table for route in around if not route.via.isdisjoint(gone)}
        tables = tables or {route.table for route in around if name in route.via}
        witnesses = [
            longest(prefix, name, [route for route in left if route.table == table], absent)
            for table in sorted(tables, key=str)
        ]
        return worst(witnesses or [Witness("no", absent)])

    def _vpn_witnesses(self, prefix: Prefix, backup: VpnBackup, used: Table | str) -> list[Witness]:
        if backup.health != "up":
            answer: Answer = "no" if backup.health == "down" else "unknown"
            return [Witness(answer, reason) for reason in backup.reasons]
        name = backup.vpn_connection_id
        routes = self.tables.of_vpn(name)
        if isinstance(routes, str):
            return [Witness("unknown", routes)]
        learned = longest(
            prefix, name, routes.around(prefix), f"{name} has no single route that contains it"
        )
        return [learned, self._in_fabric(prefix, name, used)]


def _contradictions(vbr_id: str, paths: Iterable[Path]) -> Iterator[str]:
    """
    Yield a reason for each session that reports routes, of which the table of its VBR has none.
    """
    for path in paths:
        if path.bgp_peer_id and path.received_routes != 0:
            yield f"{path.bgp_peer_id} reports routes, but the table of {vbr_id} has none by BGP"


def _is_full(path: Path) -> bool:
    limit = path.route_limit or ROUTE_LIMIT
    return path.received_routes is None or path.received_routes >= limit
