"""
Log lines of the threads that stop tests: a terminal or a pipe that takes none delays no stop.
"""

import logging
import queue
import threading

__all__ = ["log"]

logger = logging.getLogger("chaostoolkit")

# Seconds for which a line may hold up the thread that logs it.
LONGEST_WAIT = 0.5


class Line:
    """
    A line on its way to the log.
    """

    def __init__(self, level: int, message: str, values: tuple[object, ...]) -> None:
        self.level, self.message, self.values = level, message, values
        self.written = threading.Event()


_lines: "queue.SimpleQueue[Line]" = queue.SimpleQueue()
_starting = threading.Lock()
_writer: threading.Thread | None = None
_stuck = threading.Event()


def log(level: int, message: str, *values: object) -> None:
    """
    Log a line, and wait for half a second at most until it is written.

    While lines are stuck, none is waited for.
    """
    global _writer  # noqa: PLW0603 - one thread writes for all
    with _starting:
        if _writer is None or not _writer.is_alive():
            _writer = threading.Thread(target=_write, name="failover-log", daemon=True)
            _writer.start()
    line = Line(level, message, values)
    _lines.put(line)
    if not _stuck.is_set() and not line.written.wait(LONGEST_WAIT):
        _stuck.set()


def _write() -> None:
    while True:
        line = _lines.get()
        logger.log(line.level, line.message, *line.values)
        line.written.set()
        _stuck.clear()
