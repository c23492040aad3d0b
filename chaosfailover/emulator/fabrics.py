"""
What joins VBRs: failover groups, Express Connect Routers (ECR), and the transit routers of CENs.

An ECR or CEN that a VBR names exists with the defaults; a topology's `ecrs:` and `cens:` give
details.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from chaosfailover.emulator.schema import PREFIX, TEXT, integer, listing, one_of, record_of, table

__all__ = [
    "CENS",
    "ECRS",
    "FAILOVER_GROUPS",
    "Cen",
    "Ecr",
    "Fabrics",
    "FailoverGroup",
    "RouteMark",
]

VPC_PREFIXES = ("172.16.0.0/16",)
STATUSES = ("Active", "Standby", "Candidate", "Rejected", "Prohibited", "BlackHole")


@dataclass(frozen=True)
class FailoverGroup:
    """
    Two VBRs of which one takes over the other's traffic.
    """

    vbrs: Annotated[tuple[str, ...], listing(TEXT, least=2)]
    id: str = ""
    Name: Annotated[str, TEXT] = ""
    Description: Annotated[str, TEXT] = ""
    Status: Annotated[str, one_of("Creating", "Active")] = "Active"
    CreationTime: Annotated[str, TEXT] = "2024-01-04T00:00:00"


@dataclass(frozen=True)
class RouteMark:
    """
    Routes of a fabric over one VBR: all, or those for one prefix; with a status in a CEN.
    """

    vbr: Annotated[str, TEXT]
    prefix: Annotated[str, PREFIX] = ""
    status: Annotated[str, one_of(*STATUSES)] = "Active"

    def concerns(self, vbr: str, prefix: str) -> bool:
        """
        Say whether the mark is for the route to a prefix over a VBR.
        """
        return vbr == self.vbr and self.prefix in ("", prefix)


@dataclass(frozen=True)
class Ecr:
    """
    An ECR. `vpcs` and `cens` are associated with it; `disabled` are routes switched off by hand.
    """

    id: str = ""
    owner: Annotated[str, TEXT] = ""
    vpcs: Annotated[tuple[str, ...], listing(TEXT)] = ("vpc-rehearsal",)
    cens: Annotated[tuple[str, ...], listing(TEXT)] = ()
    vpc_prefixes: Annotated[tuple[str, ...], listing(PREFIX)] = VPC_PREFIXES
    transit_mode: Annotated[str, one_of("ECMP", "NearBy")] = "ECMP"
    disabled: Annotated[tuple[RouteMark, ...], listing(record_of(RouteMark))] = ()
    Name: Annotated[str, TEXT] = ""
    Description: Annotated[str, TEXT] = ""
    AlibabaSideAsn: Annotated[int, integer(1, 2**32 - 1)] = 45104
    Status: Annotated[str, TEXT] = "ACTIVE"
    BizStatus: Annotated[str, TEXT] = "Normal"
    ResourceGroupId: Annotated[str, TEXT] = "rg-default"
    Tags: Annotated[Mapping[str, str], table(TEXT)] = field(default_factory=dict)


@dataclass(frozen=True)
class Cen:
    """
    A CEN, with one transit router in each region of its VBRs.

    `unpropagated` VBRs teach its route table nothing, `unassociated` ones do not use it, and to
    `unpublished` ones it tells no routes. `routes` are those that are not as the rules have them.
    """

    id: str = ""
    owner: Annotated[str, TEXT] = ""
    type: Annotated[str, one_of("Enterprise", "Basic")] = "Enterprise"
    vpc_prefixes: Annotated[tuple[str, ...], listing(PREFIX)] = VPC_PREFIXES
    unpropagated: Annotated[tuple[str, ...], listing(TEXT)] = ()
    unassociated: Annotated[tuple[str, ...], listing(TEXT)] = ()
    unpublished: Annotated[tuple[str, ...], listing(TEXT)] = ()
    routes: Annotated[tuple[RouteMark, ...], listing(record_of(RouteMark))] = ()
    Name: Annotated[str, TEXT] = ""
    MultiRegionECMP: Annotated[str, one_of("disable", "enable")] = "disable"


@dataclass(frozen=True)
class Fabrics:
    """
    All failover groups, ECRs and CENs by ID.
    """

    groups: Mapping[str, FailoverGroup] = field(default_factory=dict)
    ecrs: Mapping[str, Ecr] = field(default_factory=dict)
    cens: Mapping[str, Cen] = field(default_factory=dict)

    def partner(self, vbr: str) -> str:
        """
        Return the VBR that takes over from another at once, or "".
        """
        for group in self.groups.values():
            if vbr in group.vbrs and group.Status == "Active":
                return next(each for each in group.vbrs if each != vbr)
        return ""


FAILOVER_GROUPS = table(record_of(FailoverGroup, id=""))
ECRS = table(record_of(Ecr, id=""))
CENS = table(record_of(Cen, id=""))
"""
The schemas of a topology's `vbr_failover_groups:`, `ecrs:` and `cens:`.
"""
