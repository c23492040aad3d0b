"""
The cuts of a measurement, from the events of a run.
"""

import json
import re
import time
from typing import Any

import pytest
from busy import measured_again
from loopback import Switch, served, until

from chaosfailover.prober.measurement import Measurement
from chaosfailover.prober.prober import elapsed
from chaosfailover.prober.targets import parse_target

FIRST = {"test": "first", "job_id": "ftj-1"}
SECOND = {"test": "second", "job_id": "ftj-2"}


@pytest.fixture
def measured() -> Measurement:
    """A measurement that checks nothing, since it is not started."""
    return Measurement([parse_target("portal", "http://127.0.0.1:9/")], 0.1, 0.9)


def told(measured: Measurement, *events: Any) -> list[tuple[str, bool]]:
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


def test_phase_is_that_of_an_instant(measured: Measurement) -> None:
    """A loss that is told after the next cut has begun belongs to where the run was."""
    instants = [elapsed()]
    for event in ({"kind": "cut", **FIRST}, {"kind": "stop", **FIRST}, {"kind": "cut", **SECOND}):
        told(measured, event)
        instants.append(elapsed())

    assert [measured.phase_at(at) for at in instants] == [
        "before any cut",
        "during the cut of first",
        "on the way back of first",
        "during the cut of second",
    ]


@measured_again
def test_loss_is_told_of_the_phase_in_which_it_began(caplog: pytest.LogCaptureFixture) -> None:
    """A check that was sent during the cut is told to be lost once its time is over."""
    service = Switch()
    caplog.clear()
    caplog.set_level("INFO")
    with served(service.http) as port:
        measured = Measurement([parse_target("portal", f"http://127.0.0.1:{port}/")], 0.1, 0.9)
        measured.start()
        told(measured, {"kind": "cut", **FIRST})
        service.silent = True
        until(lambda: service.asked_in_vain >= 5)
        told(measured, {"kind": "stop", **FIRST}, {"kind": "cut", **SECOND})
        until(lambda: bool(caplog.messages))
        service.silent = False
        until(lambda: len(caplog.messages) > 1)
        measured.stop()

    down, back = caplog.messages
    assert down == "Target portal is DOWN (timeout) during the cut of first"
    assert re.fullmatch(
        r"Target portal is back after .* s, which began during the cut of first", back
    )


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


def test_end_by_others_counts_from_when_the_test_was_last_seen_to_cut(
    measured: Measurement,
) -> None:
    """What recovered after that may have recovered with the cut circuit."""
    began = elapsed()
    told(
        measured,
        {"kind": "cut", **FIRST},
        {"kind": "status", "job_id": "ftj-1", "status": "Testing"},
    )
    time.sleep(0.3)

    told(measured, {"kind": "status", **FIRST, "status": "Stopped", "testing_ago": 0.1})

    (window,) = measured.windows
    assert window.testing_at is not None
    assert began <= window.testing_at < (window.stop_at or 0.0) <= elapsed() - 0.1


@pytest.mark.parametrize(
    "more", [{"testing_ago": 100.0}, {}], ids=["longer ago than it began", "nobody knows"]
)
def test_end_by_others_is_not_before_the_test_was_seen_to_cut(
    measured: Measurement, more: dict[str, float]
) -> None:
    told(
        measured,
        {"kind": "cut", **FIRST},
        {"kind": "status", "job_id": "ftj-1", "status": "Testing"},
        {"kind": "status", **FIRST, "status": "Stopped", **more},
    )

    (window,) = measured.windows
    assert window.stop_at == window.testing_at


def test_stop_that_was_refused_ends_no_cut(measured: Measurement) -> None:
    """Another one does, or the end that is seen after it."""
    cut, stop = {"kind": "cut", **FIRST}, {"kind": "stop", **FIRST}
    refused = told(measured, cut, stop, {"kind": "stop_refused", **FIRST})
    again = told(measured, stop)
    late = told(measured, {"kind": "status", **FIRST, "status": "Stopped"})

    assert (refused, again, late) == ([("ftj-1", False)], [("ftj-1", True)], [("ftj-1", True)])


def test_cut_that_is_in_effect(measured: Measurement) -> None:
    """It is one from when the test was seen to cut until it is stopped."""
    steps: list[Any] = [
        {"kind": "cut", **FIRST},
        {"kind": "status", "job_id": "ftj-1", "status": "Testing"},
        {"kind": "stop", **FIRST},
    ]
    found = []
    for step in steps:
        told(measured, step)
        found.append(measured.window is not None)

    assert found == [False, True, False]


def test_external_target_is_not_waited_for() -> None:
    """It is none that the cut could touch."""
    targets = [
        parse_target(name, {"url": "http://127.0.0.1:9/", "external": name == "shop"})
        for name in ("portal", "shop")
    ]
    measured = Measurement(targets, 0.1, 0.9)
    told(
        measured,
        {"kind": "cut", **FIRST},
        {"kind": "status", "job_id": "ftj-1", "status": "Testing"},
    )
    assert measured.window

    assert [target.name for target in measured.unsettled(measured.window)] == ["portal"]


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
