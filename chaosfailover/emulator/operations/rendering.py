"""
Resources as the API shows them (API reference 5), misspelt fields included.
"""

from collections.abc import Callable, Mapping

from chaosfailover.emulator.resource_fields import DEFAULTS, shown
from chaosfailover.emulator.resources import (
    CIRCUIT,
    GATEWAY,
    GROUP,
    INTERFACE,
    PEER,
    VBR,
    VPN,
    Network,
    Resource,
)
from chaosfailover.emulator.route_entries import prefixes_of

__all__ = ["SHAPES", "border_router_of_circuit", "interface_id", "route_table_id", "uid"]

Fields = dict[str, object]


def _plain(resource: Resource) -> Fields:
    fields = {**DEFAULTS[resource.kind], **resource.fields}
    if resource.kind == VBR:
        fields |= {
            "RouteTableId": route_table_id(resource),
            "VlanInterfaceId": interface_id(resource),
        }
    return fields


def route_table_id(vbr: Resource) -> str:
    """
    Return the ID of a VBR's only route table.
    """
    return str(vbr.fields.get("RouteTableId") or f"vtb-{vbr.id.removeprefix('vbr-')}")


def interface_id(vbr: Resource) -> str:
    """
    Return the ID of a VBR's interface towards its circuit, the next hop of what it learns there.
    """
    return str(vbr.fields.get("VlanInterfaceId") or f"ri-{vbr.id.removeprefix('vbr-')}")


def circuit(network: Network, resource: Resource) -> Fields:
    """
    Write a circuit; a hosted one names its parent and that parent's owner.
    """
    fields = _plain(resource)
    fields["PhysicalConnectionId"] = resource.id
    hosted = sum(1 for _ in network.on(resource.id, CIRCUIT))
    fields["VirtualPhysicalConnectionCount"] = hosted
    if resource.below:
        fields["ProductType"] = "VirtualPhysicalConnection"
        fields["VpconnStatus"] = fields["VpconnStatus"] or "Confirmed"
        fields["ParentPhysicalConnectionAliUid"] = uid(network.resources[resource.below[0]].owner)
    fields["Tags"] = {"tags": _tags(resource)}
    return fields


def border_router(network: Network, resource: Resource) -> Fields:
    """
    Write a VBR with the state of its circuits and its attachments.
    """
    fields = _plain(resource)
    del fields["PConnVbrBussinessStatus"]
    first = network.resources[resource.below[0]]
    fields |= {
        "VbrId": resource.id,
        "PhysicalConnectionId": first.id,
        "PhysicalConnectionStatus": shown(first, "Status"),
        "PhysicalConnectionBusinessStatus": shown(first, "BusinessStatus"),
        "PhysicalConnectionOwnerUid": first.owner,
        "AccessPointId": fields["AccessPointId"] or shown(first, "AccessPointId"),
        "AssociatedCens": {"AssociatedCen": [_cen(resource, each) for each in resource.cens]},
        "AssociatedPhysicalConnections": {
            "AssociatedPhysicalConnection": [
                _associated(resource, network.resources[each]) for each in resource.below
            ]
        },
        "Tags": {"Tags": _tags(resource)},
    }
    if fields.get("EcrId"):
        fields.setdefault("EcrAttatchStatus", "Attached")
        fields.setdefault("EcrOwnerId", resource.owner)
    return fields


def border_router_of_circuit(resource: Resource, viewer: str) -> Fields:
    """
    Write a VBR as the owner of its circuit sees it (API reference 5.3).
    """
    fields = _plain(resource)
    same = (
        "Status Type VlanId LocalGatewayIp PeerGatewayIp PeeringSubnetMask EnableIpv6 EccId "
        "LocalIpv6GatewayIp PeerIpv6GatewayIp PeeringIpv6SubnetMask Bandwidth CreationTime "
        "ActivationTime PConnVbrChargeType PConnVbrExpireTime PConnVbrBussinessStatus"
    )
    own = resource.owner == viewer
    return {
        "VbrId": resource.id,
        "VbrName": fields["Name"],
        "VbrOwnerUid": "" if own else uid(resource.owner),
        "BandwidthStatus": "Active",
        **{name: fields[name] for name in same.split()},
    }


def group(_network: Network, resource: Resource) -> Fields:
    """
    Write a BGP group.
    """
    return {
        **_plain(resource),
        "BgpGroupId": resource.id,
        "RouterId": resource.below[0],
        "RegionId": resource.region,
    }


def peer(network: Network, resource: Resource) -> Fields:
    """
    Write a BGP peer; its session is Down if what it stands on is not in service.
    """
    parent = network.resources[resource.below[0]]
    fields = _plain(resource)
    if "ReceivedRouteCount" not in resource.fields:
        fields["ReceivedRouteCount"] = len(prefixes_of(resource))
    if fields["BgpStatus"] == "Established" and not network.in_service(resource.id):
        fields["BgpStatus"] = "Down"
    return {
        **fields,
        "BgpPeerId": resource.id,
        "BgpGroupId": parent.id,
        "RouterId": parent.below[0],
        "RegionId": resource.region,
    }


def router_interface(network: Network, resource: Resource) -> Fields:
    """
    Write a router interface; its health check asks the VBR opposite.
    """
    fields = _plain(resource)
    if not fields["HealthCheckTargetIp"]:
        fields["HealthCheckStatus"] = "NoHealthCheckConfig"
    elif not network.in_service(resource.below[0]):
        fields["HealthCheckStatus"] = "Abnormal"
    return {
        "HealthCheckStatus": "Normal",
        **fields,
        "RouterInterfaceId": resource.id,
        "OppositeRegionId": resource.region,
        "OppositeInterfaceOwnerId": resource.owner,
    }


def vpn_gateway(_network: Network, resource: Resource) -> Fields:
    """
    Write a VPN gateway.
    """
    return {**_plain(resource), "VpnGatewayId": resource.id}


def vpn_connection(_network: Network, resource: Resource) -> Fields:
    """
    Write a VPN connection, its keys included, as the cloud does.
    """
    return {**_plain(resource), "VpnConnectionId": resource.id}


def uid(owner: str) -> int | str:
    """
    Write the ID of an account, a number wherever it is one.
    """
    return int(owner) if owner.isdigit() else owner


def _tags(resource: Resource) -> list[Mapping[str, str]]:
    return [{"Key": key, "Value": value} for key, value in resource.tags.items()]


def _cen(resource: Resource, cen_id: str) -> Fields:
    return {"CenId": cen_id, "CenOwnerId": uid(resource.owner), "CenStatus": "Attached"}


def _associated(router: Resource, on: Resource) -> Fields:
    fields = _plain(router)
    same = ("Status", "VlanInterfaceId", "LocalGatewayIp", "PeerGatewayIp")
    return {
        "PhysicalConnectionId": on.id,
        "PhysicalConnectionStatus": shown(on, "Status"),
        "PhysicalConnectionBusinessStatus": shown(on, "BusinessStatus"),
        "PhysicalConnectionOwnerUid": on.owner,
        **{name: fields[name] for name in same},
        "VlanId": str(fields["VlanId"]),
    }


SHAPES: dict[str, Callable[[Network, Resource], Fields]] = {
    CIRCUIT: circuit,
    VBR: border_router,
    GROUP: group,
    PEER: peer,
    INTERFACE: router_interface,
    GATEWAY: vpn_gateway,
    VPN: vpn_connection,
}
