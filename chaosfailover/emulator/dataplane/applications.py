"""
The small applications behind services that have no upstream: an echo and a web server.
"""

from collections.abc import Callable

from chaosfailover.emulator.dataplane.flow_groups import FlowGroup
from chaosfailover.emulator.dataplane.transit import Ending

__all__ = ["Answer", "Echo", "WebServer"]

LONGEST_HEAD = 65536

Answer = Callable[[bytes | Ending], None]


class Echo:
    """
    A TCP echo.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def write(self, data: bytes) -> None:
        self.answer(data)

    def write_eof(self) -> None:
        self.answer(Ending.FIN)

    def abort(self) -> None:
        """
        Do nothing, as the client has gone.
        """


class WebServer(Echo):
    """
    A web server that answers every request with 200 and the path that the traffic takes.
    """

    def __init__(self, name: str, group: FlowGroup, answer: Answer) -> None:
        super().__init__(answer)
        self._name, self._group = name, group
        self._buffer = b""
        self._head: bytes | None = None
        self._body_left = 0
        self._closing = False

    def write(self, data: bytes) -> None:
        self._buffer += data
        while not self._closing and self._has_request():
            self._respond()
        if self._closing:
            self._buffer = b""  # nothing that follows is answered

    def _has_request(self) -> bool:
        """
        Say whether a whole request has come; its body is dropped as it comes.
        """
        if self._head is None:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                if len(self._buffer) > LONGEST_HEAD:
                    self._closing = True
                    self.answer(Ending.RST)
                return False
            self._head, self._body_left, self._buffer = head, _body_length(head), rest
        dropped = min(self._body_left, len(self._buffer))
        self._body_left -= dropped
        self._buffer = self._buffer[dropped:]
        return not self._body_left

    def _respond(self) -> None:
        head, self._head = self._head or b"", None
        closing = self._closing = b"connection: close" in head.lower() or b" HTTP/1.0" in head
        silent = head.startswith(b"HEAD ")
        path = self._group.path.name if self._group.path else ""
        self.answer(_response(self._name, path, closing=closing, silent=silent))
        if closing:
            self.answer(Ending.FIN)


def _body_length(head: bytes) -> int:
    lengths = (line[15:] for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:")
    length = next(lengths, b"0").strip()
    return int(length) if length.isdigit() and len(length) < 16 else 0


def _response(name: str, path: str, *, closing: bool, silent: bool) -> bytes:
    body = f"{name} over path {path}\n"
    head = (
        "HTTP/1.1 200 OK",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        f"X-Failover-Path: {path}",
        f"Connection: {'close' if closing else 'keep-alive'}",
    )
    return ("\r\n".join(head) + "\r\n\r\n" + ("" if silent else body)).encode()
