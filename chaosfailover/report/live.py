"""
The live page: how a run stands, by what its evidence holds so far.

It shows and controls nothing. Whoever follows the evidence writes it every few seconds, and the
page loads itself anew. What was not seen recently is not known: the page says so when it is
written, and its script says so later, by the viewer's clock, when nobody writes it any more. Once
the run has ended, the report takes its place.
"""

import errno
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from markupsafe import Markup

from chaosfailover.i18n import words
from chaosfailover.record import Record
from chaosfailover.report.charts.rto_bars import state as compared_with_rto
from chaosfailover.report.charts.timeline import make_timeline
from chaosfailover.report.html import page_policy
from chaosfailover.report.jinja_filters import environment, template_text
from chaosfailover.report.network import compared_with_forecast
from chaosfailover.report.view import RunView
from chaosfailover.verdict.journal import instant, number
from chaosfailover.verdict.series import Series

__all__ = ["NO_HOME", "LiveRun", "names_home", "render_live", "replace_page"]

NO_HOME = "expected a name without ~, which only a shell expands: write the whole path"

# Seconds between two loads of the page, at least.
RELOAD = 2.0
# Seconds without a new page after which nobody writes it, besides some intervals.
PATIENCE = 5.0
INTERVALS = 3
# Seconds for which evidence with samples is never silent, and after which an answer is old. Without
# targets, a run may have nothing to write for hours.
SILENCE = 30.0
RECENT = 15.0
# Seconds that the clocks of the API and of this machine may differ without a correction.
ROUNDED = 1.0
# Seconds from the start of a test to when it is seen Testing, on a clock that is not emulated.
SEEN_WITHIN = 30.0
LONGEST = 100 * 86400.0
LONGEST_TEST = 4320.0
MOST_EVENTS = 10
MOST_TARGETS = 200
CERTAIN = ("gauge.exceeded", "gauge.again", "gauge.unseen")
"""What is certain of a recovery before its cut has ended."""
WRONG = (*CERTAIN, "gauge.back", "gauge.open")
RIGHT = ("gauge.within", "gauge.no_loss")
MEASURED = ("gauge.no_loss", "now.no_loss")
STYLES = {"Starting": "aborted", "Testing": "aborted", "Stopping": "inconclusive"}
"""The styles of the statuses of a test; any other is quiet."""


@dataclass(frozen=True, slots=True)
class LiveRun:
    """
    What is known of a run: its view, and when something was last added to its evidence.

    One that was `taken_over` by a watchdog is dead: its targets are not checked any more.
    """

    view: RunView
    news_at: datetime
    taken_over: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """
    A word for how something stands, known until an instant, None for as long as the page is new.
    """

    word: str
    style: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class TargetNow:
    """
    A target: whether it answers, since when, and when the last of its checks was sent.

    It was `measured_until` an instant: its checks up to then are in the evidence. What is lost now
    was lost from `lost_from` on, or later.
    """

    name: str
    known: Known
    since: datetime | None = None
    checked_at: datetime | None = None
    measured_until: datetime | None = None
    lost_from: datetime | None = None
    lost: int = 0
    flows: int = 0


@dataclass(frozen=True, slots=True)
class TestNow:
    """
    A failover test: its last status, since when, and when the cloud itself is to end it.
    """

    test: str
    job_id: str
    known: Known
    since: datetime | None
    has_begun: bool
    is_cutting: bool
    ends_at: datetime | None
    resources: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    What a cut was forecast to do to a target, and what was measured so far.

    Its word is a message `gauge.*` or `now.*`, and `forecast` one of `forecast.*`, "" for none.
    """

    test: str
    target: str
    expected: Record | None
    recovery: Record | None
    known: Known
    forecast: str

    @property
    def is_measured(self) -> bool:
        """
        Whether there is a length, be it 0, to show.
        """
        return self.recovery is not None and (
            self.recovery["failover"] is not None or self.known.word in MEASURED
        )


def render_live(
    run: LiveRun | None, source: str, now: datetime, every: float, language: str
) -> str:
    """
    Render the page of a run, None before there is evidence; the next comes `every` seconds later.
    """
    style, script = (
        template_text("report.css") + template_text("live.css"),
        template_text("live.js"),
    )
    page = environment(language).get_template("live.html.j2")
    return page.render(
        **(_shown(run, language) if run else {"record": None, "state": "waiting"}),
        source=source,
        now=now,
        every=max(RELOAD, every),
        patience=PATIENCE + INTERVALS * max(RELOAD, every),
        style=Markup(style),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704 - our own file
        policy=page_policy(style, script),
    )


def names_home(file: str) -> bool:
    """
    Tell whether the name of a file begins with `~`, which only a shell expands.
    """
    return os.path.normpath(file).startswith("~")


def replace_page(file: Path, page: str) -> None:
    """
    Write a page in one step, so that no reader finds half of it; raises OSError.

    Its folder is made, but not where a link leads. Who may read an old page may read the new one,
    and nobody else.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    place = Path(os.path.realpath(file))
    if place.exists() and not place.is_file():
        raise OSError(errno.EINVAL, "it is no regular file", str(file))
    new = place.with_name(f".{place.name}.{os.getpid()}.new")
    try:
        new.write_text(page, encoding="utf-8")
        if place.exists():
            shutil.copymode(place, new)
        new.replace(place)
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, str(file)) from exc
    finally:
        new.unlink(missing_ok=True)


def _shown(run: LiveRun, language: str) -> dict[str, object]:
    view, record = run.view, run.view.record
    targets = list(_targets(record, view.series, run.news_at))
    if run.taken_over:
        targets = [_unchecked(target) for target in targets]
    silent_from = _after(run.news_at, SILENCE) if targets else None
    tests = _tests(record, silent_from)
    return {
        "record": record,
        "view": view,
        "number": 1,
        "news_at": run.news_at,
        "state": _state(record, tests),
        "silent_from": silent_from,
        "reason": _reason(record),
        "tests": tests,
        "targets": targets[:MOST_TARGETS],
        "more_targets": max(0, len(targets) - MOST_TARGETS),
        "comparisons": list(_comparisons(record, targets)),
        "activities": [] if run.taken_over else _under_way(record),
        "hypothesis": next(reversed(record["hypotheses"]), None),
        "timeline": make_timeline(record, view.series, words(language, "chart")),
        "is_settling": not run.taken_over and _is_settling(record, tests),
        "events": record["timeline"][: -MOST_EVENTS - 1 : -1],
    }


def _state(record: Record, tests: Sequence[TestNow]) -> str:
    """
    Return where the run is, in a word of the messages `now.state.*`.
    """
    kinds = {event["kind"] for event in record["timeline"]}
    ended = [test for test in record["tests"] if test["stop_at"]]
    if "refused" in kinds:
        return "refused"
    if cutting := [test.known.word for test in tests if test.is_cutting]:
        states = {"Testing": "cutting", "Starting": "starting"}
        return min(states.get(word, "may_cut") for word in cutting)
    if any(test["back_at"] is None for test in ended):
        return "returning"
    if "end" in kinds or any(run["phase"] == "rollbacks" for run in record["activities"]):
        return "ending"
    if ended:
        return "between"
    return "before" if record["scope"] or record["activities"] else "preparing"


def _is_settling(record: Record, tests: Sequence[TestNow]) -> bool:
    """
    Tell whether no activity runs while a test cuts, as when the run waits for its targets.
    """
    cutting = {test.test for test in tests if test.is_cutting and test.known.word == "Testing"}
    of_cut = [each for each in record["recoveries"] if each["test"] in cutting]
    return not _under_way(record) and any(not each["settled"] for each in of_cut)


def _under_way(record: Record) -> list[Record]:
    return [run for run in record["activities"] if run["began"] and not run["ended"]]


def _reason(record: Record) -> str:
    """
    Return why the run was refused, aborted or interrupted, "" if it was not.
    """
    why = [event for event in record["timeline"] if event["kind"] in ("refused", "abort", "signal")]
    return str(why[0].get("reason") or why[0].get("name") or "") if why else ""


def _targets(record: Record, series: Sequence[Series], news_at: datetime) -> Iterator[TargetNow]:
    events = {event.get("target"): event for event in record["timeline"] if "up" in event}
    for target, measured in zip(record["targets"], series, strict=True):
        patience = RECENT + (target["interval"] or 0.0) + (target["timeout"] or 0.0)
        now = _target(str(target["name"]), measured, patience, news_at)
        down_at = _went_down(events.get(now.name, {}))
        if down_at and (now.checked_at is None or down_at > now.checked_at):
            down = Known("down", "deviated", _after(down_at, patience))
            sent_at = _after(down_at, -(target["timeout"] or 0.0))
            now = replace(now, known=down, since=down_at, checked_at=down_at, lost_from=sent_at)
        yield now


def _target(name: str, series: Series, patience: float, news_at: datetime) -> TargetNow:
    """
    Return how a target stands; no check is later than the news of it, although the clock may have
    been set back.
    """
    flows, began = series.latest(), series.utc
    if not flows or began is None:
        return TargetNow(name, Known("", "inconclusive"))
    lost = [since for since, _, is_lost in flows if is_lost]
    checked_at = _after(began, min(until for _, until, _ in flows))
    checked_at = min(checked_at, news_at)
    word = "up" if not lost else "down" if len(lost) == len(flows) else "partly"
    return TargetNow(
        name,
        Known(word, "held" if word == "up" else "deviated", _after(checked_at, patience)),
        since=_after(began, min(lost) if lost else max(since for since, *_ in flows)),
        checked_at=checked_at,
        measured_until=checked_at,
        lost_from=_after(began, min(lost)) if lost else None,
        lost=len(lost),
        flows=len(flows),
    )


def _unchecked(target: TargetNow) -> TargetNow:
    """
    Return a target of a run that is dead: how it stands is known up to its last check.
    """
    return replace(target, known=replace(target.known, until=target.checked_at))


def _went_down(event: Mapping[str, object]) -> datetime | None:
    """
    Return when a target was told to be down, unless it was told to be back since.

    The event of one flow that is back says nothing of the others: only checks say that it is up.
    """
    return instant(event["at"]) if event.get("up") is False else None


def _after(at: datetime, seconds: float) -> datetime:
    try:
        return at + timedelta(seconds=min(max(seconds, -LONGEST), LONGEST))
    except OverflowError:
        return at


def _tests(record: Record, silent_from: datetime | None) -> list[TestNow]:
    cuts = {str(cut["test"]): cut for cut in record["scope"]}
    histories = {str(test["test"]): test for test in record["tests"]}
    return [
        _test(record, name, cuts.get(name, {}), histories.get(name, {}), silent_from)
        for name in dict.fromkeys([*cuts, *histories])
    ]


def _test(
    record: Record, name: str, cut: Record, history: Record, silent_from: datetime | None
) -> TestNow:
    job_id = str(history.get("job_id") or "")
    events = [
        event
        for event in record["timeline"]
        if event["kind"] == "status"
        and (event.get("test") == name or (job_id and event.get("job_id") == job_id))
    ]
    status = str(events[-1].get("status")) if events else ""
    has_begun = bool(history.get("cut_at"))
    known = Known(status, STYLES.get(status, "quiet"), silent_from)
    return TestNow(
        test=name,
        job_id=job_id,
        known=known if status != "unknown" else Known("", "inconclusive"),
        has_begun=has_begun,
        since=instant(events[-1]["at"]) if events else None,
        is_cutting=has_begun and not history.get("stop_at"),
        ends_at=_planned_end(record, cut, history, events) if has_begun else None,
        resources=", ".join(map(str, cut.get("resource_ids", ()))),
    )


def _planned_end(
    record: Record, cut: Record, history: Record, events: Sequence[Mapping[str, object]]
) -> datetime | None:
    """
    Return when the cloud itself is to end a test, by this machine's clock; None if not known.

    An emulator's time may run at another speed: then its minutes count from when the test was seen.
    """
    testing = [instant(each["at"]) for each in history["statuses"] if each["status"] == "Testing"]
    planned = [at for event in events if (at := instant(event.get("ends_at")))]
    minutes = min(number(cut.get("duration_minutes")) or 0.0, LONGEST_TEST)
    minute = number(record["settings"].get("minute")) or 60.0
    is_rehearsal = record["place"]["mode"] == "REHEARSAL"
    with suppress(OverflowError):
        if is_rehearsal and minute != 60.0:
            return _after(testing[0], minutes * minute) if testing and testing[0] else None
        if not planned:
            return None
        offset = number(record["period"]["clock_offset"]) or 0.0
        end = planned[-1] - timedelta(seconds=offset if abs(offset) > ROUNDED else 0.0)
        began = end - timedelta(minutes=minutes)
        seen = next(iter(testing), None)
        far = seen is None or abs((began - seen).total_seconds()) > SEEN_WITHIN
        return None if is_rehearsal and far else end
    return None


def _comparisons(record: Record, targets: Sequence[TargetNow]) -> Iterator[Comparison]:
    """
    Yield each target in each cut beside its forecasts, and the forecasts of cuts to come.
    """
    standing = {target.name: target for target in targets}
    cuts = {test["test"]: test for test in record["tests"]}
    forecasts = {cut["test"]: cut.get("takeover") or () for cut in record["scope"]}
    measured = set()
    for recovery in record["recoveries"]:
        test, target = recovery["test"], recovery["target"]
        measured.add(test)
        cut, now = cuts.get(test, {}), standing.get(target)
        goes_on = _may_go_on(cut, now)
        known = _compared(recovery, now, cut) if goes_on else _concluded(recovery)
        for expected in forecasts.get(test) or (None,):
            word = _beside_forecast(expected, recovery, goes_on=goes_on)
            yield Comparison(test, target, expected, recovery, known, word)
    for test, several in forecasts.items():
        for expected in several if test not in measured else ():
            yield Comparison(test, "", expected, None, Known("now.not_cut", "soft"), "")


def _may_go_on(cut: Record, target: TargetNow | None) -> bool:
    """
    Tell whether a cut has not ended, or its last checks are not in the evidence yet.
    """
    stop_at = instant(cut.get("stop_at"))
    if stop_at is None:
        return bool(cut.get("cut_at")) and not cut.get("stop_at")
    until = target.measured_until if target else None
    return until is None or until < stop_at


def _concluded(recovery: Record) -> Known:
    word = f"gauge.{compared_with_rto(recovery)}"
    return Known(word, "no" if word in WRONG else "ok" if word in RIGHT else "soft")


def _compared(recovery: Record, target: TargetNow | None, cut: Record) -> Known:
    """
    Compare a recovery with its objective, as far as that is certain by now.
    """
    known, failover = _concluded(recovery), recovery["failover"]
    cut_at = instant(cut.get("cut_at"))
    if cut_at is None or known.word in CERTAIN:
        return known
    if failover and failover["at_most"] is not None:
        return Known("now.so_far", "soft")
    if target is None or target.checked_at is None or target.checked_at < cut_at:
        return Known("now.unknown", "open")
    if target.known.word == "up" and not failover:
        return Known("now.no_loss", "soft", target.known.until)
    is_of_it = target.lost_from and target.lost_from >= cut_at and not cut.get("stop_at")
    if not (failover or is_of_it):
        return Known("now.unknown", "open")
    return Known("now.down", "no", target.known.until)


def _beside_forecast(expected: Record | None, recovery: Record, *, goes_on: bool) -> str:
    word = compared_with_forecast(expected, recovery) if expected else ""
    return f"forecast.{word}" if word and (not goes_on or word == "slower") else ""
