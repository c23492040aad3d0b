"""
The read operations for routes, takeover and traffic, which four products share.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final, Self, TypedDict, cast

from chaosfailover.alibaba.codes import NO_SUCH_GROUP
from chaosfailover.alibaba.documents import Reply, text
from chaosfailover.alibaba.network_documents import (
    EcrDisabledRoute,
    EcrRouteEntry,
    RouteEntry,
    RouterInterface,
    TransitRouteEntry,
    TransitRouter,
    TransitRouteTable,
    VbrHa,
    VbrHealthCheck,
    VcoRouteEntry,
    VpnConnection,
)
from chaosfailover.alibaba.paging import Listing, by_number, by_token
from chaosfailover.alibaba.products import CEN, CMS, ECR, VPC, Product
from chaosfailover.alibaba.query import flattened
from chaosfailover.alibaba.replies import is_unreached
from chaosfailover.alibaba.transport import Connection
from chaosfailover.errors import ApiError, InvalidReplyError, TransportError

__all__ = ["MOST_INSTANCES", "PERIOD", "REACH", "Metric", "NetworkReads"]

logger = logging.getLogger("chaostoolkit")

Connect = Callable[[Product], Connection]
Call = Callable[[str, Mapping[str, object]], Reply]

REACH = 5.0
"""The seconds within which a product has to be reached."""

MOST_INSTANCES = 50
"""The most VBRs of which a metric can be asked in one call."""

PERIOD = 300
"""The seconds of which a datapoint is the mean."""

VBR_METRICS = "acs_physical_connection"


class Metric(TypedDict, total=False):
    """
    A datapoint of a metric; `timestamp` is in milliseconds since 1970.
    """

    timestamp: int
    instanceId: str
    Value: float


ROUTES: Listing[RouteEntry] = Listing(
    "DescribeRouteEntryList", ("RouteEntrys", "RouteEntry"), ("MaxResult", 100), strict=True
)
ECR_ROUTES: Listing[EcrRouteEntry] = Listing(
    "DescribeExpressConnectRouterRouteEntries", ("RouteEntriesList",), strict=True
)
ECR_DISABLED: Listing[EcrDisabledRoute] = Listing(
    "DescribeDisabledExpressConnectRouterRouteEntries", ("DisabledRouteEntryList",), strict=True
)
TRANSIT_ROUTERS: Listing[TransitRouter] = Listing(
    "ListTransitRouters", ("TransitRouters",), strict=True
)
TRANSIT_TABLES: Listing[TransitRouteTable] = Listing(
    "ListTransitRouterRouteTables", ("TransitRouterRouteTables",), strict=True
)
TRANSIT_ROUTES: Listing[TransitRouteEntry] = Listing(
    "ListTransitRouterRouteEntries", ("TransitRouterRouteEntries",), strict=True
)
HEALTH_CHECKS: Listing[VbrHealthCheck] = Listing(
    "DescribeCenVbrHealthCheck", ("VbrHealthChecks", "VbrHealthCheck"), strict=True
)
INTERFACES: Listing[RouterInterface] = Listing(
    "DescribeRouterInterfaces", ("RouterInterfaceSet", "RouterInterfaceType"), strict=True
)
VPN_CONNECTIONS: Listing[VpnConnection] = Listing(
    "DescribeVpnConnections", ("VpnConnections", "VpnConnection"), strict=True
)
VPN_ROUTES: Listing[VcoRouteEntry] = Listing(
    "DescribeVcoRouteEntries", ("VcoRouteEntries",), strict=True
)
METRICS: Listing[Metric] = Listing(
    "DescribeMetricList", ("Datapoints",), ("Length", 1440), strict=True
)


class NetworkReads:
    """
    The read operations of one region, each of which takes at most `budget` seconds.

    A single call ends after `deadline` seconds. `connect` opens the connection to a product when
    it is first called. A product other than VPC that is not reached within 5 s is logged once, and
    is not called again: all its further reads raise the same TransportError at once. Every method
    raises ApiError, or TransportError for a reply that is not what the API documents. One thread
    at a time may use it. A reply may show what was so `lag` seconds ago.
    """

    def __init__(
        self,
        region_id: str,
        connect: Connect,
        *,
        deadline: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        lag: float = 0.0,
    ) -> None:
        self.region_id: Final = region_id
        self.clock: Final = clock
        self.lag: Final = lag
        self._connect = connect
        self._deadline = deadline
        self._connections: dict[Product, Connection] = {}
        self._unreached: dict[Product, TransportError] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """
        Close the connections.
        """
        for connection in self._connections.values():
            connection.close()

    def describe_route_entry_list(
        self, route_table_id: str, *, budget: float
    ) -> tuple[RouteEntry, ...]:
        """
        Return the routes of a table, 100 with each call.
        """
        call = self._within(VPC, budget)
        return tuple(by_token(call, ROUTES, RouteTableId=route_table_id))

    def describe_vbr_ha(self, vbr_id: str, *, budget: float) -> VbrHa | None:
        """
        Return the failover group of a VBR; None if the API says that there is none.
        """
        try:
            reply = self._within(VPC, budget)("DescribeVbrHa", {"VbrId": vbr_id})
        except ApiError as error:
            if error.code == NO_SUCH_GROUP:
                return None
            raise
        group = cast(VbrHa, reply)
        if vbr_id not in (text(group, "VbrId"), text(group, "PeerVbrId")):
            raise _invalid(f"the reply names no group of {vbr_id}")
        return group

    def describe_router_interfaces(self, *, budget: float) -> tuple[RouterInterface, ...]:
        """
        Return the router interfaces of the region, 50 with each call, without their health.
        """
        return tuple(by_number(self._within(VPC, budget), INTERFACES))

    def describe_router_interface_attribute(
        self, interface_id: str, *, budget: float
    ) -> RouterInterface:
        """
        Return a router interface with `HealthCheckStatus`.
        """
        call = self._within(VPC, budget)
        reply = call("DescribeRouterInterfaceAttribute", {"InstanceId": interface_id})
        interface = cast(RouterInterface, reply)
        is_success = reply.get("Success", True) is True
        if not is_success or text(interface, "RouterInterfaceId") != interface_id:
            raise _invalid(f"the reply does not describe {interface_id}")
        return interface

    def describe_vpn_connections(self, *, budget: float) -> tuple[VpnConnection, ...]:
        """
        Return the VPN connections of the region, 50 with each call, without keys and passwords.
        """
        return tuple(by_number(self._within(VPC, budget), VPN_CONNECTIONS))

    def describe_vco_route_entries(
        self, vpn_connection_id: str, *, budget: float
    ) -> tuple[VcoRouteEntry, ...]:
        """
        Return the routes of a VPN connection on a transit router, 50 with each call.
        """
        call = self._within(VPC, budget)
        return tuple(by_number(call, VPN_ROUTES, VpnConnectionId=vpn_connection_id))

    def describe_express_connect_router_region(
        self, ecr_id: str, *, budget: float
    ) -> tuple[str, ...]:
        """
        Return the IDs of the regions of an ECR, at least one.
        """
        call = self._within(ECR, budget)
        reply = call("DescribeExpressConnectRouterRegion", {"EcrId": ecr_id})
        regions = cast(Mapping[str, object], reply).get("RegionIdList")
        if not isinstance(regions, list) or not regions or not all(map(_is_id, regions)):
            raise _invalid("RegionIdList is not a list of one or more region IDs")
        return tuple(dict.fromkeys(regions))

    def describe_express_connect_router_route_entries(
        self, ecr_id: str, region_id: str, *, budget: float
    ) -> tuple[EcrRouteEntry, ...]:
        """
        Return the routes of an ECR as one of its regions has them, 100 with each call.
        """
        call = self._within(ECR, budget)
        entries = by_token(call, ECR_ROUTES, EcrId=ecr_id, QueryRegionId=region_id)
        return tuple(cast(EcrRouteEntry, {**each, "QueryRegionId": region_id}) for each in entries)

    def describe_disabled_express_connect_router_route_entries(
        self, ecr_id: str, *, budget: float
    ) -> tuple[EcrDisabledRoute, ...]:
        """
        Return the routes of an ECR that were switched off by hand, 100 with each call.
        """
        return tuple(by_token(self._within(ECR, budget), ECR_DISABLED, EcrId=ecr_id))

    def list_transit_routers(self, cen_id: str, *, budget: float) -> tuple[TransitRouter, ...]:
        """
        Return the transit routers of a CEN in the region.
        """
        call = self._within(CEN, budget)
        routers = by_number(call, TRANSIT_ROUTERS, CenId=cen_id, RegionId=self.region_id)
        ours = (self.region_id, None)
        return tuple(router for router in routers if text(router, "RegionId") in ours)

    def list_transit_router_route_tables(
        self, transit_router_id: str, *, budget: float
    ) -> tuple[TransitRouteTable, ...]:
        """
        Return the route tables of a transit router.
        """
        call = self._within(CEN, budget)
        return tuple(by_token(call, TRANSIT_TABLES, TransitRouterId=transit_router_id))

    def list_transit_router_route_entries(
        self, route_table_id: str, *, budget: float
    ) -> tuple[TransitRouteEntry, ...]:
        """
        Return the routes of a table in any status, each with the ID of the table.
        """
        table = {"TransitRouterRouteTableId": route_table_id}
        status = {"TransitRouterRouteEntryStatus": "All"}
        entries = by_token(self._within(CEN, budget), TRANSIT_ROUTES, **table, **status)
        return tuple(cast(TransitRouteEntry, {**each, **table}) for each in entries)

    def describe_cen_vbr_health_check(self, *, budget: float) -> tuple[VbrHealthCheck, ...]:
        """
        Return the health checks of the region's VBRs by CENs, 50 with each call.
        """
        call = self._within(CEN, budget)
        return tuple(by_number(call, HEALTH_CHECKS, VbrInstanceRegionId=self.region_id))

    def describe_metric_list(
        self,
        metric: str,
        vbr_ids: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        budget: float,
    ) -> tuple[Metric, ...]:
        """
        Return the datapoints of a metric of at most 50 VBRs, 1,440 with each call.
        """
        call = partial(_with_datapoints, self._within(CMS, budget))
        return tuple(
            by_token(
                call,
                METRICS,
                Namespace=VBR_METRICS,
                MetricName=metric,
                Dimensions=json.dumps([{"instanceId": vbr_id} for vbr_id in vbr_ids]),
                Period=PERIOD,
                StartTime=_milliseconds(since),
                EndTime=_milliseconds(until),
            )
        )

    def _within(self, product: Product, budget: float) -> Call:
        """
        Return the call of a product whose calls together end after `budget` seconds.
        """
        due = self.clock() + budget
        return lambda operation, parameters: self._send(
            product, operation, parameters, min(self._deadline, due - self.clock())
        )

    def _send(
        self, product: Product, operation: str, parameters: Mapping[str, object], budget: float
    ) -> Reply:
        if product in self._unreached:
            raise self._unreached[product]
        region = {"RegionId": self.region_id} if product is VPC else {}
        try:
            return self._connection(product).send(
                operation, flattened({**region, **parameters}), budget
            )
        except TransportError as error:
            if product is not VPC and is_unreached(error):
                self._unreached[product] = error
                logger.warning("What %s would show is unknown: %s", product.name, error)
            raise

    def _connection(self, product: Product) -> Connection:
        if product not in self._connections:
            self._connections[product] = self._connect(product)
        return self._connections[product]


def _with_datapoints(call: Call, operation: str, parameters: Mapping[str, object]) -> Reply:
    """
    Return the reply with the list of datapoints that it holds as text.
    """
    reply = call(operation, parameters)
    points: object = reply.get("Datapoints")
    try:
        listed: object = json.loads(points) if isinstance(points, str) else None
    except (RecursionError, ValueError):
        listed = None
    if not isinstance(listed, list):
        raise _invalid("Datapoints is not the JSON text of a list")
    return cast(Reply, {**reply, "Datapoints": listed})


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp()) * 1000


def _is_id(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _invalid(message: str) -> InvalidReplyError:
    return InvalidReplyError(message, http_status=200)
