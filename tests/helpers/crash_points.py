"""
The points of a run at which it is crashed, and what is done there.

A point is (kind, operation, n): the n-th time that an event of this kind passes the seams that
`crash_runner` wraps. Of repeated events the first, the second and the last are points. A crash is a
point with an act.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

__all__ = [
    "ACTS",
    "EXPERIMENTS",
    "KINDS",
    "TOOLKITS",
    "Crash",
    "Point",
    "acted",
    "crashes",
    "points",
    "read",
]

EXPERIMENTS = ("circuit-failover", "game-day")
KINDS = ("request", "effect", "reply", "pipe", "evidence", "journal", "hook", "hook over")
REQUESTS = KINDS[:3]
ACTS = ("SIGKILL", "SIGINT", "reply lost", "watchdog killed", "30 s of 503")
TOOLKITS = ("1.45", "1.44")
# Acts of one kind only; all others are done at every point.
ONLY_AT = {"reply lost": "effect", "30 s of 503": "request"}


class Point(NamedTuple):
    """
    A place in the course of a run.
    """

    kind: str
    operation: str
    n: int

    @property
    def is_read(self) -> bool:
        """
        Whether it is a request that changes nothing in the cloud, or the reply to one.
        """
        return self.operation.split(": ")[-1].startswith(("Describe", "Get"))


class Crash(NamedTuple):
    """
    A point and what is done there.
    """

    kind: str
    operation: str
    n: int
    act: str

    @property
    def point(self) -> Point:
        """
        The point.
        """
        return Point(*self[:3])


def read(file: Path) -> list[Point]:
    """
    Return the events of a run, in their order.
    """
    return [Point(each["kind"], each["operation"], each["n"]) for each in _events(file)]


def acted(file: Path) -> float | None:
    """
    Return the instant (wall clock) at which a run was crashed, None if it did not come there.
    """
    return next((each["at"] for each in _events(file) if each["acted"]), None)


def _events(file: Path) -> Iterator[dict[str, Any]]:
    yield from map(json.loads, file.read_text(encoding="utf-8").splitlines())


def points(events: Sequence[Point]) -> list[Point]:
    """
    Return the first, the second and the last of each repeated event.
    """
    last = {(each.kind, each.operation): each.n for each in events}
    return [each for each in events if each.n in (1, 2, last[each.kind, each.operation])]


def crashes(events: Sequence[Point], experiment: str, toolkit: str) -> list[Crash]:
    """
    Return the crashes of an experiment whose run has these events.

    They are thinned out where two points are one moment for whoever is crashed there:

    - a read changes nothing: before it, after its effect and after its reply are one moment;
    - a line of evidence is written in a thread of its own, at a moment that what it tells of has
      too: only SIGKILL is sent there;
    - a watchdog is killed once there is one, at requests that write, at the pipe and in hooks;
    - 503 lasts longer than any poll, so it does not begin at the second of them;
    - up to its first cut, a game day is a failover of one circuit: it begins there;
    - on an older toolkit, what differs is crashed: hooks, the journal and requests that write.
    """
    watched = _since(events, "pipe", "evidence")
    begun = _since(events, "pipe", "watch") if experiment == "game-day" else events
    return [
        Crash(*point, act)
        for act in ACTS
        for point in points(events)
        if point in begun
        and _is_done(point, act)
        and (act != "watchdog killed" or point in watched)
        and (toolkit == TOOLKITS[0] or _differs(point, act))
    ]


def _since(events: Sequence[Point], kind: str, operation: str) -> Sequence[Point]:
    return events[events.index(Point(kind, operation, 1)) :]


def _is_done(point: Point, act: str) -> bool:
    if act in ONLY_AT:
        is_again = point.is_read and point.n == 2 and act == "30 s of 503"
        return point.kind == ONLY_AT[act] and not is_again
    if point.is_read and point.kind != "request":
        return False
    if act == "watchdog killed":
        return not point.is_read and point.kind in (*REQUESTS, "pipe", "hook")
    return act == "SIGKILL" or point.kind != "evidence"


def _differs(point: Point, act: str) -> bool:
    is_write = point.kind in REQUESTS and not point.is_read
    return act in ACTS[:2] and (is_write or point.kind in ("hook", "hook over", "journal"))
