"""
Makes the record of a run from its journal.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter

from chaosfailover.record.digest import Record, plain, sealed
from chaosfailover.record.redaction import inline_values, named_values, redact
from chaosfailover.record.sections import activities as course
from chaosfailover.record.sections import results, setting
from chaosfailover.verdict.journal import Run, mapping, parse
from chaosfailover.verdict.verdict import review

__all__ = [
    "RECORD_VERSION",
    "entry_of",
    "known_secrets",
    "make_record",
    "record_of_run",
    "redacted_run",
]

RECORD_VERSION = 1
MEASURED = ("summary", "cuts", "series")
"""The parts of a target's entry that are long, and hold no secret."""

Journal = Mapping[str, object]


def make_record(journal: Journal) -> Record:
    """
    Make the record of a run from its journal, which may be interrupted or damaged.

    It matches `schema()` and can be written as JSON. `sha256` is over the canonical form, RFC 8785,
    of all other members but `findings`: people fill these in, and `verify` still proves the rest.
    """
    return record_of_run(redacted_run(journal), known_secrets(journal))


def record_of_run(run: Run, secrets: set[str]) -> Record:
    """
    Make the record of a parsed run, without these secrets.
    """
    record = {"version": RECORD_VERSION, **{name: make(run) for name, make in SECTIONS.items()}}
    outages = results.outages(run)
    shown: Record = redact(plain({**record, "findings": []}), secrets)
    for target, rows in zip(shown["targets"], outages, strict=True):
        errors = sorted({row["error"] for row in rows if row["error"]})
        hidden = dict(zip(errors, redact(plain(errors), secrets), strict=True))
        target["outages"] = [{**row, "error": hidden.get(row["error"])} for row in rows]
    return sealed(shown)


def redacted_run(journal: Journal) -> Run:
    """
    Parse a journal without the secrets that it gives away, and without the record that it holds.
    """
    entry = {key: value for key, value in entry_of(journal).items() if key != "record"}
    targets = mapping(entry.pop("targets", None))
    hidden = redact({**journal, "failover": entry}, known_secrets(journal))
    shown = {name: _redacted(target) for name, target in targets.items()}
    return parse({**hidden, "failover": {**hidden["failover"], "targets": shown}})


def _redacted(target: object) -> object:
    if not isinstance(target, Mapping):
        return target
    rest = {key: value for key, value in target.items() if key not in MEASURED}
    return {**target, **redact({"targets": [rest]})["targets"][0]}


def known_secrets(journal: Journal) -> set[str]:
    """
    Return the values that a journal shows to be secret, by where they stand.
    """
    experiment = mapping(journal.get("experiment"))
    configurations = (experiment.get("configuration"), entry_of(journal).get("configuration"))
    named = {value for each in configurations for value in named_values(each)}
    return named.union(inline_values(experiment.get("secrets")))


def entry_of(journal: Journal) -> Journal:
    """
    Return what the control left in a journal.
    """
    return mapping(journal.get("failover"))


SECTIONS: Mapping[str, Callable[[Run], object]] = {
    "experiment": setting.experiment,
    "people": setting.people,
    "place": setting.place,
    "period": setting.period,
    "tools": setting.tools,
    "configuration": attrgetter("control.configuration"),
    "settings": attrgetter("control.settings"),
    "scope": attrgetter("control.cuts"),
    "preflight": attrgetter("control.preflight"),
    "abort": course.abort,
    "tests": course.tests,
    "hypotheses": course.hypotheses,
    "activities": course.activities,
    "timeline": course.timeline,
    "requests": course.requests,
    "targets": results.targets,
    "recoveries": results.recoveries,
    "data_loss": lambda _: {"rpo": 0, "note": "links keep no data"},
    "stopped": course.stopped,
    "interruption": course.interruption,
    "verdict": review,
}
