"""
The VPN connections of a CEN that would take over from circuits.

A connection is up only if its State, tunnel, BGP session and health check say so, and if it runs
over the Internet: a private one may run over the circuit that is cut. Its routes are judged in
`network.prefixes`. Anything missing is unknown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chaosfailover.alibaba.documents import text
from chaosfailover.alibaba.network_documents import VpnConnection
from chaosfailover.network.capacity import megabits
from chaosfailover.network.health import Fault, Health, health, is_literal
from chaosfailover.network.routing import Routing, Unread

__all__ = ["VpnBackup", "vpn_backups"]

ESTABLISHED = "ipsec_sa_established"

CEILINGS = {"Standard": 1000, "Large": 3000}
"""The bandwidth of a tunnel in Mbit/s by its `TunnelBandwidth`."""


@dataclass(frozen=True)
class VpnBackup:
    """
    A VPN connection of a CEN.

    `ceiling` is the bandwidth of one of its tunnels in Mbit/s, or its `Spec` if that is less.
    """

    vpn_connection_id: str
    health: Health
    reasons: tuple[str, ...]
    ceiling: float | None

    def as_dict(self) -> dict[str, object]:
        """
        Return the backup as JSON can hold it.
        """
        return {
            "vpn_connection_id": self.vpn_connection_id,
            "health": self.health,
            "reasons": [*self.reasons],
            "ceiling": self.ceiling,
        }


def vpn_backups(group: str, routing: Routing) -> tuple[VpnBackup, ...]:
    """
    Return the VPN connections that are attached to a CEN, in order of their IDs.

    Those that were not read are none. One that was read twice has to be up both times.
    """
    if isinstance(routing.vpn, Unread) or not group.startswith("cen-"):
        return ()
    backups: dict[str, VpnBackup] = {}
    for document in routing.vpn:
        name = text(document, "VpnConnectionId")
        if name and text(document, "AttachInstanceId") == group:
            backup = _backup(name, document)
            if name not in backups or backups[name].health == "up":
                backups[name] = backup
    return tuple(backups[name] for name in sorted(backups))


def _backup(name: str, document: VpnConnection) -> VpnBackup:
    faults = list(_faults(name, document))
    return VpnBackup(name, health(faults)[0], tuple(why for _, why in faults), _ceiling(document))


def _ceiling(document: VpnConnection) -> float | None:
    """
    Return the bandwidth of a connection; a `Spec` that is there has to be understood.
    """
    limits: list[float | None] = [CEILINGS.get(text(document, "TunnelBandwidth") or "")]
    limits += [megabits(text(document, "Spec"))] if document.get("Spec") else []
    known = [limit for limit in limits if limit]
    return min(known) if len(known) == len(limits) else None


def _faults(name: str, document: VpnConnection) -> Iterator[Fault]:
    required = {"AttachType": "CEN", "State": "attached", "NetworkType": "public"}
    for field, literal in required.items():
        if not is_literal(text(document, field), literal):
            value = text(document, field) or "missing"
            yield "unknown", f"{name}: {field} is {value}, not {literal}"
    yield from _link_faults(name, document)
    yield from _check_faults(name, document)


def _link_faults(name: str, document: VpnConnection) -> Iterator[Fault]:
    """
    Yield why neither the connection nor one of its tunnels is up with BGP.
    """
    tunnels = _tunnels(document)
    if tunnels is None:
        yield "unknown", f"{name}: its tunnels are not understood"
    elif tunnels:
        if document.get("EnableTunnelsBgp") is not True:
            yield "unknown", f"{name}: no BGP, and static routes prove nothing"
        if not any(_is_up(tunnel) for tunnel in tunnels):
            yield "down", f"{name}: no tunnel is active and established with BGP"
    else:
        bgp: object = document.get("VpnBgpConfig")
        session = text(bgp, "Status") if isinstance(bgp, Mapping) else None
        if not is_literal(session, "success"):
            yield "unknown", f"{name}: no BGP session, and static routes prove nothing"
        if not is_literal(text(document, "Status"), ESTABLISHED):
            yield "down", f"{name}: Status is {text(document, 'Status')}, not {ESTABLISHED}"


def _tunnels(document: VpnConnection) -> list[Mapping[str, object]] | None:
    """
    Return the tunnels of a connection, none in single-tunnel mode; None if malformed.
    """
    wrapper: object = document.get("TunnelOptionsSpecification", {})
    options = wrapper.get("TunnelOptions", []) if isinstance(wrapper, Mapping) else None
    if not isinstance(options, list | tuple):
        return None
    tunnels = [option for option in options if isinstance(option, Mapping)]
    return tunnels if len(tunnels) == len(options) else None


def _is_up(tunnel: Mapping[str, object]) -> bool:
    bgp = tunnel.get("TunnelBgpConfig")
    return (
        is_literal(text(tunnel, "State"), "active")
        and is_literal(text(tunnel, "Status"), ESTABLISHED)
        and isinstance(bgp, Mapping)
        and is_literal(text(bgp, "BgpStatus"), "success")
    )


def _check_faults(name: str, document: VpnConnection) -> Iterator[Fault]:
    """
    Yield the faults of the health check; one that keeps the route of a dead tunnel is a fault too.
    """
    check: object = document.get("VcoHealthCheck")
    enabled = text(check, "Enable") if isinstance(check, Mapping) else None
    if not isinstance(check, Mapping) or enabled not in ("true", "false"):
        yield "unknown", f"{name}: whether it has a health check is unknown"
    elif enabled == "true":
        status, policy = text(check, "Status"), text(check, "Policy")
        if not is_literal(status, "success"):
            yield "down", f"{name}: its health check is {status or 'missing'}, not success"
        if not is_literal(policy, "revoke_route"):
            yield "unknown", f"{name}: Policy is {policy or 'missing'}, not revoke_route"
