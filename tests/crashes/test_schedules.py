"""
Nothing is left down, whatever goes wrong in which order: schedules by chance.
"""

import logging
from collections.abc import Callable, Iterator

import pytest
import time_machine
from crash_judge import WALL, Judgement, judged
from schedules import drawn
from simulated_cloud import SimulatedCloud

from chaosfailover.alibaba import config

Play = Callable[[int], Judgement]

CHUNK = 100
IN_CI = 2_000
WHOLE = 100_000
MENDED = {
    905: "a refused start whose test showed no status was stopped in Init for half an hour",
    1380: "the same, with a status that is not documented",
    2726: "a stopped test was deleted, and told of as never started, for an old reply",
    86112: "the API showed a test as Starting that never started: the judge called it given up",
    61696: "a session that flapped passed for the cut of a test that began late, and not listed",
    66255: "the same, in a run that dies",
    76164: "the same, seen by the watchdogs",
    2773: "a rollback saw the end that the guard missed, whose alarm was told all the same",
}
"""Seeds that failed while this was built, and what was mended."""


@pytest.fixture(scope="module")
def cloud() -> SimulatedCloud:
    return SimulatedCloud()


@pytest.fixture
def play(cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """What plays the schedule of a seed. All clients of the product are those of the cloud."""

    def client(*_: object, deadline: float = 60.0, attempts: int = 10, **__: object) -> object:
        return cloud.client(deadline, attempts)

    monkeypatch.setattr(config, "client", client)
    logging.disable()
    with time_machine.travel(WALL, tick=False) as traveller:
        yield lambda seed: judged(cloud, drawn(seed), traveller.move_to)
    logging.disable(logging.NOTSET)


def check(play: Play, first: int) -> None:
    for seed in range(first, first + CHUNK):
        judgement = play(seed)
        assert not judgement.broken, str(judgement)


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, IN_CI, CHUNK))
def test_schedules_leave_nothing_down(play: Play, first: int) -> None:
    """Each schedule ends with all tests Stopped and back, or tells what is not so."""
    check(play, first)


@pytest.mark.crashes
@pytest.mark.parametrize("first", range(IN_CI, WHOLE, CHUNK))
def test_many_schedules_leave_nothing_down(play: Play, first: int) -> None:
    """The same, for as many schedules as take half an hour."""
    check(play, first)


@pytest.mark.parametrize("seed", MENDED)
def test_schedules_that_failed_once(play: Play, seed: int) -> None:
    """What was found is mended."""
    judgement = play(seed)

    assert not judgement.broken, str(judgement)


@pytest.mark.parametrize("seed", [1, 16, 519])
def test_seed_replays_to_the_same_end(play: Play, seed: int) -> None:
    """A schedule that fails can be played again, event by event."""
    first, second = play(seed), play(seed)

    assert (first.trace, first.told) == (second.trace, second.told)
    assert len(first.trace) > 10
