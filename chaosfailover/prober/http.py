"""
One HTTP request and its response, on an open connection.
"""

from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from functools import cache
from urllib.parse import quote, urlsplit

import h11

from chaosfailover.prober.check import CheckFailedError
from chaosfailover.prober.targets import Target

__all__ = ["exchange_http", "http_request"]

MOST_HEAD = 64 * 1024
MOST_BODY = 256 * 1024
SAFE = "/?&=%:;,+~!$'()*@[]#"


@cache
def http_request(target: Target) -> h11.Request:
    """
    Return the GET request of a target; the connection is closed unless the target is persistent.
    """
    host = urlsplit(target.url).netloc.replace(".:", ":").removesuffix(".")
    headers = [
        ("Host", host if host.isascii() else host.encode("idna").decode()),
        ("User-Agent", "chaostoolkit-failover"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("Connection", "keep-alive" if target.persistent else "close"),
    ]
    return h11.Request(method="GET", target=quote(target.path, safe=SAFE), headers=headers)


async def exchange_http(
    reader: StreamReader, writer: StreamWriter, target: Target, note_sent: Callable[[], None]
) -> bool:
    """
    Send the request and judge the response; return whether the connection can be used again.

    The body is read only if it is judged, or if the connection is to be used again.
    """
    client = h11.Connection(h11.CLIENT, MOST_HEAD)
    writer.write(client.send(http_request(target)) or b"")
    client.send(h11.EndOfMessage())
    note_sent()
    while not isinstance(response := await _next_event(client, reader), h11.Response):
        pass  # an interim response comes before the final one
    status = response.status_code
    if not (status in target.status if target.status else 200 <= status < 400):
        raise CheckFailedError(f"http-{status}")
    if target.body is None and not target.persistent:
        return False
    body = await _read_body(client, reader)
    if target.body is not None and not target.body.search(body):
        raise CheckFailedError("body-mismatch")
    return client.our_state is client.their_state is h11.DONE and not client.trailing_data[0]


async def _read_body(client: h11.Connection, reader: StreamReader) -> bytes:
    body = b""
    while isinstance(event := await _next_event(client, reader), h11.Data):
        body += event.data
        if len(body) >= MOST_BODY:
            break
    return body


async def _next_event(client: h11.Connection, reader: StreamReader) -> object:
    data = b"-"
    try:
        while (event := client.next_event()) is h11.NEED_DATA:
            data = await reader.read(MOST_HEAD)
            client.receive_data(data)
    except h11.RemoteProtocolError:
        raise CheckFailedError("protocol" if data else "closed") from None
    return event
