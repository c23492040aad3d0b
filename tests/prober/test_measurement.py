"""
The cuts of a measurement, from the events of a run.
"""

import json
from typing import Any

import pytest

from chaosfailover.prober.measurement import Measurement
from chaosfailover.prober.targets import parse_target

FIRST = {"test": "first", "job_id": "ftj-1"}
SECOND = {"test": "second", "job_id": "ftj-2"}


@pytest.fixture
def measured() -> Measurement:
    """A measurement that checks nothing, since it is not started."""
    return Measurement([parse_target("portal", "http://127.0.0.1:9/")], 0.1, 0.9)


def told(measured: Measurement, *events: dict[str, Any]) -> list[tuple[str, bool]]:
    """Tell events; return the job of each cut and whether it has ended."""
    for event in events:
        measured.listen(event)
    return [(window.job_id, window.stop_at is not None) for window in measured.windows]


def test_stop_of_another_test_ends_no_cut(measured: Measurement) -> None:
    """A test that is stopped once more, to be sure, leaves the measurement of the next as it is."""
    found = told(
        measured,
        {"kind": "cut", **FIRST},
        {"kind": "stop", **FIRST},
        {"kind": "cut", **SECOND},
        {"kind": "status", **FIRST, "status": "Stopped"},
        {"kind": "status", "job_id": "ftj-1", "status": "Stopped"},
    )

    assert found == [("ftj-1", True), ("ftj-2", False)]


def test_test_that_is_created_and_started_at_once(measured: Measurement) -> None:
    """Its cut has a name only, until the next status gives the job ID."""
    found = told(
        measured,
        {"kind": "cut", **FIRST},
        {"kind": "cut", "test": "second", "job_id": ""},
        {"kind": "status", "job_id": "ftj-1", "status": "Stopped"},
        {"kind": "status", "job_id": "ftj-2", "status": "Testing"},
        {"kind": "status", "job_id": "ftj-2", "status": "Stopping"},
    )

    assert found == [("ftj-1", True), ("ftj-2", True)]


def test_end_that_only_a_status_shows(measured: Measurement) -> None:
    """The cloud's own timer sends no stop."""
    found = told(
        measured,
        {"kind": "cut", **FIRST},
        {"kind": "status", "test": "ftj-1", "job_id": "ftj-1", "status": "Stopped"},
    )

    assert found == [("ftj-1", True)]


def test_name_that_is_used_twice(measured: Measurement) -> None:
    """Job IDs distinguish tests of the same name."""
    again = {**FIRST, "job_id": "ftj-3"}

    found = told(measured, {"kind": "cut", **FIRST}, {"kind": "cut", **again})
    ended = told(measured, {"kind": "stop", **FIRST})

    assert found == [("ftj-1", False), ("ftj-3", False)]
    assert ended == [("ftj-1", True), ("ftj-3", False)]


def test_cut_tells_all_that_is_held_against_the_objective(measured: Measurement) -> None:
    """The journal holds the failover and the reversion time, the worst and the unseen of each."""
    told(measured, {"kind": "cut", **FIRST})

    (cut,) = json.loads(json.dumps(measured.as_dict()))["portal"]["cuts"]

    assert (cut["test"], cut["job_id"]) == ("first", "ftj-1")
    assert {key: cut[key] for key in cut if key.startswith(("worst", "unseen"))} == {
        "worst_during": None,
        "worst_after": None,
        "unseen_during": 0.0,
        "unseen_after": 0.0,
    }
