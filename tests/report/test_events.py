"""
An event is told as a sentence, with rounded numbers, in each language.
"""

from typing import Any

import pytest

from chaosfailover.i18n import CATALOGUES, message
from chaosfailover.report.events import sentence

AT = "2026-11-28T11:29:02.126864+00:00"
TEST = {"test": "drill", "job_id": "ftj-1"}


def told(event: dict[str, Any], language: str = "en") -> str:
    return sentence({"at": AT, **event}, lambda key, **values: message(key, language, **values))


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"kind": "begin"}, "The run begins."),
        ({"kind": "refused", "reason": "no survivor."}, "The run was refused: no survivor."),
        ({"kind": "signal", "name": "SIGTERM"}, "The run was interrupted by SIGTERM."),
        ({"kind": "cut", **TEST, "job_id": None}, "The start of drill is sent."),
        ({"kind": "stop", **TEST}, "The stop of drill (ftj-1) is sent."),
        ({"kind": "away", **TEST}, "What drill (ftj-1) took is no longer all back."),
        ({"kind": "status", **TEST, "status": "Init"}, "drill (ftj-1) is Init."),
        (
            {"kind": "status", "job_id": "ftj-1", "status": "unknown"},
            "The status of ftj-1 could not be read.",
        ),
        (
            {"kind": "status", **TEST, "status": "Testing", "ends_at": AT},
            "drill (ftj-1) is Testing; its planned end is 11:29:02Z.",
        ),
        (
            {"kind": "status", **TEST, "status": "Stopping", "testing_ago": 0.20345678},
            "drill (ftj-1) is Stopping; it was last seen Testing 0.203 s before.",
        ),
        (
            {"kind": "resource", "resource_type": "BGPPEER", "resource_id": "bgp-1", "status": "D"},
            "bgp-1 is D.",
        ),
        (
            {"kind": "resource", "resource_id": "bgp-1", "status": "Down", "earliest": AT},
            "bgp-1 is Down; the change came no sooner than 11:29:02Z.",
        ),
        (
            {"kind": "routes", "source": "vbr-a", "count": 2, "moved_from": None, "moved_to": []},
            "Prefixes of vbr-a first read, by \u2013: 2.",
        ),
        (
            {"kind": "routes", "source": "v", "count": 2, "moved_from": ["a"], "moved_to": ["b"]},
            "Prefixes of v that moved from a to b: 2.",
        ),
        (
            {
                "kind": "path",
                "target": "p",
                "phase": "during",
                "hops": ["a", None],
                "reached": True,
            },
            "Way to p, during: a, *.",
        ),
        (
            {"kind": "path", "target": "p", "reason": "no right"},
            "The way to p is not known: no right.",
        ),
        (
            {"kind": "target", "target": "portal", "up": False, "at_least": 0.2000001},
            "portal is down, so far for at least 0.2 s.",
        ),
        (
            {
                "kind": "target",
                "target": "portal",
                "up": True,
                "at_least": 0.7574339521816,
                "at_most": 1.0020907592988806,
            },
            "portal answers again; it was down for 0.757 s \u2013 1.002 s.",
        ),
        ({"kind": "target", "target": "portal", "up": 3}, "target portal, up 3"),
        ({"kind": "later", "what": [1]}, "what [1]"),
    ],
)
def test_event_is_a_sentence(event: dict[str, Any], expected: str) -> None:
    """One that no sentence fits shows its fields."""
    assert told(event) == expected
    assert all(told(event, language) for language in CATALOGUES)
