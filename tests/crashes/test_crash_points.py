"""
Which points of a run are crashed, and how the results are counted.
"""

from collections import Counter
from typing import Any

import pytest
from crash_points import ACTS, Crash, Point, crashes, points
from crash_table import tables

LIST, START = "DescribeFailoverTestJobs", "StartFailoverTestJob"


def numbered(*events: tuple[str, str]) -> list[Point]:
    """Return events with their numbers."""
    counts: Counter[tuple[str, str]] = Counter()
    counted = []
    for event in events:
        counts[event] += 1
        counted.append(Point(*event, counts[event]))
    return counted


COURSE = numbered(
    ("hook", "before_experiment_control"),
    ("pipe", "evidence"),
    *[(kind, LIST) for kind in ("request", "effect", "reply")] * 4,
    ("pipe", "watch"),
    ("evidence", "event cut"),
    *[(kind, START) for kind in ("request", "effect", "reply")],
    ("journal", "written"),
)


def test_first_second_and_last_are_points() -> None:
    """Of what is repeated; the rest is passed over."""
    chosen = [each.n for each in points(COURSE) if each.kind == "request" and each.is_read]

    assert chosen == [1, 2, 4]


@pytest.mark.parametrize(
    ("kind", "operation", "acts"),
    [
        pytest.param("hook", "before_experiment_control", ACTS[:2], id="before the watchdogs"),
        pytest.param("request", LIST, ("SIGKILL", "SIGINT", "30 s of 503"), id="read"),
        pytest.param("effect", LIST, ("reply lost",), id="effect of a read"),
        pytest.param("reply", LIST, (), id="reply of a read"),
        pytest.param("request", START, (*ACTS[:2], *ACTS[3:]), id="write"),
        pytest.param("effect", START, ACTS[:4], id="effect of a write"),
        pytest.param("pipe", "watch", ("SIGKILL", "SIGINT", "watchdog killed"), id="pipe"),
        pytest.param("evidence", "event cut", ("SIGKILL",), id="evidence"),
    ],
)
def test_acts_of_a_point(kind: str, operation: str, acts: tuple[str, ...]) -> None:
    """What is done there, on the newest toolkit."""
    found = crashes(COURSE, "circuit-failover", "1.45")

    assert [each.act for each in found if each[:3] == (kind, operation, 1)] == [*acts]


def test_game_day_begins_at_its_first_cut() -> None:
    """What comes before is that of one circuit."""
    found = crashes(COURSE, "game-day", "1.45")

    assert {each.operation for each in found} == {"watch", "event cut", START, "written"}


def test_older_toolkit_is_crashed_where_it_may_differ() -> None:
    """In hooks, at the journal and at requests that write, by signals."""
    found = crashes(COURSE, "circuit-failover", "1.44")

    assert {(each.kind, each.act) for each in found} == {
        (kind, act)
        for kind in ("hook", "request", "effect", "reply", "journal")
        for act in ACTS[:2]
    }


def test_table_counts_what_was_reached() -> None:
    """By kind and act, and lists what was not."""
    planned = Crash("effect", START, 1, "SIGKILL")
    row: dict[str, Any] = {
        "experiment": "game-day",
        "toolkit": "1.45",
        **planned._asdict(),
        "reached": True,
        "verdict": "inconclusive",
        "seconds": 3.14,
        "problems": [],
    }

    made = tables([row, {**row, "n": 2}, {**row, "n": 3, "reached": False}])

    assert "**game-day, chaostoolkit-lib 1.45**: 2 crashes, 1 points not reached." in made
    assert "| effect | 2 |  |  |  |  |" in made
    assert "| SIGKILL | 2 | 0 | 2 | 0 | 3.1 s | 0 |" in made
    assert made.endswith("effect `StartFailoverTestJob` 3 (1)")
