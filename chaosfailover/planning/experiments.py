"""
The planned experiments: one for each test, from the bundled one.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from chaosfailover.planning.choice import PlannedTest, RegionPlan
from chaosfailover.planning.mirror import service_url
from chaosfailover.planning.template import default, filled, pinned
from chaosfailover.targets import INTERVAL

__all__ = [
    "RTO",
    "TOPOLOGY",
    "circuit_experiment",
    "expected",
    "extension",
    "folder_of",
    "live_url",
    "test_name",
]

TOPOLOGY = "topology.yaml"
RTO = 3.0
"""The promise that the bundled experiment makes where nothing else is asked, in seconds."""

COMMENT = """\
# Cuts circuit {circuit_id} in {region_id} and proves that traffic moves to {standby_circuit_id}.
#
# As it is, this is a rehearsal on the embedded emulator, run from the folder of the plan:
#
#   chaos run {file}
#
# A live run really shuts the circuit down. It has to be asked for:
#
#   export ALIBABA_CLOUD_ENDPOINT_VPC=cloud
#   export FAILOVER_PORTAL_URL={url}
"""


def circuit_experiment(
    template: str, plan: RegionPlan, test: PlannedTest, targets: Mapping[str, str]
) -> str:
    """
    Write the experiment of one test.

    The region, the role and what is cut are fixed, so that no setting of the environment can turn
    it on something else.
    """
    folder = folder_of(plan)
    text = filled(
        template,
        comment=COMMENT.format(
            circuit_id=test.circuit_id,
            region_id=plan.place.region_id,
            standby_circuit_id=test.standby_circuit_id,
            file=folder / f"{test.circuit_id}.yaml",
            url=live_url(plan, test, targets),
        ),
        title=f"{plan.place.region_id} survives the loss of circuit {test.circuit_id}",
        description=f"While {test.name or test.circuit_id} is shut down by a failover test, "
        f"{', '.join(test.groups)} is served by {test.survivors} other circuit(s), "
        f"first of all {test.standby_circuit_id}.",
        extension=f"extensions:\n  - name: failover-plan\n    expected: {expected(test)}\n",
    )
    text = pinned(text, _fixed(plan, test))
    places = {"portal_url": service_url(plan, test), "topology": str(folder / TOPOLOGY)}
    return default(text, places)


def expected(test: PlannedTest) -> str:
    """
    Return whether a rehearsal is expected to hold: not if the cut is noticed later than promised.

    A failover time is told to within two intervals, and its upper bound has to keep the promise.
    """
    return "held" if test.detection + 2 * INTERVAL <= RTO else "deviated"


def extension(verdict: str) -> list[dict[str, Any]]:
    """
    Return what a planned experiment says of itself.
    """
    return [{"name": "failover-plan", "expected": verdict}]


def folder_of(plan: RegionPlan) -> PurePosixPath:
    """
    Return the folder of a region in the plan, below that of its account if a role was given.
    """
    return PurePosixPath(plan.place.account) / plan.place.region_id


def live_url(plan: RegionPlan, test: PlannedTest, targets: Mapping[str, str]) -> str:
    """
    Return the URL that shows in a live run whether traffic flows, the most specific that is given.
    """
    for key in (test.circuit_id, *test.groups, plan.place.region_id, "default"):
        if key in targets:
            return targets[key]
    return "https://portal.example.com/"


def test_name(test: PlannedTest) -> str:
    """
    Return the name of the failover test.
    """
    return f"{test.circuit_id}-failover"


def _fixed(plan: RegionPlan, test: PlannedTest) -> dict[str, str]:
    role = {"alibaba_cloud_role_arn": plan.place.role_arn} if plan.place.role_arn else {}
    return {
        "alibaba_cloud_region_id": plan.place.region_id,
        "test_name": test_name(test),
        "circuit_id": test.circuit_id,
        "standby_circuit_id": test.standby_circuit_id,
        "bgp_peer_id": test.bgp_peer_id,
        "standby_bgp_peer_id": test.standby_bgp_peer_id,
        **role,
    }
