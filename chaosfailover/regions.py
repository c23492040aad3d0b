"""
The same question put to many regions at once, through a bounded pool.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from chaosfailover.client import VpcClient
from chaosfailover.errors import FailoverError

__all__ = ["Answer", "ask_regions"]

POOL_WIDTH = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """
    What one region answered: a value, or the error that was met instead.
    """

    region_id: str
    value: T | None = None
    error: FailoverError | None = None


def ask_regions(
    region_ids: Iterable[str],
    open_client: Callable[[str], VpcClient],
    question: Callable[[VpcClient], T],
    *,
    width: int = POOL_WIDTH,
) -> list[Answer[T]]:
    """
    Ask every region and return the answers in the order of the regions.

    A region that fails hides no other: its error is its answer.
    """

    def ask(region_id: str) -> Answer[T]:
        try:
            with open_client(region_id) as client:
                return Answer(region_id, value=question(client))
        except FailoverError as error:
            return Answer(region_id, error=error)

    with ThreadPoolExecutor(max_workers=width) as pool:
        return list(pool.map(ask, region_ids))
