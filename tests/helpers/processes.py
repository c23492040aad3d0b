"""
The processes that the tests start: a plugin that fails each test, and the session, that leaves one.

Each process of pytest is a subreaper, see prctl(2): an orphan below it becomes its child. So what
outlives a test is a child of the process that ran the test, however it detached itself, and what
outlives the workers is a child of the process that started them. Only Linux is watched.
"""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["adopt_orphans", "children", "end", "ended", "outliving", "reap", "wait_for_watchdogs"]

SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
GRACE = 3.0  # for those that are about to end, in seconds
PATIENCE = 30.0
WATCHDOG = "chaosfailover.safety.watchdog"

Processes = dict[int, str]


def pytest_configure() -> None:
    """
    Adopt the orphans of this process, which is a worker or the one that starts the workers.
    """
    adopt_orphans()


@pytest.fixture(autouse=True)
def nothing_outlives() -> Iterator[None]:
    """Every test ends the processes that it starts; those that it leaves are killed."""
    before = children()
    yield
    left = outliving(before)
    reap()

    assert left == []


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """
    Fail the session if a process outlives it. The workers have ended when this goes on.
    """
    yield
    if hasattr(session.config, "workerinput") or not (left := outliving({})):
        return
    text = "\n".join(["These processes outlived the tests:", *left])
    report = pytest.TestReport("processes", ("", None, ""), {}, "failed", text, "teardown")
    session.config.hook.pytest_runtest_logreport(report=report)
    session.exitstatus = pytest.ExitCode.TESTS_FAILED


def adopt_orphans() -> None:
    """
    Become the parent of every descendant whose own parent dies.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children() -> Processes:
    """
    Return the children of this process that have not ended, and what each of them is.
    """
    lists = map(_text, Path("/proc/self/task").glob("*/children"))
    found = {int(pid): _described(int(pid)) for pids in lists for pid in pids.split()}
    return {pid: text for pid, text in found.items() if text}


def outliving(before: Processes) -> list[str]:
    """
    Return the children that were not there before and do not end soon, and kill them.
    """
    left = _after(GRACE, lambda: _without(before))
    while ending := _without(before):
        for pid in ending:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    return list(left.values())


def reap() -> None:
    """
    Take note of the orphans that have ended, as process 1 would; all others were waited for.
    """
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def wait_for_watchdogs() -> None:
    """
    Wait until the watchdogs of runs that have died have done their work.
    """
    left = _after(PATIENCE, lambda: {pid: it for pid, it in children().items() if WATCHDOG in it})
    assert list(left.values()) == []


@contextmanager
def ended(process: subprocess.Popen[Any]) -> Iterator[subprocess.Popen[Any]]:
    """
    End a process that leads a session of its own, however the block is left.
    """
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[Any]) -> None:
    """
    Kill a process and the rest of its group, and wait for the watchdogs of the runs among them.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    wait_for_watchdogs()


def _without(before: Processes) -> Processes:
    return {pid: text for pid, text in children().items() if pid not in before}


def _after(patience: float, remaining: Callable[[], Processes]) -> Processes:
    """
    Wait until nothing remains; return what still does when the patience is over.
    """
    deadline = time.monotonic() + patience
    while (left := remaining()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _described(pid: int) -> str:
    """
    Return the command of a process and the test that started it; nothing for one that has ended.
    """
    folder = Path(f"/proc/{pid}")
    if ") Z " in (stat := _text(folder / "stat")) or not stat:
        return ""
    command = _text(folder / "cmdline").replace("\0", " ").strip() or stat
    test = re.search(r"\0PYTEST_CURRENT_TEST=([^\0]*) \(", _text(folder / "environ"))
    return f"{pid}: {command}, of {test[1] if test else 'no test'}"


def _text(file: Path) -> str:
    """
    Return what a file of /proc says; nothing if its process is gone or is another user's.
    """
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
