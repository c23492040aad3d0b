"""
The API fields of what may carry beside BGP over a circuit: router interfaces, health checks, VPNs.
"""

from chaosfailover.emulator.resources import GATEWAY, INTERFACE, VPN
from chaosfailover.emulator.schema import TEXT, TRUTH, Schema, integer, listing, one_of, record

__all__ = ["DEFAULTS", "HEALTH_CHECK", "LITERALS", "OPTIONAL"]

IKE: dict[str, object] = {
    "Psk": "emulated-pre-shared-key",
    "IkeVersion": "ikev2",
    "IkeMode": "main",
    "IkeLifetime": 86400,
}
"""
The pre-shared key appears in replies, as it does in those of the cloud.
"""

DEFAULTS: dict[str, dict[str, object]] = {
    INTERFACE: {
        "Name": "",
        "Description": "",
        "RouterType": "VRouter",
        "RouterId": "vrt-emulated",
        "VpcInstanceId": "vpc-emulated",
        "Role": "InitiatingSide",
        "Status": "Active",
        "BusinessStatus": "Normal",
        "Spec": "Large.1",
        "Bandwidth": 1024,
        "ChargeType": "AfterPay",
        "CreationTime": "2024-01-03T00:00:00Z",
        "HcRate": 0,
        "HcThreshold": 0,
        "HealthCheckSourceIp": "",
        "HealthCheckTargetIp": "",
        "OppositeRouterType": "VBR",
        "OppositeRouterId": "",
        "OppositeInterfaceId": "",
        "OppositeInterfaceStatus": "Active",
        "OppositeBandwidth": 1024,
        "ResourceGroupId": "rg-default",
    },
    GATEWAY: {
        "Name": "",
        "Description": "",
        "Status": "active",
        "BusinessStatus": "Normal",
        "Spec": "200M",
        "VpcId": "vpc-emulated",
        "InternetIp": "192.0.2.1",
        "NetworkType": "public",
        "IpsecVpn": "enable",
        "EnableBgp": True,
        "AutoPropagate": True,
        "CreateTime": 1_704_240_000_000,
        "ResourceGroupId": "rg-default",
    },
    VPN: {
        "Name": "",
        "VpnGatewayId": "",
        "AttachType": "CEN",
        "AttachInstanceId": "",
        "TransitRouterId": "",
        "State": "attached",
        "Status": "ipsec_sa_established",
        "NetworkType": "public",
        "Spec": "1000M",
        "TunnelBandwidth": "Standard",
        "CreateTime": 1_704_240_000_000,
        "LocalSubnet": "0.0.0.0/0",
        "RemoteSubnet": "0.0.0.0/0",
        "EnableDpd": True,
        "EnableTunnelsBgp": True,
        "EffectImmediately": True,
        "InternetIp": "192.0.2.2",
        "CustomerGatewayId": "cgw-emulated",
        "IkeConfig": IKE,
        "VcoHealthCheck": {"Enable": "false"},
        "VpnBgpConfig": {"Status": "success", "LocalAsn": 45104, "PeerAsn": 65515},
        "ResourceGroupId": "rg-default",
    },
}

SA = one_of(
    "ike_sa_not_established",
    "ike_sa_established",
    "ipsec_sa_not_established",
    "ipsec_sa_established",
)
ASN = integer(1, 2**32 - 1)
FIELDS = dict[str, object]
TUNNEL = record(
    FIELDS,
    {
        "TunnelId": TEXT,
        "TunnelIndex": integer(1, 2),
        "Role": one_of("master", "slave"),
        "State": one_of("active", "updating", "deleting"),
        "Status": SA,
        "EnableDpd": TEXT,
        "InternetIp": TEXT,
        "ZoneNo": TEXT,
        "CustomerGatewayId": TEXT,
        "TunnelBgpConfig": record(
            FIELDS,
            {"BgpStatus": TEXT, "LocalAsn": TEXT, "PeerAsn": TEXT, "TunnelCidr": TEXT},
        ),
    },
)
LITERALS: dict[str, dict[str, Schema[object]]] = {
    INTERFACE: {"HcThreshold": integer(0, 8), "Role": one_of("InitiatingSide", "AcceptingSide")},
    GATEWAY: {
        "Status": one_of("init", "provisioning", "active", "updating", "deleting"),
        "BusinessStatus": one_of("Normal", "FinancialLocked"),
    },
    VPN: {
        "Status": SA,
        "AttachType": one_of("CEN", "NO_ASSOCIATED", "VPNGW"),
        "TunnelBandwidth": one_of("Standard", "Large"),
        "IkeConfig": record(
            FIELDS,
            {name: integer(0, 86400) if name == "IkeLifetime" else TEXT for name in IKE},
        ),
        "VcoHealthCheck": record(
            FIELDS,
            {
                "Enable": one_of("true", "false"),
                "Status": one_of("success", "failed"),
                "Sip": TEXT,
                "Dip": TEXT,
                "Interval": integer(1, 60),
                "Retry": integer(1, 60),
                "Policy": one_of("revoke_route", "reserve_route"),
            },
        ),
        "VpnBgpConfig": record(
            FIELDS,
            {
                "Status": TEXT,
                "LocalAsn": ASN,
                "PeerAsn": ASN,
                "LocalBgpIp": TEXT,
                "PeerBgpIp": TEXT,
                "TunnelCidr": TEXT,
                "AuthKey": TEXT,
            },
        ),
    },
}
"""
The schemas of fields whose values are limited or nested.
"""

OPTIONAL: dict[str, dict[str, Schema[object]]] = {
    INTERFACE: {
        "HealthCheckStatus": one_of(
            "Normal", "Abnormal", "NoRedundantRoute", "NoHealthCheckConfig"
        ),
    },
    VPN: {
        "TunnelOptionsSpecification": record(FIELDS, {"TunnelOptions": listing(TUNNEL, least=1)})
    },
}

HEALTH_CHECK = record(
    FIELDS,
    {
        "HealthCheckSourceIp": TEXT,
        "HealthCheckTargetIp": TEXT,
        "HealthCheckInterval": integer(2, 3),
        "HealthyThreshold": integer(3, 8),
        "HealthCheckOnly": TRUTH,
        "Description": TEXT,
    },
)
"""
The health check of a VBR by its CEN: API reference of EnableCenVbrHealthCheck.
"""
