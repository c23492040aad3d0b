"""
A world with its own time, in which threads and processes take turns by chance.

A fiber is a thread of a process. It runs until it sleeps, waits, or sends a request. Then chance
and the clock decide which one is next. The same seed plays the same turns.
"""

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random

from greenlet import GreenletExit, getcurrent, greenlet

__all__ = ["BEGIN", "Fiber", "FiberThread", "Process", "World"]

BEGIN = 1000.0
"""The first instant of the monotonic clock."""


@dataclass(eq=False, slots=True)
class Process:
    """
    A process with its fibers; when it is killed, it takes `children` with it.

    `at_step` has what happens to it right before its step of a number.
    """

    name: str
    at_step: dict[int, Callable[[], None]] = field(default_factory=dict)
    alive: bool = True
    was_killed: bool = False
    steps: int = 0
    fibers: list["Fiber"] = field(default_factory=list)
    children: list["Process"] = field(default_factory=list)

    def end(self) -> None:
        """
        End all fibers where they stand. Only the scheduler may call this.
        """
        self.alive = False
        for fiber in self.fibers:
            fiber.unwind()
        self.fibers.clear()

    def kill(self) -> None:
        """
        End the process as SIGKILL does.
        """
        self.was_killed = True
        self.end()
        for child in self.children:
            child.kill()


class Fiber:
    """
    A thread of a process.
    """

    def __init__(self, process: Process, name: str, target: Callable[[], object]) -> None:
        self.process = process
        self.name = name
        self.ticket = 0
        self.greenlet = greenlet(target)
        process.fibers.append(self)

    @property
    def has_ended(self) -> bool:
        """
        Whether its target has returned, or its process is gone.
        """
        return self.greenlet.dead or not self.process.alive

    def unwind(self) -> None:
        """
        End it where it stands.
        """
        self.ticket += 1
        if self.greenlet and not self.greenlet.dead:
            self.greenlet.throw(GreenletExit)


class World:
    """
    The scheduler: plays what is due, one fiber or event after the other.

    `watch` is called after each step. `set_wall` is given the time of day before each step.
    """

    def __init__(self, seed: object, wall: float, set_wall: Callable[[float], None]) -> None:
        self.now = BEGIN
        self.random = Random(f"{seed}/turns")
        self.trace: list[str] = []
        self.watch: Callable[[], None] = lambda: None
        self._wall = wall - BEGIN
        self._set_wall = set_wall
        self._numbers = count()
        self._queue: list[tuple[float, float, int, Callable[[], None]]] = []
        self._waiting: list[tuple[Callable[[], bool], Fiber, int]] = []
        self._current: Fiber | None = None
        self._hub = getcurrent()

    def clock(self) -> float:
        """
        Return the monotonic instant.
        """
        return self.now

    def jump(self, seconds: float) -> None:
        """
        Move the time of day of the machine, but not its monotonic clock.
        """
        self.note("clock", f"jumps by {seconds:.0f} s")
        self._wall += seconds

    def note(self, who: str, what: str) -> None:
        """
        Add a line to the trace.
        """
        self.trace.append(f"{self.now - BEGIN:9.3f}  {who:<10}  {what}")

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """
        Call a function after some seconds, in a turn of its own.
        """
        entry = (self.now + seconds, self.random.random(), next(self._numbers), action)
        heapq.heappush(self._queue, entry)

    def spawn(self, process: Process, name: str, target: Callable[[], object]) -> Fiber:
        """
        Start a fiber.
        """
        fiber = Fiber(process, name, target)
        fiber.greenlet.parent = self._hub
        self.later(0.0, partial(self._resume, fiber, fiber.ticket))
        return fiber

    @property
    def process(self) -> Process:
        """
        The process whose turn it is.
        """
        return self._running.process

    @property
    def _running(self) -> Fiber:
        if self._current is None:
            raise RuntimeError("it is nobody's turn")
        return self._current

    def sleep(self, seconds: float) -> None:
        """
        Let the current fiber sleep.
        """
        fiber = self._running
        self.later(seconds, partial(self._resume, fiber, fiber.ticket))
        self._hub.switch()

    def wait(self, ready: Callable[[], bool]) -> None:
        """
        Let the current fiber wait until something is true.
        """
        fiber = self._running
        while not ready():
            self._waiting.append((ready, fiber, fiber.ticket))
            self._hub.switch()

    def play(self, until: float) -> None:
        """
        Play what is due until nothing is, or an instant is reached.
        """
        while self._queue and self._queue[0][0] <= until:
            due, _, _, action = heapq.heappop(self._queue)
            self.now = max(self.now, due)
            self._set_wall(self._wall + self.now)
            action()
            self._wake()
            self.watch()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for ready, fiber, ticket in waiting:
            if fiber.ticket != ticket:
                continue
            if ready():
                self.later(0.0, partial(self._resume, fiber, ticket))
            else:
                self._waiting.append((ready, fiber, ticket))

    def interrupt(self, fiber: Fiber, error: BaseException) -> None:
        """
        Raise an exception in a fiber where it stands. Only an event may call this.
        """
        if fiber.greenlet and not fiber.has_ended:
            self._run(fiber, partial(fiber.greenlet.throw, error))

    def _resume(self, fiber: Fiber, ticket: int) -> None:
        process = fiber.process
        if fiber.ticket != ticket or not process.alive:
            return
        process.steps += 1
        if happens := process.at_step.get(process.steps):
            happens()
        if fiber.ticket == ticket and process.alive:
            self._run(fiber, fiber.greenlet.switch)

    def _run(self, fiber: Fiber, turn: Callable[[], object]) -> None:
        fiber.ticket += 1
        self._current = fiber
        try:
            turn()
        finally:
            self._current = None


class FiberThread(threading.Thread):
    """
    A thread that is a fiber, and starts once it is `ready`.
    """

    def __init__(
        self,
        world: World,
        process: Process,
        ready: Callable[[], bool],
        *,
        target: Callable[[], object],
        name: str,
        daemon: bool,
    ) -> None:
        super().__init__(name=name, daemon=daemon)
        self._world, self._process, self._ready = world, process, ready
        self._body = target
        self._fiber: Fiber | None = None

    def start(self) -> None:
        """
        Start the fiber.
        """
        self._fiber = self._world.spawn(self._process, self.name, self._wait_and_run)

    def is_alive(self) -> bool:
        """
        Tell whether it has not ended.
        """
        return self._fiber is not None and not self._fiber.has_ended

    def join(self, timeout: float | None = None) -> None:
        """
        Let the current fiber wait for its end.
        """
        assert timeout is None
        self._world.wait(lambda: not self.is_alive())

    def _wait_and_run(self) -> None:
        self._world.wait(self._ready)
        self._body()
