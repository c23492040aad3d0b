"""
The record that a run left in its journal, and whether it can be trusted.
"""

from collections.abc import Mapping
from typing import NamedTuple

from chaosfailover.record.digest import Record, misfit, plain, sealed, verify
from chaosfailover.record.record import entry_of, record_of_run, redacted_run, without_secrets
from chaosfailover.verdict.journal import Run, mapping, text
from chaosfailover.verdict.verdict import GRAVITY

__all__ = ["STATES", "Stored", "as_journal", "is_record", "review_stored", "stored"]

Journal = Mapping[str, object]

STATES = ("absent", "broken", "misshapen", "differs", "redacted", "intact")
SHARED = ("place", "period", "tests", "targets", "recoveries", "stopped", "interruption", "verdict")
"""The sections that a record must share with the journal that holds it."""
MEMBERS = {"version", "verdict", "sha256", "place"}
"""The members by which a document is a record."""


class Stored(NamedTuple):
    """
    The record to show, the state of the stored one, one of `STATES`, and the part that it is about.

    `absent` without a stored record. `broken` if it does not match its SHA-256, `misshapen` if not
    the schema: the record to show is then made from the journal. `differs` if the journal
    contradicts it. `redacted` if it held secrets, which the one to show does not.
    """

    record: Record
    state: str
    detail: str = ""


def stored(journal: Journal) -> Stored:
    """
    Check the record that the run left in its journal.
    """
    return review_stored(journal, redacted_run(journal))


def review_stored(journal: Journal, run: Run) -> Stored:
    """
    Check the record that a journal holds against the run that was parsed from it.
    """
    document = entry_of(journal).get("record")
    if document is None:
        return Stored(record_of_run(run, journal), "absent")
    problem, detail = _problem(plain(document))
    if problem:
        return Stored(record_of_run(run, journal), problem, detail)
    record = {**mapping(document), "findings": _findings(mapping(document).get("findings"))}
    shown: Record = without_secrets(record, journal)
    made = shown if is_record(journal) else record_of_run(run, journal)
    differing = [part for part in SHARED if not _agree(shown[part], made[part])]
    if _gravity(made) < _gravity(shown):
        shown = {**made, "findings": record["findings"]}
    resealed = shown if shown == record else sealed(shown)
    if differing:
        return Stored(resealed, "differs", ", ".join(differing))
    return Stored(resealed, "intact" if shown == record else "redacted")


def as_journal(document: Journal) -> Journal:
    """
    Return a journal as it is, and a record as a journal that holds nothing else.
    """
    record = document.keys() >= MEMBERS and "failover" not in document
    return {"failover": {"record": document}} if record else document


def is_record(journal: Journal) -> bool:
    """
    Tell whether a journal holds nothing but a record.
    """
    return journal.keys() == {"failover"} and entry_of(journal).keys() == {"record"}


def _problem(document: object) -> tuple[str, str]:
    if not isinstance(document, Mapping) or not verify(document):
        return "broken", text(mapping(document).get("sha256"))
    place = misfit({**document, "findings": []})
    return ("misshapen", place) if place else ("", "")


def _findings(written: object) -> list[Record]:
    """
    Read the findings in whatever form people wrote them: a finding may be a mere sentence.
    """
    rows = written if isinstance(written, list) else [written] if written else []
    return [
        {str(key): plain(value) if key not in TEXTS else text(value) for key, value in row.items()}
        if isinstance(row, Mapping)
        else {"finding": text(row)}
        for row in rows
    ]


TEXTS = ("finding", "severity", "owner", "ticket", "retest_on")


def _gravity(record: Record) -> int:
    return GRAVITY.index(record["verdict"]["verdict"])


def _agree(first: object, second: object) -> bool:
    """
    Tell whether two documents agree in the members that both have; reasons are only words.
    """
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        shared = (first.keys() & second.keys()) - {"reasons"}
        return all(_agree(first[key], second[key]) for key in shared)
    if isinstance(first, list) and isinstance(second, list):
        pairs = zip(first, second, strict=False)
        return len(first) == len(second) and all(_agree(*pair) for pair in pairs)
    return bool(first == second)
