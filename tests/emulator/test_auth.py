"""
Signatures: the published vectors, and what is wrong with a request.
"""

import pytest

from chaosfailover.emulator.access_keys import AccessKey
from chaosfailover.emulator.error_codes import Refusal
from chaosfailover.emulator.signatures import Nonces, identify, signature_v3
from chaosfailover.emulator.wire import Request

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
