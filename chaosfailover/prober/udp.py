"""
Checks by UDP: a datagram and its echo, from a source port of its own or from one that is kept.
"""

import asyncio
import errno
import socket
from asyncio import Future
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from chaosfailover.prober.check import Attempt, Check, CheckFailedError, Opened
from chaosfailover.prober.echo_datagrams import Receipt, Report, new_nonce, read_reply, request
from chaosfailover.prober.happy_eyeballs import race
from chaosfailover.prober.resolver import Address, SocketAddress
from chaosfailover.prober.targets import Target

__all__ = ["Echo", "KeptEcho"]

MOST_STRAYS = 32
MOST_LENGTH = 2048


class Echo(Check):
    """
    Send a datagram from a new source port and wait until it comes back, or a responder's reply.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._nonce = new_nonce()
        self._number = 0

    async def run(self, addresses: Sequence[Address], attempt: Attempt) -> None:
        self._number += 1
        attempt.receipt = Receipt(self._number)
        await self._exchange(addresses, attempt)

    async def _exchange(self, addresses: Sequence[Address], attempt: Attempt) -> None:
        number = self._number
        report = await race([partial(self._echo, *it, number) for it in addresses], self._timeout)
        # A report is that of one address: of several, others may have received what this one lacks.
        attempt.receipt = Receipt(number, report if len(addresses) == 1 else None)

    async def _echo(
        self, family: socket.AddressFamily, address: SocketAddress, number: int
    ) -> Report | None:
        loop = asyncio.get_running_loop()
        with closing(_connected(family, address)) as sock:
            sock.send(request(self._nonce, number))
            for _ in range(MOST_STRAYS):
                reply = self._read(await loop.sock_recv(sock, MOST_LENGTH))
                if reply and reply.number == number:
                    return reply.report
        raise CheckFailedError("mismatch")

    def _read(self, datagram: bytes) -> Receipt | None:
        reply = read_reply(datagram, self._nonce)
        report = reply.report if reply else None
        if report and (not self.latest or report.latest >= self.latest.latest):
            self.latest = report
        return reply


class KeptEcho(Echo):
    """
    As `Echo`, from one source port to one address: the first that answers.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._ports: dict[Address, Port] = {}

    async def _exchange(self, addresses: Sequence[Address], attempt: Attempt) -> None:
        number = self._number
        kept = [it for it in addresses if it in self._ports and self._ports[it].answered]
        attempts = [partial(self._ask, it, number, attempt) for it in kept[:1] or addresses]
        attempt.receipt = Receipt(number, await race(attempts, self._timeout))

    async def _ask(self, address: Address, number: int, attempt: Attempt) -> Report | None:
        if (port := self._ports.get(address)) is None:
            port = self._ports[address] = Port(*address, self._read)
        report = await port.ask(request(self._nonce, number), number)
        if not port.answered:
            self._keep(address, attempt.clock())
        return report

    def _keep(self, address: Address, at: float) -> None:
        for other in [it for it in self._ports if it != address]:
            self._ports.pop(other).close()
        self._ports[address].answered = True
        self.notes.append(Opened(at, self._ports[address].number))

    def close(self) -> None:
        while self._ports:
            self._ports.popitem()[1].close()


class Port:
    """
    A UDP socket that stays open, and the checks that wait for its datagrams.
    """

    def __init__(
        self,
        family: socket.AddressFamily,
        address: SocketAddress,
        read: Callable[[bytes], Receipt | None],
    ) -> None:
        self.answered = False
        self._read = read
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, Future[Report | None]] = {}
        self._socket = _connected(family, address)
        self.number: int = self._socket.getsockname()[1]
        self._loop.add_reader(self._socket, self._receive)

    async def ask(self, datagram: bytes, number: int) -> Report | None:
        """
        Send a request and return the report of its answer.
        """
        future: Future[Report | None] = self._loop.create_future()
        self._waiting[number] = future
        try:
            self._send(datagram)
            return await future
        finally:
            del self._waiting[number]

    def close(self) -> None:
        """
        Close the socket. Checks that wait for an answer there have none to judge.
        """
        self._fail(OSError(errno.EADDRNOTAVAIL, "the source port was closed"))
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _send(self, datagram: bytes) -> None:
        try:
            self._socket.send(datagram)
        except ConnectionRefusedError as exc:  # of an earlier datagram; this one was not sent
            self._fail(exc)
            self._socket.send(datagram)

    def _receive(self) -> None:
        for _ in range(MOST_STRAYS):
            try:
                reply = self._read(self._socket.recv(MOST_LENGTH))
            except BlockingIOError:
                return
            except OSError as exc:
                self._fail(exc)
                return
            future = self._waiting.get(reply.number) if reply else None
            if reply and future and not future.done():
                future.set_result(reply.report)

    def _fail(self, error: OSError) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(OSError(*error.args))


def _connected(family: socket.AddressFamily, address: SocketAddress) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock
