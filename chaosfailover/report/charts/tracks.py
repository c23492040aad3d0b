"""
The course of a run as rows of bars: hypothesis, activities, tests, resources.
"""

from collections.abc import Iterator, Mapping, Sequence

from chaosfailover.record import Record
from chaosfailover.report.charts.axis import Axis
from chaosfailover.report.charts.bars import Bar, ChartRow, Mark
from chaosfailover.verdict.journal import brief, instant

__all__ = ["Words", "activity_rows", "hypothesis_row", "marks", "resource_rows", "test_rows"]

Words = Mapping[str, str]
"""The labels of the picture, in the reader's language."""

GOOD = {"Enabled", "active", "Established"}
CHANGING = {"Starting", "Stopping", "Connect", "Active", "OpenSent", "OpenConfirm"}
OF_TESTS = {"Init": "idle", "Testing": "cutting", "Stopped": "idle"}


def hypothesis_row(record: Record, axis: Axis, words: Words) -> Iterator[ChartRow]:
    bars = [
        Bar(
            axis.after(reading["began"]),
            axis.after(reading["ended"] or reading["began"]),
            "good" if reading["met"] else "bad",
            words["colon"].join(
                (words[reading["when"]], words["met" if reading["met"] else "not_met"])
            ),
        )
        for reading in record["hypotheses"]
        if reading["began"]
    ]
    if bars:
        yield ChartRow(words["hypothesis"], bars)


def activity_rows(record: Record, axis: Axis, words: Words) -> Iterator[ChartRow]:
    for phase in ("method", "rollbacks"):
        runs = [
            run for run in record["activities"] if run["phase"] == phase and instant(run["began"])
        ]
        if runs:
            yield ChartRow(words[phase], [_activity(run, axis) for run in runs])


def _activity(run: Record, axis: Axis) -> Bar:
    style = {"succeeded": "good", "failed": "bad"}.get(str(run["status"]), "changing")
    since = axis.after(run["began"])
    until = axis.after(run["ended"]) if run["ended"] else since
    error = f": {run['error']}" if run["error"] else ""
    return Bar(since, until, style, brief(f"{run['name']}: {run['status'] or '?'}{error}"))


def test_rows(record: Record, axis: Axis) -> Iterator[ChartRow]:
    for test in record["tests"]:
        statuses = test["statuses"]
        ends = [axis.after(change["at"]) for change in statuses[1:]] + [axis.duration]
        bars = [
            Bar(
                axis.after(change["at"]),
                until,
                f"status {_style(change['status'])}",
                f"{test['test']} ({test['job_id'] or '?'}): {change['status']}",
                change["status"],
            )
            for change, until in zip(statuses, ends, strict=False)  # no status, no bar
        ]
        yield ChartRow(brief(test["test"], 40), bars)


def resource_rows(record: Record, axis: Axis, words: Words) -> Iterator[ChartRow]:
    """
    Draw the readings of each resource; between two that differ, the instant of change is unknown.

    While a test cuts, the resources that it takes down are down as planned.
    """
    cuts = list(_cuts(record, axis))
    read: dict[str, list[tuple[float, str]]] = {}
    for event in record["timeline"]:
        if event["kind"] == "resource":
            name = str(event.get("resource_id"))
            read.setdefault(name, []).append((axis.after(event["at"]), str(event.get("status"))))
    for name, readings in sorted(read.items()):
        planned = [(since, until) for ids, since, until in cuts if name in ids]
        bars = [_as_planned(bar, planned, words) for bar in _same(name, readings)]
        yield ChartRow(brief(name, 60), bars)


def _cuts(record: Record, axis: Axis) -> Iterator[tuple[set[str], float, float]]:
    """
    Yield for each test the resources that it takes down, and from when to when it cut.
    """
    scope = {cut["test"]: {*cut["resource_ids"], *cut.get("lost", [])} for cut in record["scope"]}
    for test in record["tests"]:
        if test["cut_at"] and test["test"] in scope:
            until = axis.after(test["stop_at"]) if test["stop_at"] else axis.duration
            yield scope[test["test"]], axis.after(test["cut_at"]), until


def _as_planned(bar: Bar, planned: Sequence[tuple[float, float]], words: Words) -> Bar:
    within = any(since <= bar.since <= until for since, until in planned)
    if bar.style != "status bad" or not within:
        return bar
    return bar._replace(style="status planned", title=f"{bar.title} ({words['planned']})")


def _same(name: str, readings: Sequence[tuple[float, str]]) -> Iterator[Bar]:
    since, last, current = readings[0][0], *readings[0]
    for at, status in readings[1:]:
        if status != current:
            yield _reading(name, current, since, last)
            since, current = at, status
        last = at
    yield _reading(name, current, since, last)


def _reading(name: str, status: str, since: float, until: float) -> Bar:
    style = f"status {_style(status)}"
    return Bar(since, until, style, brief(f"{name}: {status}"), brief(status, 20))


def marks(record: Record, axis: Axis) -> list[Mark]:
    """
    Mark the instants that matter to all rows: cuts, stops, aborts and signals.
    """
    return [
        Mark(axis.after(event["at"]), event["kind"], brief(f"{event['kind']} {_subject(event)}"))
        for event in record["timeline"]
        if event["kind"] in ("cut", "stop", "abort", "signal", "restore")
    ]


def _subject(event: Record) -> str:
    return str(event.get("test") or event.get("name") or event.get("reason") or "")


def _style(status: str) -> str:
    style = OF_TESTS.get(status) or ("good" if status in GOOD else "")
    return style or ("changing" if status in CHANGING else "bad")
