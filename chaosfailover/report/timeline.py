"""
The time line: who was in which state from when to when, and what happened at which instant.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from chaosfailover.journals import brief, instant
from chaosfailover.report.axis import Axis
from chaosfailover.report.wording import bounds

__all__ = ["Bar", "Mark", "Row", "Timeline", "make_timeline"]

Words = Mapping[str, str]
"""The labels of the picture, in the reader's language."""

Document = Mapping[str, Any]

MOST_BARS = 20_000
MOST_BARS_OF_A_ROW = 400
NARROW = 0.06
HEIGHT = 32
TOP = 22

GOOD = {"Enabled", "active", "Established"}
WORST = ("bad", "down", "status bad")
CHANGING = {"Starting", "Stopping", "Connect", "Active", "OpenSent", "OpenConfirm"}
OF_TESTS = {"Init": "idle", "Testing": "cutting", "Stopped": "idle"}


@dataclass(frozen=True, slots=True)
class Bar:
    """
    A state from `since` to `until`, in seconds on the axis; `label` is shown where there is room.
    """

    since: float
    until: float
    style: str
    title: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """
    An instant that divides the whole picture.
    """

    at: float
    style: str
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """
    One line of the picture.
    """

    label: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Timeline:
    """
    The picture: its axis, rows and marks.
    """

    axis: Axis
    rows: Sequence[Row]
    marks: Sequence[Mark] = field(default_factory=list)

    @property
    def height(self) -> int:
        """
        The height in pixels.
        """
        return TOP + HEIGHT * len(self.rows) + 4

    def top(self, number: int) -> int:
        """
        Return where a row begins, in pixels.
        """
        return TOP + HEIGHT * number

    def roomy(self, bar: Bar) -> bool:
        """
        Tell whether a bar has room for its label.
        """
        return (bar.until - bar.since) / self.axis.duration > NARROW


def make_timeline(record: Document, series: Sequence[Document], words: Words) -> Timeline | None:
    """
    Draw the time line of a run; None if its record knows no time.
    """
    axis = _axis(record, series)
    if axis is None:
        return None
    most = min(MOST_BARS_OF_A_ROW, MOST_BARS // max(1, len(record["targets"])))
    rows = [
        *_hypothesis(record, axis, words),
        *_activities(record, axis, words),
        *_tests(record, axis),
        *_resources(record, axis),
        *_targets(record, series, axis, words),
    ]
    drawn = [_condensed(row, most, axis.duration) for row in rows]
    return Timeline(axis, drawn, _marks(record, axis))


def _axis(record: Document, series: Sequence[Document]) -> Axis | None:
    """
    Span all that has an instant, so that nothing falls off the picture.
    """
    written = [record["period"]["began"], record["period"]["ended"]]
    written += [event["at"] for event in record["timeline"]]
    for run in [*record["activities"], *record["hypotheses"]]:
        written += [run["began"], run["ended"]]
    instants = [at for at in map(instant, written) if at]
    for one in series:
        if (began := instant(one.get("utc"))) and one.get("runs"):
            instants += [began, began + timedelta(seconds=_last(one))]
    if not instants:
        return None
    return Axis(min(instants), max(0.001, (max(instants) - min(instants)).total_seconds()))


def _last(series: Document) -> float:
    return max((float(run[1]) for run in _rows(series.get("runs"), 2)), default=0.0)


def _hypothesis(record: Document, axis: Axis, words: Words) -> Iterator[Row]:
    bars = [
        Bar(
            _at(axis, reading["began"]),
            _at(axis, reading["ended"] or reading["began"]),
            "good" if reading["met"] else "bad",
            f"{words[reading['when']]}: {words['met' if reading['met'] else 'not_met']}",
        )
        for reading in record["hypotheses"]
        if reading["began"]
    ]
    if bars:
        yield Row(words["hypothesis"], bars)


def _activities(record: Document, axis: Axis, words: Words) -> Iterator[Row]:
    for phase in ("method", "rollbacks"):
        runs = [
            run for run in record["activities"] if run["phase"] == phase and instant(run["began"])
        ]
        if runs:
            yield Row(words[phase], [_activity(run, axis) for run in runs])


def _activity(run: Document, axis: Axis) -> Bar:
    style = {"succeeded": "good", "failed": "bad"}.get(str(run["status"]), "changing")
    since = _at(axis, run["began"])
    until = _at(axis, run["ended"]) if run["ended"] else since
    error = f": {run['error']}" if run["error"] else ""
    return Bar(since, until, style, brief(f"{run['name']}: {run['status'] or '?'}{error}"))


def _tests(record: Document, axis: Axis) -> Iterator[Row]:
    for test in record["tests"]:
        statuses = test["statuses"]
        ends = [_at(axis, one["at"]) for one in statuses[1:]]
        bars = [
            Bar(since, until, f"status {_style(status)}", f"{test['test']}: {status}", status)
            for status, since, until in zip(
                (one["status"] for one in statuses),
                (_at(axis, one["at"]) for one in statuses),
                [*ends, axis.duration],
                strict=True,
            )
        ]
        yield Row(brief(f"{test['test']} {test['job_id'] or ''}", 60), bars)


def _resources(record: Document, axis: Axis) -> Iterator[Row]:
    """
    Draw the readings of each resource; between two that differ, nobody knows when it changed.
    """
    read: dict[str, list[tuple[float, str]]] = {}
    for event in record["timeline"]:
        if event["kind"] == "resource":
            name = str(event.get("resource_id"))
            read.setdefault(name, []).append((_at(axis, event["at"]), str(event.get("status"))))
    for name, readings in sorted(read.items()):
        yield Row(brief(name, 60), list(_same(name, readings)))


def _same(name: str, readings: Sequence[tuple[float, str]]) -> Iterator[Bar]:
    since, last, known = readings[0][0], *readings[0]
    for at, status in readings[1:]:
        if status != known:
            yield _reading(name, known, since, last)
            since, known = at, status
        last = at
    yield _reading(name, known, since, last)


def _reading(name: str, status: str, since: float, until: float) -> Bar:
    style = f"status {_style(status)}"
    return Bar(since, until, style, brief(f"{name}: {status}"), brief(status, 20))


def _targets(
    record: Document, series: Sequence[Document], axis: Axis, words: Words
) -> Iterator[Row]:
    for target, one in zip(record["targets"], series, strict=True):
        began = instant(one.get("utc"))
        runs = Runs(brief(target["name"], 60), axis.seconds(began) if began else 0.0, words)
        bars = [*runs.up(one), *runs.gaps(one)]
        if (target["count"] or 0) > len(target["outages"]):
            bars += runs.down(one)
        for outage in target["outages"]:
            bars += _outage(runs.name, outage, axis, words)
        yield Row(runs.name, bars)


@dataclass(frozen=True, slots=True)
class Runs:
    """
    The compact series of one target as bars; its instants count from `offset` on the axis.
    """

    name: str
    offset: float
    words: Words

    def up(self, series: Document) -> Iterator[Bar]:
        """
        Yield one bar for the whole measurement: what is not drawn over it answered.
        """
        if runs := _rows(series.get("runs"), 2):
            yield self._bar(runs[0][0], runs[-1][1], "up", "up")

    def gaps(self, series: Document) -> Iterator[Bar]:
        """
        Yield the times in which nothing was sent.
        """
        for since, until in _rows(series.get("gaps"), 2):
            yield self._bar(since, until, "gap", "gap")

    def down(self, series: Document) -> Iterator[Bar]:
        """
        Yield the runs of lost checks: outages that are too many to be listed one by one.
        """
        for since, until, _, lost in (row[:4] for row in _rows(series.get("runs"), 4)):
            if lost:
                yield self._bar(since, until, "down", "down")

    def _bar(self, since: float, until: float, style: str, word: str) -> Bar:
        title = f"{self.name}: {self.words[word]}"
        return Bar(self.offset + since, self.offset + until, style, title)


def _outage(name: str, outage: Document, axis: Axis, words: Words) -> list[Bar]:
    """
    Draw an outage: what may have been lost, and upon it what surely was.
    """
    earliest, sure_since = (_at(axis, at) if at else 0.0 for at in outage["since"])
    sure_until, latest = (_at(axis, at) if at else axis.duration for at in outage["until"])
    title = brief(f"{name}: {words['down']} {bounds(outage)} {outage['error'] or ''}")
    return [
        Bar(earliest, latest, "maybe", title),
        Bar(sure_since, max(sure_since, sure_until), "down", title),
    ]


def _marks(record: Document, axis: Axis) -> list[Mark]:
    """
    Mark what changes all: cuts, stops, aborts and signals.
    """
    return [
        Mark(_at(axis, event["at"]), event["kind"], brief(f"{event['kind']} {_subject(event)}"))
        for event in record["timeline"]
        if event["kind"] in ("cut", "stop", "abort", "signal", "restore")
    ]


def _subject(event: Document) -> str:
    return str(event.get("test") or event.get("name") or event.get("reason") or "")


def _condensed(row: Row, most: int, duration: float) -> Row:
    """
    Join bars of one style that stand closer than can be seen, in a row that has too many.

    What is bad is drawn last, over everything else.
    """
    if len(row.bars) <= most:
        return row
    styles = sorted({bar.style for bar in row.bars}, key=lambda style: (style in WORST, style))
    by_style = ([bar for bar in row.bars if bar.style == style] for style in styles)
    near = duration * len(styles) / most
    return Row(row.label, [bar for bars in by_style for bar in _joined(bars, near)])


def _joined(bars: Iterable[Bar], near: float) -> list[Bar]:
    joined: list[Bar] = []
    for bar in bars:
        last = joined[-1] if joined else None
        if last and bar.since - last.until < near:
            longer = max(last, bar, key=lambda one: one.until - one.since)
            joined[-1] = replace(longer, since=last.since, until=max(last.until, bar.until))
        else:
            joined.append(bar)
    return joined


def _at(axis: Axis, written: str) -> float:
    at = instant(written)
    return axis.seconds(at) if at else 0.0


def _style(status: str) -> str:
    known = OF_TESTS.get(status) or ("good" if status in GOOD else "")
    return known or ("changing" if status in CHANGING else "bad")


def _rows(value: Any, width: int) -> list[Any]:
    """
    Return the rows of numbers of a series that have at least this many.
    """
    rows = value if isinstance(value, list) else []
    return [
        row
        for row in rows
        if isinstance(row, list) and len(row) >= width and {*map(type, row[:width])} <= NUMBERS
    ]


NUMBERS = {int, float}
