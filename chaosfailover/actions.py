"""
Actions on failover tests: create, start, stop, update, delete, and stop all.
"""

import contextlib
import functools
from collections.abc import Mapping, Sequence
from typing import Any, Dict, List

from chaoslib.types import Configuration, Secrets

from chaosfailover import arguments
from chaosfailover.alibaba import config
from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.codes import NO_SUCH_JOB, NOT_INIT
from chaosfailover.alibaba.documents import FailoverTestJob, text
from chaosfailover.alibaba.failover_tests import (
    find_test,
    is_unfinished,
    job_label,
    named_tests,
    names_of,
    tests_underway,
)
from chaosfailover.errors import ApiError, ArgumentError, GuardError, JobNotFoundError
from chaosfailover.safety import guard
from chaosfailover.safety.cut import Cut, cut_of
from chaosfailover.safety.guard import Clearance, GuardedStart, check_cut, under_guard
from chaosfailover.safety.guarded_test import (
    CALL_DEADLINE,
    GuardedTest,
    Start,
    StopOutcome,
    StopRequest,
)
from chaosfailover.safety.stopping import Patience, stop_tests

__all__ = [
    "create_failover_test",
    "delete_failover_test",
    "start_failover_test",
    "stop_failover_test",
    "stop_running_failover_tests",
    "update_failover_test",
]

# Seconds for one call of the sweep: of a run that was refused, and of any other.
UNBEGUN_DEADLINE, ANSWER_DEADLINE = 5.0, 60.0
NEVER_MADE = "this run has neither created nor started it"


def create_failover_test(
    name: str,
    resource_ids: List[str],
    resource_type: str = "PHYSICALCONNECTION",
    duration_minutes: int = 5,
    description: str = None,
    start: bool = False,
    dry_run: bool = False,
    timeout: float = 300,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> Dict[str, Any]:
    """
    Create a failover test; with `start`, cut its resources at once and wait for `Testing`.

    `resource_ids` are 1 to 16 circuits (`pc-...`), or VBRs (`vbr-...`) or BGP peers (`bgp-...`)
    with the matching `resource_type` (PHYSICALCONNECTION, VIRTUALBORDERROUTER, BGPPEER). The test
    ends by itself after `duration_minutes`, 1 to 4320: keep it short. `dry_run` only asks the API
    whether it would accept the test. `timeout` is in seconds.

    Returns the job document; after a dry run `{"dry_run": true, "accepted": true}`. Raises
    ArgumentError before any change, also when an unfinished test has this name; GuardError when
    nothing would stop the test, or the control's preflight has not approved the cut; PreflightError
    when too little would survive; ApiError, JobStatusError and JobTimeoutError.

    ```yaml
    type: action
    name: create-the-failover-test
    provider:
      type: python
      module: chaosfailover.actions
      func: create_failover_test
      arguments:
        name: quarterly-drill
        resource_ids: ["pc-bp1ciz7ekd2grn1as****"]
        duration_minutes: 5
    ```
    """
    starts = arguments.check_switch("start", start)
    dry = arguments.check_switch("dry_run", dry_run)
    request: Dict[str, Any] = {
        "name": arguments.check_name(name),
        "resource_type": arguments.check_resource_type(resource_type),
        "resource_ids": arguments.check_resource_ids(resource_ids, resource_type),
        "job_duration": arguments.check_duration(duration_minutes),
        "description": arguments.check_description(description),
        "job_type": "StartNow" if starts else "StartLater",
    }
    wait = arguments.check_timeout(timeout)
    minutes = request["job_duration"]
    with config.client(configuration, secrets) as client:
        if dry:
            client.create_failover_test_job(**request, dry_run=True)
            return {"dry_run": True, "accepted": True}
        others = _check_name_is_free(client, name)
        if not starts:
            return dict(_create(client, request))
        clearance = check_cut(client, Cut(name, tuple(resource_ids), resource_type, minutes))
        guarded = _guarded(client, name, minutes, clearance, configuration, secrets, others=others)
        with under_guard(guarded) as guarded_start:
            job_id = client.create_failover_test_job(**request, attempting=guarded_start.attempting)
            guarded_start.accept(job_id)
        return dict(client.wait_for_status(job_id, "Testing", timeout=wait))


def start_failover_test(
    test: str,
    timeout: float = 300,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> Dict[str, Any]:
    """
    Start a failover test that is `Init`, which cuts its resources, and wait for `Testing`.

    `test` is an ID (`ftj-...`) or a name, `timeout` is in seconds. Returns the job document.
    Raises GuardError when nothing would stop the test, or the control's preflight has not approved
    the cut; PreflightError when too little would survive; JobNotFoundError, AmbiguousTestError,
    ApiError (IncorrectStatus.OnlyForInit when it was started before), JobStatusError and
    JobTimeoutError.

    ```yaml
    type: action
    name: cut-the-circuit
    provider:
      type: python
      module: chaosfailover.actions
      func: start_failover_test
      arguments:
        test: quarterly-drill
    ```
    """
    arguments.check_test(test)
    wait = arguments.check_timeout(timeout)
    with config.client(configuration, secrets) as client:
        job = find_test(client, test)
        cut = cut_of(test, job)
        clearance = check_cut(client, cut)
        job_id, minutes = cut.job_id, cut.duration_minutes
        guarded = _guarded(client, test, minutes, clearance, configuration, secrets, job_id)
        with under_guard(guarded) as start:
            _start(client, job, start)
            start.accept(job_id)
        return dict(client.wait_for_status(job_id, "Testing", timeout=wait))


def stop_failover_test(
    test: str,
    timeout: float = 300,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> Dict[str, Any]:
    """
    Stop a failover test and wait until it is `Stopped`, which restores its resources.

    Safe in a rollback: a test that never started, has ended or does not exist is left as it is.
    If the run was refused before its method, or never sent what was to create the test, nothing is
    sent. `test` is an ID (`ftj-...`) or a name, `timeout` is in seconds.

    Returns `{"test", "job_id", "status", "stopped", "reason"}`; `stopped` is true if this call
    stopped it. Raises GuardError when it could not be stopped.

    ```yaml
    type: action
    name: stop-the-failover-test
    provider:
      type: python
      module: chaosfailover.actions
      func: stop_failover_test
      arguments:
        test: quarterly-drill
    ```
    """
    arguments.check_test(test)
    wait = arguments.check_timeout(timeout)
    if guard.has_made_nothing(test):
        return StopOutcome(test, "", "", NEVER_MADE).as_dict()
    with config.client(configuration, secrets, emergency=True) as client:
        (outcome,) = _stop(client, [test], wait)
    _check_stopped([outcome])
    return outcome.as_dict()


def update_failover_test(
    test: str,
    name: str = None,
    description: str = None,
    resource_ids: List[str] = None,
    duration_minutes: int = None,
    dry_run: bool = False,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> Dict[str, Any]:
    """
    Change a failover test that is `Init`; arguments that are not given stay as they are.

    `test` is an ID (`ftj-...`) or a name; `resource_ids` replaces the whole list. Returns the job
    document. Raises ArgumentError, JobNotFoundError, AmbiguousTestError and ApiError.

    ```yaml
    type: action
    name: make-the-test-shorter
    provider:
      type: python
      module: chaosfailover.actions
      func: update_failover_test
      arguments:
        test: quarterly-drill
        duration_minutes: 3
    ```
    """
    arguments.check_test(test)
    changes: Dict[str, Any] = {
        "name": None if name is None else arguments.check_name(name),
        "description": arguments.check_description(description),
        "resource_ids": None
        if resource_ids is None
        else arguments.check_resource_ids(resource_ids),
        "job_duration": None
        if duration_minutes is None
        else arguments.check_duration(duration_minutes),
    }
    dry = arguments.check_switch("dry_run", dry_run)
    with config.client(configuration, secrets) as client:
        job_id = find_test(client, test)["JobId"]
        client.update_failover_test_job(job_id, **changes, dry_run=dry)
        return dict(client.describe_failover_test_job(job_id))


def delete_failover_test(
    test: str,
    only_if_init: bool = False,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> Dict[str, Any]:
    """
    Delete a failover test that is `Init` or `Stopped`; a test that does not exist is no error.

    If the run was refused before its method, nothing is sent.
    With `only_if_init`, a test that was started is kept: the cloud's list of tests then still shows
    when its resources were tested last. `test` is an ID (`ftj-...`) or a name. Returns
    `{"test", "job_id", "deleted"}`. Raises AmbiguousTestError and ApiError
    (IncorrectStatus.OnlyForInitOrStopped while it runs).

    ```yaml
    type: action
    name: delete-the-failover-test-unless-it-ran
    provider:
      type: python
      module: chaosfailover.actions
      func: delete_failover_test
      arguments:
        test: quarterly-drill
        only_if_init: true
    ```
    """
    arguments.check_test(test)
    keep = arguments.check_switch("only_if_init", only_if_init)
    if guard.has_made_nothing():
        return {"test": test, "job_id": None, "deleted": False}
    with config.client(configuration, secrets) as client:
        try:
            job = find_test(client, test)
        except JobNotFoundError:
            return {"test": test, "job_id": None, "deleted": False}
        job_id = job["JobId"]
        if keep and job.get("Status") != "Init":
            return {"test": test, "job_id": job_id, "deleted": False}
        try:
            client.delete_failover_test_job(job_id)
        except ApiError as exc:
            if exc.code != NO_SUCH_JOB:
                raise
            return {"test": test, "job_id": job_id, "deleted": False}
    return {"test": test, "job_id": job_id, "deleted": True}


def stop_running_failover_tests(
    name_prefix: str = None,
    timeout: float = 300,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> List[Dict[str, Any]]:
    """
    Stop every running failover test of the region, or those whose name has a prefix.

    A test that cannot be stopped delays no other. A run that was refused before its method tries
    for a few seconds only, as the tests are not its own. `timeout` is in seconds, for all together.
    Returns `{"test", "job_id", "status", "stopped", "reason"}` for each test. Raises GuardError
    with a list of the tests that could not be stopped.

    ```yaml
    type: action
    name: stop-whatever-runs
    provider:
      type: python
      module: chaosfailover.actions
      func: stop_running_failover_tests
      arguments:
        name_prefix: quarterly-
    ```
    """
    if name_prefix is not None and not isinstance(name_prefix, str):
        raise ArgumentError(f"name_prefix is {name_prefix!r}, expected a text")
    wait = arguments.check_timeout(timeout)
    if guard.is_unbegun() and not guard.current() and guard.has_made_nothing():
        return []
    deadline = UNBEGUN_DEADLINE if guard.is_unbegun() else ANSWER_DEADLINE
    with config.client(configuration, secrets, deadline=deadline, emergency=True) as client:
        underway = [
            job
            for job in tests_underway(client)
            if (text(job, "Name") or "").startswith(name_prefix or "")
        ]
        outcomes = _stop(client, names_of(underway), wait, listed=True)
    _check_stopped(outcomes)
    return [outcome.as_dict() for outcome in outcomes]


def _create(client: VpcClient, request: Mapping[str, Any]) -> FailoverTestJob:
    """
    Create a test that is started later; a run that was refused creates none in its rollbacks.
    """
    if guard.is_unbegun():
        raise GuardError(f"{request['name']!r} is not created: the run ended before its method")
    guarding = guard.current()
    if guarding:
        guarding.has_sent = True
    job_id = client.create_failover_test_job(**request)
    if guarding:
        guarding.created.add(job_id)
    return client.describe_failover_test_job(job_id)


def _check_name_is_free(client: VpcClient, name: str) -> List[str]:
    """
    Return the IDs of the finished tests that have a name.
    """
    named = named_tests(client, name)
    for job in named:
        if is_unfinished(job):
            raise ArgumentError(
                f"name is {name!r}, the name of the unfinished test {job_label(job)}; "
                "choose another name, or stop and delete that test"
            )
    return [job_id for job in named if (job_id := text(job, "JobId"))]


def _stop(
    client: VpcClient, tests: List[str], timeout: float, listed: bool = False
) -> List[StopOutcome]:
    """
    Stop tests, with what the guard holds on those that this run started.

    Those that were `listed` as underway are stopped whatever the API shows of them afterwards.
    """
    guarding = guard.current()
    guarded = [guard.find_guarded(test, client.region_id) for test in tests]
    with contextlib.ExitStack() as clients:
        requests = [
            ours.stop_request(clients)
            if ours
            else StopRequest(lambda: client, test, Start(accepted=listed))
            for test, ours in zip(tests, guarded, strict=True)
        ]
        if guarding:
            outcomes = guarding.stop(requests, timeout)
        else:
            outcomes = stop_tests(requests, Patience(timeout, back=timeout, in_all=timeout))
    for ours, outcome in zip(guarded, outcomes, strict=True):
        if guarding and ours:
            guarding.note(ours, outcome)
    return outcomes


def _start(client: VpcClient, job: FailoverTestJob, start: GuardedStart) -> None:
    """
    Start a job; if it was `Init` a moment ago and no longer is, an earlier attempt started it.
    """
    try:
        client.start_failover_test_job(str(job["JobId"]), start.attempting)
    except ApiError as exc:
        if exc.code != NOT_INIT or job.get("Status") != "Init":
            raise


def _guarded(
    client: VpcClient,
    test: str,
    duration_minutes: int,
    clearance: Clearance,
    configuration: Configuration,
    secrets: Secrets,
    job_id: str = "",
    others: Sequence[str] = (),
) -> GuardedTest:
    return GuardedTest(
        test=test,
        start=Start(
            job_id,
            latest=clearance.guard.latest_start,
            created=not job_id or job_id in clearance.guard.created,
        ),
        others=others,
        region_id=client.region_id,
        duration_minutes=duration_minutes,
        observation=clearance.observation,
        volatile=clearance.guard.volatile,
        checked_at=clearance.checked_at,
        access=functools.partial(
            config.client,
            configuration,
            secrets,
            deadline=CALL_DEADLINE,
            attempts=1,
            emergency=True,
        ),
        configuration=configuration or {},
        secrets=secrets or {},
    )


def _check_stopped(outcomes: List[StopOutcome]) -> None:
    if failed := [f"{outcome.test}: {outcome.error}" for outcome in outcomes if outcome.error]:
        raise GuardError(f"not stopped: {'; '.join(failed)}")
    if away := [each for outcome in outcomes if outcome.back is False for each in outcome.not_back]:
        raise GuardError(f"stopped, but not back: {'; '.join(away)}")
