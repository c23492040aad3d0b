"""
The operations of VPC on failover groups and on the route tables of VBRs.
"""

from collections.abc import Callable, Iterator
from hashlib import blake2b

from chaosfailover.emulator.error_codes import missing, refuse
from chaosfailover.emulator.operations.call import Call, Document
from chaosfailover.emulator.operations.filters import matching, numbered_page, token_page
from chaosfailover.emulator.operations.rendering import interface_id, route_table_id, uid
from chaosfailover.emulator.operations.transit_routers import attachment_id
from chaosfailover.emulator.resource_fields import shown
from chaosfailover.emulator.resources import VBR, Resource
from chaosfailover.emulator.route_entries import learned

__all__ = ["HANDLERS"]


def failover_group(call: Call) -> Document:
    """
    Show the one failover group of a VBR, or with an ID.
    """
    arguments, fabrics = call.arguments, call.cloud.network.fabrics
    vbr, group_id = arguments.get("VbrId"), arguments.get("VbrHaId")
    if not vbr and not group_id:
        raise missing("VbrHaId")
    own = {each.id for each in _own_routers(call)}
    for group in fabrics.groups.values():
        found_by = group.vbrs if call.cloud.settings.vbr_ha_by_peer else group.vbrs[:1]
        if vbr and vbr not in found_by:
            continue
        if group_id in (None, "", group.id) and own.issuperset(group.vbrs):
            return {
                "VbrHaId": group.id,
                "VbrId": group.vbrs[0],
                "PeerVbrId": group.vbrs[1],
                "RegionId": call.region,
                "Status": group.Status,
                "Name": group.Name,
                "Description": group.Description,
                "CreationTime": group.CreationTime,
            }
    raise refuse("ResourceNotFound.VbrHa")


def route_tables(call: Call) -> Document:
    """
    List the route tables of VBRs; VPCs have none here.
    """
    arguments = call.arguments
    of_vbrs = arguments.get("RouterType") == "VBR" and not arguments.get("VpcId")
    tables = [_table(each) for each in _own_routers(call)] if of_vbrs else []
    names = ("RouterId", "RouteTableId", "RouteTableName", "RouteTableType", "ResourceGroupId")
    page, counts = numbered_page(matching(tables, arguments, names), arguments)
    return {**counts, "RouterTableList": {"RouterTableListType": page}}


def route_entries(call: Call) -> Document:
    """
    List the routes of a table, by pages of MaxResult.
    """
    arguments = call.arguments
    table_id = arguments["RouteTableId"]
    router = next((each for each in _own_routers(call) if route_table_id(each) == table_id), None)
    if router is None:
        raise refuse("InvalidRouteTableId.NotFound")
    names = ("DestinationCidrBlock", "IpVersion", "RouteEntryId", "RouteEntryName", "ServiceType")
    entries = matching(_wanted(call, router), arguments, names)
    size = arguments.get("MaxResult", 10)
    page, fields = token_page(entries, arguments, size, empty=call.cloud.settings.empty_next_token)
    return {**fields, "RouteEntrys": {"RouteEntry": page}}


def _own_routers(call: Call) -> list[Resource]:
    routers = call.cloud.network.of(VBR, call.region)
    return [each for each in routers if each.owner == call.account]


def _table(router: Resource) -> Document:
    return {
        "RouteTableId": route_table_id(router),
        "RouteTableName": "",
        "RouteTableType": "System",
        "RouterId": router.id,
        "RouterType": "VBR",
        "Status": "Available",
        "VpcId": "",
        "AssociateType": "",
        "RoutePropagationEnable": True,
        "OwnerId": uid(router.owner),
        "ResourceGroupId": shown(router, "ResourceGroupId"),
        "Description": "",
        "CreationTime": shown(router, "CreationTime"),
        "VSwitchIds": {"VSwitchId": []},
        "GatewayIds": {"GatewayIds": []},
        "Tags": {"Tag": [{"Key": key, "Value": text} for key, text in router.tags.items()]},
    }


def _routes(call: Call, router: Resource) -> Iterator[tuple[str, str, Document]]:
    """
    Yield the routes to the data center, then those to the VPCs of the VBR's fabrics: type, prefix
    and next hop.
    """
    for route in learned(call.cloud.network, router, call.lost):
        yield "Custom" if route.is_static else "BGP", route.prefix, _to_data_center(router)
    fabrics = call.cloud.network.fabrics
    if ecr := fabrics.ecrs.get(str(router.fields.get("EcrId"))):
        for prefix in ecr.vpc_prefixes:
            yield "ECR", prefix, {"NextHopType": "Ecr", "NextHopId": ecr.id}
    for cen in (fabrics.cens[each] for each in router.cens):
        hop = {"NextHopType": "Attachment", "NextHopId": attachment_id(cen, router)}
        for prefix in () if router.id in cen.unpublished else cen.vpc_prefixes:
            yield "CEN", prefix, hop


def _wanted(call: Call, router: Resource) -> Iterator[Document]:
    """
    Yield the routes whose type and next hop a call asks for.
    """
    arguments = call.arguments
    prefixes = arguments.get("DestCidrBlockList", ())
    hop_type, hop_id = arguments.get("NextHopType"), arguments.get("NextHopId")
    for kind, prefix, hop in _routes(call, router):
        if (
            (not prefixes or prefix in prefixes)
            and arguments.get("RouteEntryType") in (None, "", kind)
            and hop_type in (None, "", hop["NextHopType"])
            and hop_id in (None, "", hop["NextHopId"])
        ):
            yield _entry(router, prefix, kind, hop)


def _to_data_center(router: Resource) -> Document:
    return {
        "NextHopType": "RouterInterface",
        "NextHopId": interface_id(router),
        "Weight": 100,
        "Enabled": 1,
        "NextHopRelatedInfo": {
            "InstanceType": "PCONN",
            "InstanceId": router.below[0],
            "RegionId": router.region,
        },
    }


def _entry(router: Resource, prefix: str, kind: str, next_hop: Document) -> Document:
    table_id = route_table_id(router)
    name = f"{table_id}/{prefix}/{kind}/{next_hop['NextHopId']}"
    return {
        "RouteTableId": table_id,
        "RouteEntryId": f"rte-{blake2b(name.encode(), digest_size=10).hexdigest()}",
        "RouteEntryName": "",
        "DestinationCidrBlock": prefix,
        "IpVersion": "ipv6" if ":" in prefix else "ipv4",
        "Type": kind,
        "Origin": "CustomCreate" if kind == "Custom" else "RoutePropagation",
        "Status": "Available",
        "ServiceType": "",
        "Description": "",
        "GmtModified": "2024-01-03T00:00:00Z",
        "NextHops": {"NextHop": [{"NextHopRegionId": router.region, **next_hop}]},
    }


HANDLERS: dict[str, Callable[[Call], Document]] = {
    "DescribeVbrHa": failover_group,
    "DescribeRouteTableList": route_tables,
    "DescribeRouteEntryList": route_entries,
}
