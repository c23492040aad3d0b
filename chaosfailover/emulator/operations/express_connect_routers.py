"""
The operations of Express Connect Routers (ECR).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from chaosfailover.emulator.error_codes import refuse
from chaosfailover.emulator.fabrics import Ecr
from chaosfailover.emulator.operations.call import Call, Document
from chaosfailover.emulator.operations.filters import matching
from chaosfailover.emulator.operations.parameters import Tag
from chaosfailover.emulator.operations.rendering import uid
from chaosfailover.emulator.operations.transit_routers import transit_router_id
from chaosfailover.emulator.resource_fields import shown
from chaosfailover.emulator.resources import VBR, Resource
from chaosfailover.emulator.route_entries import best, learned

__all__ = ["HANDLERS"]

TIMES = {"GmtCreate": "2024-01-03T00:00:00Z", "GmtModified": "2024-01-03T00:00:00Z"}


def routers(call: Call) -> Document:
    """
    List the account's ECRs.
    """
    arguments = call.arguments
    listed = [_ecr(call)] if arguments.get("EcrId") else _own(call)
    documents: list[Document] = [
        {
            "EcrId": each.id,
            "Name": each.Name,
            "Description": each.Description,
            "AlibabaSideAsn": each.AlibabaSideAsn,
            "OwnerId": uid(each.owner),
            "Status": each.Status,
            "BizStatus": each.BizStatus,
            "ResourceGroupId": each.ResourceGroupId,
            **TIMES,
            "Tags": [{"TagKey": key, "TagValue": text} for key, text in each.Tags.items()],
        }
        for each in listed
        if _carries(each.Tags, arguments.get("Tag", ()))
    ]
    return call.page(matching(documents, arguments, ("Name", "ResourceGroupId")), "EcrList", 20)


def child_instances(call: Call) -> Document:
    """
    List the VBRs of an ECR, also those of other accounts and regions.
    """
    ecr = _ecr(call)
    documents: list[Document] = [
        {
            "EcrId": ecr.id,
            "AssociationId": f"ecr-assoc-{each.id}",
            "ChildInstanceId": each.id,
            "ChildInstanceName": shown(each, "Name"),
            "ChildInstanceType": "VBR",
            "ChildInstanceRegionId": each.region,
            "ChildInstanceOwnerId": uid(each.owner),
            "RegionId": each.region,
            "OwnerId": uid(ecr.owner),
            "Status": "ACTIVE",
            "Description": "",
            **TIMES,
        }
        for each in _vbrs(call, ecr)
    ]
    names = ("AssociationId", "ChildInstanceId", "ChildInstanceType", "ChildInstanceRegionId")
    return call.page(matching(documents, call.arguments, names), "ChildInstanceList", 20)


def associations(call: Call) -> Document:
    """
    List the VPCs and transit routers of an ECR.
    """
    ecr = _ecr(call)
    documents = [*_of_vpcs(call, ecr), *_of_transit_routers(call, ecr)]
    names = ("AssociationId", "AssociationNodeType", "CenId", "TransitRouterId", "VpcId")
    documents = matching(documents, call.arguments, names)
    region = call.arguments.get("AssociationRegionId")
    documents = [each for each in documents if region in (None, "", each["RegionId"])]
    return call.page(documents if not call.arguments.get("Tag") else [], "AssociationList", 20)


def regions(call: Call) -> Document:
    """
    List the regions of an ECR.
    """
    return {"RegionIdList": _regions(call, _ecr(call))}


def route_entries(call: Call) -> Document:
    """
    List the routes of an ECR: those to the data center over its VBRs, and those to its VPCs.
    """
    arguments = call.arguments
    names = ("DestinationCidrBlock", "NexthopInstanceId", "AsPath", "Community")
    documents = matching(_routes(call, _ecr(call)), arguments, names)
    region = arguments.get("QueryRegionId")
    documents = [
        each for each in documents if region in (None, "", each["NexthopInstanceRegionId"])
    ]
    return call.page(documents, "RouteEntriesList", 10)


def disabled_route_entries(call: Call) -> Document:
    """
    List the routes that were switched off by hand.
    """
    ecr = _ecr(call)
    documents: list[Document] = [
        {
            "EcrId": ecr.id,
            "DestinationCidrBlock": each["DestinationCidrBlock"],
            "NexthopInstanceId": each["NexthopInstanceId"],
            "NexthopInstanceRegionId": each["NexthopInstanceRegionId"],
            "GmtCreate": TIMES["GmtCreate"],
        }
        for each in _routes(call, ecr)
        if any(
            mark.concerns(str(each["NexthopInstanceId"]), str(each["DestinationCidrBlock"]))
            for mark in ecr.disabled
        )
    ]
    return call.page(documents, "DisabledRouteEntryList", 20)


def transit_modes(call: Call) -> Document:
    """
    Tell how an ECR shares the traffic between equal paths, by region.
    """
    ecr = _ecr(call)
    modes = [{"RegionId": each, "Mode": ecr.transit_mode} for each in _regions(call, ecr)]
    return {"InterRegionTransitModeList": modes}


def _carries(tags: Mapping[str, str], asked: Sequence[Tag]) -> bool:
    return all(key in tags and value in (None, "", tags[key]) for key, value in asked)


def _own(call: Call) -> list[Ecr]:
    ecrs = call.cloud.network.fabrics.ecrs.values()
    return [each for each in ecrs if each.owner == call.account]


def _ecr(call: Call) -> Ecr:
    """
    Return the ECR that a call names, if it is the caller's.
    """
    for each in _own(call):
        if each.id == call.arguments["EcrId"]:
            return each
    raise refuse("ResourceNotFound.EcrId")


def _vbrs(call: Call, ecr: Ecr) -> list[Resource]:
    network = call.cloud.network
    vbrs = (each for region in network.regions for each in network.of(VBR, region))
    return [each for each in vbrs if each.fields.get("EcrId") == ecr.id]


def _regions(call: Call, ecr: Ecr) -> list[str]:
    return list(dict.fromkeys(each.region for each in _vbrs(call, ecr)))


def _home(call: Call, ecr: Ecr) -> str:
    return next(iter(_regions(call, ecr)), call.cloud.network.regions[0])


def _association(call: Call, ecr: Ecr, node: str, kind: str) -> Document:
    return {
        "EcrId": ecr.id,
        "AssociationId": f"ecr-assoc-{node}",
        "AssociationNodeType": kind,
        "RegionId": _home(call, ecr),
        "Status": "ACTIVE",
        "OwnerId": uid(ecr.owner),
        "AllowedPrefixes": list(ecr.vpc_prefixes),
        "AllowedPrefixesMode": "MatchMode",
        "Description": "",
        **TIMES,
        "Tags": [],
    }


def _of_vpcs(call: Call, ecr: Ecr) -> Iterator[Document]:
    for each in ecr.vpcs:
        own = {"VpcId": each, "VpcName": "", "VpcOwnerId": uid(ecr.owner)}
        yield {**_association(call, ecr, each, "VPC"), **own}


def _of_transit_routers(call: Call, ecr: Ecr) -> Iterator[Document]:
    for cen_id in ecr.cens:
        router = transit_router_id(cen_id, _home(call, ecr))
        own = {
            "CenId": cen_id,
            "TransitRouterId": router,
            "TransitRouterName": "",
            "TransitRouterOwnerId": uid(ecr.owner),
        }
        yield {**_association(call, ecr, router, "TR"), **own}


def _routes(call: Call, ecr: Ecr) -> Iterator[Document]:
    """
    Yield the routes of an ECR, which takes BGP only; disabled ones are listed too.
    """
    network = call.cloud.network
    routes = (route for vbr in _vbrs(call, ecr) for route in learned(network, vbr, call.lost))
    for route, is_best in best(each for each in routes if not each.is_static):
        if is_best or call.cloud.settings.ecr_lists_all:
            yield _route(route.prefix, route.vbr.id, route.vbr.region, route.as_path)
    for vpc in ecr.vpcs:
        for prefix in ecr.vpc_prefixes:
            yield _route(prefix, vpc, _home(call, ecr), ())


def _route(prefix: str, hop: str, region: str, as_path: Sequence[str]) -> Document:
    return {
        "DestinationCidrBlock": prefix,
        "NexthopInstanceId": hop,
        "NexthopInstanceRegionId": region,
        "AsPath": f"[{','.join(as_path)}]",
        "Community": "",
        "Status": "ACTIVE",
    }


HANDLERS: dict[str, Callable[[Call], Document]] = {
    "DescribeExpressConnectRouter": routers,
    "DescribeExpressConnectRouterChildInstance": child_instances,
    "DescribeExpressConnectRouterAssociation": associations,
    "DescribeExpressConnectRouterRegion": regions,
    "DescribeExpressConnectRouterRouteEntries": route_entries,
    "DescribeDisabledExpressConnectRouterRouteEntries": disabled_route_entries,
    "DescribeExpressConnectRouterInterRegionTransitMode": transit_modes,
}
