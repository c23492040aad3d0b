"""
The parts of the failover time in the laboratory: what a watch like the observer saw, divided by the
product, and the instants that the router's own log has.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict

from chaosfailover.verdict.failover_time import failover_times
from chaosfailover.verdict.journal import parse

__all__ = ["Change", "Look", "Watch", "changes_in", "slips_of_parts"]

PAUSE = 0.3
SLACK = 0.02
"""Seconds: BIRD stamps its log with the time at which its loop began."""
LINE = re.compile(r"^(\S+ \S+) <TRACE> circuit_a: State changed to (\w+)")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
PEER = {"test": "drill", "resource_type": "BGPPEER", "resource_id": "circuit_a"}
TEST = {"test": "drill", "job_id": "ftj-1"}


class Look(TypedDict):
    """
    Whether the session over circuit a was up, asked and read at these instants.
    """

    asked: float
    read: float
    up: bool


class Change(TypedDict):
    """
    When the router's log says that the session over circuit a came up or no longer was.
    """

    at: float
    up: bool


class Watch:
    """
    Looks at the session in a thread, as the observer does.
    """

    def __init__(self, is_up: Callable[[], bool], clock: Callable[[], float]) -> None:
        self.looks: list[Look] = []
        self._is_up, self._clock = is_up, clock
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(PAUSE):
            asked = self._clock()
            up = self._is_up()
            self.looks.append({"asked": asked, "read": self._clock(), "up": up})


def changes_in(log: Path, clock: Callable[[], float]) -> list[Change]:
    """
    Return the changes that a router's log has, on the laboratory's clock.
    """
    ahead = time.time() - clock()
    found = (LINE.match(line) for line in log.read_text(encoding="utf-8").splitlines())
    return [
        {"at": datetime.fromisoformat(it[1]).timestamp() - ahead, "up": it[2] == "up"}
        for it in found
        if it
    ]


def slips_of_parts(
    moments: Mapping[str, float],
    looks: Sequence[Look],
    log: Sequence[Change],
    target: Mapping[str, Any],
    lost: Mapping[str, tuple[float, float]],
) -> Iterator[str]:
    """
    Yield each instant and each part of the way there whose bounds do not hold the routers' log, and
    when the stream `lost` anything and had `recovered`.
    """
    (it,) = failover_times(parse(_journal(moments, looks, target)))
    truth = {**_session(moments, log), **lost}
    for name, window in truth.items():
        seen = it.there.instants[name]
        if name == "session" and not seen and _looked(looks, window[1], moments["stop"]):
            yield "the session was not seen down"
        if seen and not (_seconds(seen.earliest) - SLACK <= window[1]):
            yield f"{name}: {seen} is after {window}"
        if seen and not (window[0] <= _seconds(seen.latest) + SLACK):
            yield f"{name}: {seen} is before {window}"
    for part in it.there.parts:
        if part.begins in truth and part.ends[-1] in truth:
            since, until = truth[part.begins], truth[part.ends[-1]]
            least, most = until[0] - since[1], until[1] - since[0]
            if part.at_least - SLACK > most or part.at_most + SLACK < least:
                yield f"{part} is not {least:.3f} to {most:.3f} s"


def _session(moments: Mapping[str, float], log: Sequence[Change]) -> dict[str, tuple[float, float]]:
    cut, stop = moments["cut"], moments["stop"]
    downs = [each["at"] for each in log if cut <= each["at"] < stop and not each["up"]]
    return {"session": (downs[0], downs[0])} if downs else {}


def _looked(looks: Sequence[Look], since: float, until: float) -> bool:
    return any(look["asked"] >= since and look["read"] < until for look in looks)


def _journal(
    moments: Mapping[str, float], looks: Sequence[Look], target: Mapping[str, Any]
) -> dict[str, Any]:
    """
    Return what the product's journal would say.
    """
    cut, stop = moments["cut"], moments["stop"]
    events = [
        {"kind": "cut", **TEST, "at": _written(cut)},
        {"kind": "status", **TEST, "status": "Testing", "at": _written(moments["done"])},
        {"kind": "stop", **TEST, "at": _written(stop)},
        *_events(looks),
    ]
    window = {"test": "drill", "cut_at": _written(cut), "stop_at": _written(stop)}
    bounds = {
        edge: dict(zip(("earliest", "latest"), map(_written, ends), strict=True))
        for edge, ends in (target["loss"] or {}).items()
    }
    return {
        "failover": {
            "events": sorted(events, key=lambda each: str(each["at"])),
            "cuts": [{"test": "drill", "resource_ids": []}],
            "targets": {"target": {"cuts": [{**window, "loss": bounds or None}]}},
        }
    }


def _events(looks: Sequence[Look]) -> Iterator[dict[str, object]]:
    before: Look | None = None
    for look in looks:
        if before is None or before["up"] != look["up"]:
            earliest = {"earliest": _written(before["asked"])} if before else {}
            status = "Established" if look["up"] else "Idle"
            at = _written(look["read"])
            yield {"kind": "resource", **PEER, "status": status, "at": at, **earliest}
        before = look


def _written(at: float | None) -> str | None:
    return None if at is None else (EPOCH + timedelta(seconds=at)).isoformat()


def _seconds(at: datetime) -> float:
    return (at - EPOCH).total_seconds()
