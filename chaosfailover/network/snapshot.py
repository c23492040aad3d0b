"""
The network and the failover tests of one region, read in as few calls as paging allows.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import (
    BgpGroup,
    BgpPeer,
    FailoverTestJob,
    PhysicalConnection,
    VirtualBorderRouter,
)
from chaosfailover.network.cut_resources import states_in
from chaosfailover.network.paths import Path, paths
from chaosfailover.network.under_test import judged, under_test

__all__ = ["Snapshot", "read_network", "read_snapshot"]


@dataclass(frozen=True)
class Snapshot:
    """
    The circuits, VBRs, BGP groups, BGP peers and failover tests of a region, as API documents.
    """

    region_id: str
    circuits: tuple[PhysicalConnection, ...] = ()
    vbrs: tuple[VirtualBorderRouter, ...] = ()
    bgp_groups: tuple[BgpGroup, ...] = ()
    bgp_peers: tuple[BgpPeer, ...] = ()
    jobs: tuple[FailoverTestJob, ...] = ()
    taken_at: datetime = field(default_factory=lambda: datetime.now(UTC), compare=False)

    def paths(self) -> list[Path]:
        """
        Return the paths of the region; those that a running test cuts are down.

        Raises ArgumentError for documents that contradict one another.
        """
        return under_test(paths(self.circuits, self.vbrs, self.bgp_peers), self.underway())

    def underway(self) -> list[FailoverTestJob]:
        """
        Return the tests that cut their resources, or may.
        """
        states = states_in(self.circuits, self.vbrs, self.bgp_peers)
        return judged(self.jobs, states, self.taken_at).jobs


def read_network(client: VpcClient) -> Snapshot:
    """
    Read the circuits and VBRs of the client's region.
    """
    return Snapshot(
        client.region_id,
        circuits=tuple(client.describe_physical_connections()),
        vbrs=tuple(client.describe_virtual_border_routers(include_cross_account=True)),
    )


def read_snapshot(client: VpcClient) -> Snapshot:
    """
    Read the client's region: BGP only if there is a VBR, tests only if there is a VBR or circuit.
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
