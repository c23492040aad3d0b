"""
The parts of a run as its journal shows them: what the rules, the record and the report read.

Instants are aware UTC, lengths are in seconds. What is missing is None, "" or empty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chaosfailover.outages.outage import Length, Outage
from chaosfailover.verdict.recovery import Recovery
from chaosfailover.verdict.series import Series

__all__ = [
    "UNFINISHED",
    "ActivityRun",
    "CircuitTraffic",
    "Control",
    "Cut",
    "Event",
    "Experiment",
    "Fields",
    "Forecast",
    "ForecastPart",
    "HypothesisReading",
    "Interruption",
    "JobReading",
    "Later",
    "NeedLoad",
    "NeedRoutes",
    "People",
    "PhaseResult",
    "PreflightResult",
    "Rates",
    "RoundTrips",
    "StopResult",
    "Summary",
    "TargetResult",
]

Fields = Mapping[str, object]
"""A part of the journal that the record holds as it was written."""


@dataclass(frozen=True, slots=True)
class Event:
    """
    An event of the control; `fields` are all that it has.

    A change came between `earliest` and `at`; None if the former is not known.
    """

    at: datetime
    earliest: datetime | None
    kind: str
    test: str
    job_id: str
    status: str
    reason: str
    resource_id: str
    up: bool | None
    operation: str
    request_id: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class JobReading:
    """
    A failover test's document, as an activity returned it; `stopped` if the activity ended it.
    """

    test: str
    job_id: str
    status: str
    stopped: bool


@dataclass(frozen=True, slots=True)
class ActivityRun:
    """
    The run of an action or a probe.

    `status` is "" where the run was cut off, and "failed" for an action that is a process with an
    exit status, which the toolkit calls succeeded. `error` is the last line of the exception.
    `resource_id` is the first argument that names a resource, and `tolerance` what the experiment
    says.
    """

    type: str
    name: str
    module: str
    func: str
    resource_id: str
    began: datetime | None
    ended: datetime | None
    status: str
    error: str
    output: object
    job: JobReading | None
    tolerance: object
    tolerance_met: bool | None
    tolerance_error: str

    @property
    def has_tolerance(self) -> bool:
        """
        Whether the output is held to anything.
        """
        return self.tolerance is not None


@dataclass(frozen=True, slots=True)
class HypothesisReading:
    """
    A reading of the hypothesis `when`: before, during or after the method.

    `met` needs every probe within its tolerance; a reading that was cut off is not `finished`.
    """

    when: str
    title: str
    met: bool
    finished: bool
    probes: tuple[ActivityRun, ...]


@dataclass(frozen=True, slots=True)
class People:
    """
    The experiment's extension `failover`: roles, change ticket and `more` that it says.
    """

    roles: Mapping[str, list[str]]
    change_ticket: str
    environment: str
    more: Fields


@dataclass(frozen=True, slots=True)
class Experiment:
    """
    The experiment; `activities` and `rollbacks` count those that are played whatever happens.
    """

    title: str
    description: str
    tags: tuple[str, ...]
    hypothesis: str
    has_hypothesis: bool
    activities: int
    rollbacks: int
    dry: str
    people: People


UNFINISHED = "unfinished"
"""The kind of interruption of a run whose evidence has no end: it was killed, or goes on."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """
    What ended the run early; `fields` are all that the control wrote of it.
    """

    kind: str
    name: str
    reason: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PreflightResult:
    """
    A preflight check with its result.
    """

    name: str
    passed: bool
    detail: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NeedRoutes:
    """
    What the routes proved of a need: the prefixes, each with those that carry it or with reasons.
    """

    need: str
    proven: bool
    covered: Fields
    lost: Fields
    unknown: Fields
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ForecastPart:
    """
    A part of a forecast, in seconds; `most` is None if it has no known end.
    """

    least: float | None
    most: float | None
    never: bool


@dataclass(frozen=True, slots=True)
class Forecast:
    """
    The time to take over that was forecast for a need, and its two parts; `never` if nothing would.
    """

    need: str
    least: float | None
    most: float | None
    never: bool
    detection: ForecastPart
    convergence: ForecastPart
    reasons: tuple[str, ...]
    advice: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NeedLoad:
    """
    The load that a need would leave to its survivors, by direction.
    """

    need: str
    status: str
    inbound: Fields
    outbound: Fields
    gaps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rates:
    """
    The mean traffic in Mbit/s, None where it was not seen.
    """

    inbound: float | None
    outbound: float | None


@dataclass(frozen=True, slots=True)
class CircuitTraffic:
    """
    The traffic of a circuit before, during and after the cut of a test.
    """

    test: str
    circuit_id: str
    before: Rates
    during: Rates
    after: Rates


@dataclass(frozen=True, slots=True)
class Cut:
    """
    A planned cut: the resources of a failover test, what goes down with them, and what must not.

    The control was to prove the survivors by `survivors_by`, "" of older runs; the rest is what
    `routes`, forecast and `load` showed before the cut.
    """

    test: str
    resource_type: str
    resource_ids: tuple[str, ...]
    duration_minutes: float | None
    lost: tuple[str, ...]
    survivors: Sequence[str]
    survivors_by: str
    routes: Sequence[NeedRoutes]
    takeover: Sequence[Forecast]
    load: Sequence[NeedLoad]

    @property
    def rests_on(self) -> str:
        """
        What proves the survivors: `routes`, `sessions`, or "" if that is not known.
        """
        proven = self.routes and all(need.proven for need in self.routes)
        return self.survivors_by and ("routes" if proven else "sessions")


@dataclass(frozen=True, slots=True)
class StopResult:
    """
    The attempt of the control to stop a failover test; `fields` are all that it wrote of it.

    `back` tells whether what the test took was seen as before, None if that is unknown; `not_back`
    names what was not. A test that `may_start` has a start without an answer.
    """

    test: str
    job_id: str
    status: str
    error: str
    back: bool | None
    not_back: tuple[str, ...]
    may_start: bool
    fields: Fields


@dataclass(frozen=True, slots=True)
class Later:
    """
    What a watchdog wrote after the run had ended, and by when: no part of the record.
    """

    at: datetime | None
    stopped: Sequence[StopResult]

    @property
    def all_back(self) -> bool:
        """
        Whether all that the run left to it was seen back.
        """
        return all(stop.back is True and not stop.error for stop in self.stopped)


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """
    The median, the 95th percentile and the longest of the round trips.
    """

    p50: float | None
    p95: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class PhaseResult:
    """
    The checks of a target in one phase; `fewest` are those of the flow that has the fewest.
    """

    sent: float | None
    lost: float | None
    rtt: RoundTrips
    fewest: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """
    The measurement of a target over the whole run.
    """

    sent: float | None
    lost: float | None
    count: float | None
    duration: float | None
    unmeasured: float | None
    accumulated: float | None
    errors: Mapping[str, float | None]
    longest: Length | None
    availability: Length | None
    before: PhaseResult
    during: PhaseResult
    after: PhaseResult
    outages: Sequence[Outage]


@dataclass(frozen=True, slots=True)
class TargetResult:
    """
    A target with its settings and its measurement.

    `rto` is None for a target without an objective, or with one that is no number, which
    `unreadable_rto` then quotes; it is its `own_rto` if the settings give it to this target, not to
    all. An `external` target is none that the cut could touch. It is `measured` if it has a summary
    with intact outages. `flows` is their number, None of a target without.
    """

    name: str
    url: str
    interval: float | None
    timeout: float | None
    rto: float | None
    unreadable_rto: str | None
    persistent: bool
    own_rto: bool
    external: bool
    flows: float | None
    measured: bool
    summary: Summary
    cuts: Sequence[Recovery]
    series: Series


@dataclass(frozen=True, slots=True)
class Control:
    """
    The control's entry; `present` unless the run had no control.

    An `embedded` emulator ends with the run. `changed_line` is the first line of an evidence
    file that was changed, 0 without any. `later` is what its watchdogs wrote after the end.
    `minute` is how long a minute of a rehearsal was set to last. `events` are in the order of
    their instants. `unmeasured` are targets that the settings name and that have no
    measurement. `set_back` is by how many seconds the clock was set back.
    """

    present: bool
    mode: str
    embedded: bool
    changed_line: float
    later: Later
    account_id: str
    region_id: str
    endpoint: str
    topology: str
    experiment_hash: str
    dry: str
    settings: Fields
    minute: float | None
    abort_after: float | None
    abort_when: str
    configuration: Fields
    versions: Mapping[str, str]
    clock_offset: float | None
    set_back: float
    preflight: Sequence[PreflightResult]
    cuts: Sequence[Cut]
    events: Sequence[Event]
    targets: Sequence[TargetResult]
    unmeasured: Sequence[str]
    stopped: Sequence[StopResult]
    traffic: Sequence[CircuitTraffic]
    verdict: tuple[str, tuple[str, ...]] | None

    def events_of(self, kind: str) -> list[Event]:
        """
        Return the events of one kind.
        """
        return [event for event in self.events if event.kind == kind]
