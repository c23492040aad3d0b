"""
The pages of a list operation, read to the end.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar, cast

from chaosfailover.alibaba.documents import Reply, number
from chaosfailover.errors import InvalidReplyError

__all__ = ["Listing", "by_number", "by_token"]

T = TypeVar("T")
Call = Callable[[str, Mapping[str, object]], Reply]

MAX_PAGES = 1000
READINGS = 2


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """
    An operation that lists documents of type `T`, and the keys of the list in its replies.

    `limit` is the name and value of the parameter for the most items of a page that a token ends.
    A list that is missing or null is empty; of a `strict` listing only if `TotalCount` is 0.
    """

    operation: str
    keys: tuple[str, ...]
    limit: tuple[str, int] = ("MaxResults", 100)
    strict: bool = False

    @property
    def name(self) -> str:
        """
        The key of the list itself.
        """
        return self.keys[-1]


class Page(NamedTuple, Generic[T]):
    """
    The items of one page, and the number of items on all pages; None if the reply has no count.
    """

    items: list[T]
    total: int | None


def by_token(call: Call, listing: Listing[T], **parameters: object) -> Iterator[T]:
    """
    Yield the items of all pages that follow one another by `NextToken`.

    A listing that changes between its pages, or holds fewer items than it counts, is read again.
    Raises InvalidReplyError if the second reading has the same problem, if a token repeats, and if
    the pages do not end.
    """
    yield from _whole(lambda: _tokens(call, listing, parameters), listing)


def by_number(call: Call, listing: Listing[T], **parameters: object) -> Iterator[T]:
    """
    Yield the items of all pages, counted by `PageNumber`, until `TotalCount` or an empty page.

    A listing that changes between its pages, or holds fewer items than it counts, is read again.
    Raises InvalidReplyError if the second reading has the same problem, if a page repeats the
    previous one, and if the pages do not end.
    """
    yield from _whole(lambda: _numbers(call, listing, parameters), listing)


def _whole(read: Callable[[], Iterator[Page[T]]], listing: Listing[T]) -> Iterator[T]:
    """
    Return the items once all of them were read: a missed one may be the one that matters.
    """
    problem = ""
    for _ in range(READINGS):
        pages = list(read())
        if not (problem := _problem(pages)):
            return (item for page in pages for item in page.items)
    raise _invalid(f"{listing.name}: {problem}")


def _problem(pages: list[Page[T]]) -> str:
    """
    Return why pages are not the whole of a listing; "" if they are, or if nothing is counted.

    An item on two pages moved from one to the other, and counts once.
    """
    totals = list(dict.fromkeys(page.total for page in pages if page.total is not None))
    if not totals:
        return ""
    if len(totals) > 1:
        return f"TotalCount went from {totals[0]} to {totals[1]} while it was read"
    count = len({repr(item) for page in pages for item in page.items})
    if count < totals[0]:
        return f"TotalCount is {totals[0]}, and {count} of them could be read"
    return ""


def _tokens(call: Call, listing: Listing[T], parameters: Mapping[str, object]) -> Iterator[Page[T]]:
    name, size = listing.limit
    token, seen = "", {""}
    for _ in range(MAX_PAGES):
        reply = call(listing.operation, {**parameters, name: size, "NextToken": token or None})
        yield _page(reply, listing)
        token = reply.get("NextToken") or ""
        if not isinstance(token, str | int):
            raise _invalid("NextToken is no text")
        if not token:
            return
        if token in seen:
            raise _invalid(f"NextToken {token!r} came twice")
        seen.add(token)
    raise _invalid(f"{listing.name} did not end after {MAX_PAGES} pages")


def _numbers(
    call: Call, listing: Listing[T], parameters: Mapping[str, object]
) -> Iterator[Page[T]]:
    previous: list[T] = []
    count = 0
    for page_number in range(1, MAX_PAGES + 1):
        reply = call(listing.operation, {**parameters, "PageNumber": page_number, "PageSize": 50})
        page = _page(reply, listing)
        if page.items and page.items == previous:
            raise _invalid(f"page {page_number} of {listing.name} repeats page {page_number - 1}")
        yield page
        count += len(page.items)
        if not page.items or count >= (page.total or count + 1):
            return
        previous = page.items
    raise _invalid(f"{listing.name} did not end after {MAX_PAGES} pages")


def _page(reply: Reply, listing: Listing[T]) -> Page[T]:
    items: object = reply
    for key in listing.keys:
        items = items.get(key) if isinstance(items, dict) else items
    if listing.strict and items is None and number(reply, "TotalCount") != 0:
        raise _invalid(f"the reply has no {'.'.join(listing.keys)}")
    if items is None or not listing.strict:
        items = items or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _invalid(f"{'.'.join(listing.keys)} is not a list of objects")
    total = reply.get("TotalCount")
    return Page(cast(list[T], items), total if isinstance(total, int) else None)


def _invalid(message: str) -> InvalidReplyError:
    return InvalidReplyError(message, http_status=200)
