"""
The evidence file of a run: JSON lines, appended and flushed while it happens.

Each line is a fragment of the journal, or the samples of a while. Every line but those of samples
ends with `sha256`, that of all bytes of the file before this line and of this line without it. A
line that was cut off is followed by a line break and whatever comes next; what is lost for want of
space is named.

One thread writes. Whoever has something to say puts it into a queue: neither a full disk nor a hung
one delays a stop, and a signal handler may write too.
"""

import contextlib
import fcntl
import json
import os
import queue
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol, Self

__all__ = [
    "SAMPLES",
    "SEAL",
    "TAKEN_OVER",
    "TOLD",
    "EvidenceFile",
    "Line",
    "Source",
    "file_name",
    "unsealed",
]

Line = Mapping[str, object]
SAMPLES = "samples"
SEAL = "sha256"
TOLD: Line = {"by": "watchdog"}
"""Marks the last line that a watchdog adds to the evidence: the other one then adds nothing."""
TAKEN_OVER: Line = {"writer": "watchdog"}
"""Marks the other lines of a watchdog: the run writes and checks nothing any more."""
# Seconds between looks for samples, so that a loss is on disk within one second.
PAUSE = 0.9
# Lines that wait for space, at most: the oldest are kept.
MOST_WAITING = 20_000
LONGEST_END = 5.0
OPENING_PAUSE = 0.05


def file_name(at: datetime, pid: int) -> str:
    """
    Return the name of a run's evidence file.
    """
    return f"failover-{at:%Y%m%dT%H%M%SZ}-{pid}.jsonl"


SEALED = re.compile(rb',"sha256":"([0-9a-f]{64})"\}$')


def sealed(content: bytes, seal: str) -> bytes:
    """
    Return a line with its seal.
    """
    return content[:-1] + f',"{SEAL}":"{seal}"}}'.encode()


def unsealed(written: bytes) -> tuple[bytes, str]:
    """
    Return a line without its seal, and the seal, "" if it has none.
    """
    match = SEALED.search(written)
    return (written[: match.start()] + b"}", match[1].decode()) if match else (written, "")


class Source(Protocol):
    """
    Whoever has samples: `take` returns a line that is due, or with `final` all that is left.

    `lose` is called for a line that could not be written.
    """

    def take(self, *, final: bool) -> Line | None: ...

    def lose(self) -> None: ...


class EvidenceFile:
    """
    Appends lines to a file, in a thread of its own, and samples of its `sources` when they are due.

    Each line that was put is written as `shape` returns it. `lost` counts the lines that could not
    be written. What is put raises nothing. One process at a time writes.
    """

    def __init__(
        self, path: Path, flags: int, shape: Callable[[Line], Line], unless: bytes = b""
    ) -> None:
        self.path = path
        self._unless = unless
        self._shape = shape
        self.lost = 0
        self.sources: list[Source] = []
        self._flags = flags | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = -1
        self._sum = sha256()
        self._torn = False
        self._is_closing = threading.Event()
        self._waiting: list[Line] = []
        self._untold = 0
        self._lines: queue.SimpleQueue[Line | threading.Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="failover-evidence", daemon=True)

    @classmethod
    def create(cls, path: Path, shape: Callable[[Line], Line]) -> Self:
        """
        Create a file that only this user can read; raises OSError, also if it exists.
        """
        file = cls(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, shape)
        file._open()
        file._thread.start()
        return file

    @classmethod
    def add_to(cls, path: Path, shape: Callable[[Line], Line], unless: bytes) -> Self:
        """
        Add to a file what happened since its writer ended, as soon as that has ended.

        Nothing is added to a file that contains `unless`: somebody else has told it.
        """
        file = cls(path, os.O_RDWR, shape, unless)
        file._thread.start()
        return file

    def put(self, line: Line) -> None:
        """
        Append a line soon.
        """
        self._lines.put({"at": datetime.now(UTC).isoformat(), **line})

    def flush(self, timeout: float) -> bool:
        """
        Wait until what was put, and all samples, are written or have failed; False if that takes
        longer.
        """
        written = threading.Event()
        self._lines.put(written)
        return written.wait(timeout)

    def close(self, timeout: float = LONGEST_END) -> None:
        """
        Write what is left, and close the file; safe to repeat.

        A disk that hangs is left behind after `timeout`.
        """
        if self._thread.is_alive():
            self._is_closing.set()
            self._lines.put(None)
            self._thread.join(timeout)

    def _open(self) -> None:
        descriptor = os.open(self.path, self._flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def _reopen(self) -> bool:
        """
        Open the file once no other process writes it, and read it; False if nothing is to be added.
        """
        while True:
            with contextlib.suppress(OSError):
                self._open()
                return self._read()
            if self._is_closing.wait(OPENING_PAUSE):
                return False

    def _read(self) -> bool:
        told, last = False, b""
        while chunk := os.read(self._descriptor, 1 << 20):
            self._sum.update(chunk)
            told |= self._unless in last + chunk
            last = chunk[-len(self._unless) :]
        self._torn = not last.endswith(b"\n")
        return not told

    def _run(self) -> None:
        signal.pthread_sigmask(
            signal.SIG_BLOCK, signal.valid_signals()
        )  # they wake the main thread
        if self._descriptor < 0 and not self._reopen():
            return
        goes_on = True
        while goes_on:
            written: list[threading.Event] = []
            for each in self._next():
                if each is None:
                    goes_on = False
                elif isinstance(each, threading.Event):
                    written.append(each)
                else:
                    self._waiting.append(self._shaped(each))
            self._write_waiting()
            for source in self.sources:
                self._write_samples(source, final=bool(written) or not goes_on)
            for event in written:
                event.set()
        os.close(self._descriptor)

    def _next(self) -> Iterator[Line | threading.Event | None]:
        """
        Yield what was put, once there is something or a pause has passed.
        """
        with contextlib.suppress(queue.Empty):
            yield self._lines.get(timeout=PAUSE)
            while True:
                yield self._lines.get_nowait()

    def _shaped(self, line: Line) -> Line:
        try:
            return self._shape(line)
        except Exception as exc:  # noqa: BLE001 - the run goes on, and what failed is not shown
            return {"at": line["at"], "problem": type(exc).__name__}

    def _write_waiting(self) -> None:
        """
        Write the lines that wait, in order; those that do not fit wait on.
        """
        if self._untold and self._append({"lost": self._untold}):
            self._untold = 0
        while self._waiting and self._append(self._waiting[0]):
            del self._waiting[0]
        self._lose(len(self._waiting[MOST_WAITING:]))
        del self._waiting[MOST_WAITING:]

    def _write_samples(self, source: Source, *, final: bool) -> None:
        try:
            line = source.take(final=final)
            if line is None or self._append(line):
                return
            source.lose()
        except Exception:  # noqa: BLE001, S110 - what a source has lost is no end of the evidence
            pass
        self._lose(1)

    def _lose(self, count: int) -> None:
        self.lost += count
        self._untold += count

    def _append(self, line: Line) -> bool:
        """
        Append one line; False if the disk takes no more.
        """
        start = b"\n" * self._torn
        content = json.dumps(line, separators=(",", ":")).encode()
        if SAMPLES not in line:
            content = sealed(content, self._seal(start + content))
        data = start + content + b"\n"
        try:
            while data:
                count = os.write(self._descriptor, data)
                self._sum.update(data[:count])
                data = data[count:]
                self._torn = bool(data)
        except OSError:
            return False
        return True

    def _seal(self, more: bytes) -> str:
        before = self._sum.copy()
        before.update(more)
        return before.hexdigest()
