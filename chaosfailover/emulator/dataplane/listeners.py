"""
The TCP listening sockets of one service: they let new connections in, or lose them.
"""

import asyncio
import contextlib
import errno
import logging
import os
import random
import select
import socket
import time
from collections.abc import Callable, Iterable, Sequence

from chaosfailover.emulator.dataplane.flow_groups import FlowGroup
from chaosfailover.emulator.dataplane.sockets import dial, has_file_left, reachable, reset

__all__ = ["Listener", "Listeners", "sockets_per_group"]

logger = logging.getLogger("chaosfailover.emulator")

BACKLOG = 1024
MOST_ATTEMPTS = 20_000  # connections until each shut socket holds one; 64 sockets take about 300
REDRAWN = 0.5  # seconds after which a lossy path loses other connections
ACCEPTED_AT_ONCE = 128
LATER = 0.1  # seconds until the next attempt to accept after a failure, such as too many files

Accept = Callable[[socket.socket, FlowGroup], None]


def sockets_per_group(groups: Sequence[FlowGroup]) -> int:
    """
    Return how many sockets each flow group needs: several, so that a share of them can be shut.
    """
    return max(4, 16 // len(groups)) if any(group.has_lossy_path for group in groups) else 1


class Listener:
    """
    One listening socket, and the connections of our own that keep its accept queue full.
    """

    def __init__(self, sock: socket.socket, group: FlowGroup) -> None:
        self.sock, self.group = sock, group
        self.is_open = True
        self.fillers: list[socket.socket] = []


class Listeners:
    """
    The listening sockets of a service, all on one port.

    `fillers` is how many connections fill an accept queue of backlog 0 here. `accept` is given
    each connection of a client, and the flow group of its socket.
    """

    def __init__(self, listeners: Iterable[Listener], fillers: int, accept: Accept) -> None:
        self._listeners = tuple(listeners)
        self._fillers = fillers
        self._accept = accept
        self._loop = asyncio.get_running_loop()
        self._own: set[object] = set()  # the addresses of fillers, until they were accepted
        self._redraw: asyncio.TimerHandle | None = None
        self._spare: socket.socket | None = None
        self._is_short = False
        self._address = reachable(self._listeners[0].sock)
        self._reserve()
        self._groups: dict[FlowGroup, list[Listener]] = {}
        for listener in self._listeners:
            self._groups.setdefault(listener.group, []).append(listener)
            listener.sock.setblocking(False)
            listener.sock.listen(BACKLOG)
            self._serve(listener)

    def turn(self) -> float:
        """
        Shut as many sockets of each flow group as its path loses connections.

        Returns the monotonic instant at which it took effect. Nothing that lets another thread run
        comes between the clock and the call that it stands for.
        """
        shut = {each for group, own in self._groups.items() for each in _drawn(group, own)}
        if self._redraw:
            self._redraw.cancel()
        partial = any(0 < group.loss.share < 1 for group in self._groups)
        self._redraw = self._loop.call_later(REDRAWN, self.turn) if partial else None
        opened = [each for each in self._listeners if not each.is_open and each not in shut]
        time.sleep(0)  # lets other threads run now, rather than between the clock and the call
        at = time.monotonic()
        for listener in opened:
            listener.sock.listen(BACKLOG)
        if to_shut := [each for each in self._listeners if each.is_open and each in shut]:
            at = self._shut(to_shut)
        for listener in opened:
            self._serve(listener)
        return at

    def close(self) -> None:
        """
        Close the sockets and their fillers.
        """
        if self._redraw:
            self._redraw.cancel()
        for listener in self._listeners:
            self._loop.remove_reader(listener.sock)
            self._empty(listener)
            listener.sock.close()
        if self._spare:
            self._spare.close()

    def _serve(self, listener: Listener) -> None:
        listener.is_open = True
        self._empty(listener)
        self._loop.add_reader(listener.sock, self._take, listener)

    def _empty(self, listener: Listener) -> None:
        for filler in listener.fillers:
            reset(filler)
        listener.fillers.clear()

    def _shut(self, listeners: Sequence[Listener]) -> float:
        """
        Let sockets lose every new connection: their backlog is 0, and their accept queues are full.
        """
        for listener in listeners:
            listener.sock.listen(0)
        try:
            self._fill_queues(listeners)
        except OSError as exc:  # short of files: each socket takes one connection, and then none
            logger.warning("service port %s: the cut leaks: %s", self._address[1], exc.strerror)
        at = time.monotonic()
        for listener in listeners:
            self._loop.remove_reader(listener.sock)
            listener.is_open = False
        self._reserve()
        return at

    def _fill_queues(self, listeners: Sequence[Listener]) -> None:
        if len(self._listeners) > 1 and self._fillers:
            self._fill({listener.sock.fileno(): listener for listener in listeners})
        elif listeners:
            fillers = [self._filler() for _ in range(self._fillers)]
            listeners[0].fillers = [filler for filler in fillers if filler]

    def _fill(self, empty: dict[int, Listener]) -> None:
        """
        Fill the accept queues of sockets that share a port.

        The kernel picks the socket of a connection by its ports, so attempts go on until each has
        one. A connection that ends up elsewhere is reset.
        """
        queues = select.poll()
        for number in empty:
            queues.register(number, select.POLLIN)
        for _ in range(MOST_ATTEMPTS):
            for number, _event in queues.poll(0):
                queues.unregister(number)
                del empty[number]
            if not empty:
                return
            filler = self._filler()
            hit = [number for number, _event in queues.poll(0)]
            if filler and hit:
                empty[hit[0]].fillers.append(filler)
            elif filler:
                reset(filler)
        logger.error("service port %s: %d sockets are still open", self._address[1], len(empty))

    def _filler(self) -> socket.socket | None:
        """
        Return a connection of our own; None where the accept queue was full already.

        One descriptor is kept for it, since a cut may come when clients have used up all others.
        """
        sock = self._spare or socket.socket(self._listeners[0].sock.family, socket.SOCK_STREAM)
        self._spare = None
        if dial(sock, self._address):
            self._own.add(sock.getsockname())
            return sock
        reset(sock)
        return None

    def _reserve(self) -> None:
        if self._spare is None:
            with contextlib.suppress(OSError):  # each file that is freed may be the next spare
                self._spare = socket.socket(self._listeners[0].sock.family, socket.SOCK_STREAM)

    def _take(self, listener: Listener) -> None:
        """
        Accept the connections that wait.
        """
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                if not has_file_left(listener.sock):
                    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))  # noqa: TRY301 - as below
                sock, address = listener.sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as exc:  # mostly short of files; the queue waits meanwhile
                self._take_later(listener, exc)
                return
            self._is_short = False
            if address in self._own:
                self._own.discard(address)
                reset(sock)
            else:
                sock.setblocking(False)
                self._accept(sock, listener.group)

    def _take_later(self, listener: Listener, exc: OSError) -> None:
        if not self._is_short:
            self._is_short = True
            logger.warning("service port %s cannot accept: %s", self._address[1], exc.strerror)
        self._loop.remove_reader(listener.sock)

        def again() -> None:
            if listener.is_open and listener.sock.fileno() >= 0:
                self._loop.add_reader(listener.sock, self._take, listener)

        self._loop.call_later(LATER, again)


def _drawn(group: FlowGroup, listeners: Sequence[Listener]) -> list[Listener]:
    """
    Draw the sockets of a group that lose connections; on average as many as the path loses.
    """
    exact = group.loss.share * len(listeners)
    count = int(exact) + (random.random() < exact % 1)  # noqa: S311 - chance, no secret
    return random.sample(listeners, count)
