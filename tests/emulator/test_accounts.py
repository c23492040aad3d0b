"""
Several accounts and regions, and what RAM lets a key do.
"""

from typing import Any

import pytest
from emulator_callers import CREATE, Caller

HANGZHOU = {"RegionId": "cn-hangzhou"}
SHANGHAI = {"RegionId": "cn-shanghai"}
OURS = {**CREATE, **HANGZHOU, "ResourceId": ["pc-hangzhou-a"], "JobType": "StartNow"}
THEIR_VBR = {
    **CREATE,
    **HANGZHOU,
    "ResourceType": "VIRTUALBORDERROUTER",
    "ResourceId": ["vbr-foreign"],
    "JobType": "StartNow",
}


@pytest.fixture
def caller() -> Caller:
    """
    A caller of the cloud with two accounts in two regions.
    """
    return Caller("two-regions")


def circuits(caller: Caller, **given: Any) -> list[str]:
    """
    Return the IDs of the circuits that a caller sees.
    """
    document = caller.call("DescribePhysicalConnections", **given)
    shown = document["PhysicalConnectionSet"]["PhysicalConnectionType"]
    return [each["PhysicalConnectionId"] for each in shown]


def routers(caller: Caller, **given: Any) -> list[str]:
    """
    Return the IDs of the VBRs that a caller sees.
    """
    document = caller.call("DescribeVirtualBorderRouters", **given)
    return [each["VbrId"] for each in document["VirtualBorderRouterSet"]["VirtualBorderRouterType"]]


def test_an_account_sees_its_own_circuits_of_the_region(caller: Caller) -> None:
    assert circuits(caller, **HANGZHOU) == ["pc-hangzhou-a", "pc-hangzhou-b"]
    assert circuits(caller, **SHANGHAI) == ["pc-shanghai"]
    assert circuits(caller, key="neighbour", **HANGZHOU) == ["pc-hosted"]


def test_foreign_vbrs_are_shown_on_request(caller: Caller) -> None:
    own = ["vbr-hangzhou-a", "vbr-hangzhou-b", "vbr-two-circuits"]

    assert routers(caller, **HANGZHOU) == own
    assert routers(caller, **HANGZHOU, IncludeCrossAccountVbr="True") == [*own, "vbr-foreign"]


def test_the_owner_of_a_circuit_sees_every_vbr_on_it(caller: Caller) -> None:
    document = caller.call(
        "DescribeVirtualBorderRoutersForPhysicalConnection",
        PhysicalConnectionId="pc-hangzhou-a",
        **HANGZHOU,
    )
    name = "VirtualBorderRouterForPhysicalConnection"
    shown = document[f"{name}Set"][f"{name}Type"]

    assert {each["VbrId"]: each["VbrOwnerUid"] for each in shown} == {
        "vbr-hangzhou-a": "",
        "vbr-two-circuits": "",
        "vbr-foreign": 1000000000000002,
    }


def test_a_foreign_circuit_has_no_vbrs_to_show(caller: Caller) -> None:
    actual = caller.refused(
        "DescribeVirtualBorderRoutersForPhysicalConnection",
        key="neighbour",
        PhysicalConnectionId="pc-hangzhou-a",
        **HANGZHOU,
    )

    assert actual[1] == "IllegalParam.PhysicalConnectionId"


@pytest.mark.parametrize(
    ("key", "region"), [("neighbour", HANGZHOU), ("", SHANGHAI)], ids=["account", "region"]
)
@pytest.mark.parametrize(
    "operation",
    [
        "DescribeFailoverTestJob",
        "StartFailoverTestJob",
        "StopFailoverTestJob",
        "UpdateFailoverTestJob",
        "DeleteFailoverTestJob",
    ],
)
def test_a_job_of_another_account_or_region_is_not_there(
    caller: Caller, key: str, region: dict[str, str], operation: str
) -> None:
    job_id = caller.call("CreateFailoverTestJob", **OURS)["JobId"]

    assert caller.refused(operation, key=key, JobId=job_id, **region)[1] == "IllegalParam.JobId"
    assert caller.call("DescribeFailoverTestJobs", key=key, **region)["TotalCount"] == 0


def test_each_region_can_run_a_test(caller: Caller) -> None:
    shanghai = {**OURS, **SHANGHAI, "ResourceId": ["pc-shanghai"]}
    caller.call("CreateFailoverTestJob", **OURS)

    assert "JobId" in caller.call("CreateFailoverTestJob", **shanghai)


def test_each_account_can_run_a_test_in_one_region(caller: Caller) -> None:
    caller.call("CreateFailoverTestJob", **OURS)
    theirs = {**OURS, "ResourceId": ["pc-hosted"]}

    assert "JobId" in caller.call("CreateFailoverTestJob", key="neighbour", **theirs)


def test_a_foreign_vbr_on_a_tested_circuit_is_taken(caller: Caller) -> None:
    """
    Related resources cannot be tested at the same time, whoever owns them.
    """
    caller.call("CreateFailoverTestJob", **OURS)

    assert caller.refused("CreateFailoverTestJob", key="neighbour", **THEIR_VBR)[1] == (
        "EcFailoverTestJobResourceInAnotherProcessingJob"
    )


def test_a_circuit_under_a_tested_foreign_vbr_is_taken(caller: Caller) -> None:
    caller.call("CreateFailoverTestJob", key="neighbour", **THEIR_VBR)

    assert caller.refused("CreateFailoverTestJob", **OURS)[1] == (
        "EcFailoverTestJobResourceInAnotherProcessingJob"
    )


def test_foreign_circuits_cannot_be_tested(caller: Caller) -> None:
    assert caller.refused("CreateFailoverTestJob", key="neighbour", **OURS)[1] == (
        "IllegalParam.ResourceId"
    )


def test_a_vbr_on_two_circuits_stands_while_one_of_them_does(caller: Caller) -> None:
    network = caller.cloud.network

    assert "vbr-two-circuits" not in network.down(["pc-hangzhou-a"])
    assert "vbr-two-circuits" in network.down(["pc-hangzhou-a", "pc-hangzhou-b"])


def test_client_tokens_of_two_accounts_do_not_meet(caller: Caller) -> None:
    later = {**OURS, "JobType": "StartLater", "ClientToken": "same"}
    ours = caller.call("CreateFailoverTestJob", **later)["JobId"]
    theirs = caller.call(
        "CreateFailoverTestJob", key="neighbour", **{**later, "ResourceId": ["pc-hosted"]}
    )["JobId"]

    assert ours != theirs


@pytest.mark.parametrize(
    ("key", "operation", "allowed"),
    [
        ("readonly", "DescribeFailoverTestJobs", True),
        ("readonly", "CreateFailoverTestJob", False),
        ("stoponly", "DescribeFailoverTestJobs", True),
        ("stoponly", "DescribePhysicalConnections", False),
        ("stoponly", "StartFailoverTestJob", False),
    ],
)
def test_ram_limits_a_key(caller: Caller, key: str, operation: str, allowed: bool) -> None:
    status, document = caller.send(operation, key=key, **HANGZHOU)

    assert (status, document.get("Code", "")) == ((200, "") if allowed else (403, "Forbidden.RAM"))
