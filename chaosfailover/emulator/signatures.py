"""
Signatures: ACS3-HMAC-SHA256 (V3), and the older HMAC-SHA1 of RPC calls (V1).

The checks are, in order: signature present, key exists, date, token, signature, nonce (API
reference 14).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import itemgetter
from urllib.parse import quote

from chaosfailover.emulator.access_keys import AccessKey
from chaosfailover.emulator.error_codes import invalid, missing, refuse
from chaosfailover.emulator.wire import Request

__all__ = [
    "Nonces",
    "Signed",
    "claimed_key",
    "identify",
    "signature_v1",
    "signature_v3",
    "signed_at",
]

ALGORITHM = "ACS3-HMAC-SHA256"
AUTHORIZATION = re.compile(
    ALGORITHM + r" +Credential=([^,]+), *SignedHeaders=([^,]+), *Signature=([0-9a-f]+)"
)
MUST_SIGN = frozenset(
    {
        "host",
        "x-acs-action",
        "x-acs-version",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-content-sha256",
    }
)
"""
The headers that a V3 signature has to cover; with a body also `content-type`.
"""
V1 = {"SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0"}
DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)


@dataclass(frozen=True)
class Signed:
    """
    The claims of a signed request, not yet verified.
    """

    key_id: str
    signature: str
    date: str
    nonce: str
    token: str
    version: int
    signed_headers: tuple[str, ...] = ()


class Nonces:
    """
    The nonces of late; a key may use each only once.
    """

    def __init__(self, lifetime: float = 1800.0) -> None:
        self._lifetime = lifetime
        self._seen: dict[tuple[str, str], float] = {}

    def use(self, key_id: str, nonce: str, now: float) -> bool:
        """
        Store a nonce; False if it was used before.
        """
        oldest = list(islice(self._seen.items(), 16))
        for old in [each for each, at in oldest if at < now - self._lifetime]:
            del self._seen[old]
        fresh = (key_id, nonce) not in self._seen
        if fresh:
            self._seen[key_id, nonce] = now
        return fresh


def identify(
    request: Request, keys: Mapping[str, AccessKey], nonces: Nonces, now: float, window: float
) -> AccessKey:
    """
    Return the access key that signed a request, or refuse; `now` is in real seconds since 1970.
    """
    signed = _claims(request)
    key = _active_key(signed.key_id, keys)
    _check_date(signed.date, now, window)
    _check_token(key, signed)
    expected, string_to_sign = _expected(request, signed, key.secret)
    if not hmac.compare_digest(expected.encode(), signed.signature.encode()):
        raise refuse("SignatureDoesNotMatch", string_to_sign=string_to_sign)
    if not nonces.use(key.id, signed.nonce, now):
        raise refuse("SignatureNonceUsed")
    return key


def claimed_key(request: Request, keys: Mapping[str, AccessKey]) -> AccessKey | None:
    """
    Return the key that a request names, unverified, for `auth=False`.
    """
    claim = re.search("Credential=([^,]+)", request.headers.get("authorization", ""))
    named = claim[1] if claim else request.parameters.get("AccessKeyId", "")
    return keys.get(named)


def signed_at(request: Request) -> float:
    """
    Return the date of an identified request, in real seconds since 1970.
    """
    return datetime.fromisoformat(_claims(request).date).timestamp()


def signature_v3(request: Request, signed_headers: tuple[str, ...], secret: str) -> tuple[str, str]:
    """
    Return the V3 signature of a request and the string that it signs (API reference 6.2).
    """
    headers = "".join(
        f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed_headers
    )
    canonical = "\n".join(
        (
            request.method,
            request.path,
            _canonical(request.query_pairs),
            headers,
            ";".join(signed_headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    string_to_sign = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return _hmac(secret, string_to_sign, "sha256").hex(), string_to_sign


def signature_v1(request: Request, secret: str) -> tuple[str, str]:
    """
    Return the V1 signature of a request and the string that it signs (API reference 6.5).
    """
    query = _canonical(pair for pair in request.pairs if pair[0] != "Signature")
    string_to_sign = f"{request.method}&%2F&{_encoded(query)}"
    digest = _hmac(f"{secret}&", string_to_sign, "sha1")
    return base64.b64encode(digest).decode(), string_to_sign


def _claims(request: Request) -> Signed:
    headers, parameters = request.headers, request.parameters
    if match := AUTHORIZATION.fullmatch(headers.get("authorization", "").strip()):
        return Signed(
            key_id=match[1],
            signature=match[3],
            date=headers.get("x-acs-date", ""),
            nonce=headers.get("x-acs-signature-nonce", ""),
            token=headers.get("x-acs-security-token", ""),
            version=3,
            signed_headers=tuple(match[2].split(";")),
        )
    if "Signature" not in parameters:
        raise refuse("IncompleteSignature")
    _check_v1(request)
    return Signed(
        key_id=parameters["AccessKeyId"],
        signature=parameters["Signature"],
        date=parameters.get("Timestamp", ""),
        nonce=parameters["SignatureNonce"],
        token=parameters.get("SecurityToken", ""),
        version=1,
    )


def _check_v1(request: Request) -> None:
    """
    Refuse a malformed V1 request, and headers, which V1 does not sign, that contradict it.
    """
    headers, parameters = request.headers, request.parameters
    for name in ("AccessKeyId", "SignatureNonce"):
        if not parameters.get(name):
            raise missing(name)
    for name, only in V1.items():
        if name not in parameters:
            raise missing(name)
        if parameters[name] != only:
            raise invalid(name)
    for header, name in (("x-acs-action", "Action"), ("x-acs-version", "Version")):
        if header in headers and headers[header] != parameters.get(name):
            raise refuse("IncompleteSignature")


def _active_key(key_id: str, keys: Mapping[str, AccessKey]) -> AccessKey:
    if key_id not in keys:
        raise refuse("InvalidAccessKeyId.NotFound")
    if keys[key_id].status != "Active":
        raise refuse("InvalidAccessKeyId.Inactive")
    return keys[key_id]


def _check_date(date: str, now: float, window: float) -> None:
    if not date:
        raise refuse("IllegalTimestamp")
    try:
        at = datetime.fromisoformat(date).timestamp() if DATE.fullmatch(date) else None
    except ValueError:
        at = None
    if at is None:
        raise refuse("InvalidTimeStamp.Format")
    if abs(at - now) > window:
        raise refuse("InvalidTimeStamp.Expired")


def _check_token(key: AccessKey, signed: Signed) -> None:
    if key.token and not signed.token:
        raise missing("SecurityToken")
    if signed.token != key.token:
        raise refuse("InvalidSecurityToken.Malformed")
    if key.expired:
        raise refuse("InvalidSecurityToken.Expired")


def _expected(request: Request, signed: Signed, secret: str) -> tuple[str, str]:
    if signed.version == 1:
        return signature_v1(request, secret)
    body_hash = hashlib.sha256(request.body).hexdigest()
    needed = MUST_SIGN | ({"content-type"} if request.body else set())
    unsigned = needed - set(signed.signed_headers)
    if unsigned or request.headers.get("x-acs-content-sha256") != body_hash or not signed.nonce:
        raise refuse("IncompleteSignature")
    return signature_v3(request, signed.signed_headers, secret)


def _canonical(pairs: Iterable[tuple[str, str]]) -> str:
    """
    Write parameters sorted by name, with names and values encoded, so that the text is unambiguous.

    Repeated names keep their order, as the last value counts.
    """
    ordered = sorted(pairs, key=itemgetter(0))
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in ordered)


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _hmac(secret: str, text: str, algorithm: str) -> bytes:
    return hmac.new(secret.encode(), text.encode(), algorithm).digest()
