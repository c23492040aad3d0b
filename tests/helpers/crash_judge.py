"""
The judge of schedules: what must hold whatever goes wrong, from the cloud's own books.

It reads the truth, the requests as they were sent, and the lists of the processes that live; what
the product believes of a test it takes only as something that was told.
"""

import random
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from schedules import Schedule
from simulated_cloud import SimulatedCloud
from simulated_run import RESTORE_TIMEOUT, SimulatedRun, Told
from virtual_time import BEGIN, Process, World

__all__ = ["Judgement", "judged"]

WALL = 1_800_000_000.0
HORIZON = 4 * 3600.0
# Seconds after which all that flaps is up. No test ends by itself in this time.
SETTLE = 100.0
# Seconds after all faults and after the order to stop within which a test is Stopped.
BOUND = 100.0


@dataclass(slots=True)
class Judgement:
    """
    What became of a schedule: the rules that it broke, and what happened.
    """

    schedule: Schedule
    broken: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    orphaned: set[str] = field(default_factory=set)
    told: list[Told] = field(default_factory=list)
    has_run: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return "\n".join([*self.broken, "", repr(self.schedule), "", *self.trace])


def judged(
    cloud: SimulatedCloud, schedule: Schedule, set_wall: Callable[[float], None]
) -> Judgement:
    """
    Play a schedule, and judge it; `set_wall` sets the time of day.
    """
    world = World(schedule.seed, WALL, set_wall)
    set_wall(WALL)
    random.seed(schedule.seed)  # of the waits between the client's attempts
    cloud.begin(world, schedule.seed, WALL)
    judge = Judge(schedule, world, cloud)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        world.play(BEGIN + HORIZON)
        world.now += SETTLE
        judge.conclude()
    finally:
        judge.run.end()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return judge.judgement


class Judge:
    """
    Looks after each step whether a test has left the last list, and at each outcome that is told.
    """

    def __init__(self, schedule: Schedule, world: World, cloud: SimulatedCloud) -> None:
        self.judgement = Judgement(schedule, trace=world.trace)
        self._schedule, self._world, self._cloud = schedule, world, cloud
        self._held: Mapping[str, list[Process]] = {}
        self._last_told: dict[str, Told] = {}
        self._told_at: dict[str, float] = {}
        self._left_at: dict[str, float] = {}
        self.run = SimulatedRun(schedule, world, cloud, self._hear)
        # What was read may be as old as this when it is told.
        self._slack = 2 * schedule.network.slowest + schedule.lag + 1.0
        world.watch = self._look

    def _break(self, rule: str) -> None:
        self._world.note("JUDGE", rule)
        self.judgement.broken.append(rule)

    def _look(self) -> None:
        before, self._held = self._held, self.run.held
        for test in before.keys() - self._held:
            self._left_at[test] = self._world.now
            self._check_left(test, before[test])

    def _check_left(self, test: str, holders: Sequence[Process]) -> None:
        """
        Nothing that was accepted is off every list before it is Stopped, and what it took is back.
        """
        if not self.run.lives and all(holder.was_killed for holder in holders):
            self._world.note("JUDGE", f"nobody is left for {test}")
            self.judgement.orphaned.add(test)
            return
        told = self._last_told.get(test)
        if told and not told.outcome.is_over and not self.run.process.alive:
            return
        if not self._is_over(test):
            self._break(f"{test} is off every list before it is over")

    def _hear(self, told: Told) -> None:
        """
        Every outcome is told, and is true.
        """
        outcome, truth = told.outcome, self._cloud.truth
        self.judgement.told.append(told)
        if told.process != "rollback":
            self._last_told[outcome.test], self._told_at[outcome.test] = told, self._world.now
        self._world.note(told.process, f"tells {outcome}")
        test, said = outcome.test, f"{told.process} tells: {outcome}"
        if outcome.is_over and not (self._is_over(test) or self._was_told(told)):
            self._break(f"not over, but {said}")
        if not outcome.is_over and not told.alarmed:
            self._break(f"no alarm, but {said}")
        if outcome.status == "Stopped" and truth.runs(test):
            self._break(f"it runs, but {said}")
        if outcome.back is False and not truth.was_away(test, self._slack):
            self._break(f"it is back, but {said}")
        if outcome.stopped and not self._was_stopped(outcome.job_id):
            self._break(f"no stop was accepted, but {said}")
        if "never" in outcome.reason and truth.has_run(test):
            self._break(f"it has run, but {said}")

    def _is_over(self, test: str) -> bool:
        """
        Tell whether a test has ended, and what it took was up since, as far as a reply can show.
        """
        truth = self._cloud.truth
        return truth.is_over(test, min(self._slack, truth.since_end(test)))

    def _was_told(self, told: Told) -> bool:
        """
        Tell whether a rollback repeats the end of a test that was seen to be over before.

        It reads what the test names, and not what depends on that.
        """
        test = told.outcome.test
        off = test in self._left_at and test not in self._held
        return told.process == "rollback" and off and self._cloud.truth.has_ended(test)

    def _was_stopped(self, job_id: str) -> bool:
        return any(
            sent.operation == "StopFailoverTestJob"
            and sent.parameters["JobId"] == job_id
            and sent.is_accepted
            for sent in self._cloud.sent
        )

    def conclude(self) -> None:
        """
        Judge how it ended.
        """
        late = [each for each in self._cloud.sent[self.run.starts_before_order :] if each.starts]
        if self.run.ordered_at >= 0.0 and late:
            self._break(f"a start was sent after the stop was ordered: {late}")
        if self.run.lives:
            self._break("a process never ends")
        for test in self.run.tests:
            if test not in self.judgement.orphaned:
                self._check_end(test)
            if self._cloud.truth.has_run(test):
                self.judgement.has_run.add(test)

    def _was_misled(self, told: Told | None) -> bool:
        """
        Tell whether the API showed a test as under way that never was: nobody can stop that.
        """
        lied = any(fault["fault"] == "unknown-status" for _, fault in self._schedule.faults)
        return lied and told is not None and told.outcome.status == "Init"

    def _check_end(self, test: str) -> None:
        """
        Where a process lives and the API answers, everything ends Stopped and back, soon.
        """
        truth, told = self._cloud.truth, self._last_told.get(test)
        is_told = bool(told and not told.outcome.is_over)
        faulty = self._told_at.get(test, inf) < self._calm_at
        gives_up = faulty or self._schedule.down_for > RESTORE_TIMEOUT or self._was_misled(told)
        if not truth.is_over(test, 0.0) and not (is_told and gives_up):
            self._break(f"{test} is not over in the end")
        if is_told and not gives_up:
            self._break(f"{test} was given up: {told}")
        if truth.started_at(test) > self._left_at.get(test, inf):
            self._break(f"{test} was started after it had left every list")
        begun = max(self._calm_at, self.run.stops_from, truth.started_at(test))
        if truth.stopped_at(test) > begun + BOUND:
            self._break(f"{test} was stopped at {truth.stopped_at(test) - BEGIN:.0f} only")

    @property
    def _calm_at(self) -> float:
        return self.run.approved_at + self._schedule.calm
