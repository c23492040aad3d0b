"""
`chaos failover report EVIDENCE --follow`: keeps the live page of a run fresh.
"""

import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import BinaryIO

import click

from chaosfailover.cli.terminal import notice
from chaosfailover.errors import ArgumentError
from chaosfailover.record import Evidence, EvidenceReader, is_evidence
from chaosfailover.report import LiveRun, make_view, render, render_live, replace_page

__all__ = ["GrowingEvidence", "follow"]

BLOCK = 1 << 20
LONGEST_LINE = 1 << 23
# Seconds between two looks at the evidence, at least; a page may take this share of the time.
PAUSE = 1.0
SHARE = 0.1
# Seconds without a change after which evidence that nobody writes is complete.
SILENT = 15.0


class GrowingEvidence:
    """
    A file of evidence that is read as it grows, once it is there.

    A file that takes its place is read from its beginning. Raises ArgumentError if it is no
    evidence.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._begin()

    def _begin(self) -> None:
        self._reader = EvidenceReader()
        self._size = 0
        self._first = b""

    def read(self, most: int) -> bool:
        """
        Read what was added, up to `most` bytes in all; return whether there was anything.
        """
        if self._is_replaced():
            self.close()
            self._begin()
        if self._file is None:
            try:
                self._file = self.path.open("rb")
            except FileNotFoundError:
                return False
        size = self._size
        while block := self._file.read(BLOCK):
            self._take(block, most)
        return self._size > size

    def _take(self, block: bytes, most: int) -> None:
        self._size += len(block)
        if self._size > most:
            raise ArgumentError(f"it is larger than {most // 1_000_000} MB, expected less")
        if b"\n" not in self._first:
            self._first += block
            if not is_evidence(self._first) and (
                b"\n" in self._first or len(self._first) > LONGEST_LINE
            ):
                raise ArgumentError("it is no evidence of a run, which --follow reads")
        self._reader.feed(block)

    def _is_replaced(self) -> bool:
        if self._file is None:
            return False
        here = os.fstat(self._file.fileno())
        with contextlib.suppress(FileNotFoundError):
            there = self.path.stat()
            return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino) or (
                there.st_size < self._size
            )
        return False

    @property
    def has_begun(self) -> bool:
        """
        Whether the first line was read.
        """
        return b"\n" in self._first

    @property
    def evidence(self) -> Evidence:
        """
        What was read.
        """
        return self._reader.evidence()

    @property
    def changed_at(self) -> datetime:
        """
        When something was last added.
        """
        changed = os.fstat(self._file.fileno()).st_mtime if self._file else 0.0
        return datetime.fromtimestamp(changed, UTC)

    def has_ended(self) -> bool:
        """
        Tell whether nothing more comes: the run has ended, or nobody writes the file any more.

        A run, and the watchdog that takes over from it, hold a lock while they write. Once the
        watchdog has told the end, only that lock is waited for.
        """
        if self._reader.is_whole:
            return True
        if self._file is None or not self.has_begun:
            return False
        silent = (datetime.now(UTC) - self.changed_at).total_seconds()
        if silent < SILENT and not self._reader.is_told:
            return False
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        fcntl.flock(self._file, fcntl.LOCK_UN)
        return True

    def end(self) -> None:
        """
        Take what is left of a line that was cut off.
        """
        self._reader.end()

    def close(self) -> None:
        """
        Close the file; safe to repeat.
        """
        if self._file:
            self._file.close()
            self._file = None


def follow(path: Path, output: Path, language: str, largest: int) -> None:
    """
    Keep a page fresh until the run has ended, and write its report then.

    Ctrl-C and SIGTERM end it, and leave the page as it is. Raises ArgumentError for what is
    no evidence, and OSError if the report cannot be written.
    """
    with _ending_on_signals(), contextlib.closing(GrowingEvidence(path)) as growing:
        is_new = growing.read(largest)
        verb = "follows" if is_new else "waits for"
        notice(f"{output} {verb} {path}; Ctrl-C ends this, not the run.")
        _keep_fresh(growing, output, language, largest, is_new=is_new)
        growing.end()
        evidence = growing.evidence
        page = render([evidence.journal], "html", language, [str(path)])
        replace_page(output, page)
        notice(f"{output} is written.")


def _keep_fresh(
    growing: GrowingEvidence, output: Path, language: str, largest: int, *, is_new: bool
) -> None:
    run: LiveRun | None = None
    every, has_failed = PAUSE, False
    while True:
        began = time.monotonic()
        is_new = growing.read(largest) or is_new
        if growing.has_ended():
            return
        if is_new and growing.has_begun:
            evidence = growing.evidence
            view = make_view(evidence.journal, language)
            run = LiveRun(view, growing.changed_at, evidence.taken_over)
        page = render_live(run, str(growing.path), datetime.now(UTC), every, language)
        try:
            replace_page(output, page)
        except OSError as exc:
            if not has_failed:
                click.echo(f"Warning: {output} cannot be written: {exc.strerror}", err=True)
            has_failed = True
        is_new = False
        every = max(PAUSE, (time.monotonic() - began) / SHARE)
        time.sleep(every)


@contextlib.contextmanager
def _ending_on_signals() -> Iterator[None]:
    def end(_number: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
