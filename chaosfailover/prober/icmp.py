"""
A check by ping: an ICMP echo request and its reply.
"""

import asyncio
import secrets
import socket
from collections.abc import Sequence
from contextlib import closing
from functools import partial

from chaosfailover.errors import ConfigurationError
from chaosfailover.prober.check import Attempt, Check, CheckFailedError
from chaosfailover.prober.happy_eyeballs import race
from chaosfailover.prober.resolver import Address, SocketAddress
from chaosfailover.prober.targets import Target

__all__ = ["Ping"]

REPLIES = {0, 129}  # the types of ICMP and ICMPv6 echo replies


class Ping(Check):
    """
    Send an ICMP echo request and wait for its reply, without privileges if the system allows it.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        try:
            import icmplib
        except ImportError:
            raise ConfigurationError(
                f"target {target.name!r}: {target.url} needs icmplib: "
                "pip install 'chaostoolkit-failover[icmp]'"
            ) from None
        self._icmp = icmplib
        self._privileged = self._must_be_privileged()

    def _must_be_privileged(self) -> bool:
        for privileged in (False, True):
            try:
                self._icmp.ICMPv4Socket(None, privileged).close()
            except self._icmp.SocketPermissionError:
                continue
            return privileged
        raise ConfigurationError(
            f"target {self._target.name!r}: this process may not send ICMP; add its group to "
            "sysctl net.ipv4.ping_group_range, or grant CAP_NET_RAW"
        )

    async def run(self, addresses: Sequence[Address], attempt: Attempt) -> None:  # noqa: ARG002
        await race([partial(self._ping, *address) for address in addresses], self._timeout)

    async def _ping(self, family: socket.AddressFamily, address: SocketAddress) -> None:
        six = family == socket.AF_INET6
        kind = self._icmp.ICMPv6Socket if six else self._icmp.ICMPv4Socket
        payload = secrets.token_bytes(16)
        request = self._icmp.ICMPRequest(address[0], secrets.randbelow(2**16), 1, payload)
        with closing(kind(None, self._privileged)) as sock:
            sock.blocking = False
            try:
                sock.send(request)
            except self._icmp.ICMPSocketError as exc:
                raise exc.__context__ or CheckFailedError("unreachable") from None
            await _reply_to(payload, sock.sock)


async def _reply_to(payload: bytes, sock: socket.socket) -> None:
    """
    Wait for the echo reply; a raw socket also receives the replies to others.

    icmplib's own wait reads the wall clock, and may miss its cancellation on Python 3.11.
    """
    loop = asyncio.get_running_loop()
    while not _is_reply(await loop.sock_recv(sock, 1024), payload):
        await asyncio.sleep(0)


def _is_reply(packet: bytes, payload: bytes) -> bool:
    header = (
        (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 0
    )  # a raw IPv4 socket gives the header too
    return packet[header] in REPLIES and packet.endswith(payload)
