"""
The run as an OpenTelemetry span with its events; nothing at all where OpenTelemetry is missing.

The span is a child of whatever span is current, such as that of the toolkit's own extension.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from math import inf
from typing import Any

from chaosfailover.verdict.journal import instant

__all__ = ["trace_run"]

Document = Mapping[str, Any]
Attributes = dict[str, str | bool | int | float]

SPAN = "failover test"
PREFIX = "failover"


def trace_run(record: Mapping[str, Any]) -> bool:
    """
    Emit a span for the run that a record tells of; return whether there was anybody to emit it to.

    Its events are `failover.cut`, `failover.status`, `failover.target` and so on, at the instants
    of the record; its attributes say verdict, mode, region, and the longest failover time,
    infinite for a target that never recovered.
    """
    try:
        from opentelemetry import trace
    except ImportError:
        return False
    began, ended = instant(record["period"]["began"]), instant(record["period"]["ended"])
    tracer = trace.get_tracer("chaosfailover")
    span = tracer.start_span(SPAN, attributes=_attributes(record), start_time=_stamp(began))
    for name, attributes, at in _events(record):
        span.add_event(name, attributes, timestamp=_stamp(at))
    span.end(end_time=_stamp(ended))
    return bool(span.get_span_context().is_valid)


def _attributes(record: Document) -> Attributes:
    place, verdict = record["place"], record["verdict"]
    found = [one["failover"]["at_most"] for one in record["recoveries"] if one["failover"]]
    longest = [inf if one is None else one for one in found]
    known = {
        "verdict": verdict["verdict"],
        "reasons": " ".join(verdict["reasons"]),
        "mode": place["mode"],
        "region_id": place["region_id"],
        "account_id": place["account_id"],
        "experiment": record["experiment"]["title"],
        "experiment_hash": record["experiment"]["hash"],
        "failover_time": max(longest, default=None),
        "record_sha256": record["sha256"],
    }
    return {f"{PREFIX}.{key}": value for key, value in known.items() if value is not None}


def _events(record: Document) -> Iterator[tuple[str, Attributes, datetime | None]]:
    for event in record["timeline"]:
        attributes: Attributes = {
            f"{PREFIX}.{key}": value
            for key, value in event.items()
            if key not in ("at", "kind") and isinstance(value, str | bool | int | float)
        }
        yield f"{PREFIX}.{event['kind']}", attributes, instant(event["at"])


def _stamp(at: datetime | None) -> int | None:
    """
    Return an instant as nanoseconds since 1970, which is what OpenTelemetry counts in.
    """
    return int(at.timestamp() * 1_000_000) * 1000 if at else None
