"""
Makes the record of a run from its journal.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter

from chaosfailover.record.digest import Record, digest, plain, sealed
from chaosfailover.record.redaction import inline_values, named_values, redact, run_names
from chaosfailover.record.sections import activities as course
from chaosfailover.record.sections import results, setting
from chaosfailover.record.sections.paths import paths
from chaosfailover.verdict.failover_time import failover_times
from chaosfailover.verdict.journal import Run, judged_status, mapping, parse
from chaosfailover.verdict.verdict import review

__all__ = [
    "RECORD_VERSION",
    "entry_of",
    "make_record",
    "record_of_run",
    "redacted_run",
    "sums",
    "without_secrets",
]

RECORD_VERSION = 1

Journal = Mapping[str, object]

SUMMED = (
    *("chaoslib-version", "platform", "node", "experiment", "start", "end", "duration", "status"),
    *("deviated", "interruption", "steady_states", "run", "rollbacks"),
)
"""The parts of the toolkit's journal."""
LATER = ("failover.record", "failover.after_record")
"""The parts of our entry that are not there yet when a record is made."""


def make_record(journal: Journal, secrets: Iterable[str] = ()) -> Record:
    """
    Make the record of a run from its journal, which may be interrupted or damaged.

    It matches `schema()` and can be written as JSON, without `secrets` and without those that the
    journal gives away. `sha256` is over the canonical form, RFC 8785, of all other members but
    `findings`: people fill these in, and `verify` still proves the rest.
    """
    return record_of_run(redacted_run(journal, secrets), journal, secrets)


def record_of_run(run: Run, journal: Journal, secrets: Iterable[str] = ()) -> Record:
    """
    Make the record of a run that was parsed from a journal.
    """
    record = {"version": RECORD_VERSION, **{name: make(run) for name, make in SECTIONS.items()}}
    outages = results.outages(run)
    shown: Record = without_secrets(plain({**record, "findings": []}), journal, secrets)
    for target, rows in zip(shown["targets"], outages, strict=True):
        target["outages"] = plain(rows)
    return sealed(
        {**shown, "journal_parts": {} if "evidence" in entry_of(journal) else sums(journal)}
    )


def sums(journal: Journal) -> dict[str, str]:
    """
    Return the SHA-256 of each part of a journal, save its record, what came after that, and what
    other controls add. The status is that by which the run was judged.
    """
    entry = {f"failover.{key}": value for key, value in entry_of(journal).items()}
    judged = {**journal, "status": judged_status(journal)} if "status" in journal else journal
    parts = {**{key: judged[key] for key in SUMMED if key in judged}, **entry}
    return {
        str(plain(key)): digest(plain(value)) for key, value in parts.items() if key not in LATER
    }


def redacted_run(journal: Journal, secrets: Iterable[str] = ()) -> Run:
    """
    Parse a journal without secrets, and without the record that it holds.

    Long texts are cut off where they are quoted, and half a secret would not be found any more.
    """
    entry = {key: value for key, value in entry_of(journal).items() if key != "record"}
    return parse(without_secrets({**journal, "failover": entry}, journal, secrets))


def without_secrets(document: Journal, journal: Journal, secrets: Iterable[str] = ()) -> Record:
    """
    Return a document of a journal without these secrets and those that the journal gives away.
    """
    known = known_secrets(journal).union(secrets)
    redacted: Record = redact(document, known, run_names(journal, known))
    return redacted


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
    "paths": paths,
    "failover_parts": failover_times,
    "data_loss": lambda _: {"rpo": 0, "note": "links keep no data"},
    "stopped": course.stopped,
    "traffic": attrgetter("control.traffic"),
    "interruption": course.interruption,
    "verdict": review,
}
