"""
The replies of the API: a document, or one of our errors.
"""

import json
import ssl
from collections.abc import Iterator, Mapping
from typing import cast

import httpx

from chaosfailover import errors
from chaosfailover.alibaba.documents import Reply

__all__ = ["document", "is_unreached", "transport_error"]

# Passwords of BGP and keys of MACsec and VPN, at any depth of a reply.
SECRET_FIELDS = frozenset({"AuthKey", "Cak", "Psk"})


def document(
    operation: str,
    http_status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    tells_success: bool = False,
) -> Reply:
    """
    Read a reply: the JSON object of a success, without its secret fields.

    Raises ApiError for an error document, also with HTTP 200 if the product `tells_success`, and
    InvalidReplyError for everything else.
    """
    reply = _json_object(body)
    if reply is not None and http_status >= 400 and isinstance(reply.get("Code"), str):
        raise _api_error(operation, http_status, headers, reply)
    if reply is None or not 200 <= http_status < 300:
        kind = headers.get("content-type", "no content type")
        raise errors.InvalidReplyError(
            f"{operation}: HTTP {http_status} with {len(body)} bytes ({kind}) that are not the "
            "JSON document of this API",
            http_status=http_status,
        )
    if tells_success and reply.get("Success") is not True:
        raise _api_error(operation, http_status, headers, reply)
    return reply


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
    refused = any(isinstance(cause, ConnectionRefusedError) for cause in _causes(error))
    return errors.ConnectionFailedError(f"{where} cannot be reached: {reason}", refused=refused)


def is_unreached(error: Exception) -> bool:
    """
    Tell whether an error says that the endpoint was not reached.
    """
    if isinstance(error, errors.RequestTimeoutError):
        return not error.connected
    return isinstance(error, errors.ConnectionFailedError | errors.TlsError)


def _json_object(body: bytes) -> Reply | None:
    try:
        reply: object = json.loads(body, object_hook=_without_secrets)
    except (RecursionError, ValueError):
        return None
    return cast(Reply, reply) if isinstance(reply, dict) else None


def _without_secrets(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name not in SECRET_FIELDS}


def _api_error(
    operation: str, http_status: int, headers: Mapping[str, str], reply: Reply
) -> errors.ApiError:
    return errors.ApiError(
        str(reply.get("Code") or "Unsuccessful"),
        str(reply.get("Message") or ""),
        operation=operation,
        http_status=http_status,
        request_id=str(reply.get("RequestId") or ""),
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
