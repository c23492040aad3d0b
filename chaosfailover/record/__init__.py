"""
The record of a game day: one document of who did what where, what was measured, and what follows.
"""

import json
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from chaosfailover.canonical import digest, plain
from chaosfailover.journals import failover, mapping
from chaosfailover.record import course, measured, place, plan
from chaosfailover.record.redaction import redact
from chaosfailover.verdict import GRAVITY, review

__all__ = ["RECORD_VERSION", "make_record", "record_of", "schema", "verify"]

RECORD_VERSION = 1

Document = Mapping[str, Any]


def make_record(journal: Mapping[str, Any]) -> dict[str, Any]:
    """
    Make the record of a run from its journal, which may be interrupted, partial or older.

    It matches `schema()` and can be written as JSON. `sha256` is over the canonical form, RFC 8785,
    of all that stands beside it. `findings` is empty: people fill it in, and `sha256` then still
    proves the rest, see `verify`.
    """
    parts = {name: make(journal) for name, make in PARTS.items()}
    record: dict[str, Any] = redact(plain({"version": RECORD_VERSION, **parts}), journal)
    return {**record, "findings": [], "sha256": digest(record)}


def record_of(journal: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the record that the run left in its journal, or make it where there is none intact, or
    where the journal deserves a graver verdict.
    """
    left = mapping(failover(journal).get("record"))
    if left.get("version") == RECORD_VERSION and verify(left) and _is_fair(left, journal):
        return {"findings": [], **left}
    return {**make_record(journal), **_findings(left)}


def _is_fair(record: Document, journal: Document) -> bool:
    said, deserved = mapping(record.get("verdict")).get("verdict"), review(journal).verdict
    return said in GRAVITY and GRAVITY.index(said) <= GRAVITY.index(deserved)


def _findings(record: Document) -> dict[str, Any]:
    findings = record.get("findings")
    return {"findings": findings} if verify(record) and isinstance(findings, list) else {}


def verify(record: Mapping[str, Any]) -> bool:
    """
    Tell whether a record is as it was made, apart from its findings.
    """
    rest = {key: value for key, value in record.items() if key not in ("sha256", "findings")}
    return bool(record.get("sha256") == digest(rest))


def schema() -> dict[str, Any]:
    """
    Return the JSON Schema that every record matches.
    """
    file = resources.files("chaosfailover.record") / "record.schema.json"
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


def _verdict(journal: Document) -> dict[str, Any]:
    return review(journal).as_dict()


PARTS: Mapping[str, Callable[[Document], Any]] = {
    "experiment": plan.experiment,
    "people": plan.people,
    "place": place.place,
    "period": place.period,
    "tools": place.tools,
    "configuration": plan.configuration,
    "settings": plan.settings,
    "scope": plan.scope,
    "preflight": course.preflight,
    "abort": course.abort,
    "tests": course.tests,
    "hypotheses": course.hypotheses,
    "activities": course.activities,
    "timeline": course.timeline,
    "requests": course.requests,
    "targets": measured.targets,
    "recoveries": measured.recoveries,
    "data_loss": measured.data_loss,
    "stopped": course.stopped,
    "interruption": course.interruption,
    "verdict": _verdict,
}
