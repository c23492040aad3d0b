"""
A run with its watchdogs on a simulated cloud.

The actions, the guard, the observer's machine, the run's end of the pipes, the watchdog's list and
the stopping are the product's. The pipes, the processes and the order of the toolkit's hooks are
played here.
"""

import contextlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from schedules import Schedule
from simulated_cloud import REGION, WINDOW, SimulatedCloud
from virtual_time import FiberThread, Process, World

from chaosfailover import actions
from chaosfailover.errors import FailoverError, GuardError
from chaosfailover.network.cut_resources import Resource, read_states
from chaosfailover.safety import guard
from chaosfailover.safety.alarm import alarm
from chaosfailover.safety.cut import ApprovedCuts, Cut
from chaosfailover.safety.guard import Guard
from chaosfailover.safety.guarded_test import StopOutcome
from chaosfailover.safety.observer import Observer
from chaosfailover.safety.requests import advance
from chaosfailover.safety.watchdog import (
    RESTART_PAUSE,
    SPARE,
    SPARE_DELAY,
    Message,
    Watchdogs,
    WatchList,
    stop_watched,
)

__all__ = ["RESTORE_TIMEOUT", "SimulatedRun", "Told"]

RESTORE_TIMEOUT = 60.0
CONFIGURATION = {"alibaba_cloud_region_id": REGION}
TAKEN = (
    Resource("PHYSICALCONNECTION", "pc-rehearsal-a"),
    Resource("VIRTUALBORDERROUTER", "vbr-rehearsal-a"),
    Resource("BGPPEER", "bgp-rehearsal-a"),
)


@dataclass(frozen=True, slots=True)
class Told:
    """
    What a process said of a test at its end; an alarm is what it `alarmed` the operator of.
    """

    process: str
    outcome: StopOutcome
    alarmed: bool


class SimulatedRun:
    """
    The processes of one run; `tell` is called with each outcome that one of them ends with.
    """

    def __init__(
        self,
        schedule: Schedule,
        world: World,
        cloud: SimulatedCloud,
        tell: Callable[[Told], None],
    ) -> None:
        self.world, self.cloud, self.tell = world, cloud, tell
        self.schedule = schedule
        self.process = Process("run")
        self.watchdogs: list[SimulatedWatchdog] = []
        self.guard: Guard | None = None
        self.approved_at = self.died_at = world.now
        self.ordered_at = -1.0
        self.starts_before_order = 0
        self._received = self._ending = False
        self._main = world.spawn(self.process, "main", self._play)

    @property
    def tests(self) -> list[str]:
        """
        The names of the tests of the run.
        """
        return [f"drill-{number}" for number in range(self.schedule.tests)]

    @property
    def held(self) -> dict[str, list[Process]]:
        """
        The tests on the list of a process that lives, with these processes.
        """
        holders: dict[str, list[Process]] = {}
        for guarded in self.guard.tests if self.guard and self.process.alive else ():
            holders.setdefault(guarded.test, []).append(self.process)
        for watchdog in self.watchdogs:
            for test in watchdog.held:
                holders.setdefault(test, []).append(watchdog.process)
        return holders

    @property
    def lives(self) -> bool:
        """
        Whether a process lives that has its list.
        """
        return self.process.alive or any(each.process.alive for each in self.watchdogs)

    @property
    def stops_from(self) -> float:
        """
        The instant from which the test is to be stopped: the order, or the death of the run.
        """
        return self.ordered_at if self.ordered_at >= 0.0 else self.died_at

    @property
    def _processes(self) -> list[Process]:
        return [self.process, *(each.process for each in self.watchdogs)]

    def end(self) -> None:
        """
        End what still goes on.
        """
        for process in self._processes:
            process.end()
        guard.set_current(None)

    def order(self) -> None:
        """
        Note that the stop of everything was ordered: no start may be sent from now on.
        """
        if self.ordered_at < 0.0:
            self.ordered_at, self.starts_before_order = self.world.now, len(self.cloud.sent)

    def signal(self, name: str, delay: float) -> None:
        """
        Handle a signal as `Interruption` does: order the stop at once, then interrupt `main`.
        """
        if not self.process.alive or not self.guard:
            return
        self.world.note("run", f"receives {name}")
        again, self._received = self._received, True
        self.order()
        self.guard.restore_soon(f"the run was interrupted by {name}")
        if again:
            self.guard.end_wait()
        if not (self._ending or (again and self.guard.restoring)):
            error = KeyboardInterrupt() if name == "SIGINT" else SystemExit(20)
            self.world.later(delay, partial(self._interrupt, error))

    def _interrupt(self, error: BaseException) -> None:
        if self.process.alive and not self._ending:
            self.world.interrupt(self._main, error)

    def _play(self) -> None:
        """
        Play the hooks and activities of a run in their order.
        """
        watchdogs = SimulatedWatchdogs(self)
        self.guard = guarding = self._guard(watchdogs)
        guard.set_current(guarding)
        self._approve(guarding)
        try:
            for number, test in enumerate(self.tests):
                if number:
                    self._stop(self.tests[number - 1])
                with contextlib.suppress(FailoverError):  # the toolkit notes it, and goes on
                    self._cut(test)
                self.world.sleep(self.schedule.hold)
        except (KeyboardInterrupt, SystemExit):
            self.world.note("run", "is interrupted")
        self._ending = True
        for test in self.tests if self.schedule.rollback else ():
            self._stop(test)
        self._end(guarding, watchdogs)

    def _guard(self, watchdogs: Watchdogs) -> Guard:
        def ready() -> bool:
            return bool(self.guard and self.guard.restoring)

        return Guard(
            backup=watchdogs,
            timeout=RESTORE_TIMEOUT,
            latest_start=WINDOW,
            survivors_by="sessions",
            late_starts=self.schedule.container,
            clock=self.world.clock,
            sleep=self.world.sleep,
            thread=partial(FiberThread, self.world, self.process, ready),
        )

    def _approve(self, guarding: Guard) -> None:
        schedule, world = self.schedule, self.world
        cuts = tuple(
            Cut(test, ("pc-rehearsal-a",), "PHYSICALCONNECTION", schedule.minutes)
            for test in self.tests
        )
        before = read_states(self.cloud.client(), TAKEN)
        guarding.approve(ApprovedCuts(cuts, ""), dict.fromkeys(self.tests, before))
        world.note("run", "is approved")
        self.approved_at = world.now
        world.spawn(self.process, "observer", partial(self._observe, guarding))
        self.cloud.network = schedule.network
        for at, fault in schedule.faults:
            world.later(at, partial(self.cloud.arm, fault))
        for at, name, delay in schedule.signals:
            world.later(at, partial(self.signal, name, delay))
        for at, seconds in schedule.jumps:
            world.later(at, partial(world.jump, seconds))
        world.later(schedule.calm, self.cloud.calm)
        if schedule.run_dies_at is not None:
            steps = self.process.steps + schedule.run_dies_at
            self.process.at_step[steps] = self._die

    def _die(self) -> None:
        self.died_at = self.world.now
        self.world.note("run", "dies")
        self.process.kill()

    def _observe(self, guarding: Guard) -> None:
        observer = Observer(lambda: self.cloud.client(5.0, 1), guarding, self.world.clock)
        rounds = observer.rounds()
        while True:
            advance(rounds)
            self.world.sleep(observer.interval)

    def _cut(self, test: str) -> None:
        schedule = self.schedule
        actions.create_failover_test(
            name=test,
            resource_ids=["pc-rehearsal-a"],
            duration_minutes=schedule.minutes,
            start=schedule.way == "create",
            timeout=30.0,
            configuration=CONFIGURATION,
        )
        if schedule.way == "start":
            actions.start_failover_test(test, timeout=30.0, configuration=CONFIGURATION)

    def _stop(self, test: str) -> None:
        with contextlib.suppress(FailoverError):
            said = actions.stop_failover_test(
                test, timeout=RESTORE_TIMEOUT, configuration=CONFIGURATION
            )
            self.tell(Told("rollback", _outcome(said), alarmed=True))

    def _end(self, guarding: Guard, watchdogs: Watchdogs) -> None:
        self.order()
        outcomes = guarding.restore("the run is ending")
        alarmed = alarm(outcomes, REGION)
        for outcome in outcomes:
            self.tell(Told("run", outcome, alarmed))
        if tests := guarding.tests:
            for guarded in tests:
                with contextlib.suppress(GuardError):
                    watchdogs.watch(guarded)
            watchdogs.leave("it ended before they were over")
        else:
            watchdogs.dismiss()
        self.world.note("run", f"ends; left: {[each.test for each in tests]}")
        self.world.later(0.0, self.process.end)


def _outcome(said: Mapping[str, Any]) -> StopOutcome:
    """
    Return the outcome that an action has returned.
    """
    return StopOutcome(
        said["test"],
        said["job_id"] or "",
        said["status"] or "",
        said["reason"],
        said["stopped"],
        said.get("error"),
        said["back"],
        tuple(said.get("not_back", ())),
        0.0 if said.get("may_start") else None,
    )


class SimulatedWatchdogs(Watchdogs):
    """
    The run's end of the pipes to simulated processes.
    """

    def __init__(self, run: SimulatedRun) -> None:
        self._run = run
        super().__init__(RESTORE_TIMEOUT, clock=run.world.clock)

    def _start(self, *options: str) -> "SimulatedWatchdog":  # type: ignore[override]
        watchdog = SimulatedWatchdog(self._run, self._replace_simulated, SPARE in options)
        self._run.watchdogs.append(watchdog)
        if self._run.schedule.container:
            self._run.process.children.append(watchdog.process)
        return watchdog

    def _replace_simulated(self, dead: "SimulatedWatchdog") -> None:
        self._replace(cast("object", dead))  # type: ignore[arg-type]


class SimulatedWatchdog:
    """
    A watchdog process behind a pipe.
    """

    def __init__(
        self, run: SimulatedRun, on_death: Callable[["SimulatedWatchdog"], None], is_spare: bool
    ) -> None:
        self.pid = len(run.watchdogs)
        self.process = Process(f"watchdog-{self.pid}")
        self._run, self._world = run, run.world
        for number, seconds in run.schedule.watchdog_deaths:
            if number == self.pid:
                run.world.later(seconds, self._die)
        self._is_spare = is_spare
        self._lines: deque[str] = deque()
        self._is_closed = self._is_ready = False
        # What the process will hold once it has read all that was written.
        self._written = WatchList()
        self._world.spawn(self.process, "main", self._main)
        self._world.spawn(run.process, "attend", partial(self._attend, on_death))

    def _die(self) -> None:
        if self.process.alive:
            self._world.note(self.process.name, "dies")
            self.process.kill()

    @property
    def held(self) -> frozenset[str]:
        """
        The tests on its list, as long as it lives.
        """
        takes_over = self.process.alive and not self._written.is_dismissed
        return frozenset(test["test"] for _, test in self._written.tests.values() if takes_over)

    @property
    def state(self) -> str:
        """
        That the process is not running.
        """
        return f"{self.process.name} is not running"

    def check(self) -> None:
        """
        Raise GuardError unless the process is running; wait until it is ready.
        """
        self._world.wait(lambda: self._is_ready or not self.process.alive)
        if not self.process.alive:
            raise GuardError(self.state)

    def send(self, message: Message) -> bool:
        """
        Write a message to the pipe.
        """
        if self._is_closed or not self.process.alive:
            return False
        line = json.dumps(message)
        self._lines.append(line)
        self._written.receive(json.loads(line), self._world.now)
        return True

    def close(self) -> None:
        """
        Close the pipe.
        """
        self._is_closed = True

    def wait(self) -> None:
        """
        Wait for the end of the process.
        """
        self._world.wait(lambda: not self.process.alive)

    def _attend(self, on_death: Callable[["SimulatedWatchdog"], None]) -> None:
        self._world.wait(lambda: not self.process.alive)
        if not self._is_ready:
            self._world.sleep(RESTART_PAUSE)
        on_death(self)

    def _main(self) -> None:
        world, watched = self._world, WatchList()
        world.sleep(world.random.uniform(0.1, 1.0))
        self._is_ready = True
        for message in self._messages():
            watched.receive(message, world.now)
        if watched.takes_over:
            world.note(self.process.name, f"takes over: {watched.reason}")
            world.sleep(SPARE_DELAY if self._is_spare else 0.0)
            outcomes = stop_watched(watched, RESTORE_TIMEOUT, clock=world.clock, sleep=world.sleep)
            alarmed = alarm(outcomes, REGION)
            for outcome in outcomes:
                self._run.tell(Told(self.process.name, outcome, alarmed))
        world.note(self.process.name, "ends")
        world.later(0.0, self.process.end)

    def _messages(self) -> Iterator[Message]:
        while True:
            self._world.wait(
                lambda: bool(self._lines) or self._is_closed or not self._run.process.alive
            )
            if not self._lines:
                return
            yield json.loads(self._lines.popleft())
            self._world.sleep(0.0)
