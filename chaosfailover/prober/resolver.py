"""
Host names to addresses, looked up beside the checks and never in their way.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from math import inf
from typing import Any

__all__ = ["Address", "Names"]

Address = tuple[socket.AddressFamily, Any]
TTL = 30.0  # an address is used this long before it is looked up again
RETRY = 1.0  # a failed lookup is repeated after this time


class Entry:
    """
    What is known of one name.
    """

    def __init__(self, asked: float) -> None:
        self.addresses: Sequence[Address] = ()
        self.failed = False
        self.asked = asked
        self.due = asked
        self.busy = False


class Names:
    """
    A cache of addresses that looks names up in threads of its own, one for each name at a time.

    The threads are daemons: a name server that hangs delays neither a check nor the exit. The last
    good addresses stay in use while a later lookup fails.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        getaddrinfo: Callable[..., list[Any]] = socket.getaddrinfo,
    ) -> None:
        self._clock = clock
        self._getaddrinfo = getaddrinfo
        self._entries: dict[tuple[str, int], Entry] = {}

    def addresses(self, host: str, port: int, patience: float) -> Sequence[Address] | None:
        """
        Return the addresses at once; none if the name has none or its lookup takes too long.

        Returns None while the first lookup is younger than `patience`: nothing is known yet.
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
        try:
            flags = socket.AI_ADDRCONFIG
            found = self._getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
        except (OSError, UnicodeError):
            found = []
        addresses = [(family, address) for family, _, _, _, address in found]
        try:
            loop.call_soon_threadsafe(self._learn, entry, addresses)
        except RuntimeError:
            return  # the loop was closed meanwhile

    def _learn(self, entry: Entry, addresses: list[Address]) -> None:
        entry.busy = False
        entry.failed = not addresses
        entry.addresses = addresses or entry.addresses
        entry.due = self._clock() + (TTL if addresses else RETRY)


def _literal(host: str, port: int) -> list[Address]:
    """
    Return the address that a host already is, or none; asks nobody.
    """
    try:
        ip_address(host)
    except ValueError:
        return []
    flags = socket.AI_NUMERICHOST
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, address) for family, _, _, _, address in found]
