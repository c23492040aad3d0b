"""
What templates do with values before they show them.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from chaosfailover.journals import brief, instant
from chaosfailover.report import wording
from chaosfailover.report.axis import Axis
from chaosfailover.report.bars import Bar
from chaosfailover.report.labels import labelled
from chaosfailover.report.recovery_bars import worst

__all__ = ["FILTERS"]

Document = Mapping[str, Any]


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


def _detail(event: Document) -> str:
    """
    Write what an event says besides its instant and kind.
    """
    more = {key: value for key, value in event.items() if key not in ("at", "kind")}
    return ", ".join(
        f"{key} {value if isinstance(value, str) else json.dumps(value, default=str)}"
        for key, value in more.items()
        if value is not None
    )


def _parts(run: Document) -> list[dict[str, Any]]:
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
