"""
The sections about place, period and tools.
"""

from datetime import datetime

from chaosfailover.verdict.journal import Run

__all__ = ["MODES", "UNKNOWN", "period", "place", "tools"]

Row = dict[str, object]

MODES = ("REHEARSAL", "LIVE")
UNKNOWN = "UNKNOWN"


def place(run: Run) -> Row:
    """
    Return where it ran: on an emulator or on the cloud, in which account and region.
    """
    control = run.control
    return {
        "mode": control.mode if control.mode in MODES else UNKNOWN,
        "account_id": control.account_id or None,
        "region_id": control.region_id or None,
        "endpoint": control.endpoint or None,
        "topology": control.topology or None,
        "node": run.node,
    }


def period(run: Run) -> Row:
    """
    Return when it ran, in UTC; `clock_offset` is the API's clock minus ours, exact to a second.
    """
    began, ended = _last(run, "begin") or run.start, _last(run, "end") or run.end
    return {
        "began": began,
        "ended": ended,
        "duration": max(0.0, (ended - began).total_seconds()) if began and ended else None,
        "clock_offset": run.control.clock_offset,
        "set_back": run.control.set_back,
    }


def _last(run: Run, kind: str) -> datetime | None:
    events = run.control.events_of(kind)
    return events[-1].at if events else None


def tools(run: Run) -> Row:
    """
    Return the versions of the tools.
    """
    toolkit = {"chaostoolkit-lib": run.toolkit, "platform": run.platform}
    recorded = {tool: version for tool, version in toolkit.items() if version}
    return {**recorded, **run.control.versions}
