"""
Flows in the report: how many were lost for how long, on which way, and what became of connections.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from chaosfailover.record import Record
from chaosfailover.report.formatting import NOTHING, bounds, length

__all__ = ["by_direction", "connection", "connections", "details", "lost", "lost_flows"]

Speak = Callable[..., str]


def details(record: Record) -> list[Record]:
    """
    Return the recoveries of which flows, shares or directions are known.
    """
    known = ("flows", "share", "share_back", "directions")
    return [each for each in record["recoveries"] if any(each.get(key) for key in known)]


def lost_flows(record: Record) -> list[Record]:
    """
    Return each flow that was lost in a cut or on the way back, with its recovery.
    """
    return [
        {"recovery": recovery, **flow}
        for recovery in record["recoveries"]
        for flow in recovery.get("flows", ())
        if flow["failover"] or flow["reversion"]
    ]


def lost(recovery: Record, speak: Speak, *, back: bool = False) -> str:
    """
    Write how many flows were lost, and for how long, such as `3 of 8 flows, 2.9 s to 3.1 s`.
    """
    flows = recovery.get("flows", ())
    share = recovery.get("share_back" if back else "share")
    if not flows:
        return (
            speak("lost.of_checks", lost=f"{share['lost']:.0f}", count=f"{share['sent']:.0f}")
            if (share)
            else NOTHING
        )
    lengths = [it for flow in flows if (it := flow["reversion" if back else "failover"])]
    counted = speak("lost.of_flows", lost=len(lengths), count=len(flows))
    return f"{counted}, {bounds(_span(lengths))}" if lengths else counted


def _span(lengths: list[Record]) -> Record:
    ends = [each["at_most"] for each in lengths]
    return {
        "at_least": min(each["at_least"] or 0.0 for each in lengths),
        "at_most": None if None in ends else max(ends),
    }


def by_direction(recovery: Record, speak: Speak) -> str:
    """
    Write what was lost on the way out and on the way back from the cut to the stop.
    """
    told = recovery.get("directions")
    if not told:
        return NOTHING
    parts = [_way(name, told[name], speak) for name in ("out", "back")]
    if told["not_known_during"]:
        parts.append(speak("direction.not_known", count=f"{told['not_known_during']:.0f}"))
    return "; ".join(parts)


def _way(name: str, way: Record, speak: Speak) -> str:
    said = bounds(way["failover"]) if way["failover"] else speak("direction.none")
    shown = speak(f"direction.{name}", length=said)
    unseen = way["unseen_during"]
    return f"{shown} ({speak('direction.unseen', length=length(unseen))})" if unseen else shown


def connections(recovery: Record, speak: Speak) -> str:
    """
    Write what became of the kept connections, such as `6 survived, 2 ended: reset`.
    """
    fates = Counter(fate for flow in recovery.get("flows", ()) if (fate := flow.get("connection")))
    return _listed(f"{count} {connection(fate, speak)}" for fate, count in fates.most_common())


def connection(fate: str | None, speak: Speak) -> str:
    """
    Write what became of one connection.
    """
    if fate in ("survived", "stalled", "unknown"):
        return speak(f"connection.{fate}")
    return speak("connection.ended", kind=fate) if fate else NOTHING


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts) or NOTHING
