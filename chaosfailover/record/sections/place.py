"""
Where and when it ran, and with what.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from chaosfailover.verdict.journal import (
    events,
    failover,
    instant,
    mapping,
    mappings,
    number,
    said,
    text,
)

__all__ = ["MODES", "UNKNOWN", "iso", "period", "place", "tools"]

Document = Mapping[str, Any]

CLOCK_JUMP = 0.5
"""Events of two threads may be out of order by less than this, in seconds."""
MODES = ("REHEARSAL", "LIVE")
UNKNOWN = "UNKNOWN"


def place(journal: Document) -> dict[str, Any]:
    """
    Return where it ran: on the emulator or for real, in which account and region.
    """
    found = failover(journal)
    keys = ("account_id", "region_id", "endpoint", "topology")
    return {
        "mode": found["mode"] if found.get("mode") in MODES else UNKNOWN,
        **{key: said(found.get(key)) for key in keys},
        "node": text(journal.get("node")),
    }


def period(journal: Document) -> dict[str, Any]:
    """
    Return when it ran, UTC; in seconds `clock_offset` is the API's clock minus ours, to a second.
    """
    began, ended = _instant(journal, "start", "begin"), _instant(journal, "end", "end")
    return {
        "began": iso(began),
        "ended": iso(ended),
        "duration": max(0.0, (ended - began).total_seconds()) if began and ended else None,
        "clock_offset": number(failover(journal).get("clock_offset")),
        "set_back": _set_back(journal),
    }


def _set_back(journal: Document) -> float:
    """
    Return by how many seconds the clock was set back at most, as the order of the events tells.
    """
    seen = [instant(event.get("at")) for event in mappings(failover(journal).get("events"))]
    times = [at.timestamp() for at in seen if at]
    back = max((one - next_ for one, next_ in pairwise(times)), default=0.0)
    return round(back, 3) if back >= CLOCK_JUMP else 0.0


def _instant(journal: Document, key: str, kind: str) -> datetime | None:
    """
    Return an instant of the control's, or else the toolkit's, which comes last of all or never.
    """
    seen = [instant(event["at"]) for event in events(journal, kind)]
    return seen[-1] if seen else instant(journal.get(key))


def tools(journal: Document) -> dict[str, Any]:
    """
    Return the versions of what ran.
    """
    versions = {str(key): text(value) for key, value in _versions(journal).items()}
    known = {
        "chaostoolkit-lib": text(journal.get("chaoslib-version")),
        "platform": text(journal.get("platform")),
    }
    return {**{key: value for key, value in known.items() if value}, **versions}


def _versions(journal: Document) -> Document:
    return mapping(failover(journal).get("versions"))


def iso(at: datetime | None) -> str | None:
    """
    Write an instant as ISO 8601 in UTC, to the microsecond.
    """
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z") if at else None
