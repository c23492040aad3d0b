"""
The pages of a list operation, read to the end.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chaosfailover.errors import InvalidReplyError

__all__ = ["by_number", "by_token"]

Fetch = Callable[[Mapping[str, Any]], dict[str, Any]]

MAX_PAGES = 1000


def by_token(fetch: Fetch, list_key: str) -> Iterator[dict[str, Any]]:
    """
    Yield the items of all pages that follow one another by `NextToken`.

    Raises InvalidReplyError when a token comes twice or the pages do not end.
    """
    token, seen, count = "", {""}, 0
    for _ in range(MAX_PAGES):
        reply = fetch({"MaxResults": 100, "NextToken": token or None})
        items = _items(reply, list_key)
        yield from items
        count += len(items)
        token = reply.get("NextToken") or ""
        if not token:
            return _require_counted(reply, count)
        if token in seen:
            raise _invalid(f"NextToken {token!r} came twice")
        seen.add(token)
    raise _invalid(f"{list_key} did not end after {MAX_PAGES} pages")


def by_number(fetch: Fetch, set_key: str, list_key: str) -> Iterator[dict[str, Any]]:
    """
    Yield the items of all pages, counted by `PageNumber`, until `TotalCount` or an empty page.

    Raises InvalidReplyError when a page repeats the one before or the pages do not end.
    """
    previous: list[dict[str, Any]] = []
    count = 0
    for number in range(1, MAX_PAGES + 1):
        reply = fetch({"PageNumber": number, "PageSize": 50})
        items = _items(reply, set_key, list_key)
        if items and items == previous:
            raise _invalid(f"page {number} of {list_key} repeats page {number - 1}")
        yield from items
        count += len(items)
        if not items or count >= (_total(reply) or count + 1):
            return _require_counted(reply, count)
        previous = items
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


def _require_counted(reply: dict[str, Any], count: int) -> None:
    """
    Refuse a reply that counts items and lists none: "no test is running" must not rest on it.
    """
    total = _total(reply)
    if total and not count:
        raise _invalid(f"TotalCount is {total}, but nothing is listed")


def _invalid(message: str) -> InvalidReplyError:
    return InvalidReplyError(message, http_status=200)
