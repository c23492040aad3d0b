"""
The official SDK, unmodified and only pointed at the emulator.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.models import Config
from alibabacloud_vpc20160428 import models
from alibabacloud_vpc20160428.client import Client

from chaosfailover.emulator import Emulator

# The SDK calls datetime.utcnow(), which Python 3.12 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

REGION = "cn-hangzhou"
SECRET = "emulator-secret"
ANY = {"portal": 0, "echo": 0, "ledger": 0}


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    """
    An emulator that the tests of this module share.
    """
    with Emulator(service_ports=ANY) as emulator:
        yield emulator


@pytest.fixture
def emulator(served: Emulator) -> Emulator:
    """
    The shared emulator with no test running.
    """
    served.advance(86400 * 4)
    return served


def client_for(emulator: Emulator, key_id: str = "emulator", secret: str = SECRET) -> Any:
    """
    Make an SDK client that differs from a production one in its endpoint only.
    """
    config = Config(
        access_key_id=key_id,
        access_key_secret=secret,
        region_id=REGION,
        endpoint=emulator.url.removeprefix("http://"),
        protocol="http",
    )
    return Client(config)


def create(client: Any, **changes: Any) -> str:
    """
    Create a failover test and return its ID.
    """
    request = models.CreateFailoverTestJobRequest(
        region_id=REGION,
        name="drill A+B/~*演练",
        description="two words",
        resource_type="PHYSICALCONNECTION",
        resource_id=["pc-rehearsal-a"],
        job_type="StartLater",
        job_duration=1,
    )
    for name, value in changes.items():
        setattr(request, name, value)
    return str(client.create_failover_test_job(request).body.job_id)


def status(client: Any, job_id: str) -> str:
    """
    Return a failover test's status.
    """
    request = models.DescribeFailoverTestJobRequest(region_id=REGION, job_id=job_id)
    body = client.describe_failover_test_job(request).body
    return str(body.failover_test_job_model.status)


def test_a_whole_life(emulator: Emulator) -> None:
    """
    Create, describe, list with filters, update, start, stop and delete.
    """
    client = client_for(emulator)
    job_id = create(client)
    seen = [status(client, job_id)]
    client.update_failover_test_job(
        models.UpdateFailoverTestJobRequest(region_id=REGION, job_id=job_id, job_duration=5)
    )
    client.start_failover_test_job(
        models.StartFailoverTestJobRequest(region_id=REGION, job_id=job_id)
    )
    emulator.advance(2.0)
    seen.append(status(client, job_id))
    client.stop_failover_test_job(
        models.StopFailoverTestJobRequest(region_id=REGION, job_id=job_id)
    )
    emulator.advance(2.0)
    seen.append(status(client, job_id))
    client.delete_failover_test_job(
        models.DeleteFailoverTestJobRequest(region_id=REGION, job_id=job_id)
    )

    assert seen == ["Init", "Testing", "Stopped"]


def test_a_described_job_has_what_was_asked_for(emulator: Emulator) -> None:
    client = client_for(emulator)
    job_id = create(client)
    request = models.DescribeFailoverTestJobRequest(region_id=REGION, job_id=job_id)
    job = client.describe_failover_test_job(request).body.failover_test_job_model

    assert (job.name, job.resource_id, job.job_duration, job.start_time) == (
        "drill A+B/~*演练",
        ["pc-rehearsal-a"],
        "1",
        None,
    )


def test_lists_are_filtered(emulator: Emulator) -> None:
    client = client_for(emulator)
    wanted, other = create(client, name="wanted"), create(client, name="other")
    filters = [
        models.DescribeFailoverTestJobsRequestFilter(key="JobName", value=["wanted", "neither"]),
        models.DescribeFailoverTestJobsRequestFilter(key="JobStatus", value=["Init", "Testing"]),
    ]
    request = models.DescribeFailoverTestJobsRequest(region_id=REGION, filter=filters)
    body = client.describe_failover_test_jobs(request).body
    found = [job.job_id for job in body.failover_test_job_list]

    assert wanted in found
    assert other not in found
    assert body.total_count == body.count == len(found)


def test_the_network_can_be_discovered(emulator: Emulator) -> None:
    client = client_for(emulator)
    circuits = client.describe_physical_connections(
        models.DescribePhysicalConnectionsRequest(region_id=REGION)
    ).body.physical_connection_set.physical_connection_type
    routers = client.describe_virtual_border_routers(
        models.DescribeVirtualBorderRoutersRequest(region_id=REGION)
    ).body.virtual_border_router_set.virtual_border_router_type
    groups = client.describe_bgp_groups(
        models.DescribeBgpGroupsRequest(region_id=REGION)
    ).body.bgp_groups.bgp_group
    peers = client.describe_bgp_peers(
        models.DescribeBgpPeersRequest(region_id=REGION)
    ).body.bgp_peers.bgp_peer

    assert [each.status for each in circuits] == ["Enabled", "Enabled"]
    assert [each.physical_connection_id for each in routers] == ["pc-rehearsal-a", "pc-rehearsal-b"]
    assert [each.router_id for each in groups] == ["vbr-rehearsal-a", "vbr-rehearsal-b"]
    assert [each.bgp_status for each in peers] == ["Established", "Established"]


def test_refusals_are_the_sdk_s_own_exceptions(emulator: Emulator) -> None:
    client = client_for(emulator)
    job_id = create(client)
    with pytest.raises(ClientException) as caught:
        client.stop_failover_test_job(
            models.StopFailoverTestJobRequest(region_id=REGION, job_id=job_id)
        )

    assert (caught.value.code, caught.value.status_code) == ("IncorrectStatus.OnlyForTesting", 400)
    assert caught.value.request_id in caught.value.message


@pytest.mark.parametrize(
    ("key_id", "secret", "code", "http_status"),
    [
        ("emulator", "wrong", "SignatureDoesNotMatch", 400),
        ("nobody", "emulator-secret", "InvalidAccessKeyId.NotFound", 404),
    ],
)
def test_wrong_credentials(
    emulator: Emulator, key_id: str, secret: str, code: str, http_status: int
) -> None:
    with pytest.raises(ClientException) as caught:
        create(client_for(emulator, key_id, secret))

    assert (caught.value.code, caught.value.status_code) == (code, http_status)


REFUSED = {
    "IllegalParam.JobId": (REGION, "ftj-nobody-knows"),
    "IncorrectStatus.OnlyForInit": (REGION, "ftj-stopped"),
    "EcFailoverTestJobResourceInAnotherProcessingJob": ("cn-beijing", "ftj-related"),
    "IllegalParam.ResourceId": (REGION, "ftj-unknown-resource"),
    "IncorrectStatus.ResourceId": (REGION, "ftj-terminated"),
    "IncorrectBusinessStatus.ResourceId": (REGION, "ftj-in-arrears"),
    "VpconnNotAssociatedVbr": (REGION, "ftj-no-vbr"),
    "VpconnWithVlan0NotSupportShutdown": (REGION, "ftj-vlan-0"),
    "PconnContainsMoreThanOneVpconn": (REGION, "ftj-two-hosted"),
    "PconnContailsMoreThanOneAcrossCountVbr": (REGION, "ftj-two-foreign"),
    "AnotherJobTesting": ("cn-shanghai", "ftj-another"),
}


def test_every_refusal_of_start() -> None:
    """
    The topology `refusals` brings each documented code of StartFailoverTestJob to the SDK.
    """
    actual = {}
    with Emulator("refusals") as emulator:
        client = client_for(emulator)
        client.update_failover_test_job(
            models.UpdateFailoverTestJobRequest(region_id=REGION, job_id="ftj-good", name="n")
        )
        for region, job_id in [(REGION, "ftj-good"), *REFUSED.values()]:
            request = models.StartFailoverTestJobRequest(region_id=region, job_id=job_id)
            with pytest.raises(ClientException) as caught:
                client.start_failover_test_job(request)
            actual[caught.value.code] = (region, job_id)

    assert actual == {"EcFailoverTestJobConflict": (REGION, "ftj-good"), **REFUSED}
