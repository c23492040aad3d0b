"""
What one region holds, read in as few calls as paging allows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.network.paths import Path, paths
from chaosfailover.network.under_test import is_underway, under_test

__all__ = ["Snapshot", "read_network", "read_snapshot"]

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """
    The circuits, VBRs, BGP groups, BGP peers and failover tests of a region, as the API wrote them.
    """

    region_id: str
    circuits: tuple[Document, ...] = ()
    vbrs: tuple[Document, ...] = ()
    bgp_groups: tuple[Document, ...] = ()
    bgp_peers: tuple[Document, ...] = ()
    jobs: tuple[Document, ...] = ()

    def paths(self) -> list[Path]:
        """
        Return the paths of the region as its tests leave them.

        Raises ArgumentError for documents that contradict.
        """
        return under_test(paths(self.circuits, self.vbrs, self.bgp_peers), self.jobs)

    def underway(self) -> list[Document]:
        """
        Return the tests that cut something, or may.
        """
        return [job for job in self.jobs if is_underway(job)]


def read_network(client: VpcClient) -> Snapshot:
    """
    Read the circuits and VBRs of the client's region only.
    """
    return Snapshot(
        client.region_id,
        circuits=tuple(client.describe_physical_connections()),
        vbrs=tuple(client.describe_virtual_border_routers(include_cross_account=True)),
    )


def read_snapshot(client: VpcClient) -> Snapshot:
    """
    Read the client's region. Where there is no VBR, nothing is asked of BGP, and where there is no
    circuit either, nothing of tests.
    """
    network = read_network(client)
    if not network.circuits and not network.vbrs:
        return network
    return Snapshot(
        network.region_id,
        network.circuits,
        network.vbrs,
        bgp_groups=tuple(client.describe_bgp_groups() if network.vbrs else ()),
        bgp_peers=tuple(client.describe_bgp_peers() if network.vbrs else ()),
        jobs=tuple(client.describe_failover_test_jobs()),
    )
