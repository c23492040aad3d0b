"""
Small servers on loopback, in a thread of their own, for tests of the prober.
"""

import asyncio
import socket
import ssl
import subprocess
import threading
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chaos_command import free_port

__all__ = ["Handler", "Switch", "certified", "closed_port", "served", "udp_echo", "until"]

Handler = Callable[[StreamReader, StreamWriter], Awaitable[None]]


@contextmanager
def served(handler: Handler, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """
    Serve TCP connections with a handler; yield the port.
    """
    service = _Service(handler)
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        asyncio.start_server(service.connected, "127.0.0.1", 0, ssl=tls, backlog=2048)
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(service.end(server), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def certified(folder: Path, *options: str) -> ssl.SSLContext:
    """
    Make a self-signed certificate, `c` in the folder, and the context of a server that has it.
    """
    command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout k -out c"
    subprocess.run(
        ["openssl", *command.split(), *options], cwd=folder, check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "c", folder / "k")
    return context


class _Service:
    """
    The connections of one server, each with the task of its handler.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._open: dict[asyncio.Task[None], StreamWriter] = {}

    def connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        # No coroutine function: asyncio's own task, cancelled before it runs, closes nothing.
        self._open[asyncio.ensure_future(self._handle(reader, writer))] = writer

    async def _handle(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._handler(reader, writer)
        writer.close()

    async def end(self, server: asyncio.Server) -> None:
        """
        Accept nothing more, and close what was accepted.

        The server is closed last, and tasks of asyncio are not cancelled: a connection that was
        accepted just before would be left open.
        """
        for sock in server.sockets:
            asyncio.get_running_loop().remove_reader(sock.fileno())
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task, writer in self._open.items():
                writer.transport.abort()
                task.cancel()
            await asyncio.wait(others, timeout=0.05)
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.sleep(0)
        server.close()


@contextmanager
def udp_echo(answer: Callable[[bytes], bytes | None]) -> Iterator[int]:
    """
    Answer datagrams with what a function makes of them, None for silence; yield the port.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_echo, args=(sock, answer))
        thread.start()
        yield sock.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", sock.getsockname())
        thread.join(5)


def _echo(sock: socket.socket, answer: Callable[[bytes], bytes | None]) -> None:
    while True:
        data, peer = sock.recvfrom(2048)
        if not data:
            return
        if (reply := answer(data)) is not None:
            with suppress(OSError):
                sock.sendto(reply, peer)


def closed_port() -> int:
    """
    Return a port that nobody listens on.
    """
    return free_port()


class Switch:
    """
    An HTTP and line-echo service that can fall silent and come back.
    """

    def __init__(self) -> None:
        self.silent = False
        self.connections = 0
        self.asked_in_vain = 0

    async def http(self, reader: StreamReader, writer: StreamWriter) -> None:
        """
        Answer requests on one connection with 200, or with silence.
        """
        self.connections += 1
        while await reader.readuntil(b"\r\n\r\n"):
            if self.silent:
                self.asked_in_vain += 1
                await asyncio.sleep(60)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

    async def echo(self, reader: StreamReader, writer: StreamWriter) -> None:
        """
        Send every line back, or nothing.
        """
        self.connections += 1
        while line := await reader.readline():
            if self.silent:
                await asyncio.sleep(60)
            writer.write(line)


def until(condition: Callable[[], bool], patience: float = 20.0) -> None:
    """
    Wait until a condition holds; fail if it does not.
    """
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "the awaited did not happen"
        time.sleep(0.01)
