"""
The Describe operations on the network: circuits, VBRs, BGP groups and peers, regions.
"""

from collections.abc import Callable, Sequence

from chaosfailover.emulator.error_codes import illegal
from chaosfailover.emulator.operations.call import Call, Document
from chaosfailover.emulator.operations.filters import filtered, numbered_page, tagged
from chaosfailover.emulator.operations.rendering import SHAPES, border_router_of_circuit
from chaosfailover.emulator.resource_fields import shown
from chaosfailover.emulator.resources import CIRCUIT, GROUP, PEER, VBR, Resource

__all__ = ["HANDLERS", "document", "narrowed", "own", "page"]

Getter = Callable[[Resource], tuple[object, ...]]


def circuits(call: Call) -> Document:
    """
    List the account's circuits.
    """
    resources = narrowed(call, own(call, CIRCUIT), CIRCUIT_FILTERS)
    return page(call, resources, "PhysicalConnectionSet", "PhysicalConnectionType")


def border_routers(call: Call) -> Document:
    """
    List the account's VBRs, on request with other accounts' VBRs on its circuits.
    """
    foreign = bool(call.arguments.get("IncludeCrossAccountVbr"))
    network = call.cloud.network
    resources = [
        each
        for each in network.of(VBR, call.region)
        if each.owner == call.account
        or (foreign and call.account in {network.resources[below].owner for below in each.below})
    ]
    resources = narrowed(call, resources, VBR_FILTERS)
    return page(call, resources, "VirtualBorderRouterSet", "VirtualBorderRouterType")


def border_routers_of(call: Call) -> Document:
    """
    List the VBRs on one of the account's circuits, also those of other accounts.
    """
    network = call.cloud.network
    circuit = network.resources.get(call.arguments["PhysicalConnectionId"])
    if circuit is None or circuit not in own(call, CIRCUIT):
        raise illegal("PhysicalConnectionId")
    resources = narrowed(call, list(network.on(circuit.id, VBR)), VBR_FILTERS)
    listed, counts = numbered_page(resources, call.arguments)
    inner = [border_router_of_circuit(each, call.account) for each in listed]
    name = "VirtualBorderRouterForPhysicalConnection"
    return {**counts, f"{name}Set": {f"{name}Type": inner}}


def bgp_groups(call: Call) -> Document:
    """
    List BGP groups, by VBR or ID.
    """
    return page(call, _of_router(call, GROUP, "BgpGroupId"), "BgpGroups", "BgpGroup")


def bgp_peers(call: Call) -> Document:
    """
    List BGP peers, by VBR, group or ID.
    """
    return page(call, _of_router(call, PEER, "BgpPeerId"), "BgpPeers", "BgpPeer")


def regions(call: Call) -> Document:
    """
    List the regions of the topology.
    """
    listed = [
        {"RegionId": each, "LocalName": each, "RegionEndpoint": f"vpc.{each}.aliyuncs.com"}
        for each in call.cloud.network.regions
    ]
    return {"Regions": {"Region": listed}}


def own(call: Call, kind: str) -> list[Resource]:
    """
    Return the account's resources of a kind in the region of a call.
    """
    return [each for each in call.cloud.network.of(kind, call.region) if each.owner == call.account]


def _of_router(call: Call, kind: str, id_name: str) -> list[Resource]:
    shape, network = SHAPES[kind], call.cloud.network
    requested = {
        name: value
        for name, value in call.arguments.items()
        if value and name in ("RouterId", "BgpGroupId", id_name)
    }
    default = call.arguments.get("IsDefault")
    return [
        each
        for each in own(call, kind)
        if default in (None, _is_default(call, each))
        and requested.items() <= shape(network, each).items()
    ]


def _is_default(call: Call, resource: Resource) -> bool:
    group = resource if resource.kind == GROUP else call.cloud.network.resources[resource.below[0]]
    return group.default


def narrowed(call: Call, resources: Sequence[Resource], keys: Sequence[str]) -> list[Resource]:
    """
    Return the resources that match the call's filters, tags and resource group.
    """
    fuzzy, getters = call.cloud.settings.fuzzy_names, _getters(call, keys)
    matching = filtered(resources, call.arguments.get("Filter", ()), getters, fuzzy=fuzzy)
    group = call.arguments.get("ResourceGroupId")
    return [
        each
        for each in tagged(matching, call.arguments.get("Tags", ()))
        if not group or shown(each, "ResourceGroupId") == group
    ]


def page(call: Call, resources: Sequence[Resource], outer: str, inner: str) -> Document:
    """
    Write the page of resources that a call asks for.
    """
    listed, counts = numbered_page(resources, call.arguments)
    return {**counts, outer: {inner: [document(call, each) for each in listed]}}


def document(call: Call, resource: Resource) -> Document:
    """
    Write a resource, with the fields that settings and faults overlay during and after a cut.
    """
    settings = call.cloud.settings
    overlay = settings.while_testing.get(resource.kind, {}) if resource.id in call.down else {}
    after = call.fields_after.get(resource.id, {})
    return {**SHAPES[resource.kind](call.cloud.network, resource), **overlay, **after}


SHARED = ("PhysicalConnectionId", "AccessPointId", "Status", "Name")
CIRCUIT_FILTERS = (*SHARED, "Type", "LineOperator", "Spec", "ProductType")
VBR_FILTERS = (*SHARED, "VbrId", "eccId", "type")
"""
The filter keys; each compares the field of its name, written with a capital.
"""


def _getters(call: Call, keys: Sequence[str]) -> dict[str, Getter]:
    def getter(key: str) -> Getter:
        field = key[0].upper() + key[1:]
        return lambda resource: (document(call, resource)[field],)

    getters = {key: getter(key) for key in keys}
    if "VbrId" in keys:
        getters["PhysicalConnectionId"] = lambda resource: resource.below
    return getters


HANDLERS: dict[str, Callable[[Call], Document]] = {
    "DescribePhysicalConnections": circuits,
    "DescribeVirtualBorderRouters": border_routers,
    "DescribeVirtualBorderRoutersForPhysicalConnection": border_routers_of,
    "DescribeBgpGroups": bgp_groups,
    "DescribeBgpPeers": bgp_peers,
    "DescribeRegions": regions,
}
