"""
Journals made by hand: a run that held, and what can be changed in it.
"""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

from chaosfailover.outages.flapping import worst_lost
from chaosfailover.outages.outage import Outage
from chaosfailover.outages.settled import stand

__all__ = [
    "activity",
    "at",
    "changed",
    "event",
    "held",
    "probe",
    "reading",
    "routed",
    "target",
    "without",
]

Document = dict[str, Any]

BEGAN = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    """
    Return an instant of the made run, by its seconds.
    """
    return (BEGAN + timedelta(seconds=seconds)).isoformat()


def event(seconds: float, kind: str, **fields: object) -> Document:
    return {"at": at(seconds), "kind": kind, **fields}


def activity(
    name: str,
    began: float,
    ended: float,
    *,
    kind: str = "action",
    module: str = "chaosfailover.actions",
    func: str = "start_failover_test",
    **run: Any,
) -> Document:
    provider = {"type": "python", "module": module, "func": func, "arguments": {}}
    return {
        "activity": {"type": kind, "name": name, "provider": provider},
        "output": None,
        "start": at(began),
        "end": at(ended),
        "duration": ended - began,
        "status": "succeeded",
        **run,
    }


def probe(name: str, began: float, *, met: bool | None = True, **more: Any) -> Document:
    """
    Return a probe of the hypothesis as it ran; one of the service unless `module` says otherwise.
    """
    given = {"kind": "probe", "module": "service", "func": "answers", **more}
    run = activity(name, began, began + 0.1, **given)
    return run if met is None else {**run, "tolerance_met": met}


def reading(*probes: Document, met: bool | None = True) -> Document:
    return {"steady_state_met": met, "probes": list(probes)}


def target(**summary: Any) -> Document:
    """
    Return a target that was down for 0.8 to 1.0 s, 2 s after the cut at 10 s.
    """
    outage = {
        "at_least": 0.8,
        "at_most": 1.0,
        "lost": 9,
        "error": "timeout",
        "since": [12.0, 12.1],
        "until": [12.9, 13.0],
        "began_before": False,
        "ongoing": False,
    }
    length = {"at_least": 0.8, "at_most": 1.0}
    whole = {
        "interval": 0.1,
        "duration": 30.0,
        "sent": 300,
        "lost": 9,
        "errors": {"timeout": 9},
        "count": 1,
        "longest": length,
        "unmeasured": 0.0,
        "before": {"sent": 100, "lost": 0, "rtt": None},
        "during": {"sent": 100, "lost": 9, "rtt": None},
        "after": {"sent": 100, "lost": 0, "rtt": None},
        "failover": length,
        "reversion": None,
        "outages": [outage],
    }
    merged = {**whole, **summary}
    cut = {"test": "drill", "cut_at": at(10), "stop_at": at(20), **_worst(merged["outages"])}
    lengths = {key: merged[key] for key in ("failover", "reversion")}
    return {
        "url": "http://127.0.0.1/",
        "interval": 0.1,
        "timeout": 0.9,
        "rto": 3.0,
        "summary": merged,
        "cuts": [{**cut, **lengths}],
        "series": {"utc": at(0), "runs": [], "gaps": [], "slots": []},
    }


def _worst(outages: list[Document]) -> Document:
    """
    Return the longest losses of a cut from 10 to 20 s as the prober writes them, without any gap.
    """
    found = [
        Outage(row["at_least"], row["at_most"], since=row["since"], until=row["until"])
        for row in outages
    ]
    worst = {"during": worst_lost(found, 10, 20, 20), "after": worst_lost(found, 20, inf)}
    lengths = {f"worst_{when}": lost and lost._asdict() for when, lost in worst.items()}
    stood = stand(found, [], cut_at=10, in_effect_at=12, stop_at=20, checked_until=30)
    return {**lengths, "unseen_during": 0.0, "unseen_after": 0.0, **stood.as_dict()}


def held() -> Document:
    """
    Return a run of 30 s: a cut from 10 to 20 s that took a BGP session down and was survived.
    """
    test = {"test": "drill", "job_id": "ftj-1"}
    down = {"resource_id": "bgp-a", "resource_type": "BGPPEER"}
    return {
        "chaoslib-version": "1.44.0",
        "platform": "Linux",
        "node": "runner",
        "experiment": {"title": "Made", "method": []},
        "start": at(0),
        "end": at(28),
        "status": "completed",
        "deviated": False,
        "steady_states": {
            "before": reading(probe("portal", 1)),
            "after": reading(probe("portal", 18)),
            "during": [],
        },
        "run": [
            activity("create", 9, 9.5, func="create_failover_test"),
            activity("cut", 10, 12, func="start_failover_test"),
        ],
        "rollbacks": [activity("bring back", 20, 22, func="stop_failover_test")],
        "failover": {
            "version": 1,
            "mode": "REHEARSAL",
            "region_id": "cn-hangzhou",
            "dry": None,
            "preflight": [
                {"name": "the region answers", "passed": True, "detail": "", "warnings": []}
            ],
            "events": [
                event(0, "begin"),
                event(1, "resource", **down, status="Established"),
                event(10, "cut", **test),
                event(10.1, "status", **test, status="Starting"),
                event(12, "status", **test, status="Testing"),
                event(12.1, "resource", **down, status="Down"),
                event(20, "stop", **test),
                event(20.1, "status", **test, status="Stopping"),
                event(22, "status", **test, status="Stopped"),
                event(22, "back", **test),
                event(30, "end"),
            ],
            "targets": {"portal": target()},
            "cut_at": at(10),
            "stop_at": at(20),
            "stopped": [],
        },
    }


def routed(survivors_by: str = "routes", *, proven: bool = True) -> Document:
    """
    Return that run with what was read of routes, forecast, load and traffic.
    """
    prefix = "10.1.0.0/16"
    need = {"need": "ecr-1 (IPv4)", "proven": proven, "unread": [], "covered": {}, "lost": {}}
    need |= {"covered" if proven else "lost": {prefix: ["vbr-b"]}, "unknown": {}}
    way = {"way": "inbound", "status": "ok", "room": 1000.0, "now": 300.0, "peak": 400.0}
    cut = {
        "test": "drill",
        "resource_type": "BGPPEER",
        "resource_ids": ["bgp-a"],
        "duration_minutes": 5,
        "lost": ["bgp-a"],
        "survivors_by": survivors_by,
        "routes": [need],
        "takeover": [
            {
                "need": "ecr-1 (IPv4)",
                "least": 2.0,
                "most": 4.0,
                "never": False,
                "reasons": ["bgp-a: BFD at 1000/1000 ms x 3"],
                "advice": ["lower the BFD timers"],
            }
        ],
        "load": [
            {"need": "ecr-1 (IPv4)", "status": "ok", "inbound": way, "outbound": way, "gaps": []}
        ],
    }
    moved = {"source": "ecr-1", "prefixes": [prefix], "count": 1}
    events = [
        event(1, "routes", **moved, moved_from=None, moved_to=["vbr-a", "vbr-b"]),
        event(13, "routes", **moved, moved_from=["vbr-a", "vbr-b"], moved_to=["vbr-b"]),
        event(14, "routes", source="vbr-b", reason="DescribeRouteEntryList: Throttling"),
    ]
    rates = {"inbound": 300.0, "outbound": 120.5}
    traffic = {"test": "drill", "circuit_id": "pc-a", "before": rates, "during": rates}
    journal = held()
    return changed(
        journal,
        ("failover.cuts", [cut]),
        ("failover.traffic", [{**traffic, "after": None}]),
        ("failover.events", sorted([*journal["failover"]["events"], *events], key=_instant)),
    )


def _instant(event: Document) -> str:
    return str(event["at"])


def changed(journal: Document, *changes: tuple[str, Any]) -> Document:
    """
    Return a copy with values set by dotted path, such as `steady_states.after`.
    """
    copy = deepcopy(journal)
    for path, value in changes:
        *parents, last = path.split(".")
        place = copy
        for parent in parents:
            place = place[int(parent) if isinstance(place, list) else parent]
        place[last] = value
    return copy


def without(journal: Document, *kinds: str) -> Document:
    """
    Return a copy without the events of these kinds, and without losses if `target` is one.
    """
    events = [one for one in journal["failover"]["events"] if one["kind"] not in kinds]
    copy = changed(journal, ("failover.events", events))
    if "target" in kinds:
        quiet = {"sent": 100, "lost": 0, "rtt": None}
        lost_nothing = target(lost=0, during=quiet, failover=None, outages=[], count=0)
        copy["failover"]["targets"] = {"portal": lost_nothing}
    return copy
