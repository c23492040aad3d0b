"""
The watchdogs: detached processes that stop the failover tests of a run that was killed.

The run keeps two of them, with the same list. Each reads one JSON object a line from its standard
input, a pipe from the run: `{"watch": {...}}`, `{"forget": "key"}`, `{"leave": "why"}` and
`{"done": true}`. The end of the pipe without `leave` or `done` means that the run was killed.
Credentials travel through the pipe only, never on a command line or to disk.
"""

import contextlib
import functools
import json
import logging
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from chaosfailover.alibaba import config
from chaosfailover.alibaba.client import VpcClient
from chaosfailover.errors import FailoverError, GuardError
from chaosfailover.events import listening
from chaosfailover.events.evidence_file import TAKEN_OVER, TOLD, EvidenceFile
from chaosfailover.network.cut_resources import Resource, ResourceState
from chaosfailover.safety.alarm import alarm
from chaosfailover.safety.guarded_test import (
    CALL_DEADLINE,
    GuardedTest,
    Start,
    StopOutcome,
    StopRequest,
    opened_once,
)
from chaosfailover.safety.observation import Observation
from chaosfailover.safety.stopping import Patience, stop_tests
from chaosfailover.signals import leave_signals_to_the_main_thread

__all__ = [
    "GRACE",
    "WatchList",
    "Watchdogs",
    "log_handler",
    "log_name",
    "main",
    "stop_watched",
]

logger = logging.getLogger("chaostoolkit")

READY = b"ready\n"
LONGEST_START = 30.0
LONGEST_END = 5.0
# Seconds before another process is started for one that has died before it was ready.
RESTART_PAUSE = 1.0
# Seconds after the planned end of a test for which its stop is still tried.
GRACE = 300.0
# Seconds by which the spare takes over later, so that it mostly finds nothing to do.
SPARE_DELAY = 1.0
SPARE = "--spare"
BACK = "--back="
HIDDEN = "***"
SHORTEST_HIDDEN = 6
NONE_RUNNING = "no watchdog process is running"


class WatchedTest(TypedDict):
    """
    A test on the watchdog's list, with what opens a client for its region and account.

    `before` has rows of resource type, ID, status and session. `latest_start` is how many seconds a
    start without an answer may take, None if the start was answered.
    """

    key: str
    test: str
    job_id: str
    accepted: bool
    created: bool
    volatile: bool
    others: list[str]
    before: list[list[str]]
    region_id: str
    duration_minutes: int
    latest_start: float | None
    seconds_left: float
    went_down: bool
    configuration: dict[str, object]
    secrets: dict[str, object]


class Message(TypedDict, total=False):
    """
    One line of the pipe, which has exactly one of these keys.
    """

    watch: WatchedTest
    forget: str
    leave: str
    done: bool
    evidence: "EvidencePlace"


class EvidencePlace(TypedDict):
    """
    The evidence file of the run, and the secrets that must not be in it.
    """

    path: str
    hidden: list[str]


@dataclass(slots=True)
class WatchList:
    """
    The state machine of a watchdog: its list, from the messages of the run.

    `reason` is why the watchdog takes over: what the run said last, else that it died.
    """

    reason: str = "it died"
    is_dismissed: bool = False
    tests: dict[str, tuple[float, WatchedTest]] = field(default_factory=dict)
    evidence: EvidencePlace | None = None

    def receive(self, message: Message, now: float) -> None:
        """
        Note a message of the run.
        """
        if "watch" in message:
            self.tests[message["watch"]["key"]] = now, message["watch"]
        elif "forget" in message:
            self.tests.pop(message["forget"], None)
        elif "leave" in message:
            self.reason = message["leave"]
        elif "evidence" in message:
            self.evidence = message["evidence"]
        else:
            self.is_dismissed = True

    @property
    def takes_over(self) -> bool:
        """
        Whether the tests are the watchdog's, once the pipe has ended.
        """
        return bool(self.tests) and not self.is_dismissed


class Watchdogs:
    """
    The run's end of the pipes: two processes, either of which is replaced at once when it dies.

    They wait for `restore_timeout` seconds until what was cut is back.
    """

    def __init__(
        self, restore_timeout: float = GRACE, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._list: dict[str, WatchedTest] = {}
        self._left = False
        self._evidence: EvidencePlace | None = None
        self._back = f"{BACK}{restore_timeout}"
        self._processes = [self._start(), self._start(SPARE)]

    @property
    def pids(self) -> list[int]:
        """
        The IDs of the processes.
        """
        with self._lock:
            return [each.pid for each in self._processes]

    def check(self) -> None:
        """
        Raise GuardError unless both processes are running; wait for one that is starting.
        """
        processes = list(self._processes)
        if not processes:
            raise GuardError(NONE_RUNNING)
        for process in processes:
            process.check()

    def add_to_evidence(self, path: Path, hidden: Sequence[str]) -> None:
        """
        Let a process that takes over add what it does to the evidence of the run.
        """
        with self._lock, contextlib.suppress(GuardError):
            self._evidence = {"path": str(path.absolute()), "hidden": list(hidden)}
            self._send({"evidence": self._evidence})

    def watch(self, guarded: GuardedTest) -> None:
        """
        Put a test on the list, or replace it there; raises GuardError if no process could note it.
        """
        with self._lock:
            self._list[guarded.key] = test = _watched(guarded, self._clock())
            self._send({"watch": test})

    def forget(self, key: str) -> None:
        """
        Take a test off the list.
        """
        with self._lock, contextlib.suppress(GuardError):
            self._list.pop(key, None)
            self._send({"forget": key})

    def dismiss(self) -> None:
        """
        End the processes, since no test is left. Safe to repeat.
        """
        self._leave({"done": True})
        for process in self._processes:
            process.wait()

    def leave(self, reason: str) -> None:
        """
        Leave the tests on the list to the processes, which outlive the run. Safe to repeat.
        """
        self._leave({"leave": reason})

    def _leave(self, message: Message) -> None:
        with self._lock:
            left, self._left = self._left, True
            if not left:
                with contextlib.suppress(GuardError):
                    self._send(message)
            for process in self._processes:
                process.close()

    def _start(self, *options: str) -> "_Process":
        return _Process(self._replace, self._back, *options)

    def _send(self, message: Message) -> None:
        received = [process.send(message) for process in self._processes]
        if not any(received):
            raise GuardError(NONE_RUNNING)

    def _replace(self, dead: "_Process") -> None:
        """
        Start another process for one that has died, with the same list.
        """
        with self._lock:
            if self._left or dead not in self._processes:
                return
            logger.warning("%s: starting another", dead.state)
            self._processes.remove(dead)
            dead.close()
            try:
                process = self._start(SPARE)
            except OSError as exc:
                logger.critical("No watchdog process can be started: %s", exc)
                return
            self._processes.append(process)
            if self._evidence:
                process.send({"evidence": self._evidence})
            for test in self._list.values():
                process.send({"watch": test})


class _Process:
    """
    One watchdog process; `on_death` is called in a thread when it ends by itself.
    """

    def __init__(self, on_death: Callable[["_Process"], None], *options: str) -> None:
        # Without -P, a file of the experiment's folder might be imported in place of a library's.
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this module
            [sys.executable, "-P", "-m", __name__, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._ready = threading.Event()
        self._is_dead = False
        threading.Thread(
            target=self._attend, args=[on_death], name="failover-watchdog", daemon=True
        ).start()

    @property
    def pid(self) -> int:
        """
        The ID of the process.
        """
        return self._process.pid

    @property
    def state(self) -> str:
        """
        That the process is not running, with its exit code.
        """
        return f"the watchdog process {self.pid} is not running (exit code {self._process.poll()})"

    def check(self) -> None:
        """
        Raise GuardError unless the process is running; the first time, wait until it is ready.
        """
        self._ready.wait(LONGEST_START)
        if not self._ready.is_set() or self._is_dead or self._process.poll() is not None:
            raise GuardError(self.state)

    def send(self, message: Message) -> bool:
        """
        Send a message; return whether the process could take it.
        """
        pipe = self._process.stdin
        try:
            if pipe is None:
                return False
            pipe.write(json.dumps(message).encode() + b"\n")
            pipe.flush()
        except (OSError, ValueError):
            return False
        return True

    def close(self) -> None:
        """
        Close the pipe to the process.
        """
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def wait(self) -> None:
        """
        Wait until the process has ended, since it has nothing left to do.
        """
        try:
            self._process.wait(LONGEST_END)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _attend(self, on_death: Callable[["_Process"], None]) -> None:
        """
        Wait for the process to be ready, and then for its end, which closes its pipe.
        """
        leave_signals_to_the_main_thread()
        if pipe := self._process.stdout:
            with pipe:
                if pipe.readline() == READY:
                    self._ready.set()
                pipe.read()
        self._process.wait()
        was_ready, self._is_dead = self._ready.is_set(), True
        self._ready.set()
        if not was_ready:
            time.sleep(RESTART_PAUSE)
        on_death(self)


def _watched(guarded: GuardedTest, now: float) -> WatchedTest:
    start = guarded.start
    return {
        "key": guarded.key,
        "test": guarded.test,
        "job_id": start.job_id,
        "accepted": start.accepted,
        "created": start.created,
        "volatile": guarded.volatile,
        "others": list(guarded.others),
        "before": [
            [each.resource_type, each.resource_id, *(state or ("", ""))]
            for each, state in guarded.observation.before.items()
        ],
        "region_id": guarded.region_id,
        "duration_minutes": guarded.duration_minutes,
        "latest_start": None if start.accepted else start.remaining(now),
        "seconds_left": guarded.ends_by - now,
        "went_down": guarded.observation.went_down,
        "configuration": _only(guarded.configuration, config.CONFIGURATION_KEYS),
        "secrets": _only(guarded.secrets, config.SECRET_KEYS),
    }


def main(options: Sequence[str]) -> None:
    """
    Keep the list of the run at the other end of standard input, then exit or take over.
    """
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(signum, signal.SIG_IGN)
    runner = os.getppid()
    os.write(1, READY)
    watched = WatchList()
    for message in _messages(runner):
        watched.receive(message, time.monotonic())
        if "watch" in message:
            _read_authorities(message["watch"])
    if watched.takes_over:
        time.sleep(SPARE_DELAY if SPARE in options else 0.0)
        back = [float(each.removeprefix(BACK)) for each in options if each.startswith(BACK)]
        _take_over(runner, watched, *back)


def _read_authorities(test: WatchedTest) -> None:
    """
    Read the certificate authorities now, since their file may vanish while the test runs.
    """
    with contextlib.suppress(FailoverError, OSError):
        _access(test)().close()


def _messages(runner: int) -> Iterator[Message]:
    """
    Yield the messages of the run, until the pipe ends or the run is no longer our parent.
    """
    rest = b""
    while True:
        readable = select.select([0], [], [], 1.0)[0]
        if not readable and os.getppid() == runner:
            continue
        chunk = os.read(0, 65536) if readable else b""
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from map(json.loads, lines)


def _take_over(runner: int, watched: WatchList, back: float = GRACE) -> None:
    _open_log(runner)
    logger.warning("The run (process %d) left its failover tests: %s", runner, watched.reason)
    with contextlib.ExitStack() as resources:
        evidence = _reopened(watched.evidence, resources) if watched.evidence else None
        outcomes = stop_watched(watched, back)
        if evidence:
            stopped = [outcome.as_dict() for outcome in outcomes]
            evidence.put({**TOLD, "journal": {"failover": {"stopped": stopped}}})
    for outcome in outcomes:
        if outcome.is_over:
            logger.info("%s: %s", outcome.test, _end_of(outcome))
    region_ids = {test["region_id"] for _, test in watched.tests.values()}
    alarm(outcomes, " or ".join(sorted(region_ids)))


def _end_of(outcome: StopOutcome) -> str:
    """
    Return how a test ended; the other watchdog may have stopped it, and writes so in the same log.
    """
    ended = outcome.status == "Stopped" and not outcome.stopped
    return f"{outcome.reason}{' before this process stopped it' if ended else ''}"


def _reopened(place: EvidencePlace, resources: contextlib.ExitStack) -> EvidenceFile:
    """
    Add the events of this process to the evidence of the run, until `resources` are closed.
    """
    hidden = [secret for secret in place["hidden"] if len(secret) >= SHORTEST_HIDDEN]
    shape, told = functools.partial(_without, hidden), json.dumps(TOLD, separators=(",", ":"))
    evidence = EvidenceFile.add_to(Path(place["path"]), shape, told.strip("{}").encode())
    resources.callback(evidence.close)
    resources.enter_context(
        listening(
            lambda event: evidence.put({**TAKEN_OVER, "journal": {"failover": {"events": [event]}}})
        )
    )
    return evidence


def _without(hidden: Sequence[str], value: Any) -> Any:
    """
    Return a document without secrets, save texts that are one: names of tests are not changed.
    """
    if isinstance(value, Mapping):
        return {key: _without(hidden, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without(hidden, inner) for inner in value]
    if not isinstance(value, str) or value in hidden:
        return value
    return functools.reduce(lambda text, secret: text.replace(secret, HIDDEN), hidden, value)


def stop_watched(
    watched: WatchList,
    back: float = GRACE,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[StopOutcome]:
    """
    Stop the tests of a list, wait `back` seconds until each is back, and return the outcomes.
    """
    now = clock()
    timeout = max(_remaining(since, test, now) for since, test in watched.tests.values())
    with contextlib.ExitStack() as clients:
        stop_requests = [
            _stop_request(since, test, clients, clock) for since, test in watched.tests.values()
        ]
        patience = Patience(timeout, timeout, back, late_starts=True)
        return stop_tests(stop_requests, patience, clock=clock, sleep=sleep)


def _stop_request(
    since: float, test: WatchedTest, clients: contextlib.ExitStack, clock: Callable[[], float]
) -> StopRequest:
    latest = test["latest_start"]
    start = Start(test["job_id"], test["accepted"], created=test["created"])
    if latest is not None:
        start.sent_at, start.latest = clock(), latest
    before = {
        Resource(resource_type, resource_id): ResourceState(status, session) if status else None
        for resource_type, resource_id, status, session in test["before"]
    }
    seen = Observation(test["test"], before, clock)
    seen.begin()
    seen.went_down = test["went_down"]
    return StopRequest(
        opened_once(_access(test), clients),
        test["test"],
        start,
        test["others"],
        ends_by=since + test["seconds_left"],
        volatile=test["volatile"],
        observation=seen,
    )


def _access(test: WatchedTest) -> Callable[[], VpcClient]:
    return functools.partial(
        config.client,
        test["configuration"],
        test["secrets"],
        deadline=CALL_DEADLINE,
        attempts=1,
        emergency=True,
    )


def _remaining(since: float, test: WatchedTest, now: float) -> float:
    return max(since + test["seconds_left"] - now, test["latest_start"] or 0.0, 0.0) + GRACE


def log_name(runner: int) -> str:
    """
    Return the name of the log of a run's watchdogs.
    """
    return f"failover-watchdog-{runner}.log"


def _open_log(runner: int) -> None:
    handler = log_handler(log_name(runner))
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def log_handler(name: str) -> logging.Handler:
    """
    Log to the working directory, else to the one for temporary files, else nowhere.
    """
    for folder in (Path.cwd, lambda: Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            return logging.FileHandler(folder() / name)
    return logging.NullHandler()


def _only(values: Mapping[str, object], keys: tuple[str, ...]) -> dict[str, object]:
    return {key: values[key] for key in keys if key in values}


if __name__ == "__main__":
    main(sys.argv[1:])
