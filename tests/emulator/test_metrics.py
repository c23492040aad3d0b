"""
CloudMonitor: what a call may ask for, what is shown when, and of whom.
"""

import json
from typing import Any

import pytest
from emulator_callers import Caller

A, B = "vbr-rehearsal-a", "vbr-rehearsal-b"
RATE = {"Namespace": "acs_physical_connection", "MetricName": "RateInFromIDCToVpc"}
OF_A = {"Dimensions": json.dumps([{"instanceId": A}])}
LOSS = {
    "Namespace": "acs_cen",
    "MetricName": "VBRHealthyCheckLossRate",
}
CUT = {
    "ResourceType": "VIRTUALBORDERROUTER",
    "ResourceId": [A],
    "JobType": "StartNow",
    "JobDuration": 30,
}


@pytest.fixture
def caller() -> Caller:
    """
    A cloud with a load on a VBR that has a health check.
    """
    check = {"health_check": {"HealthCheckTargetIp": "10.0.1.2"}}
    regions = {"cn-hangzhou": {"vbrs": {A: check}}}
    return Caller({"extends": "dual-circuit", "loads": {A: 100}, "regions": regions})


def points(caller: Caller, operation: str = "DescribeMetricList", **given: Any) -> list[Any]:
    """
    Return the points of one reply.
    """
    document = caller.call(operation, **{**RATE, **given})
    return list(json.loads(document["Datapoints"]))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Namespace": None}, "MissingNamespace"),
        ({"MetricName": ""}, "MissingMetricName"),
        ({"Namespace": "acs_ecs"}, "IllegalParam.Namespace"),
        ({"MetricName": "RateIn"}, "IllegalParam.MetricName"),
        ({"MetricName": "VBRInternetInRate"}, "IllegalParam.MetricName"),
        ({"Period": "61"}, "IllegalParam.Period"),
        ({"Length": "1441"}, "IllegalParam.Length"),
        ({"Length": "0"}, "IllegalParam.Length"),
        ({"StartTime": "yesterday"}, "IllegalParam.StartTime"),
        ({"EndTime": "2026-13-01T00:00:00Z"}, "IllegalParam.EndTime"),
        ({"NextToken": "7"}, "IllegalParam.NextToken"),
        ({"Dimensions": "vbr"}, "IllegalParam.Dimensions"),
        ({"Dimensions": "[" * 5000}, "IllegalParam.Dimensions"),
        ({"Dimensions": "[1]"}, "IllegalParam.Dimensions"),
        ({"Dimensions": '[{"instanceId": 7}]'}, "IllegalParam.Dimensions"),
        ({"Dimensions": '[{"device": "x"}]'}, "IllegalParam.Dimensions"),
        ({"Dimensions": json.dumps([{"instanceId": A}] * 51)}, "IllegalParam.Dimensions"),
    ],
)
def test_a_wrong_argument_is_refused(caller: Caller, changes: dict[str, Any], code: str) -> None:
    status, actual, _ = caller.refused("DescribeMetricList", **{**RATE, **changes})

    assert (status, actual) == (400, code)


def test_a_point_is_shown_after_its_period_and_the_delay(caller: Caller) -> None:
    caller.wait(-caller.cloud.clock.now() % 60)
    began = caller.cloud.clock.now()
    caller.wait(60 + 240 - 1)  # an emulator shows a minute 4 minutes later
    before = points(caller, "DescribeMetricLast", **OF_A)
    caller.wait(1)
    after = points(caller, "DescribeMetricLast", **OF_A)

    assert [each["timestamp"] for each in before] == [(began - 60) * 1000]
    assert [each["timestamp"] for each in after] == [began * 1000]


def test_the_start_is_exclusive_and_the_end_inclusive(caller: Caller) -> None:
    at = int(caller.cloud.began // 300 * 300) - 86400
    times = [(at, at + 600), (at - 1, at + 599), (at, at)]
    counts = [
        len(points(caller, **OF_A, Period="300", StartTime=start * 1000, EndTime=end * 1000))
        for start, end in times
    ]

    assert counts == [2, 2, 0]


def test_pages_follow_each_other(caller: Caller) -> None:
    whole = points(caller, Period="300", Length=1440)
    pages, token = [], None
    while True:
        page = caller.call("DescribeMetricList", **RATE, Period="300", Length=100, NextToken=token)
        pages += json.loads(page["Datapoints"])
        token = page.get("NextToken")
        if not token:
            break

    assert pages == whole
    assert {each["instanceId"] for each in whole} == {A, B}


def test_a_health_check_is_lost_while_its_vbr_is_cut(caller: Caller) -> None:
    caller.wait(-caller.cloud.clock.now() % 60)
    caller.call("CreateFailoverTestJob", **CUT)
    caller.wait(420)  # a minute that begins with 2 s of Starting, and two more that are shown
    given: dict[str, Any] = {**LOSS, "StartTime": int(caller.cloud.clock.now() - 600) * 1000}
    listed = points(caller, **given)

    assert {each["vbrInstanceId"] for each in listed} == {A}
    assert [round(each["Value"]) for each in listed[-4:]] == [0, 97, 100, 100]


def test_the_vbrs_of_others_have_no_data() -> None:
    caller = Caller({"extends": "two-regions", "loads": {"vbr-foreign": 10, "vbr-hangzhou-a": 5}})
    last = "DescribeMetricLast"
    mine, theirs = points(caller, last), points(caller, last, key="neighbour")

    assert {each["instanceId"]: each["Value"] for each in mine} == {
        "vbr-hangzhou-a": 5e6,
        "vbr-hangzhou-b": 0,
        "vbr-two-circuits": 0,
        "vbr-shanghai": 0,
    }
    assert {each["instanceId"] for each in theirs} == {"vbr-foreign", "vbr-hosted", "vbr-neighbour"}
    assert {each["userId"] for each in theirs} == {"1000000000000002"}


def test_there_is_no_data_of_a_vbr_whose_load_is_null() -> None:
    caller = Caller({"extends": "dual-circuit", "loads": {"portal": 10, B: None}})

    assert points(caller, Dimensions=json.dumps([{"instanceId": B}])) == []
    assert {each["instanceId"] for each in points(caller)} == {A}


@pytest.mark.parametrize(
    ("actions", "allowed"),
    [(["cms:QueryMetricList"], True), (["cms:*"], True), (["vpc:*"], False)],
)
def test_ram_knows_the_list_by_another_name(actions: list[str], allowed: bool) -> None:
    keys = {"k": {"secret": "s", "actions": actions}}
    accounts = {"1000000000000001": {"access_keys": keys}}
    caller = Caller({"extends": "dual-circuit", "accounts": accounts})
    status, _ = caller.send("DescribeMetricList", key="k", **RATE)

    assert (status == 200) == allowed
