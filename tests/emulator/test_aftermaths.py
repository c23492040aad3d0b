"""
What happens after a job: resources that are late, odd, unreadable, or flap.
"""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from emulator_callers import CREATE, Caller, flattened

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.dataplane import TrueOutage
from chaosfailover.emulator.faults import fault_from
from chaosfailover.emulator.topology import TopologyError, topology_from

NOW = {**CREATE, "JobType": "StartNow"}
REGION = {"RegionId": "cn-hangzhou"}
FREE = {"portal": 0, "echo": 0, "ledger": 0}
HEADERS = {"x-acs-version": "2016-04-28"}
ALL = ["bgp", "bgpg", "pc", "vbr"]


def caller_with(*faults: dict[str, Any]) -> Caller:
    """
    Make a caller whose cloud has faults armed.
    """
    caller = Caller()
    caller.cloud.faults.faults += [fault_from(fault) for fault in faults]
    return caller


def stopped(caller: Caller, **given: Any) -> str:
    """
    Cut the first circuit, stop the job, and wait for the instant at which it is Stopped.
    """
    job_id = str(caller.call("CreateFailoverTestJob", **{**NOW, **given})["JobId"])
    caller.wait(3.0)
    caller.call("StopFailoverTestJob", JobId=job_id)
    caller.wait(2.0)
    assert caller.status(job_id) == "Stopped"
    return job_id


def down(caller: Caller) -> list[str]:
    """
    Return the kinds of the resources that are down.
    """
    with caller.cloud.held() as now:
        return sorted(each.partition("-rehearsal-a")[0] for each in caller.cloud.down(now))


def downs(caller: Caller, *waits: float) -> list[list[str]]:
    """
    Return what is down, now and after each wait.
    """
    seen = [down(caller)]
    for seconds in waits:
        caller.wait(seconds)
        seen.append(down(caller))
    return seen


def circuit(caller: Caller, field: str = "Status") -> str:
    """
    Return a field of the first circuit.
    """
    document = caller.call("DescribePhysicalConnections", **REGION)
    return str(document["PhysicalConnectionSet"]["PhysicalConnectionType"][0][field])


def session(caller: Caller) -> str:
    """
    Return the BGP status of the first peer.
    """
    document = caller.call("DescribeBgpPeers", **REGION, BgpPeerId="bgp-rehearsal-a")
    return str(document["BgpPeers"]["BgpPeer"][0]["BgpStatus"])


@pytest.mark.parametrize(
    ("resource", "late"),
    [
        pytest.param("*", ALL, id="all"),
        pytest.param("PHYSICALCONNECTION", ALL, id="circuits, and what is on them"),
        pytest.param("pc-rehearsal-a", ALL, id="a circuit by its ID"),
        pytest.param("VIRTUALBORDERROUTER", ["bgp", "bgpg", "vbr"], id="VBRs"),
        pytest.param("BGPPEER", ["bgp"], id="peers"),
        pytest.param("bgp-*", ["bgp"], id="peers by their IDs"),
        pytest.param("pc-rehearsal-b", [], id="none of the job"),
    ],
)
def test_resources_come_back_late(resource: str, late: list[str]) -> None:
    caller = caller_with({"fault": "stays-down", "seconds": 30, "resource": resource})
    stopped(caller)

    assert downs(caller, 29.5, 1.0) == [late, late, []]


def test_resources_come_back_one_after_the_other() -> None:
    caller = caller_with(
        {"fault": "stays-down", "seconds": 10, "resource": "PHYSICALCONNECTION"},
        {"fault": "stays-down", "seconds": 20, "resource": "VIRTUALBORDERROUTER"},
        {"fault": "stays-down", "resource": "BGPPEER"},
    )
    stopped(caller)

    assert downs(caller, 10.0, 10.0, 86400.0) == [ALL, ["bgp", "bgpg", "vbr"], ["bgp"], ["bgp"]]


def test_a_job_that_ends_by_itself_leaves_the_same() -> None:
    caller = caller_with({"fault": "stays-down", "seconds": 30, "resource": "BGPPEER"})
    caller.call("CreateFailoverTestJob", **NOW)
    caller.wait(2.0 + 300.0 + 2.0)

    assert downs(caller, 29.5, 1.0) == [["bgp"], ["bgp"], []]


def test_resources_come_back_late_after_the_job_was_deleted() -> None:
    caller = caller_with({"fault": "stays-down", "seconds": 30})
    caller.call("DeleteFailoverTestJob", JobId=stopped(caller))

    assert downs(caller, 29.5, 1.0) == [ALL, ALL, []]


def test_resources_have_an_odd_status_after_the_stop() -> None:
    fields = {"PHYSICALCONNECTION": {"Status": "Unavailable"}, "BGPPEER": {"BgpStatus": "Idle"}}
    caller = caller_with({"fault": "odd-return", "fields": fields, "seconds": 30})
    caller.call("CreateFailoverTestJob", **NOW)
    caller.wait(3.0)
    before = (circuit(caller), session(caller))
    caller.wait(299.0 + 2.0)
    seen = [(circuit(caller), session(caller)), down(caller)]
    caller.wait(30.0)

    assert before == ("Enabled", "Down")
    assert seen == [("Unavailable", "Idle"), []]
    assert (circuit(caller), session(caller)) == ("Enabled", "Established")


def test_a_resource_is_odd_for_ever_and_others_are_not() -> None:
    fields = {"PHYSICALCONNECTION": {"Status": "Unavailable"}, "BGPPEER": {"BgpStatus": "Idle"}}
    caller = caller_with({"fault": "odd-return", "fields": fields, "resource": "pc-rehearsal-a"})
    stopped(caller)
    caller.wait(86400.0)

    assert (circuit(caller), session(caller)) == ("Unavailable", "Established")


def test_a_filter_compares_the_odd_status() -> None:
    fields = {"PHYSICALCONNECTION": {"Status": "Unavailable"}}
    caller = caller_with({"fault": "odd-return", "fields": fields})
    stopped(caller)
    given = {**REGION, "Filter": [{"Key": "Status", "Value": ["Unavailable"]}]}

    assert caller.call("DescribePhysicalConnections", **given)["TotalCount"] == 1


UNREADABLE = [
    pytest.param({"fault": "unavailable"}, 503, id="503"),
    pytest.param({"fault": "throttling"}, 400, id="throttling"),
    pytest.param({"fault": "refuse", "code": "Forbidden.RAM"}, 403, id="a code"),
]


@pytest.mark.parametrize(("fault", "status"), UNREADABLE)
@pytest.mark.parametrize("operation", ["DescribePhysicalConnections", "DescribeBgpPeers"])
def test_resources_cannot_be_read_after_the_stop(
    fault: dict[str, Any], status: int, operation: str
) -> None:
    times = {"during": "Stopped", "seconds": 30, "operation": "Describe[PVB]*"}
    caller = caller_with({**fault, **times})
    seen = [caller.send(operation, **REGION)[0]]
    job_id = stopped(caller)
    for seconds in (0.0, 29.5, 1.0):
        caller.wait(seconds)
        seen.append(caller.send(operation, **REGION)[0])

    assert seen == [200, status, status, 200]
    assert caller.status(job_id) == "Stopped"


def test_a_call_fails_while_a_job_of_a_name_runs() -> None:
    caller = caller_with({"fault": "unavailable", "job": "drill", "during": ["Testing"]})
    caller.call("CreateFailoverTestJob", **NOW, Name="other")
    caller.wait(3.0)
    before = caller.send("DescribeRegions")[0]
    caller.wait(600.0)
    caller.call("CreateFailoverTestJob", **NOW, Name="drill")
    caller.wait(3.0)

    assert (before, caller.send("DescribeRegions")[0]) == (200, 503)


def test_sessions_flap_once_they_are_back() -> None:
    caller = caller_with({"fault": "flaps", "times": 2, "seconds": 5})
    stopped(caller)
    seen = []
    for seconds in (0.0, 5.0, 5.0, 5.0, 5.0, 3600.0):
        caller.wait(seconds)
        seen.append((session(caller), down(caller)))

    assert seen == [
        ("Established", []),
        ("Down", ["bgp"]),
        ("Established", []),
        ("Down", ["bgp"]),
        ("Established", []),
        ("Established", []),
    ]


@pytest.mark.parametrize(("resource", "flapped"), [("PHYSICALCONNECTION", ALL), ("bgp-*", ["bgp"])])
def test_what_flaps_can_be_named(resource: str, flapped: list[str]) -> None:
    caller = caller_with({"fault": "flaps", "times": 1, "seconds": 5, "resource": resource})
    stopped(caller)

    assert downs(caller, 5.0, 5.0) == [[], flapped, []]


def test_the_traffic_follows_the_sessions() -> None:
    caller = caller_with({"fault": "flaps", "times": 2, "seconds": 5})
    stopped(caller)
    with caller.cloud.held() as now:
        (course,) = caller.cloud.courses(caller.cloud.topology.services[0])
    after = [
        (round(each.start - now, 6), each.path.name, each.flows)
        for each in course
        if each.path and each.start >= now - 1.0
    ]

    assert after == [
        (0.5, "a", False),
        (0.7, "a", True),
        (5.0, "a", False),
        (5.9, "b", True),
        (10.5, "a", False),
        (10.7, "a", True),
        (15.0, "a", False),
        (15.9, "b", True),
        (20.5, "a", False),
        (20.7, "a", True),
    ]


def test_real_traffic_stalls_with_each_flap_over_http() -> None:
    """
    At a tenfold speed: a cut, and two flaps with a stall of 0.9 emulated seconds each.
    """
    fault = {"fault": "flaps", "times": 2, "seconds": 5}
    with Emulator(auth=False, service_ports=FREE, minute=6.0) as emulator:
        httpx.post(f"{emulator.url}/_emulator/faults", json=fault).raise_for_status()
        job_id = post(emulator, "CreateFailoverTestJob", **NOW)["JobId"]
        emulator.advance(3.0)
        post(emulator, "StopFailoverTestJob", JobId=job_id)
        deadline = time.monotonic() + 30.0
        while len(outages(emulator)) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        seen = outages(emulator)

    assert len(seen) >= 4


def outages(emulator: Emulator) -> list[TrueOutage]:
    """
    Return the outages of a service so far.
    """
    return emulator.ground_truth()["portal"]


def post(emulator: Emulator, operation: str, **given: Any) -> Any:
    """
    Call an operation over HTTP.
    """
    headers = {**HEADERS, "x-acs-action": operation}
    reply = httpx.post(emulator.url, params=flattened(given), headers=headers)
    return reply.raise_for_status().json()


def test_an_aftermath_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    faults = [
        {"fault": "stays-down", "seconds": 100, "resource": "BGPPEER"},
        {"fault": "odd-return", "fields": {"PHYSICALCONNECTION": {"Status": "Unavailable"}}},
    ]
    first = Emulator(auth=False, state=path)
    first.handle("POST", "/_emulator/faults", body=json.dumps(faults).encode())
    caller = Caller()
    caller.cloud = first.cloud
    caller.call("CreateFailoverTestJob", **NOW)
    first.advance(2.0 + 300.0 + 3.0)
    first.stop()
    again = Emulator(auth=False, state=path)
    caller.cloud = again.cloud
    seen = (down(caller), circuit(caller))
    again.stop()

    assert seen == (["bgp"], "Unavailable")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"fault": "odd-return"}, "fault needs fields"),
        ({"fault": "odd-return", "fields": {"CIRCUIT": {}}}, "fault.fields has no 'CIRCUIT'"),
        (
            {"fault": "odd-return", "fields": {"BGPPEER": {"Stat": "x"}}},
            "fault.fields.BGPPEER has no 'Stat', did you mean Status?",
        ),
        ({"fault": "flaps", "times": 0}, "fault.times is 0, expected a whole number from 1 to"),
        ({"fault": "flaps", "times": 1001}, "fault.times is 1001, expected a whole number"),
        ({"fault": "stays-down", "times": 2}, "fault.times is not for stays-down, which takes"),
        ({"fault": "lost", "during": "Testing"}, "fault.during is not for lost, which takes no"),
        ({"fault": "unavailable", "during": "Paused"}, "fault.during is 'Paused', expected one of"),
    ],
)
def test_an_aftermath_that_makes_no_sense_is_refused(fault: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match="fault") as caught:
        fault_from(fault)

    assert str(caught.value).startswith(says)


def test_a_resource_that_does_not_exist_is_refused_wherever_it_is_written() -> None:
    fault = {"fault": "stays-down", "resource": "pc-rehersal-a"}
    says = "faults[0].resource is 'pc-rehersal-a', expected an ID or a type of the topology's"
    emulator = Emulator(auth=False)
    reply = emulator.handle("POST", "/_emulator/faults", body=json.dumps(fault).encode())
    with pytest.raises(TopologyError) as caught:
        topology_from({"extends": "dual-circuit", "faults": [fault]})

    assert reply.status == 400
    assert json.loads(reply.body)["error"].startswith(says)
    assert says in str(caught.value)
    assert emulator.cloud.faults.faults == []
