"""
The UDP socket of a service: an echo, or the way to an upstream.
"""

import asyncio
import time
from collections import deque
from typing import Any, cast

from chaosfailover.emulator.dataplane.flow_groups import FlowGroup, ServiceState
from chaosfailover.emulator.dataplane.sockets import reason_of
from chaosfailover.emulator.services import Upstream

__all__ = ["Datagrams"]

IDLE = 30.0  # seconds without a datagram after which a client's socket to the upstream is closed
MOST_SESSIONS = 512  # clients with a socket to the upstream; the one idle for longest goes
RECENT = 5.0  # seconds for which a client's source port counts as a flow
MOST_WAITING = 64  # datagrams that wait until the upstream's address is known

Address = Any  # as asyncio gives it: a tuple whose length depends on the family


class Datagrams(asyncio.DatagramProtocol):
    """
    The socket that clients send to. What meets a stall, or a loss by chance, is dropped.
    """

    def __init__(self, state: ServiceState) -> None:
        self._state = state
        self._sessions: dict[Address, Session] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: Address) -> None:
        group = self._state.group_of(address)
        self._state.see(address[1], group, time.monotonic() + RECENT)
        if group.loses(from_client=True):
            return
        upstream = self._state.service.upstream
        if upstream is None:
            self.answer(group, data, address)
        else:
            self._session(group, address, upstream).send(data)

    def answer(self, group: FlowGroup, data: bytes, address: Address) -> None:
        """
        Send a datagram to a client, after the path's delay, unless the path stalls then.
        """

        def send() -> None:
            if not (group.loses(from_client=False) or self._transport.is_closing()):
                self._transport.sendto(data, address)

        if group.delay:
            asyncio.get_running_loop().call_later(group.delay, send)
        else:
            send()

    def forget(self, address: Address, session: "Session") -> None:
        """
        Let go of a client's session.
        """
        if self._sessions.get(address) is session:
            del self._sessions[address]

    def report(self, exc: Exception) -> None:
        """
        Log why the upstream cannot be reached.
        """
        self._state.report(f"cannot be reached: {reason_of(exc)}")

    def close(self) -> None:
        """
        Close the socket and those to the upstream.
        """
        for session in tuple(self._sessions.values()):
            session.close()
        self._transport.abort()

    def _session(self, group: FlowGroup, address: Address, upstream: Upstream) -> "Session":
        session = self._sessions.pop(address, None) or Session(self, group, address, upstream)
        self._sessions[address] = session  # the one idle for longest is the first
        while len(self._sessions) > MOST_SESSIONS:
            next(iter(self._sessions.values())).close()
        return session


class Session(asyncio.DatagramProtocol):
    """
    The datagrams between one client and the upstream, over a socket of their own.
    """

    def __init__(
        self, clients: Datagrams, group: FlowGroup, address: Address, upstream: Upstream
    ) -> None:
        self._clients, self._group = clients, group
        self._address, self._upstream = address, upstream
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._loop = asyncio.get_running_loop()
        self._used = self._loop.time()
        self._timer = self._loop.call_later(IDLE, self._expire)
        self._task = self._loop.create_task(self._reach())

    def send(self, data: bytes) -> None:
        """
        Send a datagram to the upstream.
        """
        self._used = self._loop.time()
        if self._transport is None:
            self._waiting.append(data)
        elif not self._transport.is_closing():
            self._transport.sendto(data)

    def close(self) -> None:
        """
        Close the socket.
        """
        self._timer.cancel()
        self._task.cancel()
        self._clients.forget(self._address, self)
        if self._transport:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        while self._waiting:
            self._transport.sendto(self._waiting.popleft())

    def datagram_received(self, data: bytes, addr: Address) -> None:  # noqa: ARG002
        self._used = self._loop.time()
        self._clients.answer(self._group, data, self._address)

    def error_received(self, exc: Exception) -> None:
        self._clients.report(exc)

    async def _reach(self) -> None:
        try:
            await self._loop.create_datagram_endpoint(lambda: self, remote_addr=self._upstream)
        except (OSError, UnicodeError) as exc:
            self._clients.report(exc)
            self._timer.cancel()
            self._clients.forget(self._address, self)

    def _expire(self) -> None:
        left = self._used + IDLE - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._expire)
        else:
            self.close()
