"""
Long waits say what for, and for how much longer.
"""

import logging
import os
import pty
import subprocess
import sys
import time
from io import StringIO

import pytest
from processes import ended

from chaosfailover import control
from chaosfailover.events.waits import current_waits, waiting
from chaosfailover.run.wait_display import CLEAR, WaitDisplay

SCRIPT = """
import logging, sys, time
from chaosfailover.events.waits import waiting
from chaosfailover.run import wait_display
wait_display.LONG = wait_display.LOOK = 0.2
logger = logging.getLogger("chaostoolkit")
logger.setLevel(logging.INFO)
logger.addHandler(logging.StreamHandler())
with wait_display.shown_waits():
    with waiting("drill to be Stopped", 60):
        time.sleep(1.5)
        logger.info("a line of the log")
        time.sleep(1.5)
    time.sleep(0.5)
"""


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The log."""
    caplog.set_level(logging.INFO, "chaostoolkit")
    return caplog


def test_log_has_a_line_ever_more_seldom(lines: pytest.LogCaptureFixture) -> None:
    """From the fifth second on, with what is left at most."""
    display = WaitDisplay(None)
    with waiting("pc-a to be Enabled", 120.0):
        began = current_waits()[-1].since
        for second in range(50):
            display.look(began + second)

    assert lines.messages == [
        "Waiting for pc-a to be Enabled: 5 s, 115 s more at most",
        "Waiting for pc-a to be Enabled: 10 s, 110 s more at most",
        "Waiting for pc-a to be Enabled: 20 s, 100 s more at most",
        "Waiting for pc-a to be Enabled: 40 s, 80 s more at most",
    ]


def test_short_wait_is_not_told(lines: pytest.LogCaptureFixture) -> None:
    """Nor is one that is over."""
    display = WaitDisplay(None)
    with waiting("the baseline", 4.0):
        display.look(time.monotonic() + 4.9)
    display.look(time.monotonic() + 60.0)

    assert (lines.messages, current_waits()) == ([], [])


def test_terminal_has_one_live_line() -> None:
    """It shows the wait that began last, and goes when a line of the log comes, or the end."""
    terminal = StringIO()
    display = WaitDisplay(terminal)
    now = time.monotonic()
    with waiting("the whole run"), waiting(lambda: "drill to be back: pc-a\x1b is Down", 60.0):
        display.look(now + 7.0)
        display.filter(logging.makeLogRecord({}))
        display.filter(logging.makeLogRecord({}))
        display.look(now + 8.0)
    display.look(now + 9.0)
    display.look(now + 10.0)

    shown = terminal.getvalue().split(CLEAR)
    assert "\n" not in terminal.getvalue()
    assert [line[:40] for line in shown] == [
        "",
        "Waiting for drill to be back: pc-a\\u001b",
        "",
        "Waiting for drill to be back: pc-a\\u001b",
        "",
    ]
    assert shown[1].endswith("7 s, 54 s more at most")


def test_activity_is_waited_for_with_its_pauses(lines: pytest.LogCaptureFixture) -> None:
    """The pauses of the toolkit are the longest waits of a game day."""
    display = WaitDisplay(None)
    activity = {"name": "hold", "pauses": {"before": 1, "after": "${hold}"}}

    control.before_activity_control(activity, {"hold": 60}, {})
    display.look(time.monotonic() + 7.0)
    with waiting("pc-a to be Enabled", 60.0):
        display.look(time.monotonic() + 6.0)
    control.after_activity_control(activity, {}, {}, {}, {})
    assert current_waits() == []
    control.before_activity_control({"name": "interrupted"}, None, None)
    control.cleanup_control()

    assert current_waits() == []
    assert lines.messages == [
        "Waiting for the activity hold, whose pauses take 61 s: 7 s",
        "Waiting for pc-a to be Enabled: 6 s, 54 s more at most",
    ]


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_on_a_terminal(term: str) -> None:
    """A process shows the live line there, unless the terminal cannot."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stderr=follower,
        env=os.environ | {"TERM": term, "COLUMNS": "80"},
    )
    os.close(follower)
    with ended(process):
        shown = _read(leader)
    os.close(leader)

    text = "Waiting for drill to be Stopped: 0 s, 60 s more at most"
    assert (f"{CLEAR}{text}" in shown) is (term == "xterm")
    assert (f"\n{text}" in f"\n{shown}") is (term == "dumb")
    assert "a line of the log\r\n" in shown


def _read(descriptor: int) -> str:
    """
    Return all that was written to a terminal, until its last writer has ended.
    """
    content = b""
    try:
        while block := os.read(descriptor, 1024):
            content += block
    except OSError:
        pass
    return content.decode()
