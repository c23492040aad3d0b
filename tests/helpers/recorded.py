"""
Networks as the API describes them: replies in the documented shape, one file per network.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from places import DATA

from chaosfailover.network.paths import Path, paths

__all__ = ["MISSING", "Network", "recorded"]

MISSING = object()
WRAPPERS = {
    "DescribePhysicalConnections": ("PhysicalConnectionSet", "PhysicalConnectionType"),
    "DescribeVirtualBorderRouters": ("VirtualBorderRouterSet", "VirtualBorderRouterType"),
    "DescribeBgpPeers": ("BgpPeers", "BgpPeer"),
}
IDS = ("PhysicalConnectionId", "VbrId", "BgpPeerId")


@dataclass(frozen=True)
class Network:
    """
    The items of the three operations.
    """

    circuits: list[Any]
    vbrs: list[Any]
    bgp_peers: list[Any]

    def paths(self) -> list[Path]:
        """
        Return the paths that the items describe.
        """
        return paths(self.circuits, self.vbrs, self.bgp_peers)

    def changed(self, name: str, /, **fields: object) -> "Network":
        """
        Return the network with fields of one item set, or left out if `MISSING`.
        """
        copy = deepcopy(self)
        kinds = zip(IDS, (copy.circuits, copy.vbrs, copy.bgp_peers), strict=True)
        (item,) = (item for key, items in kinds for item in items if item[key] == name)
        item.update(fields)
        for key in [key for key, value in fields.items() if value is MISSING]:
            del item[key]
        return copy

    def without(self, *names: str) -> "Network":
        """
        Return the network without these items.
        """
        kinds = zip(IDS, (self.circuits, self.vbrs, self.bgp_peers), strict=True)
        return Network(
            *([item for item in items if item[key] not in names] for key, items in kinds)
        )


def recorded(name: str) -> Network:
    """
    Return the network of a file, all pages of each reply in a row.
    """
    file = DATA / "documents" / f"{name}.json"
    replies: Mapping[str, list[Any]] = json.loads(file.read_text(encoding="utf-8"))
    return Network(
        *(
            [item for page in replies[operation] for item in page[outer][inner]]
            for operation, (outer, inner) in WRAPPERS.items()
        )
    )
