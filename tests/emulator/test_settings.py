"""
The settings: each decides what it says.
"""

from dataclasses import replace
from typing import Any

from emulator_callers import CREATE, Caller

NOW = {**CREATE, "JobType": "StartNow"}
OTHER = {"ResourceId": ["pc-rehearsal-b"]}
REGION = {"RegionId": "cn-hangzhou"}


def caller_with(**settings: Any) -> Caller:
    """
    Make a caller of a cloud that decides differently.
    """
    caller = Caller()
    caller.cloud.settings = replace(caller.cloud.settings, **settings)
    return caller


def circuit_status(caller: Caller) -> str:
    """
    Return the status of the first circuit.
    """
    document = caller.call("DescribePhysicalConnections", **REGION)
    return str(document["PhysicalConnectionSet"]["PhysicalConnectionType"][0]["Status"])


def sessions(caller: Caller) -> list[str]:
    """
    Return the BGP status of each peer.
    """
    document = caller.call("DescribeBgpPeers", **REGION)
    return [each["BgpStatus"] for each in document["BgpPeers"]["BgpPeer"]]


def test_several_jobs_per_region() -> None:
    caller = caller_with(one_job_per_region=False)
    caller.call("CreateFailoverTestJob", **NOW)

    assert "JobId" in caller.call("CreateFailoverTestJob", **{**NOW, **OTHER})


def test_a_job_in_init_blocks_its_resources() -> None:
    caller = caller_with(init_blocks_resources=True)
    job_id = caller.call("CreateFailoverTestJob", **CREATE)["JobId"]
    refused = caller.refused("CreateFailoverTestJob", **CREATE)[1]
    caller.call("StartFailoverTestJob", JobId=job_id)

    assert refused == "EcFailoverTestJobResourceInAnotherProcessingJob"


def test_a_dry_run_looks_at_the_resources() -> None:
    given = {**CREATE, "ResourceId": ["pc-nobody"], "DryRun": "true"}
    strict = caller_with(dry_run_checks_resources=True)

    assert Caller().refused("CreateFailoverTestJob", **given)[1] == "DryRunOperation"
    assert strict.refused("CreateFailoverTestJob", **given)[1] == "IllegalParam.ResourceId"


def test_only_some_resource_types() -> None:
    caller = caller_with(resource_types=("PHYSICALCONNECTION",))
    given = {**CREATE, "ResourceType": "BGPPEER", "ResourceId": ["bgp-rehearsal-a"]}

    assert caller.refused("CreateFailoverTestJob", **given)[1] == "IllegalParam.ResourceType"


def test_client_tokens_are_forgotten() -> None:
    caller = caller_with(token_lifetime=60.0)
    first = caller.call("CreateFailoverTestJob", ClientToken="t", **CREATE)["JobId"]
    caller.wait(61.0)

    assert caller.call("CreateFailoverTestJob", ClientToken="t", **CREATE)["JobId"] != first


def test_resources_come_back_on_stopping() -> None:
    seen = []
    for caller in (Caller(), caller_with(restored_on="Stopping")):
        caller.call("CreateFailoverTestJob", **{**NOW, "JobDuration": 1})
        caller.wait(2.0 + 60.0 + 1.0)
        seen.append(sessions(caller)[0])

    assert seen == ["Down", "Established"]


def test_what_cut_resources_show() -> None:
    caller = caller_with(while_testing={"PHYSICALCONNECTION": {"Status": "Unavailable"}})
    caller.call("CreateFailoverTestJob", **NOW)
    before = circuit_status(caller)
    caller.wait(2.0)

    assert (before, circuit_status(caller)) == ("Enabled", "Unavailable")
    assert sessions(caller) == ["Established", "Established"]


def test_ram_refuses_in_other_words() -> None:
    caller = Caller("two-regions")
    caller.cloud.settings = replace(caller.cloud.settings, ram_refusal="NoPermission")

    assert caller.refused("DeleteFailoverTestJob", key="readonly")[:2] == (403, "NoPermission")


def test_transitions_take_what_the_seed_draws() -> None:
    lengths = []
    for seed in (1, 1, 2):
        caller = Caller(seed=seed)
        caller.cloud.settings = replace(caller.cloud.settings, starting=(10.0, 100.0))
        job_id = caller.call("CreateFailoverTestJob", **NOW)["JobId"]
        with caller.cloud.held():
            lengths.append(next(caller.cloud.ledger.everything()).lasts["Starting"])
        assert job_id

    assert lengths[0] == lengths[1] != lengths[2]
    assert all(10.0 <= each <= 100.0 for each in lengths)
