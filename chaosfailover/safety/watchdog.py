"""
The watchdog: a detached process that stops the failover tests of a run that was killed.

It reads one JSON object a line from its standard input, a pipe from the run: `{"watch": {...}}`,
`{"forget": "key"}` and `{"done": true}`. The end of the pipe without `done` means that the run was
killed. Credentials travel through the pipe only, never on a command line or to disk.
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
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TypedDict

from chaosfailover.alibaba import config
from chaosfailover.alibaba.client import VpcClient
from chaosfailover.errors import FailoverError, GuardError
from chaosfailover.safety.guarded_test import (
    START_SETTLE,
    GuardedTest,
    Start,
    StopRequest,
    opened_once,
)
from chaosfailover.safety.stopping import stop_tests

__all__ = ["Watchdog", "log_handler", "main"]

logger = logging.getLogger("chaostoolkit")

READY = b"ready\n"
LONGEST_START = 30.0
# Seconds after the planned end of a test for which its stop is still tried.
GRACE = 300.0


class WatchedTest(TypedDict):
    """
    A test on the watchdog's list, with what opens a client for its region and account.
    """

    key: str
    test: str
    job_id: str
    accepted: bool
    others: list[str]
    duration_minutes: int
    configuration: dict[str, object]
    secrets: dict[str, object]


class Message(TypedDict, total=False):
    """
    One line of the pipe, which has exactly one of these keys.
    """

    watch: WatchedTest
    forget: str
    done: bool


class Watchdog:
    """
    The run's end of the pipe: starts the process, keeps its list, and dismisses it.
    """

    def __init__(self) -> None:
        self._process = _start()
        self._ready = False
        # Two threads check the process, which writes `ready` only once.
        self._checking = threading.RLock()

    @property
    def pid(self) -> int:
        """
        The ID of the process.
        """
        return self._process.pid

    def check(self) -> None:
        """
        Raise GuardError unless the process is running; the first time, wait until it is ready.
        """
        with self._checking:
            if not self._ready:
                self._ready = self._read_ready()
        if not self._ready or self._process.poll() is not None:
            raise GuardError(
                f"the watchdog process {self.pid} is not running (exit code {self._process.poll()})"
            )

    def watch(self, guarded: GuardedTest) -> None:
        """
        Put a test on the list, or replace it there.
        """
        document: WatchedTest = {
            "key": guarded.key,
            "test": guarded.test,
            "job_id": guarded.start.job_id,
            "accepted": guarded.start.accepted,
            "others": list(guarded.others),
            "duration_minutes": guarded.duration_minutes,
            "configuration": _only(guarded.configuration, config.CONFIGURATION_KEYS),
            "secrets": _only(guarded.secrets, config.SECRET_KEYS),
        }
        self._send({"watch": document})

    def forget(self, key: str) -> None:
        """
        Take a test off its list.
        """
        with contextlib.suppress(GuardError):
            self._send({"forget": key})

    def revive(self, guarded_tests: Collection[GuardedTest]) -> None:
        """
        Start another process in place of a dead one, with these tests on its list.
        """
        with self._checking:
            self.leave_alone()
            self._process.poll()
            self._process, self._ready = _start(), False
            self.check()
        for guarded in guarded_tests:
            self.watch(guarded)

    def dismiss(self) -> None:
        """
        End the process, since no test is left. Safe to repeat.
        """
        with contextlib.suppress(GuardError):
            self._send({"done": True})
        self.leave_alone()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LONGEST_START)

    def leave_alone(self) -> None:
        """
        Close the pipe; a process that was not dismissed then stops the tests on its list.
        """
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _read_ready(self) -> bool:
        pipe = self._process.stdout
        if pipe is None or not select.select([pipe], [], [], LONGEST_START)[0]:
            return False
        return pipe.readline() == READY

    def _send(self, message: Message) -> None:
        pipe = self._process.stdin
        try:
            if pipe is None:
                raise BrokenPipeError
            pipe.write(json.dumps(message).encode() + b"\n")
            pipe.flush()
        except (OSError, ValueError):
            raise GuardError(f"the watchdog process {self.pid} has ended") from None


def _start() -> subprocess.Popen[bytes]:
    # Without -P, a file of the experiment's folder might be imported in place of a library's.
    return subprocess.Popen(  # noqa: S603 - this interpreter, this module
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def main() -> None:
    """
    Keep the list of the run at the other end of standard input, then exit or take over.
    """
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(signum, signal.SIG_IGN)
    runner = os.getppid()
    os.write(1, READY)
    watched: dict[str, tuple[float, WatchedTest]] = {}
    for message in _messages(runner):
        if "done" in message:
            return
        if "forget" in message:
            watched.pop(message["forget"], None)
        else:
            watched[message["watch"]["key"]] = time.monotonic(), message["watch"]
            _read_authorities(message["watch"])
    if watched:
        _take_over(runner, list(watched.values()))


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


def _take_over(runner: int, watched: list[tuple[float, WatchedTest]]) -> None:
    _open_log(runner)
    logger.warning("The run (process %d) died; stopping its failover tests", runner)
    timeout = max(_remaining(since, test) for since, test in watched)
    with contextlib.ExitStack() as clients:
        requests = [_stop_request(test, clients) for _, test in watched]
        for outcome in stop_tests(requests, timeout=timeout, patience=timeout):
            level = logging.ERROR if outcome.error else logging.INFO
            logger.log(level, "%s: %s", outcome.test, outcome.error or outcome.reason)


def _stop_request(test: WatchedTest, clients: contextlib.ExitStack) -> StopRequest:
    start = Start(test["job_id"], test["accepted"], settles_at=time.monotonic() + START_SETTLE)
    return StopRequest(opened_once(_access(test), clients), test["test"], start, test["others"])


def _access(test: WatchedTest) -> Callable[[], VpcClient]:
    return functools.partial(config.client, test["configuration"], test["secrets"], emergency=True)


def _remaining(since: float, test: WatchedTest) -> float:
    planned = since + test["duration_minutes"] * 60 + GRACE
    return max(planned - time.monotonic(), GRACE)


def _open_log(runner: int) -> None:
    handler = log_handler(f"failover-watchdog-{runner}.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
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
    main()
