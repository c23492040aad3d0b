"""
One line of the data plane per service: whether its traffic flows now, over which path, and what
its sockets do about it.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypedDict

from chaosfailover.emulator import valve
from chaosfailover.emulator.routing import Segment
from chaosfailover.emulator.services import Path, Service

__all__ = ["Line", "TrueOutage"]


class TrueOutage(TypedDict):
    """
    When the traffic of a service stalled: monotonic instants and wall clock; `end` is None as
    long as it lasts.
    """

    start: float
    end: float | None
    start_utc: str
    end_utc: str | None


class Line:
    """
    The traffic of one service: it flows over `path`, or stalls.

    `real` converts emulated seconds to real ones, for the delay of slow paths.
    """

    def __init__(self, service: Service, real: Callable[[float], float]) -> None:
        self.service = service
        self.path: Path | None = service.paths[0] if service.paths else None
        self.flows = True
        self.outages: list[TrueOutage] = []
        self.transports: set[asyncio.BaseTransport] = set()
        self._listeners: list[valve.Filterable] = []
        self._waiting: list[Callable[[], None]] = []
        self._real = real

    def listen(self, sock: valve.Filterable) -> None:
        """
        Take charge of a listening socket.
        """
        self._listeners.append(sock)
        self._turn(sock)

    def joined(self, transport: asyncio.BaseTransport) -> None:
        """
        Take charge of a connection or of a UDP socket.
        """
        self.transports.add(transport)
        self._turn_transport(transport)

    def left(self, transport: asyncio.BaseTransport) -> None:
        """
        Let go of a connection, and let pass what ends it: else the kernel would keep the closed
        socket, still shut, and later drop a new connection that comes from the same port.
        """
        self.transports.discard(transport)
        sock = transport.get_extra_info("socket")
        if valve.works() and sock is not None and sock.fileno() >= 0:
            valve.turn(sock, loss=0.0)

    def follow(self, segment: Segment) -> None:
        """
        Make the sockets do what a segment of the course says, and note the outage.
        """
        before = self.flows, self._loss
        self.path, self.flows = segment.path, segment.flows
        if before == (self.flows, self._loss):
            return
        for sock in self._listeners:
            self._turn(sock)
        for transport in self.transports:
            self._turn_transport(transport)
        if before[0] != self.flows:
            self._note()
        if self.flows:
            self._flush()

    def reply(self, send: Callable[[], None], *, keep: bool) -> None:
        """
        Let a reply leave, after the path's delay. One that meets a stall is kept until the
        traffic flows again (as TCP would send it anew), or lost.
        """
        delay = self._real(self.path.delay) if self.path else 0.0
        if delay:
            asyncio.get_running_loop().call_later(delay, self._leave, send, keep)
        else:
            self._leave(send, keep)

    @property
    def _loss(self) -> float:
        return self.path.loss if self.path else 0.0

    def _leave(self, send: Callable[[], None], keep: bool) -> None:
        if self.flows:
            send()
        elif keep:
            self._waiting.append(send)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for send in waiting:
            send()

    def _note(self) -> None:
        at, utc = time.monotonic(), datetime.now(UTC).isoformat(timespec="milliseconds")
        if self.flows:
            self.outages[-1] = {**self.outages[-1], "end": at, "end_utc": utc}
        else:
            self.outages.append({"start": at, "end": None, "start_utc": utc, "end_utc": None})

    def _turn(self, sock: valve.Filterable) -> None:
        if valve.works():
            valve.turn(sock, loss=self._loss if self.flows else 1.0)

    def _turn_transport(self, transport: asyncio.BaseTransport) -> None:
        sock = transport.get_extra_info("socket")
        if transport.is_closing() or sock is None or sock.fileno() < 0:
            return
        self._turn(sock)
        if not valve.works() and isinstance(transport, asyncio.Transport):
            transport.resume_reading() if self.flows else transport.pause_reading()
