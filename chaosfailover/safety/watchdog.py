"""
The watchdog: a detached process that stops the failover tests of a run that died without a word.

It reads one JSON object a line from its standard input, a pipe from the run: `{"watch": {...}}`,
`{"forget": "key"}` and `{"done": true}`. The pipe's end without `done` means that the run was
killed. Credentials travel in the pipe only, never on a command line or to disk.
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
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from chaosfailover.alibaba import config
from chaosfailover.errors import GuardError
from chaosfailover.safety.guarded_test import SETTLE, GuardedTest, Start, StopRequest, opened_once
from chaosfailover.safety.stopping import stop_tests

__all__ = ["Watchdog", "log_handler", "main"]

logger = logging.getLogger("chaostoolkit")

READY = b"ready\n"
LONGEST_START = 30.0
# How long after the planned end of a test it is still looked after.
GRACE = 300.0


class Watchdog:
    """
    The run's end of the pipe: starts the process, keeps its list, and dismisses it.
    """

    def __init__(self) -> None:
        self._process = _start()
        self._ready = False
        # Two threads look whether it stands by, and it says but once that it does.
        self._looking = threading.RLock()

    @property
    def pid(self) -> int:
        """
        The process that stands by.
        """
        return self._process.pid

    def check(self) -> None:
        """
        Raise GuardError unless the process stands by; the first time, wait until it does.
        """
        with self._looking:
            if not self._ready:
                self._ready = self._read_ready()
        if not self._ready or self._process.poll() is not None:
            raise GuardError(
                f"the watchdog process {self.pid} does not stand by "
                f"(exit code {self._process.poll()})"
            )

    def watch(self, guarded: GuardedTest) -> None:
        """
        Hand a test over, with what it takes to reach its region and account.
        """
        document = {
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

    def revive(self, held: Collection[GuardedTest]) -> None:
        """
        Start another process in place of one that has died, and hand everything over to it.
        """
        with self._looking:
            self.leave_alone()
            self._process.poll()
            self._process, self._ready = _start(), False
            self.check()
        for guarded in held:
            self.watch(guarded)

    def dismiss(self) -> None:
        """
        Send the process away: nothing is left to look after. Safe to repeat.
        """
        with contextlib.suppress(GuardError):
            self._send({"done": True})
        self.leave_alone()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LONGEST_START)

    def leave_alone(self) -> None:
        """
        Close the pipe; a process that was not dismissed now takes over what is on its list.
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

    def _send(self, message: dict[str, Any]) -> None:
        pipe = self._process.stdin
        try:
            if pipe is None:
                raise BrokenPipeError
            pipe.write(json.dumps(message).encode() + b"\n")
            pipe.flush()
        except (OSError, ValueError):
            raise GuardError(f"the watchdog process {self.pid} is gone") from None


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
    Stand by for the run at the other end of standard input, then go away or take over.
    """
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(signum, signal.SIG_IGN)
    runner = os.getppid()
    os.write(1, READY)
    watched: dict[str, dict[str, Any]] = {}
    for message in _messages(runner):
        if "done" in message:
            return
        if "forget" in message:
            watched.pop(message["forget"], None)
        else:
            watched[message["watch"]["key"]] = message["watch"] | {"since": time.monotonic()}
    if watched:
        _take_over(runner, list(watched.values()))


def _messages(runner: int) -> Iterator[dict[str, Any]]:
    """
    Yield what the run says, until the pipe ends or the run has another parent's child for us.
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


def _take_over(runner: int, watched: list[dict[str, Any]]) -> None:
    _open_log(runner)
    logger.warning("The run (process %d) died; stopping what it started", runner)
    timeout = max(map(_remaining, watched))
    with contextlib.ExitStack() as clients:
        wanted = [_wanted(test, clients) for test in watched]
        for outcome in stop_tests(wanted, timeout=timeout, patience=timeout):
            level = logging.ERROR if outcome.error else logging.INFO
            logger.log(level, "%s: %s", outcome.test, outcome.error or outcome.reason)


def _wanted(test: dict[str, Any], clients: contextlib.ExitStack) -> StopRequest:
    start = Start(test["job_id"], test["accepted"], settles_at=time.monotonic() + SETTLE)
    access = functools.partial(config.client, test["configuration"], test["secrets"])
    return StopRequest(opened_once(access, clients), test["test"], start, test["others"])


def _remaining(test: dict[str, Any]) -> float:
    planned: float = test["since"] + test["duration_minutes"] * 60 + GRACE
    return max(planned - time.monotonic(), GRACE)


def _open_log(runner: int) -> None:
    handler = log_handler(f"failover-watchdog-{runner}.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def log_handler(name: str) -> logging.Handler:
    """
    Write to the working directory, else to the one for temporary files, else nowhere.
    """
    for folder in (Path.cwd, lambda: Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            return logging.FileHandler(folder() / name)
    return logging.NullHandler()


def _only(values: Any, keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: values[key] for key in keys if key in values}


if __name__ == "__main__":
    main()
