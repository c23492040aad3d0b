"""
Signatures are those of the published samples and of the official library.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaosfailover.alibaba.query import flattened
from chaosfailover.alibaba.signing import AcsAuth, Credentials, authorization, canonical_request
from chaosfailover.errors import CredentialsError

NONCE = "3156853299f313e23d1673dc12e1703d"
EMPTY = hashlib.sha256(b"").hexdigest()
KEY = Credentials("testid", "testsecret")

START = {
    "ClientToken": "123e4567-e89b-12d3-a456-426655440000",
    "JobId": "ftj-abc",
    "RegionId": "cn-hangzhou",
}
CREATE = {
    "RegionId": "cn-hangzhou",
    "Name": "drill A+B/~*演练",
    "JobType": "StartLater",
    "JobDuration": "60",
    "ResourceType": "PHYSICALCONNECTION",
    "ResourceId.1": "pc-aaa",
    "ResourceId.2": "pc-bbb",
}
FORM = (
    b"JobDuration=60&JobType=StartLater&Name=drill+A%2BB%2F~%2A%E6%BC%94%E7%BB%83"
    b"&RegionId=cn-hangzhou&ResourceId.1=pc-aaa&ResourceId.2=pc-bbb"
    b"&ResourceType=PHYSICALCONNECTION"
)
LIST = {
    "Filter.1.Key": "JobStatus",
    "Filter.1.Value.1": "Init",
    "Filter.1.Value.2": "Testing",
    "Filter.2.Key": "JobId",
    "Filter.2.Value.1": "ftj-x",
    "MaxResults": "20",
    "RegionId": "cn-hangzhou",
}
SDK_HEADERS = {
    "accept": "application/json",
    "user-agent": "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2 UA",
    "x-acs-credentials-provider": "static_ak",
}
STS_HEADERS = {"x-acs-accesskey-id": "testid", "x-acs-security-token": "teststs"}
FORM_HEADERS = {
    "content-type": "application/x-www-form-urlencoded",
    "x-acs-content-sha256": hashlib.sha256(FORM).hexdigest(),
}
IMAGE = {
    "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
    "RegionId": "cn-shanghai",
}

VECTORS = [
    pytest.param(
        START,
        {"x-acs-action": "StartFailoverTestJob"},
        "a19acc4f78ca2449eadd3b8d8e6b216b82545089cee58e60d057d286e9f72270",
        "c0c3ef41650d44b587f024ce3fbf1ead537bff541edd9bc68ce88c102c42295f",
        id="A: plain",
    ),
    pytest.param(
        CREATE,
        {"x-acs-action": "CreateFailoverTestJob"},
        "c905f2ef6748e5eae2000a6bc8721037bd000dde991937222edc819cb25111c1",
        "e6f799a72367533d29e3834e9eb485b46c0a75782cbe61c293882c19a92e2afd",
        id="B: awkward characters",
    ),
    pytest.param(
        {},
        {"x-acs-action": "CreateFailoverTestJob", **FORM_HEADERS},
        "a678c578d271ec3ce8e7640c6b260166313befde250977d301c9d9862cc0016d",
        "03ce217b68b0381dccf8db53ece8f399ce0c7965a071a54482a5327698d5d144",
        id="C: form body",
    ),
    pytest.param(
        START,
        {"x-acs-action": "StartFailoverTestJob", **STS_HEADERS},
        "c6e99eff4d6e2b967e316775a432b6fc24e8d1299154fb158e810cc0a0029366",
        "1365c318d8637a6e1672b1a1d79449cf67b105c2291f897d26cf7cc5f41484a2",
        id="D: STS",
    ),
    pytest.param(
        LIST,
        {"x-acs-action": "DescribeFailoverTestJobs", **SDK_HEADERS},
        "15f1e49d3fcd6eaf63f625d2f619975d4b4ccd953432fed82bbc30c190625bec",
        "ae9acd67bf4286ec6a51ca463e9c1c60010f2fe2e0aca8f28d459241b6debb70",
        id="E: headers of the SDK",
    ),
]

texts = st.text(max_size=12) | st.sampled_from(["*", "~", "a b", "", "+", "/", "%20", "演练", "&="])
leaves = texts | st.integers() | st.none()
names = st.from_regex(r"[A-Z][A-Za-z0-9]{0,9}", fullmatch=True)
nested = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)


def common_headers(**more: str) -> dict[str, str]:
    return {
        "host": "vpc.aliyuncs.com",
        "x-acs-content-sha256": EMPTY,
        "x-acs-date": "2026-01-02T03:04:05Z",
        "x-acs-signature-nonce": NONCE,
        "x-acs-version": "2016-04-28",
        **more,
    }


def auth(credentials: Credentials) -> AcsAuth:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return AcsAuth(lambda: credentials, clock=lambda: moment, nonce=lambda: NONCE)


def signed(credentials: Credentials, parameters: dict[str, str], operation: str) -> httpx.Request:
    request = httpx.Request(
        "POST",
        "https://vpc.aliyuncs.com/",
        params=parameters,
        headers={"x-acs-action": operation, "x-acs-version": "2016-04-28"},
    )
    return next(auth(credentials).sync_auth_flow(request))


@pytest.mark.parametrize(("query", "headers", "digest", "signature"), VECTORS)
def test_signs_the_reference_vectors(
    query: dict[str, str], headers: dict[str, str], digest: str, signature: str
) -> None:
    """Hash and signature of a request are those of the official library."""
    parts: dict[str, Any] = {
        "method": "POST",
        "path": "/",
        "query": query.items(),
        "headers": common_headers(**headers),
    }

    assert hashlib.sha256(canonical_request(**parts).encode()).hexdigest() == digest
    assert authorization(KEY, **parts).endswith(f",Signature={signature}")


def test_signs_the_published_sample() -> None:
    """The signature printed in Alibaba's own documentation comes out."""
    header = authorization(
        Credentials("YourAccessKeyId", "YourAccessKeySecret"),
        method="POST",
        path="/",
        query=IMAGE.items(),
        headers={
            "host": "ecs.cn-shanghai.aliyuncs.com",
            "x-acs-action": "RunInstances",
            "x-acs-content-sha256": EMPTY,
            "x-acs-date": "2023-10-26T10:22:32Z",
            "x-acs-signature-nonce": NONCE,
            "x-acs-version": "2014-05-26",
        },
    )

    assert header == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;"
        "x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(names, nested, max_size=6))
def test_signs_what_the_official_library_signs(parameters: dict[str, Any]) -> None:
    """Any parameters, sent through httpx, are flattened and signed as the official SDK does."""
    ours = signed(KEY, flattened(parameters), "CreateFailoverTestJob")
    theirs = DaraRequest()
    theirs.method, theirs.pathname, theirs.query = "POST", "/", Utils.query(parameters)
    theirs.headers = {**common_headers(), "x-acs-action": "CreateFailoverTestJob"}

    assert flattened(parameters) == Utils.query(parameters)
    assert ours.headers["authorization"] == Utils.get_authorization(
        theirs, "ACS3-HMAC-SHA256", EMPTY, "testid", "testsecret"
    )


def test_signs_names_encoded_as_values_are() -> None:
    """The documented rule, not the library's: a name cannot look like several parameters."""
    parts: dict[str, Any] = {"method": "POST", "path": "/", "headers": common_headers()}
    whole = canonical_request(query=[("Description=d&DryRun", "true")], **parts)

    assert whole.split("\n")[2] == "Description%3Dd%26DryRun=true"


def test_signs_a_repeated_parameter_in_its_order() -> None:
    """The order decides which one counts."""
    parts: dict[str, Any] = {"method": "POST", "path": "/", "headers": common_headers()}
    query = [("b", "2"), ("b", "1"), ("a", "3")]

    assert canonical_request(query=query, **parts).split("\n")[2] == "a=3&b=2&b=1"


def test_signs_temporary_credentials() -> None:
    """An STS token travels in a signed header, with its access key."""
    request = signed(Credentials("testid", "testsecret", "teststs"), START, "StartFailoverTestJob")

    assert request.headers["x-acs-security-token"] == "teststs"
    assert request.headers["authorization"].endswith(
        "Signature=1365c318d8637a6e1672b1a1d79449cf67b105c2291f897d26cf7cc5f41484a2"
    )


def test_leaves_out_headers_that_a_proxy_may_rewrite() -> None:
    """`accept` and `user-agent` are sent unsigned."""
    request = signed(KEY, START, "StartFailoverTestJob")

    assert (
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
        in (request.headers["authorization"])
    )


def test_signs_each_request_anew() -> None:
    """Credentials, date and nonce are those of the moment."""
    keys = iter([Credentials("first", "s1"), Credentials("second", "s2", "token")])
    dates = iter([datetime(2026, 1, 2, 3, 4, second, tzinfo=UTC) for second in (5, 6)])
    auth = AcsAuth(lambda: next(keys), clock=lambda: next(dates))
    requests = [httpx.Request("POST", "https://vpc.aliyuncs.com/") for _ in range(2)]
    first, second = (next(auth.sync_auth_flow(request)).headers for request in requests)

    assert "Credential=first," in first["authorization"]
    assert "Credential=second," in second["authorization"]
    assert first["x-acs-date"] == "2026-01-02T03:04:05Z"
    assert second["x-acs-date"] == "2026-01-02T03:04:06Z"
    assert first["x-acs-signature-nonce"] != second["x-acs-signature-nonce"]


def test_credentials_hide_their_secrets() -> None:
    """Only the ID of an access key shows in its representation."""
    assert repr(Credentials("testid", "testsecret", "teststs")) == (
        "Credentials(access_key_id='testid')"
    )


@pytest.mark.parametrize(
    ("fields", "beginning"),
    [
        pytest.param(("", "secret"), "access_key_id is 0 characters", id="empty"),
        pytest.param(("id", "se cret"), "access_key_secret is 7 characters", id="space"),
        pytest.param(
            ("id", "secret", "to\nken"), "security_token is 6 characters", id="line break"
        ),
        pytest.param(("id", "sécret"), "access_key_secret is 6 characters", id="not ASCII"),
    ],
)
def test_refuses_credentials_that_no_header_can_carry(
    fields: tuple[str, ...], beginning: str
) -> None:
    """The error names the field and its length, never the value."""
    with pytest.raises(CredentialsError) as caught:
        Credentials(*fields)

    assert str(caught.value) == (f"{beginning} long and must be printable ASCII without spaces")


@pytest.mark.parametrize(
    ("access_key_id", "problem"),
    [
        pytest.param(12345, "of type int and must be a string", id="a number in JSON"),
        pytest.param(
            "12\n", "3 characters long and must be printable ASCII without spaces", id="text"
        ),
    ],
)
def test_refused_credentials_name_their_source(access_key_id: Any, problem: str) -> None:
    """Several are set up, and only one is damaged."""
    with pytest.raises(CredentialsError) as caught:
        Credentials(access_key_id, "secret", source="profile 'me'")

    assert str(caught.value) == (
        f"access_key_id is {problem}; the credentials are those of profile 'me'"
    )


def test_signs_by_the_clock_of_the_api_when_ours_is_off() -> None:
    """A refused request is signed again, and those that follow are right at once."""
    ours = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    seen: list[str] = []

    def api(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["x-acs-date"])
        in_time = seen[-1].startswith("2026-01-02T05:04:0")
        return httpx.Response(
            200 if in_time else 400,
            headers={"date": "Fri, 02 Jan 2026 05:04:05 GMT"},
            json={} if in_time else {"Code": "InvalidTimeStamp.Expired"},
        )

    auth = AcsAuth(lambda: Credentials("id", "secret"), clock=lambda: ours)
    with httpx.Client(transport=httpx.MockTransport(api), auth=auth) as client:
        first = client.post("http://127.0.0.1/")
        second = client.post("http://127.0.0.1/")

    assert (first.status_code, second.status_code) == (200, 200)
    assert seen == ["2026-01-02T03:04:05Z", "2026-01-02T05:04:05Z", "2026-01-02T05:04:05Z"]
