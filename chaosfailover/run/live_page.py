"""
The live page of a run: a process of its own writes it, from the evidence.

It runs `chaos failover report EVIDENCE --follow`, with a low priority, out of the reach of the
terminal's signals. Nothing of the run waits for it, save its end, which is short: the run itself
then puts the report in the place of the page. If the run is killed, the process follows what the
watchdog adds, and makes the report and ends by itself.
"""

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from chaosfailover.report import render, replace_page
from chaosfailover.signals import leave_signals_to_the_main_thread

__all__ = ["LivePage", "open_live_page", "write_report"]

logger = logging.getLogger("chaostoolkit")

NICENESS = 10
LONGEST_END = 2.0
LONGEST_WRITE = 30.0
WARNING = "Warning: "

Journal = Mapping[str, object]


class LivePage:
    """
    The process that writes the page; what it has to say is one warning. Raises OSError.
    """

    def __init__(self, page: Path, evidence: Path) -> None:
        self._page = page
        self._is_ending = False
        self._has_warned = False
        # Without -P, a file of the experiment's folder might be imported in place of a library's.
        command = [sys.executable, "-P", "-m", "chaosfailover.cli", "report", "--quiet"]
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own command
            [*command, "--follow", f"--output-file={page}", "--", str(evidence)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, NICENESS)
        threading.Thread(target=self._attend, name="failover-live-page", daemon=True).start()

    @property
    def pid(self) -> int:
        """
        The ID of the process.
        """
        return self._process.pid

    def conclude(self, journal: Journal) -> Mapping[str, str]:
        """
        End the process, and put the report in the place of the page.
        """
        self._end()
        return write_report(self._page, journal, warn=not self._has_warned)

    def _end(self) -> None:
        """
        End the process; one that a hung disk holds is left behind.
        """
        self._is_ending = True
        for signal_it in (self._process.terminate, self._process.kill):
            signal_it()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(LONGEST_END)
                return

    def _attend(self) -> None:
        leave_signals_to_the_main_thread()
        if pipe := self._process.stderr:
            with pipe:
                self._read(pipe)
        self._process.wait()

    def _read(self, pipe: IO[str]) -> None:
        """
        Log its warning, or why it has ended by itself, in its last line.
        """
        last = "it has ended"
        for line in filter(None, map(str.strip, pipe)):
            last = line
            if line.startswith(WARNING):
                self._warn("%s", line.removeprefix(WARNING))
        if not self._is_ending:
            self._warn("%s is no longer written: %s", self._page, last)

    def _warn(self, text: str, *values: object) -> None:
        if not self._has_warned:
            logger.warning(f"The live page: {text}", *values)
        self._has_warned = True


def open_live_page(page: Path, evidence: Path) -> LivePage | None:
    """
    Begin to write the page; what prevents it is a warning.
    """
    try:
        return LivePage(page, evidence.absolute())
    except (OSError, ValueError) as exc:
        logger.warning("The live page: %s cannot be written: %s", page, exc)
        return None


def write_report(page: Path, journal: Journal, *, warn: bool = True) -> Mapping[str, str]:
    """
    Put the report of a journal in the place of a live page, which is no reason to fail a run.

    Returns the page by its kind, nothing if it could not be written.
    """
    problem = ["its disk hangs"]

    def write() -> None:
        leave_signals_to_the_main_thread()
        try:
            replace_page(page, render([journal], "html", "en"))
            problem.clear()
        except Exception as exc:  # noqa: BLE001 - whatever it was, the run is judged without it
            problem[:] = [getattr(exc, "strerror", None) or str(exc)]

    thread = threading.Thread(target=write, name="failover-live-report", daemon=True)
    thread.start()
    thread.join(LONGEST_WRITE)
    if problem and warn:
        logger.warning("The live page: %s cannot be written: %s", page, problem[0])
    return {} if problem else {"live": str(page)}
