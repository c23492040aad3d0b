"""
The signals that would end a run, turned into one orderly interruption.

The toolkit for Python 3.11 swallows SIGTERM inside an activity, and none handles SIGHUP. Here each
raises what even `except Exception` lets through, once; further ones change nothing.

Python runs a handler in the main thread, when that comes back to it: a signal that lands just
before a sleep begins would be handled when the sleep has ended. So a thread hears of each signal at
once, through the wakeup descriptor, and wakes the main thread until it has handled it.
"""

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

__all__ = [
    "SIGNALS",
    "Interruption",
    "end_run",
    "interrupt_main_thread",
    "leave_signals_to_the_main_thread",
]

logger = logging.getLogger("chaostoolkit")

# SIGUSR1 is how a thread asks the toolkit to end the run with its rollbacks.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
ENDS_WITH_ROLLBACKS = 20
# Interrupts what the main thread waits for, and means nothing by itself.
NUDGE = signal.SIGURG
NUDGE_INTERVAL = 0.1
FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}


class Interruption:
    """
    Handles SIGNALS from `install` to `put_back`; `received` names the first that came.

    `on_first` is called with its name, once, inside the handler or in a thread, and must be safe in
    both. Once `ending` is set, the run is on its way out and a signal is only noted.
    """

    def __init__(self, on_first: Callable[[str], None], busy: Callable[[], bool]) -> None:
        self.received: str | None = None
        self.ending = False
        self._on_first = on_first
        self._first = threading.Lock()
        self._busy = busy
        self._awake = True
        self._previous: dict[signal.Signals, Any] = {}
        self._descriptors = contextlib.ExitStack()

    def install(self) -> bool:
        """
        Take the signals over; return False outside the main thread, where that is impossible.

        One that is ignored stays so: that is how nohup and a shell's background jobs ask for it.
        """
        if threading.current_thread() is not threading.main_thread():
            return False
        for signum in SIGNALS:
            if signal.getsignal(signum) is not signal.SIG_IGN:
                self._previous[signum] = signal.signal(signum, self._handle)
        self._previous[NUDGE] = signal.signal(NUDGE, self._wake)
        self._hear_at_once()
        return True

    def put_back(self) -> None:
        """
        Give the signals back to whoever had them; safe to repeat.
        """
        self._descriptors.close()
        while self._previous:
            signum, previous = self._previous.popitem()
            # None stands for a handler that was not installed from Python.
            signal.signal(signum, signal.SIG_DFL if previous is None else previous)

    def _hear_at_once(self) -> None:
        heard, told = os.pipe()
        os.set_blocking(told, False)
        self._descriptors.callback(os.close, told)
        before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        self._descriptors.callback(signal.set_wakeup_fd, before)
        threading.Thread(
            target=self._hear, args=(heard,), name="failover-signals", daemon=True
        ).start()

    def _hear(self, heard: int) -> None:
        """
        Have each signal handled, until the other end of the pipe is closed.
        """
        leave_signals_to_the_main_thread()
        with os.fdopen(heard, "rb", buffering=0) as arrivals:
            while number := arrivals.read(1):
                if number[0] in SIGNALS and number[0] in self._previous:
                    self._have_handled(signal.Signals(number[0]))

    def _have_handled(self, signum: signal.Signals) -> None:
        """
        Wake the main thread until it has run its handlers; it may be in no hurry to.
        """
        self._awake = False
        while self._previous and not self._awake:
            signal.pthread_kill(threading.main_thread().ident or 0, NUDGE)
            time.sleep(NUDGE_INTERVAL)
            self._tell(signum.name)

    def _wake(self, _: int, __: FrameType | None) -> None:
        self._awake = True

    def _tell(self, name: str) -> None:
        if self._first.acquire(blocking=False):
            self._on_first(name)

    def _handle(self, signum: int, _: FrameType | None) -> None:
        again = self.received is not None
        self.received = self.received or signal.Signals(signum).name
        self._tell(self.received)
        if self.ending or (again and self._busy()):
            return
        raise KeyboardInterrupt if signum == signal.SIGINT else SystemExit(ENDS_WITH_ROLLBACKS)


def leave_signals_to_the_main_thread() -> None:
    """
    Block signals in the calling thread: one that landed here would not wake the main thread.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - FAULTS)


def interrupt_main_thread() -> None:
    """
    Interrupt the main thread, whatever it is waiting for, as the toolkit's own exit does.
    """
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


def end_run(reason: Exception) -> NoReturn:
    """
    Raise the reason, and have the toolkit end the run that is under way, with exit code 1.

    Outside a run nobody handles the signal that asks for it: there the reason is only raised.
    """
    if callable(signal.getsignal(signal.SIGUSR1)):
        logger.critical("%s", reason)
        interrupt_main_thread()
    raise reason
