"""
Journals that are damaged, or that hold hostile texts.
"""

from typing import Any

import pytest
from made_journals import changed, event, held

__all__ = ["HOSTILE", "ODD", "everywhere", "places"]

Journal = dict[str, Any]

HOSTILE = [
    pytest.param("<script>alert(1)</script>", id="script"),
    pytest.param("\"'><img src=x onerror=alert(1)>", id="quotes"),
    pytest.param("</style></script><!--", id="ends of elements"),
    pytest.param("{{ 7 * 7 }}{% raw %}", id="template"),
    pytest.param("| `x` [a](javascript:alert(1)) **b** @team #1 https://x.example", id="markdown"),
    pytest.param("\u202egnp.exe \u05d0\u05d1\u05d2 \u0627\u0644", id="right to left"),
    pytest.param("\x00\x1b[31m\x08 ]]> &amp; \ud800", id="control characters"),
    pytest.param("x" * 10_000, id="ten thousand characters"),
    pytest.param("a b " * 2500, id="ten thousand characters in words"),
]


def everywhere(text: str) -> Journal:
    """Return a run that has a text wherever one can come in from outside."""
    proof = {
        "survivors_by": text,
        "routes": [{"need": text, "proven": False, "lost": {text: [text]}, "unread": [text]}],
        "takeover": [{"need": text, "least": 2.0, "reasons": [text], "advice": [text]}],
        "load": [{"need": text, "status": text, "gaps": [text]}],
    }
    return changed(
        held(),
        ("experiment.title", text),
        ("experiment.description", text),
        ("experiment.tags", [text]),
        ("experiment.steady-state-hypothesis", {"title": text}),
        (
            "experiment.extensions",
            [{"name": "failover", "roles": {"operator": text, text: text}, text: text}],
        ),
        ("steady_states.after.probes", [{"activity": {"name": text}, "output": text}]),
        ("run", [{"activity": {"name": text}, "status": "failed", "exception": [text]}]),
        ("node", text),
        ("failover.region_id", text),
        ("failover.account_id", text),
        ("failover.configuration", {text: text}),
        ("failover.versions", {text: text}),
        (
            "failover.preflight",
            [{"name": text, "passed": True, "detail": text, "warnings": [text]}],
        ),
        ("failover.cuts", [{"test": text, "resource_ids": [text], "resource_type": text} | proof]),
        ("failover.traffic", [{"test": text, "circuit_id": text}]),
        ("failover.targets", {text: {**held()["failover"]["targets"]["portal"], "url": text}}),
        (
            "failover.events",
            [
                *held()["failover"]["events"],
                event(13, "abort", reason=text),
                event(13, "resource", resource_id=text, status=text),
                event(13, "routes", source=text, prefixes=[text], moved_from=[], moved_to=[text]),
                event(13, "routes", source=text, reason=text),
                event(13, text, name=text),
                event(14, "request", operation=text, request_id=text, job_id=text),
            ],
        ),
        ("failover.stopped", [{"test": text, "error": text, "reason": text}]),
        ("interruption", {"kind": text, "name": text, "reason": text}),
    )


ODD = [
    None,
    7,
    -1.5,
    True,
    "text",
    "",
    [],
    {},
    [None],
    {"x": 1},
    [[1, 2], "x"],
    "2026-13-45",
    1e308,
    float("inf"),
    float("-inf"),
    float("nan"),
    10**400,
    2**64,
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value within a document."""
    found = [path] if path else []
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        found += [one for key, within in inner for one in places(within, (*path, key))]
    return found
