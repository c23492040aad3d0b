"""
Several ways to the same end, started one after the other until one gets there.
"""

import asyncio
from asyncio import Task
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

__all__ = ["race"]

PATIENCE = 0.25

T = TypeVar("T")


async def race(
    ways: Sequence[Callable[[], Coroutine[Any, Any, T]]],
    timeout: float,
    discard: Callable[[T], object] = lambda _: None,
) -> T:
    """
    Return what the first way to succeed returns; raise the last failure if all fail.

    The next way is tried too when one has failed or 250 ms have passed, as clients do (RFC 8305),
    and sooner if the last one would else have less than its share of `timeout`. The losers are
    cancelled; what one of them returned all the same is given to `discard`.
    """
    if len(ways) == 1:
        return await ways[0]()
    tasks: list[Task[T]] = []
    winner = None
    try:
        winner = await _first(ways, min(PATIENCE, timeout / len(ways)), tasks)
        return winner.result()
    finally:
        for task in tasks:
            if task is not winner:
                _drop(task, discard)
        del tasks, winner  # an exception would keep this frame, and this frame the exception


async def _first(
    ways: Sequence[Callable[[], Coroutine[Any, Any, T]]], patience: float, tasks: list[Task[T]]
) -> Task[T]:
    """
    Start the ways, into `tasks`; return the first that succeeded, or the last that failed.
    """
    running: set[Task[T]] = set()
    while True:
        if len(tasks) < len(ways):
            tasks.append(asyncio.create_task(ways[len(tasks)]()))
            running.add(tasks[-1])
        left = len(tasks) < len(ways)
        done, running = await asyncio.wait(
            running, timeout=patience if left else None, return_when=asyncio.FIRST_COMPLETED
        )
        good = [task for task in done if task.exception() is None]
        if good or not (left or running):
            return (good or [*done])[0]


def _drop(task: Task[T], discard: Callable[[T], object]) -> None:
    if not task.cancel() and not task.cancelled() and task.exception() is None:
        discard(task.result())
