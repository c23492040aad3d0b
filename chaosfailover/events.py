"""
What happens in a run, told as it happens to whoever listens.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

__all__ = ["Event", "Listener", "listening", "publish"]

Event = dict[str, Any]
Listener = Callable[[Event], None]

_listeners: list[Listener] = []


def publish(kind: str, **fields: Any) -> None:
    """
    Tell every listener, in the thread of the caller.

    An event has `at`, aware UTC in ISO 8601, its `kind`, and the fields of that kind.
    """
    event = {"at": datetime.now(UTC).isoformat(), "kind": kind, **fields}
    for listener in tuple(_listeners):
        listener(event)


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """
    Have a listener told; it may be called from any thread, must be quick, and must not raise.
    """
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
