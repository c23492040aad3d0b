"""
The effect of a cut: evidence that the failover test really took a path away.

No loss at all proves nothing, since the traffic may never have used the path. Evidence is a
circuit, VBR or BGP session that changed its status while the test was on, a service that was lost,
or a target whose loss began within 180 s.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import isfinite

from chaosfailover.verdict.evidence import TargetResult
from chaosfailover.verdict.job_history import JobHistory
from chaosfailover.verdict.journal import Run, text
from chaosfailover.verdict.recovery import Recovery

__all__ = ["UNREAD", "had_effect", "was_read"]

STATUS_PROBES = ("circuit_status", "virtual_border_router_status", "bgp_session_status")
UNREAD = "unknown"
"""The status of a resource that the control could not read."""
LONGEST_DETECTION = timedelta(seconds=180)
"""The usual BGP hold time; a later loss is not an effect of the cut."""
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def had_effect(run: Run, test: JobHistory) -> bool:
    """
    Tell whether the cut of a test had an effect.
    """
    return _status_changed(run, test) or _target_lost(run, test) or _service_lost(run, test)


def was_read(run: Run, test: JobHistory) -> bool:
    """
    Tell whether the status of a resource was known before the test, and read in it.

    The control notes each status when it is read first in a test, though it be unchanged.
    """
    before: dict[str, str] = {}
    during: set[str] = set()
    for at, resource, status in sorted(_statuses(run)):
        if _within(at, test) and status != UNREAD and at >= (test.seen_testing or END_OF_TIME):
            during.add(resource)
        elif test.since and at < test.since:
            before[resource] = status
    return any(status != UNREAD and resource in during for resource, status in before.items())


def _status_changed(run: Run, test: JobHistory) -> bool:
    """
    Tell whether the status of a resource during the test differs from the last one before it.
    """
    before: dict[str, str] = {}
    for at, resource, status in sorted(_statuses(run)):
        if status == UNREAD:
            continue
        if not _within(at, test):
            before[resource] = status
        elif before.get(resource, status) != status:
            return True
    return False


def _statuses(run: Run) -> Iterator[tuple[datetime, str, str]]:
    for event in run.control.events_of("resource"):
        yield event.at, event.resource_id, event.status
    probes = [probe for reading in run.readings for probe in reading.probes]
    for each in (*probes, *run.method, *run.rollbacks):
        if each.ended and each.func in STATUS_PROBES and isinstance(each.output, str):
            yield each.ended, each.resource_id, each.output


def _target_lost(run: Run, test: JobHistory) -> bool:
    """
    Tell whether a target was lost soon enough after the cut for the cut to be the reason.
    """
    external = {target.name for target in run.control.targets if target.external}
    return any(
        event.up is False
        and text(event.fields.get("target")) not in external
        and _within(event.at, test)
        and _soon(event.at, test.since)
        for event in run.control.events_of("target")
    ) or any(
        cut.test in (test.test, test.job_id) and _lost_in(cut, target)
        for target in run.control.targets
        if not target.external
        for cut in target.cuts
    )


def _lost_in(cut: Recovery, target: TargetResult) -> bool:
    """
    Tell whether an outage began soon after the cut, both by the clock of the prober.
    """
    cut_at, stop_at = cut.cut_at, cut.stop_at or END_OF_TIME
    return any(
        cut_at is not None and cut_at <= at <= stop_at and _soon(at, cut_at)
        for at in _beginnings(target)
    )


def _beginnings(target: TargetResult) -> Iterator[datetime]:
    """
    Yield the latest instants at which outages began.
    """
    for outage in target.summary.outages:
        if target.series.utc and isfinite(outage.since[1]):
            yield target.series.utc + timedelta(seconds=outage.since[1])


def _soon(at: datetime, cut_at: datetime | None) -> bool:
    return cut_at is not None and at - cut_at <= LONGEST_DETECTION


def _service_lost(run: Run, test: JobHistory) -> bool:
    """
    Tell whether a probe of the hypothesis that is not ours failed during the test.

    Our probes read what the API says: an unexpected status may mean that nothing was cut. Other
    probes were within their tolerance before the test, and are not during it.
    """
    return any(
        probe.tolerance_met is False
        and not probe.module.startswith("chaosfailover.")
        and _within(probe.began, test)
        for reading in run.readings
        for probe in reading.probes
    )


def _within(at: datetime | None, test: JobHistory) -> bool:
    return bool(at and test.since and test.since <= at <= (test.until or END_OF_TIME))
