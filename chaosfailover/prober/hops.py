"""
The hops on the way to a target: packets that may pass one router more each time, as traceroute's.

Linux tells an ordinary user who dropped a packet: a socket with IP_RECVERR has a queue of ICMP
errors, with the router that sent them. For TCP, Linux 5.8 or later does. Other systems keep ICMP to
privileged users, so hops are not available there.

All packets of a flow have the same addresses and ports, since routers with equal paths choose
one by these. A flow therefore has one packet under way at a time.
"""

import errno
import logging
import os
import secrets
import select
import socket
import struct
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from math import inf
from typing import NamedTuple

from chaosfailover.events import publish
from chaosfailover.prober.check import is_local
from chaosfailover.prober.resolver import TTL, Address, GetAddrInfo, is_address, look_up
from chaosfailover.prober.targets import Target
from chaosfailover.signals import leave_signals_to_the_main_thread

__all__ = [
    "FILES",
    "Flow",
    "HopWatch",
    "HopsNotAvailableError",
    "Phase",
    "TcpFlow",
    "Trace",
    "UdpFlow",
    "Way",
]

logger = logging.getLogger("chaostoolkit")

INTERVAL = 2.0
"""Seconds between two traces of a target: a failover is settled after 5 s without loss."""
TIMEOUT = 0.5
"""Seconds that a hop has to answer."""
LONGEST_TRACE = 10.0
TRIES = 3
"""How often the target itself is asked before it counts as not reached."""
MOST_HOPS = 30
MOST_CHANGES = 20
"""How many traces of a target are told in one phase of the run."""
MOST_ADDRESSES = 2
LONGEST_LAST = 3.0
"""Seconds that the last traces of a run may take."""
FILES = 2 * MOST_ADDRESSES
"""The files that the traces of a target hold at most, or a look-up of its name."""
FAR = 64
"""The hop limit of a packet that is to arrive."""

# Of <linux/in.h>, <linux/in6.h> and <linux/errqueue.h>; Python does not name them.
IP_RECVERR, IPV6_RECVERR = 11, 25
ICMP_ORIGINS = (2, 3)
ERROR = struct.Struct("=IBBBBII")
OFFENDER = {socket.AF_INET: slice(4, 8), socket.AF_INET6: slice(8, 24)}
TIME_EXCEEDED = {socket.AF_INET: 11, socket.AF_INET6: 3}

UNNAMED = (
    "this system does not tell an ordinary user which router dropped a packet; Linux does,"
    " for TCP from 5.8 on"
)


class HopsNotAvailableError(Exception):
    """
    This system does not show the hops; the message says why.
    """


class Answer(NamedTuple):
    """
    Who answered a packet, and whether it ends the way: at the target, or where there is no more.
    """

    address: str
    ends: bool = False
    reached: bool = False


class Trace(NamedTuple):
    """
    The hops in their order, None for one that was silent. The last is the target if it was reached.
    """

    hops: tuple[str | None, ...]
    reached: bool

    def adds_to(self, other: "Trace") -> bool:
        """
        Say whether it shows anything that another trace does not.
        """
        pairs = zip(self.hops, other.hops, strict=False)
        return (
            self.reached != other.reached
            or len(self.hops) > len(other.hops)
            or any(hop and hop != old for hop, old in pairs)
        )


class Flow(ABC):
    """
    Packets to one address, of one source port; raises HopsNotAvailableError where hops are hidden.
    """

    def __init__(self, address: Address) -> None:
        self.family, self.peer = address
        self.target = str(address[1][0])

    @abstractmethod
    def ask(self, limit: int) -> Answer | None:
        """
        Send a packet that may pass `limit` - 1 routers; return who answers in time, None if nobody.
        """

    @abstractmethod
    def close(self) -> None:
        """
        Give the port back.
        """

    def trace(self) -> Trace:
        """
        Ask each hop in turn until the target answers; one that does not answer at all has no hops.
        """
        if not any(self._answers() for _ in range(TRIES)):
            return Trace((), reached=False)
        hops: list[str | None] = []
        deadline = time.monotonic() + LONGEST_TRACE
        while len(hops) < MOST_HOPS and time.monotonic() < deadline:
            answer = self.ask(len(hops) + 1)
            hops.append(answer.address if answer else None)
            if answer and answer.ends:
                return Trace(tuple(hops), answer.reached)
        return Trace(tuple(hops), reached=False)

    def _answers(self) -> bool:
        answer = self.ask(FAR)
        return bool(answer and answer.reached)

    def _socket(self, kind: socket.SocketKind) -> socket.socket:
        if sys.platform != "linux":
            raise HopsNotAvailableError(UNNAMED)
        sock = socket.socket(self.family, kind)
        level, option = (
            (socket.IPPROTO_IPV6, IPV6_RECVERR)
            if self.family == socket.AF_INET6
            else (socket.IPPROTO_IP, IP_RECVERR)
        )
        try:
            sock.setblocking(False)
            sock.setsockopt(level, option, 1)
        except OSError as exc:
            sock.close()
            raise HopsNotAvailableError(f"{UNNAMED}: {exc.strerror}") from exc
        return sock

    def _limit(self, sock: socket.socket, limit: int) -> None:
        if self.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, limit)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, limit)

    def _blamed(self, sock: socket.socket, payload: bytes = b"") -> Answer | None:
        """
        Return who reported an error of a packet, None if nobody did.

        A report that quotes another payload is about an earlier packet, whose answer is late.
        """
        while True:
            try:
                quoted, messages, _, _ = sock.recvmsg(512, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return None
            if quoted[: len(payload)] == payload[: len(quoted)]:
                for _, _, data in messages:
                    if answer := self._reported(data):
                        return answer

    def _reported(self, data: bytes) -> Answer | None:
        if len(data) < ERROR.size:
            return None
        _, origin, kind, _, _, _, _ = ERROR.unpack_from(data)
        raw = data[ERROR.size :][OFFENDER[self.family]]
        if origin not in ICMP_ORIGINS or not raw:
            return None
        address = socket.inet_ntop(self.family, raw)
        if kind == TIME_EXCEEDED[self.family]:
            return Answer(address)
        return Answer(address, ends=True, reached=address == self.target)


class UdpFlow(Flow):
    """
    Datagrams from one socket, for an echo service.
    """

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self._sock = self._socket(socket.SOCK_DGRAM)
        try:
            self._sock.connect(self.peer)
        except OSError:
            self._sock.close()
            raise

    def ask(self, limit: int) -> Answer | None:
        """
        Send a datagram; its echo, or the refusal of its port, comes from the target.
        """
        payload = secrets.token_bytes(16)
        while self._blamed(self._sock) or self._read():
            pass
        self._limit(self._sock, limit)
        self._sock.send(payload)
        deadline = time.monotonic() + TIMEOUT
        while _waits(self._sock, select.POLLIN, deadline):
            if self._read() == payload:
                return Answer(self.target, ends=True, reached=True)
            if answer := self._blamed(self._sock, payload):
                return answer
        return None

    def close(self) -> None:
        self._sock.close()

    def _read(self) -> bytes:
        with suppress(OSError):
            return self._sock.recv(2048)
        return b""


class TcpFlow(Flow):
    """
    Connections from one port, each given up, or reset as soon as it is open.
    """

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self._keeper = self._bound(0)
        self._port = self._keeper.getsockname()[1]

    def ask(self, limit: int) -> Answer | None:
        """
        Begin a connection; what accepts or refuses it is the target.
        """
        with closing(self._bound(self._port)) as sock:
            self._limit(sock, limit)
            # A reset, so that the port can be used again at once.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if (problem := sock.connect_ex(self.peer)) not in (0, errno.EINPROGRESS):
                raise OSError(problem, os.strerror(problem))
            if not _waits(sock, select.POLLOUT, time.monotonic() + TIMEOUT):
                return None
            if answer := self._blamed(sock):
                return answer
            problem = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if problem == errno.EHOSTUNREACH:  # a router dropped it, and this system knows no name
                raise HopsNotAvailableError(UNNAMED)
            if problem not in (0, errno.ECONNREFUSED, errno.ECONNRESET):
                return None
            return Answer(self.target, ends=True, reached=True)

    def close(self) -> None:
        self._keeper.close()

    def _bound(self, port: int) -> socket.socket:
        sock = self._socket(socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("::" if self.family == socket.AF_INET6 else "0.0.0.0", port))  # noqa: S104 - it sends, and does not listen
        except OSError:
            sock.close()
            raise
        return sock


FLOWS: Mapping[str, Callable[[Address], Flow]] = {
    "http": TcpFlow,
    "https": TcpFlow,
    "tcp": TcpFlow,
    "udp": UdpFlow,
}


def _waits(sock: socket.socket, event: int, deadline: float) -> bool:
    """
    Wait until there is something on a socket, or an error; False once the deadline has passed.
    """
    poll = select.poll()
    poll.register(sock, event)
    return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))


class Phase(NamedTuple):
    """
    Whether it is `before`, `during` or `after` a cut, and the test of the cut, "" before the first.
    """

    name: str = "before"
    test: str = ""


class HopWatch:
    """
    Traces the way to each target every 2 s, from `start` to `stop`, and publishes what it shows.

    A trace that began in another phase than it ended in is dropped. `phase` is asked in threads of
    its own. A target whose hops are not available is told once, with the reason.
    """

    def __init__(self, targets: Sequence[Target], phase: Callable[[], Phase]) -> None:
        self._phase = phase
        self._ended, self._left = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(
                target=self._watch, args=(each,), name=f"hops {each.name}", daemon=True
            )
            for each in targets
        ]

    def start(self) -> None:
        """
        Start the traces.
        """
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """
        Trace each way once more, and end; what takes too long is left alone. Safe to repeat.
        """
        self._ended.set()
        deadline = time.monotonic() + LONGEST_LAST
        for thread in self._threads:
            if thread.ident:
                thread.join(max(0.0, deadline - time.monotonic()))
        self._left.set()

    def _watch(self, target: Target) -> None:
        leave_signals_to_the_main_thread()
        told: dict[Phase, list[Trace]] = {}
        try:
            with closing(Way(target)) as way:
                for _ in self._turns():
                    phase = self._phase()
                    trace = way.trace()
                    if trace and phase == self._phase() and not self._left.is_set():
                        _tell(target.name, phase, trace, told.setdefault(phase, []))
        except HopsNotAvailableError as exc:
            logger.info("The way to %s is not shown: %s", target.name, exc)
            publish("path", target=target.name, reason=str(exc))

    def _turns(self) -> Iterator[None]:
        """
        Yield when it is time for a trace, and once more when the watch ends.
        """
        yield
        while not self._ended.wait(INTERVAL):
            yield
        yield


class Way:
    """
    The way to one target, by a flow of its own to each of its addresses.

    A flow keeps its port throughout, so that two traces differ only if the network does.
    """

    def __init__(self, target: Target, getaddrinfo: GetAddrInfo = socket.getaddrinfo) -> None:
        if target.scheme not in FLOWS:
            raise HopsNotAvailableError(f"a target of {target.scheme} has no port to trace")
        self._target = target
        self._getaddrinfo = getaddrinfo
        self._flow = FLOWS[target.scheme]
        self._addresses: Sequence[Address] = ()
        self._flows: dict[Address, Flow] = {}
        self._due = 0.0

    def trace(self) -> Trace | None:
        """
        Trace the way to the first address that answers; None if this system had no means for it.
        """
        self._look_up()
        trace: Trace | None = Trace((), reached=False)
        for address in self._addresses:
            try:
                trace = self._flow_to(address).trace()
            except OSError as exc:  # such as no route to one of two families
                trace = None if is_local(exc) else Trace((), reached=False)
            if trace is None or trace.reached:
                break
        return trace

    def close(self) -> None:
        """
        Give the ports back.
        """
        for flow in self._flows.values():
            flow.close()
        self._flows.clear()

    def _look_up(self) -> None:
        """
        Follow what the target's name leads to; while no name server answers, nothing changes.
        """
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + (inf if is_address(self._target.host) else TTL)
        found = look_up(self._target.host, self._target.port, self._getaddrinfo)
        if addresses := found[:MOST_ADDRESSES]:
            self._addresses = addresses
            for address in self._flows.keys() - addresses:
                self._flows.pop(address).close()

    def _flow_to(self, address: Address) -> Flow:
        if address not in self._flows:
            self._flows[address] = self._flow(address)
        return self._flows[address]


def _tell(target: str, phase: Phase, trace: Trace, told: list[Trace]) -> None:
    """
    Publish a trace that shows more than the last one that was `told`, and not without end.
    """
    if len(told) >= MOST_CHANGES or (told and not trace.adds_to(told[-1])):
        return
    told.append(trace)
    publish(
        "path",
        target=target,
        test=phase.test,
        phase=phase.name,
        hops=[*trace.hops],
        reached=trace.reached,
    )
    way = ", ".join(hop or "*" for hop in trace.hops) if trace.reached else "no answer"
    logger.info("The way to %s %s the cut: %s", target, phase.name, way)
