"""
The client against the emulator, every test twice: in process, and over HTTP by its command.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from faces import CIRCUITS, Face

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.errors import (
    ApiError,
    ConnectionFailedError,
    FailoverError,
    InvalidReplyError,
    JobNotFoundError,
    JobStatusError,
    JobTimeoutError,
)

JOB: dict[str, Any] = {
    "resource_ids": ["pc-hangzhou-a"],
    "job_type": "StartLater",
    "job_duration": 5,
}


@pytest.fixture
def client(face: Face) -> Iterator[VpcClient]:
    """
    A client of the first account in cn-hangzhou.
    """
    with face.client() as made:
        yield made


def test_a_whole_life(client: VpcClient) -> None:
    job_id = client.create_failover_test_job(**JOB, name="A+B/~*演练", description="two words")
    client.update_failover_test_job(job_id, job_duration=7)
    client.start_failover_test_job(job_id)
    testing = client.wait_for_status(job_id, "Testing")
    client.stop_failover_test_job(job_id)
    stopped = client.wait_for_status(job_id, "Stopped")
    client.delete_failover_test_job(job_id)

    assert (testing["Name"], testing["Description"], testing["JobDuration"]) == (
        "A+B/~*演练",
        "two words",
        "7",
    )
    assert testing["ResourceId"] == ["pc-hangzhou-a"]
    assert stopped["StopTime"] > stopped["StartTime"]
    with pytest.raises(JobNotFoundError):
        client.describe_failover_test_job(job_id)


def test_a_job_ends_itself(client: VpcClient) -> None:
    job_id = client.create_failover_test_job(**{**JOB, "job_type": "StartNow"})
    job = client.wait_for_status(job_id, "Stopped", timeout=600.0, interval=5.0)

    assert job["Status"] == "Stopped"


def test_waiting_for_what_can_no_longer_come(face: Face, client: VpcClient) -> None:
    job_id = client.create_failover_test_job(**{**JOB, "job_type": "StartNow"})
    face.sleep(600.0)

    with pytest.raises(JobStatusError, match="is Stopped"):
        client.wait_for_status(job_id, "Testing")


def test_waiting_for_a_job_that_is_stuck(face: Face, client: VpcClient) -> None:
    face.fault("stuck-starting")
    job_id = client.create_failover_test_job(**{**JOB, "job_type": "StartNow"})

    with pytest.raises(JobTimeoutError, match="is Starting, not Testing, after 30 s"):
        client.wait_for_status(job_id, "Testing", timeout=30.0)


def test_an_unknown_status_is_waited_out(face: Face, client: VpcClient) -> None:
    face.fault("unknown-status", operation="DescribeFailoverTestJob", count=3)
    face.fault("extra-fields")
    job_id = client.create_failover_test_job(**{**JOB, "job_type": "StartNow"})

    assert client.wait_for_status(job_id, "Testing")["Status"] == "Testing"


def test_a_dry_run_creates_and_changes_nothing(client: VpcClient) -> None:
    job_id = client.create_failover_test_job(**JOB, name="before")

    assert client.create_failover_test_job(**JOB, dry_run=True) == ""
    client.update_failover_test_job(job_id, name="after", dry_run=True)
    assert [job["Name"] for job in client.describe_failover_test_jobs()] == ["before"]


def test_an_empty_description_clears_it(client: VpcClient) -> None:
    job_id = client.create_failover_test_job(**JOB, name="drill", description="old")
    client.update_failover_test_job(job_id, description="", resource_ids=["pc-hangzhou-b"])
    job = client.describe_failover_test_job(job_id)

    assert (job["Name"], job["Description"], job["ResourceId"]) == ("drill", "", ["pc-hangzhou-b"])


def test_all_pages_of_jobs_are_read(client: VpcClient) -> None:
    created = [client.create_failover_test_job(**JOB) for _ in range(103)]

    assert [job["JobId"] for job in client.describe_failover_test_jobs()] == created[::-1]


def test_jobs_are_filtered(client: VpcClient) -> None:
    wanted = client.create_failover_test_job(**JOB, name="wanted")
    client.create_failover_test_job(**JOB, name="other")
    filters = {
        "JobName": ["wanted", "neither"],
        "JobStatus": ["Init", "Testing"],
        "ResourceId": ["pc-hangzhou-a"],
        "ResourceType": ["PHYSICALCONNECTION"],
    }

    assert [job["JobId"] for job in client.describe_failover_test_jobs(filters)] == [wanted]


def test_all_pages_of_circuits_are_read(face: Face) -> None:
    with face.client(region="cn-beijing") as client:
        found = [each["PhysicalConnectionId"] for each in client.describe_physical_connections()]

    assert found == [f"pc-beijing-{number:03}" for number in range(CIRCUITS)]


def test_the_network_is_described(client: VpcClient) -> None:
    circuits = client.describe_physical_connections({"Status": ["Enabled"], "LineOperator": ["CU"]})
    routers = client.describe_virtual_border_routers(include_cross_account=True)
    peers = client.describe_bgp_peers(router_id="vbr-hangzhou-a")
    groups = client.describe_bgp_groups(router_id="vbr-hangzhou-b")

    assert [each["PhysicalConnectionId"] for each in circuits] == ["pc-hangzhou-b"]
    assert "vbr-foreign" in [each["VbrId"] for each in routers]
    assert [(each["BgpPeerId"], each["BgpStatus"]) for each in peers] == [
        ("bgp-hangzhou-a", "Established")
    ]
    assert [each["BgpGroupId"] for each in groups] == ["bgpg-hangzhou-b"]
    assert [each["RegionId"] for each in client.describe_regions()] == [
        "cn-hangzhou",
        "cn-shanghai",
        "cn-beijing",
    ]


def test_a_session_is_down_while_it_is_tested(client: VpcClient) -> None:
    job_id = client.create_failover_test_job(**{**JOB, "job_type": "StartNow"})
    client.wait_for_status(job_id, "Testing")
    (peer,) = client.describe_bgp_peers(bgp_peer_id="bgp-hangzhou-a")

    assert peer["BgpStatus"] == "Down"


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("start_failover_test_job", "IllegalParam.JobId"),
        ("stop_failover_test_job", "IllegalParam.JobId"),
        ("delete_failover_test_job", "IllegalParam.JobId"),
        ("update_failover_test_job", "IllegalParam.JobId"),
    ],
)
def test_a_refusal_is_an_api_error(
    face: Face, client: VpcClient, operation: str, code: str
) -> None:
    with pytest.raises(ApiError) as caught:
        getattr(client, operation)("ftj-none")

    sent = face.admin("GET", "requests")[-1]
    assert (caught.value.code, caught.value.http_status) == (code, 400)
    assert caught.value.request_id == sent["request_id"]


@pytest.mark.parametrize(
    ("key", "code", "http_status"),
    [
        ({"key": "emulator", "secret": "wrong"}, "SignatureDoesNotMatch", 400),
        ({"key": "nobody"}, "InvalidAccessKeyId.NotFound", 404),
        ({"key": "disabled"}, "InvalidAccessKeyId.Inactive", 400),
        ({"key": "readonly"}, "Forbidden.RAM", 403),
        ({"key": "temporary"}, "MissingSecurityToken", 400),
        ({"key": "temporary", "token": "other"}, "InvalidSecurityToken.Malformed", 400),
        ({"key": "expired", "token": "expired-token"}, "InvalidSecurityToken.Expired", 400),
    ],
)
def test_credentials_that_do_not_do(
    face: Face, key: dict[str, str], code: str, http_status: int
) -> None:
    with face.client(**key) as client, pytest.raises(ApiError) as caught:
        client.create_failover_test_job(**JOB)

    assert (caught.value.code, caught.value.http_status) == (code, http_status)
    assert "secret" not in str(caught.value)


def test_a_temporary_key_works_with_its_token(face: Face) -> None:
    with face.client("temporary", token="temporary-token") as client:
        assert list(client.describe_failover_test_jobs()) == []


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "throttling"},
        {"fault": "throttling", "retry_after": 700},
        {"fault": "unavailable"},
        {"fault": "internal-error"},
        {"fault": "refuse", "code": "EcFailoverTestJobConflict"},
        {"fault": "reset"},
        {"fault": "lost"},
        {"fault": "truncated"},
        {"fault": "html"},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_trouble_that_passes_is_outlived(
    face: Face, client: VpcClient, fault: dict[str, Any]
) -> None:
    """
    Twice in trouble, then through: one job, and one client token over all attempts.
    """
    face.fault(**fault, operation="CreateFailoverTestJob", count=2)
    job_id = client.create_failover_test_job(**JOB)
    sent = face.sent("CreateFailoverTestJob")

    assert [job["JobId"] for job in client.describe_failover_test_jobs()] == [job_id]
    assert len(sent) == 3
    assert len({each["parameters"]["ClientToken"] for each in sent}) == 1


def test_the_time_to_come_back_is_kept(face: Face, client: VpcClient) -> None:
    face.fault("throttling", retry_after=7000, count=1)
    before = face.now
    list(client.describe_failover_test_jobs())

    assert face.now - before > 6.9


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"fault": "throttling"}, ApiError),
        ({"fault": "reset"}, ConnectionFailedError),
        ({"fault": "html"}, InvalidReplyError),
    ],
)
def test_trouble_that_stays_is_told_within_the_deadline(
    face: Face, fault: dict[str, Any], error: type[FailoverError]
) -> None:
    face.fault(**fault)
    before = face.now
    with face.client(deadline=20.0) as client, pytest.raises(error):
        list(client.describe_failover_test_jobs())

    assert face.now - before < 20.1


def test_a_stop_whose_reply_is_lost_still_stops(face: Face, client: VpcClient) -> None:
    job_id = client.create_failover_test_job(**{**JOB, "job_type": "StartNow"})
    client.wait_for_status(job_id, "Testing")
    face.fault("lost", operation="StopFailoverTestJob", count=1)
    client.stop_failover_test_job(job_id)

    assert client.wait_for_status(job_id, "Stopped")["Status"] == "Stopped"
    assert len(face.sent("StopFailoverTestJob")) == 2


def test_the_clock_of_the_api_is_known(client: VpcClient) -> None:
    list(client.describe_failover_test_jobs())

    assert client.clock_offset is not None


def test_accounts_and_regions_do_not_see_each_other(face: Face, client: VpcClient) -> None:
    client.create_failover_test_job(**JOB)
    with face.client("neighbour") as other, face.client(region="cn-shanghai") as elsewhere:
        assert list(other.describe_failover_test_jobs()) == []
        assert list(elsewhere.describe_failover_test_jobs()) == []
