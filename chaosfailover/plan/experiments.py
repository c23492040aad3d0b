"""
The planned experiments: one for each test, from the bundled one.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath
from shlex import quote
from typing import Any

import yaml

from chaosfailover.plan.choice import PlannedTest, RegionPlan
from chaosfailover.plan.portals import EXAMPLE, Portal
from chaosfailover.plan.reading import PLAN
from chaosfailover.plan.template import default, filled, pinned, variable
from chaosfailover.prober.targets import INTERVAL

__all__ = [
    "RTO",
    "TARGETS",
    "TOPOLOGY",
    "circuit_experiment",
    "expected",
    "export",
    "extension",
    "folder_of",
    "targets_file",
    "test_name",
]

TOPOLOGY = "topology.yaml"
TARGETS = "targets.env"
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
{export}
"""

TARGETS_COMMENT = """\
# What live runs watch, as --targets has it: one variable for each circuit.
"""


def circuit_experiment(template: str, plan: RegionPlan, test: PlannedTest, portal: Portal) -> str:
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
            export=export(portal),
        ),
        title=f"{plan.place.region_id} survives the loss of circuit {test.circuit_id}",
        description=f"While {test.name or test.circuit_id} is shut down by a failover test, "
        f"{', '.join(test.groups)} is served by {test.survivors} other circuit(s), "
        f"first of all {test.standby_circuit_id}.",
        extension=yaml.safe_dump({"extensions": extension([test])}, sort_keys=False),
    )
    text = pinned(text, _fixed(plan, test))
    text = variable(text, {"portal_url": portal.key})
    return default(text, {"portal_url": portal.url, "topology": str(folder / TOPOLOGY)})


def export(portal: Portal) -> str:
    """
    Return the comment that says how a live run is told what to watch.
    """
    return f"#   export {portal.key}={quote(portal.live or EXAMPLE)}"


def targets_file(portals: Iterable[Portal]) -> str:
    """
    Write the variables of the portals that have a target, one a line and without quotes.
    """
    lines = [f"{portal.key}={portal.live}\n" for portal in portals if portal.live]
    return TARGETS_COMMENT + "".join(lines)


def expected(test: PlannedTest) -> str:
    """
    Return whether a rehearsal is expected to hold: not if the cut is noticed later than promised.

    A failover time is told to within two intervals, and its upper bound has to keep the promise.
    """
    return "held" if test.detection + 2 * INTERVAL <= RTO else "deviated"


def extension(tests: Iterable[PlannedTest]) -> list[dict[str, Any]]:
    """
    Return what a planned experiment says of itself: the verdict that a rehearsal is expected to
    come to, and which of its tests are expected to break the promise.
    """
    late = [test_name(test) for test in tests if expected(test) != "held"]
    if not late:
        return [{"name": PLAN, "expected": "held"}]
    return [{"name": PLAN, "expected": "deviated", "late": late}]


def folder_of(plan: RegionPlan) -> PurePosixPath:
    """
    Return the folder of a region in the plan, below that of its account if a role was given.
    """
    return PurePosixPath(plan.place.account) / plan.place.region_id


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
