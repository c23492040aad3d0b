"""
Filters and pages of the Describe operations.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from chaosfailover.emulator.parameters import Filter
from chaosfailover.emulator.refusals import illegal, refuse
from chaosfailover.emulator.resources import Resource

__all__ = ["kept", "numbered_page", "tagged", "token_for", "token_value"]

T = TypeVar("T")
Getters = Mapping[str, Callable[[T], Iterable[Any]]]


def kept(
    items: Iterable[T], filters: Sequence[Filter], getters: Getters[T], *, fuzzy: bool = False
) -> list[T]:
    """
    Return the items that meet every filter; a filter's values are alternatives.

    `getters` give an item's values by filter key; any other key is refused. Case is ignored, as
    the documentation itself filters on `Active` and shows `active`. With `fuzzy`, a part of a name
    is enough.
    """
    if any(key not in getters for key, _ in filters):
        raise refuse("InvalidFilterKey.ValueNotSupported")
    wanted = [
        (getters[key], {value.lower() for value in values}, fuzzy and key.endswith("Name"))
        for key, values in filters
    ]
    return [
        item
        for item in items
        if all(_meets(get(item), values, part=part) for get, values, part in wanted)
    ]


def _meets(own: Iterable[Any], wanted: set[str], *, part: bool) -> bool:
    texts = [str(each).lower() for each in own]
    if part:
        return any(value in text for value in wanted for text in texts)
    return not wanted.isdisjoint(texts)


def tagged(items: Iterable[Resource], tags: Sequence[tuple[str, str | None]]) -> list[Resource]:
    """
    Return the resources that carry all tags; a tag without a value matches by its key.
    """

    def has(resource: Resource, key: str, value: str | None) -> bool:
        own: Mapping[str, str] = resource.fields.get("Tags", {})
        return key in own and value in (None, "", own[key])

    return [item for item in items if all(has(item, key, value) for key, value in tags)]


def numbered_page(
    items: Sequence[T], arguments: Mapping[str, Any]
) -> tuple[Sequence[T], dict[str, int]]:
    """
    Cut a page by PageNumber and PageSize; returns it and the counts of the reply.
    """
    number, size = arguments.get("PageNumber", 1), arguments.get("PageSize", 10)
    counts = {"PageNumber": number, "PageSize": size, "TotalCount": len(items)}
    return items[(number - 1) * size : number * size], counts


def token_for(number: int) -> str:
    """
    Make the NextToken that continues after the job of this number.
    """
    return base64.urlsafe_b64encode(b"after %d" % number).decode()


def token_value(token: str) -> int:
    """
    Read a NextToken; one that was not made here is refused.
    """
    try:
        word, number = base64.b64decode(token, b"-_", validate=True).split()
        if word == b"after" and number.isdigit() and len(number) < 19:
            return int(number)
    except (ValueError, binascii.Error):
        pass
    raise illegal("NextToken")
