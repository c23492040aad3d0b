"""
Writes instants, lengths and texts from outside for readers.
"""

import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime

from chaosfailover.i18n import message, words
from chaosfailover.record import Record
from chaosfailover.verdict.journal import instant

__all__ = [
    "bounds",
    "check_name",
    "clock",
    "day",
    "isolate",
    "length",
    "milliseconds",
    "pause",
    "percent",
    "second",
    "time_of_day",
    "verdict",
    "when",
]

NOTHING = "\u2013"
ENDLESS = "\u221e"


def verdict(word: str, t: Callable[..., str], *, sound: bool) -> str:
    """
    Write a verdict; that of a run whose record is not `sound` is not verified.
    """
    shown = t(f"verdict.{word}")
    return shown if sound else t("verdict.unverified", verdict=shown)


def when(value: str | None) -> str:
    """
    Write an instant as date and time of day, UTC, to the millisecond.
    """
    at = instant(value)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}Z" if at else NOTHING


def time_of_day(value: str | None) -> str:
    """
    Write the time of day of an instant, UTC, to the millisecond.
    """
    at = instant(value)
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}Z" if at else NOTHING


def day(value: str | None) -> str:
    """
    Write an instant as date, hour and minute, UTC.
    """
    at = instant(value)
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else NOTHING


def second(at: datetime) -> str:
    """
    Write the time of day of an instant, UTC, to the second.
    """
    return f"{at:%H:%M:%S}Z"


def pause(seconds: int) -> str:
    """
    Write whole seconds as a clock does, such as `4:59` or `1:00:00`.
    """
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def clock(began: datetime, seconds: float) -> str:
    """
    Write the time of day, UTC, some seconds after an instant, to the millisecond.
    """
    at = datetime.fromtimestamp(began.timestamp() + seconds, UTC)
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"


def length(value: float | None, missing: str = NOTHING) -> str:
    """
    Write seconds: to the millisecond, and from two minutes on in larger units.
    """
    if value is None:
        return missing
    if value < 120:
        return f"{value:.3f}".rstrip("0").rstrip(".") + " s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def bounds(value: Record | None) -> str:
    """
    Write a length that lies between two numbers; an open end is infinite.
    """
    if value is None or value.get("at_least") is None:
        return NOTHING
    return f"{length(value['at_least'])} \u2013 {length(value.get('at_most'), ENDLESS)}"


def failover(value: Record | None) -> str:
    """
    Write the failover time of a recovery, which has none where nothing was lost.
    """
    return "0 s" if value is None else bounds(value)


def milliseconds(value: float | None) -> str:
    """
    Write a round trip.
    """
    return NOTHING if value is None else f"{value * 1000:.3g} ms"


def percent(value: float | None) -> str:
    """
    Write a share, rounded down: a loss must not disappear.
    """
    return NOTHING if value is None else f"{int(value * 100_000) / 1000:.3f} %"


def check_name(name: str, language: str) -> str:
    """
    Write a preflight check, such as `drill: survivors`, in a language; an unknown one as it is.
    """
    names = words(language, "check")
    target = names.pop("target")
    test, colon, kind = name.rpartition(": ")
    if kind in names and colon:
        return message("part.shown", language, name=test, bounds=names[kind])
    if name.startswith("target "):
        return target.format(name=name.removeprefix("target "))
    return names.get(name, name)


def isolate(value: object) -> str:
    """
    Keep a right-to-left text from reversing the text around it.
    """
    shown = str(value)
    turns = any(unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in shown)
    return f"\u2068{shown}\u2069" if turns else shown
