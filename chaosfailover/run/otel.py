"""
The run as an OpenTelemetry span with its events; without OpenTelemetry, nothing.

The span is a child of the current span, such as that of the toolkit's own extension.
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


def trace_run(record: Document) -> None:
    """
    Emit a span for the run of a record.

    Its events are `failover.cut`, `failover.status`, `failover.target` and so on, at the instants
    of the record. Its attributes are verdict, mode, region, and the longest failover time, which is
    infinite for a target that never recovered.
    """
    try:
        from opentelemetry import trace
    except ImportError:
        return
    began, ended = instant(record["period"]["began"]), instant(record["period"]["ended"])
    tracer = trace.get_tracer("chaosfailover")
    span = tracer.start_span(SPAN, attributes=_attributes(record), start_time=_stamp(began))
    for name, attributes, at in _events(record):
        span.add_event(name, attributes, timestamp=_stamp(at))
    span.end(end_time=_stamp(ended))


def _attributes(record: Document) -> Attributes:
    place, verdict = record["place"], record["verdict"]
    times = [each["failover"]["at_most"] for each in record["recoveries"] if each["failover"]]
    values = {
        "verdict": verdict["verdict"],
        "reasons": " ".join(verdict["reasons"]),
        "mode": place["mode"],
        "region_id": place["region_id"],
        "account_id": place["account_id"],
        "experiment": record["experiment"]["title"],
        "experiment_hash": record["experiment"]["hash"],
        "failover_time": max((inf if time is None else time for time in times), default=None),
        "record_sha256": record["sha256"],
    }
    return {f"{PREFIX}.{key}": value for key, value in values.items() if value is not None}


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
    Return an instant in nanoseconds since 1970, as OpenTelemetry has it.
    """
    return int(at.timestamp() * 1_000_000) * 1000 if at else None
