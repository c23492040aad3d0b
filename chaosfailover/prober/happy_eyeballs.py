"""
Attempts at several addresses, started one after the other until one succeeds (RFC 8305).
"""

import asyncio
from asyncio import Task
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

__all__ = ["race"]

PATIENCE = 0.25

T = TypeVar("T")
Attempts = Sequence[Callable[[], Coroutine[object, object, T]]]


async def race(
    attempts: Attempts[T], timeout: float, discard: Callable[[T], object] = lambda _: None
) -> T:
    """
    Return the result of the first attempt that succeeds; raise the last failure if all fail.

    The next attempt starts after a failure or after 250 ms, sooner if the last one would else have
    less than its share of `timeout`. The losers are cancelled; `discard` gets the result of a loser
    that succeeded too.
    """
    if len(attempts) == 1:
        return await attempts[0]()
    tasks: list[Task[T]] = []
    winner = None
    try:
        winner = await _first(attempts, min(PATIENCE, timeout / len(attempts)), tasks)
        return winner.result()
    finally:
        for task in tasks:
            if task is not winner:
                _drop(task, discard)
        del tasks, winner  # an exception would keep this frame, and this frame the exception


async def _first(attempts: Attempts[T], patience: float, tasks: list[Task[T]]) -> Task[T]:
    """
    Start the attempts, into `tasks`; return the first that succeeded, or the last that failed.
    """
    running: set[Task[T]] = set()
    while True:
        if len(tasks) < len(attempts):
            tasks.append(asyncio.create_task(attempts[len(tasks)]()))
            running.add(tasks[-1])
        more = len(tasks) < len(attempts)
        done, running = await asyncio.wait(
            running, timeout=patience if more else None, return_when=asyncio.FIRST_COMPLETED
        )
        good = [task for task in done if task.exception() is None]
        if good or not (more or running):
            return (good or [*done])[0]


def _drop(task: Task[T], discard: Callable[[T], object]) -> None:
    if not task.cancel() and not task.cancelled() and task.exception() is None:
        discard(task.result())
