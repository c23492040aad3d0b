"""
The preflight: the checks before anything is cut. Unknown counts as failed.
"""

import contextlib
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import partial
from typing import NamedTuple

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import text
from chaosfailover.alibaba.failover_tests import find_test, job_label, listed_tests
from chaosfailover.alibaba.retries import is_retryable
from chaosfailover.errors import (
    ApiError,
    ArgumentError,
    ConnectionFailedError,
    FailoverError,
    JobNotFoundError,
    PreflightError,
    TransportError,
)
from chaosfailover.events.waits import waiting
from chaosfailover.network import resource_status as survey
from chaosfailover.network.cut_resources import Resource, lost, read_states
from chaosfailover.network.under_test import read_underway
from chaosfailover.safety.allowed_times import ALWAYS, AllowedTimes
from chaosfailover.safety.cut import Cut, cut_of
from chaosfailover.safety.observation import States
from chaosfailover.safety.route_checks import UNKNOWN, Finding, RouteChecks

__all__ = [
    "PATH_KEYS",
    "PreflightCheck",
    "PreflightContext",
    "ProbedResource",
    "check_duration",
    "is_no_region",
    "log_check",
    "offers",
    "preflight",
]

logger = logging.getLogger("chaostoolkit")

# The longest duration of a test: this many times the method's planned time, plus these minutes.
SPARE_MINUTES = 30
SPARE_TIMES = 10
# Seconds for the first answer of the region: one that is not there is not waited for any longer.
ANSWER_TIME = 5.0
MOST_OFFERED = 10
REGION = "the region answers"
PATH_KEYS = {
    "PHYSICALCONNECTION": "circuit_id",
    "VIRTUALBORDERROUTER": "vbr_id",
    "BGPPEER": "bgp_peer_id",
}
NO_SUCH_REGION = "InvalidRegionId"


class AbsentError(PreflightError):
    """
    What would be cut does not exist, so that all further checks would say the same.
    """


@dataclass(frozen=True, slots=True)
class PreflightCheck:
    """
    The result of one check.

    A failed check that is `last` is the one cause of all that would fail after it.
    """

    name: str
    passed: bool
    detail: str
    warnings: tuple[str, ...] = ()
    last: bool = False

    @property
    def result(self) -> str:
        """
        What the log says: `unknown` where nothing was found out, and that is no failure.
        """
        unknown = self.detail.startswith(UNKNOWN)
        return "NO" if not self.passed else "unknown" if unknown else "ok"

    def as_dict(self) -> dict[str, object]:
        """
        Return the check as the journal holds it.
        """
        return {
            "name": self.name,
            "passed": self.passed,
            "detail": self.detail,
            "warnings": list(self.warnings),
        }


def log_check(check: PreflightCheck) -> None:
    """
    Log the result of a check, and its warnings.
    """
    logger.log(
        logging.INFO if check.passed else logging.ERROR,
        "Preflight: %s: %s: %s",
        check.name,
        check.result,
        check.detail,
    )
    for warning in check.warnings:
        logger.warning("Preflight: %s: %s", check.name, warning)


class ProbedResource(NamedTuple):
    """
    A resource that a probe of the experiment reads.
    """

    probe: str
    resource_type: str
    resource_id: str


@dataclass(frozen=True, slots=True)
class PreflightContext:
    """
    The input of the preflight: the cuts and their conditions.

    `planned_time` is in seconds. `started` are existing tests, whose cuts the preflight adds to
    `cuts`. `regions` reads those of the service. What is `probed` has to exist. `answer_now`
    returns why a target does not answer, or "". Cuts that are `live` may run at the `times` only.
    `tell` gets each check that was made. The preflight fills `before` with what goes down with each
    test, and its state, and `routes` with what was read.
    """

    client: VpcClient
    cuts: list[Cut]
    planned_time: float
    min_survivors: int
    routes: RouteChecks
    started: Sequence[str] = ()
    regions: Callable[[], Collection[str]] = tuple
    targets: Sequence[str] = ()
    probed: Sequence[ProbedResource] = ()
    answer_now: Callable[[str], str] = field(default=lambda _: "")
    times: AllowedTimes = ALWAYS
    live: bool = False
    tell: Callable[[PreflightCheck], None] = log_check
    before: dict[str, States] = field(default_factory=dict)


def check_duration(cut: Cut, planned_time: float) -> str:
    """
    Return how the duration of a test fits a method of so many seconds; raises PreflightError.
    """
    planned = planned_time / 60
    took = f"{planned:.1f} min" if planned >= 1 else f"{planned_time:.0f} s"
    longest = planned * SPARE_TIMES + SPARE_MINUTES
    if cut.duration_minutes < planned:
        raise PreflightError(
            f"{cut.duration_minutes} min, but the method takes {took}: "
            "the test would end before the method does"
        )
    if cut.duration_minutes > longest:
        raise PreflightError(
            f"{cut.duration_minutes} min, but the method takes only {took}; "
            f"expected at most {longest:.0f} min"
        )
    return f"{cut.duration_minutes} min for a method of {took}"


def preflight(flight: PreflightContext) -> list[PreflightCheck]:
    """
    Make every check, and tell each result; a failed check does not end the preflight.

    Only a region without an answer does, or what would be cut but does not exist. Nothing is
    changed: the calls are Describe calls and dry runs.
    """
    checks = []
    for name, make in _checks(flight):
        check = _check(name, make)
        flight.tell(check)
        checks.append(check)
        if check.last:
            break
    return checks


def _check(name: str, make: Callable[[], Finding]) -> PreflightCheck:
    try:
        with waiting(f"the preflight check “{name}”"):
            finding = make()
    except FailoverError as error:
        last = isinstance(error, TransportError | AbsentError) or name == REGION
        return PreflightCheck(name, False, str(error), last=last)
    detail, warnings = finding if isinstance(finding, tuple) else (finding, ())
    return PreflightCheck(name, passed=True, detail=detail, warnings=tuple(warnings))


def _checks(flight: PreflightContext) -> Iterator[tuple[str, Callable[[], Finding]]]:
    """
    Yield the checks in order.
    """
    if flight.cuts or flight.started:
        yield REGION, partial(_region, flight)
        yield "no test is running", partial(_quiet, flight.client)
    for test in flight.started:
        yield f"{test}: exists", partial(_exists, flight, test)
    if flight.cuts and flight.times:
        yield "allowed times", partial(_time, flight, datetime.now(UTC))
    for cut in flight.cuts:
        yield f"{cut.test}: resources", partial(_resources, flight.client, cut)
        yield f"{cut.test}: survivors", partial(_survivors, flight, cut)
        yield f"{cut.test}: duration", partial(check_duration, cut, flight.planned_time)
        yield f"{cut.test}: dry run", partial(_dry_run, flight.client, cut)
    if flight.cuts and (probed := _only_probed(flight)):
        yield "resources of probes", partial(_probed, flight.client, probed)
    for cut in flight.cuts:
        yield from flight.routes.of(cut)
    for target in flight.targets:
        yield f"target {target}", partial(_target, flight, target)


def _region(flight: PreflightContext) -> str:
    client = flight.client
    try:
        client.check_answers(ANSWER_TIME)
    except (ApiError, ConnectionFailedError) as error:
        if isinstance(error, ApiError) and is_retryable(error):
            next(iter(client.describe_failover_test_jobs()), None)  # it answers: be patient
        elif known := _known_regions(error, flight):
            raise PreflightError(f"{error}{known}") from error
        else:
            raise
    return f"{client.region_id} answers at {client.endpoint}, and the credentials work"


def _known_regions(error: ApiError | ConnectionFailedError, flight: PreflightContext) -> str:
    """
    Return the end of the sentence on a region that does not exist, "" if it may exist.
    """
    if isinstance(error, ApiError) and not is_no_region(error):
        return ""
    region_id, regions = flight.client.region_id, _read(flight.regions)
    return "" if region_id in regions else offers(region_id, regions)


def _read(read_names: Callable[[], Collection[str]]) -> Collection[str]:
    """
    Return the names that complete a message; none if they cannot be read.
    """
    with contextlib.suppress(FailoverError):
        return set(read_names())
    return ()


def is_no_region(error: FailoverError | None) -> bool:
    """
    Tell whether the API says that there is no such region.
    """
    return isinstance(error, ApiError) and error.code.startswith(NO_SUCH_REGION)


def offers(absent: str, names: Collection[str]) -> str:
    """
    Return the end of a sentence on a name that does not exist: those that do, the likeliest ten.
    """
    likely = get_close_matches(absent, names, MOST_OFFERED)
    offers = [*likely, *sorted(set(names) - set(likely))][:MOST_OFFERED]
    more = f" and {len(names) - MOST_OFFERED} more" if len(names) > MOST_OFFERED else ""
    return f"; known: {', '.join(sorted(offers))}{more}" if offers else ""


def _exists(flight: PreflightContext, test: str) -> str:
    try:
        job = find_test(flight.client, test)
    except JobNotFoundError as error:
        raise AbsentError(
            f"{error}{offers(test, _read(partial(_tests, flight.client)))}"
        ) from error
    cut = cut_of(test, job)
    flight.cuts.append(cut)
    return f"{job_label(job)} cuts {cut}"


def _tests(client: VpcClient) -> list[str]:
    return [name for job in listed_tests(client) if (name := text(job, "Name"))]


def _quiet(client: VpcClient) -> Finding:
    underway = read_underway(client)
    if underway.jobs:
        listing = ", ".join(map(job_label, underway.jobs))
        raise PreflightError(f"{listing} in {client.region_id}; at most one can run")
    return f"none in {client.region_id}", underway.warnings


def _only_probed(flight: PreflightContext) -> dict[str, ProbedResource]:
    """
    Return, by ID, what is read and not cut, which other checks look at.
    """
    cut = {resource_id for each in flight.cuts for resource_id in each.resource_ids}
    return {each.resource_id: each for each in flight.probed if each.resource_id not in cut}


def _probed(client: VpcClient, probed: Mapping[str, ProbedResource]) -> str:
    absent = []
    for probe, resource_type, resource_id in probed.values():
        try:
            survey.check_exists(client, resource_type, resource_id)
        except ArgumentError as error:
            ids = _read(partial(_resource_ids, client, resource_type))
            absent.append(f"{probe}: {error}{offers(resource_id, ids)}")
    if absent:
        raise PreflightError("; ".join(absent))
    return f"{', '.join(probed)} exist"


def _resources(client: VpcClient, cut: Cut) -> str:
    for resource_id in cut.resource_ids:
        try:
            survey.check_ready(client, cut.resource_type, resource_id)
        except ArgumentError as error:  # there is none of this ID
            ids = _read(partial(_resource_ids, client, cut.resource_type))
            raise AbsentError(f"{error}{offers(resource_id, ids)}") from error
    return f"{', '.join(cut.resource_ids)} ready to be tested"


def _resource_ids(client: VpcClient, resource_type: str) -> list[str]:
    key = PATH_KEYS[resource_type]
    return [name for path in survey.read_paths(client) if (name := getattr(path, key))]


def _survivors(flight: PreflightContext, cut: Cut) -> Finding:
    survival = survey.survival(flight.client, cut.resource_ids, cut.resource_type)
    if survival.count < flight.min_survivors:
        survival = flight.routes.with_backups(survival)
    flight.routes.survivals[cut.test] = survival
    survey.require(survival, flight.min_survivors)
    flight.before[cut.test] = _states(flight.client, lost(survival, cut.resource_type))
    backups = dict.fromkeys(backup for need in survival.needs for backup in need.backups)
    paths = ", ".join([*map(str, survival.survivors), *backups])
    # Whether another AS is the same network is for the routes to say.
    ends = [need.other_ends for need in survival.needs]
    warnings = [warning for warning in survival.warnings if warning not in ends]
    return f"{survival.count}: {paths}", warnings


def _states(client: VpcClient, resources: Sequence[Resource]) -> States:
    """
    Read the states in which the resources will have to be again after the cut.
    """
    states = read_states(client, resources)
    if missing := [each.resource_id for each in resources if each not in states]:
        raise PreflightError(f"{', '.join(missing)}: not shown by the API when asked for")
    return states


def _time(flight: PreflightContext, now: datetime) -> Finding:
    """
    Check that all cuts, each for its whole duration, would be over in time.
    """
    minutes = sum(cut.duration_minutes for cut in flight.cuts)
    ends = now + timedelta(minutes=minutes, seconds=flight.planned_time)
    problem = flight.times.problem(now, ends)
    if problem and flight.live:
        raise PreflightError(problem)
    if problem:
        return "see the warning", [f"a live run would be refused: {problem}"]
    return f"all would be over at {ends:%Y-%m-%d %H:%M} UTC"


def _dry_run(client: VpcClient, cut: Cut) -> str:
    if cut.job_id:
        return f"{cut.job_id} exists already"
    client.create_failover_test_job(
        resource_ids=cut.resource_ids,
        resource_type=cut.resource_type,
        job_type="StartNow",
        job_duration=cut.duration_minutes,
        name=cut.test,
        dry_run=True,
    )
    return "the API would accept it"


def _target(flight: PreflightContext, target: str) -> str:
    if problem := flight.answer_now(target):
        raise PreflightError(problem)
    return "answers"
