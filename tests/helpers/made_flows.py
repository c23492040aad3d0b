"""
A target with flows as the journal of a run shows it, made from the times in which flows are lost.
"""

import json
from collections.abc import Sequence
from typing import Any

from made_journals import at, changed, held

from chaosfailover.outages.flow import Flow
from chaosfailover.outages.measured import CutWindow, Origin, target_entry
from chaosfailover.outages.samples import Sample
from chaosfailover.verdict.journal import instant

__all__ = ["flow", "with_flows"]

Losses = Sequence[tuple[float, float]]


def flow(losses: Losses = (), fate: str = "", port: int = 40_000, until: float = 30.0) -> Flow:
    """
    Return a flow, checked each 0.1 s, that lost what was sent in some times; with a `fate`, `out`
    or `back`, a responder tells the way.
    """
    made = Flow(0.1)
    made.open(0.0, port)
    waiting = 0
    for tick in range(round(until * 10)):
        sent = tick / 10
        is_lost = any(since <= sent < end for since, end in losses)
        waiting += is_lost
        if fate and not is_lost:
            made.begin_directions().tell(fate[0] * waiting)
            waiting = 0
        answer = Sample(sent, True, 0.001)
        made.add(Sample(sent, False, None, "timeout") if is_lost else answer)
    return made


def with_flows(made: Sequence[Flow], stop_at: float | None = 20.0, **more: Any) -> dict[str, Any]:
    """
    Return the journal of a run that cut at 10 s, whose one target has these flows.
    """
    began = instant(at(0))
    assert began is not None
    about: dict[str, Any] = {
        "target": "portal",
        "url": "udp://10.0.0.5:7",
        "interval": 0.1,
        "timeout": 0.9,
        "rto": 3.0,
        "persistent": False,
        "external": False,
        "flows": len(made),
        **more,
    }
    window = CutWindow("drill", 10.0, stop_at, "ftj-1", 10.5, stop_sent=True)
    entry = target_entry(about, made, [window], Origin(0.0, began))
    return changed(held(), ("failover.targets", {"portal": json.loads(json.dumps(entry))}))
