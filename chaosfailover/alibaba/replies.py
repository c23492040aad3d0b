"""
The replies of the API: a document, or one of our errors.
"""

import json
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import cast

import httpx

from chaosfailover import errors
from chaosfailover.alibaba.documents import Reply

__all__ = ["document", "is_unreached", "transport_error", "was_refused"]

# Passwords of BGP and keys of MACsec and VPN, at any depth of a reply.
SECRET_FIELDS = frozenset({"AuthKey", "Cak", "Psk"})
HIDDEN = "***"
SHORTEST = 6
"""Shorter values are part of too many words to be hidden wherever they occur."""

# A secret field with its value in a text: of JSON, of a query, of XML, or of what Python prints.
ASSIGNED = re.compile(
    rf"""(?P<name>\b(?:{"|".join(sorted(SECRET_FIELDS))})\b\\*["']?\s*[:=>]\s*)"""
    r"""(?P<value>"(?:[^"\\]|\\.)*"?|'[^']*'?|\\+["'][^"'\\]*|\[[^\]]*\]?|\{[^}]*\}?|"""
    r"""[^\s"'\\,;&<>{}\[\]]+)""",
    re.IGNORECASE,
)
FREE_TEXTS = ("Description", "Message", "Name")
"""How the names of fields end whose texts people write; all others are evidence, and stay."""


def document(
    operation: str,
    http_status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: set[str] | None = None,
    tells_success: bool = False,
) -> Reply:
    """
    Read a reply: the JSON object of a success, without its secret fields.

    `secrets` are the values of such fields in earlier replies; those of this one are added. They
    are hidden in the texts of errors, and those of this reply in its names and descriptions.

    Raises ApiError for an error document, also with HTTP 200 if the product `tells_success`, and
    InvalidReplyError for everything else.
    """
    own: set[str] = set()
    secrets = set() if secrets is None else secrets
    reply = _json_object(body, own)
    secrets |= own
    if reply is not None and http_status >= 400 and isinstance(reply.get("Code"), str):
        raise _api_error(operation, http_status, headers, reply, tuple(secrets))
    if reply is None or not 200 <= http_status < 300:
        kind = headers.get("content-type", "no content type")
        raise errors.InvalidReplyError(
            f"{operation}: HTTP {http_status} with {len(body)} bytes ({kind}) that are not the "
            "JSON document of this API",
            http_status=http_status,
        )
    if tells_success and reply.get("Success") is not True:
        raise _api_error(operation, http_status, headers, reply, tuple(secrets))
    return cast(Reply, _shown(reply, own)) if own else reply


def transport_error(
    error: httpx.HTTPError, *, operation: str, route: str, http_status: int | None
) -> errors.TransportError:
    """
    Translate an error of httpx; `http_status` is None before the head of the reply.

    The text of a protocol error that may quote a header of the request is omitted.
    """
    reason = type(error).__name__ if isinstance(error, httpx.LocalProtocolError) else str(error)
    where = f"{operation}: {route}"
    if isinstance(error, httpx.TimeoutException):
        return errors.RequestTimeoutError(
            f"{where} did not answer in time ({type(error).__name__})",
            connected=not isinstance(error, httpx.ConnectTimeout),
        )
    if http_status is not None:
        return errors.InvalidReplyError(
            f"{operation}: the reply of HTTP {http_status} was cut off: {reason}",
            http_status=http_status,
        )
    if _is_tls_failure(error):
        return errors.TlsError(f"{where} cannot be trusted or does not speak TLS: {reason}")
    refused = was_refused(error)
    return errors.ConnectionFailedError(f"{where} cannot be reached: {reason}", refused=refused)


def was_refused(error: BaseException) -> bool:
    """
    Tell whether a connection was refused, so that nothing listens there.
    """
    return any(isinstance(cause, ConnectionRefusedError) for cause in _causes(error))


def is_unreached(error: Exception) -> bool:
    """
    Tell whether an error says that the endpoint was not reached.
    """
    if isinstance(error, errors.RequestTimeoutError):
        return not error.connected
    return isinstance(error, errors.ConnectionFailedError | errors.TlsError)


def _json_object(body: bytes, secrets: set[str]) -> Reply | None:
    try:
        reply: object = json.loads(body, object_hook=partial(_without_secrets, secrets))
    except (RecursionError, ValueError):
        return None
    return cast(Reply, reply) if isinstance(reply, dict) else None


def _without_secrets(secrets: set[str], fields: dict[str, object]) -> dict[str, object]:
    """
    Return an object without its secret fields, whose values are added to `secrets`.
    """
    for name in fields.keys() & SECRET_FIELDS:
        secrets.update(text for text in _texts(fields[name]) if len(text) >= SHORTEST)
    return {name: value for name, value in fields.items() if name not in SECRET_FIELDS}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
    else:
        yield str(value)


def _shown(value: object, secrets: Iterable[str], name: str = "") -> object:
    """
    Hide secrets in the names and descriptions of a document.
    """
    if isinstance(value, dict):
        return {name: _shown(inner, secrets, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner, secrets, name) for inner in value]
    is_free = isinstance(value, str) and name.endswith(FREE_TEXTS)
    return _hidden(str(value), secrets) if is_free else value


def _hidden(text: str, secrets: Iterable[str]) -> str:
    """
    Hide secrets in a text, and what the text itself says to be one, wherever it occurs there.
    """
    named = {match["value"].strip("\\\"'") for match in ASSIGNED.finditer(text)}
    known = {*secrets, *(value for value in named if len(value) >= SHORTEST)}
    forms = {form for value in known for form in (value, json.dumps(value)[1:-1])}
    text = ASSIGNED.sub(rf"\g<name>{HIDDEN}", text)
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def _api_error(
    operation: str,
    http_status: int,
    headers: Mapping[str, str],
    reply: Reply,
    secrets: Iterable[str],
) -> errors.ApiError:
    return errors.ApiError(
        _hidden(str(reply.get("Code") or "Unsuccessful"), secrets),
        _hidden(str(reply.get("Message") or ""), secrets),
        operation=operation,
        http_status=http_status,
        request_id=_hidden(str(reply.get("RequestId") or ""), secrets),
        retry_after=_retry_after(headers.get("x-acs-retry-after", "")),
    )


def _retry_after(milliseconds: str) -> float | None:
    text = milliseconds.strip()
    return int(text) / 1000 if text.isascii() and text.isdigit() and int(text) > 0 else None


def _is_tls_failure(error: BaseException) -> bool:
    """
    Look for a refusal by TLS among the causes; a connection that ended early is not one.
    """
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    return False


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
