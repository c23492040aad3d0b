"""
The Describe operations on the network: circuits, VBRs, BGP groups and peers, regions.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chaosfailover.emulator.operations.call import Call, Document
from chaosfailover.emulator.operations.filters import kept, numbered_page, tagged
from chaosfailover.emulator.operations.rendering import SHAPES, border_router_of_circuit, shown
from chaosfailover.emulator.refusals import illegal
from chaosfailover.emulator.resources import CIRCUIT, GROUP, PEER, VBR, Resource

__all__ = ["bgp_groups", "bgp_peers", "border_routers", "border_routers_of", "circuits", "regions"]

Getter = Callable[[Resource], tuple[Any, ...]]


def circuits(call: Call) -> Document:
    """
    List the account's circuits.
    """
    found = _narrowed(call, _own(call, CIRCUIT), _getters(call, CIRCUIT_FILTERS))
    return _pages(call, found, "PhysicalConnectionSet", "PhysicalConnectionType")


def border_routers(call: Call) -> Document:
    """
    List the account's VBRs, on request with other accounts' VBRs on its circuits.
    """
    found = _own(call, VBR)
    if call.arguments.get("IncludeCrossAccountVbr"):
        found = [
            each
            for each in call.cloud.network.of(VBR, call.region)
            if each.owner == call.account or _is_on_own_circuit(call, each)
        ]
    found = _narrowed(call, found, _getters(call, VBR_FILTERS))
    return _pages(call, found, "VirtualBorderRouterSet", "VirtualBorderRouterType")


def border_routers_of(call: Call) -> Document:
    """
    List the VBRs on one of the account's circuits, other accounts' included.
    """
    network = call.cloud.network
    circuit = network.resources.get(call.arguments["PhysicalConnectionId"])
    if circuit is None or circuit not in _own(call, CIRCUIT):
        raise illegal("PhysicalConnectionId")
    found = _narrowed(call, list(network.on(circuit.id, VBR)), _getters(call, VBR_FILTERS))
    page, counts = numbered_page(found, call.arguments)
    inner = [border_router_of_circuit(each, call.account) for each in page]
    name = "VirtualBorderRouterForPhysicalConnection"
    return {**counts, f"{name}Set": {f"{name}Type": inner}}


def bgp_groups(call: Call) -> Document:
    """
    List BGP groups, by VBR or ID.
    """
    return _pages(call, _of_router(call, GROUP, "BgpGroupId"), "BgpGroups", "BgpGroup")


def bgp_peers(call: Call) -> Document:
    """
    List BGP peers, by VBR, group or ID.
    """
    return _pages(call, _of_router(call, PEER, "BgpPeerId"), "BgpPeers", "BgpPeer")


def regions(call: Call) -> Document:
    """
    List the regions of the topology.
    """
    found = [
        {"RegionId": each, "LocalName": each, "RegionEndpoint": f"vpc.{each}.aliyuncs.com"}
        for each in call.cloud.network.regions
    ]
    return {"Regions": {"Region": found}}


def _own(call: Call, kind: str) -> list[Resource]:
    return [each for each in call.cloud.network.of(kind, call.region) if each.owner == call.account]


def _is_on_own_circuit(call: Call, router: Resource) -> bool:
    network = call.cloud.network
    return any(network.resources[below].owner == call.account for below in router.below)


def _of_router(call: Call, kind: str, id_name: str) -> list[Resource]:
    shape, network = SHAPES[kind], call.cloud.network
    wanted = {
        name: value
        for name, value in call.arguments.items()
        if value and name in ("RouterId", "BgpGroupId", id_name)
    }
    default = call.arguments.get("IsDefault")
    found = [each for each in _own(call, kind) if default in (None, _is_default(call, each))]
    return [each for each in found if wanted.items() <= shape(network, each).items()]


def _is_default(call: Call, resource: Resource) -> bool:
    group = resource if resource.kind == GROUP else call.cloud.network.resources[resource.below[0]]
    return bool(group.fields.get("default"))


def _narrowed(
    call: Call, found: Sequence[Resource], getters: Mapping[str, Getter]
) -> list[Resource]:
    fuzzy = call.cloud.settings.fuzzy_names
    found = kept(found, call.arguments.get("Filter", ()), getters, fuzzy=fuzzy)
    found = tagged(found, call.arguments.get("Tags", ()))
    group = call.arguments.get("ResourceGroupId")
    return [each for each in found if not group or shown(each, "ResourceGroupId") == group]


def _pages(call: Call, found: Sequence[Resource], outer: str, inner: str) -> Document:
    page, counts = numbered_page(found, call.arguments)
    return {**counts, outer: {inner: [_document(call, each) for each in page]}}


def _document(call: Call, resource: Resource) -> Document:
    """
    Write a resource as it looks now, with what the settings show of a cut one.
    """
    cloud = call.cloud
    fields = SHAPES[resource.kind](cloud.network, resource)
    if resource.id in call.down:
        fields |= cloud.settings.while_testing.get(resource.kind, {})
    return fields


CIRCUIT_FILTERS = {
    "PhysicalConnectionId": "PhysicalConnectionId",
    "AccessPointId": "AccessPointId",
    "Type": "Type",
    "LineOperator": "LineOperator",
    "Spec": "Spec",
    "Status": "Status",
    "Name": "Name",
    "ProductType": "ProductType",
}
VBR_FILTERS = {
    "PhysicalConnectionId": "PhysicalConnectionId",
    "VbrId": "VbrId",
    "Status": "Status",
    "Name": "Name",
    "AccessPointId": "AccessPointId",
    "eccId": "EccId",
    "type": "Type",
}
"""
Filter key -> field of the document that it looks at.
"""


def _getters(call: Call, names: Mapping[str, str]) -> dict[str, Getter]:
    def getter(field: str) -> Getter:
        return lambda resource: (_document(call, resource)[field],)

    found = {key: getter(field) for key, field in names.items()}
    if "VbrId" in names:
        found["PhysicalConnectionId"] = lambda resource: resource.below
    return found
