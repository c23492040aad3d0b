"""
The data plane: loopback services whose traffic really stops and really moves.
"""

import asyncio
import contextlib
import os
import socket
from bisect import bisect_right
from collections.abc import Mapping
from math import inf

from chaosfailover.emulator.cloud import ClosedError, Cloud
from chaosfailover.emulator.lines import Line, TrueOutage
from chaosfailover.emulator.protocols import DatagramProtocol, EchoProtocol, HttpProtocol
from chaosfailover.emulator.services import Service

__all__ = ["DataPlane", "PortTakenError", "bound"]

TCP = (socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY only if told so
UDP = (socket.SOCK_DGRAM, socket.IPPROTO_UDP)
SOCKETS = {"http": TCP, "tcp": TCP, "udp": UDP}
PROTOCOLS = {"http": HttpProtocol, "tcp": EchoProtocol}


class PortTakenError(OSError):
    """
    A port that the emulator needs is in use; the message names the port and who needs it.
    """


def bound(kind: str, host: str, port: int, who: str, otherwise: str) -> socket.socket:
    """
    Return a socket bound to an address, for a service of a kind.

    `who` wants it, and what to do `otherwise`, go into the error.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, *SOCKETS[kind])
    try:
        if SOCKETS[kind] == TCP and os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except (OSError, OverflowError) as exc:
        sock.close()
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise PortTakenError(
            f"{who} cannot listen on {kind} port {port} of {host}: {reason}; {otherwise}"
        ) from exc
    return sock


class DataPlane:
    """
    The services of a cloud, on one asyncio loop, with a timer to the next due change.
    """

    def __init__(self, cloud: Cloud, host: str, ports: Mapping[str, int]) -> None:
        self._cloud = cloud
        self._lines = {each.name: Line(each, cloud.clock.real) for each in cloud.topology.services}
        self._servers: list[asyncio.Server] = []
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False
        self._sockets: dict[str, socket.socket] = {}
        self.urls: dict[str, str] = {}
        if unknown := sorted(set(ports) - set(self._lines)):
            raise ValueError(
                f"a service port is given to {unknown[0]!r},"
                f" but the topology's services are {', '.join(self._lines) or 'none'}"
            )
        for service in cloud.topology.services:
            self._bind(service, host, ports.get(service.name, service.port))

    def _bind(self, service: Service, host: str, port: int) -> None:
        try:
            hint = f"give it another one, such as --service-port {service.name}=0"
            sock = bound(service.kind, host, port, f"service {service.name}", hint)
        except PortTakenError:
            self.close()
            raise
        self._sockets[service.name] = sock
        end = "/" if service.kind == "http" else ""
        shown = f"[{host}]" if ":" in host else host
        self.urls[service.name] = f"{service.kind}://{shown}:{sock.getsockname()[1]}{end}"

    async def start(self) -> None:
        """
        Serve on the running loop.
        """
        self._loop = asyncio.get_running_loop()
        self._replan()
        for line in self._lines.values():
            await self._serve(line)

    async def _serve(self, line: Line) -> None:
        sock = self._sockets[line.service.name]
        sock.setblocking(False)
        if line.service.kind == "udp":
            await self._loop.create_datagram_endpoint(lambda: DatagramProtocol(line), sock=sock)
            return
        protocol = PROTOCOLS[line.service.kind]
        server = await self._loop.create_server(lambda: protocol(line), sock=sock, backlog=1024)
        self._servers.append(server)
        line.listen(sock)

    async def stop(self) -> None:
        """
        Close every server and connection.
        """
        self._stopped = True
        if self._timer:
            self._timer.cancel()
        for server in self._servers:
            server.close()
        for line in self._lines.values():
            for transport in tuple(line.transports):
                transport.abort()  # type: ignore[attr-defined]
        for server in self._servers:
            await server.wait_closed()
        await asyncio.sleep(0)

    def close(self) -> None:
        """
        Close the sockets that were bound; safe at any time after `stop`.
        """
        for sock in self._sockets.values():
            sock.close()

    def wake(self) -> None:
        """
        Follow the cloud at once; to be called on the loop's own thread.
        """
        if self._timer:
            self._timer.cancel()
        if not self._stopped:
            with contextlib.suppress(ClosedError):
                self._replan()

    def ground_truth(self) -> dict[str, list[TrueOutage]]:
        """
        Return when each service's traffic really stalled.
        """
        return {name: list(line.outages) for name, line in self._lines.items()}

    def _replan(self) -> None:
        following = inf
        with self._cloud.held() as now:
            for line in self._lines.values():
                course = self._cloud.course(line.service)
                position = bisect_right([each.start for each in course], now)
                line.follow(course[position - 1])
                following = min([following, *(each.start for each in course[position:])])
        delay = min(self._cloud.clock.real(following - now), 3600.0)
        self._timer = self._loop.call_later(delay, self.wake)
