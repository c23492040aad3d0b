"""
Checks by datagram: a UDP echo and an ICMP echo.
"""

import asyncio
import secrets
import socket
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Any

from chaosfailover.prober.check import Attempt, Check, CheckFailedError
from chaosfailover.prober.happy_eyeballs import race
from chaosfailover.prober.resolver import Address

__all__ = ["Echo"]

MOST_STRAYS = 32


class Echo(Check):
    """
    Send a payload of its own in a datagram and wait until it comes back.
    """

    async def run(self, addresses: Sequence[Address], attempt: Attempt) -> None:  # noqa: ARG002
        await race([partial(_echo, *address) for address in addresses], self._timeout)


async def _echo(family: socket.AddressFamily, address: Any) -> None:
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
