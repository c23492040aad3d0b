"""
The events of a run, passed to its listeners as they happen.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TypedDict, Unpack

__all__ = ["Event", "Listener", "listening", "publish"]


class Fields(TypedDict, total=False):
    """
    The fields of all kinds of events.

    A change of a resource or of routes came no later than the event, and no sooner than `earliest`,
    aware UTC in ISO 8601: the API may have shown the state before it until then. `testing_ago` is
    how many seconds before an end a test was last seen `Testing`, `ends_at` when the cloud itself
    is to end it, by the API's clock. In the routes of a `source`, a
    `count` of prefixes, of which `prefixes` are some, moved from the next hops `moved_from`, None
    when they were first read, to `moved_to`. `hops` are on the way to a target, None for one that
    was silent.
    """

    test: str
    job_id: str | None
    status: str
    earliest: str
    testing_ago: float
    ends_at: str
    reason: str
    name: str
    operation: str
    request_id: str | None
    resource_id: str
    resource_type: str
    target: str
    up: bool
    at_least: float
    at_most: float | None
    source: str
    prefixes: list[str]
    count: int
    moved_from: list[str] | None
    moved_to: list[str]
    phase: str
    hops: list[str | None]
    reached: bool


class Event(Fields):
    """
    An event: its instant `at`, aware UTC in ISO 8601, its `kind`, and the fields of that kind.
    """

    at: str
    kind: str


Listener = Callable[[Event], None]

_listeners: list[Listener] = []


def publish(kind: str, **fields: Unpack[Fields]) -> None:
    """
    Pass an event to every listener, in the thread of the caller.
    """
    event: Event = {"at": datetime.now(UTC).isoformat(), "kind": kind, **fields}
    for listener in tuple(_listeners):
        listener(event)


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """
    Add a listener for a while; any thread may call it, so it must be quick and must not raise.
    """
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
