"""
Signatures, V3 and V1: the published vectors, what is refused, and that each has one reading only.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlencode
from xml.etree import ElementTree

import httpx
import pytest
from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest

from chaosfailover.alibaba.signing import AcsAuth, Credentials
from chaosfailover.emulator import Emulator
from chaosfailover.emulator.access_keys import AccessKey
from chaosfailover.emulator.error_codes import Refusal
from chaosfailover.emulator.signatures import Nonces, identify, signature_v1, signature_v3
from chaosfailover.emulator.wire import Reply, Request

NOW = 1767323045.0  # 2026-01-02T03:04:05Z
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
HEADERS = {
    "host": "vpc.aliyuncs.com",
    "x-acs-action": "StartFailoverTestJob",
    "x-acs-content-sha256": EMPTY,
    "x-acs-date": "2026-01-02T03:04:05Z",
    "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
    "x-acs-version": "2016-04-28",
}
QUERY_A = "ClientToken=123e4567-e89b-12d3-a456-426655440000&JobId=ftj-abc&RegionId=cn-hangzhou"
SIGNATURE_A = "c0c3ef41650d44b587f024ce3fbf1ead537bff541edd9bc68ce88c102c42295f"
QUERY_B = (
    "JobDuration=60&JobType=StartLater&Name=drill+A%2BB%2F~%2A%E6%BC%94%E7%BB%83"
    "&RegionId=cn-hangzhou&ResourceId.1=pc-aaa&ResourceId.2=pc-bbb"
    "&ResourceType=PHYSICALCONNECTION"
)
FORM_HASH = "623e2597cf4f8205242d1a58d22fbc26bd58a52888a14bdb8068d81fec4eb597"
CREATE = {**HEADERS, "x-acs-action": "CreateFailoverTestJob"}
STS = {**HEADERS, "x-acs-accesskey-id": "testid", "x-acs-security-token": "teststs"}
SDK = {
    **HEADERS,
    "x-acs-action": "DescribeFailoverTestJobs",
    "accept": "application/json",
    "user-agent": "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2 UA",
    "x-acs-credentials-provider": "static_ak",
}
QUERY_E = (
    "Filter.1.Key=JobStatus&Filter.1.Value.1=Init&Filter.1.Value.2=Testing&Filter.2.Key=JobId"
    "&Filter.2.Value.1=ftj-x&MaxResults=20&RegionId=cn-hangzhou"
)
FORM = {
    **CREATE,
    "content-type": "application/x-www-form-urlencoded",
    "x-acs-content-sha256": FORM_HASH,
}
KEYS = {
    "testid": AccessKey(id="testid", secret="testsecret", account="1"),
    "idle": AccessKey(id="idle", secret="testsecret", account="1", status="Inactive"),
    "sts": AccessKey(id="sts", secret="testsecret", account="1", token="teststs"),
}


def signed(
    headers: dict[str, str], query: str, signature: str, key_id: str = "testid", body: bytes = b""
) -> Request:
    """
    Make a request with all its headers signed.
    """
    names = ";".join(sorted(headers))
    claim = f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={signature}"
    return Request("POST", "/", query, {**headers, "authorization": claim}, body)


def self_signed(headers: dict[str, str], key_id: str = "testid") -> Request:
    """
    Make a request whose signature is right.
    """
    bare = Request("POST", "/", QUERY_A, headers)
    signature, _ = signature_v3(bare, tuple(sorted(headers)), "testsecret")
    return signed(headers, QUERY_A, signature, key_id)


def code_of(request: Request, nonces: Nonces | None = None) -> str:
    """
    Return the code that refuses a request, or `` when it is accepted.
    """
    try:
        identify(request, KEYS, nonces or Nonces(), NOW, 900.0)
    except Refusal as refusal:
        return refusal.code
    return ""


@pytest.mark.parametrize(
    ("headers", "query", "body", "expected"),
    [
        pytest.param(HEADERS, QUERY_A, "", SIGNATURE_A, id="V3-A"),
        pytest.param(
            CREATE,
            QUERY_B,
            "",
            "e6f799a72367533d29e3834e9eb485b46c0a75782cbe61c293882c19a92e2afd",
            id="V3-B awkward characters",
        ),
        pytest.param(
            FORM,
            "",
            QUERY_B,
            "03ce217b68b0381dccf8db53ece8f399ce0c7965a071a54482a5327698d5d144",
            id="V3-C form body",
        ),
        pytest.param(
            STS,
            QUERY_A,
            "",
            "1365c318d8637a6e1672b1a1d79449cf67b105c2291f897d26cf7cc5f41484a2",
            id="V3-D STS",
        ),
        pytest.param(
            SDK,
            QUERY_E,
            "",
            "ae9acd67bf4286ec6a51ca463e9c1c60010f2fe2e0aca8f28d459241b6debb70",
            id="V3-E SDK headers",
        ),
    ],
)
def test_v3_vectors(headers: dict[str, str], query: str, body: str, expected: str) -> None:
    """
    The signatures of API reference 6.3.
    """
    request = Request("POST", "/", query, headers, body.encode())

    assert signature_v3(request, tuple(sorted(headers)), "testsecret")[0] == expected


def test_the_published_v3_signature() -> None:
    headers = {
        **HEADERS,
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-version": "2014-05-26",
    }
    query = "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai"
    request = Request("POST", "/", query, headers)

    assert signature_v3(request, tuple(sorted(headers)), "YourAccessKeySecret")[0] == (
        "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_a_signed_request_is_accepted_once() -> None:
    nonces = Nonces()
    request = signed(HEADERS, QUERY_A, SIGNATURE_A)

    assert [code_of(request, nonces), code_of(request, nonces)] == ["", "SignatureNonceUsed"]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        pytest.param(Request("POST", "/", QUERY_A, HEADERS), "IncompleteSignature", id="unsigned"),
        pytest.param(
            signed(HEADERS, QUERY_A, "0" * 64), "SignatureDoesNotMatch", id="wrong signature"
        ),
        pytest.param(
            signed(HEADERS, QUERY_A.replace("ftj-abc", "ftj-xyz"), SIGNATURE_A),
            "SignatureDoesNotMatch",
            id="other parameters than signed",
        ),
        pytest.param(
            signed(HEADERS, QUERY_A, SIGNATURE_A, "nobody"),
            "InvalidAccessKeyId.NotFound",
            id="unknown key",
        ),
        pytest.param(
            signed(HEADERS, QUERY_A, SIGNATURE_A, "idle"),
            "InvalidAccessKeyId.Inactive",
            id="inactive key",
        ),
        pytest.param(
            signed(HEADERS, QUERY_A, SIGNATURE_A, body=b"more"),
            "IncompleteSignature",
            id="body differs from its hash",
        ),
        pytest.param(
            self_signed({k: v for k, v in HEADERS.items() if k != "host"}),
            "IncompleteSignature",
            id="host not signed",
        ),
        pytest.param(
            self_signed({**HEADERS, "x-acs-date": "2026-01-02T03:20:00Z"}),
            "InvalidTimeStamp.Expired",
            id="16 minutes ahead",
        ),
        pytest.param(
            self_signed({**HEADERS, "x-acs-date": "2026-01-02T02:48:00Z"}),
            "InvalidTimeStamp.Expired",
            id="16 minutes behind",
        ),
        pytest.param(
            self_signed({**HEADERS, "x-acs-date": "2 January"}),
            "InvalidTimeStamp.Format",
            id="date",
        ),
        pytest.param(
            self_signed({**HEADERS, "x-acs-date": "2026-13-41T03:04:05Z"}),
            "InvalidTimeStamp.Format",
            id="month 13",
        ),
        pytest.param(
            self_signed({k: v for k, v in HEADERS.items() if k != "x-acs-date"}),
            "IllegalTimestamp",
            id="no date",
        ),
        pytest.param(self_signed(HEADERS, "sts"), "MissingSecurityToken", id="STS without token"),
        pytest.param(
            self_signed({**HEADERS, "x-acs-security-token": "other"}, "sts"),
            "InvalidSecurityToken.Malformed",
            id="wrong STS token",
        ),
        pytest.param(self_signed(STS, "sts"), "", id="STS"),
        pytest.param(
            self_signed({**HEADERS, "x-acs-date": "2026-01-02T03:18:00Z"}), "", id="14 minutes off"
        ),
    ],
)
def test_what_a_request_is_refused_for(request_: Request, code: str) -> None:
    assert code_of(request_) == code


def test_a_wrong_signature_is_told_the_string_to_sign() -> None:
    """
    The legacy SDK compares what follows the only colon with its own string.
    """
    with pytest.raises(Refusal) as caught:
        identify(signed(HEADERS, QUERY_A, "0" * 64), KEYS, Nonces(), NOW, 900.0)

    assert caught.value.message.split(":")[1] == (
        "ACS3-HMAC-SHA256\na19acc4f78ca2449eadd3b8d8e6b216b82545089cee58e60d057d286e9f72270"
    )
    assert caught.value.message.count(":") == 1


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
V1_CREATE = {
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
V1_FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("method", "parameters", "expected"),
    [
        pytest.param("POST", COMMON, "0LF3aTdSU/QLtQiohshF0EitoFs=", id="V1-A"),
        pytest.param("POST", LEGACY, "uukF+L9Dgr1jtLvWpJBu/ElSmpY=", id="V1-B empty SignatureType"),
        pytest.param("GET", V1_CREATE, "4aZtXh4Lu/FC3f62yNUlKFYhEGk=", id="V1-C GET"),
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
    request = Request("POST", "/", urlencode(query), V1_FORM, urlencode(form).encode())

    assert signature_v1(request, "testsecret")[0] == "uukF+L9Dgr1jtLvWpJBu/ElSmpY="


def v1_code_of(headers: Mapping[str, str] | None = None, /, **changes: str | None) -> str:
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
    assert v1_code_of(**changes) == code


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-acs-action": "StartFailoverTestJob", "x-acs-version": "2016-04-28"}, ""),
        ({"x-acs-action": "DeleteFailoverTestJob"}, "IncompleteSignature"),
        ({"x-acs-version": "2015-04-01"}, "IncompleteSignature"),
    ],
)
def test_headers_call_nothing_else_than_what_v1_signed(headers: dict[str, str], code: str) -> None:
    assert v1_code_of(headers) == code


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


FORM_TYPE = "application/x-www-form-urlencoded"
HOSTILE = [
    *("a=b", "a&b", "a%3Db", "a%26b", "a+b", "a b", "a~b", "a*b", "a/b", "a;b", "a%", "%zz"),
    *("=", "&", "%", "+", " ", "~", "*", "#", "?", "", "演练", "é", "\U0001f525", "a\nb", "\x00"),
    "Description=d&DryRun",
]
DRY_RUN = {
    "Description": "d",
    "DryRun": "true",
    "JobDuration": "5",
    "JobType": "StartNow",
    "RegionId": "cn-hangzhou",
    "ResourceId.1": "pc-rehearsal-a",
    "ResourceType": "PHYSICALCONNECTION",
}
Signer = Callable[..., Request]


def date() -> str:
    """
    Write the time of now as requests do.
    """
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def signed_v3(
    query: dict[str, str],
    form: dict[str, str] | None = None,
    *,
    encoded_names: bool = True,
    without: tuple[str, ...] = (),
) -> Request:
    """
    Sign with the official library, which leaves names as they are and so is given encoded ones.
    """
    body = urlencode(form or {}).encode()
    headers = {
        "host": "vpc.aliyuncs.com",
        "x-acs-action": "CreateFailoverTestJob",
        "x-acs-version": "2016-04-28",
        "x-acs-date": date(),
        "x-acs-signature-nonce": Utils.get_nonce(),
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        **({"content-type": FORM_TYPE} if form is not None else {}),
    }
    request = DaraRequest()
    request.method, request.pathname = "POST", "/"
    request.query = {quote(k, safe="~") if encoded_names else k: v for k, v in query.items()}
    request.headers = {name: value for name, value in headers.items() if name not in without}
    payload = headers["x-acs-content-sha256"]
    claim = Utils.get_authorization(request, "ACS3-HMAC-SHA256", payload, "testid", "testsecret")
    return Request("POST", "/", urlencode(query), {**headers, "authorization": claim}, body)


def signed_v1(query: dict[str, str], form: dict[str, str] | None = None) -> Request:
    """
    Sign with the official library; query and form are signed as one.
    """
    common = {
        "Action": "CreateFailoverTestJob",
        "Version": "2016-04-28",
        "Format": "JSON",
        "AccessKeyId": "testid",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": Utils.get_nonce(),
        "Timestamp": date(),
    }
    signature = Utils.get_rpcsignature({**common, **query, **(form or {})}, "POST", "testsecret")
    sent = urlencode({**common, **query, "Signature": signature})
    return Request("POST", "/", sent, {"content-type": FORM_TYPE}, urlencode(form or {}).encode())


def signed_by_the_legacy_sdk(query: dict[str, str], form: dict[str, str] | None = None) -> Request:
    """
    Sign with `aliyun-python-sdk-core`.
    """
    from aliyunsdkcore.auth.composer import rpc_signature_composer

    action = {"Action": "CreateFailoverTestJob", "Version": "2016-04-28"}
    url, _string_to_sign = rpc_signature_composer.get_signed_url(
        {**action, **query}, "testid", "testsecret", "JSON", "POST", form or {}
    )
    body = urlencode(form or {}).encode()
    return Request("POST", "/", url.partition("?")[2], {"content-type": FORM_TYPE}, body)


def signed_by_our_client(query: dict[str, str], form: dict[str, str] | None = None) -> Request:
    """
    Sign with the client of this project.
    """
    auth = AcsAuth(lambda: Credentials("testid", "testsecret"))
    headers = {"x-acs-action": "CreateFailoverTestJob", "x-acs-version": "2016-04-28"}
    plain = httpx.Request(
        "POST", "http://vpc.aliyuncs.com/", params=query, data=form, headers=headers
    )
    sent = next(auth.sync_auth_flow(plain))
    return Request("POST", "/", sent.url.query.decode(), dict(sent.headers), sent.read())


SIGNERS = [
    pytest.param(signed_v3, id="V3"),
    pytest.param(signed_v1, id="V1"),
    pytest.param(
        signed_by_the_legacy_sdk,
        id="V1 legacy",
        marks=[
            pytest.mark.filterwarnings("ignore::DeprecationWarning"),
            pytest.mark.filterwarnings("ignore::SyntaxWarning"),
            pytest.mark.filterwarnings("ignore::ResourceWarning"),
        ],
    ),
    pytest.param(signed_by_our_client, id="our client"),
]


def code_now(request: Request) -> str:
    """
    Return the code that refuses a request, or `` when it is accepted.
    """
    try:
        identify(request, KEYS, Nonces(), time.time(), 900.0)
    except Refusal as refusal:
        return refusal.code
    return ""


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("signer", SIGNERS)
def test_what_the_official_signers_sign_is_accepted_as_it_was_meant(
    signer: Signer, text: str
) -> None:
    """Names and values, in the query and in the form."""
    query, form = {text: text, f"{text}~": text}, {f"{text}.1": text, "Description": text}
    request = signer(query, form)
    actual = {name: request.parameters[name] for name in {**query, **form}}

    assert actual == {**query, **form}
    assert code_now(request) == ""


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_that_was_signed_unencoded_has_no_certain_reading(text: str) -> None:
    """
    The official library leaves names unencoded in V3, against the documented rule.
    """
    request = signed_v3({text: "v"}, encoded_names=False)
    expected = "" if quote(text, safe="~") == text else "SignatureDoesNotMatch"

    assert code_now(request) == expected


def respelt(encoded: str) -> Iterator[str]:
    """
    Yield an encoded text with each of its separators encoded, and each encoded letter decoded.
    """
    for at, letter in enumerate(encoded):
        if letter in "=&+":
            yield f"{encoded[:at]}{quote(letter)}{encoded[at + 1 :]}"
        if letter == "%":
            yield encoded[:at] + unquote(encoded[at : at + 3]) + encoded[at + 3 :]


@pytest.mark.parametrize("place", ["query", "form"])
@pytest.mark.parametrize("signer", [signed_v3, signed_v1])
def test_another_spelling_is_good_only_for_the_same_parameters(signer: Signer, place: str) -> None:
    given = {"Description": "d=1&e+f %26", "DryRun": "true", "a&b": "c=d", "e": ""}
    request = signer(given) if place == "query" else signer({}, given)
    text = request.query if place == "query" else request.body.decode()
    for spelling in respelt(text):
        sent = (spelling, request.body) if place == "query" else (request.query, spelling.encode())
        other = Request("POST", "/", sent[0], request.headers, sent[1])
        same = other.parameters == request.parameters
        hashed = place == "form" and signer is signed_v3
        accepted = same and not (hashed and other.body != request.body)

        assert (code_now(other) == "") == accepted, spelling


@pytest.mark.parametrize(
    "added",
    ["DryRun=false", "DryRun=true", "%44ryRun=false", "DryRun", "=", "x=", "DryRun%3Dtrue", "a&a"],
)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("signer", [signed_v3, signed_v1])
def test_a_parameter_that_is_added_is_refused(signer: Signer, before: bool, added: str) -> None:
    """One that is there already, however it is spelt, is no exception."""
    request = signer({"DryRun": "true"})
    query = f"{added}&{request.query}" if before else f"{request.query}&{added}"
    other = Request("POST", "/", query, request.headers, request.body)

    assert code_now(other) == "SignatureDoesNotMatch"


def test_the_order_of_a_repeated_parameter_is_signed() -> None:
    """
    The last one counts, so the two orders mean two things.
    """
    auth = AcsAuth(lambda: Credentials("testid", "testsecret"))
    headers = {"x-acs-action": "CreateFailoverTestJob", "x-acs-version": "2016-04-28"}
    plain = httpx.Request("POST", "http://vpc/?DryRun=true&DryRun=false", headers=headers)
    sent = next(auth.sync_auth_flow(plain))
    query = sent.url.query.decode()
    turned = "&".join(reversed(query.split("&")))
    requests = [Request("POST", "/", each, dict(sent.headers)) for each in (query, turned)]

    assert [each.parameters["DryRun"] for each in requests] == ["false", "true"]
    assert [code_now(each) for each in requests] == ["", "SignatureDoesNotMatch"]


@pytest.mark.parametrize(
    ("without", "sent", "code"),
    [
        pytest.param((), FORM_TYPE, "", id="signed"),
        pytest.param((), "text/plain", "SignatureDoesNotMatch", id="signed and changed"),
        pytest.param((), None, "SignatureDoesNotMatch", id="signed and taken away"),
        pytest.param(("content-type",), FORM_TYPE, "IncompleteSignature", id="unsigned"),
        pytest.param(("content-type",), None, "IncompleteSignature", id="unsigned, taken away"),
    ],
)
def test_how_a_body_is_read_has_to_be_signed(
    without: tuple[str, ...], sent: str | None, code: str
) -> None:
    """
    Without its type a form is no form, and its parameters are not there.
    """
    request = signed_v3({}, DRY_RUN, without=without)
    others = {name: value for name, value in request.headers.items() if name != "content-type"}
    headers = {**others, **({"content-type": sent} if sent else {})}

    assert code_now(Request("POST", "/", "", headers, request.body)) == code


def sent_to(emulator: Emulator, request: Request, query: str) -> Reply:
    """
    Send a request with another query string.
    """
    return emulator.handle("POST", f"/?{query}", request.headers, request.body)


@pytest.mark.parametrize("signer", [signed_v3, signed_v1])
@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        pytest.param("Description=d&DryRun=", "Description%3Dd%26DryRun=", id="two in one name"),
        pytest.param("d&DryRun=true", "d%26DryRun%3Dtrue", id="two in one value"),
        pytest.param("DryRun=true", "DryRun=true&DryRun=false", id="repeated"),
        pytest.param("DryRun=true", "DryRun=true&%44ryRun=false", id="decodes to the same"),
        pytest.param("DryRun=true&", "", id="taken away"),
    ],
)
def test_a_signed_dry_run_starts_nothing_however_it_is_respelt(
    signer: Signer, was: str, becomes: str
) -> None:
    emulator = Emulator(access_keys={"testid": "testsecret"})
    request = signer(DRY_RUN)
    assert was in request.query
    reply = sent_to(emulator, request, request.query.replace(was, becomes))
    as_signed = sent_to(emulator, request, request.query)

    assert (reply.status, b"SignatureDoesNotMatch" in reply.body) == (400, True)
    assert b"DryRunOperation" in as_signed.body
    assert list(emulator.cloud.ledger.everything()) == []
