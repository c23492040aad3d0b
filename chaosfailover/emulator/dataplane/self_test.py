"""
The self-test: whether this system can do what the data plane needs, tried on loopback.
"""

import contextlib
import select
import socket
from dataclasses import dataclass
from functools import cache

from chaosfailover.emulator.dataplane.sockets import (
    bound,
    dial,
    is_connected,
    reachable,
    reset,
)

__all__ = ["Abilities", "self_test"]

WHO = "the emulator's self-test"
MOST_FILLERS = 16
CONNECTIONS = 64  # of which all meet one of two sockets by chance once in 2**63
SOON = 0.02  # seconds
PATIENCE = 0.5  # seconds

CANNOT_LOSE = (
    "this system accepts TCP connections that a cut should lose, so a check that only connects"
    " would pass during the cut"
)
CANNOT_SPREAD = (
    "this system does not spread the TCP connections of one port over several sockets, so a"
    " share of them cannot be lost"
)
NO_DATAGRAMS = "UDP datagrams do not arrive on this system's loopback interface"


@dataclass(frozen=True)
class Abilities:
    """
    What this system can do.

    `fillers` is how many connections fill an accept queue of backlog 0; None if none do.
    """

    fillers: int | None
    spreads: bool
    datagrams: bool

    def shortcoming(self, kind: str, *, needs_share: bool) -> str | None:
        """
        Return why a service cannot be emulated here, None if it can.
        """
        if kind == "udp":
            return None if self.datagrams else NO_DATAGRAMS
        if self.fillers is None:
            return CANNOT_LOSE
        if needs_share and not (self.spreads and self.fillers <= 1):
            return CANNOT_SPREAD
        return None


@cache
def self_test(host: str) -> Abilities:
    """
    Try it out once per process; some 20 ms. OSError when a socket cannot even be opened.
    """
    return Abilities(
        fillers=_fillers_needed(host), spreads=_spreads(host), datagrams=_datagrams_arrive(host)
    )


def _fillers_needed(host: str) -> int | None:
    """
    Return how many connections a shut socket takes before it loses the next; None if it never does.

    Also None if it does not take connections again once it is open.
    """
    with bound("tcp", host, 0, WHO) as listener:
        listener.listen(0)
        fillers: list[socket.socket] = []
        try:
            while len(fillers) <= MOST_FILLERS:
                fillers.append(socket.socket(listener.family, socket.SOCK_STREAM))
                if not _connects(fillers[-1], listener):
                    return len(fillers) - 1 if _opens(listener) else None
            return None
        finally:
            for filler in fillers:
                reset(filler)


def _opens(listener: socket.socket) -> bool:
    listener.listen(16)
    with socket.socket(listener.family, socket.SOCK_STREAM) as caller:
        return _connects(caller, listener)


def _connects(sock: socket.socket, listener: socket.socket) -> bool:
    """
    Say whether a connection opens soon; on Linux it is open at once, or never will be.
    """
    if dial(sock, reachable(listener)):
        return True
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    poll.poll(SOON * 1000)
    return is_connected(sock)


def _spreads(host: str) -> bool:
    if not hasattr(socket, "SO_REUSEPORT"):
        return False
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(bound("tcp", host, 0, WHO, shared=True))
        port = first.getsockname()[1]
        second = stack.enter_context(bound("tcp", host, port, WHO, shared=True))
        for each in (first, second):
            each.listen(CONNECTIONS)
        queues = select.poll()
        for each in (first, second):
            queues.register(each, select.POLLIN)
        for _ in range(CONNECTIONS):
            caller = socket.socket(first.family, socket.SOCK_STREAM)
            stack.callback(reset, caller)
            dial(caller, reachable(first))
        return len(queues.poll(0)) == 2


def _datagrams_arrive(host: str) -> bool:
    with bound("udp", host, 0, WHO) as sock:
        try:
            sock.sendto(b"x", reachable(sock))
        except OSError:
            return False
        sock.settimeout(PATIENCE)
        with contextlib.suppress(TimeoutError):
            return sock.recv(1) == b"x"
        return False
