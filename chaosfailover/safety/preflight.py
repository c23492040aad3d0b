"""
The preflight: the checks before anything is cut. Unknown counts as failed.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.failover_tests import find_test, job_label
from chaosfailover.errors import FailoverError, PreflightError, TransportError
from chaosfailover.network import resource_status as survey
from chaosfailover.network.cut_resources import Resource, lost, read_states
from chaosfailover.network.under_test import read_underway
from chaosfailover.safety.cut import Cut, cut_of
from chaosfailover.safety.observation import States
from chaosfailover.safety.route_checks import Finding, RouteChecks

__all__ = ["PreflightCheck", "PreflightContext", "existing_cut", "preflight"]

logger = logging.getLogger("chaostoolkit")

# The longest duration of a test: this many times the method's planned time, plus these minutes.
SPARE_MINUTES = 30
SPARE_TIMES = 10


@dataclass(frozen=True, slots=True)
class PreflightContext:
    """
    The input of the preflight: the cuts and their conditions.

    `planned_time` is in seconds. `answer_now` returns why a target does not answer, or "". The
    preflight fills `before` with what goes down with each test, and its state, and `routes` with
    what was read.
    """

    client: VpcClient
    cuts: Sequence[Cut]
    planned_time: float
    min_survivors: int
    routes: RouteChecks
    targets: Sequence[str] = ()
    answer_now: Callable[[str], str] = field(default=lambda _: "")
    before: dict[str, States] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PreflightCheck:
    """
    The result of one check.

    A `last` check got no answer at all, so the checks after it are not made.
    """

    name: str
    passed: bool
    detail: str
    warnings: tuple[str, ...] = ()
    last: bool = False

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


def preflight(flight: PreflightContext) -> list[PreflightCheck]:
    """
    Make every check, and log each result; a failed check does not end the preflight.

    Only a missing answer does. Nothing is changed: the calls are Describe calls and dry runs.
    """
    checks = []
    for name, make in _checks(flight):
        check = _check(name, make)
        logger.log(
            logging.INFO if check.passed else logging.ERROR,
            "Preflight: %s: %s: %s",
            check.name,
            "ok" if check.passed else "NO",
            check.detail,
        )
        for warning in check.warnings:
            logger.warning("Preflight: %s: %s", check.name, warning)
        checks.append(check)
        if check.last:
            break
    return checks


def _check(name: str, make: Callable[[], Finding]) -> PreflightCheck:
    try:
        finding = make()
    except FailoverError as error:
        return PreflightCheck(name, False, str(error), last=isinstance(error, TransportError))
    detail, warnings = finding if isinstance(finding, tuple) else (finding, ())
    return PreflightCheck(name, passed=True, detail=detail, warnings=tuple(warnings))


def _checks(flight: PreflightContext) -> Iterator[tuple[str, Callable[[], Finding]]]:
    """
    Yield the checks in order.
    """
    if flight.cuts:
        yield "the region answers", partial(_region, flight.client)
        yield "no test is running", partial(_quiet, flight.client)
    for cut in flight.cuts:
        yield f"{cut.test}: resources", partial(_resources, flight.client, cut)
        yield f"{cut.test}: survivors", partial(_survivors, flight, cut)
        yield f"{cut.test}: duration", partial(_duration, flight, cut)
        yield f"{cut.test}: dry run", partial(_dry_run, flight.client, cut)
    for cut in flight.cuts:
        yield from flight.routes.of(cut)
    for target in flight.targets:
        yield f"target {target}", partial(_target, flight, target)


def _region(client: VpcClient) -> str:
    next(iter(client.describe_failover_test_jobs()), None)
    return f"{client.region_id} answers at {client.endpoint}, and the credentials work"


def _quiet(client: VpcClient) -> Finding:
    underway = read_underway(client)
    if underway.jobs:
        listing = ", ".join(map(job_label, underway.jobs))
        raise PreflightError(f"{listing} in {client.region_id}; at most one can run")
    return f"none in {client.region_id}", underway.warnings


def _resources(client: VpcClient, cut: Cut) -> str:
    for resource_id in cut.resource_ids:
        survey.check_ready(client, cut.resource_type, resource_id)
    return f"{', '.join(cut.resource_ids)} ready to be tested"


def _survivors(flight: PreflightContext, cut: Cut) -> Finding:
    survival = survey.survival(flight.client, cut.resource_ids, cut.resource_type)
    flight.routes.survivals[cut.test] = survival
    survey.require(survival, flight.min_survivors)
    flight.before[cut.test] = _states(flight.client, lost(survival, cut.resource_type))
    paths = ", ".join(str(path) for path in survival.survivors)
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


def _duration(flight: PreflightContext, cut: Cut) -> str:
    planned = flight.planned_time / 60
    longest = planned * SPARE_TIMES + SPARE_MINUTES
    if cut.duration_minutes < planned:
        raise PreflightError(
            f"{cut.duration_minutes} min, but the method takes {planned:.1f} min: "
            "the test would end before the method does"
        )
    if cut.duration_minutes > longest:
        raise PreflightError(
            f"{cut.duration_minutes} min, but the method takes only {planned:.1f} min; "
            f"expected at most {longest:.0f} min"
        )
    return f"{cut.duration_minutes} min for a method of {planned:.1f} min"


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


def existing_cut(client: VpcClient, test: str) -> Cut:
    """
    Return the cut of an existing test, which the experiment only starts.
    """
    return cut_of(test, find_test(client, test))
