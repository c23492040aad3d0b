"""
How a record is made from the journal of a run.
"""

from collections.abc import Callable, Mapping
from typing import Any

from chaosfailover.record.digest import plain, sealed
from chaosfailover.record.redaction import inline_values, named_values, redact
from chaosfailover.record.sections import activities as course
from chaosfailover.record.sections import experiment as plan
from chaosfailover.record.sections import place
from chaosfailover.record.sections import results as measured
from chaosfailover.verdict.journal import failover, mapping
from chaosfailover.verdict.verdict import review

__all__ = ["RECORD_VERSION", "known_secrets", "make_record", "redacted"]

RECORD_VERSION = 1
# What stands in a journal for each target, and is long.
MEASURED = ("summary", "cuts", "series")

Document = Mapping[str, Any]


def make_record(journal: Mapping[str, Any]) -> dict[str, Any]:
    """
    Make the record of a run from its journal, which may be interrupted, partial or older.

    It matches `schema()` and can be written as JSON. `sha256` is over the canonical form, RFC 8785,
    of all that stands beside it. `findings` is empty: people fill it in, and `sha256` then still
    proves the rest, see `verify`.
    """
    shown = redacted(journal)
    parts = {name: make(shown) for name, make in PARTS.items()}
    record = plain({"version": RECORD_VERSION, **parts, "findings": []})
    return sealed(redact(record, known_secrets(journal)))


def redacted(journal: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return a journal without the secrets that can be told from it alone.

    The record that it holds is left out, and what was measured is left as it is.
    """
    entry = {key: value for key, value in failover(journal).items() if key != "record"}
    targets = mapping(entry.pop("targets", None))
    hidden: dict[str, Any] = redact({**journal, "failover": entry}, known_secrets(journal))
    named = {name: _redacted(target) for name, target in targets.items()}
    return {**hidden, "failover": {**hidden["failover"], "targets": named}}


def _redacted(target: Any) -> dict[str, Any]:
    rest = {key: value for key, value in mapping(target).items() if key not in MEASURED}
    return {**mapping(target), **redact({"targets": [rest]})["targets"][0]}


def known_secrets(journal: Mapping[str, Any]) -> set[str]:
    """
    Return the values that a journal shows to be secret, by where they stand.
    """
    experiment = mapping(journal.get("experiment"))
    configurations = (experiment.get("configuration"), failover(journal).get("configuration"))
    named = {one for configuration in configurations for one in named_values(configuration)}
    return named.union(inline_values(experiment.get("secrets")))


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
