"""
The documents of the API, with the fields that are read.

Any field may be missing, and any value may be one that the API reference does not list.
"""

import re
from collections.abc import Mapping
from typing import TypedDict

__all__ = [
    "BgpGroup",
    "BgpPeer",
    "FailoverTestJob",
    "PhysicalConnection",
    "Region",
    "Reply",
    "VirtualBorderRouter",
    "number",
    "text",
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


class VirtualBorderRouter(TypedDict, total=False):
    """
    A VBR (API reference 5.2); `EcrAttatchStatus` is the API's spelling, and the two wrapped lists
    are read by `network.health`.
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
    RouteTableId: str
    AssociatedCens: object
    AssociatedPhysicalConnections: object
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
    Keepalive: str
    ReceivedRouteCount: int
    AdvertisedRouteCount: int


class Region(TypedDict, total=False):
    """
    A region of the service.
    """

    RegionId: str


class Reply(TypedDict, total=False):
    """
    The envelope of a reply: request, result, error, and position in a listing.

    The items of a listing are read by `paging`.
    """

    RequestId: str
    Code: str
    Message: str | None
    JobId: str
    FailoverTestJobModel: FailoverTestJob
    Regions: dict[str, list[Region] | None]
    AccountId: str
    NextToken: str
    TotalCount: int
    Success: bool


NUMBER = re.compile("[0-9]{1,18}")


def text(document: Mapping[str, object], key: str) -> str | None:
    """
    Return a field's text; None if it is missing, null, empty or no text.
    """
    value = document.get(key)
    return value if isinstance(value, str) and value else None


def number(document: Mapping[str, object], key: str) -> int | None:
    """
    Return a field's count; None if it is missing or no whole number from 0.
    """
    value = document.get(key)
    digits = str(value) if isinstance(value, int | str) else ""
    return int(digits) if NUMBER.fullmatch(digits) else None
