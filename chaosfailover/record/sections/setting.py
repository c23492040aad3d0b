"""
The sections about the setting of the run: experiment, people, place, period and tools.
"""

from datetime import datetime

from chaosfailover.record.digest import part
from chaosfailover.verdict.journal import Run

__all__ = ["experiment", "people", "period", "place", "tools"]

Row = dict[str, object]

MODES = ("REHEARSAL", "LIVE")
UNKNOWN = "UNKNOWN"
ROLES = ("commander", "operator", "observer", "approver", "abort_owner")


def experiment(run: Run) -> Row:
    """
    Return the experiment's title, description, tags and hash.
    """
    return {
        "title": run.experiment.title,
        "description": run.experiment.description,
        "tags": run.experiment.tags,
        "hypothesis": run.experiment.hypothesis,
        "hash": run.control.experiment_hash or None,
        "dry": run.control.dry or None,
    }


def people(run: Run) -> Row:
    """
    Return the roles, the change ticket and the rest of the experiment's extension.
    """
    people = run.experiment.people
    return {
        "roles": {role: people.roles.get(role, []) for role in ROLES},
        "more_roles": {role: names for role, names in people.roles.items() if role not in ROLES},
        **part(people, "change_ticket", "environment"),
        "more": people.more,
    }


def place(run: Run) -> Row:
    """
    Return where it ran: on an emulator or on the cloud, in which account and region.
    """
    control = run.control
    return {
        "mode": control.mode if control.mode in MODES else UNKNOWN,
        **part(control, "account_id", "region_id", "endpoint", "topology"),
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
