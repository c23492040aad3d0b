"""
The settings of a run: the arguments of the control, parsed and checked.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import combinations
from typing import Any, Self

from chaosfailover import arguments
from chaosfailover.errors import ArgumentError, did_you_mean
from chaosfailover.prober.targets import (
    INTERVAL,
    TIMEOUT,
    Target,
    check_visible,
    parse_target,
)
from chaosfailover.report import NO_HOME, PAGES, SUFFIXES, names_home
from chaosfailover.safety.allowed_times import AllowedTimes
from chaosfailover.safety.route_checks import MAX_SURVIVOR_LOAD, RouteRules, SurvivorsBy

__all__ = ["FILES", "Settings"]

# The files of a run besides its journal.
FILES = ("live", "report", "record", "evidence")
# Arguments whose values must fit each other.
TIMES = {"abort_after", "interval", "rto", "targets", "timeout"}

Arguments = Mapping[str, object]
TargetSetting = str | Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Settings:
    """
    The arguments of the control; times are in seconds.

    Rehearsal: `topology`; `minute`, the length of an emulated minute; `upstream`, the user's own
    services (`host:port`) behind services of the topology. Cut: `min_survivors`, the circuits that
    must be left; `survivors_by`, what proves them; `max_survivor_load`, the share of their
    bandwidth that they may have to carry; `allowed_windows` and `blackout_dates`, when a live cut
    may run; `confirm`, to wait for an operator; `restore_timeout`, the time limit for stopping
    tests. Measurement: `targets`, each a URL or a mapping; `interval`,
    `timeout` and `rto`, their defaults; `baseline`, the time to measure before any cut;
    `after_stop`, the time to measure after the last stop. Abort: `abort_after`, the longest outage
    of a target; `abort_when`, the name of a probe of the hypothesis. Files: `report`, whose suffix
    is its format, `record`, `evidence`, a file or a folder, and `live`, a page that is kept fresh.
    """

    topology: str = "dual-circuit"
    minute: float = 60.0
    upstream: Mapping[str, str] = field(default_factory=dict)
    min_survivors: int = 1
    survivors_by: SurvivorsBy = "routes"
    max_survivor_load: float = MAX_SURVIVOR_LOAD
    allowed_windows: tuple[str, ...] = ()
    blackout_dates: tuple[str, ...] = ()
    confirm: bool = False
    restore_timeout: float = 300.0
    targets: Mapping[str, TargetSetting] = field(default_factory=dict)
    interval: float = INTERVAL
    timeout: float = TIMEOUT
    rto: float | None = None
    baseline: float = 2.0
    after_stop: float = 2.0
    abort_after: float | None = None
    abort_when: str | None = None
    report: str | None = None
    record: str | None = None
    evidence: str | None = None
    live: str | None = None

    @classmethod
    def parse(cls, given: Arguments) -> Self:
        """
        Parse the control's arguments; raises ArgumentError with the value and the rule.
        """
        settings = cls._read(given, given)
        settings._check_times()
        return settings

    @classmethod
    def check(cls, given: Arguments) -> None:
        """
        Check what can be checked before the run, when values with `${...}` are unknown.
        """
        literal = {name: value for name, value in given.items() if "${" not in str(value)}
        settings = cls._read(given, literal)
        if not TIMES & (given.keys() - literal.keys()):
            settings._check_times()

    @classmethod
    def of_files(cls, given: Arguments) -> Self:
        """
        Return settings that have only the files, as far as they are right, for a run that is
        refused.
        """
        files: dict[str, Any] = {}
        for name in given.keys() & FILES:
            if "${" in str(given[name]):
                continue
            with contextlib.suppress(ArgumentError):
                files[name] = CHECKS[name](name, given[name])
        settings = cls(**files)
        shared = [name for pair in settings._files_that_are_one() for name in pair]
        none: dict[str, Any] = dict.fromkeys(["evidence", *shared])
        return replace(settings, **none)

    @classmethod
    def _read(cls, given: Arguments, values: Arguments) -> Self:
        _check_names(given)
        _check_abort(given)
        checked: dict[str, Any] = {name: CHECKS[name](name, values[name]) for name in values}
        settings = cls(**checked)
        settings.parsed_targets()
        settings.allowed_times()
        for name, other in settings._files_that_are_one():
            file = getattr(settings, name)
            raise ArgumentError(f"{name} is {file!r}, as {other}: name another file")
        return settings

    def _check_times(self) -> None:
        """
        Refuse an objective or an abort limit that is shorter than a check.
        """
        for target in self.parsed_targets():
            interval, timeout = target.interval or self.interval, target.timeout or self.timeout
            if target.rto is not None:
                check_visible(target, "rto", target.rto, interval, timeout)
            if self.abort_after is not None and self.abort_after < interval + timeout - 1e-9:
                raise ArgumentError(
                    f"abort_after is {self.abort_after:g}, but an outage of target {target.name!r} "
                    f"shows only after its interval of {interval:g} s and its timeout of "
                    f"{timeout:g} s, expected at least {interval + timeout:g}"
                )

    def _files_that_are_one(self) -> Iterator[tuple[str, str]]:
        """
        Yield the arguments whose files would overwrite each other.
        """
        for name, other in combinations(FILES, 2):
            file, same = getattr(self, name), getattr(self, other)
            if file and same and os.path.realpath(file) == os.path.realpath(same):
                yield name, other

    def parsed_targets(self) -> list[Target]:
        """
        Return the targets, each with its own times or those of all; raises ArgumentError.
        """
        return [parse_target(name, self._with_times(value)) for name, value in self.targets.items()]

    def allowed_times(self) -> AllowedTimes:
        """
        Return when a live cut may run; raises ArgumentError.
        """
        return AllowedTimes.parse(self.allowed_windows, self.blackout_dates)

    def route_rules(self) -> RouteRules:
        """
        Return what the routes and the load of the survivors have to be.
        """
        objectives = {
            target.name: target.rto
            for target in self.parsed_targets()
            if target.rto is not None and not (target.external or target.persistent)
        }
        return RouteRules(self.survivors_by, self.min_survivors, self.max_survivor_load, objectives)

    def _with_times(self, value: TargetSetting) -> TargetSetting:
        own = {"url": value} if isinstance(value, str) else value
        times = {"interval": self.interval, "timeout": self.timeout, "rto": self.rto}
        return {**{key: time for key, time in times.items() if time is not None}, **own}


def _check_names(given: Arguments) -> None:
    if unknown := sorted(set(given) - set(CHECKS), key=str):
        meant = did_you_mean(unknown[0], sorted(CHECKS))
        raise ArgumentError(f"the control has no argument {unknown[0]!r}{meant}")


def _check_abort(given: Arguments) -> None:
    for name in ("abort_after", "rto"):
        if name in given and not given.get("targets"):
            raise ArgumentError(f"{name} is {given[name]!r}, but there are no targets to measure")


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ArgumentError(f"{name} is {value!r}, expected a text")
    if "\0" in value:
        raise ArgumentError(f"{name} is {value!r}, expected a text without NUL")
    return value


def _file(name: str, value: object) -> str:
    """
    Return the name of a file; it is empty for none, as an environment variable may be.
    """
    text = "" if value == "" else _text(name, value)
    if "${" in text:
        raise ArgumentError(f"{name} is {text!r}, expected a value for each ${{...}}")
    if names_home(text):
        raise ArgumentError(f"{name} is {text!r}, {NO_HOME}")
    return text


def _report(name: str, value: object) -> str:
    text = _file(name, value)
    if text and not text.lower().endswith(tuple(SUFFIXES)):
        raise ArgumentError(f"{name} is {text!r}, expected a file {' or '.join(SUFFIXES)}")
    return text


def _page(name: str, value: object) -> str:
    text = _file(name, value)
    if text and not text.lower().endswith(PAGES):
        raise ArgumentError(f"{name} is {text!r}, expected a file {' or '.join(PAGES)}")
    if os.path.isdir(text):  # noqa: PTH112 - it raises for no name that cannot be looked up
        raise ArgumentError(f"{name} is {text!r}, which is a folder, expected a file")
    return text


def _count(name: str, value: object) -> int:
    number = arguments.number(value)
    if number is None or not 0 <= number <= arguments.MOST or number != int(number):
        raise ArgumentError(f"{name} is {value!r}, expected a whole number, 0 or more")
    return int(number)


def _survivors_by(name: str, value: object) -> SurvivorsBy:
    if value == "routes" or value == "sessions":
        return value
    raise ArgumentError(f"{name} is {value!r}, expected routes or sessions")


def _windows(name: str, value: object) -> tuple[str, ...]:
    """
    Return windows as texts; without any, which would allow every time, the argument is left out.
    """
    windows = [value] if isinstance(value, str) else value
    if not isinstance(windows, list) or not all(isinstance(each, str) for each in windows):
        raise ArgumentError(f"{name} is {value!r}, expected a text or a list of texts")
    if not any(each.strip() for each in windows):
        raise ArgumentError(
            f"{name} is {value!r}, expected at least one window: leave it out to cut at any time"
        )
    return tuple(windows)


def _blackouts(name: str, value: object) -> tuple[str, ...]:
    """
    Return blackouts as texts, such as `2026-12-24 to 2027-01-02`; without any, the argument is left
    out.
    """
    dates = value if isinstance(value, list) else [value]
    blackouts = tuple(_blackout(name, each) for each in dates)
    if not any(each.strip() for each in blackouts):
        raise ArgumentError(
            f"{name} is {value!r}, expected at least one date: leave it out to cut on any date"
        )
    return blackouts


def _blackout(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping) and {"from", "to"} <= value.keys() <= {"from", "to", "zone"}:
        first, last, zone = (_blackout(name, value.get(key, "")) for key in ("from", "to", "zone"))
        return f"{first} to {last} {zone}".strip()
    raise ArgumentError(
        f"{name} has {value!r}, expected a date such as 2026-12-24, or from and to of one"
    )


def _share(name: str, value: object) -> float:
    share = arguments.number(value)
    if share is None or not 0 < share <= 1:
        raise ArgumentError(f"{name} is {value!r}, expected a number above 0, at most 1")
    return share


def _targets(name: str, value: object) -> Mapping[str, TargetSetting]:
    if not isinstance(value, Mapping):
        raise ArgumentError(f"{name} is {value!r}, expected a mapping of names to URLs")
    for target, setting in value.items():
        if not isinstance(target, str):
            raise ArgumentError(f"{name}: a name is {target!r}, expected text, in quotes")
        if not isinstance(setting, str | Mapping):
            raise ArgumentError(f"{name}: {target} is {setting!r}, expected a URL or a mapping")
    return value


def _upstream(name: str, value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise ArgumentError(
            f"{name} is {value!r}, expected a mapping of services to addresses, "
            "such as {portal: '127.0.0.1:3000'}"
        )
    for service, address in value.items():
        if not isinstance(address, str):
            raise ArgumentError(
                f"{name}.{service} is {address!r}, expected host:port, such as 127.0.0.1:3000"
            )
    return {str(service): address for service, address in value.items()}


CHECKS: dict[str, Callable[[str, object], object]] = {
    "topology": _text,
    "minute": arguments.check_seconds,
    "upstream": _upstream,
    "min_survivors": _count,
    "survivors_by": _survivors_by,
    "max_survivor_load": _share,
    "allowed_windows": _windows,
    "blackout_dates": _blackouts,
    "confirm": arguments.check_switch,
    "restore_timeout": arguments.check_seconds,
    "targets": _targets,
    "interval": arguments.check_seconds,
    "timeout": arguments.check_seconds,
    "rto": arguments.check_seconds,
    "baseline": arguments.check_seconds,
    "after_stop": arguments.check_seconds,
    "abort_after": arguments.check_seconds,
    "abort_when": _text,
    "report": _report,
    "record": _file,
    "evidence": _file,
    "live": _page,
}
