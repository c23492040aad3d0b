"""
One direction of a TCP connection over the emulated network.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from chaosfailover.emulator.dataplane.flow_groups import FlowGroup

__all__ = ["Ending", "Sink", "Source", "Transit"]

FIRST_RETRANSMISSION = 0.2  # seconds, the least that Linux waits (TCP_RTO_MIN)
LONGEST_RETRANSMISSION = 120.0  # TCP_RTO_MAX
HIGH_WATER, LOW_WATER = 256 * 1024, 64 * 1024  # bytes under way, to stop and to go on reading


class Ending(Enum):
    """
    How one side ends its direction: with a FIN, or with a RST.
    """

    FIN = "FIN"
    RST = "RST"


class Sink(Protocol):
    """
    What takes the bytes that arrive.
    """

    def write(self, data: bytes) -> None:
        """
        Take bytes.
        """

    def write_eof(self) -> None:
        """
        Take note that no more bytes come.
        """

    def abort(self) -> None:
        """
        Take note that the other side has reset the connection.
        """


class Source(Protocol):
    """
    What the bytes come from.
    """

    def pause_reading(self) -> None:
        """
        Read no more for now.
        """

    def resume_reading(self) -> None:
        """
        Read on.
        """


@dataclass(slots=True)
class Segment:
    """
    What was handed over at one time; it is due at an instant of the loop's clock.
    """

    content: bytes | Ending
    due: float
    patience: float = FIRST_RETRANSMISSION

    @property
    def size(self) -> int:
        """
        How many bytes it holds.
        """
        return len(self.content) if isinstance(self.content, bytes) else 0


class Transit:
    """
    Delivers what is pushed, in order, as the path of a flow group lets it.

    A segment that meets a stall or a loss is tried again 200 ms later, then after twice as long
    each time; what comes after it waits, as in TCP. `from_client` says that this is the direction
    in which a lossy path loses by chance; in the other one the answers are delayed.
    """

    def __init__(self, group: FlowGroup, source: Source, sink: Sink, *, from_client: bool) -> None:
        self._group = group
        self._source, self._sink = source, sink
        self._from_client = from_client
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Segment] = deque()
        self._size = 0
        self._held = self._full = self._ended = self._closed = False
        self._timer: asyncio.TimerHandle | None = None

    def push(self, content: bytes | Ending) -> None:
        """
        Hand over bytes, or the end of the direction. A reset overtakes what has not arrived.
        """
        if self._closed or (self._ended and content is not Ending.RST):
            return
        self._ended = isinstance(content, Ending)
        if content is Ending.RST:
            self._queue.clear()
            self._size = 0
            self._held = False
        delay = 0.0 if self._from_client else self._group.delay
        segment = Segment(content, self._loop.time() + delay)
        self._queue.append(segment)
        self._size += segment.size
        if self._timer is None:
            self._advance()
        if self._size > HIGH_WATER:
            self._full = True
            self._source.pause_reading()

    def hold(self) -> None:
        """
        Deliver nothing more: the sink is full, or not there yet.
        """
        self._held = True

    def release(self) -> None:
        """
        Deliver again.
        """
        self._held = False
        if self._timer is None:
            self._advance()

    def close(self) -> None:
        """
        Forget what has not arrived; nothing more will.
        """
        self._closed = True
        self._queue.clear()
        if self._timer:
            self._timer.cancel()

    def _advance(self) -> None:
        self._timer = None
        while self._queue and not self._held:
            segment, now = self._queue[0], self._loop.time()
            if segment.due <= now and self._is_lost():
                segment.due = now + segment.patience
                segment.patience = min(2 * segment.patience, LONGEST_RETRANSMISSION)
            if segment.due > now:
                self._timer = self._loop.call_at(segment.due, self._advance)
                break
            self._queue.popleft()
            self._size -= segment.size
            self._deliver(segment.content)
        if self._full and self._size < LOW_WATER:
            self._full = False
            self._source.resume_reading()

    def _is_lost(self) -> bool:
        return self._group.loses(from_client=self._from_client)

    def _deliver(self, content: bytes | Ending) -> None:
        if isinstance(content, bytes):
            self._sink.write(content)
        elif content is Ending.FIN:
            self._sink.write_eof()
        else:
            self._sink.abort()
