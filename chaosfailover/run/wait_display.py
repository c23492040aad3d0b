"""
The progress of long waits: one live line on a terminal, else lines of the log, ever more seldom.
"""

import logging
import math
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from chaosfailover.events.waits import Wait, current_waits
from chaosfailover.signals import leave_signals_to_the_main_thread
from chaosfailover.verdict.values import brief

__all__ = ["WaitDisplay", "shown_waits"]

logger = logging.getLogger("chaostoolkit")

# Seconds after which a wait is shown, and between the looks for one.
LONG = 5.0
LOOK = 1.0
CLEAR = "\r\033[K"


class WaitDisplay(logging.Filter):
    """
    Shows the wait that began last of those that are long; `stream` is a terminal, or None.

    As a filter of the log, it takes the live line away before another line is written.
    """

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream
        self._drawn = False
        self._told: dict[Wait, float] = {}

    def look(self, now: float) -> None:
        """
        Show what is waited for at an instant of the monotonic clock.
        """
        waits = [wait for wait in current_waits() if now - wait.since >= LONG]
        self._told = {wait: due for wait, due in self._told.items() if wait in waits}
        if self._stream:
            self._draw(_line(waits[-1], now) if waits else "")
            return
        for wait in waits[-1:]:
            if not wait.logged and now - wait.since >= self._told.get(wait, LONG):
                self._told[wait] = 2 * (now - wait.since)
                logger.info("%s", _line(wait, now))

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - what the log calls
        """
        Take the live line away.
        """
        self.clear()
        return True

    def clear(self) -> None:
        """
        Take the live line away, if there is one.
        """
        self._draw("")

    def _draw(self, line: str) -> None:
        if self._stream is None or not (line or self._drawn):
            return
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"{CLEAR}{line[:width]}")
        self._stream.flush()
        self._drawn = bool(line)


def _line(wait: Wait, now: float) -> str:
    left = "" if wait.until is None else f", {max(0, math.ceil(wait.until - now))} s more at most"
    return f"Waiting for {brief(wait.what())}: {now - wait.since:.0f} s{left}"


@contextmanager
def shown_waits() -> Iterator[None]:
    """
    Show long waits, of whatever thread, until the end of the context.
    """
    display = WaitDisplay(sys.stderr if _is_terminal() else None)
    ended = threading.Event()
    logger.addFilter(display)
    threading.Thread(
        target=_show, args=(display, ended), name="failover-waits", daemon=True
    ).start()
    try:
        yield
    finally:
        ended.set()
        logger.removeFilter(display)


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _show(display: WaitDisplay, ended: threading.Event) -> None:
    leave_signals_to_the_main_thread()
    while not ended.wait(LOOK):
        display.look(time.monotonic())
    display.clear()
