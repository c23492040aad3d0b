"""
The API fields of resources: their defaults, their types, and who may set them.

A new field of a circuit, VBR, BGP group or peer is one entry of `DEFAULTS`, or of `OPTIONAL` when
a resource without it does not show it. Those of router interfaces and of VPNs are in
`backup_fields.py`.
"""

from typing import Any

from chaosfailover.emulator import backup_fields
from chaosfailover.emulator.resources import (
    BELOW,
    CIRCUIT,
    GATEWAY,
    GROUP,
    INTERFACE,
    KINDS,
    PEER,
    VBR,
    VPN,
    Entry,
    Resource,
    Routes,
)
from chaosfailover.emulator.schema import (
    PREFIX,
    TEXT,
    TRUTH,
    Schema,
    integer,
    listing,
    record,
    scalar,
    table,
)

__all__ = ["CHANGES", "DEFAULTS", "FIELDS", "OVERLAYS", "REGION", "shown"]

DEFAULTS: dict[str, dict[str, object]] = {
    CIRCUIT: {
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
        "MinTxInterval": 1000,
        "MinRxInterval": 1000,
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
        "AuthKey": "",
    },
    PEER: {
        "BgpGroupId": "",
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
        "GmtModified": "2024-01-03T00:00:00Z",
        "AuthKey": "",
    },
    **backup_fields.DEFAULTS,
}

OPTIONAL: dict[str, dict[str, Schema[object]]] = {
    CIRCUIT: {"Tags": table(TEXT), "AdDetailLocation": TEXT, "ReservationActiveTime": TEXT},
    VBR: {"Tags": table(TEXT), "EcrId": TEXT, "EcrAttatchStatus": TEXT, "EcrOwnerId": TEXT},
    **backup_fields.OPTIONAL,
}
"""
Fields that are absent unless they are set.
"""


def _as_number(value: object) -> str | None:
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    return str(number) if type(number) is int and 1 <= number < 2**32 else None


DISPLAYED: dict[str, dict[str, Schema[object]]] = {
    VBR: {"PhysicalConnectionStatus": TEXT, "PhysicalConnectionBusinessStatus": TEXT},
}
"""
Fields that only an overlay can set.
"""

ROUTES = ("prefixes", "as_path", "prepend", "static_routes")
OWN: dict[str, dict[str, Schema[object]]] = {
    CIRCUIT: {"owner": TEXT},
    VBR: {
        "owner": TEXT,
        "cens": listing(TEXT),
        "circuits": listing(TEXT),
        "static_routes": listing(PREFIX),
        "health_check": backup_fields.HEALTH_CHECK,
    },
    GROUP: {"owner": TEXT, "default": TRUTH},
    PEER: {
        "owner": TEXT,
        "prefixes": listing(PREFIX),
        "as_path": listing(scalar("an AS number", _as_number)),
        "prepend": integer(0, 10),
    },
    INTERFACE: {"owner": TEXT},
    GATEWAY: {"owner": TEXT},
    VPN: {"owner": TEXT, "prefixes": listing(PREFIX)},
}
"""
Keys of the topology that are no API fields.
"""


def shown(resource: Resource, name: str) -> object:
    """
    Return the value of a field: the topology's, or the default.
    """
    return resource.fields.get(name, DEFAULTS[resource.kind].get(name))


def _timer(least: int, most: int, zero: str) -> Schema[int]:
    """
    Make the schema of a timer, with the meaning of 0.
    """
    return scalar(
        f"a whole number from {least} to {most}, or 0 for {zero}",
        lambda value: (
            value if type(value) is int and (value == 0 or least <= value <= most) else None
        ),
    )


def _hold(value: object, place: str) -> str:
    """
    Read a hold time, which the API writes as text.
    """
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    return str(_timer(3, 65535, "none")(number, place))


def _schema(default: object) -> Schema[object]:
    """
    Return the schema of a field with this default.
    """
    if isinstance(default, bool):
        return TRUTH
    return integer(0, 2**63) if isinstance(default, int) else TEXT


TIMERS: dict[str, Schema[object]] = {
    "MinTxInterval": _timer(200, 1000, "the default of 1000"),
    "MinRxInterval": _timer(200, 1000, "the default of 1000"),
    "DetectMultiplier": _timer(3, 10, "the default of 3"),
    "Hold": _hold,
}
"""
Fields with limits (ModifyVirtualBorderRouterAttribute; RFC 4271, 4.2).
"""


def _fields(kind: str) -> dict[str, Schema[object]]:
    special = {**TIMERS, **backup_fields.LITERALS.get(kind, {})}
    return {name: special.get(name, _schema(default)) for name, default in DEFAULTS[kind].items()}


def _entry(**values: Any) -> Entry:
    own = {name: value for name, value in values.items() if name.islower()}
    fields = {name: value for name, value in values.items() if name not in own}
    routes = {each: own.pop(each) for each in ROUTES if each in own}
    return Entry(fields, routes=Routes(**routes), **own)


FIELDS = {kind: {**_fields(kind), **OPTIONAL.get(kind, {})} for kind in DEFAULTS}
CHANGES = {
    kind: record(
        dict[str, object],
        {name: each for name, each in FIELDS[kind].items() if name != BELOW[kind]},
    )
    for kind in DEFAULTS
}
"""
Resource type -> the schema of a change at runtime, which cannot move a resource.
"""
OVERLAYS = record(
    dict[str, dict[str, object]],
    {
        kind: record(dict[str, object], {**_fields(kind), **DISPLAYED.get(kind, {})})
        for kind in DEFAULTS
    },
)
"""
The schema of the setting `while_testing`.
"""
REGION = record(
    dict[str, dict[str, Entry]],
    {
        plural: table(record(_entry, {**FIELDS[kind], **OWN[kind]}))
        for plural, kind in KINDS.items()
    },
)
