"""
The official SDK, unmodified and only pointed at the emulator: V3 and V1 signatures, sync and async.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_tea_openapi.exceptions import (
    ClientException,
    ServerException,
    ThrottlingException,
)
from alibabacloud_tea_openapi.models import Config
from alibabacloud_vpc20160428 import models
from alibabacloud_vpc20160428.client import Client

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.faults import fault_from

# The SDK calls datetime.utcnow(), which Python 3.12 deprecates.
pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
]

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
    The shared emulator as its topology has it.
    """
    served.cloud.reset()
    return served


class Caller:
    """
    Calls operations through an SDK client that differs from a production one in its endpoint only.
    """

    def __init__(self, emulator: Emulator, *, v1: bool, in_loop: bool, **changes: str) -> None:
        config = {
            "access_key_id": "emulator",
            "access_key_secret": SECRET,
            "region_id": REGION,
            "endpoint": emulator.url.removeprefix("http://"),
            "protocol": "http",
            **({"signature_algorithm": "v2"} if v1 else {}),
            **changes,
        }
        self._client = Client(Config(**config))
        self._in_loop = in_loop

    def call(self, operation: str, **given: Any) -> Any:
        """
        Call an operation by its SDK name and return the body of the reply.
        """
        name = "".join(word.capitalize() for word in operation.split("_"))
        request = getattr(models, f"{name}Request")(**{"region_id": REGION, **given})
        if self._in_loop:
            return asyncio.run(getattr(self._client, f"{operation}_async")(request)).body
        return getattr(self._client, operation)(request).body

    def create(self, **changes: Any) -> str:
        """
        Create a failover test and return its ID.
        """
        given = {
            "name": "drill A+B/~*演练",
            "description": "two words",
            "resource_type": "PHYSICALCONNECTION",
            "resource_id": ["pc-rehearsal-a"],
            "job_type": "StartLater",
            "job_duration": 1,
        }
        return str(self.call("create_failover_test_job", **{**given, **changes}).job_id)

    def describe(self, job_id: str) -> Any:
        """
        Return the model of a failover test.
        """
        return self.call("describe_failover_test_job", job_id=job_id).failover_test_job_model


@pytest.fixture(
    params=[(False, False), (False, True), (True, False), (True, True)],
    ids=["V3", "V3 async", "V1", "V1 async"],
)
def caller(request: pytest.FixtureRequest, emulator: Emulator) -> Caller:
    """
    A caller in each of the SDK's ways.
    """
    v1, in_loop = request.param
    return Caller(emulator, v1=v1, in_loop=in_loop)


def plain(emulator: Emulator, **changes: str) -> Caller:
    """
    Make a caller in the SDK's usual way.
    """
    return Caller(emulator, v1=False, in_loop=False, **changes)


def test_a_whole_life(emulator: Emulator, caller: Caller) -> None:
    """
    Create, describe, list, update, start, stop and delete.
    """
    job_id = caller.create()
    seen = [caller.describe(job_id).status]
    caller.call("update_failover_test_job", job_id=job_id, job_duration=5, dry_run=False)
    caller.call("start_failover_test_job", job_id=job_id)
    emulator.advance(2.0)
    seen.append(caller.describe(job_id).status)
    caller.call("stop_failover_test_job", job_id=job_id)
    emulator.advance(2.0)
    job = caller.describe(job_id)
    caller.call("delete_failover_test_job", job_id=job_id)

    assert [*seen, job.status] == ["Init", "Testing", "Stopped"]
    assert (job.name, job.description, job.resource_id, job.job_duration) == (
        "drill A+B/~*演练",
        "two words",
        ["pc-rehearsal-a"],
        "5",
    )
    assert caller.call("describe_failover_test_jobs").total_count == 0


def test_lists_are_filtered(caller: Caller) -> None:
    wanted = caller.create(name="wanted")
    caller.create(name="other")
    filters = [
        models.DescribeFailoverTestJobsRequestFilter(key="JobName", value=["wanted", "neither"]),
        models.DescribeFailoverTestJobsRequestFilter(key="JobStatus", value=["Init", "Testing"]),
    ]
    body = caller.call("describe_failover_test_jobs", filter=filters)

    assert [job.job_id for job in body.failover_test_job_list] == [wanted]
    assert body.total_count == body.count == 1


def test_refusals_are_the_sdk_s_own_exceptions(caller: Caller) -> None:
    job_id = caller.create()
    with pytest.raises(ClientException) as caught:
        caller.call("stop_failover_test_job", job_id=job_id)

    assert (caught.value.code, caught.value.status_code) == ("IncorrectStatus.OnlyForTesting", 400)
    assert caught.value.request_id in caught.value.message


def test_the_network_can_be_discovered(caller: Caller) -> None:
    circuits = caller.call("describe_physical_connections").physical_connection_set
    routers = caller.call("describe_virtual_border_routers").virtual_border_router_set
    on_a = caller.call(
        "describe_virtual_border_routers_for_physical_connection",
        physical_connection_id="pc-rehearsal-a",
    ).virtual_border_router_for_physical_connection_set
    groups = caller.call("describe_bgp_groups").bgp_groups.bgp_group
    peers = caller.call("describe_bgp_peers").bgp_peers.bgp_peer

    assert [each.status for each in circuits.physical_connection_type] == ["Enabled", "Enabled"]
    assert [each.physical_connection_id for each in routers.virtual_border_router_type] == [
        "pc-rehearsal-a",
        "pc-rehearsal-b",
    ]
    assert [each.vbr_id for each in on_a.virtual_border_router_for_physical_connection_type] == [
        "vbr-rehearsal-a"
    ]
    assert [each.router_id for each in groups] == ["vbr-rehearsal-a", "vbr-rehearsal-b"]
    assert [each.bgp_status for each in peers] == ["Established", "Established"]


def test_the_regions_can_be_listed(emulator: Emulator) -> None:
    request = models.DescribeRegionsRequest(accept_language="en-US")
    config = {"endpoint": emulator.url.removeprefix("http://"), "protocol": "http"}
    client = Client(Config(access_key_id="emulator", access_key_secret=SECRET, **config))

    assert [each.region_id for each in client.describe_regions(request).body.regions.region] == [
        REGION
    ]


@pytest.mark.parametrize("v1", [False, True], ids=["V3", "V1"])
@pytest.mark.parametrize(
    ("changes", "code", "http_status"),
    [
        ({"access_key_secret": "wrong"}, "SignatureDoesNotMatch", 400),
        ({"access_key_id": "nobody"}, "InvalidAccessKeyId.NotFound", 404),
        ({"security_token": "token"}, "InvalidSecurityToken.Malformed", 400),
    ],
)
def test_wrong_credentials(
    emulator: Emulator, v1: bool, changes: dict[str, str], code: str, http_status: int
) -> None:
    with pytest.raises(ClientException) as caught:
        Caller(emulator, v1=v1, in_loop=False, **changes).create()

    assert (caught.value.code, caught.value.status_code) == (code, http_status)


@pytest.mark.parametrize("v1", [False, True], ids=["V3", "V1"])
def test_a_temporary_key_works_with_its_token(v1: bool) -> None:
    key = {
        "access_key_id": "temporary",
        "access_key_secret": "temporary-secret",
        "security_token": "temporary-token",
    }
    with Emulator("two-regions") as emulator:
        caller = Caller(emulator, v1=v1, in_loop=False, **key)

        assert caller.call("describe_failover_test_jobs").total_count == 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"fault": "throttling", "retry_after": 1500}, ThrottlingException),
        ({"fault": "throttling"}, ClientException),
        ({"fault": "unavailable"}, ServerException),
    ],
)
def test_faults_are_the_sdk_s_own_exceptions(
    emulator: Emulator, fault: dict[str, Any], error: type[Exception]
) -> None:
    emulator.cloud.faults.faults.append(fault_from(fault))
    with pytest.raises(error) as caught:
        plain(emulator).create()

    assert getattr(caught.value, "retry_after", None) == fault.get("retry_after")


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
        caller = plain(emulator)
        caller.call("update_failover_test_job", job_id="ftj-good", name="n")
        for region, job_id in [(REGION, "ftj-good"), *REFUSED.values()]:
            with pytest.raises(ClientException) as caught:
                caller.call("start_failover_test_job", region_id=region, job_id=job_id)
            actual[caught.value.code] = (region, job_id)

    assert actual == {"EcFailoverTestJobConflict": (REGION, "ftj-good"), **REFUSED}
