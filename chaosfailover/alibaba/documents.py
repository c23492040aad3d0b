"""
The documents of the API, with the fields that are read.

Every field may be missing from a reply, and its value may be unknown to this package.
"""

from typing import TypedDict

__all__ = [
    "BgpGroup",
    "BgpPeer",
    "FailoverTestJob",
    "PhysicalConnection",
    "Region",
    "Reply",
    "VirtualBorderRouter",
]


class FailoverTestJob(TypedDict, total=False):
    """
    A failover test (API reference 1.6).
    """

    JobId: str
    Name: str | None
    Description: str
    Status: str
    StartTime: str
    StopTime: str
    JobType: str
    JobDuration: int | str
    ResourceType: str
    ResourceId: list[str]


class PhysicalConnection(TypedDict, total=False):
    """
    A circuit (API reference 5.1).
    """

    PhysicalConnectionId: str
    Name: str
    Status: str
    BusinessStatus: str
    ProductType: str
    AccessPointId: str
    RedundantPhysicalConnectionId: str
    ParentPhysicalConnectionId: str
    ParentPhysicalConnectionAliUid: str
    VirtualPhysicalConnectionCount: int
    VlanId: int | str
    Spec: str
    Bandwidth: int


class AssociatedCen(TypedDict, total=False):
    """
    The attachment of a VBR to a CEN.
    """

    CenId: str
    CenStatus: str


class AssociatedCens(TypedDict, total=False):
    """
    The wrapper of a VBR's CENs.
    """

    AssociatedCen: list[AssociatedCen]


class AssociatedPhysicalConnection(TypedDict, total=False):
    """
    A further circuit of a VBR.
    """

    PhysicalConnectionId: str
    Status: str


class AssociatedPhysicalConnections(TypedDict, total=False):
    """
    The wrapper of a VBR's further circuits.
    """

    AssociatedPhysicalConnection: list[AssociatedPhysicalConnection]


class VirtualBorderRouter(TypedDict, total=False):
    """
    A VBR (API reference 5.2); `EcrAttatchStatus` is the API's own spelling.
    """

    VbrId: str
    Name: str
    Status: str
    PhysicalConnectionId: str
    PhysicalConnectionStatus: str
    PhysicalConnectionOwnerUid: str
    AccessPointId: str
    VlanId: int | str
    EcrId: str
    EcrAttatchStatus: str
    AssociatedCens: AssociatedCens
    AssociatedPhysicalConnections: AssociatedPhysicalConnections
    MinRxInterval: int
    MinTxInterval: int
    DetectMultiplier: int


class BgpGroup(TypedDict, total=False):
    """
    A BGP group without its password (API reference 5.4).
    """

    BgpGroupId: str
    Name: str
    RouterId: str
    Status: str
    IpVersion: str
    LocalAsn: str
    PeerAsn: str
    Hold: str


class BgpPeer(TypedDict, total=False):
    """
    A BGP peer without its password (API reference 5.5).
    """

    BgpPeerId: str
    BgpGroupId: str
    RouterId: str
    Name: str
    Status: str
    BgpStatus: str
    IpVersion: str
    PeerIpAddress: str
    PeerAsn: str
    LocalAsn: str
    EnableBfd: bool
    Hold: str
    ReceivedRouteCount: int
    AdvertisedRouteCount: int


class Region(TypedDict, total=False):
    """
    A region of the service.
    """

    RegionId: str


class RegionSet(TypedDict, total=False):
    """
    The wrapper of the regions.
    """

    Region: list[Region] | None


class Reply(TypedDict, total=False):
    """
    The envelope of every reply: its request, its result or its error, and its place in a listing.

    The items of a listing are read by `paging`.
    """

    RequestId: str
    Code: str
    Message: str | None
    JobId: str
    FailoverTestJobModel: FailoverTestJob
    Regions: RegionSet
    AccountId: str
    NextToken: str
    TotalCount: int
