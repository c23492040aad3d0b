"""
The operations on the transit routers of CENs: their tables, attachments and routes.

A CEN has one transit router in each region of its VBRs, with one route table.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from chaosfailover.emulator.error_codes import illegal, refuse
from chaosfailover.emulator.fabrics import Cen
from chaosfailover.emulator.operations.call import Call, Document
from chaosfailover.emulator.operations.filters import matching, numbered_page
from chaosfailover.emulator.operations.parameters import Filter
from chaosfailover.emulator.operations.rendering import uid
from chaosfailover.emulator.resource_fields import shown
from chaosfailover.emulator.resources import VBR, VPN, Resource
from chaosfailover.emulator.route_entries import Learned, best, contains, learned

__all__ = ["HANDLERS", "attachment_id", "transit_router_id"]

CREATED = "2024-01-03T00:00Z"
ENTRY = "TransitRouterRouteEntry"
LOST = ("Rejected", "Prohibited", "BlackHole")
"""
The marks of routes that leave the choice to the others.
"""


@dataclass(frozen=True)
class TransitRouter:
    """
    The transit router of a CEN in a region, and the VBRs and VPN connections attached to it.
    """

    cen: Cen
    region: str
    vbrs: tuple[Resource, ...]
    vpns: tuple[Resource, ...] = ()

    @property
    def id(self) -> str:
        """
        Its ID, after the CEN and the region.
        """
        return transit_router_id(self.cen.id, self.region)

    @property
    def table_id(self) -> str:
        """
        The ID of its route table.
        """
        return f"vtb-{self.id.removeprefix('tr-')}"

    @property
    def vpc(self) -> str:
        """
        The ID of the VPC in the region.
        """
        return f"vpc-{self.id.removeprefix('tr-')}"


def transit_router_id(cen_id: str, region: str) -> str:
    """
    Return the ID of the transit router of a CEN in a region.
    """
    return f"tr-{cen_id.removeprefix('cen-')}-{region}"


def attachment_id(cen: Cen, vbr: Resource) -> str:
    """
    Return the ID of a VBR's attachment to the transit router of a CEN.
    """
    return f"tr-attach-{cen.id.removeprefix('cen-')}-{vbr.id.removeprefix('vbr-')}"


def transit_routers(call: Call) -> Document:
    """
    List the transit routers of a CEN.
    """
    arguments = call.arguments
    documents: list[Document] = [
        {
            "CenId": each.cen.id,
            "RegionId": each.region,
            "TransitRouterId": each.id,
            "TransitRouterName": each.cen.Name,
            "TransitRouterDescription": "",
            "Type": each.cen.type,
            "Status": "Active",
            "AliUid": uid(each.cen.owner),
            "CreationTime": CREATED,
            "SupportMulticast": False,
            "TransitRouterCidrList": [],
            "Tags": [],
        }
        for each in _own(call)
    ]
    names = ("CenId", "RegionId", "TransitRouterId", "TransitRouterName", "Type", "Status")
    page, counts = numbered_page(matching(documents, arguments, names), arguments)
    return {**counts, "TransitRouters": page}


def route_tables(call: Call) -> Document:
    """
    List the one route table of a transit router.
    """
    arguments = call.arguments
    router = _router(call, arguments["TransitRouterId"])
    name = "TransitRouterRouteTable"
    document: Document = {
        f"{name}Id": router.table_id,
        f"{name}Name": "",
        f"{name}Description": "",
        f"{name}Type": "System",
        f"{name}Status": "Active",
        "TransitRouterId": router.id,
        "RegionId": router.region,
        "CreateTime": CREATED,
        "RouteTableOptions": {"MultiRegionECMP": router.cen.MultiRegionECMP},
        "Tags": [],
    }
    documents = matching([document], arguments, (f"{name}Status", f"{name}Type"))
    asked = (
        arguments.get("TransitRouterRouteTableIds"),
        arguments.get("TransitRouterRouteTableNames"),
    )
    for values, key in zip(asked, ("Id", "Name"), strict=True):
        documents = [each for each in documents if not values or each[name + key] in values]
    return call.page(documents, f"{name}s", 20)


def propagations(call: Call) -> Document:
    """
    List the attachments that teach a route table.
    """
    router = _router_of_table(call)
    return _attached(call, router, "TransitRouterPropagations", router.cen.unpropagated)


def associations(call: Call) -> Document:
    """
    List the attachments that use a route table.
    """
    router = _router_of_table(call)
    return _attached(call, router, "TransitRouterAssociations", router.cen.unassociated)


def border_router_attachments(call: Call) -> Document:
    """
    List the VBRs that are attached to transit routers.
    """
    arguments = call.arguments
    documents: list[Document] = [
        {
            "TransitRouterAttachmentId": attachment_id(router.cen, vbr),
            "TransitRouterAttachmentName": "",
            "TransitRouterAttachmentDescription": "",
            "TransitRouterId": router.id,
            "CenId": router.cen.id,
            "ResourceType": "VBR",
            "Status": "Attached",
            "AutoPublishRouteEnabled": vbr.id not in router.cen.unpublished,
            "OrderType": "PayByCenOwner",
            "CreationTime": CREATED,
            "Tags": [],
            "VbrId": vbr.id,
            "VbrOwnerId": uid(vbr.owner),
            "VbrRegionId": vbr.region,
        }
        for router in _own(call)
        for vbr in router.vbrs
        if arguments.get("RegionId") in (None, "", router.region)
    ]
    names = ("TransitRouterId", "CenId", "TransitRouterAttachmentId")
    return call.page(matching(documents, arguments, names), "TransitRouterAttachments", 20)


def route_entries(call: Call) -> Document:
    """
    List the routes of a route table: the active ones, if the call does not ask for others.
    """
    arguments = call.arguments
    router = _router_of_table(call)
    status = arguments.get(f"{ENTRY}Status", "Active")
    names = [f"{ENTRY}{each}" for each in _COMPARED]
    documents = matching(_entries(call, router), arguments, names)
    documents = [each for each in documents if status in ("All", each[f"{ENTRY}Status"])]
    asked = (
        arguments.get("TransitRouterRouteEntryIds"),
        arguments.get("TransitRouterRouteEntryNames"),
    )
    for values, key in zip(asked, ("Id", "Name"), strict=True):
        documents = [each for each in documents if not values or each[ENTRY + key] in values]
    for each in arguments.get("RouteFilter", ()):
        documents = _by_prefix(documents, each)
    return call.page(documents, "TransitRouterRouteEntries", 20)


_COMPARED = (
    "DestinationCidrBlock",
    "NextHopId",
    "NextHopType",
    "NextHopResourceId",
    "NextHopResourceType",
    "OriginResourceId",
    "OriginResourceType",
    "Type",
)


def _own(call: Call) -> list[TransitRouter]:
    network = call.cloud.network
    routers = (
        TransitRouter(
            cen,
            region,
            tuple(each for each in vbrs if cen.id in each.cens),
            tuple(each for each in vpns if shown(each, "AttachInstanceId") == cen.id),
        )
        for cen in network.fabrics.cens.values()
        if cen.owner == call.account
        for region in network.regions
        for vbrs, vpns in ((network.of(VBR, region), network.of(VPN, region)),)
    )
    return [each for each in routers if each.vbrs]


def _router(call: Call, router_id: str) -> TransitRouter:
    for each in _own(call):
        if each.id == router_id:
            return each
    raise refuse("InvalidTransitRouterId.NotFound")


def _router_of_table(call: Call) -> TransitRouter:
    for each in _own(call):
        if each.table_id == call.arguments["TransitRouterRouteTableId"]:
            return each
    raise illegal("TransitRouterRouteTableId")


def _attached(call: Call, router: TransitRouter, name: str, without: Sequence[str]) -> Document:
    arguments = call.arguments
    resources = [(attachment_id(router.cen, each), each.id, "VBR") for each in router.vbrs]
    resources += [(_other_attachment(each.id), each.id, "VPN") for each in router.vpns]
    resources.append((_other_attachment(router.vpc), router.vpc, "VPC"))
    documents: list[Document] = [
        {
            "TransitRouterRouteTableId": router.table_id,
            "TransitRouterAttachmentId": attachment,
            "ResourceId": resource,
            "ResourceType": kind,
            "Status": "Active",
        }
        for attachment, resource, kind in resources
        if resource not in without
    ]
    documents = matching(documents, arguments, ("TransitRouterAttachmentId", "Status"))
    asked = {
        "ResourceId": arguments.get("TransitRouterAttachmentResourceId"),
        "ResourceType": arguments.get("TransitRouterAttachmentResourceType"),
    }
    for key, value in asked.items():
        documents = [each for each in documents if value in (None, "", each[key])]
    return call.page(documents, name, 50)


def _entries(call: Call, router: TransitRouter) -> Iterator[Document]:
    """
    Yield the routes over each VBR that propagates, the best active, and those of VPNs and the VPC.
    """
    routes = [
        route
        for vbr in router.vbrs
        if vbr.id not in router.cen.unpropagated
        for route in learned(call.cloud.network, vbr, call.lost)
        if vbr.id not in call.lost  # its health check took away what is static
    ]
    lost = [each for each in routes if _mark(router.cen, each) in LOST]
    for route, is_best in best(each for each in routes if _mark(router.cen, each) not in LOST):
        mark = _mark(router.cen, route)
        yield _entry(router, route, mark or ("Active" if is_best else "Standby"))
    for route in lost:
        yield _entry(router, route, _mark(router.cen, route))
    over_vbrs = {each.prefix for each in routes if each not in lost}
    for vpn in filter(lambda each: call.cloud.network.in_service(each.id), router.vpns):
        by_bgp = bool(shown(vpn, "EnableTunnelsBgp"))
        kinds, path = ("VPN", "BGP" if by_bgp else "Custom"), ("65515",) if by_bgp else ()
        for prefix in vpn.routes.prefixes or ():
            status = "Standby" if prefix in over_vbrs else "Active"
            yield _of_other(router, prefix, vpn.id, kinds, status, path)
    for prefix in router.cen.vpc_prefixes:
        yield _of_other(router, prefix, router.vpc, ("VPC", "System"))


def _other_attachment(resource_id: str) -> str:
    """
    Return the ID of the attachment of a VPC or VPN connection.
    """
    return f"tr-attach-{resource_id}"


def _mark(cen: Cen, route: Learned) -> str:
    marks = [each.status for each in cen.routes if each.concerns(route.vbr.id, route.prefix)]
    return marks[-1] if marks else ""


def _entry(router: TransitRouter, route: Learned, status: str) -> Document:
    attachment = attachment_id(router.cen, route.vbr)
    entry = _written(router, route.prefix, attachment, route.vbr.id, "VBR")
    black_hole = status == "BlackHole"
    return {
        **entry,
        f"{ENTRY}Status": "Active" if black_hole else status,
        **({f"{ENTRY}NextHopType": "BlackHole"} if black_hole else {}),
        "PathAttributes": {
            "AsPaths": list(route.as_path),
            "Communities": [],
            "OriginInstanceId": route.vbr.id,
            "OriginInstanceType": "VBR",
            "OriginRouteType": "Custom" if route.is_static else "BGP",
            "Preference": 50,
        },
    }


def _of_other(
    router: TransitRouter,
    prefix: str,
    resource: str,
    kinds: tuple[str, str],
    status: str = "Active",
    as_path: Sequence[str] = (),
) -> Document:
    """
    Write the route to a prefix of a VPC or VPN connection; `kinds` are its type and its route's.
    """
    kind, route_kind = kinds
    return {
        **_written(router, prefix, _other_attachment(resource), resource, kind),
        f"{ENTRY}Status": status,
        "PathAttributes": {
            "AsPaths": list(as_path),
            "Communities": [],
            "OriginInstanceId": resource,
            "OriginInstanceType": kind,
            "OriginRouteType": route_kind,
            "Preference": 50,
        },
    }


def _written(
    router: TransitRouter, prefix: str, attachment: str, resource: str, kind: str
) -> Document:
    name = f"{router.table_id}/{prefix}/{attachment}"
    return {
        f"{ENTRY}DestinationCidrBlock": prefix,
        f"{ENTRY}Type": "Propagated",
        f"{ENTRY}Status": "Active",
        f"{ENTRY}NextHopType": "Attachment",
        f"{ENTRY}NextHopId": attachment,
        f"{ENTRY}NextHopResourceId": resource,
        f"{ENTRY}NextHopResourceType": kind,
        f"{ENTRY}OriginResourceId": resource,
        f"{ENTRY}OriginResourceType": kind,
        f"{ENTRY}Id": f"rte-{blake2b(name.encode(), digest_size=10).hexdigest()}",
        f"{ENTRY}Name": "",
        f"{ENTRY}Description": "",
        "CreateTime": CREATED,
        "OperationalMode": False,
        "PrefixListId": "",
        "Tag": "",
    }


def _by_prefix(documents: Sequence[Document], prefix_filter: Filter) -> list[Document]:
    """
    Return the routes that a RouteFilter lets through.
    """
    key, values = prefix_filter
    if key not in PREFIX_FILTERS:
        raise illegal("RouteFilter")
    lets_through = PREFIX_FILTERS[key]
    kept = [
        each
        for each in documents
        if any(lets_through(str(each[f"{ENTRY}DestinationCidrBlock"]), value) for value in values)
    ]
    if key != "LongestPrefixMatchCidrs":
        return kept
    lengths = [int(str(each[f"{ENTRY}DestinationCidrBlock"]).partition("/")[2]) for each in kept]
    longest = max(lengths, default=0)
    return [each for each, length in zip(kept, lengths, strict=True) if length == longest]


def _contains(outer: str, inner: str) -> bool:
    try:
        return contains(outer, inner)
    except ValueError:
        raise illegal("RouteFilter") from None


PREFIX_FILTERS: dict[str, Callable[[str, str], bool]] = {
    "PrefixExactMatchCidrs": lambda prefix, value: prefix == value,
    "LongestPrefixMatchCidrs": _contains,
    "SubnetOfMatchCidrs": lambda prefix, value: _contains(value, prefix),
    "SupernetOfMatchCidrs": _contains,
}
"""
Key of a RouteFilter -> whether it lets a prefix through.
"""


HANDLERS: dict[str, Callable[[Call], Document]] = {
    "ListTransitRouters": transit_routers,
    "ListTransitRouterRouteTables": route_tables,
    "ListTransitRouterRouteTablePropagations": propagations,
    "ListTransitRouterRouteTableAssociations": associations,
    "ListTransitRouterVbrAttachments": border_router_attachments,
    "ListTransitRouterRouteEntries": route_entries,
}
