"""
Checks over TCP: connect only, or exchange data on a new connection or on a persistent one.

Whatever they open is closed however the check ends.
"""

import asyncio
import socket
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Sequence
from functools import cache, partial

from chaosfailover.prober.check import (
    Attempt,
    Check,
    CheckFailedError,
    Ended,
    Opened,
    failure_kind,
)
from chaosfailover.prober.happy_eyeballs import race
from chaosfailover.prober.http import exchange_http
from chaosfailover.prober.resolver import Address, SocketAddress
from chaosfailover.prober.targets import Target

__all__ = ["Connect", "Exchange", "HeldExchange", "PersistentExchange"]

MOST_ANSWER = 64 * 1024


class Connect(Check):
    """
    Succeed as soon as the connection is open.
    """

    async def run(self, addresses: Sequence[Address], attempt: Attempt) -> None:  # noqa: ARG002
        (await _connect(addresses, self._timeout)).close()


class Exchange(Check):
    """
    Connect, send a request and judge the answer.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._tls = _tls_context(target.verify) if target.scheme == "https" else None
        self._exchange = _exchange_bytes if target.scheme == "tcp" else exchange_http

    async def run(self, addresses: Sequence[Address], attempt: Attempt) -> None:
        reader, writer = await self._open(addresses, attempt)
        try:
            await self._exchange(reader, writer, self._target, attempt.note_sent)
        finally:
            writer.transport.abort()

    async def _open(
        self, addresses: Sequence[Address], attempt: Attempt
    ) -> tuple[StreamReader, StreamWriter]:
        # RFC 6066: the dot at the end of an absolute name is not part of the server's name.
        name = self._target.host.removesuffix(".") if self._tls else None
        sock = await _connect(addresses, self._timeout)
        attempt.note_sent()
        try:
            return await asyncio.open_connection(sock=sock, ssl=self._tls, server_hostname=name)
        except BaseException:
            sock.close()
            raise


class PersistentExchange(Exchange):
    """
    Exchange data on one connection, and reconnect after a failure.

    A check waits for its turn within its own time limit: while the connection stalls, all fail.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._turn = asyncio.Lock()
        self._stream: tuple[StreamReader, StreamWriter] | None = None

    async def run(self, addresses: Sequence[Address], attempt: Attempt) -> None:
        async with self._turn:
            if self._stream is None or self._stream[0].at_eof():
                self.close()
                self._stream = await self._open(addresses, attempt)
            reusable = False
            try:
                reusable = await self._exchange(*self._stream, self._target, attempt.note_sent)
            finally:
                if not reusable:
                    self.close()

    def close(self) -> None:
        if self._stream is not None:
            self._stream[1].transport.abort()
            self._stream = None


class HeldExchange(Exchange):
    """
    Exchange data on one connection, which is held until it ends, however long it stalls.

    A check waits for its turn within its own time limit. A request that is not answered within it
    keeps the turn, as its answer may still come; the next check then goes on.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._turn = asyncio.Lock()
        self._stream: tuple[StreamReader, StreamWriter] | None = None
        self._under_way: asyncio.Task[None] | None = None

    async def run(self, addresses: Sequence[Address], attempt: Attempt) -> None:
        await self._turn.acquire()
        try:
            stream = await self._opened(addresses, attempt)
            self._under_way = asyncio.create_task(self._request(stream, attempt))
        except BaseException:
            self._turn.release()
            raise
        self._under_way.add_done_callback(self._answered)
        await asyncio.shield(self._under_way)

    async def _opened(
        self, addresses: Sequence[Address], attempt: Attempt
    ) -> tuple[StreamReader, StreamWriter]:
        if self._stream and self._stream[0].at_eof():
            self._drop("closed", attempt)
        if self._stream is None:
            self._stream = await self._open(addresses, attempt)
            port: int = self._stream[1].get_extra_info("sockname")[1]
            self.notes.append(Opened(attempt.clock(), port))
        return self._stream

    async def _request(self, stream: tuple[StreamReader, StreamWriter], attempt: Attempt) -> None:
        reusable = False
        try:
            reusable = await self._exchange(*stream, self._target, attempt.note_sent)
        except Exception as exc:
            self._drop(failure_kind(exc), attempt)
            raise
        if not reusable:
            self._drop("closed", attempt)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._turn.release()
        if not task.cancelled():
            task.exception()  # the check may have given up before it

    def _drop(self, kind: str, attempt: Attempt) -> None:
        self.notes.append(Ended(attempt.clock(), kind))
        self._abort()

    def _abort(self) -> None:
        if self._stream is not None:
            self._stream[1].transport.abort()
            self._stream = None

    def close(self) -> None:
        if self._under_way:
            self._under_way.cancel()
        self._abort()


async def _connect(addresses: Sequence[Address], timeout: float) -> socket.socket:
    """
    Connect to the first address that answers.
    """
    attempts = [partial(_connect_to, *address) for address in addresses]
    return await race(attempts, timeout, socket.socket.close)


async def _connect_to(family: socket.AddressFamily, address: SocketAddress) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


@cache
def _tls_context(verify: bool) -> ssl.SSLContext:
    """
    Return a context that all targets share: each context holds the system's certificates.
    """
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _exchange_bytes(
    reader: StreamReader, writer: StreamWriter, target: Target, note_sent: Callable[[], None]
) -> bool:
    """
    Send bytes and read until the expected answer; return True, the connection can be used again.
    """
    writer.write(target.send)
    note_sent()
    answer = b""
    while target.expect and not target.expect.search(answer):
        if len(answer) >= MOST_ANSWER:
            raise CheckFailedError("mismatch")
        if not (data := await reader.read(4096)):
            raise CheckFailedError("mismatch" if answer else "closed")
        answer += data
    return True
