"""
The record that a run left in its journal, and whether it may be believed.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from chaosfailover.record.digest import plain, schema, sealed, verify
from chaosfailover.record.json_schema import misfits
from chaosfailover.record.record import known_secrets, make_record
from chaosfailover.record.redaction import redact
from chaosfailover.verdict.journal import failover, mapping, text
from chaosfailover.verdict.verdict import GRAVITY

__all__ = ["STATES", "Stored", "as_journal", "is_record", "record_of", "stored"]

Document = Mapping[str, Any]

STATES = ("absent", "broken", "misshapen", "differs", "redacted", "intact")
# What a record and the journal beside it both tell, whatever versions wrote them.
SHARED = ("place", "period", "tests", "targets", "recoveries", "stopped", "interruption", "verdict")
MEMBERS = {"version", "verdict", "sha256", "place"}


class Stored(NamedTuple):
    """
    The record to show, what is to be said of the stored one, one of `STATES`, and of what part.

    `absent` there is none; `broken` it does not match its SHA-256, or `misshapen` not the schema,
    so that another was made from the journal; `differs` the journal says otherwise; `redacted` it
    held secrets, which the one to show does not.
    """

    record: dict[str, Any]
    state: str
    detail: str = ""


def record_of(journal: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the record that the run left in its journal, or make it where there is none intact, or
    where the journal deserves a graver verdict.
    """
    return stored(journal).record


def stored(journal: Mapping[str, Any]) -> Stored:
    """
    Look at the record that the run left in its journal.
    """
    left = failover(journal).get("record")
    alone = is_record(journal)
    if left is None:
        return Stored(make_record(journal), "absent")
    problem, detail = _problem(plain(left))
    if problem:
        return Stored(make_record(journal), problem, detail)
    record = {**left, "findings": _findings(left.get("findings"))}
    shown: dict[str, Any] = redact(record, known_secrets(journal))
    made = shown if alone else make_record(journal)
    differing = _differing(shown, made)
    if _is_graver(made, shown):
        shown = {**made, "findings": record["findings"]}
    if differing:
        return Stored(_resealed(shown, record), "differs", ", ".join(differing))
    return Stored(_resealed(shown, record), "intact" if shown == record else "redacted")


def as_journal(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Return a journal as it is, and a record as the journal that holds nothing else.
    """
    record = document.keys() >= MEMBERS and "failover" not in document
    return {"failover": {"record": document}} if record else document


def is_record(journal: Mapping[str, Any]) -> bool:
    """
    Tell whether a journal is but a record.
    """
    return journal.keys() == {"failover"} and failover(journal).keys() == {"record"}


def _problem(left: Any) -> tuple[str, str]:
    if not isinstance(left, Mapping) or not verify(left):
        return "broken", text(mapping(left).get("sha256"))
    rest = {**left, "findings": []}
    misfit = next(misfits(rest, schema()), "")
    return ("misshapen", misfit) if misfit else ("", "")


def _findings(written: Any) -> list[dict[str, Any]]:
    """
    Read what people wrote, in whatever form: a finding may be a mere sentence.
    """
    rows = written if isinstance(written, list) else [written] if written else []
    return [
        {str(key): plain(value) if key not in TEXTS else text(value) for key, value in row.items()}
        if isinstance(row, Mapping)
        else {"finding": text(row)}
        for row in rows
    ]


TEXTS = ("finding", "severity", "owner", "ticket", "retest_on")


def _resealed(shown: dict[str, Any], record: Document) -> dict[str, Any]:
    return shown if shown == record else sealed(shown)


def _differing(record: Document, made: Document) -> list[str]:
    return [part for part in SHARED if not _agree(record[part], made[part])]


def _is_graver(one: Document, other: Document) -> bool:
    first, second = (GRAVITY.index(record["verdict"]["verdict"]) for record in (one, other))
    return first < second


def _agree(one: Any, other: Any) -> bool:
    """
    Tell whether two documents say the same where both say something; reasons are only words.
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        shared = (one.keys() & other.keys()) - {"reasons"}
        return all(_agree(one[key], other[key]) for key in shared)
    if isinstance(one, list) and isinstance(other, list):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(_agree(*pair) for pair in pairs)
    return bool(one == other)
