"""
The door of the journal: parses it, whole, interrupted or damaged, into a `Run`.

The toolkit writes a journal once, at the end, and leaves out what did not happen. What is missing
is absent in the run; what has the wrong shape is absent too, and named in `Run.damage`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from math import inf

from chaosfailover.outages.outage import Outage
from chaosfailover.verdict import evidence
from chaosfailover.verdict.job_history import JobHistory, job_histories
from chaosfailover.verdict.reader import Reader
from chaosfailover.verdict.recovery import Directions, FlowRecovery, Recovery, Share
from chaosfailover.verdict.series import Series
from chaosfailover.verdict.values import (
    brief,
    error,
    instant,
    mapping,
    mappings,
    number,
    pair,
    text,
)

__all__ = [
    "Run",
    "brief",
    "instant",
    "judged_status",
    "mapping",
    "mappings",
    "number",
    "parse",
    "text",
]

PHASES = ("before", "during", "after")
PEOPLE = ("name", "roles", "change_ticket", "environment")
CUT_OFF = ("signal", evidence.UNFINISHED)
"""The interruptions that end the measurement too."""
CLOCK_JUMP = 0.5
"""Events of two threads may be out of order by less than this, in seconds."""


@dataclass(frozen=True, slots=True)
class Run:
    """
    A run as its journal shows it.

    It is `cut_short` if something ended it before the method did. `tests` and `recoveries` are
    derived from the rest, once. `damage` names the places of the journal that could not be read.
    """

    experiment: evidence.Experiment
    status: str
    deviated: bool
    cut_short: bool
    interruption: evidence.Interruption | None
    safeguard: str
    start: datetime | None
    end: datetime | None
    node: str
    platform: str
    toolkit: str
    readings: tuple[evidence.HypothesisReading, ...]
    method: tuple[evidence.ActivityRun, ...]
    rollbacks: tuple[evidence.ActivityRun, ...]
    control: evidence.Control
    tests: Sequence[JobHistory]
    recoveries: Sequence[Recovery]
    damage: Sequence[str]

    def readings_of(self, when: str) -> list[evidence.HypothesisReading]:
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
    status = text(judged_status(journal) or "")
    return root.document(
        Run,
        experiment=_experiment(
            root.section("experiment"), readings, entry.text("rollback_strategy")
        ),
        deviated=root.members.get("deviated") not in (None, False),
        status=status,
        cut_short=status in ("interrupted", "aborted") or bool(root.members.get("interruption")),
        interruption=interruption,
        safeguard=root.section("safeguards").text("triggered_by"),
        toolkit=root.text("chaoslib-version"),
        readings=readings,
        method=method,
        rollbacks=rollbacks,
        control=control,
        tests=job_histories(control.events, [*method, *rollbacks]),
        recoveries=[
            _cut_off(cut, interruption is not None and interruption.kind in CUT_OFF)
            for target in control.targets
            for cut in target.cuts
        ],
        damage=damage,
    )


def judged_status(journal: Mapping[str, object]) -> object:
    """
    Return the toolkit's status by which a run was judged.

    A run that failed after its record was made, as its report could not be written, notes it.
    """
    later = mapping(mapping(journal.get("failover")).get("after_record"))
    status = journal.get("status")
    return later["status"] if status == "failed" and later.get("status") else status


def _experiment(
    reader: Reader, readings: Sequence[evidence.HypothesisReading], strategy_in_force: str
) -> evidence.Experiment:
    hypothesis = reader.section("steady-state-hypothesis")
    written = reader.section("runtime").section("rollbacks").text("strategy")
    always = (strategy_in_force or written) == "always"
    probes, rollbacks = hypothesis.sections("probes"), reader.sections("rollbacks")
    return reader.document(
        evidence.Experiment,
        hypothesis=hypothesis.text("title"),
        has_hypothesis=bool(readings or probes),
        activities=len(reader.sections("method")),
        rollbacks=len(rollbacks) if always else 0,
        people=_people(reader.sections("extensions")),
    )


def _people(extensions: Sequence[Reader]) -> evidence.People:
    ours = (each for each in extensions if each.text("name") == "failover")
    reader = next(ours, Reader(None, "", []))
    roles = reader.section("roles").members
    return reader.document(
        evidence.People,
        roles={str(role): _names(names) for role, names in roles.items()},
        more={str(key): value for key, value in reader.members.items() if key not in PEOPLE},
    )


def _names(value: object) -> list[str]:
    """
    Return the people in a role: one name, or a list of them.
    """
    names = value if isinstance(value, list | tuple) and value else [value]
    return [text(name) for name in names if name]


def _interruption(reader: Reader) -> evidence.Interruption | None:
    fields = {str(key): text(value) for key, value in reader.members.items()}
    return reader.document(evidence.Interruption, fields=fields) if fields else None


def _readings(states: Reader) -> Iterator[evidence.HypothesisReading]:
    """
    Yield the readings of the hypothesis: one before and one after the method, a list during it.
    """
    for when in PHASES:
        several = isinstance(states.members.get(when), list)
        sections = states.sections(when) if several else [states.section(when)]
        yield from (_reading(when, each) for each in sections if several or each.present)


def _reading(when: str, reader: Reader) -> evidence.HypothesisReading:
    probes = tuple(map(_activity, reader.sections("probes")))
    met = reader.flag("steady_state_met")
    return reader.document(
        evidence.HypothesisReading,
        when=when,
        met=met is True and not any(probe.tolerance_met is False for probe in probes),
        finished=met is not None,
        probes=probes,
    )


def _activity(reader: Reader) -> evidence.ActivityRun:
    activity = reader.section("activity")
    provider = activity.section("provider")
    arguments = mapping(provider.members.get("arguments"))
    output = Reader(mapping(reader.members.get("output")), "", [])  # it may be anything
    process = provider.text("type") == "process" and activity.text("type") != "probe"
    exit_status = (output.number("status") if process else None) or 0.0
    return reader.document(
        evidence.ActivityRun,
        type=activity.text("type"),
        name=activity.text("name"),
        module=provider.text("module"),
        func=provider.text("func"),
        resource_id=next((text(arguments[key]) for key in arguments if key.endswith("_id")), ""),
        began=reader.instant("start"),
        ended=reader.instant("end"),
        status="failed" if exit_status else reader.text("status"),
        error=error(reader.members.get("exception")) or _exit_error(exit_status, output),
        output=reader.members.get("output"),
        job=_job(output),
        tolerance=activity.members.get("tolerance"),
    )


def _job(output: Reader) -> evidence.JobReading | None:
    status, job_id = output.text("Status", "status"), output.text("JobId", "job_id")
    test = output.text("Name", "test") or job_id
    return (
        evidence.JobReading(test, job_id, status, bool(output.members.get("stopped")))
        if status
        else None
    )


def _exit_error(exit_status: float, output: Reader) -> str:
    stderr = output.text("stderr").strip().splitlines()
    return ", ".join([f"exit status {exit_status:g}", *stderr[-1:]]) if exit_status else ""


def _control(entry: Reader) -> evidence.Control:
    settings, targets = entry.section("settings"), entry.named("targets")
    verdict, written = entry.section("verdict"), entry.section("evidence")
    listed = settings.section("targets").members
    events = [event for each in entry.sections("events") if (event := _event(each))]
    preflight = [each.document(evidence.PreflightResult) for each in entry.sections("preflight")]
    return entry.document(
        evidence.Control,
        present=entry.present,
        embedded=entry.flag("embedded") is True,
        changed_line=written.number("changed") or 0.0,
        later=written.section("later").document(evidence.Later),
        settings=settings.members,
        minute=settings.number("minute"),
        abort_after=settings.number("abort_after"),
        abort_when=settings.text("abort_when"),
        set_back=_set_back(events),
        preflight=preflight,
        cuts=[_cut(each, preflight) for each in entry.sections("cuts")],
        events=sorted(events, key=lambda event: event.at),
        targets=[_target(name, each, mapping(listed.get(name))) for name, each in targets.items()],
        unmeasured=[name for name in map(text, listed) if name not in targets],
        verdict=(verdict.text("verdict"), verdict.texts("reasons")) if verdict.present else None,
    )


def _set_back(events: Sequence[evidence.Event]) -> float:
    """
    Return by how many seconds the clock was set back at most, by the order of the events.
    """
    times = [event.at.timestamp() for event in events]
    back = max((at - following for at, following in pairwise(times)), default=0.0)
    return round(back, 3) if back >= CLOCK_JUMP else 0.0


def _event(reader: Reader) -> evidence.Event | None:
    return reader.document(evidence.Event) if reader.instant("at") else None


def _cut(reader: Reader, preflight: Sequence[evidence.PreflightResult]) -> evidence.Cut:
    name = f"{reader.text('test')}: survivors"
    return reader.document(
        evidence.Cut, survivors=[each.detail for each in preflight if each.name == name]
    )


def _target(name: str, reader: Reader, setting: Mapping[str, object]) -> evidence.TargetResult:
    summary, written = reader.section("summary"), reader.members.get("rto")
    series = Series(reader.section("series").members)
    damaged = len(reader.damage)
    outages = list(_outages(summary))
    intact = len(reader.damage) == damaged
    rto = _objective(written)
    target = reader.document(
        evidence.TargetResult,
        name=name,
        rto=rto,
        unreadable_rto=brief(written) if written is not None and rto is None else None,
        own_rto="rto" in setting,
        measured=summary.present and intact,
        summary=summary.document(evidence.Summary, outages=outages),
        cuts=(),
        series=series,
    )
    return replace(target, cuts=[_recovery(cut, target) for cut in reader.sections("cuts")])


def _objective(value: object) -> float | None:
    """
    Return an RTO, which may be written as text.
    """
    try:
        return number(float(value)) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        return None


def _cut_off(recovery: Recovery, cut_off: bool) -> Recovery:
    flows = [
        replace(flow, recovery=replace(flow.recovery, cut_off=cut_off)) for flow in recovery.flows
    ]
    return replace(recovery, cut_off=cut_off, flows=flows)


def _recovery(reader: Reader, target: evidence.TargetResult) -> Recovery:
    cut = {"test": reader.text("test")} | {
        key: reader.instant(key) for key in ("cut_at", "stop_at")
    }
    directions = reader.section("directions")
    return reader.document(
        Recovery,
        flows=[
            each.document(FlowRecovery, recovery=_single(each, target, **cut))
            for each in reader.sections("flows")
        ],
        share=_share(reader.section("share")),
        share_back=_share(reader.section("share_back")),
        directions=directions.document(Directions) if directions.present else None,
        **_settings(target),
        **cut,
    )


def _single(reader: Reader, target: evidence.TargetResult, **cut: object) -> Recovery:
    """
    Read the recovery of one flow.
    """
    none = dict.fromkeys(("share", "share_back", "directions"))
    return reader.document(Recovery, flows=(), **none, **_settings(target), **cut)


def _settings(target: evidence.TargetResult) -> dict[str, object]:
    return {
        "target": target.name,
        "rto": target.rto,
        "interval": target.interval,
        "persistent": target.persistent and not target.own_rto,
        "external": target.external,
    }


def _share(reader: Reader) -> Share | None:
    return reader.document(Share) if reader.present else None


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
            flow=int(flow) if (flow := number(members.get("flow"))) else None,
        )
