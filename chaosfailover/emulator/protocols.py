"""
What the services of the data plane speak: a TCP echo, a UDP echo and a small web server.
"""

import asyncio
from typing import Any, cast

from chaosfailover.emulator import valve
from chaosfailover.emulator.lines import Line

__all__ = ["DatagramProtocol", "EchoProtocol", "HttpProtocol"]

LONGEST_HEAD = 65536


class EchoProtocol(asyncio.Protocol):
    """
    A TCP echo.
    """

    def __init__(self, line: Line) -> None:
        self.line = line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.line.joined(transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.line.left(self.transport)

    def data_received(self, data: bytes) -> None:
        self.line.reply(lambda: self.send(data), keep=True)

    def pause_writing(self) -> None:
        """
        Read no more from a client that does not read what it gets.
        """
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """
        Read on, unless the line holds the traffic back.
        """
        if not self.transport.is_closing() and (self.line.flows or valve.works()):
            self.transport.resume_reading()

    def send(self, data: bytes, *, closing: bool = False) -> None:
        """
        Send bytes, unless the other side has gone.
        """
        if not self.transport.is_closing():
            self.transport.write(data)
            if closing:
                self.transport.close()


class HttpProtocol(EchoProtocol):
    """
    A web server that answers every request with 200 and the path that the traffic took.
    """

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (length := _message_length(self._buffer)) and len(self._buffer) >= length:
            head, self._buffer = self._buffer[:length], self._buffer[length:]
            self._answer(head)
        if len(self._buffer) > LONGEST_HEAD:
            self.transport.abort()

    def _answer(self, request: bytes) -> None:
        closing = b"connection: close" in request.lower() or b" HTTP/1.0" in request
        silent = request.startswith(b"HEAD ")

        def send() -> None:
            response = _response(self.line, closing=closing, silent=silent)
            self.send(response, closing=closing)

        self.line.reply(send, keep=True)


class DatagramProtocol(asyncio.DatagramProtocol):
    """
    A UDP echo.
    """

    def __init__(self, line: Line) -> None:
        self.line = line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.line.joined(transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.line.left(self.transport)

    def datagram_received(self, data: bytes, address: Any) -> None:
        if self.line.flows:
            self.line.reply(lambda: self.transport.sendto(data, address), keep=False)


def _message_length(buffer: bytes) -> int:
    """
    Return the length of the first request in a buffer, 0 while its head is incomplete.
    """
    head, end, _ = buffer.partition(b"\r\n\r\n")
    if not end:
        return 0
    lengths = (line[15:] for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:")
    length = next(lengths, b"0").strip()
    return len(head) + 4 + (int(length) if length.isdigit() and len(length) < 10 else 0)


def _response(line: Line, *, closing: bool, silent: bool) -> bytes:
    name = line.path.name if line.path else ""
    body = f"{line.service.name} over path {name}\n"
    head = (
        "HTTP/1.1 200 OK",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        f"X-Failover-Path: {name}",
        f"Connection: {'close' if closing else 'keep-alive'}",
    )
    return ("\r\n".join(head) + "\r\n\r\n" + ("" if silent else body)).encode()
