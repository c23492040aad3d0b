"""
The routes, groups, health checks and traffic of a region, each read or with the reason why not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias, TypeVar

from chaosfailover.alibaba.network_documents import (
    EcrDisabledRoute,
    EcrRouteEntry,
    RouteEntry,
    RouterInterface,
    TransitRouteEntry,
    VbrHa,
    VbrHealthCheck,
    VcoRouteEntry,
    VpnConnection,
)

__all__ = ["Datapoint", "Read", "Routing", "Traffic", "Unread"]

T = TypeVar("T")


@dataclass(frozen=True)
class Unread:
    """
    The reason why something is not known: the operation, what it answered, and its remedy.

    `ram_action` is the permission that was refused, and None for any other reason.
    """

    operation: str
    reason: str
    ram_action: str | None = None

    def __str__(self) -> str:
        remedy = f", which needs the permission {self.ram_action}" if self.ram_action else ""
        return f"{self.operation}: {self.reason}{remedy}"


Read: TypeAlias = T | Unread


class Datapoint(NamedTuple):
    """
    The mean rate in bit/s over the period of a metric, with the time that CloudMonitor gives it.
    """

    at: datetime
    rate: float


@dataclass(frozen=True)
class Traffic:
    """
    The traffic of a VBR in both directions, each in order of time and never empty.

    `inbound` comes from the data center, `outbound` goes there. A gap in time is unknown.
    """

    inbound: tuple[Datapoint, ...]
    outbound: tuple[Datapoint, ...]


@dataclass(frozen=True)
class Routing:
    """
    Everything that was read of routes, takeover and traffic; what is missing here is unread.

    Keys are the IDs of VBRs, ECRs, CENs and VPN connections. The routes of an ECR are those of all
    its regions, and include those that are disabled. The routes of a CEN are those of all tables of
    its transit routers in the region. None among groups and health checks means that there is none.
    `vpn` holds neither keys nor passwords. Traffic has a period of 300 s.
    """

    vbr_routes: Mapping[str, Read[tuple[RouteEntry, ...]]] = field(default_factory=dict)
    ecr_routes: Mapping[str, Read[tuple[EcrRouteEntry, ...]]] = field(default_factory=dict)
    ecr_disabled: Mapping[str, Read[tuple[EcrDisabledRoute, ...]]] = field(default_factory=dict)
    transit_routes: Mapping[str, Read[tuple[TransitRouteEntry, ...]]] = field(default_factory=dict)
    failover_groups: Mapping[str, Read[VbrHa | None]] = field(default_factory=dict)
    health_checks: Mapping[str, Read[VbrHealthCheck | None]] = field(default_factory=dict)
    interfaces: Read[tuple[RouterInterface, ...]] = Unread("DescribeRouterInterfaces", "not asked")
    vpn: Read[tuple[VpnConnection, ...]] = Unread("DescribeVpnConnections", "not asked")
    vpn_routes: Mapping[str, Read[tuple[VcoRouteEntry, ...]]] = field(default_factory=dict)
    traffic: Mapping[str, Read[Traffic]] = field(default_factory=dict)
    taken_at: datetime = field(default_factory=lambda: datetime.now(UTC), compare=False)

    @property
    def unread(self) -> tuple[str, ...]:
        """
        Why parts were not read, one sentence for each reason.
        """
        parts: list[object] = []
        for value in vars(self).values():
            parts += value.values() if isinstance(value, Mapping) else [value]
        return tuple(sorted({str(part) for part in parts if isinstance(part, Unread)}))
