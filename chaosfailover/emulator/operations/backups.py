"""
The Describe operations on what may carry or move traffic beside BGP: router interfaces, the health
checks of CENs, and VPNs.
"""

from collections.abc import Callable, Iterator, Mapping

from chaosfailover.emulator.error_codes import illegal
from chaosfailover.emulator.operations.call import Call, Document
from chaosfailover.emulator.operations.describe import document, narrowed, own, page
from chaosfailover.emulator.operations.filters import numbered_page
from chaosfailover.emulator.resource_fields import shown
from chaosfailover.emulator.resources import GATEWAY, INTERFACE, VBR, VPN, Resource

__all__ = ["HANDLERS"]

INTERFACE_FILTERS = (
    "RouterInterfaceId",
    "RouterId",
    "RouterType",
    "OppositeInterfaceId",
    "OppositeRouterType",
    "OppositeRouterId",
    "Status",
    "Name",
)
OF_HEALTH_CHECKS: Mapping[str, object] = {
    "HealthCheckSourceIp": "",
    "HealthCheckTargetIp": "",
    "HealthCheckInterval": 2,
    "HealthyThreshold": 8,
    "HealthCheckOnly": False,
    "Description": "",
}
"""
The fields of a CEN's health check, with their documented defaults.
"""
ROUTES_SINCE = 1_704_240_000_000


def router_interfaces(call: Call) -> Document:
    """
    List the account's router interfaces, without the state of their health checks.
    """
    interfaces = narrowed(call, own(call, INTERFACE), INTERFACE_FILTERS)
    listed, counts = numbered_page(interfaces, call.arguments)
    documents = [_without_health(document(call, each)) for each in listed]
    return {**counts, "RouterInterfaceSet": {"RouterInterfaceType": documents}}


def router_interface(call: Call) -> Document:
    """
    Show one router interface with the state of its health check.
    """
    interface = _named(call, INTERFACE, call.arguments["InstanceId"], "InstanceId")
    fields = dict(document(call, interface))
    if interface.id in call.down and fields["HealthCheckStatus"] != "NoHealthCheckConfig":
        fields["HealthCheckStatus"] = "Abnormal"
    return {**fields, "Success": True, "Code": "200", "Message": "successful"}


def health_checks(call: Call) -> Document:
    """
    List the health checks that CENs make of the account's VBRs; no field says what they see.
    """
    checks = [
        each
        for vbr in call.cloud.network.of(VBR, call.arguments["VbrInstanceRegionId"])
        for each in _health_checks_of(call, vbr)
    ]
    listed, counts = numbered_page(checks, call.arguments)
    return {**counts, "VbrHealthChecks": {"VbrHealthCheck": listed}}


def vpn_connections(call: Call) -> Document:
    """
    List the account's VPN connections.
    """
    names = ("VpnConnectionId", "VpnGatewayId", "CustomerGatewayId")
    return page(call, _with(call, VPN, names), "VpnConnections", "VpnConnection")


def vpn_gateways(call: Call) -> Document:
    """
    List the account's VPN gateways.
    """
    names = ("VpnGatewayId", "VpcId", "Status", "BusinessStatus")
    return page(call, _with(call, GATEWAY, names), "VpnGateways", "VpnGateway")


def vpn_routes(call: Call) -> Document:
    """
    List what a VPN connection has learned: nothing while its tunnel is down.
    """
    vpn = _named(call, VPN, call.arguments["VpnConnectionId"], "VpnConnectionId")
    kind = "bgp" if shown(vpn, "EnableTunnelsBgp") else "custom"
    carries = call.cloud.network.in_service(vpn.id)
    entries = [_vpn_route(vpn, prefix, kind) for prefix in vpn.routes.prefixes or () if carries]
    asked = call.arguments.get("RouteEntryType")
    listed, counts = numbered_page(entries if asked in (None, kind) else [], call.arguments)
    return {**counts, "VcoRouteEntries": listed}


def _vpn_route(vpn: Resource, prefix: str, kind: str) -> Document:
    return {
        "VpnConnectionId": vpn.id,
        "RouteDest": prefix,
        "NextHop": vpn.id,
        "RouteEntryType": kind,
        "Source": "VPN_BGP" if kind == "bgp" else "",
        "State": "published",
        "Weight": 0 if kind == "bgp" else 100,
        "AsPath": "65515" if kind == "bgp" else "",
        "Community": "",
        "CreateTime": ROUTES_SINCE,
    }


def _without_health(fields: Document) -> Document:
    return {name: value for name, value in fields.items() if name != "HealthCheckStatus"}


def _named(call: Call, kind: str, resource_id: str, parameter: str) -> Resource:
    for resource in own(call, kind):
        if resource.id == resource_id:
            return resource
    raise illegal(parameter)


def _with(call: Call, kind: str, names: tuple[str, ...]) -> list[Resource]:
    """
    Return the account's resources that show what the call asks for by these names.
    """
    asked = {name: value for name, value in call.arguments.items() if name in names and value}
    return [each for each in own(call, kind) if asked.items() <= document(call, each).items()]


def _health_checks_of(call: Call, vbr: Resource) -> Iterator[Document]:
    if vbr.owner != call.account or vbr.health_check is None:
        return
    for cen in vbr.cens:
        ids = {"CenId": cen, "VbrInstanceId": vbr.id}
        asked = {name: value for name, value in call.arguments.items() if name in ids and value}
        if asked.items() <= ids.items():
            yield {
                **OF_HEALTH_CHECKS,
                **vbr.health_check,
                **ids,
                "VbrInstanceRegionId": vbr.region,
            }


HANDLERS: dict[str, Callable[[Call], Document]] = {
    "DescribeRouterInterfaces": router_interfaces,
    "DescribeRouterInterfaceAttribute": router_interface,
    "DescribeCenVbrHealthCheck": health_checks,
    "DescribeVpnConnections": vpn_connections,
    "DescribeVpnGateways": vpn_gateways,
    "DescribeVcoRouteEntries": vpn_routes,
}
