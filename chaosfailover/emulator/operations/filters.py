"""
Filters and pages of the Describe operations.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from chaosfailover.emulator.error_codes import illegal, refuse
from chaosfailover.emulator.operations.parameters import Arguments, Filter, Tag
from chaosfailover.emulator.resources import Resource

__all__ = [
    "Getters",
    "filtered",
    "matching",
    "numbered_page",
    "tagged",
    "token_for",
    "token_page",
    "token_value",
]

T = TypeVar("T")
Getters = Mapping[str, Callable[[T], Iterable[object]]]
"""
Filter key -> how to get an item's values.
"""


def filtered(
    items: Iterable[T], filters: Sequence[Filter], getters: Getters[T], *, fuzzy: bool = False
) -> list[T]:
    """
    Return the items that match every filter; the values of a filter are alternatives.

    Keys without a getter are refused. Case is ignored, as the documentation filters on `Active`
    and shows `active`. With `fuzzy`, filters on names match parts of them.
    """
    if any(key not in getters for key, _ in filters):
        raise refuse("InvalidFilterKey.ValueNotSupported")
    conditions = [
        (getters[key], {value.lower() for value in values}, fuzzy and key.endswith("Name"))
        for key, values in filters
    ]
    return [
        item
        for item in items
        if all(_matches(get(item), values, part=part) for get, values, part in conditions)
    ]


def _matches(own: Iterable[object], alternatives: set[str], *, part: bool) -> bool:
    texts = [str(each).lower() for each in own]
    if part:
        return any(value in text for value in alternatives for text in texts)
    return not alternatives.isdisjoint(texts)


def matching(
    documents: Iterable[Mapping[str, object]], arguments: Arguments, names: Iterable[str]
) -> list[Mapping[str, object]]:
    """
    Return the documents whose fields equal the arguments of the same names that are given.
    """
    asked = {name: value for name, value in arguments.items() if name in names and value}
    return [each for each in documents if asked.items() <= each.items()]


def tagged(items: Iterable[Resource], tags: Sequence[Tag]) -> list[Resource]:
    """
    Return the resources that carry all tags; a tag without a value matches by its key.
    """

    def has(resource: Resource, key: str, value: str | None) -> bool:
        return key in resource.tags and value in (None, "", resource.tags[key])

    return [item for item in items if all(has(item, key, value) for key, value in tags)]


def numbered_page(items: Sequence[T], arguments: Arguments) -> tuple[Sequence[T], dict[str, int]]:
    """
    Return the page that PageNumber and PageSize name, and the counts of the reply.
    """
    number, size = arguments.get("PageNumber", 1), arguments.get("PageSize", 10)
    counts = {"PageNumber": number, "PageSize": size, "TotalCount": len(items)}
    return items[(number - 1) * size : number * size], counts


def token_page(
    items: Sequence[T], arguments: Arguments, size: int, *, empty: bool = False
) -> tuple[Sequence[T], dict[str, object]]:
    """
    Return the page of `size` items that NextToken continues with, and its fields in the reply.

    `empty` is whether the last page has an empty NextToken instead of none.
    """
    token = arguments.get("NextToken")
    first = token_value(token) if token else 0
    fields: dict[str, object] = {"TotalCount": len(items)}
    if first + size < len(items):
        fields["NextToken"] = token_for(first + size)
    elif empty:
        fields["NextToken"] = ""
    return items[first : first + size], fields


def token_for(number: int) -> str:
    """
    Make the NextToken that continues after the job or item with this number.
    """
    return base64.urlsafe_b64encode(b"after %d" % number).decode()


def token_value(token: str) -> int:
    """
    Read a NextToken; foreign tokens are refused.
    """
    try:
        word, number = base64.b64decode(token, b"-_", validate=True).split()
        if word == b"after" and number.isdigit() and len(number) < 19:
            return int(number)
    except (ValueError, binascii.Error):
        pass
    raise illegal("NextToken")
