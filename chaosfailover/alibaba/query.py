"""
The parameters of an operation, in the form that is sent.
"""

from collections.abc import Iterator, Mapping, Sequence

from chaosfailover.errors import ArgumentError

__all__ = ["Filters", "conditions", "flattened", "texts"]

Filters = Mapping[str, Sequence[str]]


def flattened(parameters: Mapping[str, object]) -> dict[str, str]:
    """
    Write nested parameters as `Filter.1.Value.2`; None and empty lists vanish (API reference 6.4).
    """
    return dict(_leaves("", parameters))


def texts(name: str, items: Sequence[str]) -> list[str]:
    """
    Return a list that can be sent; raises ArgumentError for an empty one and for a bare string.
    """
    if isinstance(items, str) or not items:
        raise ArgumentError(f"{name} is {items!r}, expected a list of one or more strings")
    return list(items)


def conditions(filters: Filters | None) -> list[dict[str, object]]:
    """
    Write `{"JobStatus": ["Init", "Testing"]}` as the API's list of keys and values.
    """
    return [
        {"Key": key, "Value": texts(f"filter {key}", values)}
        for key, values in (filters or {}).items()
    ]


def _leaves(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping | list | tuple):
        children = value.items() if isinstance(value, Mapping) else enumerate(value, start=1)
        for key, child in children:
            yield from _leaves(f"{path}.{key}" if path else str(key), child)
    elif value is not None:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)
