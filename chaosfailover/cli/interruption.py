"""
The interruption of a command by signals other than Ctrl-C, which ends it in the same way.
"""

import contextlib
import signal
from collections.abc import Iterator
from typing import NoReturn

__all__ = ["interrupted_by"]


@contextlib.contextmanager
def interrupted_by(*numbers: signal.Signals) -> Iterator[list[str]]:
    """
    Have signals interrupt a command as Ctrl-C does; the result gets the names of those received.

    The exception is a KeyboardInterrupt with the name as its text. Ignored signals stay ignored.
    """
    received: list[str] = []

    def interrupt(number: int, _frame: object) -> NoReturn:
        received.append(signal.Signals(number).name)
        raise KeyboardInterrupt(received[-1])

    before = {each: signal.getsignal(each) for each in numbers}
    handled = [each for each, handler in before.items() if handler is not signal.SIG_IGN]
    try:
        for each in handled:
            signal.signal(each, interrupt)
        yield received
    finally:
        for each in handled:
            signal.signal(each, before[each])
