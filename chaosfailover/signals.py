"""
The signals that would end a run, turned into one orderly interruption.

The toolkit for Python 3.11 swallows SIGTERM inside an activity, and none handles SIGHUP. Here each
raises what even `except Exception` lets through, once; further ones change nothing.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["SIGNALS", "Interruption", "interrupt_main_thread", "leave_signals_to_the_main_thread"]

# SIGUSR1 is how a thread asks the toolkit to end the run with its rollbacks.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
ENDS_WITH_ROLLBACKS = 20
FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}


class Interruption:
    """
    Handles SIGNALS from `install` to `put_back`; `received` names the first that came.

    `on_first` is called inside the handler and must be safe there. Once `ending` is set, the run
    is on its way out and a signal is only noted.
    """

    def __init__(self, on_first: Callable[[str], None], busy: Callable[[], bool]) -> None:
        self.received: str | None = None
        self.ending = False
        self._on_first = on_first
        self._busy = busy
        self._previous: dict[signal.Signals, Any] = {}

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
        return True

    def put_back(self) -> None:
        """
        Give the signals back to whoever had them; safe to repeat.
        """
        while self._previous:
            signum, previous = self._previous.popitem()
            # None stands for a handler that was not installed from Python.
            signal.signal(signum, signal.SIG_DFL if previous is None else previous)

    def _handle(self, signum: int, _: FrameType | None) -> None:
        if self.received is None:
            self.received = signal.Signals(signum).name
            self._on_first(self.received)
        elif self._busy():
            return
        if self.ending:
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
