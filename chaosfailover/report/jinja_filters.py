"""
The filters of the templates: how values are shown.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from chaosfailover.record import Record
from chaosfailover.report import formatting as wording
from chaosfailover.report.charts.axis import Axis
from chaosfailover.report.charts.bars import Bar
from chaosfailover.report.charts.rto_bars import worst
from chaosfailover.verdict.journal import brief, instant

__all__ = ["FILTERS", "labelled"]

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


def _amount(value: float | None) -> str:
    return wording.NOTHING if value is None else f"{value:.0f}"


def _span(axis: Axis, bar: Bar) -> str:
    """
    Write when a bar begins and ends: time of day and seconds since the beginning.
    """
    ends = " \u2013 ".join(wording.clock(axis.began, at) for at in (bar.since, bar.until))
    return f"{ends} UTC (+{bar.since:.3f} \u2013 +{bar.until:.3f} s)"


def _moment(axis: Axis, at: float) -> str:
    return f"{wording.clock(axis.began, at)} UTC (+{at:.3f} s)"


def _detail(event: Record) -> str:
    """
    Write the fields of an event besides its instant and kind.
    """
    more = {key: value for key, value in event.items() if key not in ("at", "kind")}
    return ", ".join(
        f"{key} {value if isinstance(value, str) else json.dumps(value, default=str)}"
        for key, value in more.items()
        if value is not None
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
    "amount": _amount,
    "bounds": wording.bounds,
    "brief": brief,
    "day": wording.day,
    "detail": _detail,
    "failover": wording.failover,
    "labelled": labelled,
    "length": wording.length,
    "moment": _moment,
    "ms": wording.milliseconds,
    "parts": _parts,
    "percent": wording.percent,
    "span": _span,
    "time": wording.time_of_day,
    "when": wording.when,
    "worst": worst,
}
