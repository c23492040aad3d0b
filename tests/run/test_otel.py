"""
A run is also a span, for those who collect spans.
"""

import sys
from math import inf

import pytest
from made_journals import changed, held, target
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chaosfailover.record import make_record
from chaosfailover.run.otel import trace_run


@pytest.fixture(scope="session")
def spans() -> InMemorySpanExporter:
    """What was exported; a process has one tracer provider."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


def test_run_becomes_a_span(spans: InMemorySpanExporter) -> None:
    """The span lasts as long as the run, and has its events at their instants."""
    spans.clear()

    trace_run(make_record(held()))

    (span,) = spans.get_finished_spans()
    assert span.name == "failover test"
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time == 30_000_000_000
    attributes = span.attributes or {}
    assert attributes["failover.verdict"] == "held"
    assert attributes["failover.failover_time"] == 1.0
    cut = next(event for event in span.events if event.name == "failover.cut")
    assert cut.timestamp - span.start_time == 10_000_000_000
    assert (cut.attributes or {})["failover.test"] == "drill"


def test_span_is_a_child_of_the_current_one(spans: InMemorySpanExporter) -> None:
    """What the toolkit's own extension traces holds ours."""
    spans.clear()

    with trace.get_tracer("other").start_as_current_span("experiment") as parent:
        trace_run(make_record(held()))

    span = next(each for each in spans.get_finished_spans() if each.name == "failover test")
    assert span.parent is not None
    assert span.parent.span_id == parent.get_span_context().span_id


def test_target_that_never_recovered_has_the_longest_failover_time(
    spans: InMemorySpanExporter,
) -> None:
    """No other target's time stands for the worst."""
    spans.clear()
    never = target(failover={"at_least": 30.0, "at_most": None})

    trace_run(make_record(changed(held(), ("failover.targets.never", never))))

    (span,) = spans.get_finished_spans()
    assert (span.attributes or {})["failover.failover_time"] == inf


def test_without_opentelemetry_nothing_happens(
    spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra is an extra."""
    spans.clear()
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    trace_run(make_record(held()))

    assert spans.get_finished_spans() == ()
