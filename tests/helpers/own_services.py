"""
The user's own services, which tests put behind the emulated network.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

__all__ = ["answering", "echo", "listening", "total"]

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


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
    ready, over = threading.Event(), threading.Event()
    addresses: list[str] = []

    writers: set[asyncio.StreamWriter] = set()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(guarded, "127.0.0.1", 0, backlog=2048)
        host, port = server.sockets[0].getsockname()[:2]
        addresses.append(f"{host}:{port}")
        ready.set()
        while not over.is_set():
            await asyncio.sleep(0.05)
        server.close()
        await asyncio.sleep(0.05)  # those that were just accepted
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.05)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait()
    try:
        yield addresses[0]
    finally:
        over.set()
        thread.join()
