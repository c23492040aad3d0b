"""
The legacy SDK, `aliyun-python-sdk-core` with CommonRequest, unmodified: V1 signatures, JSON, XML.
"""

import gc
import json
import warnings
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.credentials import AccessKeyCredential, StsTokenCredential
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest, RpcRequest
from emulator_callers import CREATE, flattened

from chaosfailover.emulator import Emulator

# The SDK carries its own old copies of requests and urllib3, full of what is deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

REGION = "cn-hangzhou"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """
    An emulator with two accounts that the tests of this module share.

    The SDK never closes its connections, so they are collected before another test meets them.
    """
    with Emulator("two-regions") as running:
        yield running
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def client_for(key_id: str = "emulator", secret: str = "", token: str = "") -> Any:
    """
    Make a client; secrets follow from key IDs unless given.
    """
    secret = secret or f"{key_id}-secret"
    credential = (
        StsTokenCredential(key_id, secret, token) if token else AccessKeyCredential(key_id, secret)
    )
    return AcsClient(region_id=REGION, credential=credential)


def request_for(emulator: Emulator, operation: str, method: str = "POST", **given: Any) -> Any:
    """
    Make a CommonRequest.
    """
    request = CommonRequest(
        domain=emulator.url.removeprefix("http://"), version="2016-04-28", action_name=operation
    )
    request.set_method(method)
    request.set_protocol_type("http")
    for name, value in flattened({"RegionId": REGION, **given}).items():
        request.add_query_param(name, value)
    return request


def call(emulator: Emulator, operation: str, method: str = "POST", **given: Any) -> Any:
    """
    Call an operation in JSON.
    """
    request = request_for(emulator, operation, method, **given)
    return json.loads(client_for().do_action_with_exception(request))


def call_xml(emulator: Emulator, operation: str, **given: Any) -> tuple[int, ElementTree.Element]:
    """
    Call an operation in XML; returns the HTTP status and the document.
    """
    request = request_for(emulator, operation, **given)
    request.set_accept_format("XML")
    status, _, body = client_for().get_response(request)
    return status, ElementTree.fromstring(body)  # noqa: S314 - our own


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_whole_life_in_json(emulator: Emulator, method: str) -> None:
    given = {**CREATE, "ResourceId": ["pc-hangzhou-a"], "Name": "drill A+B/~*演练"}
    job_id = call(emulator, "CreateFailoverTestJob", method, **given)["JobId"]
    call(emulator, "UpdateFailoverTestJob", method, JobId=job_id, Description="two words")
    call(emulator, "StartFailoverTestJob", method, JobId=job_id)
    emulator.advance(2.0)
    call(emulator, "StopFailoverTestJob", method, JobId=job_id)
    emulator.advance(2.0)
    job = call(emulator, "DescribeFailoverTestJob", method, JobId=job_id)["FailoverTestJobModel"]
    listed = call(
        emulator,
        "DescribeFailoverTestJobs",
        method,
        Filter=[{"Key": "JobStatus", "Value": ["Stopped"]}, {"Key": "JobId", "Value": [job_id]}],
    )
    call(emulator, "DeleteFailoverTestJob", method, JobId=job_id)

    assert (job["Name"], job["Description"], job["Status"]) == (
        "drill A+B/~*演练",
        "two words",
        "Stopped",
    )
    assert listed["FailoverTestJobList"] == [job]


def test_a_whole_life_in_xml(emulator: Emulator) -> None:
    given = {**CREATE, "ResourceId": ["pc-hangzhou-a"]}
    job_id = call_xml(emulator, "CreateFailoverTestJob", **given)[1].findtext("JobId")
    statuses = []
    for operation in ("StartFailoverTestJob", "StopFailoverTestJob"):
        call_xml(emulator, operation, JobId=job_id)
        emulator.advance(2.0)
        _, document = call_xml(emulator, "DescribeFailoverTestJob", JobId=job_id)
        statuses.append(document.findtext("FailoverTestJobModel/Status"))
    deleted, _ = call_xml(emulator, "DeleteFailoverTestJob", JobId=job_id)
    refused, error = call_xml(emulator, "DescribeFailoverTestJob", JobId=job_id)

    assert (statuses, deleted) == (["Testing", "Stopped"], 200)
    assert (refused, error.findtext("Code")) == (400, "IllegalParam.JobId")


@pytest.mark.parametrize(
    ("client", "code", "http_status"),
    [
        (client_for("emulator", "wrong"), "SignatureDoesNotMatch", 400),
        (client_for("nobody"), "InvalidAccessKeyId.NotFound", 404),
        (client_for("disabled"), "InvalidAccessKeyId.Inactive", 400),
        (client_for("readonly"), "Forbidden.RAM", 403),
        (client_for("temporary"), "MissingSecurityToken", 400),
        (client_for("temporary", token="other"), "InvalidSecurityToken.Malformed", 400),
        (client_for("expired", token="expired-token"), "InvalidSecurityToken.Expired", 400),
    ],
)
def test_errors_are_the_sdk_s_own_exceptions(
    emulator: Emulator, client: Any, code: str, http_status: int
) -> None:
    request = request_for(emulator, "StartFailoverTestJob", JobId="ftj-none")
    with pytest.raises(ServerException) as caught:
        client.do_action_with_exception(request)

    assert (caught.value.get_error_code(), caught.value.get_http_status()) == (code, http_status)


def test_the_sdk_recognises_its_own_string_to_sign(emulator: Emulator) -> None:
    """
    When the strings to sign are equal, the SDK concludes that the secret is wrong.
    """
    request = RpcRequest("Vpc", "2016-04-28", "DescribeFailoverTestJobs")
    request.set_endpoint(emulator.url.removeprefix("http://"))
    request.set_protocol_type("http")
    with pytest.raises(ServerException) as caught:
        client_for("emulator", "wrong").do_action_with_exception(request)

    assert caught.value.get_error_code() == "InvalidAccessKeySecret"


def test_a_temporary_key_works_with_its_token(emulator: Emulator) -> None:
    client = client_for("temporary", token="temporary-token")
    document = client.do_action_with_exception(request_for(emulator, "DescribeFailoverTestJobs"))

    assert "FailoverTestJobList" in json.loads(document)


def test_business_errors_arrive(emulator: Emulator) -> None:
    with pytest.raises(ServerException) as caught:
        call(emulator, "StopFailoverTestJob", JobId="ftj-none")

    assert caught.value.get_error_code() == "IllegalParam.JobId"
    assert caught.value.get_error_msg() == "The specified parameter JobId is illegal."
    assert caught.value.get_request_id()
