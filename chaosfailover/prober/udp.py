"""
A check by UDP: a datagram and its echo.
"""

import asyncio
import secrets
import socket
from collections.abc import Sequence
from contextlib import closing
from functools import partial

from chaosfailover.prober.check import Attempt, Check, CheckFailedError
from chaosfailover.prober.happy_eyeballs import race
from chaosfailover.prober.resolver import Address, SocketAddress

__all__ = ["Echo"]

MOST_STRAYS = 32


class Echo(Check):
    """
    Send a random payload in a datagram and wait until it comes back.
    """

    async def run(self, addresses: Sequence[Address], attempt: Attempt) -> None:  # noqa: ARG002
        await race([partial(_echo, *address) for address in addresses], self._timeout)


async def _echo(family: socket.AddressFamily, address: SocketAddress) -> None:
    payload = secrets.token_bytes(16)
    loop = asyncio.get_running_loop()
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as sock:
        sock.setblocking(False)
        sock.connect(address)
        sock.send(payload)
        for _ in range(MOST_STRAYS):
            if await loop.sock_recv(sock, 2048) == payload:
                return
    raise CheckFailedError("mismatch")
