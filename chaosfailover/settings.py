"""
The arguments of the control, read and checked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from chaosfailover import arguments
from chaosfailover.errors import ArgumentError
from chaosfailover.targets import INTERVAL, TIMEOUT, Target, parse_target

__all__ = ["Settings"]

REPORT_SUFFIXES = (".html", ".md", ".json", ".xml")


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What an experiment asks of the control; times are in seconds.

    For rehearsals only: `topology`, and `minute`, how long an emulated minute lasts. Of the cut:
    `min_survivors`, the circuits that must be left; `confirm`, to wait for an operator; and
    `restore_timeout`, how long to try to stop what runs. Of the measurement: `targets`, each a URL
    or a mapping, their `interval`, `timeout` and `rto`; `baseline`, how long to measure before
    anything may be cut; and `after_stop`, how long to go on once the last test has stopped. Of the
    abort: `abort_after`, the longest outage of a target, and `abort_when`, the name of a probe of
    the experiment. Files to write at the end: `report`, whose suffix says of which kind, and
    `record`, JSON.
    """

    topology: str = "dual-circuit"
    minute: float = 60.0
    min_survivors: int = 1
    confirm: bool = False
    restore_timeout: float = 300.0
    targets: Mapping[str, Any] = field(default_factory=dict)
    interval: float = INTERVAL
    timeout: float = TIMEOUT
    rto: float | None = None
    baseline: float = 2.0
    after_stop: float = 2.0
    abort_after: float | None = None
    abort_when: str | None = None
    report: str | None = None
    record: str | None = None

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """
        Read the control's arguments; raise ArgumentError that names the value and the rule.
        """
        _check_names(given)
        checked: dict[str, Any] = {name: CHECKS[name](name, given[name]) for name in given}
        settings = cls(**checked)
        settings.parsed_targets()
        return settings

    @classmethod
    def check(cls, given: Mapping[str, Any]) -> None:
        """
        Check what can be checked before the run, when a value with `${...}` is not known yet.
        """
        _check_names(given)
        cls.parse({name: value for name, value in given.items() if "${" not in str(value)})

    def parsed_targets(self) -> list[Target]:
        """
        Return the targets, each with its own `rto` or that of all; raises ArgumentError.
        """
        return [parse_target(name, self._with_rto(value)) for name, value in self.targets.items()]

    def _with_rto(self, value: Any) -> Any:
        if self.rto is None:
            return value
        return {"rto": self.rto, **({"url": value} if isinstance(value, str) else value)}


def _check_names(given: Mapping[str, Any]) -> None:
    if unknown := sorted(set(given) - set(CHECKS)):
        expected = ", ".join(sorted(CHECKS))
        raise ArgumentError(f"the control has no argument {unknown[0]!r}, expected {expected}")


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ArgumentError(f"{name} is {value!r}, expected a text")
    return value


def _file(name: str, value: Any) -> str:
    """
    Read the name of a file; an empty one, as a setting of the environment may be, is none.
    """
    return "" if value == "" else _text(name, value)


def _report(name: str, value: Any) -> str:
    text = _text(name, value)
    if not text.lower().endswith(REPORT_SUFFIXES):
        raise ArgumentError(f"{name} is {text!r}, expected a file {' or '.join(REPORT_SUFFIXES)}")
    return text


def _seconds(name: str, value: Any) -> float:
    seconds = arguments.number(value)
    if seconds is None or seconds <= 0:
        raise ArgumentError(f"{name} is {value!r}, expected a number of seconds above 0")
    return seconds


def _count(name: str, value: Any) -> int:
    number = arguments.number(value)
    if number is None or number < 0 or number != int(number):
        raise ArgumentError(f"{name} is {value!r}, expected a whole number, 0 or more")
    return int(number)


def _switch(name: str, value: Any) -> bool:
    words = {"true": True, "false": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    if not isinstance(value, bool):
        raise ArgumentError(f"{name} is {value!r}, expected true or false")
    return value


def _targets(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ArgumentError(f"{name} is {value!r}, expected a mapping of names to URLs")
    for target, setting in value.items():
        if not isinstance(setting, str | Mapping):
            raise ArgumentError(f"{name}: {target} is {setting!r}, expected a URL or a mapping")
    return value


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "topology": _text,
    "minute": _seconds,
    "min_survivors": _count,
    "confirm": _switch,
    "restore_timeout": _seconds,
    "targets": _targets,
    "interval": _seconds,
    "timeout": _seconds,
    "rto": _seconds,
    "baseline": _seconds,
    "after_stop": _seconds,
    "abort_after": _seconds,
    "abort_when": _text,
    "report": _report,
    "record": _file,
}
