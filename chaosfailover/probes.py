"""
Probes of failover tests, of the network that they cut, and of the measured outages.
"""

from typing import Any, Dict, List

from chaoslib.types import Configuration, Secrets

from chaosfailover import arguments
from chaosfailover.alibaba import config
from chaosfailover.alibaba.documents import text
from chaosfailover.alibaba.failover_tests import (
    STATUSES,
    find_test,
    listed_resources,
    listed_tests,
)
from chaosfailover.errors import ArgumentError, ConfigurationError
from chaosfailover.network import resource_status as survey
from chaosfailover.network.under_test import read_underway
from chaosfailover.outages.outage import Length
from chaosfailover.outages.summary import Summary
from chaosfailover.prober import measurement

__all__ = [
    "availability",
    "bgp_session_status",
    "circuit_status",
    "describe_failover_test",
    "failover_test_status",
    "failover_time",
    "list_failover_tests",
    "longest_outage",
    "no_failover_test_running",
    "outage_count",
    "reversion_time",
    "surviving_paths",
    "virtual_border_router_status",
]


def failover_test_status(
    test: str,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> str:
    """
    Return the status of a failover test: Init, Starting, Testing, Stopping or Stopped.

    `test` is an ID (`ftj-...`) or a name. Raises JobNotFoundError, AmbiguousTestError, ApiError.

    ```yaml
    type: probe
    name: the-test-is-running
    tolerance: Testing
    provider:
      type: python
      module: chaosfailover.probes
      func: failover_test_status
      arguments:
        test: quarterly-drill
    ```
    """
    return text(describe_failover_test(test, configuration, secrets), "Status") or ""


def describe_failover_test(
    test: str,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> Dict[str, Any]:
    """
    Return the job document of a failover test, as the API returns it.

    `test` is an ID (`ftj-...`) or a name. StartTime and StopTime are UTC and may be missing;
    JobDuration is text, in minutes. Raises JobNotFoundError, AmbiguousTestError and ApiError.

    ```yaml
    type: probe
    name: read-the-test
    provider:
      type: python
      module: chaosfailover.probes
      func: describe_failover_test
      arguments:
        test: quarterly-drill
    ```
    """
    arguments.check_test(test)
    with config.client(configuration, secrets) as client:
        return dict(find_test(client, test))


def list_failover_tests(
    status: str = None,
    name: str = None,
    resource_id: str = None,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> List[Dict[str, Any]]:
    """
    List the job documents of the region's failover tests that match all given arguments.

    `status` is one of Init, Starting, Testing, Stopping, Stopped; `resource_id` a circuit
    (`pc-...`), VBR (`vbr-...`) or BGP peer (`bgp-...`). Raises ArgumentError and ApiError.

    ```yaml
    type: probe
    name: earlier-tests-of-this-circuit
    provider:
      type: python
      module: chaosfailover.probes
      func: list_failover_tests
      arguments:
        resource_id: pc-bp1ciz7ekd2grn1as****
    ```
    """
    _check_filters(status, name, resource_id)
    with config.client(configuration, secrets) as client:
        return [
            dict(job)
            for job in listed_tests(client)
            if (status is None or job.get("Status") == status)
            and (name is None or job.get("Name") == name)
            and (resource_id is None or resource_id in listed_resources(job))
        ]


def no_failover_test_running(
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> bool:
    """
    Tell whether no failover test runs in the region: each is Init or Stopped.

    A `Deleted` test, and one with an undocumented status a day past its planned end, is judged by
    its resources.

    ```yaml
    type: probe
    name: no-failover-test-is-running
    tolerance: true
    provider:
      type: python
      module: chaosfailover.probes
      func: no_failover_test_running
    ```
    """
    with config.client(configuration, secrets) as client:
        return not read_underway(client).jobs


def circuit_status(
    circuit_id: str,
    until: List[str] = None,
    timeout: float = 60,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> str:
    """
    Return the status of an Express Connect circuit, such as Enabled.

    With `until`, a list of statuses, wait up to `timeout` seconds for one of them. The status of a
    circuit while a test cuts it is not documented. Raises ArgumentError when there is no such
    circuit, JobTimeoutError when none of `until` is reached, and ApiError.

    ```yaml
    type: probe
    name: the-circuit-is-enabled
    tolerance: Enabled
    provider:
      type: python
      module: chaosfailover.probes
      func: circuit_status
      arguments:
        circuit_id: pc-bp1ciz7ekd2grn1as****
    ```
    """
    return _status(
        "PHYSICALCONNECTION", "circuit_id", circuit_id, until, timeout, configuration, secrets
    )


def virtual_border_router_status(
    vbr_id: str,
    until: List[str] = None,
    timeout: float = 60,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> str:
    """
    Return the status of a virtual border router, such as active.

    With `until`, a list of statuses, wait up to `timeout` seconds for one of them. Raises
    ArgumentError when there is no such VBR, JobTimeoutError when none of `until` is reached, and
    ApiError.

    ```yaml
    type: probe
    name: the-border-router-is-active
    tolerance: active
    provider:
      type: python
      module: chaosfailover.probes
      func: virtual_border_router_status
      arguments:
        vbr_id: vbr-bp1jcg5cmxjbl9xgc****
    ```
    """
    return _status("VIRTUALBORDERROUTER", "vbr_id", vbr_id, until, timeout, configuration, secrets)


def bgp_session_status(
    bgp_peer_id: str,
    until: List[str] = None,
    timeout: float = 60,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> str:
    """
    Return the state of a BGP session: Idle, Connect, Active, Established or Down.

    With `until`, a list of states, wait up to `timeout` seconds for one of them. In a method this
    proves that a cut had an effect. Raises ArgumentError when there is no such peer,
    JobTimeoutError when none of `until` is reached, and ApiError.

    ```yaml
    type: probe
    name: the-cut-session-goes-down
    provider:
      type: python
      module: chaosfailover.probes
      func: bgp_session_status
      arguments:
        bgp_peer_id: bgp-2ze3un0ft1jd1xd****
        until: [Down, Idle, Connect, Active]
    ```
    """
    return _status("BGPPEER", "bgp_peer_id", bgp_peer_id, until, timeout, configuration, secrets)


def surviving_paths(
    resource_ids: List[str],
    resource_type: str = "PHYSICALCONNECTION",
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> Dict[str, Any]:
    """
    Return the paths that would still carry traffic if these resources were cut.

    A path is a circuit, a VBR and a BGP session. It survives when all three are healthy and its VBR
    shares an ECR or a CEN with a lost path. A path of unknown health is not a survivor.

    Returns `{"count", "survivors", "lost", "unknown", "down", "needs", "warnings", "reasons"}`;
    `count` is the number of circuits left in the group that loses most. Raises ArgumentError for a
    resource that does not exist, and ApiError.

    ```yaml
    type: probe
    name: a-path-survives
    tolerance:
      type: probe
      name: at-least-one
      provider:
        type: python
        module: chaosfailover.tolerances
        func: at_least
        arguments: {limit: 1, key: count}
    provider:
      type: python
      module: chaosfailover.probes
      func: surviving_paths
      arguments:
        resource_ids: ["pc-bp1ciz7ekd2grn1as****"]
    ```
    """
    arguments.check_resource_type(resource_type)
    arguments.check_resource_ids(resource_ids, resource_type)
    with config.client(configuration, secrets) as client:
        return survey.survival(client, resource_ids, resource_type).as_dict()


def outage_count(
    target: str = None,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> int:
    """
    Return the number of outages of a target so far.

    `target` is a name from the control's `targets`; without it, the worst target counts. Raises
    ArgumentError for an unknown target, ConfigurationError when nothing is measured.

    ```yaml
    type: probe
    name: outage-count-of-the-portal
    provider:
      type: python
      module: chaosfailover.probes
      func: outage_count
      arguments: {target: portal}
    ```
    """
    return max(summary.count for summary in _measured().summaries(target))


def longest_outage(
    target: str = None,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> float:
    """
    Return the longest outage so far in seconds, at its pessimistic bound.

    `target` is a name from the control's `targets`; without it, the worst target counts. An ongoing
    outage is measured up to now. Without any loss the result is the interval, since a shorter
    outage fits between two checks. Raises ArgumentError for an unknown target, ConfigurationError
    when nothing is measured.

    ```yaml
    type: probe
    name: longest-outage-of-the-portal
    provider:
      type: python
      module: chaosfailover.probes
      func: longest_outage
      arguments: {target: portal}
    ```
    """
    return max(_bound(summary.longest, summary) for summary in _measured().summaries(target))


def availability(
    target: str = None,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> float:
    """
    Return the share of the time, from 0 to 1, that a target was up, at its pessimistic bound.

    `target` is a name from the control's `targets`; without it, the worst target counts. Raises
    ArgumentError for an unknown target, ConfigurationError when nothing is measured.

    ```yaml
    type: probe
    name: availability-of-the-portal
    provider:
      type: python
      module: chaosfailover.probes
      func: availability
      arguments: {target: portal}
    ```
    """
    return min(summary.availability.at_least for summary in _measured().summaries(target))


def failover_time(
    target: str = None,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> float:
    """
    Return the time in seconds from the first loss after a cut to recovery, pessimistic bound.

    `target` is a name from the control's `targets`; without it, the worst target counts. Of several
    cuts the worst counts (RFC 6414, failover time). Without any loss the result is the interval.
    Raises ArgumentError for an unknown target, ConfigurationError when nothing is measured.

    ```yaml
    type: probe
    name: failover-time-of-the-portal
    provider:
      type: python
      module: chaosfailover.probes
      func: failover_time
      arguments: {target: portal}
    ```
    """
    summaries = _after_a_cut(target)
    return max(_bound(summary.failover, summary, summary.unseen_during) for summary in summaries)


def reversion_time(
    target: str = None,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> float:
    """
    Return the time in seconds that traffic was lost after the stop of a test, pessimistic bound.

    `target` is a name from the control's `targets`; without it, the worst target counts. Of several
    cuts the worst counts (RFC 6414, reversion time). Without any loss the result is the interval.
    Raises ArgumentError for an unknown target, ConfigurationError when nothing is measured.

    ```yaml
    type: probe
    name: reversion-time-of-the-portal
    provider:
      type: python
      module: chaosfailover.probes
      func: reversion_time
      arguments: {target: portal}
    ```
    """
    summaries = _after_a_cut(target)
    return max(_bound(summary.reversion, summary, summary.unseen_after) for summary in summaries)


def _measured() -> measurement.Measurement:
    if (measured := measurement.current()) is None:
        raise ConfigurationError(
            "nothing is measured: give the control chaosfailover.control its `targets`"
        )
    return measured


def _after_a_cut(target: str | None) -> List[Summary]:
    if summaries := _measured().cut_summaries(target):
        return summaries
    raise ConfigurationError("nothing has been cut yet, so there is no failover to measure")


def _bound(length: Length | None, summary: Summary, unseen: float = 0.0) -> float:
    """
    Return the pessimistic bound, at least the interval: shorter losses fit between two checks.
    """
    return max(length.at_most if length else 0.0, unseen, summary.interval)


def _check_filters(status: str | None, name: str | None, resource_id: str | None) -> None:
    if status not in (None, *STATUSES):
        raise ArgumentError(f"status is {status!r}, expected one of {', '.join(STATUSES)}")
    if name is not None:
        arguments.check_test(name)
    if resource_id is not None:
        arguments.check_resource_id("resource_id", resource_id)


def _status(
    resource_type: str,
    argument: str,
    resource_id: str,
    until: List[str] | None,
    timeout: float,
    configuration: Configuration,
    secrets: Secrets,
) -> str:
    arguments.check_resource_id(argument, resource_id, resource_type)
    statuses = arguments.check_until(until)
    wait = arguments.check_timeout(timeout)
    with config.client(configuration, secrets) as client:
        if statuses is None:
            return survey.resource_status(client, resource_type, resource_id)
        return survey.wait_for_resource_status(client, resource_type, resource_id, statuses, wait)
