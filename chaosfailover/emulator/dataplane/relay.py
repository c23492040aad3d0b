"""
Relays: each client's TCP connection, and the application or the upstream that answers it.
"""

import asyncio
import contextlib
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import cast

from chaosfailover.emulator.dataplane.applications import Answer
from chaosfailover.emulator.dataplane.flow_groups import FlowGroup
from chaosfailover.emulator.dataplane.sockets import reason_of, reset_on_close
from chaosfailover.emulator.dataplane.transit import Ending, Sink, Transit
from chaosfailover.emulator.services import Upstream

__all__ = ["ApplicationRelay", "Relay", "UpstreamRelay"]

LOOKED_FOR_RESET = 0.2  # seconds between two looks at a connection that is not read
SLOW_UPSTREAM = 5.0  # seconds after which an upstream that does not answer is logged


class End(asyncio.Protocol):
    """
    One real TCP connection of a relay, as the source of one direction and the sink of the other.
    """

    incoming: Transit
    outgoing: Transit

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._eof_read = self._eof_written = self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.incoming.push(data)

    def eof_received(self) -> bool:
        """
        Pass the FIN on, and keep the other direction open until it has ended as well.
        """
        self._eof_read = True
        self.incoming.push(Ending.FIN)
        self._look_for_reset()
        return not self._eof_written

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()
        self.outgoing.close()
        self.incoming.push(Ending.RST if exc or not self._eof_read else Ending.FIN)
        self._lost()

    def pause_writing(self) -> None:
        self.outgoing.hold()

    def resume_writing(self) -> None:
        """
        Go on soon: what calls this is in the middle of a write, and may be closed by what comes.
        """
        asyncio.get_running_loop().call_soon(self.outgoing.release)

    def pause_reading(self) -> None:
        if self._transport and not self._transport.is_closing() and not self._paused:
            self._paused = True
            self._transport.pause_reading()
            self._look_for_reset()

    def resume_reading(self) -> None:
        self._paused = False
        if self._transport and not self._transport.is_closing():
            self._transport.resume_reading()

    def _look_for_reset(self) -> None:
        """
        Look from time to time while nothing is read: only the socket then knows of a reset.
        """
        if self._timer:
            self._timer.cancel()
        sock = self._transport and self._transport.get_extra_info("socket")
        if not sock or sock.fileno() < 0 or not (self._paused or self._eof_read):
            return
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.incoming.push(Ending.RST)
            self.abort()
        else:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(LOOKED_FOR_RESET, self._look_for_reset)

    def write(self, data: bytes) -> None:
        if self._transport and not self._transport.is_closing() and not self._eof_written:
            self._transport.write(data)

    def write_eof(self) -> None:
        self._eof_written = True
        if self._transport is None or self._transport.is_closing():
            return
        if self._eof_read:
            self._transport.close()
        else:
            with contextlib.suppress(OSError):  # the other side has gone meanwhile
                self._transport.write_eof()

    def abort(self) -> None:
        """
        Reset the connection, also one that is about to be closed.
        """
        if self._transport is None:
            return
        sock: socket.socket | None = self._transport.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            with contextlib.suppress(OSError):
                reset_on_close(sock)
        self._transport.abort()


class Relay(ABC):
    """
    A client's connection over the path of a flow group; `done` is called once all ends are lost.
    """

    def __init__(self, group: FlowGroup, done: Callable[["Relay"], None], ends: int = 1) -> None:
        self.group = group
        self.client = End(self._lost)
        self._done = done
        self._open = ends

    @abstractmethod
    def connect(self) -> End:
        """
        Return the protocol of the client's connection, ready to be used.
        """

    def close(self) -> None:
        """
        Reset what is open.
        """
        self.client.abort()

    def _lost(self) -> None:
        self._open -= 1
        if not self._open:
            self._done(self)


class ApplicationRelay(Relay):
    """
    A relay whose other side is a small application of the emulator.
    """

    def __init__(
        self,
        group: FlowGroup,
        done: Callable[[Relay], None],
        application: Callable[[Answer], Sink],
    ) -> None:
        super().__init__(group, done)
        self._application = application

    def connect(self) -> End:
        """
        Return the protocol of the client's connection, ready to be used.
        """
        client = self.client
        client.outgoing = Transit(self.group, client, client, from_client=False)
        application = self._application(client.outgoing.push)
        client.incoming = Transit(self.group, client, application, from_client=True)
        return client


class UpstreamRelay(Relay):
    """
    A relay whose other side is a service of the user's own.
    """

    def __init__(
        self,
        group: FlowGroup,
        done: Callable[[Relay], None],
        upstream: Upstream,
        report: Callable[[str], None],
    ) -> None:
        super().__init__(group, done, ends=2)
        self._address, self._report = upstream, report
        self._upstream = End(self._lost)
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def connect(self) -> End:
        """
        Return the protocol of the client's connection, and begin to connect to the upstream.
        """
        client, upstream = self.client, self._upstream
        client.incoming = upstream.outgoing = Transit(
            self.group, client, upstream, from_client=True
        )
        client.outgoing = upstream.incoming = Transit(
            self.group, upstream, client, from_client=False
        )
        upstream.outgoing.hold()
        self._task = asyncio.get_running_loop().create_task(self._reach())
        return client

    def close(self) -> None:
        super().close()
        self._closed = True
        self._upstream.abort()
        if self._task:
            self._task.cancel()

    async def _reach(self) -> None:
        """
        Connect to the upstream; its refusal goes to the client at once, as it is no cut.
        """
        loop = asyncio.get_running_loop()
        late = loop.call_later(SLOW_UPSTREAM, self._report, "does not answer")
        try:
            await loop.create_connection(lambda: self._upstream, *self._address)
        except (OSError, UnicodeError) as exc:
            self._report(f"cannot be reached: {reason_of(exc)}")
            self._upstream.outgoing.close()
            self._upstream.incoming.push(Ending.RST)
            self._lost()
        else:
            self._upstream.outgoing.release()
            if self._closed:  # it was reached just as the emulator stopped
                self._upstream.abort()
        finally:
            late.cancel()
