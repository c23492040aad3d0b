"""
Addresses of host names, looked up in threads beside the event loop.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from math import inf

__all__ = ["TTL", "Address", "GetAddrInfo", "Resolver", "SocketAddress", "is_address", "look_up"]

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
Address = tuple[socket.AddressFamily, SocketAddress]
AddrInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, SocketAddress]
GetAddrInfo = Callable[..., Sequence[AddrInfo]]
TTL = 30.0  # an address is used this long before it is looked up again
RETRY = 1.0  # a failed lookup is repeated after this time


class Entry:
    """
    The addresses of one name and the state of its lookup.
    """

    def __init__(self, asked: float) -> None:
        self.addresses: Sequence[Address] = ()
        self.failed = False
        self.asked = asked
        self.due = asked
        self.busy = False


class Resolver:
    """
    A cache of addresses; a name is looked up in a thread of its own, once at a time.

    The threads are daemons: a name server that hangs delays neither a check nor the exit. The last
    good addresses stay in use while a later lookup fails.
    """

    def __init__(
        self, clock: Callable[[], float], getaddrinfo: GetAddrInfo = socket.getaddrinfo
    ) -> None:
        self._clock = clock
        self._getaddrinfo = getaddrinfo
        self._entries: dict[tuple[str, int], Entry] = {}

    def addresses(self, host: str, port: int, patience: float) -> Sequence[Address] | None:
        """
        Return the addresses at once; none if the name has none or its lookup takes too long.

        Returns None while the first lookup is younger than `patience`.
        """
        entry = self._entries.setdefault((host, port), Entry(self._clock()))
        if self._clock() >= entry.due and not entry.busy:
            self._refresh(host, port, entry)
        overdue = entry.failed or self._clock() - entry.asked >= patience
        return entry.addresses if entry.addresses or overdue else None

    def _refresh(self, host: str, port: int, entry: Entry) -> None:
        if literal := _literal(host, port):
            entry.addresses, entry.due = literal, inf
            return
        entry.busy = True
        args = (asyncio.get_running_loop(), host, port, entry)
        threading.Thread(target=self._lookup, args=args, name=f"lookup {host}", daemon=True).start()

    def _lookup(self, loop: asyncio.AbstractEventLoop, host: str, port: int, entry: Entry) -> None:
        addresses = look_up(host, port, self._getaddrinfo)
        try:
            loop.call_soon_threadsafe(self._update, entry, addresses)
        except RuntimeError:
            return  # the loop was closed meanwhile

    def _update(self, entry: Entry, addresses: list[Address]) -> None:
        entry.busy = False
        entry.failed = not addresses
        entry.addresses = addresses or entry.addresses
        entry.due = self._clock() + (TTL if addresses else RETRY)


def look_up(host: str, port: int, getaddrinfo: GetAddrInfo = socket.getaddrinfo) -> list[Address]:
    """
    Return the addresses of a host, none if there are none or no name server answers; it blocks.
    """
    try:
        rows = getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except (OSError, UnicodeError):
        rows = []
    return _addresses(rows)


def is_address(host: str) -> bool:
    """
    Tell whether a host is an address already, which needs no name server.
    """
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _literal(host: str, port: int) -> list[Address]:
    """
    Return the address that a host already is, or none; asks no name server.
    """
    if not is_address(host):
        return []
    flags = socket.AI_NUMERICHOST
    return _addresses(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags))


def _addresses(rows: Sequence[AddrInfo]) -> list[Address]:
    return [(family, address) for family, _, _, _, address in rows]
