"""
The control's arguments are refused where they promise what could never be seen.
"""

import re
from typing import Any

import pytest

from chaosfailover.errors import ArgumentError
from chaosfailover.running.settings import Settings

PORTAL = {"targets": {"portal": "http://127.0.0.1:9/"}}


def echo(**settings: float) -> dict[str, Any]:
    """Return the arguments for one target with settings of its own."""
    return {"targets": {"echo": {"url": "udp://127.0.0.1:9", **settings}}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {**PORTAL, "rto": 0.5},
            "target 'portal': rto is 0.5, but a check waits 0.9 s for an answer: a stall that "
            "short cannot be seen; set timeout to at most 0.5",
            id="an objective below the timeout",
        ),
        pytest.param(
            echo(interval=2.5, timeout=0.2, rto=0.3),
            "target 'echo': rto is 0.3, but a check is sent each 2.5 s: an outage that short "
            "cannot be seen; set interval to at most 0.3",
            id="an objective below the interval",
        ),
        pytest.param(
            {**PORTAL, "abort_after": 0.5},
            "abort_after is 0.5, but an outage of target 'portal' shows only after its interval "
            "of 0.1 s and its timeout of 0.9 s, expected at least 1",
            id="an abort that could not fire in time",
        ),
    ],
)
def test_what_could_never_be_seen_is_refused(arguments: dict[str, Any], message: str) -> None:
    """Before anything is touched, and at `chaos validate`."""
    for read in (Settings.parse, Settings.check):
        with pytest.raises(ArgumentError, match=re.escape(message)):
            read(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({**PORTAL, "rto": 0.9, "abort_after": 1.0}, id="just long enough"),
        pytest.param({**PORTAL, "rto": 0.5, "timeout": 0.5}, id="with a shorter timeout"),
        pytest.param(echo(interval=0.05, timeout=0.2, rto=0.3), id="a target of its own"),
        pytest.param({"rto": 0.1}, id="nothing to measure"),
    ],
)
def test_what_can_be_seen_is_not(arguments: dict[str, Any]) -> None:
    """The limits themselves are good enough."""
    assert Settings.parse(arguments).rto == arguments.get("rto")


def test_what_is_not_known_yet_is_not_refused() -> None:
    """A timeout from the configuration may be short enough; the run itself will see."""
    Settings.check({**PORTAL, "rto": 0.5, "timeout": "${timeout}"})

    with pytest.raises(ArgumentError, match="a stall that short"):
        Settings.parse({**PORTAL, "rto": 0.5, "timeout": 0.9})
