"""
Filters and pages of every list.
"""

from dataclasses import replace
from typing import Any

import pytest
from emulator_callers import CREATE, Caller

REGION = {"RegionId": "cn-hangzhou"}


def filtered(*pairs: tuple[str, list[str]]) -> dict[str, Any]:
    """
    Make a Filter parameter.
    """
    return {"Filter": [{"Key": key, "Value": values} for key, values in pairs]}


def three_jobs() -> tuple[Caller, list[str]]:
    """
    Make a caller with three jobs, named one, two and three; the last one is Testing.
    """
    caller = Caller()
    resources = (("one", "pc-rehearsal-a"), ("two", "pc-rehearsal-b"), ("three", "pc-rehearsal-a"))
    ids = [
        caller.call("CreateFailoverTestJob", **{**CREATE, "Name": name, "ResourceId": [resource]})
        for name, resource in resources
    ]
    job_ids = [each["JobId"] for each in ids]
    caller.call("StartFailoverTestJob", JobId=job_ids[2])
    caller.wait(2.0)
    return caller, job_ids


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param((), [2, 1, 0], id="newest first"),
        pytest.param((("JobName", ["one"]),), [0], id="name"),
        pytest.param((("JobName", ["on"]),), [], id="part of a name"),
        pytest.param((("JobName", ["one", "two"]),), [1, 0], id="values are alternatives"),
        pytest.param((("JobStatus", ["Testing"]),), [2], id="status"),
        pytest.param((("JobStatus", ["Init"]), ("JobName", ["two"])), [1], id="filters add up"),
        pytest.param((("JobStatus", ["Testing"]), ("JobName", ["two"])), [], id="none"),
        pytest.param(
            (("ResourceId", ["pc-rehearsal-a"]), ("ResourceType", ["PHYSICALCONNECTION"])),
            [2, 0],
            id="resource",
        ),
        pytest.param(
            (("ResourceName", ["rehearsal-b"]), ("ResourceType", ["PHYSICALCONNECTION"])),
            [1],
            id="name of a resource",
        ),
        pytest.param((("ResourceType", ["BGPPEER"]),), [], id="type"),
    ],
)
def test_jobs_are_filtered(filters: tuple[tuple[str, list[str]], ...], expected: list[int]) -> None:
    caller, ids = three_jobs()
    document = caller.call("DescribeFailoverTestJobs", **filtered(*filters))

    assert [each["JobId"] for each in document["FailoverTestJobList"]] == [ids[n] for n in expected]
    assert document["TotalCount"] == document["Count"] == len(expected)


def test_a_job_is_found_by_its_id() -> None:
    caller, ids = three_jobs()
    document = caller.call("DescribeFailoverTestJobs", **filtered(("JobId", [ids[1], "ftj-x"])))

    assert [each["JobId"] for each in document["FailoverTestJobList"]] == [ids[1]]


def test_names_can_be_fuzzy() -> None:
    caller, ids = three_jobs()
    caller.cloud.settings = replace(caller.cloud.settings, fuzzy_names=True)
    document = caller.call("DescribeFailoverTestJobs", **filtered(("JobName", ["t"])))

    assert [each["JobId"] for each in document["FailoverTestJobList"]] == [ids[2], ids[1]]


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        pytest.param((("Colour", ["red"]),), "InvalidFilterKey.ValueNotSupported", id="key"),
        pytest.param((("ResourceId", ["pc-a"]),), "MissingParam.ResourceType", id="no type"),
        pytest.param((("JobId", list("abcdef")),), "IllegalParam.Filter", id="six values"),
        pytest.param(
            tuple((f"k{n}", ["v"]) for n in range(6)),
            "IllegalParam.Filter",
            id="six keys",
        ),
        pytest.param((("JobId", ["a"]), ("JobId", ["b"])), "IllegalParam.Filter", id="a key twice"),
    ],
)
def test_a_wrong_filter_is_refused(filters: tuple[tuple[str, list[str]], ...], code: str) -> None:
    caller, _ = three_jobs()

    assert caller.refused("DescribeFailoverTestJobs", **filtered(*filters))[1] == code


def test_jobs_come_in_pages() -> None:
    caller = Caller()
    ids = [caller.call("CreateFailoverTestJob", **CREATE)["JobId"] for _ in range(5)]
    pages, token = [], None
    for _ in range(3):
        document = caller.call("DescribeFailoverTestJobs", MaxResults=2, NextToken=token)
        pages.append([each["JobId"] for each in document["FailoverTestJobList"]])
        token = document.get("NextToken")
        assert (document["TotalCount"], document["MaxResults"]) == (5, 2)

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [each for page in pages for each in page] == ids[::-1]
    assert token is None


def test_a_new_job_does_not_shift_the_pages() -> None:
    caller = Caller()
    for _ in range(3):
        caller.call("CreateFailoverTestJob", **CREATE)
    first = caller.call("DescribeFailoverTestJobs", MaxResults=2)
    caller.call("CreateFailoverTestJob", **CREATE)
    second = caller.call("DescribeFailoverTestJobs", MaxResults=2, NextToken=first["NextToken"])
    seen = [each["JobId"] for page in (first, second) for each in page["FailoverTestJobList"]]

    assert len(seen) == len(set(seen)) == 3


def test_the_last_page_may_carry_an_empty_token() -> None:
    caller = Caller()
    caller.cloud.settings = replace(caller.cloud.settings, empty_next_token=True)

    assert caller.call("DescribeFailoverTestJobs", NextToken="")["NextToken"] == ""


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"MaxResults": 0}, "IllegalParam.MaxResults"),
        ({"MaxResults": 101}, "IllegalParam.MaxResults"),
        ({"MaxResults": "many"}, "InvalidMaxResults"),
        ({"NextToken": "x"}, "IllegalParam.NextToken"),
        ({"NextToken": "YWZ0ZXI="}, "IllegalParam.NextToken"),
        ({"NextToken": "ä"}, "IllegalParam.NextToken"),
    ],
)
def test_a_wrong_page_is_refused(given: dict[str, Any], code: str) -> None:
    assert Caller().refused("DescribeFailoverTestJobs", **given)[1] == code


def many_circuits() -> Caller:
    """
    Make a caller of a region with 60 circuits, some of them special.
    """
    circuits: dict[str, Any] = {f"pc-{number:02}": {} for number in range(60)}
    circuits["pc-07"] = {"Name": "seven", "LineOperator": "CU", "Tags": {"team": "x", "of": "y"}}
    circuits["pc-08"] = {"Spec": "1G and below", "Status": "Terminated", "Tags": {"team": "z"}}
    circuits["pc-09"] = {"ParentPhysicalConnectionId": "pc-08", "ResourceGroupId": "rg-9"}
    return Caller({"accounts": {"1": None}, "regions": {"cn-hangzhou": {"circuits": circuits}}})


def circuit_ids(caller: Caller, **given: Any) -> list[str]:
    """
    Return the IDs of the circuits that a call shows.
    """
    document = caller.call("DescribePhysicalConnections", **REGION, **given)
    shown = document["PhysicalConnectionSet"]["PhysicalConnectionType"]
    return [each["PhysicalConnectionId"] for each in shown]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (10, "pc-00")),
        ({"PageNumber": 2}, (10, "pc-10")),
        ({"PageSize": 50}, (50, "pc-00")),
        ({"PageSize": 50, "PageNumber": 2}, (10, "pc-50")),
    ],
)
def test_circuits_come_in_numbered_pages(given: dict[str, int], expected: tuple[int, str]) -> None:
    ids = circuit_ids(many_circuits(), **given)

    assert (len(ids), ids[0]) == expected


def test_a_page_beyond_the_last_is_empty() -> None:
    assert circuit_ids(many_circuits(), PageNumber=99) == []


@pytest.mark.parametrize("given", [{"PageSize": 51}, {"PageSize": 0}, {"PageNumber": 0}], ids=str)
def test_a_wrong_page_number_or_size_is_refused(given: dict[str, int]) -> None:
    code = many_circuits().refused("DescribePhysicalConnections", **REGION, **given)[1]

    assert code == f"IllegalParam.{next(iter(given))}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (filtered(("PhysicalConnectionId", ["pc-03", "pc-05"])), ["pc-03", "pc-05"]),
        (filtered(("Name", ["seven"])), ["pc-07"]),
        (filtered(("LineOperator", ["CU"])), ["pc-07"]),
        (filtered(("Spec", ["1G and below"])), ["pc-08"]),
        (filtered(("Status", ["terminated"])), ["pc-08"]),
        (filtered(("ProductType", ["VirtualPhysicalConnection"])), ["pc-09"]),
        (filtered(("Type", ["VPC"]), ("Name", ["seven"])), ["pc-07"]),
        (filtered(("AccessPointId", ["ap-none"])), []),
        ({"ResourceGroupId": "rg-9"}, ["pc-09"]),
        ({"Tags": [{"Key": "team"}]}, ["pc-07", "pc-08"]),
        ({"Tags": [{"Key": "team", "Value": "x"}, {"Key": "of", "Value": "y"}]}, ["pc-07"]),
    ],
)
def test_circuits_are_filtered(given: dict[str, Any], expected: list[str]) -> None:
    assert circuit_ids(many_circuits(), **given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (filtered(("VbrId", ["vbr-hangzhou-b"])), ["vbr-hangzhou-b"]),
        (filtered(("Status", ["Active"]), ("Name", ["both"])), ["vbr-two-circuits"]),
        (
            filtered(("PhysicalConnectionId", ["pc-hangzhou-b"])),
            ["vbr-hangzhou-b", "vbr-two-circuits"],
        ),
        (filtered(("type", ["pconnVBR"]), ("Name", ["both"])), ["vbr-two-circuits"]),
        (filtered(("eccId", ["ecc-1"])), []),
        (filtered(("AccessPointId", ["ap-cn-hangzhou-b"])), ["vbr-hangzhou-b"]),
    ],
)
def test_border_routers_are_filtered(given: dict[str, Any], expected: list[str]) -> None:
    document = Caller("two-regions").call("DescribeVirtualBorderRouters", **REGION, **given)
    shown = document["VirtualBorderRouterSet"]["VirtualBorderRouterType"]

    assert [each["VbrId"] for each in shown] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["bgp-hangzhou-a", "bgp-hangzhou-b"]),
        ({"RouterId": "vbr-hangzhou-b"}, ["bgp-hangzhou-b"]),
        ({"BgpGroupId": "bgpg-hangzhou-a"}, ["bgp-hangzhou-a"]),
        ({"BgpPeerId": "bgp-hangzhou-a", "RouterId": "vbr-hangzhou-b"}, []),
        ({"BgpPeerId": "bgp-foreign"}, []),
        ({"IsDefault": "true"}, ["bgp-hangzhou-a"]),
        ({"IsDefault": "false"}, ["bgp-hangzhou-b"]),
    ],
)
def test_peers_are_found(given: dict[str, str], expected: list[str]) -> None:
    document = Caller("two-regions").call("DescribeBgpPeers", **REGION, **given)

    assert [each["BgpPeerId"] for each in document["BgpPeers"]["BgpPeer"]] == expected
