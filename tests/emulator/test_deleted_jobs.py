"""
A job that is deleted as soon as it may be: what it cut comes back no sooner for it.
"""

from pathlib import Path
from typing import Any

import httpx
from emulator_callers import CREATE, Caller, flattened

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.faults import fault_from

PATIENT = {"extends": "dual-circuit", "settings": {"revert_delay": 30, "revert_loss": 5}}
NOW = {**CREATE, "JobType": "StartNow"}


def stopped(caller: Caller) -> str:
    """
    Run a job and stop it early; returns the ID of the job, just Stopped.
    """
    job_id = str(caller.call("CreateFailoverTestJob", **NOW)["JobId"])
    caller.wait(10.0)
    caller.call("StopFailoverTestJob", JobId=job_id)
    caller.wait(2.01)
    assert caller.status(job_id) == "Stopped"
    return job_id


def test_the_traffic_comes_back_as_it_would_have() -> None:
    caller = Caller(PATIENT)
    job_id = stopped(caller)
    portal = caller.cloud.topology.services[0]
    before = caller.cloud.courses(portal)
    caller.call("DeleteFailoverTestJob", JobId=job_id)

    assert caller.cloud.courses(portal) == before
    assert len(before[0]) > 3
    assert caller.refused("DescribeFailoverTestJob", JobId=job_id)[1] == "IllegalParam.JobId"


def test_it_is_forgotten_in_the_end() -> None:
    caller = Caller(PATIENT)
    caller.call("DeleteFailoverTestJob", JobId=stopped(caller))
    caller.wait(36.0)
    caller.call("DescribeRegions")

    assert caller.cloud.ledger.live() == ()


def test_a_circuit_that_stays_down_stays_down() -> None:
    caller = Caller()
    caller.cloud.faults.faults.append(fault_from({"fault": "stays-down"}))
    caller.call("DeleteFailoverTestJob", JobId=stopped(caller))
    caller.wait(86400.0)

    with caller.cloud.held() as now:
        assert "pc-rehearsal-a" in caller.cloud.down(now)


def test_it_stays_down_over_a_restart(tmp_path: Path) -> None:
    """
    Deleted or not, a job that is over goes on to hold what it has not given back.
    """
    state = tmp_path / "state.db"
    down = []
    for delete in (False, True):
        emulator = Emulator(auth=False, state=state)
        emulator.cloud.reset()
        emulator.cloud.faults.faults.append(fault_from({"fault": "stays-down"}))
        job_id = call(emulator, "CreateFailoverTestJob", **NOW)["JobId"]
        emulator.advance(400.0)
        if delete:
            call(emulator, "DeleteFailoverTestJob", JobId=job_id)
        emulator.stop()
        again = Emulator(auth=False, state=state)
        with again.cloud.held() as now:
            jobs = list(again.cloud.ledger.everything())
            down.append(("pc-rehearsal-a" in again.cloud.down(now), len(jobs)))
        again.stop()

    assert down == [(True, 1), (True, 0)]


def call(emulator: Emulator, operation: str, **given: Any) -> Any:
    """
    Call an operation that must succeed, in process.
    """
    with httpx.Client(transport=emulator.transport(), base_url="http://vpc.test") as client:
        headers = {"x-acs-action": operation, "x-acs-version": "2016-04-28"}
        reply = client.post("/", params=flattened(given), headers=headers)
    return reply.raise_for_status().json()
