"""
The documents of routes, failover groups, health checks and VPN connections, as they are read.

Any field may be missing, and any value may be one that the API reference does not list: read them
with `documents.text`, `documents.number` and their like.
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict

__all__ = [
    "EcrDisabledRoute",
    "EcrRouteEntry",
    "NextHop",
    "RouteEntry",
    "RouterInterface",
    "TransitRouteEntry",
    "TransitRouteTable",
    "TransitRouter",
    "VbrHa",
    "VbrHealthCheck",
    "VcoRouteEntry",
    "VpnConnection",
]


class RelatedInfo(TypedDict, total=False):
    """
    What a next hop leads to: `PCONN` is the data center, `VPC` the cloud.
    """

    InstanceType: str
    InstanceId: str
    RegionId: str


class NextHop(TypedDict, total=False):
    """
    A next hop of a route; `Enabled` is 0 or 1, for router interfaces only.
    """

    NextHopType: str
    NextHopId: str
    NextHopRegionId: str
    Weight: int
    Enabled: int
    NextHopRelatedInfo: RelatedInfo


class RouteEntry(TypedDict, total=False):
    """
    A route of a VPC's or VBR's table (DescribeRouteEntryList).
    """

    RouteTableId: str
    RouteEntryId: str
    DestinationCidrBlock: str
    IpVersion: str
    Type: str
    Origin: str
    Status: str
    NextHops: Mapping[str, Sequence[NextHop] | None]


class EcrRouteEntry(TypedDict, total=False):
    """
    A route of an ECR, one for each prefix and next hop; `AsPath` and `Community` are texts.

    `QueryRegionId` is not in the API's document: it is the region that was asked.
    """

    QueryRegionId: str
    DestinationCidrBlock: str
    NexthopInstanceId: str
    NexthopInstanceRegionId: str
    AsPath: str
    Community: str
    Med: int
    Status: str


class EcrDisabledRoute(TypedDict, total=False):
    """
    A route of an ECR that was switched off by hand.
    """

    EcrId: str
    DestinationCidrBlock: str
    NexthopInstanceId: str
    NexthopInstanceRegionId: str


class TransitRouter(TypedDict, total=False):
    """
    A transit router; only one of the type `Enterprise` has route tables.
    """

    TransitRouterId: str
    RegionId: str
    Type: str
    Status: str


class TransitRouteTable(TypedDict, total=False):
    """
    A route table of a transit router.
    """

    TransitRouterRouteTableId: str
    TransitRouterRouteTableStatus: str
    TransitRouterId: str


class PathAttributes(TypedDict, total=False):
    """
    How a transit router learned a route.
    """

    AsPaths: Sequence[str]
    Communities: Sequence[str]
    OriginInstanceId: str
    OriginInstanceType: str
    OriginRouteType: str
    Preference: int


class TransitRouteEntry(TypedDict, total=False):
    """
    A route of a transit router in any status.

    `TransitRouterRouteTableId` is not in the API's document: it is the table that was asked.
    """

    TransitRouterRouteTableId: str
    TransitRouterRouteEntryId: str
    TransitRouterRouteEntryDestinationCidrBlock: str
    TransitRouterRouteEntryType: str
    TransitRouterRouteEntryStatus: str
    TransitRouterRouteEntryNextHopType: str
    TransitRouterRouteEntryNextHopId: str
    TransitRouterRouteEntryNextHopResourceId: str
    TransitRouterRouteEntryNextHopResourceType: str
    TransitRouterRouteEntryOriginResourceId: str
    TransitRouterRouteEntryOriginResourceType: str
    PathAttributes: PathAttributes


class VbrHa(TypedDict, total=False):
    """
    A failover group of two VBRs.
    """

    VbrHaId: str
    VbrId: str
    PeerVbrId: str
    RegionId: str
    Status: str


class VbrHealthCheck(TypedDict, total=False):
    """
    The configuration of a CEN's health check of a VBR; its result is in no document.
    """

    CenId: str
    VbrInstanceId: str
    VbrInstanceRegionId: str
    HealthCheckSourceIp: str
    HealthCheckTargetIp: str
    HealthCheckInterval: int
    HealthyThreshold: int
    HealthCheckOnly: bool


class RouterInterface(TypedDict, total=False):
    """
    A router interface with its attributes, among them `HealthCheckStatus`.
    """

    RouterInterfaceId: str
    RouterType: str
    RouterId: str
    Role: str
    Status: str
    BusinessStatus: str
    Bandwidth: int
    HcRate: int
    HcThreshold: int
    HealthCheckSourceIp: str
    HealthCheckTargetIp: str
    HealthCheckStatus: str
    OppositeRouterType: str
    OppositeRouterId: str
    OppositeInterfaceId: str
    OppositeInterfaceStatus: str


class VcoHealthCheck(TypedDict, total=False):
    """
    The health check of a VPN connection; `Enable` is a text.
    """

    Enable: str
    Status: str
    Interval: int
    Retry: int
    Policy: str


class VpnBgp(TypedDict, total=False):
    """
    The BGP session of a VPN connection, without its password.
    """

    Status: str
    LocalAsn: int
    PeerAsn: int


class TunnelBgp(TypedDict, total=False):
    """
    The BGP session of a tunnel, without its password.
    """

    BgpStatus: str
    LocalAsn: str
    PeerAsn: str


class Tunnel(TypedDict, total=False):
    """
    A tunnel of a VPN connection, without its key.
    """

    TunnelId: str
    TunnelIndex: int
    Role: str
    State: str
    Status: str
    TunnelBgpConfig: TunnelBgp


class VpnConnection(TypedDict, total=False):
    """
    A VPN connection, without its keys and passwords.
    """

    VpnConnectionId: str
    VpnGatewayId: str
    AttachType: str
    AttachInstanceId: str
    TransitRouterId: str
    State: str
    Status: str
    NetworkType: str
    Spec: str
    TunnelBandwidth: str
    EnableTunnelsBgp: bool
    EffectImmediately: bool
    VcoHealthCheck: VcoHealthCheck
    VpnBgpConfig: VpnBgp
    TunnelOptionsSpecification: Mapping[str, Sequence[Tunnel] | None]


class VcoRouteEntry(TypedDict, total=False):
    """
    A route of a VPN connection on a transit router.
    """

    VpnConnectionId: str
    RouteDest: str
    NextHop: str
    RouteEntryType: str
    Source: str
    State: str
    Weight: int
    AsPath: str
