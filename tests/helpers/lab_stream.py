"""
The reference of the laboratory: a datagram each millisecond, its echo, and the kernel's counters.

    lab_stream.py echo ADDRESS           echoes datagrams, and accepts TCP connections;
                                         at a line of input, prints which numbers never came
    lab_stream.py send ADDRESS FLOWS     sends over as many source ports in turn

The sender stops at a line of JSON on its input: the `cuts`, a list of `Moments`, and the numbers
that the echo found `missing`. It prints what it saw of each, as JSON. It knows nothing of the
package.
"""

import json
import selectors
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

PORT = 7
EVERY = 0.001
COUNTED_EVERY = 0.01
PATIENCE = 1.0
LARGE = 8 * 1024 * 1024
FEW, STALLED = 2, 0.2  # packets that come back all the same, and their share


def clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def datagram_socket() -> socket.socket:
    """
    Open a socket that loses nothing while its reader is not scheduled for some tenths of a second.
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LARGE)
    opened.setblocking(False)
    return opened


def echo(address: str) -> None:
    """
    Echo datagrams, and accept connections, until asked which datagrams are missing.
    """
    numbers: set[int] = set()
    datagrams = datagram_socket()
    datagrams.bind((address, PORT))
    connections = socket.create_server((address, PORT), backlog=512)
    connections.setblocking(False)
    with selectors.DefaultSelector() as selector:
        selector.register(datagrams, selectors.EVENT_READ)
        selector.register(connections, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        print("ready", flush=True)  # noqa: T201
        while True:
            for key, _ in selector.select():
                if key.fileobj is datagrams:
                    for data, sender in received(datagrams):
                        numbers.update(struct.unpack("!Q", data))
                        with suppress(OSError):  # without a route, say: then it is lost
                            datagrams.sendto(data, sender)
                elif key.fileobj is connections:
                    with suppress(OSError):
                        connections.accept()[0].close()
                else:
                    json.dump(sorted(set(range(max(numbers))) - numbers), sys.stdout)
                    return


def received(opened: socket.socket) -> Iterator[tuple[bytes, tuple[str, int]]]:
    while True:
        try:
            yield opened.recvfrom(2048)
        except BlockingIOError:
            return


@dataclass
class Stream:
    """
    What was sent when, how long it took to come back, and the counters of the interfaces.
    """

    sockets: list[socket.socket]
    sent: list[float] = field(default_factory=list)
    took: list[float | None] = field(default_factory=list)
    counted: list[tuple[float, int, dict[str, tuple[int, int]]]] = field(default_factory=list)

    def send(self) -> None:
        """
        Send the next datagram; one that the kernel refuses, as without a route, is lost.
        """
        number = len(self.sent)
        self.sent.append(clock())
        self.took.append(None)
        with suppress(OSError):
            self.sockets[number % len(self.sockets)].send(struct.pack("!Q", number))

    def receive(self, opened: socket.socket) -> None:
        """
        Note what came back.
        """
        while True:
            try:
                (number,) = struct.unpack("!Q", opened.recv(2048))
            except BlockingIOError:
                return
            except OSError:
                continue
            self.took[number] = clock() - self.sent[number]

    def count(self) -> None:
        """
        Note the packets that each circuit's interface received and sent, as the kernel counts.
        """
        counters = {}
        for line in Path("/proc/thread-self/net/dev").read_text(encoding="ascii").splitlines():
            name, _, numbers = line.partition(":")
            if name.strip() in ("a", "b"):
                values = numbers.split()
                counters[name.strip()] = int(values[1]), int(values[9])
        self.counted.append((clock(), len(self.sent), counters))

    def seen(
        self, since: float, until: float, moved: float, missing: set[int]
    ) -> dict[str, object]:
        """
        Return the loss of a phase: its bounds, the flows that it hit, and the packets counted.

        What the echo found `missing` was lost on the way out, all else on the way back. `slow` is
        the time in which this process or the echo was not scheduled, at most; `packets` are those
        since `moved`.
        """
        numbers = [number for number, at in enumerate(self.sent) if since <= at < until]
        lost = [number for number in numbers if self.took[number] is None]
        latest = max((self.took[number] or 0.0 for number in numbers), default=0.0)
        flows = len(self.sockets)
        hit = {number % flows for number in lost}
        return {
            "lost": len(lost),
            "lost_out": sum(number in missing for number in lost),
            "share": len(hit) / flows,
            "since": self._began(lost[0], hit) if lost else None,
            "until": self._ended(lost[-1]) if lost else None,
            "stalled": self._stalled(since, until),
            "slow": self._asleep(since, until) + latest,
            "packets": self._packets(moved, until),
        }

    def _began(self, first: int, hit: set[int]) -> tuple[float, float]:
        """
        Return the instants between which a loss began: of a flow that it hit, and its first.
        """
        flows = len(self.sockets)
        before = (number for number in range(first - 1, -1, -1) if number % flows in hit)
        return self.sent[next(before, 0)], self.sent[first]

    def _ended(self, last: int) -> tuple[float, float]:
        """
        Return the instants between which a loss ended: its last, and the next of the same flow.
        """
        return self.sent[last], self.sent[min(last + len(self.sockets), len(self.sent) - 1)]

    def _stalled(self, since: float, until: float) -> float:
        """
        Return the longest time for which packets left and hardly any came back, by the counters.
        """
        longest, begun = 0.0, since
        for (start, first, before), (end, second, after) in pairwise(self.counted):
            came = sum(after[name][0] - before[name][0] for name in after)
            if came > FEW + STALLED * (second - first) or not since <= start < until:
                begun = end
            longest = max(longest, end - begun)
        return longest

    def _asleep(self, since: float, until: float) -> float:
        """
        Return the longest time without a count: then this process was not scheduled.
        """
        inside = [at for at, _, _ in self.counted if since <= at < until]
        return max(after - before for before, after in pairwise(inside))

    def _packets(self, since: float, until: float) -> dict[str, tuple[int, int]]:
        inside = [counters for at, _, counters in self.counted if since <= at < until]
        first, last = inside[0], inside[-1]
        return {
            name: (last[name][0] - first[name][0], last[name][1] - first[name][1]) for name in last
        }


def send(address: str, flows: int) -> None:
    """
    Send until a line arrives on the standard input, then print what was seen.
    """
    sockets = [datagram_socket() for _ in range(flows)]
    stream = Stream(sockets)
    with selectors.DefaultSelector() as selector:
        for opened in sockets:
            opened.connect((address, PORT))
            selector.register(opened, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        print("ready", flush=True)  # noqa: T201
        line = _pumped(stream, selector)
        deadline = clock() + PATIENCE
        while clock() < deadline:
            for key, _ in selector.select(0.1):
                if isinstance(key.fileobj, socket.socket):
                    stream.receive(key.fileobj)
    given = json.loads(line)
    missing = set(given["missing"])
    answers = [
        {
            "failover": stream.seen(each["cut"], each["stop"], each["moved"], missing),
            "reversion": stream.seen(each["stop"], each["until"], each["back"], missing),
        }
        for each in given["cuts"]
    ]
    json.dump(answers, sys.stdout)


def _pumped(stream: Stream, selector: selectors.BaseSelector) -> str:
    due = counted = clock()
    while True:
        now = clock()
        if now >= due:
            stream.send()
            due = max(due + EVERY, now - 10 * EVERY)
        if now >= counted:
            stream.count()
            counted = now + COUNTED_EVERY
        for key, _ in selector.select(max(0.0, due - clock())):
            if not isinstance(key.fileobj, socket.socket):
                return sys.stdin.readline()
            stream.receive(key.fileobj)


if __name__ == "__main__":
    if sys.argv[1] == "echo":
        echo(sys.argv[2])
    else:
        send(sys.argv[2], int(sys.argv[3]))
