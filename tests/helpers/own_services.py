"""
The user's own services, which tests put behind the emulated network.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from loopback import Handler, served

__all__ = ["answering", "echo", "listening", "total"]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes, and end when the client does."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def total(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with the number of bytes, once the client has closed its direction."""
    count = 0
    while data := await reader.read(65536):
        count += len(data)
    writer.write(b"%d bytes" % count)
    writer.close()


async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each HTTP request with 204."""
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()


@contextmanager
def listening(handler: Handler) -> Iterator[str]:
    """Serve on a free port of loopback, on a thread of its own; yields `host:port`."""
    with served(handler) as port:
        yield f"127.0.0.1:{port}"
