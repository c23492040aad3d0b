"""
Whether a cut bit: something that shows that the failover test really took a path away.

No loss at all proves nothing, for the traffic may never have used the path. So a circuit, VBR or
BGP session that changed its status while the test was on counts, and so does a service or a target
that was lost.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from chaosfailover.journals import (
    activities,
    events,
    failover,
    hypotheses,
    instant,
    mapping,
    number,
    probes,
    text,
)
from chaosfailover.windows import Window

__all__ = ["bit"]

Document = Mapping[str, Any]
Reading = tuple[datetime, str, str]

STATUS_PROBES = ("circuit_status", "virtual_border_router_status", "bgp_session_status")
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def bit(journal: Document, window: Window, *, only: bool) -> bool:
    """
    Tell whether the cut of a test shows; `only` says that the run had no other.
    """
    return (
        _status_changed(journal, window)
        or _target_lost(journal, window, only=only)
        or _service_lost(journal, window)
    )


def _status_changed(journal: Document, window: Window) -> bool:
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


def _target_lost(journal: Document, window: Window, *, only: bool) -> bool:
    for event in events(journal, "target"):
        if event.get("up") is False and _within(instant(event["at"]), window):
            return True
    return any(
        _lost_in_cut(mapping(target), window) or (only and _lost_during(mapping(target)))
        for target in mapping(failover(journal).get("targets")).values()
    )


def _lost_in_cut(target: Document, window: Window) -> bool:
    cuts = target.get("cuts")
    names = (window.test, window.job_id)
    return isinstance(cuts, list) and any(
        cut.get("test") in names and bool(cut.get("failover"))
        for cut in cuts
        if isinstance(cut, Mapping)
    )


def _lost_during(target: Document) -> bool:
    during = mapping(mapping(target.get("summary")).get("during"))
    return bool(number(during.get("lost")))


def _service_lost(journal: Document, window: Window) -> bool:
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


def _within(at: datetime | None, window: Window) -> bool:
    return bool(at and window.since and window.since <= at <= (window.until or END_OF_TIME))
