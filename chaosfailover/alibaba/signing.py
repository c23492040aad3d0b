"""
The ACS3-HMAC-SHA256 signature: a pure function and an `httpx.Auth` around it.
"""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from operator import itemgetter
from urllib.parse import quote

import httpx

from chaosfailover.alibaba.codes import CLOCK_OFF
from chaosfailover.errors import CredentialsError

__all__ = ["AcsAuth", "Credentials", "authorization", "canonical_request", "clock_offset"]

logger = logging.getLogger("chaostoolkit")

ALGORITHM = "ACS3-HMAC-SHA256"
# Seconds; the API refuses what is 15 minutes off (API reference 6.6).
LARGEST_OFFSET = 300.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    An access key, for temporary credentials its STS token, and the name of their source.

    Raises CredentialsError, without the value, for a part that cannot be sent in a header.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    source: str = field(default="", repr=False, compare=False)

    def __post_init__(self) -> None:
        for each in fields(self):
            text = getattr(self, each.name)
            if text is not None and each.name != "source":
                _require_printable(each.name, text, self.source)


class AcsAuth(httpx.Auth):
    """
    Sign each request with current credentials, the date and a new nonce.

    Signed headers are `host`, `content-type` and `x-acs-*`, not those that a proxy may rewrite
    (API reference 6.2).
    """

    requires_request_body = True

    def __init__(
        self,
        credentials: Callable[[], Credentials],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._nonce = nonce
        self._offset = timedelta()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """
        Sign a request; again by the API's clock if the local clock is far off.

        A running test must be stopped, also from a machine whose clock has jumped.
        """
        response = yield self._signed(request)
        if response.status_code == httpx.codes.BAD_REQUEST and self._clock_is_off(response):
            yield self._signed(request)

    def _clock_is_off(self, response: httpx.Response) -> bool:
        if CLOCK_OFF.encode() not in response.read():
            return False
        offset = clock_offset(response.headers, self._clock() + self._offset)
        if offset is None or abs(offset) < LARGEST_OFFSET:
            return False
        self._offset += timedelta(seconds=offset)
        logger.warning("This machine's clock is %.0f s off; the API's is used to sign", -offset)
        return True

    def _signed(self, request: httpx.Request) -> httpx.Request:
        credentials = self._credentials()
        request.extensions["credentials"] = credentials.source
        now = self._clock() + self._offset
        request.headers["x-acs-date"] = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        request.headers["x-acs-signature-nonce"] = self._nonce()
        request.headers["x-acs-content-sha256"] = hashlib.sha256(request.content).hexdigest()
        if credentials.security_token is not None:
            request.headers["x-acs-accesskey-id"] = credentials.access_key_id
            request.headers["x-acs-security-token"] = credentials.security_token
        request.headers["authorization"] = authorization(
            credentials,
            method=request.method,
            path=request.url.path,
            query=request.url.params.multi_items(),
            headers={name: text for name, text in request.headers.items() if _is_signed(name)},
        )
        return request


def clock_offset(headers: Mapping[str, str], now: datetime) -> float | None:
    """
    Return the lead of the API's clock over `now` in seconds, to within 1 s; None if unknown.
    """
    try:
        return (parsedate_to_datetime(headers["date"]) - now).total_seconds() + 0.5
    except (KeyError, ValueError, TypeError):
        return None


def authorization(
    credentials: Credentials,
    *,
    method: str,
    path: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
) -> str:
    """
    Compute the `Authorization` header (API reference 6.2).

    `query` holds decoded pairs. All `headers` are signed, and must include `x-acs-content-sha256`.
    """
    request = canonical_request(method=method, path=path, query=query, headers=headers)
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = credentials.access_key_secret.encode()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return (
        f"{ALGORITHM} Credential={credentials.access_key_id},"
        f"SignedHeaders={';'.join(_sorted_names(headers))},Signature={signature}"
    )


def canonical_request(
    *, method: str, path: str, query: Iterable[tuple[str, str]], headers: Mapping[str, str]
) -> str:
    """
    Write a request in the canonical form, which both sides hash.
    """
    lowered = {name.lower(): text.strip() for name, text in headers.items()}
    names = _sorted_names(headers)
    return "\n".join(
        [
            method,
            path,
            _canonical_query(query),
            *(f"{name}:{lowered[name]}" for name in names),
            "",
            ";".join(names),
            lowered["x-acs-content-sha256"],
        ]
    )


def _canonical_query(query: Iterable[tuple[str, str]]) -> str:
    """
    Write parameters sorted by name; parameters of one name keep their order.
    """
    ordered = sorted(query, key=itemgetter(0))
    return "&".join(f"{_encoded(name)}={_encoded(text)}" for name, text in ordered)


def _sorted_names(headers: Mapping[str, str]) -> list[str]:
    return sorted(name.lower() for name in headers)


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _is_signed(name: str) -> bool:
    return name in {"host", "content-type"} or name.startswith("x-acs-")


def _require_printable(name: str, text: object, source: str) -> None:
    """
    Raise CredentialsError, which names the source, for what no header can hold.
    """
    if isinstance(text, str):
        if text and text.isascii() and text.isprintable() and " " not in text:
            return
        problem = f"{len(text)} characters long and must be printable ASCII without spaces"
    else:
        problem = f"of type {type(text).__name__} and must be a string"
    whose = f"; the credentials are those of {source}" if source else ""
    raise CredentialsError(f"{name} is {problem}{whose}")
