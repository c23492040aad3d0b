"""
The ground truth: when traffic was lost, and which share of the flows.
"""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypedDict

__all__ = ["GroundTruth", "Loss", "TrueOutage", "TrueTime", "summed", "true_time"]


class Loss(NamedTuple):
    """
    The share of the flows that is lost, in any direction, `out` to the service, and `back` from it.
    """

    share: float = 0.0
    out: float = 0.0
    back: float = 0.0


def summed(losses: Iterable[Loss], whole: int = 1) -> Loss:
    """
    Return the sum of losses, each of them a part of the whole.
    """
    return Loss(*(min(sum(part) / whole, 1.0) for part in zip(Loss(), *losses, strict=True)))


class TrueOutage(TypedDict):
    """
    A time in which the same share of the flows was lost.

    `start` and `end` are monotonic instants in seconds, `start_utc` and `end_utc` the same as wall
    clock. The end is None while it lasts. `share` is 0 to 1; on a path that loses packets by
    chance it is the chance. `out` is the share lost on the way to the service, `back` from it.
    `flows_lost` are the source ports, at the start, of those of the `flows_seen` whose path stalls:
    of open connections, and of datagrams of the last seconds.
    """

    start: float
    end: float | None
    start_utc: str
    end_utc: str | None
    share: float
    out: float
    back: float
    flows_lost: list[int]
    flows_seen: int


class TrueTime(TypedDict):
    """
    A time in which something was so, as in TrueOutage.
    """

    start: float
    end: float | None
    start_utc: str
    end_utc: str | None


def true_time(start: float, end: float) -> TrueTime | None:
    """
    Return what has happened by now of a time between two monotonic instants; None if nothing has.
    """
    now, utc = time.monotonic(), datetime.now(UTC)
    if start > now:
        return None
    ended = end if end <= now else None

    def written(at: float) -> str:
        return (utc - timedelta(seconds=now - at)).isoformat(timespec="milliseconds")

    return {
        "start": start,
        "end": ended,
        "start_utc": written(start),
        "end_utc": None if ended is None else written(ended),
    }


class GroundTruth:
    """
    The outages of one service, and of each of its paths, as they happen.
    """

    def __init__(self) -> None:
        self.outages: list[TrueOutage] = []
        self.by_path: dict[str, list[TrueOutage]] = {}

    def note(self, lost: Mapping[str, Loss], at: float, ports: Mapping[int, bool]) -> None:
        """
        Note the share of the service's flows that is lost from a monotonic instant on, by path, and
        of each flow, by its source port, whether it is.
        """
        ago = timedelta(seconds=time.monotonic() - at)
        utc = (datetime.now(UTC) - ago).isoformat(timespec="milliseconds")
        _note(self.outages, summed(lost.values()), at, utc, ports)
        for path in {**self.by_path, **lost}:
            _note(self.by_path.setdefault(path, []), lost.get(path, Loss()), at, utc, {})


def _note(
    outages: list[TrueOutage], lost: Loss, at: float, utc: str, ports: Mapping[int, bool]
) -> None:
    lost = Loss(*(round(share, 9) for share in lost))
    last = outages[-1] if outages and outages[-1]["end"] is None else None
    if lost == (Loss(last["share"], last["out"], last["back"]) if last else Loss()):
        return
    if last:
        outages[-1] = {**last, "end": at, "end_utc": utc}
    if lost.share:
        outages.append(
            {
                "start": at,
                "end": None,
                "start_utc": utc,
                "end_utc": None,
                "share": lost.share,
                "out": lost.out,
                "back": lost.back,
                "flows_lost": sorted(port for port, is_lost in ports.items() if is_lost),
                "flows_seen": len(ports),
            }
        )
