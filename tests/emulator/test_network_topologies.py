"""
The bundled topologies of the network as Alibaba Cloud builds it: their comments tell the truth.
"""

import json
from itertools import pairwise
from math import inf

import pytest
from emulator_callers import Caller

from chaosfailover.emulator.routing import Segment

A, B = "vbr-rehearsal-a", "vbr-rehearsal-b"
CUT = {
    "ResourceType": "PHYSICALCONNECTION",
    "ResourceId": ["pc-rehearsal-a"],
    "JobType": "StartNow",
    "JobDuration": 30,
}


def cut(topology: str) -> Caller:
    """
    Return a caller whose first circuit has been cut for ten minutes.
    """
    caller = Caller(topology)
    caller.wait(-caller.cloud.clock.now() % 300)
    caller.call("CreateFailoverTestJob", **CUT)
    caller.wait(600)
    return caller


def stalls(caller: Caller) -> dict[str, list[float]]:
    """
    Return how long each flow group of each service has stalled in the cut, inf if it still does.
    """
    end = Segment(inf, None, flows=True)
    now = caller.cloud.clock.now()
    with caller.cloud.held():
        every = {each.name: caller.cloud.courses(each) for each in caller.cloud.topology.services}
    return {
        name: [
            round(sum(_length(one, other, now) for one, other in pairwise([*course, end])), 3)
            for course in courses
        ]
        for name, courses in every.items()
    }


def _length(segment: Segment, after: Segment, now: float) -> float:
    if segment.flows or segment.start > now:
        return 0.0
    return after.start - segment.start if after.start <= now else inf


def rates(caller: Caller, minutes_ago: float) -> dict[str, list[float]]:
    """
    Return what CloudMonitor shows of each VBR for a period: from the data center, and to it.
    """
    at = int(caller.cloud.clock.now() - minutes_ago * 60) // 300 * 300 * 1000
    shown: dict[str, list[float]] = {}
    for metric in ("RateInFromIDCToVpc", "RateOutFromVpcToIDC"):
        document = caller.call(
            "DescribeMetricList",
            Namespace="acs_physical_connection",
            MetricName=metric,
            Period="300",
            StartTime=at - 1,
            EndTime=at,
        )
        for point in json.loads(document["Datapoints"]):
            shown.setdefault(point["instanceId"], []).append(point["Value"] / 1e6)
    return shown


@pytest.mark.parametrize(
    ("topology", "expected"),
    [
        ("ecr-ecmp", {key: [10.0, 0.0] for key in ("portal", "echo", "ledger")}),
        ("failover-group", {key: [1.1] for key in ("portal", "echo", "ledger")}),
        ("missing-prefix", {"portal": [0.9], "echo": [0.9], "ledger": [inf]}),
        ("overloaded-standby", {key: [0.9] for key in ("portal", "echo", "ledger")}),
    ],
)
def test_a_cut_stalls_for_as_long_as_the_title_says(
    topology: str, expected: dict[str, list[float]]
) -> None:
    assert stalls(cut(topology)) == expected


@pytest.mark.parametrize(
    ("topology", "before", "during"),
    [
        ("ecr-ecmp", {A: [300, 200], B: [300, 200]}, {A: [0, 0], B: [600, 400]}),
        ("failover-group", {A: [600, 400], B: [0, 0]}, {A: [0, 0], B: [600, 400]}),
        ("missing-prefix", {A: [3, 3], B: [0, 0]}, {A: [0, 0], B: [2, 2]}),
        ("overloaded-standby", {A: [60, 40], B: [170, 90]}, {A: [0, 0], B: [230, 130]}),
    ],
)
def test_the_traffic_moves_as_the_comments_say(
    topology: str, before: dict[str, list[float]], during: dict[str, list[float]]
) -> None:
    caller = cut(topology)
    caller.wait(600)

    assert rates(caller, 30) == before
    assert rates(caller, 14) == during


def test_the_equal_pair_is_listed_by_its_ecr() -> None:
    caller = Caller("ecr-ecmp")
    entries = caller.call(
        "DescribeExpressConnectRouterRouteEntries", EcrId="ecr-rehearsal", MaxResults=100
    )["RouteEntriesList"]
    paths = {(each["NexthopInstanceId"], each["AsPath"]) for each in entries}

    assert {vbr for vbr, _ in paths} >= {A, B}
    assert len({path for vbr, path in paths if vbr in (A, B)}) == 1


def test_the_failover_group_is_found_and_its_standby_is_prepended() -> None:
    caller = Caller("failover-group")
    group = caller.call("DescribeVbrHa", RegionId="cn-hangzhou", VbrId=A)
    entries = caller.call(
        "DescribeExpressConnectRouterRouteEntries", EcrId="ecr-rehearsal", MaxResults=100
    )["RouteEntriesList"]
    lengths = {each["NexthopInstanceId"]: each["AsPath"].count(",") for each in entries}

    assert (group["Status"], group["PeerVbrId"]) == ("Active", B)
    assert lengths[B] == lengths[A] + 2


def test_the_standby_lacks_one_prefix() -> None:
    caller = Caller("missing-prefix")
    tables = {
        vbr: {
            each["DestinationCidrBlock"]
            for each in caller.call(
                "DescribeRouteEntryList",
                RegionId="cn-hangzhou",
                RouteTableId=f"vtb-{vbr.removeprefix('vbr-')}",
                RouteEntryType="BGP",
                MaxResult=100,
            )["RouteEntrys"]["RouteEntry"]
        }
        for vbr in (A, B)
    }

    assert tables[A] - tables[B] == {"10.2.0.0/16"}
