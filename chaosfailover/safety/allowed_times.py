"""
The times at which a live cut may be made: weekly windows, and dates on which nothing is cut.

Clocks that are set forward or back leave times of day that do not exist, or exist twice. A window
that begins or ends at one is the narrower of the two, and a blackout the wider one.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import groupby
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo, available_timezones

from chaosfailover.errors import ArgumentError, close_to

__all__ = ["ALWAYS", "AllowedTimes"]

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY = timedelta(days=1)
HOURS = re.compile(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)", re.ASCII)
LATEST = 24 * 60
WINDOW = "days, hours and a time zone, such as 'Mon-Fri 10:00-16:00 Asia/Shanghai'"
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
BLACKOUT = "a date or two as YYYY-MM-DD, such as 2026-12-24, or {from: 2026-12-24, to: 2027-01-02}"
# Files beside those of the zones: what they mean depends on the machine that reads them.
NO_ZONES = {"localtime", "posixrules", "Factory"}
# Of these, `Etc/GMT+8` exists and is eight hours behind UTC.
OFFSET = re.compile(r"(?:.*/)?(?:GMT|UTC?)[+-]?0*[1-9][\d:]*", re.IGNORECASE | re.ASCII)
LONGEST = 80
# `9999-12-31` means for good; its next day does not exist.
EARLIEST, LATEST_DATE = date(1900, 1, 1), date(9000, 1, 1)
# A date without a zone has begun somewhere 14 hours before UTC, and is over 12 hours after it.
FIRST_ZONE, LAST_ZONE = timedelta(hours=14), timedelta(hours=12)
# Days within which a window is looked for in which the cuts would fit.
NEXT_DAYS = 8


class Span(NamedTuple):
    """
    A span of time: aware UTC instants, or times of day of one zone.
    """

    begins: datetime
    ends: datetime


class Zone(NamedTuple):
    """
    A time zone by its name.
    """

    name: str
    info: tzinfo

    def both(self, at: datetime) -> tuple[datetime, datetime]:
        """
        Return the earliest and the latest instant of a time of day.
        """
        readings = [at.replace(tzinfo=self.info, fold=fold).astimezone(UTC) for fold in (0, 1)]
        return min(readings), max(readings)


@dataclass(frozen=True, slots=True)
class Window:
    """
    A weekly window of a `zone`; minutes count from the midnight with which each of its days begins.
    """

    text: str
    days: frozenset[int]
    begins: int
    ends: int
    zone: Zone

    def on(self, day: date) -> Span:
        """
        Return its span from a day on, in times of day of its zone.
        """
        midnight = datetime.combine(day, time())
        return Span(midnight + _minutes(self.begins), midnight + _minutes(self.ends))


@dataclass(frozen=True, slots=True)
class Blackout:
    """
    Days on which nothing is cut, with both, as they are in each of the `zones`: all without any.
    """

    text: str
    first: date
    last: date
    zones: tuple[Zone, ...]

    @property
    def span(self) -> Span:
        """
        Its instants.
        """
        begins, ends = (datetime.combine(day, time()) for day in (self.first, self.last + DAY))
        if not self.zones:
            everywhere = Span(begins.replace(tzinfo=UTC), ends.replace(tzinfo=UTC))
            return Span(everywhere.begins - FIRST_ZONE, everywhere.ends + LAST_ZONE)
        return Span(
            min(zone.both(begins)[0] for zone in self.zones),
            max(zone.both(ends)[1] for zone in self.zones),
        )


@dataclass(frozen=True, slots=True)
class AllowedTimes:
    """
    The windows, without any of which every time is allowed, and the blackouts.
    """

    windows: tuple[Window, ...] = ()
    blackouts: tuple[Blackout, ...] = ()

    @classmethod
    def parse(cls, windows: Sequence[str], blackouts: Sequence[str]) -> Self:
        """
        Parse windows and blackouts; raises ArgumentError with the value and the expectation.

        A blackout without a zone has those of the windows.
        """
        parsed = tuple(map(_window, windows))
        zones = tuple({window.zone.name: window.zone for window in parsed}.values())
        return cls(parsed, tuple(_blackout(text, zones) for text in blackouts))

    def __bool__(self) -> bool:
        """
        Tell whether there is a time at which nothing may be cut.
        """
        return bool(self.windows or self.blackouts)

    def problem(self, begins: datetime, ends: datetime) -> str:
        """
        Return why a cut that could run from one instant to another is not allowed, or "".
        """
        run = Span(begins.astimezone(UTC), ends.astimezone(UTC))
        reasons = [f"in the blackout {each.text}" for each in self._blackouts(run)]
        if not reasons and not self._contain(run):
            reasons = [f"outside of {' and '.join(window.text for window in self.windows)}"]
        if not reasons:
            return ""
        return f"it could run from {self._shown(run)}, {reasons[0]}{self._next(run)}"

    def _blackouts(self, run: Span) -> list[Blackout]:
        return [
            each
            for each in self.blackouts
            if run.begins < each.span.ends and each.span.begins < run.ends
        ]

    def _contain(self, run: Span) -> bool:
        return not self.windows or any(
            span.begins <= run.begins and run.ends <= span.ends for span in self._spans(run)
        )

    def _next(self, run: Span) -> str:
        """
        Return the end of the sentence: when the cuts would fit.
        """
        length = run.ends - run.begins
        for span in self._spans(run) if self.windows else ():
            begins = max(span.begins, run.begins)
            fits = begins + length <= span.ends
            if fits and not self._blackouts(Span(begins, begins + length)):
                return f"; it would fit from {self._at(begins, '%a %Y-%m-%d %H:%M')} on"
        return ""

    def _spans(self, run: Span) -> list[Span]:
        """
        Return when cuts are allowed around a run and in the days after it, by the windows alone.
        """
        first = run.begins.date() - 2 * DAY
        days = [first + n * DAY for n in range((run.ends.date() - first).days + NEXT_DAYS)]
        by_zone = groupby(sorted(self.windows, key=_zone_name), key=_zone_name)
        return _joined(span for _, group in by_zone for span in _instants([*group], days))

    def _shown(self, run: Span) -> str:
        return f"{self._at(run.begins, '%Y-%m-%d %H:%M')} to {self._at(run.ends, '%Y-%m-%d %H:%M')}"

    def _at(self, instant: datetime, form: str) -> str:
        """
        Return an instant in the first zone, with its UTC offset if that time of day exists twice.
        """
        zones = [each.zone for each in self.windows] or [Zone("UTC", UTC)]
        at = instant.astimezone(zones[0].info)
        is_twice = at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()
        offset = at.isoformat(timespec="minutes")[16:] if is_twice else ""
        return f"{at:{form}}{offset} {zones[0].name}"


ALWAYS = AllowedTimes()
"""Without windows and blackouts."""


def _zone_name(window: Window) -> str:
    return window.zone.name


def _instants(windows: Sequence[Window], days: Iterable[date]) -> Iterator[Span]:
    """
    Yield the spans of windows of one zone as instants.

    Those that touch are joined before: a window that goes on at midnight has no gap there.
    """
    zone = windows[0].zone
    spans = (each.on(day) for day in days for each in windows if day.weekday() in each.days)
    for span in _joined(spans):
        begins, ends = zone.both(span.begins)[1], zone.both(span.ends)[0]
        if begins < ends:
            yield Span(begins, ends)


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.begins <= joined[-1].ends:
            joined[-1] = Span(joined[-1].begins, max(joined[-1].ends, span.ends))
        else:
            joined.append(span)
    return joined


def _window(text: str) -> Window:
    parts = text.rsplit(maxsplit=2)
    hours = HOURS.fullmatch(parts[1]) if len(parts) == 3 else None
    if hours is None:
        raise ArgumentError(f"allowed_windows is {_brief(text)}, expected {WINDOW}")
    begins, ends = (int(hours[n]) * 60 + int(hours[n + 1]) for n in (1, 3))
    if begins >= LATEST or ends > LATEST or begins == ends:
        raise ArgumentError(
            f"allowed_windows is {_brief(text)}: the hours are {parts[1]}, expected from 00:00 to "
            "24:00, as in 00:00-24:00 for whole days, or 22:00-04:00 over midnight"
        )
    ends = ends if ends > begins else ends + LATEST
    return Window(text, _days(parts[0], text), begins, ends, _zone("allowed_windows", parts[2]))


def _days(days: str, text: str) -> frozenset[int]:
    """
    Return the days of a list of days and ranges, which may go over Sunday.
    """
    numbers: set[int] = set()
    for part in days.split(","):
        names = [name.strip().capitalize() for name in part.split("-")]
        if len(names) > 2 or not set(names) <= set(DAYS):
            raise ArgumentError(
                f"allowed_windows is {_brief(text)}: the days are {_brief(days)}, expected "
                f"{', '.join(DAYS)}, in ranges or lists, such as Mon-Thu or Tue,Thu"
            )
        first, last = DAYS.index(names[0]), DAYS.index(names[-1])
        numbers |= {(first + n) % 7 for n in range((last - first) % 7 + 1)}
    return frozenset(numbers)


def _zone(argument: str, name: str) -> Zone:
    if name == "UTC":
        return Zone(name, UTC)
    if OFFSET.fullmatch(name):
        raise ArgumentError(
            f"{argument}: the time zone is {_brief(name)}, expected a place, such as "
            "Asia/Shanghai: the sign of such names is the other way round, as Etc/GMT+8 is UTC-8"
        )
    with suppress(KeyError, ValueError, OSError):
        if name.rpartition("/")[2] not in NO_ZONES:
            return Zone(name, ZoneInfo(name))
    raise ArgumentError(f"{argument}: {_unknown_zone(name)}")


def _unknown_zone(name: str) -> str:
    names = {each for each in available_timezones() - NO_ZONES if not OFFSET.fullmatch(each)}
    if not names:
        return (
            f"the time zone {_brief(name)} cannot be read, since this machine has no time zone "
            "data: install its package tzdata, or run pip install tzdata"
        )
    meant = close_to(name[:LONGEST], names) or ", expected one such as Asia/Shanghai"
    return f"there is no time zone {_brief(name)}{meant}"


def _blackout(text: str, zones: tuple[Zone, ...]) -> Blackout:
    words = text.split()
    try:
        first = last = _date(words[0] if words else "")
        rest = words[1:]
        if rest[:1] == ["to"]:
            last, rest = _date(rest[1]), rest[2:]
    except (ValueError, IndexError):
        raise ArgumentError(f"blackout_dates has {_brief(text)}, expected {BLACKOUT}") from None
    if len(rest) > 1 or last < first:
        raise ArgumentError(
            f"blackout_dates has {_brief(text)}, expected {BLACKOUT}, the first first"
        )
    first, last = max(first, EARLIEST), min(last, LATEST_DATE)
    own = tuple(_zone("blackout_dates", name) for name in rest)
    everywhere = "" if own or zones else ", wherever on Earth that is"
    return Blackout(f"{text}{everywhere}", first, last, own or zones)


def _date(text: str) -> date:
    """
    Return a date; ValueError for other forms, such as a week, which Python reads as its Monday.
    """
    if not DATE.fullmatch(text):
        raise ValueError(text)
    return date.fromisoformat(text)


def _minutes(minutes: int) -> timedelta:
    return timedelta(minutes=minutes)


def _brief(text: str) -> str:
    """
    Return a value as an error shows it: the beginning of a long one.
    """
    return repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")
