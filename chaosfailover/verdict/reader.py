"""
Reads the objects of a journal: what is missing is absent, what is misshapen is noted as damage.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import datetime
from functools import cache
from math import inf
from typing import TypeVar, cast, get_args, get_type_hints

from chaosfailover.outages.outage import Length
from chaosfailover.verdict.values import instant, mapping, number, text

__all__ = ["Reader"]

Value = TypeVar("Value")


class Reader:
    """
    One object of the journal. What is missing reads as absent, what is misshapen is noted as well.
    """

    __slots__ = ("_at", "damage", "members")

    def __init__(self, value: object, at: str, damage: list[str]) -> None:
        self._at, self.damage = at, damage
        self.members: Mapping[str, object] = mapping(value)
        if value is not None and not isinstance(value, Mapping):
            damage.append(at or "the whole")

    @property
    def present(self) -> bool:
        """
        Whether there is such an object, with anything in it.
        """
        return bool(self.members)

    def place(self, key: object) -> str:
        """
        Return the place of a member, such as `failover.targets.portal`.
        """
        return f"{self._at}.{key}" if self._at else str(key)

    def note(self, key: str) -> None:
        """
        Note a member as damaged.
        """
        self.damage.append(self.place(key))

    def section(self, key: str) -> "Reader":
        """
        Return an object within this one.
        """
        return Reader(self.members.get(key), self.place(key), self.damage)

    def document(self, kind: Callable[..., Value], **others: object) -> Value:
        """
        Return a dataclass whose fields are members of this object, read by their types.

        A field named `fields` is all of them. `others` are the fields that need more than that.
        """
        types = _types(kind)
        own = {key: self._field(key, types[key]) for key in types if key not in others}
        return kind(**own, **others)

    def _field(self, key: str, kind: object) -> object:
        if key == "fields":
            return self.members
        if read := READERS.get(kind):
            return read(self, key)
        if is_dataclass(kind):
            return self.section(key).document(cast("type[object]", kind))
        return [each.document(get_args(kind)[0]) for each in self.sections(key)]

    def named(self, key: str) -> "dict[str, Reader]":
        """
        Return the objects of an object, by their names.
        """
        outer = self.section(key)
        return {text(name): outer.section(name) for name in outer.members}

    def items(self, key: str) -> Sequence[object]:
        """
        Return the items of a list.
        """
        value = self.members.get(key)
        if isinstance(value, list | tuple):
            return value
        if value is not None:
            self.note(key)
        return ()

    def sections(self, key: str) -> "list[Reader]":
        """
        Return the objects of a list.
        """
        place = self.place(key)
        readers = [
            (item, Reader(item, f"{place}[{at}]", self.damage))
            for at, item in enumerate(self.items(key))
        ]
        return [reader for item, reader in readers if isinstance(item, Mapping)]

    def texts(self, key: str) -> tuple[str, ...]:
        """
        Return the items of a list as texts.
        """
        return tuple(text(item) for item in self.items(key))

    def text(self, *keys: str) -> str:
        """
        Return the first of some values that is not empty, as text.
        """
        return next((text(value) for key in keys if (value := self.members.get(key))), "")

    def number(self, key: str) -> float | None:
        """
        Return a number.
        """
        return self._noted(key, number(self.members.get(key)))

    def instant(self, key: str) -> datetime | None:
        """
        Return an ISO 8601 instant.
        """
        return self._noted(key, instant(self.members.get(key)))

    def flag(self, key: str) -> bool | None:
        """
        Return a boolean.
        """
        value = self.members.get(key)
        return self._noted(key, value if isinstance(value, bool) else None)

    def length(self, key: str) -> Length | None:
        """
        Return a length between two bounds; one that cannot be read may be of any length.
        """
        if self.members.get(key) is None:
            return None
        reader = self.section(key)
        return Length(reader.number("at_least") or 0.0, reader.bound("at_most"))

    def bound(self, key: str) -> float:
        """
        Return seconds that may be unknown, which counts as infinite.
        """
        seconds = self.number(key)
        return inf if seconds is None else seconds

    def _noted(self, key: str, value: Value | None) -> Value | None:
        if value is None and self.members.get(key) is not None:
            self.note(key)
        return value


@cache
def _types(kind: Callable[..., object]) -> Mapping[str, object]:
    return get_type_hints(kind)


READERS: Mapping[object, Callable[[Reader, str], object]] = {
    str: Reader.text,
    bool: lambda reader, key: reader.flag(key) is True,
    float: Reader.bound,
    float | None: Reader.number,
    bool | None: Reader.flag,
    datetime: Reader.instant,
    datetime | None: Reader.instant,
    Length | None: Reader.length,
    tuple[str, ...]: Reader.texts,
    Mapping[str, object]: lambda reader, key: reader.section(key).members,
    Mapping[str, str]: lambda reader, key: {
        text(name): text(value) for name, value in reader.section(key).members.items()
    },
    Mapping[str, float | None]: lambda reader, key: {
        text(name): reader.section(key).number(name) for name in reader.section(key).members
    },
}
"""How a field of a dataclass is read, by its type."""
