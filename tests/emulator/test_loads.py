"""
Loads: what each VBR carries, and where it goes when the VBR is cut.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from emulator_callers import Caller

from chaosfailover.emulator.topology import TopologyError, topology_from

A, B = "vbr-rehearsal-a", "vbr-rehearsal-b"
EQUAL = {name: {"paths": [["a", "b"]]} for name in ("portal", "echo", "ledger")}
CUT = {
    "ResourceType": "PHYSICALCONNECTION",
    "ResourceId": ["pc-rehearsal-a"],
    "JobType": "StartNow",
    "JobDuration": 30,
}
HOUR = 3600.0


def dual(loads: Any, **others: Any) -> dict[str, Any]:
    """
    Return the content of a topology of two circuits with loads.
    """
    return {"extends": "dual-circuit", "loads": loads, **others}


def rates(caller: Caller, start: float, end: float) -> dict[str, tuple[float, float]]:
    """
    Return what each VBR carries between two instants, seconds from the start, in Mbit/s.
    """
    cloud, began = caller.cloud, caller.cloud.began
    with cloud.held():
        carried = cloud.carried(cloud.traffic().vbrs, began + start, began + end)
    inward_outward = {
        vbr: each.rates(began + start, began + end, began) for vbr, each in carried.items()
    }
    return {
        vbr: (round(inward / 1e6, 3), round(outward / 1e6, 3))
        for vbr, (inward, outward, _) in inward_outward.items()
    }


@pytest.mark.parametrize(
    ("content", "before", "during"),
    [
        pytest.param({}, (3, 3, 0, 0), (0, 0, 3, 3), id="a service has 1 Mbit/s by default"),
        pytest.param(
            dual({"portal": {"in": 300, "out": 200}}),
            (300, 200, 0, 0),
            (0, 0, 300, 200),
            id="a service moves with its path",
        ),
        pytest.param(
            dual({A: 40, B: {"in": 60}}),
            (40, 40, 60, 0),
            (0, 0, 100, 40),
            id="VBRs beside each other",
        ),
        pytest.param(
            dual({"portal": 100}, services=EQUAL),
            (50, 50, 50, 50),
            (0, 0, 100, 100),
            id="equal paths share a load",
        ),
        pytest.param(
            dual({A: 100}, services=EQUAL),
            (100, 100, 0, 0),
            (0, 0, 100, 100),
            id="the load of a VBR is its own, on equal paths too",
        ),
        pytest.param(
            dual({A: 100}, paths={"b": {"carries": False}}),
            (100, 100, 0, 0),
            (0, 0, 0, 0),
            id="lost on a path that does not carry",
        ),
        pytest.param(
            dual({A: 100}, paths={"b": {"loss": 0.25}}),
            (100, 100, 0, 0),
            (0, 0, 75, 75),
            id="a part is lost",
        ),
    ],
)
def test_a_cut_moves_what_was_carried(
    content: Mapping[str, Any],
    before: tuple[float, float, float, float],
    during: tuple[float, float, float, float],
) -> None:
    caller = Caller(content or "dual-circuit")
    caller.call("CreateFailoverTestJob", **CUT)
    caller.wait(300)
    actual = [rates(caller, start, start + 60) for start in (-60, 60, 2000)]

    assert [(*each[A], *each[B]) for each in actual] == [before, during, before]


def test_traffic_is_lost_until_routing_notices() -> None:
    caller = Caller(dual({A: 100}))
    caller.call("CreateFailoverTestJob", **CUT)
    caller.wait(60)

    assert rates(caller, 2.0, 2.9) == {A: (0, 0), B: (0, 0)}  # BFD: 0.9 s
    assert rates(caller, 2.9, 3.9) == {A: (0, 0), B: (100, 100)}


def test_a_vbr_that_no_service_takes_has_its_load_until_it_is_cut() -> None:
    services = {name: {"paths": ["b"]} for name in ("portal", "echo", "ledger")}
    caller = Caller(dual({A: 100}, services=services))
    caller.call("CreateFailoverTestJob", **CUT)
    caller.wait(60)

    assert rates(caller, -60, 0) == {A: (100, 100), B: (0, 0)}
    assert rates(caller, 10, 50) == {A: (0, 0), B: (0, 0)}


def test_a_deleted_job_is_remembered() -> None:
    caller = Caller(dual({A: 100}))
    job_id = caller.call("CreateFailoverTestJob", **CUT)["JobId"]
    caller.wait(60)
    caller.call("StopFailoverTestJob", JobId=job_id)
    caller.wait(60)
    caller.call("DeleteFailoverTestJob", JobId=job_id)
    caller.wait(HOUR)
    during, later = rates(caller, 10, 50), rates(caller, 600, 660)
    caller.wait(8 * 24 * HOUR)
    caller.call("DescribeRegions")

    assert (during, later) == ({A: (0, 0), B: (100, 100)}, {A: (100, 100), B: (0, 0)})
    assert caller.cloud.ledger.past() == ()


def test_before_the_start_loads_follow_a_daily_curve() -> None:
    caller = Caller(dual({A: {"in": 100, "out": 10, "peak": 1.5}}))
    hours = [rates(caller, -hour * HOUR, -hour * HOUR + 300)[A][0] for hour in range(1, 24 * 7)]

    assert hours[0] == 100
    assert min(hours) == pytest.approx(60, abs=3)
    assert max(hours) == pytest.approx(150, abs=3)
    assert hours[1:25] == pytest.approx(hours[25:49])


@pytest.mark.parametrize(
    ("loads", "says"),
    [
        ({"vbr-x": 1}, "loads has 'vbr-x', expected a service or VBR: portal"),
        ({A: "fast"}, f"loads.{A} is 'fast', expected Mbit/s"),
        ({A: -1}, f"loads.{A} is -1, expected Mbit/s"),
        ({A: True}, f"loads.{A} is True, expected Mbit/s"),
        ({A: {"inn": 1}}, f"loads.{A} has no 'inn', did you mean in"),
        ({A: {"in": "1"}}, f"loads.{A}.in is '1', expected a number from 0"),
        ({A: {"peak": -1}}, f"loads.{A}.peak is -1, expected a number from 0"),
    ],
)
def test_a_wrong_load_is_told_what_is_wrong(loads: dict[str, Any], says: str) -> None:
    with pytest.raises(TopologyError, match=says):
        topology_from(dual(loads))
