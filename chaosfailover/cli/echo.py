"""
`chaos failover echo`: the responder at the other end of `udp://` and `tcp://` targets.
"""

import asyncio
import ipaddress
import signal
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import click

from chaosfailover.cli.terminal import notice
from chaosfailover.prober.echo_datagrams import Responder

__all__ = ["echo", "serve"]

PORT = 28090
MOST_CONNECTIONS = 1000
BLOCK = 16 * 1024
IDLE = 300.0
"""Seconds without data after which a connection is closed."""


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
    await serve(host, port, stopping, _say)


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
    host: str, port: int, stopping: asyncio.Event, ready: Callable[[str, int], None]
) -> None:
    """
    Answer on one port over UDP and TCP until `stopping` is set; `ready` is told the port.
    """
    server = await asyncio.start_server(Connections().serve, host, port, limit=BLOCK)
    async with server:
        bound = server.sockets[0].getsockname()[1]
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            Datagrams, local_addr=(host, bound)
        )
        try:
            ready(host, bound)
            await stopping.wait()
        finally:
            transport.close()


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
    The open connections, each with one block of data at most; beyond `MOST_CONNECTIONS` none.
    """

    def __init__(self) -> None:
        self._count = 0

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """
        Return what comes until the client ends, or is silent for too long.
        """
        self._count += 1
        try:
            while self._count <= MOST_CONNECTIONS:
                async with asyncio.timeout(IDLE):
                    if not (data := await reader.read(BLOCK)):
                        break
                    writer.write(data)
                    await writer.drain()
        except (OSError, TimeoutError):
            pass
        finally:
            self._count -= 1
            writer.close()
