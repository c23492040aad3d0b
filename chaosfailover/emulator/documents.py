"""
Resources written as the API shows them (API reference 5), naming quirks included.
"""

from collections.abc import Callable, Mapping
from typing import Any

from chaosfailover.emulator.network import CIRCUIT, GROUP, PEER, VBR, Network, Resource

__all__ = ["DEFAULTS", "SHAPES", "border_router_of_circuit", "shown"]

Fields = dict[str, Any]

DEFAULTS: dict[str, Fields] = {
    CIRCUIT: {
        "PhysicalConnectionId": "",
        "Name": "",
        "Description": "",
        "Status": "Enabled",
        "BusinessStatus": "Normal",
        "Type": "VPC",
        "ProductType": "PhysicalConnection",
        "AccessPointId": "",
        "AccessPointType": "VPC",
        "RedundantPhysicalConnectionId": "",
        "Bandwidth": 10,
        "Spec": "10G",
        "PortType": "10GBase-LR",
        "PortNumber": "1/1/1",
        "LineOperator": "CT",
        "CircuitCode": "",
        "PeerLocation": "",
        "AdLocation": "",
        "ChargeType": "Prepaid",
        "CreationTime": "2024-01-01T00:00:00Z",
        "EnabledTime": "2024-01-02T00:00:00Z",
        "EndTime": "2034-01-01T16:00:00Z",
        "HasReservationData": "false",
        "LoaStatus": "Available",
        "ParentPhysicalConnectionId": "",
        "OrderMode": "PayByPhysicalConnectionOwner",
        "VlanId": "",
        "VpconnStatus": "",
        "ExpectSpec": "",
        "QosId": "",
        "ResourceGroupId": "rg-default",
    },
    VBR: {
        "VbrId": "",
        "Name": "",
        "Description": "",
        "Status": "active",
        "Type": "pconnVBR",
        "PhysicalConnectionId": "",
        "PConnVbrBussinessStatus": "Normal",
        "AccessPointId": "",
        "VlanId": 10,
        "VlanInterfaceId": "",
        "RouteTableId": "",
        "Bandwidth": 50,
        "Mtu": 1500,
        "LocalGatewayIp": "10.0.0.1",
        "PeerGatewayIp": "10.0.0.2",
        "PeeringSubnetMask": "255.255.255.252",
        "EnableIpv6": False,
        "LocalIpv6GatewayIp": "",
        "PeerIpv6GatewayIp": "",
        "PeeringIpv6SubnetMask": "",
        "MinTxInterval": 300,
        "MinRxInterval": 300,
        "DetectMultiplier": 3,
        "SitelinkEnable": False,
        "EccId": "",
        "CreationTime": "2024-01-03T00:00:00",
        "ActivationTime": "2024-01-03T00:00:00",
        "PConnVbrChargeType": "PrePaid",
        "PConnVbrExpireTime": "2034-01-01T16:00:00",
        "ResourceGroupId": "rg-default",
    },
    GROUP: {
        "BgpGroupId": "",
        "RouterId": "",
        "Name": "",
        "Description": "",
        "Status": "Available",
        "IpVersion": "IPv4",
        "LocalAsn": "45104",
        "PeerAsn": "65515",
        "IsFake": "false",
        "Hold": "30",
        "Keepalive": "10",
        "RouteLimit": "110",
        "RegionId": "",
        "AuthKey": "",
    },
    PEER: {
        "BgpPeerId": "",
        "BgpGroupId": "",
        "RouterId": "",
        "Name": "",
        "Description": "",
        "Status": "Available",
        "BgpStatus": "Established",
        "PeerIpAddress": "10.0.0.2",
        "PeerAsn": "65515",
        "LocalAsn": "45104",
        "IsFake": False,
        "EnableBfd": True,
        "BfdMultiHop": 3,
        "IpVersion": "ipv4",
        "Hold": "30",
        "Keepalive": "10",
        "RouteLimit": "110",
        "AdvertisedRouteCount": 1,
        "ReceivedRouteCount": 3,
        "RegionId": "",
        "GmtModified": "2024-01-03T00:00:00Z",
        "AuthKey": "",
    },
}
"""
What a resource shows where the topology says nothing.
"""


def shown(resource: Resource, name: str) -> Any:
    """
    Return the value of one field: the topology's or the default.
    """
    return resource.fields.get(name, DEFAULTS[resource.kind].get(name))


def _plain(resource: Resource) -> Fields:
    given = {name: value for name, value in resource.fields.items() if name[0].isupper()}
    return {**DEFAULTS[resource.kind], **given}


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
        fields["ParentPhysicalConnectionAliUid"] = _uid(network.resources[resource.below[0]])
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
        "AssociatedCens": {"AssociatedCen": [_cen(resource, each) for each in _cens(resource)]},
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
        "VbrOwnerUid": "" if own else _uid(resource),
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
    Write a BGP peer; its router is its group's.
    """
    parent = network.resources[resource.below[0]]
    return {
        **_plain(resource),
        "BgpPeerId": resource.id,
        "BgpGroupId": parent.id,
        "RouterId": parent.below[0],
        "RegionId": resource.region,
    }


def _uid(resource: Resource) -> int | str:
    return int(resource.owner) if resource.owner.isdigit() else resource.owner


def _tags(resource: Resource) -> list[Mapping[str, str]]:
    tags: Mapping[str, str] = resource.fields.get("Tags", {})
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _cens(resource: Resource) -> tuple[str, ...]:
    return tuple(resource.fields.get("cens", ()))


def _cen(resource: Resource, cen_id: str) -> Fields:
    return {"CenId": cen_id, "CenOwnerId": _uid(resource), "CenStatus": "Attached"}


def _associated(router: Resource, on: Resource) -> Fields:
    fields = _plain(router)
    return {
        "PhysicalConnectionId": on.id,
        "PhysicalConnectionStatus": shown(on, "Status"),
        "PhysicalConnectionBusinessStatus": shown(on, "BusinessStatus"),
        "PhysicalConnectionOwnerUid": on.owner,
        "Status": fields["Status"],
        "VlanId": str(fields["VlanId"]),
        "VlanInterfaceId": fields["VlanInterfaceId"],
        "LocalGatewayIp": fields["LocalGatewayIp"],
        "PeerGatewayIp": fields["PeerGatewayIp"],
    }


SHAPES: dict[str, Callable[[Network, Resource], Fields]] = {
    CIRCUIT: circuit,
    VBR: border_router,
    GROUP: group,
    PEER: peer,
}
