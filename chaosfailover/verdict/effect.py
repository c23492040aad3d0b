"""
Whether a cut bit: something that shows that the failover test really took a path away.

No loss at all proves nothing, for the traffic may never have used the path. So a circuit, VBR or
BGP session that changed its status while the test was on counts, and so does a service that was
lost, or a target whose loss began within 180 s.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from chaosfailover.verdict.job_history import JobHistory
from chaosfailover.verdict.journal import (
    activities,
    events,
    failover,
    hypotheses,
    instant,
    mapping,
    mappings,
    number,
    probes,
    text,
)
from chaosfailover.verdict.phases import origin

__all__ = ["had_effect"]

Document = Mapping[str, Any]
Reading = tuple[datetime, str, str]

STATUS_PROBES = ("circuit_status", "virtual_border_router_status", "bgp_session_status")
LONGEST_DETECTION = timedelta(seconds=180)
"""What is lost later than the usual BGP hold time of 180 s after a cut is not lost by it."""
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def had_effect(journal: Document, window: JobHistory, *, only: bool) -> bool:
    """
    Tell whether the cut of a test shows; `only` says that the run had no other.
    """
    return (
        _status_changed(journal, window)
        or _target_lost(journal, window, only=only)
        or _service_lost(journal, window)
    )


def _status_changed(journal: Document, window: JobHistory) -> bool:
    """
    Tell whether a resource had another status within the window than when it was last read before.
    """
    before: dict[str, str] = {}
    for at, resource, status in sorted(_readings(journal)):
        if not _within(at, window):
            before[resource] = status
        elif before.get(resource, status) != status:
            return True
    return False


def _readings(journal: Document) -> Iterator[Reading]:
    for event in events(journal, "resource"):
        if at := instant(event["at"]):
            yield at, text(event.get("resource_id")), text(event.get("status"))
    for run in _all_runs(journal):
        provider = mapping(mapping(run.get("activity")).get("provider"))
        at, output = instant(run.get("end")), run.get("output")
        if at and provider.get("func") in STATUS_PROBES and isinstance(output, str):
            yield at, _resource(mapping(provider.get("arguments"))), output


def _resource(arguments: Document) -> str:
    return next((text(value) for key, value in arguments.items() if key.endswith("_id")), "")


def _target_lost(journal: Document, window: JobHistory, *, only: bool) -> bool:
    """
    Tell whether a target was lost soon enough after the cut for the cut to be the reason.
    """
    for event in events(journal, "target"):
        at = instant(event["at"])
        if event.get("up") is False and _within(at, window) and _soon(at, window.since):
            return True
    return any(
        _lost_in_cut(mapping(target), window, only=only)
        for target in mapping(failover(journal).get("targets")).values()
    )


def _lost_in_cut(target: Document, window: JobHistory, *, only: bool) -> bool:
    names = (window.test, window.job_id)
    cuts = [cut for cut in mappings(target.get("cuts")) if cut.get("test") in names]
    summary = mapping(target.get("summary"))
    if not cuts or not isinstance(summary.get("outages"), list):
        lost = number(mapping(summary.get("during")).get("lost"))
        return any(cut.get("failover") for cut in cuts) or (only and bool(lost))
    return any(_began_in(cut, target) for cut in cuts)


def _began_in(cut: Document, target: Document) -> bool:
    """
    Tell whether an outage began soon after the cut, both as the prober's own clock has it.
    """
    cut_at, stop_at = instant(cut.get("cut_at")), instant(cut.get("stop_at")) or END_OF_TIME
    return any(
        at and cut_at and cut_at <= at <= stop_at and _soon(at, cut_at)
        for at in _beginnings(target)
    )


def _beginnings(target: Document) -> Iterator[datetime | None]:
    began = origin(target)
    for outage in mappings(mapping(target.get("summary")).get("outages")):
        since = outage.get("since")
        latest = number(since[1]) if isinstance(since, list) and len(since) == 2 else None
        yield began + timedelta(seconds=latest) if began and latest is not None else None


def _soon(at: datetime | None, cut_at: datetime | None) -> bool:
    return bool(at and cut_at and at - cut_at <= LONGEST_DETECTION)


def _service_lost(journal: Document, window: JobHistory) -> bool:
    """
    Tell whether a probe of the hypothesis that is not one of ours failed within the window.

    Ours read what the API says; that a status is other than expected may well be because nothing
    was cut. What lies outside was met before, and is not while the test is on.
    """
    return any(
        run.get("tolerance_met") is False
        and not _is_ours(run)
        and _within(instant(run.get("start")), window)
        for run in _hypothesis_runs(journal)
    )


def _is_ours(run: Document) -> bool:
    provider = mapping(mapping(run.get("activity")).get("provider"))
    return text(provider.get("module")).startswith("chaosfailover.")


def _hypothesis_runs(journal: Document) -> Iterator[Document]:
    for when in ("before", "during", "after"):
        for hypothesis in hypotheses(journal, when):
            yield from probes(hypothesis)


def _all_runs(journal: Document) -> Iterator[Document]:
    yield from _hypothesis_runs(journal)
    yield from activities(journal)


def _within(at: datetime | None, window: JobHistory) -> bool:
    return bool(at and window.since and window.since <= at <= (window.until or END_OF_TIME))
