"""
The documents of routes, as the API describes them, and a network of two circuits to go with them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from recorded import MISSING, Network, recorded

from chaosfailover.network.paths import Path
from chaosfailover.network.prefixes import NeedProof, RouteProof, proof_by_route
from chaosfailover.network.routing import Routing
from chaosfailover.network.survival import Need, Survival, surviving_paths

__all__ = ["P", "Routed", "ecr_route", "transit_route", "vbr_route"]

P = "10.1.0.0/16"
KEY = "TransitRouterRouteEntry"


def vbr_route(
    prefix: object = P, kind: object = "BGP", leads: object = "PCONN", **fields: object
) -> Any:
    """
    Return a route of a VBR's table.
    """
    hop = {
        "NextHopType": "RouterInterface",
        "NextHopId": "ri-1",
        "Enabled": 1,
        "Weight": 0,
        "NextHopRelatedInfo": {"InstanceType": leads, "InstanceId": "pc-1", "RegionId": "cn-1"},
    }
    entry = {
        "RouteTableId": "vtb-1",
        "DestinationCidrBlock": prefix,
        "Type": kind,
        "Status": "Available",
        "NextHops": {"NextHop": [hop]},
    }
    return entry | fields


def ecr_route(target: object, prefix: object = P, status: object = "ACTIVE") -> Any:
    """
    Return a route of an ECR.
    """
    return {"DestinationCidrBlock": prefix, "NexthopInstanceId": target, "Status": status}


def transit_route(
    target: object, prefix: object = P, status: object = "Active", **fields: object
) -> Any:
    """
    Return a route of a transit router; names in `fields` lack the prefix of the API's.
    """
    entry = {
        "DestinationCidrBlock": prefix,
        "Status": status,
        "NextHopType": "Attachment",
        "NextHopResourceId": target,
        "OriginResourceId": target,
    }
    entry |= {name: value for name, value in fields.items() if name != "table"}
    document = {f"{KEY}{name}": value for name, value in entry.items()}
    return document | {"TransitRouterRouteTableId": fields.get("table", "vtb-a")}


@dataclass
class Routed:
    """
    A network in which `vbr-east` is cut with its circuit, and `vbr-west` may survive.

    Unless given, both VBRs have the prefix P, and the ECR or CEN has it over both.
    """

    group: str = "ecr-main"
    east: Any = field(default_factory=lambda: (vbr_route(),))
    west: Any = field(default_factory=lambda: (vbr_route(),))
    fabric: Any = None
    disabled: Any = ()
    network: Network = field(default_factory=lambda: recorded("dual-circuit"))
    more: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        route = ecr_route if self.group.startswith("ecr-") else transit_route
        if self.fabric is None:
            self.fabric = (route("vbr-east"), route("vbr-west"))
        if self.group.startswith("cen-"):
            cens = {"AssociatedCen": [{"CenId": self.group, "CenStatus": "Attached"}]}
            gone = {"EcrId": MISSING, "EcrAttatchStatus": MISSING}
            for name in ("vbr-east", "vbr-west"):
                self.network = self.network.changed(name, AssociatedCens=cens, **gone)

    @property
    def routing(self) -> Routing:
        """
        What was read of it.
        """
        is_ecr = self.group.startswith("ecr-")
        return Routing(
            vbr_routes={"vbr-east": self.east, "vbr-west": self.west},
            ecr_routes={self.group: self.fabric} if is_ecr else {},
            ecr_disabled={self.group: self.disabled} if is_ecr else {},
            transit_routes={} if is_ecr else {self.group: self.fabric},
            **self.more,
        )

    def changed(self, **fields: Mapping[str, object]) -> "Routed":
        """
        Return it with fields of network documents changed, whose IDs have `_` for `-`.
        """
        for name, values in fields.items():
            self.network = self.network.changed(name.replace("_", "-"), **values)
        return self

    def cut(self, resource_ids: Iterable[str] = ("pc-east",), kind: str | None = None) -> Survival:
        """
        Return what survives the cut.
        """
        return surviving_paths(self.network.paths(), [*resource_ids], kind or "PHYSICALCONNECTION")

    def need(self) -> Need:
        """
        Return the only need of the cut.
        """
        (need,) = self.cut().needs
        return need

    def lost(self) -> Path:
        """
        Return the only path that the cut takes.
        """
        (path,) = self.cut().lost
        return path

    def proof(self) -> RouteProof:
        """
        Return what the routes prove.
        """
        return proof_by_route(self.cut(), self.routing)

    def need_proof(self) -> NeedProof:
        """
        Return what the routes prove of the only need.
        """
        (proof,) = self.proof().needs
        return proof
