"""
The pages of a list operation, read to the end.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from chaosfailover.errors import InvalidReplyError

__all__ = ["by_number", "by_token"]

Fetch = Callable[[Mapping[str, Any]], dict[str, Any]]

MAX_PAGES = 1000
READINGS = 2


class Page(NamedTuple):
    """
    The items of one page, and how many the reply says that there are on all pages, if it does.
    """

    items: list[dict[str, Any]]
    total: int | None


def by_token(fetch: Fetch, list_key: str) -> Iterator[dict[str, Any]]:
    """
    Yield the items of all pages that follow one another by `NextToken`.

    A listing that shifts while it is read, or holds fewer items than it counts, is read once more.
    Raises InvalidReplyError when it does so again, when a token comes twice, and when the pages do
    not end.
    """
    yield from _whole(lambda: _tokens(fetch, list_key), list_key)


def by_number(fetch: Fetch, set_key: str, list_key: str) -> Iterator[dict[str, Any]]:
    """
    Yield the items of all pages, counted by `PageNumber`, until `TotalCount` or an empty page.

    A listing that shifts while it is read, or holds fewer items than it counts, is read once more.
    Raises InvalidReplyError when it does so again, when a page repeats the one before, and when
    the pages do not end.
    """
    yield from _whole(lambda: _numbers(fetch, set_key, list_key), list_key)


def _whole(read: Callable[[], Iterator[Page]], list_key: str) -> Iterator[dict[str, Any]]:
    """
    Yield what is read, once it is known to be all: what was missed may be what matters.
    """
    problem = ""
    for _ in range(READINGS):
        pages = list(read())
        if not (problem := _problem(pages)):
            return (item for page in pages for item in page.items)
    raise _invalid(f"{list_key}: {problem}")


def _problem(pages: list[Page]) -> str:
    """
    Return why pages are not the whole of a listing; "" if they are, or if nothing is counted.

    An item that comes twice has moved from one page to the next, and counts once.
    """
    totals = list(dict.fromkeys(page.total for page in pages if page.total is not None))
    count = len({repr(item) for page in pages for item in page.items})
    if len(totals) > 1:
        return f"TotalCount went from {totals[0]} to {totals[1]} while it was read"
    if totals and count < totals[0]:
        return f"TotalCount is {totals[0]}, and {count} of them could be read"
    return ""


def _tokens(fetch: Fetch, list_key: str) -> Iterator[Page]:
    token, seen = "", {""}
    for _ in range(MAX_PAGES):
        reply = fetch({"MaxResults": 100, "NextToken": token or None})
        yield Page(_items(reply, list_key), _total(reply))
        token = reply.get("NextToken") or ""
        if not token:
            return
        if token in seen:
            raise _invalid(f"NextToken {token!r} came twice")
        seen.add(token)
    raise _invalid(f"{list_key} did not end after {MAX_PAGES} pages")


def _numbers(fetch: Fetch, set_key: str, list_key: str) -> Iterator[Page]:
    previous: list[dict[str, Any]] = []
    count = 0
    for number in range(1, MAX_PAGES + 1):
        reply = fetch({"PageNumber": number, "PageSize": 50})
        page = Page(_items(reply, set_key, list_key), _total(reply))
        if page.items and page.items == previous:
            raise _invalid(f"page {number} of {list_key} repeats page {number - 1}")
        yield page
        count += len(page.items)
        if not page.items or count >= (page.total or count + 1):
            return
        previous = page.items
    raise _invalid(f"{list_key} did not end after {MAX_PAGES} pages")


def _items(reply: dict[str, Any], *path: str) -> list[dict[str, Any]]:
    found: Any = reply
    for key in path:
        found = found.get(key) if isinstance(found, dict) else found
    items = found or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _invalid(f"{'.'.join(path)} is not a list of objects")
    return items


def _total(reply: dict[str, Any]) -> int | None:
    total = reply.get("TotalCount")
    return total if isinstance(total, int) else None


def _invalid(message: str) -> InvalidReplyError:
    return InvalidReplyError(message, http_status=200)
