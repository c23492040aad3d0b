"""
One HTTP request and its response, on an open connection.

The client is minimal on purpose: a check needs the status and perhaps the body, a thousand times a
second. With h11 instead, a hundred targets took a quarter more of a core, and more than half of it.
"""

import re
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from functools import cache
from urllib.parse import quote, urlsplit

from chaosfailover.prober.check import CheckFailedError
from chaosfailover.prober.targets import Target

__all__ = ["exchange_http", "http_request"]

MOST_BODY = 256 * 1024
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)[ \r]")
SAFE = "/?&=%:;,+~!$'()*@[]#"
BODILESS = frozenset({204, 304})


@cache
def http_request(target: Target) -> bytes:
    """
    Return the GET request of a target; the connection is closed unless the target is persistent.
    """
    host = urlsplit(target.url).netloc.replace(".:", ":").removesuffix(".")
    lines = (
        f"GET {quote(target.request_target, safe=SAFE)} HTTP/1.1",
        f"Host: {host if host.isascii() else host.encode('idna').decode()}",
        "User-Agent: chaostoolkit-failover",
        "Accept: */*",
        "Accept-Encoding: identity",
        f"Connection: {'keep-alive' if target.persistent else 'close'}",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")


async def exchange_http(
    reader: StreamReader, writer: StreamWriter, target: Target, note_sent: Callable[[], None]
) -> bool:
    """
    Send the request and judge the response; return whether the connection can be used again.

    The body is read only if it is judged, or if the connection is to be used again.
    """
    writer.write(http_request(target))
    note_sent()
    status, headers = await _read_head(reader)
    if not (status in target.status if target.status else 200 <= status < 400):
        raise CheckFailedError(f"http-{status}")
    if target.body is None and not target.persistent:
        return False
    body = b"" if status in BODILESS else await _read_body(reader, headers)
    if target.body is not None and not target.body.search(body):
        raise CheckFailedError("body-mismatch")
    return _is_kept(headers, body)


async def _read_head(reader: StreamReader) -> tuple[int, dict[bytes, bytes]]:
    status = 100
    while status < 200:  # an interim response comes before the final one
        head = await reader.readuntil(b"\r\n\r\n")
        if not (match := STATUS_LINE.match(head)):
            raise CheckFailedError("protocol")
        status = int(match[1])
    fields = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return status, {name.strip().lower(): value.strip().lower() for name, _, value in fields}


async def _read_body(reader: StreamReader, headers: dict[bytes, bytes]) -> bytes:
    if b"chunked" in headers.get(b"transfer-encoding", b""):
        return await _read_chunks(reader)
    if (length := headers.get(b"content-length")) is not None:
        if not length.isdigit():
            raise CheckFailedError("protocol")
        return await reader.readexactly(min(int(length), MOST_BODY))
    body = b""
    while len(body) < MOST_BODY and (data := await reader.read(MOST_BODY)):
        body += data
    return body


async def _read_chunks(reader: StreamReader) -> bytes:
    body = b""
    while len(body) < MOST_BODY:
        line = await reader.readuntil(b"\r\n")
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            raise CheckFailedError("protocol") from None
        chunk = await reader.readexactly(min(size, MOST_BODY) + 2)
        if not size:
            break
        body += chunk[:-2]
    return body


def _is_kept(headers: dict[bytes, bytes], body: bytes) -> bool:
    framed = b"content-length" in headers or b"transfer-encoding" in headers
    return framed and len(body) < MOST_BODY and headers.get(b"connection") != b"close"
