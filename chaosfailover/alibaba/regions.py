"""
Questions to many regions and accounts at once, through a bounded pool of threads.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Generic, TypeVar

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.errors import FailoverError

__all__ = ["ANY_REGION", "POOL_WIDTH", "Answer", "Place", "ask_places", "region_ids"]

logger = logging.getLogger("chaostoolkit")

POOL_WIDTH = 8
LOOK = 0.5
"""For how many seconds a signal is overlooked that comes just before the wait for an answer."""

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
    so_far: Callable[[VpcClient], T | None] | None = None,
) -> list[Answer[T]]:
    """
    Ask every place and return the answers in the order of the places.

    An error of any kind is the answer of its place. `progress` gets each answer and the number of
    answers so far, in the thread of the caller. An interruption does not wait for places that were
    not asked yet; if the question `reads_only`, nor for those that are being asked. With `so_far`,
    it is not raised: the value of a place that is being asked is then `so_far` of its client.
    """
    clients: dict[Place, VpcClient] = {}

    ask = partial(_ask, open_client, question, clients)
    asked: list[Future[Answer[T]]] = [Future() for _ in places]
    waiting = iter([*zip(asked, places, strict=True)])
    threads = [Thread(target=_work, args=(waiting, ask), daemon=True) for _ in range(width)]
    for thread in threads[: len(places)]:
        thread.start()
    awaited = [] if reads_only or so_far else threads[: len(places)]
    try:
        for number, done in enumerate(_as_completed(asked), start=1):
            progress(number, done.result())
    except KeyboardInterrupt as interrupt:
        if so_far is None:
            raise
        return [
            each.result() if each.done() else _cut_short(place, clients, so_far, interrupt)
            for place, each in zip(places, asked, strict=True)
        ]
    finally:
        for each in asked:
            each.cancel()
        for thread in awaited:
            thread.join()
    return [each.result() for each in asked]


def _ask(
    open_client: Callable[[Place], VpcClient],
    question: Callable[[VpcClient], T],
    clients: dict[Place, VpcClient],
    place: Place,
) -> Answer[T]:
    try:
        with open_client(place) as client:
            clients[place] = client
            return Answer(place, value=question(client))
    except FailoverError as error:
        return Answer(place, error=error)
    except Exception as error:
        logger.debug("%s could not be read", place, exc_info=error)
        problem = f"unexpected {type(error).__name__}: {error}"
        return Answer(place, error=FailoverError(problem))


def _as_completed(asked: Sequence["Future[Answer[T]]"]) -> Iterator["Future[Answer[T]]"]:
    pending = {*asked}
    while pending:
        done, pending = wait(pending, LOOK, FIRST_COMPLETED)
        yield from done


def _cut_short(
    place: Place,
    clients: Mapping[Place, VpcClient],
    so_far: Callable[[VpcClient], T | None],
    interrupt: KeyboardInterrupt,
) -> Answer[T]:
    """
    Return what is known of a place whose answer an interruption does not wait for.
    """
    client = clients.get(place)
    if client and (value := so_far(client)) is not None:
        return Answer(place, value=value)
    return Answer(place, error=FailoverError(f"interrupted by {interrupt} before it was read"))


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
