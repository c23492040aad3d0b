"""
The reading of routes, takeover and traffic, where a failed read becomes an `Unread`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from math import isfinite
from typing import Protocol, TypeVar, cast

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.codes import REFUSED_PERMISSION
from chaosfailover.alibaba.documents import VirtualBorderRouter, number, text
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
from chaosfailover.alibaba.network_reads import MOST_INSTANCES, REACH, Metric, NetworkReads
from chaosfailover.alibaba.products import CEN, CMS, ECR, VPC, Product
from chaosfailover.alibaba.replies import is_unreached
from chaosfailover.errors import ApiError, FailoverError
from chaosfailover.network.health import UNKNOWN_GROUP, attachments
from chaosfailover.network.routing import Datapoint, Read, Routing, Traffic, Unread
from chaosfailover.network.snapshot import Snapshot, read_snapshot

__all__ = [
    "HISTORY",
    "METRIC_BUDGET",
    "read_proof",
    "read_region",
    "read_routes",
    "read_routing",
    "read_traffic",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Rates = tuple[Datapoint, ...]

METRIC_LIST = "DescribeMetricList"
METRIC_BUDGET = 20.0
HISTORY = timedelta(days=7)
INBOUND, OUTBOUND = "RateInFromIDCToVpc", "RateOutFromVpcToIDC"


def read_region(client: VpcClient) -> tuple[Snapshot, Routing]:
    """
    Read the client's region and the routes of all its VBRs; without VBR there are none to read.

    The routes take at most 30 s, and 3 s more for each VBR.
    """
    snapshot = read_snapshot(client)
    if not snapshot.vbrs:
        return snapshot, Routing()
    with client.network_reads() as reads:
        return snapshot, read_routing(reads, snapshot, budget=30.0 + 3.0 * len(snapshot.vbrs))


def read_routing(
    reads: NetworkReads,
    snapshot: Snapshot,
    vbr_ids: Collection[str] | None = None,
    *,
    budget: float = 30.0,
) -> Routing:
    """
    Read the routes, takeover and traffic of VBRs, and of the ECRs and CENs that they are attached
    to, within `budget` seconds; None means all VBRs of the snapshot.

    Every failed read is an `Unread` in its place. Raises TransportError only if the VPC API cannot
    be reached. A VBR takes 1 call for its failover group, 1 for each 100 routes, and for traffic
    4, or 2.8 where many are read together: at most 6 calls with up to 100 routes. The others:

    - each ECR: 2, and in each of its regions 1 for each 100 routes;
    - each CEN: 1, with 1 for each transit router and 1 for each 100 routes of each table;
    - the region: 1 for health checks if there is a CEN, 1 for router interfaces and 1 for each that
      belongs to a VBR, 1 for VPN connections and 1 for each of a CEN.

    A listing of more than one page takes 1 call for each; failed calls are repeated.
    """
    chosen = {
        vbr_id: vbr
        for vbr in snapshot.vbrs
        if (vbr_id := text(vbr, "VbrId")) and (vbr_ids is None or vbr_id in vbr_ids)
    }
    return Reading(reads, budget).routing(chosen)


def read_proof(reads: NetworkReads, snapshot: Snapshot, *, budget: float) -> Routing:
    """
    Read only what proves survivors of VBRs: routes and VPN connections. Raises as `read_routing`.
    """
    vbrs = {vbr_id: vbr for vbr in snapshot.vbrs if (vbr_id := text(vbr, "VbrId"))}
    return Reading(reads, budget).proof(vbrs)


def read_routes(
    reads: NetworkReads, snapshot: Snapshot, *, budget: float
) -> Iterator[tuple[str, Routing]]:
    """
    Yield each VBR, ECR and CEN of a snapshot with its routes, each read within `budget` seconds.

    Nothing is read before it is asked for. Raises as `read_routing`.
    """
    for vbr in snapshot.vbrs:
        if vbr_id := text(vbr, "VbrId"):
            yield vbr_id, Routing(vbr_routes={vbr_id: Reading(reads, budget).vbr_routes(vbr)})
    for ecr_id in _of_all(_ecr_ids, snapshot.vbrs):
        reading = Reading(reads, budget)
        disabled = {ecr_id: reading.ecr_disabled(ecr_id)}
        yield (
            ecr_id,
            Routing(ecr_routes={ecr_id: reading.ecr_routes(ecr_id)}, ecr_disabled=disabled),
        )
    for cen_id in _of_all(_cen_ids, snapshot.vbrs):
        routes = Reading(reads, budget).transit_routes(cen_id)
        yield cen_id, Routing(transit_routes={cen_id: routes})


def read_traffic(
    reads: NetworkReads, vbr_ids: Collection[str], since: datetime, *, budget: float
) -> dict[str, Read[Traffic]]:
    """
    Read the traffic of VBRs since an instant.
    """
    return Reading(reads, budget).traffic(sorted(vbr_ids), since, datetime.now(UTC))


class Reader(Protocol[T_co]):
    """
    A read operation that waits for its budget only.
    """

    def __call__(self, *, budget: float) -> T_co: ...


class Reading:
    """
    The reads of one moment, which together take at most `budget` seconds.
    """

    def __init__(self, reads: NetworkReads, budget: float) -> None:
        self._reads = reads
        self._budget = budget
        self._due = reads.clock() + budget

    def routing(self, vbrs: Mapping[str, VirtualBorderRouter]) -> Routing:
        """
        Read all there is of these VBRs: the routes first, since nothing is cut without them.
        """
        proof = self.proof(vbrs)
        now = proof.taken_at
        return replace(
            proof,
            failover_groups=self.failover_groups(list(vbrs)),
            health_checks=self.health_checks([each for each in vbrs if _cen_ids(vbrs[each])]),
            interfaces=self.interfaces(vbrs),
            traffic=self.traffic(sorted(vbrs), now - HISTORY, now),
        )

    def proof(self, vbrs: Mapping[str, VirtualBorderRouter]) -> Routing:
        """
        Read the routes of these VBRs, of their ECRs and CENs, and of the VPN connections of those.
        """
        ecr_ids, cen_ids = _of_all(_ecr_ids, vbrs.values()), _of_all(_cen_ids, vbrs.values())
        return Routing(
            vbr_routes={vbr_id: self.vbr_routes(vbr) for vbr_id, vbr in vbrs.items()},
            ecr_routes={ecr_id: self.ecr_routes(ecr_id) for ecr_id in ecr_ids},
            ecr_disabled={ecr_id: self.ecr_disabled(ecr_id) for ecr_id in ecr_ids},
            transit_routes={cen_id: self.transit_routes(cen_id) for cen_id in cen_ids},
            vpn=(vpn := self.vpn()),
            vpn_routes={} if isinstance(vpn, Unread) else self.vpn_routes(vpn, cen_ids),
            taken_at=datetime.now(UTC),
        )

    def vbr_routes(self, vbr: VirtualBorderRouter) -> Read[tuple[RouteEntry, ...]]:
        """
        Read the only table of a VBR.
        """
        operation = "DescribeRouteEntryList"
        table_id = text(vbr, "RouteTableId")
        if table_id is None:
            return Unread(operation, "the VBR has no RouteTableId")
        return self._read(VPC, operation, partial(self._reads.describe_route_entry_list, table_id))

    def ecr_routes(self, ecr_id: str) -> Read[tuple[EcrRouteEntry, ...]]:
        """
        Read the routes of an ECR in all its regions.
        """
        ask = partial(self._reads.describe_express_connect_router_region, ecr_id)
        regions = self._read(ECR, "DescribeExpressConnectRouterRegion", ask)
        if isinstance(regions, Unread):
            return regions
        read = self._reads.describe_express_connect_router_route_entries
        operation = "DescribeExpressConnectRouterRouteEntries"
        return _joined(
            self._read(ECR, operation, partial(read, ecr_id, region)) for region in regions
        )

    def ecr_disabled(self, ecr_id: str) -> Read[tuple[EcrDisabledRoute, ...]]:
        """
        Read the routes of an ECR that were switched off.
        """
        return self._read(
            ECR,
            "DescribeDisabledExpressConnectRouterRouteEntries",
            partial(self._reads.describe_disabled_express_connect_router_route_entries, ecr_id),
        )

    def transit_routes(self, cen_id: str) -> Read[tuple[TransitRouteEntry, ...]]:
        """
        Read all tables of all transit routers of a CEN in the region.
        """
        operation = "ListTransitRouters"
        routers = self._read(CEN, operation, partial(self._reads.list_transit_routers, cen_id))
        if isinstance(routers, Unread):
            return routers
        if not routers:
            return Unread(operation, f"{cen_id} has no transit router in {self._reads.region_id}")
        return _joined(self._router_routes(router) for router in routers)

    def _router_routes(self, router: TransitRouter) -> Read[tuple[TransitRouteEntry, ...]]:
        operation = "ListTransitRouterRouteTables"
        router_id = text(router, "TransitRouterId")
        if router_id is None or router.get("Type") == "Basic":
            return Unread(
                operation, f"{router_id or 'a transit router'} has no route tables to read"
            )
        ask = partial(self._reads.list_transit_router_route_tables, router_id)
        tables = self._read(CEN, operation, ask)
        if isinstance(tables, Unread):
            return tables
        if not tables:
            return Unread(operation, f"{router_id} has no route tables to read")
        return _joined(self._table_routes(table) for table in tables)

    def _table_routes(self, table: TransitRouteTable) -> Read[tuple[TransitRouteEntry, ...]]:
        operation = "ListTransitRouterRouteEntries"
        table_id = text(table, "TransitRouterRouteTableId")
        if table_id is None:
            return Unread(operation, "a route table has no TransitRouterRouteTableId")
        ask = partial(self._reads.list_transit_router_route_entries, table_id)
        return self._read(CEN, operation, ask)

    def failover_groups(self, vbr_ids: Sequence[str]) -> dict[str, Read[VbrHa | None]]:
        """
        Read the group of each VBR; a group that another VBR's reply names counts for both.
        """
        groups = {
            vbr_id: self._read(VPC, "DescribeVbrHa", partial(self._reads.describe_vbr_ha, vbr_id))
            for vbr_id in vbr_ids
        }
        named = {
            member: group
            for group in groups.values()
            if group is not None and not isinstance(group, Unread)
            for member in (text(group, "VbrId"), text(group, "PeerVbrId"))
        }
        return {
            vbr_id: named.get(vbr_id, group)
            if group is None or isinstance(group, Unread)
            else group
            for vbr_id, group in groups.items()
        }

    def health_checks(self, vbr_ids: Sequence[str]) -> dict[str, Read[VbrHealthCheck | None]]:
        """
        Read the health checks by CENs of these VBRs.
        """
        if not vbr_ids:
            return {}
        operation = "DescribeCenVbrHealthCheck"
        checks = self._read(CEN, operation, self._reads.describe_cen_vbr_health_check)
        if isinstance(checks, Unread):
            return dict.fromkeys(vbr_ids, checks)
        return {vbr_id: _only_check(operation, checks, vbr_id) for vbr_id in vbr_ids}

    def interfaces(self, vbr_ids: Collection[str]) -> Read[tuple[RouterInterface, ...]]:
        """
        Read the router interfaces that begin or end at one of these VBRs.
        """
        listed = self._read(VPC, "DescribeRouterInterfaces", self._reads.describe_router_interfaces)
        if isinstance(listed, Unread):
            return listed
        ends = ("RouterId", "OppositeRouterId")
        return _joined(
            self._interface(interface)
            for interface in listed
            if any(text(interface, end) in vbr_ids for end in ends)
        )

    def _interface(self, interface: RouterInterface) -> Read[tuple[RouterInterface]]:
        operation = "DescribeRouterInterfaceAttribute"
        interface_id = text(interface, "RouterInterfaceId")
        if interface_id is None:
            return Unread(operation, "a router interface has no RouterInterfaceId")
        ask = partial(self._reads.describe_router_interface_attribute, interface_id)
        attribute = self._read(VPC, operation, ask)
        if isinstance(attribute, Unread):
            return attribute
        return (cast(RouterInterface, {**interface, **attribute}),)

    def vpn(self) -> Read[tuple[VpnConnection, ...]]:
        """
        Read the VPN connections of the region.
        """
        return self._read(VPC, "DescribeVpnConnections", self._reads.describe_vpn_connections)

    def vpn_routes(
        self, connections: Iterable[VpnConnection], cen_ids: Collection[str]
    ) -> dict[str, Read[tuple[VcoRouteEntry, ...]]]:
        """
        Read the routes of the VPN connections of these CENs.
        """
        named = ((text(each, "VpnConnectionId"), each) for each in connections)
        read = self._reads.describe_vco_route_entries
        return {
            vpn_id: self._read(VPC, "DescribeVcoRouteEntries", partial(read, vpn_id))
            for vpn_id, connection in named
            if vpn_id and text(connection, "AttachInstanceId") in cen_ids
        }

    def traffic(
        self, vbr_ids: Sequence[str], since: datetime, until: datetime
    ) -> dict[str, Read[Traffic]]:
        """
        Read the traffic of a time, for at most 20 s.
        """
        reading = Reading(self._reads, min(METRIC_BUDGET, max(0.0, self._remaining())))
        inbound = reading._rates(INBOUND, vbr_ids, since, until)
        outbound = reading._rates(OUTBOUND, vbr_ids, since, until)
        return {vbr_id: _traffic(inbound[vbr_id], outbound[vbr_id]) for vbr_id in vbr_ids}

    def _rates(
        self, metric: str, vbr_ids: Sequence[str], since: datetime, until: datetime
    ) -> dict[str, Read[Rates]]:
        rates: dict[str, Read[Rates]] = {}
        for first in range(0, len(vbr_ids), MOST_INSTANCES):
            batch = vbr_ids[first : first + MOST_INSTANCES]
            ask = partial(self._reads.describe_metric_list, metric, batch, since=since, until=until)
            points = self._read(CMS, METRIC_LIST, ask)
            rates |= (
                dict.fromkeys(batch, points)
                if isinstance(points, Unread)
                else _by_vbr(metric, points, batch)
            )
        return rates

    def _read(self, product: Product, operation: str, read: Reader[T]) -> Read[T]:
        if self._remaining() <= 0:
            return self._late(operation)
        try:
            return read(budget=self._remaining())
        except ApiError as error:
            return _refused(product, operation, error)
        except FailoverError as error:
            if self._remaining() <= 0:
                return self._late(operation)
            if not is_unreached(error):
                return Unread(operation, str(error).removeprefix(f"{operation}: "))
            if product is VPC:
                raise
            return Unread(operation, f"{product.name} was not reached within {REACH:g} s")

    def _remaining(self) -> float:
        return self._due - self._reads.clock()

    def _late(self, operation: str) -> Unread:
        return Unread(operation, f"not read within {self._budget:.0f} s")


def _refused(product: Product, operation: str, error: ApiError) -> Unread:
    """
    Return the reason of an error of the API, with the permission if that was refused.
    """
    if error.code.startswith(REFUSED_PERMISSION):
        return Unread(operation, error.code, product.ram_action(operation))
    return Unread(operation, f"{error.code}: {error.message}")


def _joined(parts: Iterable[Read[tuple[T, ...]]]) -> Read[tuple[T, ...]]:
    """
    Return all items, or the first reason why some were not read; nothing is read after it.
    """
    items: list[T] = []
    for part in parts:
        if isinstance(part, Unread):
            return part
        items += part
    return tuple(items)


def _of_all(
    ids: Callable[[VirtualBorderRouter], set[str]], vbrs: Iterable[VirtualBorderRouter]
) -> list[str]:
    return sorted({each for vbr in vbrs for each in ids(vbr)})


def _ecr_ids(vbr: VirtualBorderRouter) -> set[str]:
    ecr_id = text(vbr, "EcrId")
    return {group for group, _ in attachments(vbr) if group == ecr_id}


def _cen_ids(vbr: VirtualBorderRouter) -> set[str]:
    others = (text(vbr, "EcrId"), UNKNOWN_GROUP)
    return {group for group, _ in attachments(vbr) if group not in others}


def _only_check(
    operation: str, checks: Iterable[VbrHealthCheck], vbr_id: str
) -> Read[VbrHealthCheck | None]:
    own = [check for check in checks if text(check, "VbrInstanceId") in (vbr_id, None)]
    if len(own) > 1 or (own and text(own[0], "VbrInstanceId") is None):
        return Unread(operation, f"several health checks, or one without VBR, may be of {vbr_id}")
    return own[0] if own else None


def _traffic(inbound: Read[Rates], outbound: Read[Rates]) -> Read[Traffic]:
    if isinstance(inbound, Unread):
        return inbound
    return outbound if isinstance(outbound, Unread) else Traffic(inbound, outbound)


def _by_vbr(
    metric: str, points: Iterable[Metric], vbr_ids: Iterable[str]
) -> dict[str, Read[Rates]]:
    """
    Return the rates of each VBR; a datapoint without VBR could be of any of them.
    """
    own: dict[str | None, list[Metric]] = {}
    for point in points:
        own.setdefault(text(point, "instanceId"), []).append(point)
    if None in own:
        nameless = Unread(METRIC_LIST, f"a datapoint of {metric} names no instance")
        return dict.fromkeys(vbr_ids, nameless)
    return {vbr_id: _rates(metric, own.get(vbr_id, [])) for vbr_id in vbr_ids}


def _rates(metric: str, points: Collection[Metric]) -> Read[Rates]:
    """
    Return rates in order of time; none, a damaged one or two for one time are unknown.
    """
    if not points:
        return Unread(METRIC_LIST, f"no data of {metric}")
    rates = {_datapoint(point) for point in points}
    whole = sorted(rate for rate in rates if rate is not None)
    if None in rates or len({rate.at for rate in whole}) < len(whole):
        return Unread(METRIC_LIST, f"data of {metric} is damaged")
    return tuple(whole)


def _datapoint(point: Metric) -> Datapoint | None:
    milliseconds, value = number(point, "timestamp"), cast(Mapping[str, object], point).get("Value")
    if milliseconds is None or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        rate, at = float(value), datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return Datapoint(at, rate) if isfinite(rate) and rate >= 0 else None
