"""
The refusals of Start and Create: code, HTTP status and message to the letter.
"""

import pytest
from emulator_callers import CREATE, Caller

MORE_THAN_ONE_VBR = (
    "The specified physicalConnection contains more than one virtualBorderRouter"
    " which is across count."
)

START_REFUSALS = [
    pytest.param(
        {"JobId": "ftj-nobody-knows"},
        ("IllegalParam.JobId", "The specified parameter JobId is illegal."),
        id="IllegalParam.JobId",
    ),
    pytest.param(
        {"JobId": "ftj-stopped"},
        ("IncorrectStatus.OnlyForInit", "Only the init status failover test job can be started."),
        id="IncorrectStatus.OnlyForInit",
    ),
    pytest.param(
        {"JobId": "ftj-related", "RegionId": "cn-beijing"},
        (
            "EcFailoverTestJobResourceInAnotherProcessingJob",
            "There is another processing failover test job.",
        ),
        id="EcFailoverTestJobResourceInAnotherProcessingJob",
    ),
    pytest.param(
        {"JobId": "ftj-unknown-resource"},
        ("IllegalParam.ResourceId", "The input parameter resource ID is invalid."),
        id="IllegalParam.ResourceId",
    ),
    pytest.param(
        {"JobId": "ftj-terminated"},
        ("IncorrectStatus.ResourceId", "The specified resource status is invalid."),
        id="IncorrectStatus.ResourceId",
    ),
    pytest.param(
        {"JobId": "ftj-in-arrears"},
        (
            "IncorrectBusinessStatus.ResourceId",
            "The specified resource business status is invalid.",
        ),
        id="IncorrectBusinessStatus.ResourceId",
    ),
    pytest.param(
        {"JobId": "ftj-no-vbr"},
        ("VpconnNotAssociatedVbr", "The specified vpconn is not associated with vbr."),
        id="VpconnNotAssociatedVbr",
    ),
    pytest.param(
        {"JobId": "ftj-vlan-0"},
        (
            "VpconnWithVlan0NotSupportShutdown",
            "The specified virtualPhysicalConnection with vlan 0 does not support shutdown.",
        ),
        id="VpconnWithVlan0NotSupportShutdown",
    ),
    pytest.param(
        {"JobId": "ftj-two-hosted"},
        (
            "PconnContainsMoreThanOneVpconn",
            "The specified physicalConnection contains more than one virtualPhysicalConnection.",
        ),
        id="PconnContainsMoreThanOneVpconn",
    ),
    pytest.param(
        {"JobId": "ftj-two-foreign"},
        ("PconnContailsMoreThanOneAcrossCountVbr", MORE_THAN_ONE_VBR),
        id="PconnContailsMoreThanOneAcrossCountVbr",
    ),
    pytest.param(
        {"JobId": "ftj-another", "RegionId": "cn-shanghai"},
        ("AnotherJobTesting", "There is another job which is testing."),
        id="AnotherJobTesting",
    ),
]


@pytest.mark.parametrize(("arguments", "expected"), START_REFUSALS)
def test_start_is_refused(arguments: dict[str, str], expected: tuple[str, str]) -> None:
    """
    Each documented refusal of StartFailoverTestJob can be reached, and changes nothing.
    """
    caller = Caller("refusals")
    before = list(caller.cloud.ledger.everything())

    actual = caller.refused("StartFailoverTestJob", **arguments)

    assert actual == (400, *expected)
    assert list(caller.cloud.ledger.everything()) == before


def test_second_call_on_a_job_conflicts() -> None:
    """
    EcFailoverTestJobConflict: a call while another one is at work on the job.
    """
    caller = Caller("refusals")
    caller.call("UpdateFailoverTestJob", JobId="ftj-good", Name="renamed")

    actual = caller.refused("StartFailoverTestJob", JobId="ftj-good")

    assert actual == (
        400,
        "EcFailoverTestJobConflict",
        "The current failover test job task is in operation, please try again later.",
    )
    assert caller.status("ftj-good") == "Init"


def test_a_conflict_passes() -> None:
    """
    The same call goes through once the other operation is over.
    """
    caller = Caller("refusals")
    caller.call("UpdateFailoverTestJob", JobId="ftj-good", Name="renamed")
    caller.wait(0.6)

    caller.call("StartFailoverTestJob", JobId="ftj-good")

    assert caller.status("ftj-good") == "Starting"


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        ("pc-gone", "IllegalParam.ResourceId"),
        ("pc-terminated", "IncorrectStatus.ResourceId"),
        ("pc-in-arrears", "IncorrectBusinessStatus.ResourceId"),
        ("pc-hosted-no-vbr", "VpconnNotAssociatedVbr"),
        ("pc-hosted-vlan-0", "VpconnWithVlan0NotSupportShutdown"),
        ("pc-two-hosted", "PconnContainsMoreThanOneVpconn"),
        ("pc-two-foreign", "PconnContailsMoreThanOneAcrossCountVbr"),
    ],
)
@pytest.mark.parametrize("job_type", ["StartNow", "StartLater"])
def test_create_checks_the_resources(resource: str, code: str, job_type: str) -> None:
    """
    Create refuses what Start would refuse, also for StartLater, and creates nothing.
    """
    caller = Caller("refusals")
    before = list(caller.cloud.ledger.everything())

    actual = caller.refused(
        "CreateFailoverTestJob", **{**CREATE, "ResourceId": [resource], "JobType": job_type}
    )

    assert actual[:2] == (400, code)
    assert list(caller.cloud.ledger.everything()) == before


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"ResourceId": None}, "MissingResourceId", id="no resource"),
        pytest.param({"JobType": None}, "MissingJobType", id="no job type"),
        pytest.param({"JobDuration": None}, "MissingJobDuration", id="no duration"),
        pytest.param({"ResourceType": None}, "MissingResourceType", id="no resource type"),
        pytest.param({"JobDuration": 0}, "IllegalParam.JobDuration", id="duration 0"),
        pytest.param({"JobDuration": 4321}, "IllegalParam.JobDuration", id="duration 4321"),
        pytest.param({"JobDuration": "1.5"}, "InvalidJobDuration", id="no integer"),
        pytest.param({"JobDuration": "9" * 5000}, "InvalidJobDuration", id="a huge integer"),
        pytest.param({"JobType": "Later"}, "IllegalParam.JobType", id="unknown job type"),
        pytest.param({"ResourceType": "VPC"}, "IllegalParam.ResourceType", id="unknown type"),
        pytest.param({"Name": "n" * 129}, "IllegalParam.Name", id="long name"),
        pytest.param({"Name": "http://name"}, "IllegalParam.Name", id="name is a URL"),
        pytest.param({"Description": "d" * 257}, "IllegalParam.Description", id="description"),
        pytest.param({"ClientToken": "t" * 65}, "IllegalParam.ClientToken", id="long token"),
        pytest.param({"ClientToken": "tökén"}, "IllegalParam.ClientToken", id="token not ASCII"),
        pytest.param({"DryRun": "perhaps"}, "InvalidDryRun", id="no boolean"),
        pytest.param(
            {"ResourceId": [f"pc-{n}" for n in range(17)]}, "IllegalParam.ResourceId", id="17 ids"
        ),
        pytest.param(
            {"ResourceId": ["pc-rehearsal-a"] * 2}, "IllegalParam.ResourceId", id="an id twice"
        ),
        pytest.param({"ResourceId": ["vbr-rehearsal-a"]}, "IllegalParam.ResourceId", id="a VBR"),
        pytest.param({"RegionId": "cn-nowhere"}, "InvalidRegionId.NotFound", id="region"),
    ],
)
def test_create_is_refused(change: dict[str, object], expected: str) -> None:
    """
    Create refuses what is missing or out of range, and creates nothing.
    """
    caller = Caller()

    actual = caller.refused("CreateFailoverTestJob", **{**CREATE, **change})

    assert actual[1] == expected
    assert list(caller.cloud.ledger.everything()) == []


def test_start_now_is_refused_while_a_job_runs_in_the_region() -> None:
    """
    StartNow gets AnotherJobTesting; StartLater is allowed.
    """
    caller = Caller()
    other = {**CREATE, "ResourceId": ["pc-rehearsal-b"]}
    caller.call("CreateFailoverTestJob", **{**CREATE, "JobType": "StartNow"})

    refused = caller.refused("CreateFailoverTestJob", **{**other, "JobType": "StartNow"})

    assert refused[1] == "AnotherJobTesting"
    assert "JobId" in caller.call("CreateFailoverTestJob", **other)
