"""
The parts of the failover time: where the seconds of a cut went, on the way there and back.

Several watches see a cut: the requests of the run, the observer, the watch of the routes, and the
checks of the targets. Each sees an instant between two bounds, which hold whatever happened
between two looks.

    there   accepted    the request to start the test
            down        the resources that it names show another status
            loss        the first check is lost
            session     the BGP sessions show another status: the loss was detected
            routes      the routes go over another VBR
            recovered   the last check is lost
    back    stopped     the request to stop the test
            resource    the resources show their status of before
            session     the sessions do
            loss        the first check is lost on the way back
            reverted    the last one is
            as_before   all that the test took is as before

A part lies between two instants, and its length is two numbers. Instants whose bounds overlap
cannot be told apart, so they end one undivided part. One whose bounds overlap several others, which
can be told apart, divides nothing. What was not seen is None, and nothing stands in for it.

Resources are read before sessions in each look. So one that is seen changed in an earlier look than
a session has changed before it, though the bounds of both share the time of a look.

Nothing of a cut happens before its start was sent, and nothing of its way back before its stop.
Where several resources, sessions or tables changed, which of them a target depends on is not known:
the bounds hold for each of them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from operator import attrgetter

from chaosfailover.verdict.evidence import Cut, Event, Forecast, ForecastPart
from chaosfailover.verdict.job_history import JobHistory
from chaosfailover.verdict.journal import Run, text
from chaosfailover.verdict.recovery import Bounds, Loss, Recovery

__all__ = ["Course", "FailoverTime", "Instant", "Part", "failover_times"]

STARTS = ("StartFailoverTestJob", "CreateFailoverTestJob")
STOPS = ("StopFailoverTestJob",)
UNREAD = "unknown"
PEER = "BGPPEER"
EARLIEST_MARK, LATEST_MARK = timedelta(seconds=-0.05), timedelta(seconds=3)
"""How the prober's instant of a cut may differ from that of its event, unless a clock was set."""
SHORTEST_PAUSE, LONGEST_LOOK = timedelta(seconds=0.05), timedelta(seconds=0.4)
"""Between two looks, and of one: changes that are seen in one look share more than the latter."""


@dataclass(frozen=True, slots=True)
class Instant:
    """
    When something happened: between two instants.
    """

    earliest: datetime
    latest: datetime

    def overlaps(self, other: "Instant") -> bool:
        """
        Tell whether the bounds of two have an instant in common.
        """
        return self.earliest <= other.latest and other.earliest <= self.latest

    @property
    def width(self) -> timedelta:
        """
        The time between the bounds.
        """
        return self.latest - self.earliest


@dataclass(frozen=True, slots=True)
class Part:
    """
    The time from one instant to another, the last of those that end it and cannot be told apart.

    `forecast` is what was forecast of it, None if nothing was.
    """

    begins: str
    ends: tuple[str, ...]
    at_least: float
    at_most: float
    forecast: ForecastPart | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """
    The instants of the way there or back, None where one was not seen, and the parts between them.

    `unplaced` are seen too vaguely to divide anything.
    """

    instants: Mapping[str, Instant | None]
    parts: Sequence[Part]
    unplaced: Sequence[str]


@dataclass(frozen=True, slots=True)
class FailoverTime:
    """
    One target in one cut: the parts of its failover time, and those of the way back.
    """

    target: str
    test: str
    there: Course
    back: Course


def failover_times(run: Run) -> list[FailoverTime]:
    """
    Return the parts for each target and cut, save for targets that the cut could not touch.
    """
    watched = {id(test): _watched(run, test) for test in run.tests if test.since}
    return [
        _failover_time(run, recovery, watched[id(test)])
        for recovery in run.recoveries
        if not recovery.external and (test := _test_of(run, recovery))
    ]


def _watched(run: Run, test: JobHistory) -> "Watched":
    """
    Return what was seen of a test, once for all targets; another test may take the same resources.
    """
    others = (each.since for each in run.tests if each.since and test.since)
    end = min((at for at in others if test.since and at > test.since), default=None)
    readings: dict[str, list[Event]] = {}
    for each in run.control.events_of("resource"):
        if each.test == test.test and each.status != UNREAD and (not end or each.at < end):
            readings.setdefault(each.resource_id, []).append(each)
    cut = next((each for each in run.control.cuts if each.test == test.test), None)
    requests, routes = run.control.events_of("request"), run.control.events_of("routes")
    return Watched(test, cut, readings, requests, routes)


def _test_of(run: Run, recovery: Recovery) -> JobHistory | None:
    """
    Return the test of a recovery: of those with its name, the last that began before it.
    """
    named = (each for each in run.tests if recovery.test in (each.test, each.job_id))
    began = [
        each
        for each in named
        if each.since and recovery.cut_at and each.since <= recovery.cut_at - EARLIEST_MARK
    ]
    return began[-1] if began else None


def _failover_time(run: Run, recovery: Recovery, watched: "Watched") -> FailoverTime:
    (there, ordered), (back, ordered_back) = watched.there, watched.back
    there, back = {**there}, {**back}
    if _is_one_clock(run, recovery, watched.test):
        there |= dict(
            zip(("loss", "recovered"), _ends(recovery.loss, there["accepted"]), strict=True)
        )
        lost_back = _ends(recovery.loss_back, back["stopped"])
        back |= dict(zip(("loss", "reverted"), lost_back, strict=True))
    forecast = watched.cut.takeover if watched.cut else ()
    return FailoverTime(
        recovery.target,
        recovery.test,
        _divided(_in_order(THERE, there), ordered, forecast),
        _divided(_in_order(BACK, back), ordered_back),
    )


THERE = ("accepted", "down", "loss", "session", "routes", "recovered")
BACK = ("stopped", "resource", "session", "loss", "reverted", "as_before")

Instants = dict[str, Instant | None]


def _in_order(names: Iterable[str], instants: Instants) -> Instants:
    return {name: instants.get(name) for name in names}


def _is_one_clock(run: Run, recovery: Recovery, test: JobHistory) -> bool:
    """
    Tell whether the clocks of the checks and of the events agree: no clock was set in between.
    """
    if run.control.set_back or not (recovery.cut_at and test.since):
        return False
    return EARLIEST_MARK <= recovery.cut_at - test.since <= LATEST_MARK


@dataclass(frozen=True)
class Watched:
    """
    What the events show of one test, apart from its targets; `readings` are by resource.
    """

    test: JobHistory
    cut: Cut | None
    readings: Mapping[str, Sequence[Event]]
    requests: Sequence[Event]
    routes: Sequence[Event]

    @cached_property
    def there(self) -> tuple[Instants, set[str]]:
        """
        Return the instants of the way there, and two whose order is known.
        """
        started = (each.at for each in self.test.changes if each.status != "Init")
        accepted = self._sent(STARTS, self.test.since, next(started, None))
        down = list(self._changes(accepted, self._resources(), back=False))
        sessions = list(self._changes(accepted, self._sessions(), back=False))
        return {
            "accepted": accepted,
            "down": _spanned(down),
            "session": _spanned(sessions),
            "routes": _spanned(self._moves(accepted)),
        }, {"down", "session"} if _has_order(down, sessions) else set()

    @cached_property
    def back(self) -> tuple[Instants, set[str]]:
        """
        Return the instants of the way back, and two whose order is known.
        """
        stopped = self._sent(STOPS, self.test.until, self.test.seen_to_end)
        resources = list(self._changes(stopped, self._resources(), back=True))
        sessions = list(self._changes(stopped, self._sessions(), back=True))
        return {
            "stopped": stopped,
            "resource": _spanned(resources),
            "session": _spanned(sessions),
            "as_before": _as_before(stopped, [*resources, *sessions], self.test.back),
        }, {"resource", "session"} if _has_order(resources, sessions) else set()

    def _sent(
        self, operations: Sequence[str], before: datetime | None, seen: datetime | None
    ) -> Instant | None:
        """
        Return when a request was accepted: after it was announced, before its answer was read.
        """
        answered = (
            event.at
            for event in self.requests
            if event.operation in operations and before and event.at >= before
            if event.job_id == self.test.job_id
        )
        latest = min(filter(None, (next(answered, None), seen)), default=None)
        return Instant(before, max(before, latest)) if before and latest else None

    def _sessions(self) -> set[str]:
        return {
            resource
            for resource, readings in self.readings.items()
            if text(readings[0].fields.get("resource_type")) == PEER
        }

    def _resources(self) -> set[str]:
        """
        Return the resources that the test names; the status of a BGP peer is that of its session.
        """
        named = self.cut.resource_ids if self.cut else ()
        return {*named} - self._sessions()

    def _changes(
        self, since: Instant | None, resources: Iterable[str], *, back: bool
    ) -> Iterator[Instant]:
        """
        Yield when each resource left the status that it had before the cut, or got it again.
        """
        for resource in sorted(resources):
            readings = self.readings.get(resource, ())
            change = self._returned(readings) if back else self._left(readings)
            if since and change:
                yield _after(since, change)

    def _before(self, readings: Sequence[Event]) -> str:
        since = self.test.since
        return next((each.status for each in reversed(readings) if since and each.at < since), "")

    def _left(self, readings: Sequence[Event]) -> Event | None:
        before = self._before(readings)
        left = (each for each in self._during(readings) if before and each.status != before)
        return next(left, None)

    def _returned(self, readings: Sequence[Event]) -> Event | None:
        """
        Return the last reading that was as before the cut, if one that was not came before it.

        Whether it stayed so is another question: `as_before` is when all was so at the end.
        """
        before, until = self._before(readings), self.test.until
        back: Event | None = None
        for earlier, later in pairwise(readings):
            is_as_before = before in ("", later.status)
            if until and later.at >= until and is_as_before and earlier.status != before:
                back = later
        return back

    def _moves(self, accepted: Instant | None) -> Iterator[Instant]:
        """
        Yield when routes began to go another way; those that end have moved nothing.
        """
        for event in self._during(self.routes):
            if accepted and event.fields.get("moved_from") and event.fields.get("moved_to"):
                yield _after(accepted, event)

    def _during(self, events: Iterable[Event]) -> Iterator[Event]:
        since, until = self.test.since, self.test.until
        return (
            each for each in events if since and since <= each.at and (not until or each.at < until)
        )


def _after(first: Instant, change: Event) -> Instant:
    """
    Return when a change came that the request at a first instant has caused.
    """
    earliest = max(first.earliest, change.earliest or first.earliest)
    return Instant(earliest, max(earliest, change.at))


def _has_order(resources: Iterable[Instant], sessions: Sequence[Instant]) -> bool:
    """
    Tell whether each resource was seen changed in an earlier look than each session.
    """
    return all(
        session.earliest - resource.earliest > SHORTEST_PAUSE
        and session.latest > resource.latest
        and resource.latest - session.earliest < LONGEST_LOOK
        for resource in resources
        for session in sessions
    )


def _spanned(instants: Iterable[Instant]) -> Instant | None:
    """
    Return bounds that hold for each of several instants.
    """
    each = list(instants)
    if not each:
        return None
    return Instant(min(it.earliest for it in each), max(it.latest for it in each))


def _as_before(
    stopped: Instant | None, changes: Iterable[Instant], back: datetime | None
) -> Instant | None:
    if not stopped or not back:
        return None
    earliest = max([stopped.earliest, *(change.earliest for change in changes)])
    return Instant(earliest, max(earliest, back))


def _ends(loss: Loss, first: Instant | None) -> tuple[Instant | None, Instant | None]:
    """
    Return when a loss began and ended; one that began before has another cause.
    """
    since, until = (_instant(bounds, first) for bounds in (loss.since, loss.until))
    return (since, until) if since else (None, None)


def _instant(bounds: Bounds, first: Instant | None) -> Instant | None:
    if not first or not bounds.latest or bounds.latest < first.earliest:
        return None
    return Instant(max(first.earliest, bounds.earliest or first.earliest), bounds.latest)


def _divided(
    instants: Instants, ordered: Collection[str], forecasts: Sequence[Forecast] = ()
) -> Course:
    """
    Divide a way at its instants, the sharpest first; the first of all is where it begins.

    The order of the two that are `ordered` is known, even if their bounds overlap.
    """
    first, *others = instants
    seen = {name: at for name in others if (at := instants[name])}
    groups: list[dict[str, Instant]] = []
    unplaced: list[str] = []
    for name in sorted(seen, key=lambda name: seen[name].width):
        near = [
            group
            for group in groups
            if any(
                seen[name].overlaps(at) and {name, other} != ordered for other, at in group.items()
            )
        ]
        if len(near) > 1:
            unplaced.append(name)
        elif near:
            near[0][name] = seen[name]
        else:
            groups.append({name: seen[name]})
    origin = instants[first]
    steps = [{first: origin}] if origin else []
    steps += [_in_order_of(others, group) for group in sorted(groups, key=_begin)]
    parts = tuple(_part(*pair, forecasts, [*instants]) for pair in pairwise(steps))
    return Course(instants, parts, [name for name in others if name in unplaced])


def _in_order_of(names: Iterable[str], group: Mapping[str, Instant]) -> dict[str, Instant]:
    return {name: group[name] for name in names if name in group}


def _begin(group: Mapping[str, Instant]) -> datetime:
    return min(group.values(), key=attrgetter("earliest")).earliest


def _part(
    first: Mapping[str, Instant],
    then: Mapping[str, Instant],
    forecasts: Sequence[Forecast],
    order: Sequence[str],
) -> Part:
    begins, ends = [*first][-1], [*then][-1]
    since, until = first[begins], then[ends]
    return Part(
        begins,
        tuple(then),
        max(0.0, (until.earliest - since.latest).total_seconds()),
        (until.latest - since.earliest).total_seconds(),
        _forecast(order.index(begins), [order.index(name) for name in then], forecasts),
    )


DETECTION = (THERE.index("loss"), THERE.index("session"))
"""Between which instants the forecast of detection holds."""
MOVED = (THERE.index("routes"), THERE.index("recovered"))
"""The instants at which the forecast of convergence has come about."""


def _forecast(
    begins: int, ends: Sequence[int], forecasts: Sequence[Forecast]
) -> ForecastPart | None:
    """
    Return what was forecast of a part: the time to detect the loss, to converge, or both.

    Nothing was of the time before the first loss, so a part that holds some has no forecast.
    """
    lost, detected = DETECTION
    if begins < lost or lost in ends:
        return None
    spans: list[list[ForecastPart]] = []
    if begins == lost and max(ends) >= detected:
        spans.append([each.detection for each in forecasts])
    if begins <= detected and any(end in MOVED for end in ends):
        spans.append([each.convergence for each in forecasts])
    if not forecasts or not spans:
        return None
    total = _sum([_widest(each) for each in spans])
    return total if total.least or total.most is not None or total.never else None


def _widest(spans: Sequence[ForecastPart]) -> ForecastPart:
    """
    Return the bounds of a time that may be any of several.
    """
    most = [span.most for span in spans if span.most is not None]
    known = len(most) == len(spans)
    return ForecastPart(
        min(span.least or 0.0 for span in spans),
        max(most) if known else None,
        all(span.never for span in spans),
    )


def _sum(spans: Sequence[ForecastPart]) -> ForecastPart:
    most = [span.most for span in spans if span.most is not None]
    return ForecastPart(
        sum(span.least or 0.0 for span in spans),
        sum(most) if len(most) == len(spans) else None,
        any(span.never for span in spans),
    )
