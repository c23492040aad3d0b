"""
The record that a run left in its journal, and whether it can be trusted.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from chaosfailover.record.digest import OPEN, Record, misfit, plain, sealed, verify
from chaosfailover.record.occurrences import HIDDEN
from chaosfailover.record.record import entry_of, record_of_run, redacted_run, without_secrets
from chaosfailover.verdict.journal import Run, mapping, text
from chaosfailover.verdict.verdict import GRAVITY

__all__ = ["STATES", "Stored", "as_journal", "is_record", "review_stored", "stored"]

Journal = Mapping[str, object]

STATES = ("absent", "broken", "misshapen", "differs", "redacted", "intact")
SHARED = ("place", "period", "tests", "targets", "recoveries", "stopped", "interruption", "verdict")
"""The sections that a record has in common with its journal, whatever version made it."""
REASONS = {"reasons"}
TOOL = "chaostoolkit-failover"
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
    differing = _differing(shown, made, journal)
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


def _differing(record: Record, made: Record, journal: Journal) -> list[str]:
    """
    Return the places where a record is not the one made anew from the journal that holds it.

    Another version of this tool may have made it otherwise, and evidence may lack what was not
    written: then only members that both have are compared, of the sections that they share.
    """
    if is_record(journal):
        return []
    entry, sums = entry_of(journal), mapping(record.get("journal_parts"))
    is_summed = bool(sums) and "evidence" not in entry
    if is_summed and mapping(entry.get("versions")).get(TOOL) == _version():
        sections: Sequence[str] = [
            *sorted((record.keys() | made.keys()) - {*OPEN, "journal_parts"})
        ]
        places = _places(record, made, sections, whole=True)
    else:
        places = _places(record, made, SHARED, whole=False)
    return [*places, *(_changed_parts(sums, made["journal_parts"]) if is_summed else ())]


def _version() -> str:
    try:
        return version(TOOL)
    except PackageNotFoundError:
        return ""


def _changed_parts(sums: Journal, made: Journal) -> Iterator[str]:
    """
    Yield the parts of a journal that are not as they were when its record was made.
    """
    for part in sorted({*sums, *made}):
        if sums.get(part) != made.get(part):
            yield f"journal.{part}"


def _places(
    first: object, second: object, keys: Collection[str] = (), place: str = "", *, whole: bool
) -> Iterator[str]:
    """
    Yield the places where two documents differ, in `keys` or all.

    If not `whole`, in the members that both have, save reasons, which are only words. Where a
    secret was hidden in the first, they are not compared: the run knew more secrets.
    """
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        every = first.keys() | second.keys() if whole else (first.keys() & second.keys()) - REASONS
        for key in keys or sorted(every):
            inner = f"{place}.{key}" if place else key
            yield from _places(first.get(key), second.get(key), place=inner, whole=whole)
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for number, pair in enumerate(zip(first, second, strict=True)):
            yield from _places(*pair, place=f"{place}[{number}]", whole=whole)
    elif first != second and HIDDEN not in str(first):
        yield place
