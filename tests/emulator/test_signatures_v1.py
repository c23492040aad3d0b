"""
The older RPC signature (V1, HMAC-SHA1) and XML.
"""

from collections.abc import Mapping
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.access_keys import AccessKey
from chaosfailover.emulator.error_codes import Refusal
from chaosfailover.emulator.signatures import Nonces, identify, signature_v1
from chaosfailover.emulator.wire import Request

NOW = 1767323045.0
COMMON = {
    "AccessKeyId": "testid",
    "Action": "StartFailoverTestJob",
    "ClientToken": "123e4567-e89b-12d3-a456-426655440000",
    "Format": "json",
    "JobId": "ftj-abc",
    "RegionId": "cn-hangzhou",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureNonce": "3156853299f313e23d1673dc12e1703d",
    "SignatureVersion": "1.0",
    "Timestamp": "2026-01-02T03:04:05Z",
    "Version": "2016-04-28",
}
LEGACY = {**COMMON, "Format": "JSON", "SignatureType": ""}
CREATE = {
    **{name: value for name, value in LEGACY.items() if name not in ("ClientToken", "JobId")},
    "Action": "CreateFailoverTestJob",
    "JobDuration": "60",
    "JobType": "StartLater",
    "Name": "drill A+B/~*演练",
    "ResourceId.1": "pc-aaa",
    "ResourceId.2": "pc-bbb",
    "ResourceType": "PHYSICALCONNECTION",
}
REGIONS = {
    "AccessKeyId": "testid",
    "Action": "DescribeRegions",
    "Format": "XML",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
    "SignatureVersion": "1.0",
    "Timestamp": "2016-02-23T12:46:24Z",
    "Version": "2014-05-26",
}
FORM = {"content-type": "application/x-www-form-urlencoded"}
KEYS = {"testid": AccessKey(id="testid", secret="testsecret", account="1")}


@pytest.mark.parametrize(
    ("method", "parameters", "expected"),
    [
        pytest.param("POST", COMMON, "0LF3aTdSU/QLtQiohshF0EitoFs=", id="V1-A"),
        pytest.param("POST", LEGACY, "uukF+L9Dgr1jtLvWpJBu/ElSmpY=", id="V1-B empty SignatureType"),
        pytest.param("GET", CREATE, "4aZtXh4Lu/FC3f62yNUlKFYhEGk=", id="V1-C GET"),
        pytest.param("GET", REGIONS, "OLeaidS1JvxuMvnyHOwuJ+uX5qY=", id="the older sample"),
    ],
)
def test_v1_vectors(method: str, parameters: dict[str, str], expected: str) -> None:
    """
    The signatures of API reference 6.5.
    """
    request = Request(method, "/", urlencode(parameters))

    assert signature_v1(request, "testsecret")[0] == expected


def test_query_and_form_are_signed_together() -> None:
    """
    The method counts, the place of a parameter does not.
    """
    query = {name: LEGACY[name] for name in ("JobId", "Action", "Version")}
    form = {name: value for name, value in LEGACY.items() if name not in query}
    request = Request("POST", "/", urlencode(query), FORM, urlencode(form).encode())

    assert signature_v1(request, "testsecret")[0] == "uukF+L9Dgr1jtLvWpJBu/ElSmpY="


def code_of(headers: Mapping[str, str] | None = None, /, **changes: str | None) -> str:
    """
    Return the code that refuses a request signed after some changes, or `` when it is accepted.
    """
    parameters = {k: v for k, v in {**LEGACY, **changes}.items() if v is not None}
    signature = signature_v1(Request("POST", "/", urlencode(parameters)), "testsecret")[0]
    signed = {"Signature": signature, **parameters}
    try:
        request = Request("POST", "/", urlencode(signed), headers or {})
        identify(request, KEYS, Nonces(), NOW, 900.0)
    except Refusal as refusal:
        return refusal.code
    return ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"Timestamp": "2026-01-02T03:20:05Z"}, "InvalidTimeStamp.Expired"),
        ({"Timestamp": "soon"}, "InvalidTimeStamp.Format"),
        ({"Timestamp": None}, "IllegalTimestamp"),
        ({"AccessKeyId": "nobody"}, "InvalidAccessKeyId.NotFound"),
        ({"AccessKeyId": None}, "MissingAccessKeyId"),
        ({"SignatureNonce": None}, "MissingSignatureNonce"),
        ({"SecurityToken": "t"}, "InvalidSecurityToken.Malformed"),
        ({"SignatureMethod": "FOO"}, "InvalidSignatureMethod"),
        ({"SignatureMethod": None}, "MissingSignatureMethod"),
        ({"SignatureVersion": "2.0"}, "InvalidSignatureVersion"),
        ({"SignatureVersion": None}, "MissingSignatureVersion"),
    ],
)
def test_what_a_v1_request_is_refused_for(changes: dict[str, str | None], code: str) -> None:
    assert code_of(**changes) == code


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-acs-action": "StartFailoverTestJob", "x-acs-version": "2016-04-28"}, ""),
        ({"x-acs-action": "DeleteFailoverTestJob"}, "IncompleteSignature"),
        ({"x-acs-version": "2015-04-01"}, "IncompleteSignature"),
    ],
)
def test_headers_call_nothing_else_than_what_v1_signed(headers: dict[str, str], code: str) -> None:
    assert code_of(headers) == code


def test_a_wrong_v1_signature_is_told_the_string_to_sign() -> None:
    """
    The legacy SDK compares all that follows the only colon with its own string.
    """
    request = Request("POST", "/", urlencode({**LEGACY, "Signature": "wrong"}))
    with pytest.raises(Refusal) as caught:
        identify(request, KEYS, Nonces(), NOW, 900.0)

    _, string_to_sign = signature_v1(request, "testsecret")
    assert caught.value.message.split(":")[1] == string_to_sign
    assert string_to_sign.startswith("POST&%2F&AccessKeyId%3Dtestid%26Action%3DStart")


def test_v1_gets_xml_unless_it_asks_for_json() -> None:
    emulator = Emulator(auth=False)
    query = urlencode({"Action": "DescribeRegions", "Version": "2016-04-28"})
    xml = emulator.handle("GET", f"/?{query}")
    json = emulator.handle("GET", f"/?{query}&Format=JSON")
    document = ElementTree.fromstring(xml.body)  # noqa: S314 - our own

    assert xml.headers["Content-Type"] == "text/xml;charset=utf-8"
    assert json.headers["Content-Type"] == "application/json;charset=utf-8"
    assert document.tag == "DescribeRegionsResponse"
    assert document.findtext("Regions/Region/RegionId") == "cn-hangzhou"


def test_an_error_in_xml_has_the_documented_elements() -> None:
    query = urlencode({"Action": "StartFailoverTestJob", "Version": "2016-04-28", "JobId": "<&>"})
    reply = Emulator(auth=False).handle("GET", f"/?{query}", {"host": "vpc.test"})
    document = ElementTree.fromstring(reply.body)  # noqa: S314 - our own

    assert (reply.status, document.tag) == (400, "Error")
    assert document.findtext("Code") == "IllegalParam.JobId"
    assert document.findtext("HostId") == "vpc.test"


def test_lists_in_xml_repeat_their_element() -> None:
    query = urlencode(
        {
            "Action": "DescribePhysicalConnections",
            "Version": "2016-04-28",
            "RegionId": "cn-hangzhou",
        }
    )
    reply = Emulator(auth=False).handle("GET", f"/?{query}")
    document = ElementTree.fromstring(reply.body)  # noqa: S314 - our own
    path = "PhysicalConnectionSet/PhysicalConnectionType/PhysicalConnectionId"

    assert [each.text for each in document.findall(path)] == ["pc-rehearsal-a", "pc-rehearsal-b"]
