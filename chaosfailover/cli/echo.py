"""
`chaos failover echo`: the responder at the other end of `udp://` and `tcp://` targets.
"""

import asyncio
import errno
import ipaddress
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from typing import Any, cast

import click

from chaosfailover.cli.terminal import notice
from chaosfailover.prober.echo_datagrams import Responder
from chaosfailover.prober.open_files import RESERVE, allow_open_files

__all__ = ["echo", "serve"]

PORT = 28090
MOST_CONNECTIONS = 1000
BLOCK = 16 * 1024
IDLE = 300.0
"""Seconds without data after which a connection is closed."""
ACCEPT_AGAIN = 0.1
"""Seconds from an error of accepting to the next attempt."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True)
def echo(host: str, port: int) -> None:
    """
    Answer udp:// and tcp:// targets at the other end, until Ctrl-C or SIGTERM.

    Over UDP it tells which of the last requests it received, so that losses on the way out and on
    the way back are told apart. It answers requests of this tool only, with no more bytes than it
    received. Over TCP it returns what comes. It listens on the loopback alone unless --host says
    otherwise.

    Example: chaos failover echo --host 10.0.0.5
    """
    try:
        asyncio.run(_until_signal(host, port))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error}") from None


async def _until_signal(host: str, port: int) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await serve(host, port, stopping, _say, most=_most_connections())


def _most_connections() -> int:
    """
    Return how many connections the limit of open files has room for, after raising it.
    """
    limit = allow_open_files(MOST_CONNECTIONS)
    most = int(min(MOST_CONNECTIONS, max(1, limit - RESERVE)))
    if most < MOST_CONNECTIONS:
        notice(f"TCP connections at most: {most}, since the limit of open files is {limit:g}")
    return most


def _say(host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    for scheme in ("udp", "tcp"):
        click.echo(f"{scheme}://{shown}:{port}")
    if not _is_loopback(host):
        notice("other machines can reach it")


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


async def serve(
    host: str,
    port: int,
    stopping: asyncio.Event,
    ready: Callable[[str, int], None],
    *,
    most: int = MOST_CONNECTIONS,
    idle: float = IDLE,
) -> None:
    """
    Answer on one port over UDP and TCP until `stopping` is set; `ready` is told the port.
    """
    connections = Connections(most, idle)
    with ExitStack() as stack:
        listeners, transport = await _bind(host, port)
        stack.callback(transport.close)
        for listener in listeners:
            stack.callback(listener.close)
        stack.callback(connections.abort)
        ready(host, listeners[0].getsockname()[1])
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(connections.accept(each)) for each in listeners]
            await stopping.wait()
            for task in tasks:
                task.cancel()


async def _bind(host: str, port: int) -> tuple[list[socket.socket], asyncio.DatagramTransport]:
    """
    Listen over TCP and UDP on one port; a port that the system chose may be taken over UDP.
    """
    while True:
        listeners = await _listeners(host, port)
        bound = listeners[0].getsockname()[1]
        try:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                Datagrams, local_addr=(host, bound)
            )
        except OSError as error:
            for listener in listeners:
                listener.close()
            if port or error.errno != errno.EADDRINUSE:
                raise
        else:
            return listeners, transport


async def _listeners(host: str, port: int) -> list[socket.socket]:
    """
    Listen on each address of a host.

    The server only binds: its own accepting has no limit, and logs each error a hundred times.
    """
    server = await asyncio.get_running_loop().create_server(
        asyncio.Protocol, host, port, start_serving=False
    )
    with closing(server):
        listeners = [each.dup() for each in server.sockets]
    for listener in listeners:
        listener.setblocking(False)
        listener.listen()
    return listeners


class Datagrams(asyncio.DatagramProtocol):
    """
    The UDP socket.
    """

    def __init__(self) -> None:
        self._responder = Responder()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if reply := self._responder.answer(data):
            self._transport.sendto(reply, addr)


class Connections:
    """
    The open connections, `most` at once; others wait in the kernel until one is closed.
    """

    def __init__(self, most: int, idle: float) -> None:
        self._most = most
        self._idle = idle
        self._places = asyncio.Semaphore(most)
        self._transports: set[asyncio.Transport] = set()
        self._said: set[str] = set()

    async def accept(self, listener: socket.socket) -> None:
        """
        Serve clients as long as there is a place, until cancelled.
        """
        loop = asyncio.get_running_loop()
        while True:
            if self._places.locked():
                self._say_once(f"{self._most} TCP connections are open: others wait")
            await self._places.acquire()
            try:
                accepted, _ = await loop.sock_accept(listener)
                await loop.connect_accepted_socket(lambda: Connection(self), accepted)
            except OSError as error:
                self._places.release()
                self._say_once(f"cannot accept a TCP connection: {error}")
                await asyncio.sleep(ACCEPT_AGAIN)

    def abort(self) -> None:
        """
        Close every connection at once.
        """
        for transport in self._transports:
            transport.abort()

    def opened(self, transport: asyncio.Transport) -> None:
        """
        Note a connection; its place was taken before it was accepted.
        """
        self._transports.add(transport)

    def closed(self, transport: asyncio.Transport) -> None:
        """
        Give the place of a connection to the next.
        """
        self._transports.remove(transport)
        self._places.release()

    def abort_later(self, transport: asyncio.Transport) -> asyncio.TimerHandle:
        """
        Close a connection once it is idle for too long, whatever it has still to be sent.
        """
        return asyncio.get_running_loop().call_later(self._idle, transport.abort)

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            notice(text)


class Connection(asyncio.BufferedProtocol):
    """
    A TCP connection: what comes is returned, one block at a time.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._block = bytearray(BLOCK)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(0)
        self._connections.opened(self._transport)
        self._idle = self._connections.abort_later(self._transport)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's signature
        return self._block

    def buffer_updated(self, nbytes: int) -> None:
        self._idle.cancel()
        self._idle = self._connections.abort_later(self._transport)
        self._transport.write(bytes(self._block[:nbytes]))

    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._idle.cancel()
        self._connections.closed(self._transport)
