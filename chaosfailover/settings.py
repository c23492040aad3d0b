"""
The arguments of the control, read and checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from chaosfailover import arguments
from chaosfailover.errors import ArgumentError

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What an experiment asks of the control.

    `topology` and `minute` (seconds that an emulated minute lasts) are for rehearsals only;
    `restore_timeout` is in seconds.
    """

    topology: str = "dual-circuit"
    minute: float = 60.0
    restore_timeout: float = 300.0

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """
        Read the control's arguments; raise ArgumentError that names the value and the rule.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(given) - known):
            raise ArgumentError(
                f"the control has no argument {unknown[0]!r}, expected {', '.join(sorted(known))}"
            )
        checked: dict[str, Any] = {name: CHECKS[name](name, given[name]) for name in given}
        return cls(**checked)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ArgumentError(f"{name} is {value!r}, expected a text")
    return value


def _seconds(name: str, value: Any) -> float:
    seconds = arguments.number(value)
    if seconds is None or seconds <= 0:
        raise ArgumentError(f"{name} is {value!r}, expected a number of seconds above 0")
    return seconds


CHECKS = {
    "topology": _text,
    "minute": _seconds,
    "restore_timeout": _seconds,
}
