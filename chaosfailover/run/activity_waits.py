"""
The waits for activities: each is told once it is long, with the pauses that it has.
"""

import threading
from contextlib import ExitStack

from chaosfailover.events.waits import waiting
from chaosfailover.run import Activity, Configuration, Secrets
from chaosfailover.run.steps import pauses

__all__ = ["begin_wait", "end_all_waits", "end_wait"]

# By the thread that runs the activity.
_waits: dict[int, ExitStack] = {}


def begin_wait(activity: Activity, configuration: Configuration, secrets: Secrets) -> None:
    """
    Say that this thread runs an activity: how long it may take is not known, save its pauses.
    """
    end_wait()
    paused = pauses(activity, configuration, secrets)
    rest = f", whose pauses take {paused:g} s" if paused else ""
    wait = _waits[threading.get_ident()] = ExitStack()
    wait.enter_context(waiting(f"the activity {activity.get('name')}{rest}"))


def end_wait() -> None:
    """
    Say that this thread runs no activity any more.
    """
    if wait := _waits.pop(threading.get_ident(), None):
        wait.close()


def end_all_waits() -> None:
    """
    Say that no thread runs one: those that were interrupted did not say so.
    """
    while _waits:
        _, wait = _waits.popitem()
        wait.close()
