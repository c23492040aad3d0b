"""
A journal as long as a run can be: three days, a hundred targets, each of them flapping.
"""

from datetime import timedelta
from random import Random
from typing import Any

from made_journals import BEGAN, at, changed, event, held

__all__ = ["long_journal"]

HOURS = 72
OUTAGES = 1000
SLOTS = 256


def long_journal(targets: int = 100, hours: float = HOURS, seed: int = 7) -> dict[str, Any]:
    """
    Return a run whose targets each went down a thousand times, as its prober would write it.
    """
    dice = Random(seed)
    duration = hours * 3600
    names = [f"service-{number:03}.example" for number in range(targets)]
    events = [
        event(0, "begin"),
        event(60, "cut", test="drill", job_id="ftj-1"),
        event(61, "status", test="drill", job_id="ftj-1", status="Starting"),
        event(70, "status", test="drill", job_id="ftj-1", status="Testing"),
        event(duration - 60, "stop", test="drill", job_id="ftj-1"),
        event(duration - 50, "status", test="drill", job_id="ftj-1", status="Stopped"),
        event(duration, "end"),
    ]
    for second in range(0, int(duration), 600):
        status = {"resource_id": "bgp-a", "resource_type": "BGPPEER", "status": "Down"}
        events.append(event(second + 71, "resource", **status))
    return changed(
        held(),
        ("failover.events", events),
        ("failover.targets", {name: _target(dice, duration) for name in names}),
        ("end", at(duration)),
    )


def _target(dice: Random, duration: float) -> dict[str, Any]:
    instants = sorted(dice.uniform(70, duration - 100) for _ in range(OUTAGES))
    outages: list[dict[str, Any]] = []
    runs: list[list[Any]] = []
    last = 0.0
    for since in instants:
        if since <= last + 1:
            continue
        length = dice.uniform(0.1, 20)
        outages.append(_outage(since, length))
        runs.append([last, since, round((since - last) * 10), 0, None, last, since - last])
        runs.append([since, since + length, 9, 9, "timeout", since + 0.001, length])
        last = since + length
    runs.append([last, duration, 1000, 0, None, last, duration - last])
    width = duration / SLOTS
    slots = [
        [slot * width, (slot + 1) * width, 900, 9, 0.01, dice.uniform(0.01, 0.02), 0.05, 0.2]
        for slot in range(SLOTS)
    ]
    summary = {
        "interval": 0.1,
        "duration": duration,
        "sent": 2_592_000,
        "lost": 9 * len(outages),
        "errors": {"timeout": 9 * len(outages)},
        "count": len(outages),
        "longest": {"at_least": 20.0, "at_most": 20.2},
        "availability": {"at_least": 0.96, "at_most": 0.97},
        "unmeasured": 0.0,
        "before": {"sent": 600, "lost": 0, "rtt": None},
        "during": {"sent": 2_500_000, "lost": 9 * len(outages), "rtt": None},
        "after": {"sent": 600, "lost": 0, "rtt": None},
        "failover": {"at_least": 3.0, "at_most": 3.2},
        "reversion": None,
        "outages": outages,
    }
    lengths = {
        **{key: summary[key] for key in ("failover", "reversion")},
        "worst_during": summary["longest"],
        "worst_after": None,
        "unseen_during": 0.0,
        "unseen_after": 0.0,
    }
    cut = {"test": "drill", "cut_at": at(60), "stop_at": at(duration - 60), **lengths}
    utc = (BEGAN + timedelta(seconds=0)).isoformat()
    series = {"utc": utc, "runs": runs, "gaps": [], "slots": slots}
    return {
        "url": "https://service.example/",
        "interval": 0.1,
        "timeout": 1.0,
        "rto": 5.0,
        "summary": summary,
        "cuts": [cut],
        "series": series,
    }


def _outage(since: float, length: float) -> dict[str, Any]:
    return {
        "at_least": length - 0.1,
        "at_most": length + 0.1,
        "lost": 9,
        "error": "timeout",
        "since": [since - 0.1, since],
        "until": [since + length, since + length + 0.1],
        "began_before": False,
        "ongoing": False,
    }
