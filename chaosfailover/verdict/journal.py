"""
The door of the journal: parses it, whole, interrupted or damaged, into a `Run`.

The toolkit writes a journal once, at the end, and leaves out what did not happen. What is missing
is absent in the run; what has the wrong shape is absent too, and named in `Run.damage`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import inf

from chaosfailover.outages.outage import Length, Outage
from chaosfailover.verdict.evidence import (
    ActivityRun,
    Control,
    Cut,
    CutResult,
    Event,
    Experiment,
    HypothesisReading,
    Interruption,
    JobReading,
    People,
    PhaseResult,
    PreflightResult,
    StopResult,
    Summary,
    TargetResult,
)
from chaosfailover.verdict.job_history import JobHistory, job_histories
from chaosfailover.verdict.phases import Phases
from chaosfailover.verdict.reader import Reader
from chaosfailover.verdict.recoveries import Recovery, recoveries
from chaosfailover.verdict.series import Series
from chaosfailover.verdict.values import brief, instant, mapping, mappings, number, pair, text

__all__ = ["Run", "brief", "instant", "mapping", "mappings", "number", "parse", "text"]

PHASES = ("before", "during", "after")
PEOPLE = ("name", "roles", "change_ticket", "environment")
CLOCK_JUMP = 0.5
"""Events of two threads may be out of order by less than this, in seconds."""


@dataclass(frozen=True, slots=True)
class Run:
    """
    A run as its journal shows it.

    It is `cut_short` if something ended it before the method did. `tests` and `recoveries` are
    derived from the rest, once. `damage` names the places of the journal that could not be read.
    """

    experiment: Experiment
    status: str
    deviated: bool
    cut_short: bool
    interruption: Interruption | None
    safeguard: str
    start: datetime | None
    end: datetime | None
    node: str
    platform: str
    toolkit: str
    readings: tuple[HypothesisReading, ...]
    method: tuple[ActivityRun, ...]
    rollbacks: tuple[ActivityRun, ...]
    control: Control
    tests: Sequence[JobHistory]
    recoveries: Sequence[Recovery]
    damage: Sequence[str]

    def readings_of(self, when: str) -> list[HypothesisReading]:
        """
        Return the readings of the hypothesis `before`, `during` or `after` the method.
        """
        return [reading for reading in self.readings if reading.when == when]

    @property
    def tested(self) -> list[JobHistory]:
        """
        The failover tests that were seen `Testing`, which is when they cut.
        """
        return [test for test in self.tests if test.tested]


def parse(journal: Mapping[str, object]) -> Run:
    """
    Parse a journal as JSON holds it.
    """
    damage: list[str] = []
    root = Reader(journal, "", damage)
    entry = root.section("failover")
    control = _control(entry)
    readings = tuple(_readings(root.section("steady_states")))
    method, rollbacks = (tuple(map(_activity, root.sections(key))) for key in ("run", "rollbacks"))
    interruption = _interruption(root.section("interruption"))
    interrupted = root.text("status") in ("interrupted", "aborted")
    return Run(
        experiment=_experiment(
            root.section("experiment"), readings, entry.any_text("rollback_strategy")
        ),
        status=root.any_text("status"),
        deviated=root.members.get("deviated") not in (None, False),
        cut_short=interrupted or bool(root.members.get("interruption")),
        interruption=interruption,
        safeguard=root.section("safeguards").any_text("triggered_by"),
        start=root.instant("start"),
        end=root.instant("end"),
        node=root.text("node"),
        platform=root.text("platform"),
        toolkit=root.text("chaoslib-version"),
        readings=readings,
        method=method,
        rollbacks=rollbacks,
        control=control,
        tests=job_histories(control.events, [*method, *rollbacks]),
        recoveries=recoveries(
            control.targets, cut_off=interruption is not None and interruption.kind == "signal"
        ),
        damage=damage,
    )


def _experiment(
    reader: Reader, readings: Sequence[HypothesisReading], strategy_in_force: str
) -> Experiment:
    hypothesis = reader.section("steady-state-hypothesis")
    written = reader.section("runtime").section("rollbacks").text("strategy")
    always = (strategy_in_force or written) == "always"
    probes, rollbacks = hypothesis.sections("probes"), reader.sections("rollbacks")
    return Experiment(
        title=reader.text("title"),
        description=reader.text("description"),
        tags=reader.texts("tags"),
        hypothesis=hypothesis.text("title"),
        has_hypothesis=bool(readings or probes),
        activities=len(reader.sections("method")),
        rollbacks=len(rollbacks) if always else 0,
        dry=reader.any_text("dry"),
        people=_people(reader.sections("extensions")),
    )


def _people(extensions: Sequence[Reader]) -> People:
    ours = (each for each in extensions if each.text("name") == "failover")
    reader = next(ours, Reader(None, "", []))
    roles = reader.section("roles").members
    return People(
        roles={str(role): _names(names) for role, names in roles.items()},
        change_ticket=reader.any_text("change_ticket"),
        environment=reader.any_text("environment"),
        more={str(key): value for key, value in reader.members.items() if key not in PEOPLE},
    )


def _names(value: object) -> list[str]:
    """
    Return the people in a role: one name, or a list of them.
    """
    names = value if isinstance(value, list | tuple) and value else [value]
    return [text(name) for name in names if name]


def _interruption(reader: Reader) -> Interruption | None:
    kind, name, reason = (reader.text(key) for key in ("kind", "name", "reason"))
    fields = {str(key): text(value) for key, value in reader.members.items()}
    return Interruption(kind, name, reason, fields) if fields else None


def _readings(states: Reader) -> Iterator[HypothesisReading]:
    """
    Yield the readings of the hypothesis: one before and one after the method, a list during it.
    """
    for when in PHASES:
        several = isinstance(states.members.get(when), list)
        sections = states.sections(when) if several else [states.section(when)]
        yield from (_reading(when, each) for each in sections if several or each.present)


def _reading(when: str, reader: Reader) -> HypothesisReading:
    probes = tuple(map(_activity, reader.sections("probes")))
    met = reader.flag("steady_state_met")
    return HypothesisReading(
        when=when,
        title=reader.any_text("title"),
        met=met is True and not any(probe.tolerance_met is False for probe in probes),
        finished=met is not None,
        probes=probes,
    )


def _activity(reader: Reader) -> ActivityRun:
    activity = reader.section("activity")
    provider = activity.section("provider")
    arguments = mapping(provider.members.get("arguments"))
    output = Reader(mapping(reader.members.get("output")), "", [])  # it may be anything
    process = provider.text("type") == "process" and activity.text("type") != "probe"
    exit_status = (output.number("status") if process else None) or 0.0
    return ActivityRun(
        type=activity.text("type"),
        name=activity.text("name"),
        module=provider.text("module"),
        func=provider.text("func"),
        resource_id=next((text(arguments[key]) for key in arguments if key.endswith("_id")), ""),
        began=reader.instant("start"),
        ended=reader.instant("end"),
        status="failed" if exit_status else reader.text("status"),
        error=_error(reader.members.get("exception")) or _exit_error(exit_status, output),
        output=reader.members.get("output"),
        job=_job(output),
        has_tolerance=activity.members.get("tolerance") is not None,
        tolerance_met=reader.flag("tolerance_met"),
        tolerance_error=reader.any_text("tolerance_error"),
    )


def _job(output: Reader) -> JobReading | None:
    status, job_id = output.any_text("Status", "status"), output.any_text("JobId", "job_id")
    test = output.any_text("Name", "test") or job_id
    return JobReading(test, job_id, status, bool(output.members.get("stopped"))) if status else None


def _error(exception: object) -> str:
    """
    Return the last line of an exception, which says what went wrong.
    """
    lines = exception if isinstance(exception, list) else [exception]
    last = next((line for each in reversed(lines) if (line := text(each).strip())), "")
    return last.removeprefix("chaoslib.exceptions.ActivityFailed: ")


def _exit_error(exit_status: float, output: Reader) -> str:
    stderr = output.text("stderr").strip().splitlines()
    return ", ".join([f"exit status {exit_status:g}", *stderr[-1:]]) if exit_status else ""


def _control(entry: Reader) -> Control:
    settings, targets = entry.section("settings"), entry.named("targets")
    events = [event for each in entry.sections("events") if (event := _event(each))]
    preflight = tuple(map(_preflight, entry.sections("preflight")))
    versions = entry.section("versions").members
    return Control(
        present=bool(entry.members),
        mode=entry.text("mode"),
        account_id=entry.any_text("account_id"),
        region_id=entry.any_text("region_id"),
        endpoint=entry.any_text("endpoint"),
        topology=entry.any_text("topology"),
        experiment_hash=entry.any_text("experiment_hash"),
        dry=entry.any_text("dry"),
        settings=settings.members,
        abort_after=settings.number("abort_after"),
        abort_when=settings.any_text("abort_when"),
        configuration=entry.section("configuration").members,
        versions={str(key): text(value) for key, value in versions.items()},
        clock_offset=entry.number("clock_offset"),
        set_back=_set_back(events),
        preflight=preflight,
        cuts=tuple(_cut(each, preflight) for each in entry.sections("cuts")),
        events=tuple(sorted(events, key=lambda event: event.at)),
        targets=tuple(_target(name, each, settings) for name, each in targets.items()),
        unmeasured=tuple(name for name in settings.names("targets") if name not in targets),
        stopped=tuple(map(_stop, entry.sections("stopped"))),
        verdict=_verdict(entry.section("verdict")),
    )


def _set_back(events: Sequence[Event]) -> float:
    """
    Return by how many seconds the clock was set back at most, by the order of the events.
    """
    times = [event.at.timestamp() for event in events]
    back = max((at - following for at, following in pairwise(times)), default=0.0)
    return round(back, 3) if back >= CLOCK_JUMP else 0.0


def _verdict(reader: Reader) -> tuple[str, tuple[str, ...]] | None:
    return (reader.text("verdict"), reader.texts("reasons")) if reader.present else None


def _preflight(reader: Reader) -> PreflightResult:
    passed, warnings = reader.flag("passed") is True, reader.texts("warnings")
    return PreflightResult(reader.text("name"), passed, reader.text("detail"), warnings)


def _event(reader: Reader) -> Event | None:
    at = reader.instant("at")
    if at is None:
        return None
    return Event(
        at=at,
        kind=reader.text("kind"),
        test=reader.text("test"),
        job_id=reader.text("job_id"),
        status=reader.text("status"),
        reason=reader.text("reason"),
        resource_id=reader.text("resource_id"),
        up=reader.flag("up"),
        operation=reader.any_text("operation"),
        request_id=reader.any_text("request_id"),
        fields=reader.members,
    )


def _cut(reader: Reader, preflight: Sequence[PreflightResult]) -> Cut:
    test = reader.text("test")
    return Cut(
        test=test,
        resource_type=reader.text("resource_type"),
        resource_ids=reader.texts("resource_ids"),
        duration_minutes=reader.number("duration_minutes"),
        lost=reader.texts("lost"),
        survivors=tuple(each.detail for each in preflight if each.name == f"{test}: survivors"),
    )


def _stop(reader: Reader) -> StopResult:
    test, job_id, status = (reader.text(key) for key in ("test", "job_id", "status"))
    return StopResult(test, job_id, status, reader.any_text("error"), reader.members)


def _target(name: str, reader: Reader, settings: Reader) -> TargetResult:
    summary, written = reader.section("summary"), reader.members.get("rto")
    series = Series(reader.section("series").members)
    damaged = len(reader.damage)
    outages = list(_outages(summary))
    intact = len(reader.damage) == damaged
    cuts, rto = reader.sections("cuts"), _objective(written)
    ends = [*(cut.instant("cut_at") for cut in cuts[1:]), *[None][: len(cuts)]]
    return TargetResult(
        name=name,
        url=reader.any_text("url"),
        interval=reader.number("interval"),
        timeout=reader.number("timeout"),
        rto=rto,
        unreadable_rto=brief(written) if written is not None and rto is None else None,
        persistent=reader.flag("persistent") is True,
        external=reader.flag("external") is True,
        own_rto="rto" in mapping(mapping(settings.members.get("targets")).get(name)),
        measured=summary.present and intact,
        summary=_summary(summary, outages),
        cuts=tuple(
            _cut_result(cut, _phases(outages, series, cut, end))
            for cut, end in zip(cuts, ends, strict=True)
        ),
        series=series,
    )


def _objective(value: object) -> float | None:
    """
    Return an RTO, which may be written as text.
    """
    try:
        return number(float(value)) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        return None


def _summary(reader: Reader, outages: Sequence[Outage]) -> Summary:
    errors = reader.section("errors")
    return Summary(
        sent=reader.number("sent"),
        lost=reader.number("lost"),
        count=reader.number("count"),
        duration=reader.number("duration"),
        unmeasured=reader.number("unmeasured"),
        accumulated=reader.number("accumulated"),
        errors={str(error): errors.number(error) for error in errors.members},
        longest=reader.length("longest"),
        availability=reader.length("availability"),
        before=_phase(reader.section("before")),
        during=_phase(reader.section("during")),
        after=_phase(reader.section("after")),
        outages=outages,
    )


def _phase(reader: Reader) -> PhaseResult:
    rtt, sent, lost = reader.section("rtt"), reader.number("sent"), reader.number("lost")
    return PhaseResult(sent, lost, rtt.number("p50"), rtt.number("p95"), rtt.number("most"))


def _phases(outages: Sequence[Outage], series: Series, cut: Reader, end: datetime | None) -> Phases:
    return Phases(outages, series, cut.instant("cut_at"), cut.instant("stop_at"), end)


def _cut_result(reader: Reader, phases: Phases) -> CutResult:
    """
    Parse a target's measurement in a cut; lengths that it does not hold are computed.
    """
    return CutResult(
        test=reader.text("test"),
        cut_at=phases.cut_at,
        stop_at=phases.stop_at,
        failover=reader.length("failover"),
        reversion=reader.length("reversion"),
        worst_during=_worst(reader, "worst_during", phases.worst_during),
        worst_after=_worst(reader, "worst_after", phases.worst_after),
        unseen_during=_unseen(reader, "unseen_during", phases.unseen_during),
        unseen_after=_unseen(reader, "unseen_after", phases.unseen_after),
        down_at_stop=phases.down_at_stop(),
    )


def _worst(reader: Reader, key: str, computed: Callable[[], Length | None]) -> Length | None:
    return reader.length(key) if key in reader.members else computed()


def _unseen(reader: Reader, key: str, computed: Callable[[], float]) -> float:
    if key not in reader.members:
        return computed()
    seconds = reader.number(key)
    return inf if seconds is None else seconds


def _outages(summary: Reader) -> Iterator[Outage]:
    """
    Yield the outages, of which there may be many; those without a readable length are damage.
    """
    for place, row in enumerate(summary.items("outages")):
        members = mapping(row)
        at_least, at_most = number(members.get("at_least")), number(members.get("at_most"))
        if at_least is None:
            summary.note(f"outages[{place}]")
            continue
        yield Outage(
            at_least,
            inf if at_most is None else at_most,
            lost=int(number(members.get("lost")) or 0),
            error=text(members.get("error")) or None,
            since=pair(members.get("since"), -inf),
            until=pair(members.get("until"), inf),
        )
