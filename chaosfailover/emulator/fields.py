"""
The fields of the API that resources have: which a topology sets, the admin interface changes, and
the setting `while_testing` overlays, each with its type.
"""

from typing import Any

from chaosfailover.emulator.defaults import DEFAULTS
from chaosfailover.emulator.resources import BELOW, CIRCUIT, GROUP, PEER, VBR
from chaosfailover.emulator.schema import TEXT, TRUTH, Schema, integer, listing, record, table

__all__ = ["CHANGES", "FIELDS", "OVERLAYS", "REGION"]

OPTIONAL: dict[str, dict[str, Schema]] = {
    CIRCUIT: {"Tags": table(TEXT), "AdDetailLocation": TEXT, "ReservationActiveTime": TEXT},
    VBR: {"Tags": table(TEXT), "EcrId": TEXT, "EcrAttatchStatus": TEXT, "EcrOwnerId": TEXT},
    GROUP: {},
    PEER: {},
}
"""
Fields that are absent unless they are set.
"""

DERIVED: dict[str, tuple[str, ...]] = {
    CIRCUIT: ("PhysicalConnectionId",),
    VBR: ("VbrId",),
    GROUP: ("BgpGroupId", "RegionId"),
    PEER: ("BgpPeerId", "RouterId", "RegionId"),
}
"""
Fields that follow from a resource's place in the topology.
"""

LOOKS: dict[str, dict[str, Schema]] = {
    CIRCUIT: {},
    VBR: {"PhysicalConnectionStatus": TEXT, "PhysicalConnectionBusinessStatus": TEXT},
    GROUP: {},
    PEER: {},
}

OWN: dict[str, dict[str, Schema]] = {
    CIRCUIT: {"owner": TEXT},
    VBR: {"owner": TEXT, "cens": listing(TEXT), "circuits": listing(TEXT)},
    GROUP: {"owner": TEXT, "default": TRUTH},
    PEER: {"owner": TEXT},
}
"""
Keys of the emulator's own.
"""


def _schema(default: Any) -> Schema:
    """
    Return the schema of a field whose default is given.
    """
    if isinstance(default, bool):
        return TRUTH
    return integer(0, 2**63) if isinstance(default, int) else TEXT


def _fields(kind: str) -> dict[str, Schema]:
    typed = {name: _schema(default) for name, default in DEFAULTS[kind].items()}
    return {name: each for name, each in typed.items() if name not in DERIVED[kind]}


FIELDS = {kind: {**_fields(kind), **OPTIONAL[kind]} for kind in DEFAULTS}
CHANGES = {
    kind: record({name: each for name, each in FIELDS[kind].items() if name != BELOW[kind]})
    for kind in DEFAULTS
}
"""
Resource type -> what may change while the emulator runs; what stands on what may not.
"""
OVERLAYS = record({kind: record({**_fields(kind), **LOOKS[kind]}) for kind in DEFAULTS})
REGION = record(
    {
        plural: table(record({**FIELDS[kind], **OWN[kind]}))
        for plural, kind in (
            *(("circuits", CIRCUIT), ("vbrs", VBR)),
            *(("bgp_groups", GROUP), ("bgp_peers", PEER)),
        )
    }
)
