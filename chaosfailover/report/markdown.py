"""
The Markdown report: short enough for a pull request or a chat.
"""

import re
from collections.abc import Sequence

from chaosfailover.i18n import message
from chaosfailover.record import Record
from chaosfailover.report import formatting as wording
from chaosfailover.report.campaign import places
from chaosfailover.report.charts import rto_bars
from chaosfailover.report.view import RunView, mode_of, verdict_of
from chaosfailover.verdict.journal import brief

__all__ = ["render_markdown"]

MOST_ROWS = 20
SIGNS = {"held": "\u2705", "deviated": "\u274c", "aborted": "\u26d4", "inconclusive": "\u2754"}
# What Markdown gives a meaning: anywhere, before an address, and where a list would begin.
ACTIVE = re.compile(
    r"[\\`*_{}\[\]<>#|~&!$^]|:(?=//)|(?<=www)\.|^[-+=](?=\s)|(?<=^\d)[.)]|(?<=^\d\d)[.)]"
)


def render_markdown(views: Sequence[RunView], language: str) -> str:
    """
    Render the verdicts, their reasons and the recoveries.
    """
    parts = [_run(view, language) for view in views]
    if len(views) > 1:
        parts.insert(0, _campaign(views, language))
    return "\n".join(parts)


def _campaign(views: Sequence[RunView], language: str) -> str:
    head = _head(message("ui.campaign", language), verdict_of(views), mode_of(views), language)
    return f"{head}\n{_regions(views, language)}\n{_runs(views, language)}"


def _regions(views: Sequence[RunView], language: str) -> str:
    rows = [
        [
            _escape(place.account_id or wording.NOTHING, 40),
            _escape(place.region_id or wording.NOTHING, 40),
            _verdict(place.verdict, language),
            place.mode,
            message("ui.held_of", language, held=place.held, count=place.runs),
            wording.failover(place.worst.recovery["failover"]) if place.worst else wording.NOTHING,
            wording.length(place.worst.recovery["rto"]) if place.worst else wording.NOTHING,
        ]
        for place in places(views)
    ]
    keys = ("account", "region", "verdict", "mode", "runs", "worst_failover", "rto")
    return _table([message(f"ui.{key}", language) for key in keys], rows)


def _runs(views: Sequence[RunView], language: str) -> str:
    rows = [
        [
            _escape(view.title, 80),
            _verdict(view.verdict, language),
            view.mode,
            _escape(view.record["place"]["region_id"] or wording.NOTHING, 40),
            wording.day(view.record["period"]["began"]),
        ]
        for view in views
    ]
    keys = ("run", "verdict", "mode", "region", "began")
    return _table([message(f"ui.{key}", language) for key in keys], rows)


def _run(view: RunView, language: str) -> str:
    record = view.record
    title = _escape(view.title or message("ui.untitled", language), 200)
    lines = [_head(title, view.verdict, view.mode, language)]
    lines += [f"> \u26a0\ufe0f {_plain(notice, 400)}\n" for notice in view.notices]
    lines += [f"- {_plain(reason, 400)}" for reason in view.reasons[:MOST_ROWS]]
    if (hidden := len(view.reasons) - MOST_ROWS) > 0:
        lines.append(f"- {message('ui.more', language, count=hidden)}")
    lines += ["", _where(record, language), ""]
    if record["recoveries"]:
        lines.append(_recoveries(record, language))
    lines.append(f"`SHA-256 {record['sha256']}`\n")
    return "\n".join(lines)


def _head(title: str, verdict: str, mode: str, language: str) -> str:
    return f"## {_verdict(verdict, language)} \u00b7 {mode} \u00b7 {title}\n"


def _verdict(verdict: str, language: str) -> str:
    return f"{SIGNS[verdict]} **{message(f'verdict.{verdict}', language)}**"


def _where(record: Record, language: str) -> str:
    place, period, people = record["place"], record["period"], record["people"]
    facts = {
        "region": _escape(place["region_id"] or "", 80),
        "account": _escape(place["account_id"] or "", 80),
        "began": period["began"] and wording.day(period["began"]),
        "duration": period["duration"] is not None and wording.length(period["duration"]),
        "change_ticket": _escape(people["change_ticket"] or "", 80),
    }
    given = {key: value for key, value in facts.items() if value}
    return " \u00b7 ".join(
        f"{message(f'ui.{key}', language)} {value}" for key, value in given.items()
    )


def _recoveries(record: Record, language: str) -> str:
    gauges = rto_bars.gauges(record)
    rows = [
        [
            _escape(gauge.recovery["target"], 60),
            _escape(gauge.recovery["test"], 60),
            wording.length(gauge.recovery["rto"]),
            wording.failover(gauge.recovery["failover"]),
            message(f"gauge.{gauge.state}", language),
            wording.bounds(gauge.recovery["reversion"]),
        ]
        for gauge in gauges
    ]
    keys = ("target", "test", "rto", "failover_time", "compared", "reversion_time")
    table = _table([message(f"ui.{key}", language) for key in keys], rows[:MOST_ROWS])
    hidden = len(rows) - MOST_ROWS
    return table + (f"\n{message('ui.more', language, count=hidden)}\n" if hidden > 0 else "")


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _escape(value: object, limit: int) -> str:
    """
    Write a text of any direction so that it shows as it is, see `_plain`.
    """
    return wording.isolate(_plain(value, limit))


def _plain(value: object, limit: int) -> str:
    """
    Write a text so that it shows as it is: no markup, no link, and nobody is mentioned.
    """
    shown = ACTIVE.sub(r"\\\g<0>", brief(value, limit))
    return shown.replace("@", "@\u200b")
