"""
The templates of the reports, and their filters: how values are shown.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from chaosfailover.i18n import message
from chaosfailover.record import Record
from chaosfailover.report import events, flows, network
from chaosfailover.report import formatting as wording
from chaosfailover.report.charts.axis import Axis
from chaosfailover.report.charts.bars import Bar
from chaosfailover.report.charts.part_bars import PartBar
from chaosfailover.report.charts.rto_bars import worst
from chaosfailover.verdict.journal import brief, instant

__all__ = ["environment", "template_text"]

# What Markdown gives a meaning: anywhere, before an address, and where a list would begin.
ACTIVE = re.compile(
    r"[\\`*_{}\[\]<>#|~&!$^]|:(?=//)|(?<=www)\.|^[-+=](?=\s)|(?<=^\d)[.)]|(?<=^\d\d)[.)]"
)
USUAL = ("accepted", "down", "loss", "session", "routes", "recovered")
ROW = re.compile(r"(?=<tr>)")
CELL = re.compile(r"<(td|th)(?=[ >])")
SPAN = re.compile(r'<th [^>]*rowspan="(\d+)"')


def labelled(rows: Markup, heads: Sequence[str]) -> Markup:
    """
    Write into each cell of a table's rows the heading that it stands under, as `data-label`.

    The rows are our own markup, in which whatever comes from outside is escaped; a first cell may
    span several rows.
    """
    return Markup("".join(_labelled(ROW.split(rows), heads)))  # noqa: S704 - it was markup before


def _labelled(rows: Sequence[str], heads: Sequence[str]) -> Iterator[str]:
    spanned = 0
    for row in rows:
        names = iter([head.removeprefix("#") for head in heads[1 if spanned else 0 :]])
        yield CELL.sub(lambda cell, names=names: f'{cell[0]} data-label="{_next(names)}"', row)  # type: ignore[misc]
        begun = SPAN.search(row)
        spanned = int(begun[1]) - 1 if begun else max(0, spanned - (row.startswith("<tr>")))


def _next(names: Iterator[str]) -> Markup:
    return escape(next(names, ""))


def _plain(value: object, limit: int) -> str:
    """
    Write a text as Markdown that shows it as it is: no markup, no link, and nobody is mentioned.
    """
    shown = ACTIVE.sub(r"\\\g<0>", brief(value, limit))
    return shown.replace("@", "@\u200b")


def _span(axis: Axis, bar: Bar) -> str:
    """
    Write when a bar begins and ends: time of day and seconds since the beginning.
    """
    ends = " \u2013 ".join(wording.clock(axis.began, at) for at in (bar.since, bar.until))
    return f"{ends} UTC (+{bar.since:.3f} \u2013 +{bar.until:.3f} s)"


def _so_far(failover: Record | None, t: Callable[..., str]) -> str:
    """
    Write a failover time that may still grow.
    """
    if failover is None or failover["at_most"] is not None:
        return wording.failover(failover)
    least = failover["at_least"]
    return t("now.at_least", least=wording.length(least)) if least else wording.NOTHING


def _forecast(forecast: Record, t: Callable[..., str]) -> str:
    """
    Write a forecast, such as `0.6 s to 3 s`.
    """
    least, most = forecast["least"] or 0.0, forecast["most"]
    if forecast["never"]:
        return t("forecast.never")
    if most is not None:
        return t("forecast.span", least=f"{least:g}", most=f"{most:g}")
    return t("forecast.or_more", least=f"{least:g}") if least else t("forecast.not_known")


def _part(part: Record, bar: PartBar, t: Callable[..., str]) -> str:
    """
    Write a part, such as `detection and recovery` with its length and its forecast.
    """
    key = "part.forecast" if part["forecast"] else "part.shown"
    forecast = _forecast(part["forecast"], t) if part["forecast"] else ""
    return t(key, name=_name(part, bar, t), bounds=wording.bounds(part), forecast=forecast)


def _name(part: Record, bar: PartBar, t: Callable[..., str]) -> str:
    """
    Write what a part is: on the way there, if its instants came in their usual order, else its end.

    It has all that usually comes meanwhile, save a loss that divides nothing.
    """
    begins, ends = part["begins"], part["ends"]
    if bar.way == "there" and all(USUAL.index(begins) < USUAL.index(name) for name in ends):
        within = USUAL[USUAL.index(begins) + 1 : USUAL.index(ends[-1]) + 1]
        return _listed((t(f"part.{each}") for each in within if each != "loss" or each in ends), t)
    if (begins, ends) == ("loss", ["reverted"]):
        return t("part.reverted")
    return t("part.until", names=_listed((t(f"instant.{bar.way}.{name}") for name in ends), t))


def _listed(names: Iterable[str], t: Callable[..., str]) -> str:
    *others, last = names
    return t("part.and").join([t("part.comma").join(others), last] if others else [last])


def _unseen(bar: PartBar, t: Callable[..., str]) -> str:
    return t("part.comma").join(t(f"instant.{bar.way}.{name}") for name in bar.unseen)


def _vague(bar: PartBar, t: Callable[..., str]) -> str:
    """
    Write when that was which divides nothing: seconds after the request or the stop.
    """
    return t("part.comma").join(
        t("part.shown", name=t(f"instant.{bar.way}.{name}"), bounds=wording.bounds(length))
        for name, length in bar.unplaced.items()
    )


def _parts(run: Record) -> list[Record]:
    """
    Return the ranges of time worth a button: each cut with its way back.
    """
    axis: Axis = run["timeline"].axis
    parts = []
    for test in run["record"]["tests"]:
        since, until = instant(test["cut_at"]), instant(test["stop_at"])
        if since:
            low = axis.seconds(since)
            high = axis.seconds(until) if until else axis.duration
            room = 0.1 * (high - low)
            ends = {"since": round(low - room, 3), "until": round(high + room, 3)}
            parts.append({"test": brief(test["test"], 40), **ends})
    return parts


FILTERS: Mapping[str, Callable[..., Any]] = {
    "amount": lambda value: wording.NOTHING if value is None else f"{value:.0f}",
    "basis": network.basis,
    "bounds": wording.bounds,
    "brief": brief,
    "cell": lambda value, limit: wording.isolate(_plain(value, limit)),
    "connection": flows.connection,
    "connections": flows.connections,
    "day": wording.day,
    "detail": events.fields,
    "told": events.sentence,
    "failover": wording.failover,
    "forecast": _forecast,
    "labelled": labelled,
    "length": wording.length,
    "lost_of": flows.lost,
    "mode": lambda modes, t: " + ".join(t(f"mode.name.{mode}") for mode in modes.split(" + ")),
    "moment": lambda axis, at: f"{wording.clock(axis.began, at)} UTC (+{at:.3f} s)",
    "moved": network.moved,
    "ms": wording.milliseconds,
    "part": _part,
    "parts": _parts,
    "plain": _plain,
    "pause": wording.pause,
    "percent": wording.percent,
    "second": wording.second,
    "rate": lambda value: wording.NOTHING if value is None else f"{value:.1f}",
    "so_far": _so_far,
    "span": _span,
    "time": wording.time_of_day,
    "by_direction": flows.by_direction,
    "way": network.way,
    "unseen": _unseen,
    "vague": _vague,
    "verdict": wording.verdict,
    "when": wording.when,
    "worst": worst,
}


@cache
def environment(language: str, *, markup: bool = True) -> Environment:
    """
    Return the Jinja2 environment whose `t` speaks a language; an unknown name is an error.

    Of `markup`, what comes from outside is escaped. It is the same each time, since it is slow to
    compile a template.
    """
    made = Environment(
        loader=FunctionLoader(template_text),
        autoescape=markup,  # noqa: S701 - Markdown is escaped by the filters `cell` and `plain`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.update(
        t=lambda key, **values: message(key, language, **values),
        language=language,
        nothing=wording.NOTHING,
    )
    made.filters.update(FILTERS, check=partial(wording.check_name, language=language))
    return made


@cache
def template_text(name: str) -> str:
    """
    Return one of the package's templates.
    """
    file = resources.files("chaosfailover.report") / "templates" / name
    return file.read_text(encoding="utf-8")
