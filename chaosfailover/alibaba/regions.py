"""
Questions to many regions and accounts at once, through a bounded pool of threads.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from threading import Thread
from typing import Generic, TypeVar

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.errors import FailoverError

__all__ = ["ANY_REGION", "POOL_WIDTH", "Answer", "Place", "ask_places", "region_ids"]

logger = logging.getLogger("chaostoolkit")

POOL_WIDTH = 8

ANY_REGION = "cn-hangzhou"
"""The region that is asked for the regions of an account if the environment names none."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """
    A region and the role in which it is read; without a role, as the environment's identity.
    """

    region_id: str
    role_arn: str | None = None

    @property
    def account(self) -> str:
        """
        The account of the role; empty for the environment's identity.
        """
        return "".join((self.role_arn or "").split(":")[3:4])

    def __str__(self) -> str:
        return f"{self.region_id} as {self.role_arn}" if self.role_arn else self.region_id


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """
    The answer of one place: a value or an error.
    """

    place: Place
    value: T | None = None
    error: FailoverError | None = None

    @property
    def region_id(self) -> str:
        """
        The region that was asked.
        """
        return self.place.region_id


def ask_places(
    places: Sequence[Place],
    open_client: Callable[[Place], VpcClient],
    question: Callable[[VpcClient], T],
    *,
    width: int = POOL_WIDTH,
    progress: Callable[[int, Answer[T]], None] = lambda _number, _answer: None,
    reads_only: bool = False,
) -> list[Answer[T]]:
    """
    Ask every place and return the answers in the order of the places.

    An error of any kind is the answer of its place. `progress` gets each answer and the number of
    answers so far, in the thread of the caller. An interruption does not wait for places that were
    not asked yet; if the question `reads_only`, nor for those that are being asked.
    """

    def ask(place: Place) -> Answer[T]:
        try:
            with open_client(place) as client:
                return Answer(place, value=question(client))
        except FailoverError as error:
            return Answer(place, error=error)
        except Exception as error:
            logger.debug("%s could not be read", place, exc_info=error)
            problem = f"unexpected {type(error).__name__}: {error}"
            return Answer(place, error=FailoverError(problem))

    asked: list[Future[Answer[T]]] = [Future() for _ in places]
    waiting = iter([*zip(asked, places, strict=True)])
    threads = [Thread(target=_work, args=(waiting, ask), daemon=True) for _ in range(width)]
    for thread in threads[: len(places)]:
        thread.start()
    try:
        for number, done in enumerate(as_completed(asked), start=1):
            progress(number, done.result())
    finally:
        for each in asked:
            each.cancel()
        for thread in [] if reads_only else threads[: len(places)]:
            thread.join()
    return [each.result() for each in asked]


def _work(
    waiting: Iterator[tuple["Future[Answer[T]]", Place]], ask: Callable[[Place], Answer[T]]
) -> None:
    """
    Ask the waiting places one by one; several threads share the iterator.
    """
    for future, place in waiting:
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(ask(place))
            except BaseException as error:  # noqa: BLE001 - it ends the command, in its own thread
                future.set_exception(error)


def region_ids(client: VpcClient) -> list[str]:
    """
    Return the IDs of the regions that a client's account can use, sorted.
    """
    return sorted(str(region["RegionId"]) for region in client.describe_regions())
