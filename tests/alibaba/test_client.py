"""
Each operation sends what the API documents and returns what its caller needs.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from client_stand_in import Cloud, client_of, error_reply, reply
from faces import Face

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.query import flattened
from chaosfailover.errors import (
    ApiError,
    ArgumentError,
    InvalidReplyError,
    JobNotFoundError,
)

Use = Callable[[VpcClient], Any]

REGION = {"RegionId": "cn-hangzhou"}
OPERATIONS: list[Any] = [
    pytest.param(
        lambda client: client.create_failover_test_job(
            resource_ids=["pc-a", "pc-b"], job_type="StartLater", job_duration=5, name="drill"
        ),
        reply(JobId="ftj-1"),
        "CreateFailoverTestJob",
        {
            "ResourceType": "PHYSICALCONNECTION",
            "ResourceId.1": "pc-a",
            "ResourceId.2": "pc-b",
            "JobType": "StartLater",
            "JobDuration": "5",
            "Name": "drill",
        },
        "ftj-1",
        id="create",
    ),
    pytest.param(
        lambda client: client.start_failover_test_job("ftj-1"),
        reply(),
        "StartFailoverTestJob",
        {"JobId": "ftj-1"},
        None,
        id="start",
    ),
    pytest.param(
        lambda client: client.stop_failover_test_job("ftj-1"),
        reply(),
        "StopFailoverTestJob",
        {"JobId": "ftj-1"},
        None,
        id="stop",
    ),
    pytest.param(
        lambda client: client.delete_failover_test_job("ftj-1"),
        reply(),
        "DeleteFailoverTestJob",
        {"JobId": "ftj-1"},
        None,
        id="delete",
    ),
    pytest.param(
        lambda client: client.update_failover_test_job(
            "ftj-1", description="", resource_ids=["pc-b"], job_duration=7
        ),
        reply(),
        "UpdateFailoverTestJob",
        {"JobId": "ftj-1", "Description": "", "ResourceId.1": "pc-b", "JobDuration": "7"},
        None,
        id="update",
    ),
    pytest.param(
        lambda client: client.describe_failover_test_job("ftj-1"),
        reply(FailoverTestJobModel={"JobId": "ftj-1", "StartTime": None, "Name": ""}),
        "DescribeFailoverTestJob",
        {"JobId": "ftj-1"},
        {"JobId": "ftj-1", "StartTime": None, "Name": ""},
        id="describe",
    ),
    pytest.param(
        lambda client: list(
            client.describe_failover_test_jobs({"JobStatus": ["Init", "Testing"], "JobId": ["x"]})
        ),
        reply(FailoverTestJobList=[{"JobId": "ftj-1"}], TotalCount=1, NextToken=""),
        "DescribeFailoverTestJobs",
        {
            "Filter.1.Key": "JobStatus",
            "Filter.1.Value.1": "Init",
            "Filter.1.Value.2": "Testing",
            "Filter.2.Key": "JobId",
            "Filter.2.Value.1": "x",
            "MaxResults": "100",
        },
        [{"JobId": "ftj-1"}],
        id="list jobs",
    ),
    pytest.param(
        lambda client: list(client.describe_physical_connections({"Status": ["Enabled"]})),
        reply(
            PhysicalConnectionSet={
                "PhysicalConnectionType": [
                    {"PhysicalConnectionId": "pc-a", "MacsecKeys": {"MacsecKey": [{"Cak": "k"}]}}
                ]
            },
            TotalCount=1,
        ),
        "DescribePhysicalConnections",
        {
            "Filter.1.Key": "Status",
            "Filter.1.Value.1": "Enabled",
            "PageNumber": "1",
            "PageSize": "50",
        },
        [{"PhysicalConnectionId": "pc-a", "MacsecKeys": {"MacsecKey": [{}]}}],
        id="circuits, without MACsec keys",
    ),
    pytest.param(
        lambda client: list(client.describe_virtual_border_routers(include_cross_account=True)),
        reply(
            VirtualBorderRouterSet={"VirtualBorderRouterType": [{"VbrId": "vbr-a"}]}, TotalCount=1
        ),
        "DescribeVirtualBorderRouters",
        {"IncludeCrossAccountVbr": "true", "PageNumber": "1", "PageSize": "50"},
        [{"VbrId": "vbr-a"}],
        id="VBRs",
    ),
    pytest.param(
        lambda client: list(client.describe_bgp_peers(router_id="vbr-a", bgp_peer_id="bgp-a")),
        reply(BgpPeers={"BgpPeer": [{"BgpPeerId": "bgp-a", "AuthKey": "!PWZ2"}]}, TotalCount=1),
        "DescribeBgpPeers",
        {"RouterId": "vbr-a", "BgpPeerId": "bgp-a", "PageNumber": "1", "PageSize": "50"},
        [{"BgpPeerId": "bgp-a"}],
        id="BGP peers, without passwords",
    ),
    pytest.param(
        lambda client: list(client.describe_bgp_groups()),
        reply(BgpGroups={"BgpGroup": [{"BgpGroupId": "bgpg-a", "AuthKey": "!PWZ2"}]}, TotalCount=1),
        "DescribeBgpGroups",
        {"PageNumber": "1", "PageSize": "50"},
        [{"BgpGroupId": "bgpg-a"}],
        id="BGP groups, without passwords",
    ),
]


@pytest.mark.parametrize(("use", "answer", "operation", "parameters", "result"), OPERATIONS)
def test_operation(
    face: Face,
    use: Use,
    answer: httpx.Response,
    operation: str,
    parameters: dict[str, str],
    result: Any,
) -> None:
    """An operation is one signed POST with its parameters and the region in the query."""
    cloud = Cloud([answer], face)
    returned = use(client_of(cloud))
    sent = cloud.parameters[0]
    token = sent.pop("ClientToken", None)
    request = cloud.requests[0]

    assert returned == result
    assert sent == REGION | parameters
    assert (token is None) == operation.startswith("Describe")
    assert (request.method, str(request.url.copy_with(query=None))) == (
        "POST",
        "https://vpc.aliyuncs.com/",
    )
    assert request.headers["x-acs-action"] == operation
    assert request.headers["x-acs-version"] == "2016-04-28"
    assert request.headers["authorization"].startswith("ACS3-HMAC-SHA256 Credential=AKID-of-test,")


def test_client_token_is_a_new_uuid_per_call(face: Face) -> None:
    """Two calls are two logical requests."""
    cloud = Cloud([reply(), reply()], face)
    client = client_of(cloud)
    client.stop_failover_test_job("ftj-1")
    client.stop_failover_test_job("ftj-1")
    first, second = (UUID(sent["ClientToken"]) for sent in cloud.parameters)

    assert first != second


@pytest.mark.parametrize(
    ("nested", "flat"),
    [
        pytest.param({"A": [{"B": ["x", "y"]}]}, {"A.1.B.1": "x", "A.1.B.2": "y"}, id="nested"),
        pytest.param({"A": None, "B": [], "C": {}}, {}, id="nothing"),
        pytest.param({"A": "", "B": 0, "C": (1,)}, {"A": "", "B": "0", "C.1": "1"}, id="falsy"),
        pytest.param({"A": True, "B": False}, {"A": "true", "B": "false"}, id="booleans"),
    ],
)
def test_nested_parameters_are_flattened(nested: dict[str, Any], flat: dict[str, str]) -> None:
    """Lists count from 1, and what is not set is not sent."""
    assert flattened(nested) == flat


def test_dry_run_passes_when_the_api_says_so(face: Face) -> None:
    """DryRunOperation is the API's way to say that a dry run succeeded."""
    cloud = Cloud([error_reply("DryRunOperation"), error_reply("DryRunOperation")], face)
    client = client_of(cloud)
    job_id = client.create_failover_test_job(
        resource_ids=["pc-a"], job_type="StartNow", job_duration=1, dry_run=True
    )
    client.update_failover_test_job("ftj-1", name="drill", dry_run=True)

    assert job_id == ""
    assert [sent["DryRun"] for sent in cloud.parameters] == ["true", "true"]


def test_dry_run_fails_with_the_real_error(face: Face) -> None:
    """Only DryRunOperation is a success."""
    cloud = Cloud([error_reply("IncorrectStatus.ResourceId")], face)

    with pytest.raises(ApiError, match=r"^IncorrectStatus\.ResourceId: As documented\."):
        client_of(cloud).create_failover_test_job(
            resource_ids=["pc-a"], job_type="StartNow", job_duration=1, dry_run=True
        )


def test_job_that_does_not_exist(face: Face) -> None:
    """An illegal job ID reads as a missing job, and the API's error stays its cause."""
    cloud = Cloud([error_reply("IllegalParam.JobId")], face)

    with pytest.raises(JobNotFoundError, match="no failover test 'ftj-9' in cn-hangzhou") as caught:
        client_of(cloud).describe_failover_test_job("ftj-9")

    assert isinstance(caught.value.__cause__, ApiError)


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(
            lambda client: client.create_failover_test_job(
                resource_ids="pc-a", job_type="StartNow", job_duration=1
            ),
            id="a string for a list",
        ),
        pytest.param(
            lambda client: client.update_failover_test_job("ftj-1", resource_ids=[]),
            id="an empty list, which would not be sent",
        ),
        pytest.param(
            lambda client: list(client.describe_failover_test_jobs({"JobStatus": []})),
            id="a filter without values",
        ),
    ],
)
def test_malformed_request_is_not_sent(face: Face, use: Use) -> None:
    """What would be read as something else by the API is refused before any request."""
    cloud = Cloud([], face)

    with pytest.raises(ArgumentError, match="expected a list of one or more strings"):
        use(client_of(cloud))

    assert cloud.requests == []


@pytest.mark.parametrize(
    ("use", "missing"),
    [
        pytest.param(
            lambda client: client.describe_failover_test_job("ftj-1"),
            "FailoverTestJobModel",
            id="describe",
        ),
        pytest.param(
            lambda client: client.create_failover_test_job(
                resource_ids=["pc-a"], job_type="StartNow", job_duration=1
            ),
            "JobId",
            id="create",
        ),
    ],
)
def test_reply_without_its_content(face: Face, use: Use, missing: str) -> None:
    """A success that lacks what was asked for is no success."""
    with pytest.raises(InvalidReplyError, match=f"the reply has no {missing}"):
        use(client_of(Cloud([reply()], face)))


def peers(*ids: str, total: int | None) -> httpx.Response:
    return reply(BgpPeers={"BgpPeer": [{"BgpPeerId": id_} for id_ in ids]}, TotalCount=total)


def jobs(*ids: str, token: str | None, total: int = 3) -> httpx.Response:
    return reply(
        FailoverTestJobList=[{"JobId": id_} for id_ in ids], NextToken=token, TotalCount=total
    )


def test_pages_are_followed_by_token(face: Face) -> None:
    """Each page is asked for with the token of the one before; null ends the list."""
    cloud = Cloud([jobs("a", token="t1"), jobs(token="t2"), jobs("b", "c", token=None)], face)
    found = client_of(cloud).describe_failover_test_jobs()

    assert [job["JobId"] for job in found] == ["a", "b", "c"]
    assert [sent.get("NextToken") for sent in cloud.parameters] == [None, "t1", "t2"]


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param([peers("a", "b", total=3), peers("c", total=3)], id="by TotalCount"),
        pytest.param(
            [peers("a", "b", total=None), peers("c", total=None), peers(total=None)],
            id="without TotalCount, to an empty page",
        ),
    ],
)
def test_pages_are_followed_by_number(face: Face, pages: list[httpx.Response]) -> None:
    """Pages are asked for one after the other until all is read."""
    cloud = Cloud(pages, face)
    found = client_of(cloud).describe_bgp_peers()

    assert [peer["BgpPeerId"] for peer in found] == ["a", "b", "c"]
    assert [int(sent["PageNumber"]) for sent in cloud.parameters] == [*range(1, len(pages) + 1)]


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param([peers("a", "b", total=4), peers(total=4)], id="fewer than counted"),
        pytest.param([peers("a", "b", total=4), peers("d", total=3)], id="shifted"),
        pytest.param([peers("a", "b", total=4), peers("b", "d", total=4)], id="moved"),
    ],
)
def test_listing_that_is_not_whole_is_read_again(face: Face, pages: list[httpx.Response]) -> None:
    """What vanished or moved while the pages were read is not taken for the whole."""
    cloud = Cloud([*pages, peers("a", "b", "c", total=3)], face)
    found = client_of(cloud).describe_bgp_peers()

    assert [peer["BgpPeerId"] for peer in found] == ["a", "b", "c"]
    assert [int(sent["PageNumber"]) for sent in cloud.parameters] == [1, 2, 1]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="no set"),
        pytest.param({"BgpPeers": None}, id="null"),
        pytest.param({"BgpPeers": ""}, id="empty string"),
        pytest.param({"BgpPeers": {}}, id="no list"),
        pytest.param({"BgpPeers": {"BgpPeer": []}}, id="empty list"),
    ],
)
def test_empty_list(face: Face, document: dict[str, Any]) -> None:
    """Every way to write an empty list is accepted."""
    cloud = Cloud([reply(TotalCount=0, **document)], face)

    assert list(client_of(cloud).describe_bgp_peers()) == []


def endless_pages() -> Iterator[httpx.Response]:
    number = 0
    while True:
        number += 1
        yield peers(f"bgp-{number}", total=None)


def endless_tokens() -> Iterator[httpx.Response]:
    number = 0
    while True:
        number += 1
        yield jobs("a", token=f"t{number}")


@pytest.mark.sample(3)
@pytest.mark.long
@pytest.mark.parametrize(
    ("use", "answers", "message"),
    [
        pytest.param(
            lambda client: client.describe_failover_test_jobs(),
            [jobs("a", token="t1"), jobs("b", token="t1")],
            "NextToken 't1' came twice",
            id="a token twice",
        ),
        pytest.param(
            lambda client: client.describe_failover_test_jobs(),
            endless_tokens(),
            "did not end after 1000 pages",
            id="tokens without end",
        ),
        pytest.param(
            lambda client: client.describe_bgp_peers(),
            [peers("a", total=9), peers("a", total=9)],
            "page 2 of BgpPeer repeats page 1",
            id="PageNumber is ignored",
        ),
        pytest.param(
            lambda client: client.describe_bgp_peers(),
            endless_pages(),
            "did not end after 1000 pages",
            id="pages without end",
        ),
        pytest.param(
            lambda client: client.describe_failover_test_jobs(),
            [jobs(token=None, total=1)] * 2,
            "TotalCount is 1, and 0 of them could be read",
            id="counted, not listed",
        ),
        pytest.param(
            lambda client: client.describe_failover_test_jobs(),
            [jobs("a", token=None, total=3)] * 2,
            "TotalCount is 3, and 1 of them could be read",
            id="fewer tests than counted",
        ),
        pytest.param(
            lambda client: client.describe_bgp_peers(),
            [peers("a", "b", "c", total=8), peers(total=8)] * 2,
            "TotalCount is 8, and 3 of them could be read",
            id="fewer than counted",
        ),
        pytest.param(
            lambda client: client.describe_bgp_peers(),
            [reply(BgpPeers={"BgpPeer": ["bgp-1"]})],
            "BgpPeers.BgpPeer is not a list of objects",
            id="not objects",
        ),
    ],
)
def test_pages_that_cannot_be_right(face: Face, use: Use, answers: Any, message: str) -> None:
    """Paging ends with an error rather than never, or with half an answer."""
    with pytest.raises(InvalidReplyError, match=re.escape(message)):
        list(use(client_of(Cloud(answers, face))))


def test_attributes_name_region_and_endpoint(face: Face) -> None:
    """A client says where it works; closing it is what its context does."""
    with client_of(Cloud([reply()], face), endpoint="127.0.0.1:8080") as client:
        client.call("DescribeRegions", {})

    assert (client.region_id, client.endpoint) == ("cn-hangzhou", "http://127.0.0.1:8080")
    with pytest.raises(RuntimeError, match="closed"):
        client.call("DescribeRegions", {})
