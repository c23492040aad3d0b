"""
Names and values that look like something else: each signature is good for one reading only.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlencode

import httpx
import pytest
from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest

from chaosfailover.alibaba.signing import AcsAuth, Credentials
from chaosfailover.emulator import Emulator
from chaosfailover.emulator.access_keys import AccessKey
from chaosfailover.emulator.error_codes import Refusal
from chaosfailover.emulator.signatures import Nonces, identify
from chaosfailover.emulator.wire import Reply, Request

KEYS = {"testid": AccessKey(id="testid", secret="testsecret", account="1")}
FORM = "application/x-www-form-urlencoded"
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
        **({"content-type": FORM} if form is not None else {}),
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
    return Request("POST", "/", sent, {"content-type": FORM}, urlencode(form or {}).encode())


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
    return Request("POST", "/", url.partition("?")[2], {"content-type": FORM}, body)


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


def code_of(request: Request) -> str:
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
    assert code_of(request) == ""


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_that_was_signed_unencoded_has_no_certain_reading(text: str) -> None:
    """
    The official library leaves names unencoded in V3, against the documented rule.
    """
    request = signed_v3({text: "v"}, encoded_names=False)
    expected = "" if quote(text, safe="~") == text else "SignatureDoesNotMatch"

    assert code_of(request) == expected


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

        assert (code_of(other) == "") == accepted, spelling


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

    assert code_of(other) == "SignatureDoesNotMatch"


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
    assert [code_of(each) for each in requests] == ["", "SignatureDoesNotMatch"]


@pytest.mark.parametrize(
    ("without", "sent", "code"),
    [
        pytest.param((), FORM, "", id="signed"),
        pytest.param((), "text/plain", "SignatureDoesNotMatch", id="signed and changed"),
        pytest.param((), None, "SignatureDoesNotMatch", id="signed and taken away"),
        pytest.param(("content-type",), FORM, "IncompleteSignature", id="unsigned"),
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

    assert code_of(Request("POST", "/", "", headers, request.body)) == code


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
