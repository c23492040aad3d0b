"""
The sockets of the emulator: bound to a port, or refused with a reason.
"""

import contextlib
import os
import resource
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

__all__ = [
    "PortTakenError",
    "TakenPort",
    "allow_open_files",
    "bound",
    "bound_together",
    "collecting",
    "dial",
    "has_file_left",
    "is_connected",
    "is_this_machine",
    "other_ports",
    "reachable",
    "reason_of",
    "reset",
    "reset_on_close",
]

Address = Any  # what `socket.getsockname` returns: a tuple whose length depends on the family

TCP = (socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY only if told so
UDP = (socket.SOCK_DGRAM, socket.IPPROTO_UDP)
SOCKETS = {"http": TCP, "tcp": TCP, "udp": UDP}
OPEN_FILES = 65536
SERVICE = "service "
OTHER_PORT = 100  # how far a proposed port is from the one that is taken
# Clients of services leave these: the API has to be reachable, above all for the stop of a test.
KEPT_FILES = 16


class TakenPort(NamedTuple):
    """
    A port that cannot be listened on, and who needs it: `service NAME`, or the API.
    """

    who: str
    kind: str
    host: str
    port: int
    reason: str

    @property
    def service(self) -> str:
        """
        The name of the service; "" for the API.
        """
        return self.who.removeprefix(SERVICE) if self.who.startswith(SERVICE) else ""

    @property
    def other(self) -> int:
        """
        A port to propose instead: none that is used by default.
        """
        port = min(self.port, 65535)
        return port + OTHER_PORT if port + OTHER_PORT < 65536 else port - OTHER_PORT


class PortTakenError(OSError):
    """
    Ports that the emulator needs are in use; the message names them all, and who needs them.
    """

    def __init__(self, ports: Sequence[TakenPort]) -> None:
        super().__init__(_listing(ports))
        self.ports = tuple(ports)


def _listing(ports: Sequence[TakenPort]) -> str:
    """
    Return who cannot listen where, with each reason once.
    """
    together: dict[str, list[str]] = {}
    for each in ports:
        verb = "" if together.get(each.reason) else "cannot listen "
        together.setdefault(each.reason, []).append(
            f"{each.who} {verb}on {each.kind} port {each.port}"
        )
    host = ports[0].host
    return "; ".join(f"{', '.join(who)} of {host}: {why}" for why, who in together.items())


@contextmanager
def collecting(taken: list[TakenPort]) -> Iterator[None]:
    """
    Note the ports that are taken, so that one error names them all; no free port where one is.
    """
    try:
        yield
    except PortTakenError as exc:
        taken.extend(each for each in exc.ports if each.port or not taken)


def bound(kind: str, host: str, port: int, who: str, *, shared: bool = False) -> socket.socket:
    """
    Return a socket bound to an address, for a service of a kind; one of TCP listens.

    The error names `who` wants it. A `shared` port may be bound several times by this process.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, *SOCKETS[kind])
    try:
        if SOCKETS[kind] == TCP and os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
        if SOCKETS[kind] == TCP:
            sock.listen(1)  # two sockets may be bound to one port, and only one may listen
    except (OSError, OverflowError) as exc:
        sock.close()
        reason = (exc.strerror if isinstance(exc, OSError) else None) or str(exc)
        raise PortTakenError([TakenPort(who, kind, host, port, reason)]) from exc
    return sock


def bound_together(kind: str, host: str, port: int, who: str, *, count: int) -> list[socket.socket]:
    """
    Return several sockets bound to one port, over which the kernel spreads connections.

    A port that another process shares in the same way is refused like any other that is in use.
    """
    if port and count > 1:
        bound(kind, host, port, who).close()
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            sockets.append(bound(kind, host, port, who, shared=count > 1))
            port = sockets[0].getsockname()[1]
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def other_ports(ports: Sequence[TakenPort], how: str) -> str:
    """
    Return what to do about ports that are taken: `how` moves them, and their targets follow.
    """
    remedy = "stop the process that listens there"
    moved = {each.service: each for each in ports if each.service and each.port}
    urls = {name: f"{each.kind}://127.0.0.1:{each.other}" for name, each in moved.items()}
    targets = [
        f"{name} to {url}/ (bundled experiments: FAILOVER_PORTAL_URL)"
        if name == "portal"
        else f"{name} to {url}"
        for name, url in urls.items()
    ]
    change = f", and change the targets: {', '.join(targets)}" if targets else ""
    return f"{remedy}, or use other ports: {how}{change}" if how else remedy


def reachable(sock: socket.socket) -> Address:
    """
    Return the address at which this machine reaches a bound socket.
    """
    address = sock.getsockname()
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
    return (local.get(address[0], address[0]), *address[1:])


def dial(sock: socket.socket, address: Address) -> bool:
    """
    Begin to connect a socket to an address of this machine, and say whether it is connected.

    On loopback the handshake is over when this returns, unless the SYN was dropped.
    """
    sock.setblocking(False)
    with contextlib.suppress(OSError):
        sock.connect(address)
    return is_connected(sock)


def is_connected(sock: socket.socket) -> bool:
    """
    Say whether a connection has been established.
    """
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def reset(sock: socket.socket) -> None:
    """
    Close a connection at once, so that neither side keeps its port.
    """
    reset_on_close(sock)
    sock.close()


def reset_on_close(sock: socket.socket) -> None:
    """
    Let the close of a connection send a RST instead of a FIN.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def is_this_machine(host: str) -> bool:
    """
    Say whether a name or an address leads to this machine: a socket can be bound to it.
    """
    with contextlib.suppress(OSError, UnicodeError):
        for family, _, _, _, address in socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM):
            with socket.socket(family, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
                sock.bind(address)
                return True
    return False


def reason_of(exc: Exception) -> str:
    """
    Return why a connection failed, in the system's own words.
    """
    if isinstance(exc, OSError) and not isinstance(exc, socket.gaierror) and exc.errno:
        return os.strerror(exc.errno)
    return getattr(exc, "strerror", None) or str(exc)


def allow_open_files() -> None:
    """
    Let this process open as many files as it may, so that a thousand connections fit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def has_file_left(sock: socket.socket) -> bool:
    """
    Say whether this process may open a file beside those that are kept from services' clients.

    A new file gets the lowest number that is free, so the highest numbers are the ones kept.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        number = os.dup(sock.fileno())
    except OSError:
        return False
    os.close(number)
    return limit == resource.RLIM_INFINITY or number < limit - KEPT_FILES
