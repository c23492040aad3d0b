"""
The network in the report: forecast beside measured, on what survivors rest, moved routes, and hops.
"""

from collections.abc import Callable

from chaosfailover.record import Record
from chaosfailover.report.formatting import NOTHING

__all__ = [
    "basis",
    "compared_with_forecast",
    "comparisons",
    "moved",
    "moves",
    "way",
    "with_open_end",
]


def basis(cut: Record) -> str:
    """
    Return what proves the survivors of a cut: `routes`, `sessions`, or "" in older records.
    """
    proven = cut.get("routes") and all(need["proven"] for need in cut["routes"])
    return cut.get("survivors_by", "") and ("routes" if proven else "sessions")


def comparisons(record: Record) -> list[Record]:
    """
    Return each forecast of a cut beside the failover time of each target in it.
    """
    return [
        {
            "recovery": with_open_end(recovery),
            "forecast": forecast,
            "state": compared_with_forecast(forecast, recovery),
        }
        for cut in record["scope"]
        for forecast in cut.get("takeover", ())
        for recovery in record["recoveries"]
        if recovery["test"] == cut["test"]
    ]


def with_open_end(recovery: Record) -> Record:
    """
    Return a recovery whose failover time has no end if nothing was lost before it had settled.
    """
    if recovery["failover"] or recovery["settled"]:
        return recovery
    return {**recovery, "failover": {"at_least": 0.0, "at_most": None}}


def compared_with_forecast(forecast: Record, recovery: Record) -> str:
    """
    Compare a measured time with its forecast, in a word of the messages `forecast.*`.

    One that has not settled may still be as forecast, or slower.
    """
    measured, settled = recovery["failover"], recovery["settled"]
    if measured is None:
        return "no_loss" if settled else "no_loss_yet"
    is_open = measured["at_most"] is None
    if forecast["never"] and not settled:
        return "as_forecast" if is_open and recovery.get("exceeded") else "open"
    if forecast["never"]:
        return "faster"
    least, most = forecast["least"] or 0.0, forecast["most"]
    if most is not None and (measured["at_least"] or 0.0) > most:
        return "slower"
    if is_open or not settled:
        return "open"
    if measured["at_most"] < least:
        return "faster"
    return "as_forecast" if least or most is not None else "unknown"


def moves(record: Record) -> list[Record]:
    """
    Return the events of routes that were read, moved, or could not be read, each as texts.

    `moved_from` is None where they were first read.
    """
    return [
        {
            "at": event["at"],
            "source": event.get("source"),
            "reason": event.get("reason"),
            "prefixes": _listing(event.get("prefixes")),
            "more": _count(event.get("count")) > len(_texts(event.get("prefixes"))),
            "count": _count(event.get("count")),
            "moved_from": None
            if event.get("moved_from") is None
            else _listing(event["moved_from"]),
            "moved_to": _listing(event.get("moved_to")),
        }
        for event in record["timeline"]
        if event["kind"] == "routes"
    ]


def way(seen: Record | None, t: Callable[..., str]) -> str:
    """
    Write the hops of a way, `*` for one that was silent.
    """
    if seen is None:
        return t("ui.not_seen")
    hops = [hop or "*" for hop in seen["hops"]]
    return ", ".join(hops if seen["reached"] else [*hops, t("path.no_answer")])


def moved(row: Record) -> str:
    """
    Tell whether the traffic took another way, in a word of the messages `path.*`.
    """
    return {True: "moved", False: "same"}.get(row["moved"], "unknown")


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _listing(value: object) -> str:
    return ", ".join(_texts(value)) or NOTHING


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
