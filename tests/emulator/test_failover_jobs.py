"""
The life of a job through the API, in process; also of a job that is deleted early.
"""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from emulator_callers import CREATE, Caller, flattened

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.faults import fault_from


def test_a_job_lives_from_init_to_deleted() -> None:
    caller = Caller()
    job_id = caller.call("CreateFailoverTestJob", Name="drill", **CREATE)["JobId"]
    seen = [caller.status(job_id)]
    caller.call("StartFailoverTestJob", JobId=job_id)
    seen.append(caller.status(job_id))
    caller.wait(2.0)
    seen.append(caller.status(job_id))
    caller.call("StopFailoverTestJob", JobId=job_id)
    seen.append(caller.status(job_id))
    caller.wait(2.0)
    seen.append(caller.status(job_id))
    caller.call("DeleteFailoverTestJob", JobId=job_id)

    assert seen == ["Init", "Starting", "Testing", "Stopping", "Stopped"]
    assert caller.refused("DescribeFailoverTestJob", JobId=job_id)[1] == "IllegalParam.JobId"


def test_start_now_starts_at_once_and_ends_after_its_duration() -> None:
    caller = Caller()
    job_id = caller.call("CreateFailoverTestJob", **{**CREATE, "JobType": "StartNow"})["JobId"]
    seen = [caller.status(job_id)]
    for seconds in (2.0, 299.0, 1.0, 2.0):
        caller.wait(seconds)
        seen.append(caller.status(job_id))

    assert seen == ["Starting", "Testing", "Testing", "Stopping", "Stopped"]


def test_ids_have_the_documented_form() -> None:
    caller = Caller()
    document = caller.call("CreateFailoverTestJob", **CREATE)

    assert re.fullmatch("ftj-[a-z0-9]{17}", document["JobId"])
    assert re.fullmatch("[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", document["RequestId"])


def test_the_same_seed_gives_the_same_ids() -> None:
    first, second, other = (Caller(seed=seed) for seed in (7, 7, 8))
    ids = [each.call("CreateFailoverTestJob", **CREATE)["JobId"] for each in (first, second, other)]

    assert ids[0] == ids[1] != ids[2]


def test_update_changes_what_is_given_and_keeps_the_rest() -> None:
    caller = Caller()
    job_id = caller.call("CreateFailoverTestJob", Name="a", Description="b", **CREATE)["JobId"]
    caller.call("UpdateFailoverTestJob", JobId=job_id, Name="c", ResourceId=["pc-rehearsal-b"])
    job = caller.call("DescribeFailoverTestJob", JobId=job_id)["FailoverTestJobModel"]

    assert (job["Name"], job["Description"], job["ResourceId"], job["JobDuration"]) == (
        "c",
        "b",
        ["pc-rehearsal-b"],
        "5",
    )


def test_an_updated_duration_is_the_one_that_counts() -> None:
    caller = Caller()
    job_id = caller.call("CreateFailoverTestJob", **CREATE)["JobId"]
    caller.call("UpdateFailoverTestJob", JobId=job_id, JobDuration=1)
    caller.call("StartFailoverTestJob", JobId=job_id)
    caller.wait(2.0 + 60.0)

    assert caller.status(job_id) == "Stopping"


@pytest.mark.parametrize("operation", ["CreateFailoverTestJob", "UpdateFailoverTestJob"])
def test_a_dry_run_changes_nothing(operation: str) -> None:
    caller = Caller()
    job_id = caller.call("CreateFailoverTestJob", Name="a", **CREATE)["JobId"]
    before = list(caller.cloud.ledger.everything())
    arguments = {**CREATE, "JobId": job_id, "Name": "b", "DryRun": True}

    actual = caller.refused(operation, **arguments)

    assert actual == (
        400,
        "DryRunOperation",
        "Request validation has been passed with DryRun flag set.",
    )
    assert list(caller.cloud.ledger.everything()) == before


def test_a_client_token_makes_a_repeated_create_harmless() -> None:
    caller = Caller()
    first = caller.call("CreateFailoverTestJob", ClientToken="t", **CREATE)
    second = caller.call("CreateFailoverTestJob", ClientToken="t", **CREATE)

    assert first["JobId"] == second["JobId"]
    assert len(list(caller.cloud.ledger.everything())) == 1


def test_a_client_token_makes_a_repeated_start_harmless() -> None:
    caller = Caller()
    job_id = caller.call("CreateFailoverTestJob", **CREATE)["JobId"]
    for _ in range(2):
        caller.call("StartFailoverTestJob", JobId=job_id, ClientToken="t")

    assert caller.refused("StartFailoverTestJob", JobId=job_id)[1] == "IncorrectStatus.OnlyForInit"


def test_a_client_token_with_other_arguments_is_refused() -> None:
    caller = Caller()
    caller.call("CreateFailoverTestJob", ClientToken="t", **CREATE)

    actual = caller.refused("CreateFailoverTestJob", ClientToken="t", Name="other", **CREATE)

    assert actual[1] == "IdempotentParameterMismatch"


def test_a_refused_call_uses_up_no_client_token() -> None:
    caller = Caller()
    bad = {**CREATE, "ResourceId": ["pc-gone"]}
    caller.refused("CreateFailoverTestJob", ClientToken="t", **bad)

    assert "JobId" in caller.call("CreateFailoverTestJob", ClientToken="t", **CREATE)


def test_a_vbr_and_a_peer_can_be_tested_too() -> None:
    for kind, resource in (
        ("VIRTUALBORDERROUTER", "vbr-rehearsal-a"),
        ("BGPPEER", "bgp-rehearsal-a"),
    ):
        arguments = {**CREATE, "ResourceType": kind, "ResourceId": [resource]}

        assert "JobId" in Caller().call("CreateFailoverTestJob", **arguments)


def test_a_replay_may_leave_out_the_endpoint_s_own_region() -> None:
    caller = Caller()
    given = {**CREATE, "ClientToken": "t"}
    first = caller.call("CreateFailoverTestJob", RegionId="cn-hangzhou", **given)["JobId"]

    assert caller.call("CreateFailoverTestJob", **given)["JobId"] == first


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
