"""
The signals that would end a run, turned into one orderly interruption.

The toolkit for Python 3.11 swallows SIGTERM inside an activity, and no version handles SIGHUP. Here
the first signal raises an exception that `except Exception` does not catch. Later signals change
nothing.

Python runs handlers in the main thread between two instructions, so a signal that arrives just
before a sleep is handled after the sleep. A thread therefore reads each signal at once from the
wakeup descriptor, and wakes the main thread until it has handled the signal.

What a handler raises inside a finalizer or a weak reference's callback, Python reports and drops.
The hook for such reports has the thread interrupt the main thread once more. What is raised inside
the hook would be dropped without a report, so nothing is raised there. Nor is it in the import
system, which would keep its lock: no thread could import anything any more, or end.
"""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, NoReturn

__all__ = ["Interruption", "end_run", "interrupt_main_thread", "leave_signals_to_the_main_thread"]

logger = logging.getLogger("chaostoolkit")

# SIGUSR1 is how a thread asks the toolkit to end the run with its rollbacks.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
ENDS_WITH_ROLLBACKS = 20
# Interrupts the main thread's wait, without a meaning of its own.
NUDGE = signal.SIGURG
NUDGE_INTERVAL = 0.1
# On the wakeup descriptor: an interruption was dropped.
DROPPED = 0
# The files of the import system, as its frames name them.
IMPORT_SYSTEM = "<frozen importlib"
FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}


Handler = Callable[[int, FrameType | None], object] | int | None


class Interruption:
    """
    Handles SIGNALS from `install` to `put_back`; `received` is the name of the first.

    `on_first` is called once with that name, in the handler or in a thread, and must be safe in
    both. `on_further` is called in the handler for every later signal. Once `ending` is set, a
    signal is only noted. So is a repeated one while `busy`.
    """

    def __init__(
        self,
        on_first: Callable[[str], None],
        on_further: Callable[[], None],
        busy: Callable[[], bool],
    ) -> None:
        self.received: str | None = None
        self.ending = False
        self._on_first = on_first
        self._on_further = on_further
        self._first = threading.Lock()
        self._busy = busy
        self._awake = True
        self._dropped = False
        self._writing = -1
        self._previous: dict[signal.Signals, Handler] = {}
        self._descriptors = contextlib.ExitStack()

    def install(self) -> bool:
        """
        Handle the signals; return False outside the main thread, where that is impossible.

        An ignored signal stays ignored, as nohup and a shell's background jobs require.
        """
        if threading.current_thread() is not threading.main_thread():
            return False
        for signum in SIGNALS:
            if signal.getsignal(signum) is not signal.SIG_IGN:
                self._previous[signum] = signal.signal(signum, self._handle)
        self._previous[NUDGE] = signal.signal(NUDGE, self._wake)
        self._read_at_once()
        return True

    def put_back(self) -> None:
        """
        Restore the previous handlers, unless others have done so; safe to repeat.
        """
        self._descriptors.close()
        while self._previous:
            signum, previous = self._previous.popitem()
            if signal.getsignal(signum) in (self._handle, self._wake):
                # None is a handler that was not installed from Python.
                signal.signal(signum, signal.SIG_DFL if previous is None else previous)

    def _read_at_once(self) -> None:
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        self._writing = writing
        self._descriptors.callback(os.close, writing)
        before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        self._descriptors.callback(signal.set_wakeup_fd, before)
        report = sys.unraisablehook
        sys.unraisablehook = partial(self._note_dropped, report)
        self._descriptors.callback(setattr, sys, "unraisablehook", report)
        threading.Thread(
            target=self._read, args=(reading,), name="failover-signals", daemon=True
        ).start()

    def _read(self, reading: int) -> None:
        """
        Have each signal handled, until the other end of the pipe is closed.
        """
        leave_signals_to_the_main_thread()
        with os.fdopen(reading, "rb", buffering=0) as numbers:
            while number := numbers.read(1):
                if number[0] in SIGNALS and number[0] in self._previous:
                    self._wake_until_handled(signal.Signals(number[0]))
                elif number[0] == DROPPED:
                    self._interrupt_again()

    def _wake_until_handled(self, signum: signal.Signals) -> None:
        """
        Wake the main thread until it has run its handlers.
        """
        self._awake = False
        while self._previous and not self._awake:
            self._nudge()
            time.sleep(NUDGE_INTERVAL)
            self._report(signum.name)

    def _interrupt_again(self) -> None:
        """
        Wake the main thread until it has raised, outside the hook, what was dropped.
        """
        self._dropped = True
        while self._previous and self._dropped:
            time.sleep(NUDGE_INTERVAL)
            self._nudge()

    def _nudge(self) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, NUDGE)

    def _wake(self, _: int, frame: FrameType | None) -> None:
        self._awake = True
        if not self._dropped or _must_not_raise(frame):
            return
        self._dropped = False
        if self.received and not self.ending:
            _interrupt(self.received)

    def _note_dropped(
        self, report: Callable[[Any], object], dropped: "sys.UnraisableHookArgs"
    ) -> None:
        """
        Have the main thread interrupted again where Python dropped what a handler raised.
        """
        if self.received and isinstance(dropped.exc_value, KeyboardInterrupt | SystemExit):
            self._ask_again()
        else:
            report(dropped)

    def _ask_again(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._writing, bytes([DROPPED]))

    def _report(self, name: str) -> None:
        if self._first.acquire(blocking=False):
            self._on_first(name)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        again = self.received is not None
        self.received = self.received or signal.Signals(signum).name
        self._report(self.received)
        if again:
            self._on_further()
        if self.ending or (again and self._busy()):
            return
        if _must_not_raise(frame):
            self._ask_again()
            return
        _interrupt(signal.Signals(signum).name)


def _must_not_raise(frame: FrameType | None) -> bool:
    """
    Tell whether the main thread is in the hook, or in the import system's own code.
    """
    if frame and frame.f_code.co_filename.startswith(IMPORT_SYSTEM):
        return True
    while frame and frame.f_code is not Interruption._note_dropped.__code__:
        frame = frame.f_back
    return frame is not None


def _interrupt(name: str) -> NoReturn:
    raise KeyboardInterrupt if name == signal.SIGINT.name else SystemExit(ENDS_WITH_ROLLBACKS)


def leave_signals_to_the_main_thread() -> None:
    """
    Block signals in the calling thread, where they would not wake the main thread.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - FAULTS)


def interrupt_main_thread() -> None:
    """
    Interrupt the main thread, whatever it waits for, as the toolkit's own exit does.
    """
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


def end_run(reason: Exception) -> NoReturn:
    """
    Raise the reason, and make the toolkit end the current run, with exit code 1.

    Outside a run no handler is installed for the signal; there the reason is only raised.
    """
    if callable(signal.getsignal(signal.SIGUSR1)):
        logger.critical("%s", reason)
        interrupt_main_thread()
    raise reason
