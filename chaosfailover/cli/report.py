"""
`chaos failover report`: renders journals for people and other tools.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import click
from click.core import ParameterSource

from chaosfailover.cli.follow import follow as follow_evidence
from chaosfailover.cli.region_options import NOT_DONE
from chaosfailover.cli.terminal import notice
from chaosfailover.errors import ArgumentError
from chaosfailover.record import (
    Evidence,
    as_journal,
    is_evidence,
    is_record,
    read_evidence,
    schema,
    stored,
)
from chaosfailover.record.evidence import DEEPEST, is_deep
from chaosfailover.report import FORMATS, LANGUAGES, NO_HOME, SUFFIXES, names_home, render
from chaosfailover.verdict.journal import brief, mapping

__all__ = ["report"]

Document = Mapping[str, object]


@click.command()
@click.argument("journals", nargs=-1, metavar="JOURNAL...", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS]),
    help="Default: by the suffix of FILE, else html.",
)
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@click.option(
    "-o",
    "--output-file",
    "place",
    type=click.Path(),
    metavar="FILE",
    help="A file, or a folder for failover-report.html. Default: standard output.",
)
@click.option(
    "--schema", "show_schema", is_flag=True, help="Print the record's JSON Schema instead."
)
@click.option(
    "--verify", "only_verify", is_flag=True, help="Check the stored records against their SHA-256."
)
@click.option(
    "--follow",
    is_flag=True,
    help="Keep a live page of the run that writes this evidence in FILE, until the run has ended.",
)
def report(
    journals: Sequence[Path],
    form: str | None,
    language: str,
    place: str | None,
    show_schema: bool,
    only_verify: bool,
    follow: bool,
) -> None:
    """
    Render the journal of a run, or those of several as one campaign.

    Journals of interrupted runs are accepted. So is an evidence file, whole, cut off or growing,
    and a record, whose report has no round-trip chart. The JSON format is the record of the run,
    with its SHA-256. A run whose journal and record are both given counts once. A journal that
    cannot be read is named and left out. Exits 1 in that case, and
    if the report cannot be written. --verify renders nothing: it exits 1 unless each journal holds
    an unchanged record that agrees with it, and each evidence file is unchanged and whole.

    --follow waits for one evidence file and reads it as it grows. FILE is a page for a shared
    screen, which shows how the run stands and becomes its report at the end. Ctrl-C and SIGTERM end
    the following, not the run. Example: chaos failover report ev.jsonl --follow -o game-day.html

    Example: chaos failover report journal.json -o failover-report.html
    """
    output = _file(place, form)
    if output and any(_is_same(output, path) for path in journals):
        raise click.UsageError(f"-o is {str(output)!r}, which is read: name another file")
    if follow:
        _follow(journals, form or _format_of(output), language, output, only_verify or show_schema)
        return
    if only_verify:
        _refuse("--verify renders nothing", "show_schema", "form", "language", "place")
    if show_schema:
        _refuse("--schema prints what every record follows", "form", "language")
    if bool(journals) == show_schema:
        raise click.UsageError(
            "--schema prints what every record follows, and takes no journal"
            if show_schema
            else "name one or more journals, or give --schema"
        )
    if show_schema:
        _write(json.dumps(schema(), indent=1) + "\n", output)
    elif only_verify:
        _verify(journals)
    else:
        _render(journals, form or _format_of(output), language, output)


def _refuse(reason: str, *ignored: str) -> None:
    """
    Refuse options of the command line that would have no effect.
    """
    context = click.get_current_context()
    for option in context.command.params:
        given = option.name in ignored and context.get_parameter_source(option.name)
        if given is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{reason}, and takes no {option.opts[-1]}")


def _render(journals: Sequence[Path], form: str, language: str, output: Path | None) -> None:
    """
    Write the report of the journals that can be read; exit 1 if one cannot.
    """
    read = [(journal, str(path)) for path in journals if (journal := _sound(path)) is not None]
    if read:
        sound, files = zip(*_runs(read), strict=True)
        _write(render(sound, form, language, files), output)
    if len(read) < len(journals):
        sys.exit(NOT_DONE)


def _runs(read: Sequence[tuple[Document, str]]) -> list[tuple[Document, str]]:
    """
    Return each run once, with its files: a journal, its record and its evidence are one run.
    """
    if len(read) == 1:
        return [*read]
    runs: dict[str, tuple[Document, str]] = {}
    for journal, file in read:
        record = stored(journal)
        run = record.record["sha256"] if record.state in ONE_RUN else file
        if run not in runs:
            runs[run] = journal, file
            continue
        first, files = runs[run]
        click.echo(f"{file} is the same run as {files}, and counts once", err=True)
        runs[run] = (journal if is_record(first) else first), f"{files}, {file}"
    return [*runs.values()]


def _follow(
    journals: Sequence[Path], form: str, language: str, output: Path | None, ignored: bool
) -> None:
    """
    Keep the live page of one evidence file fresh; exit 1 if it is none, or for a failed report.
    """
    if output is None or form != "html" or len(journals) != 1 or ignored:
        raise click.UsageError(
            "--follow takes one evidence file and the page to write: EVIDENCE --follow -o FILE.html"
        )
    if names_home(str(output)):
        raise click.UsageError(f"FILE is {str(output)!r}, {NO_HOME}")
    try:
        follow_evidence(journals[0], output, language, LARGEST)
    except ArgumentError as exc:
        raise click.ClickException(f"{journals[0]} is not followed: {exc}") from None
    except OSError as exc:
        raise click.ClickException(f"{exc.filename or output}: {exc.strerror}") from None


def _file(place: str | None, form: str | None) -> Path | None:
    """
    Return the file to write: the one named, or one for the format in a folder.
    """
    if place is None:
        return None
    path = Path(place)
    if path.is_dir():
        suffix = next(each for each, its in SUFFIXES.items() if its == (form or "html"))
        return path / f"{NAME}{suffix}"
    if place.endswith("/"):
        raise click.UsageError(f"-o is {place!r}, expected a file or a folder that exists")
    return path


def _is_same(output: Path, path: Path) -> bool:
    """
    Tell whether two names are those of one file, which a run may not have made yet.
    """
    with suppress(OSError):
        return output.samefile(path)
    return os.path.realpath(output) == os.path.realpath(path)


def _format_of(output: Path | None) -> str:
    """
    Return the format of a file by its suffix; html without one.
    """
    suffix = output.suffix.lower() if output else ""
    if suffix and suffix not in SUFFIXES:
        suffixes = ", ".join(SUFFIXES)
        raise click.UsageError(f"{output} ends in none of {suffixes}: rename it or give --format")
    return SUFFIXES.get(suffix, "html")


def _verify(journals: Sequence[Path]) -> None:
    """
    Print for each record whether it is unchanged; exit 1 if any is not.
    """
    states = []
    for path in journals:
        if (document := _read(path)) is not None:
            state, detail = _state(document)
            states.append(state)
            click.echo(f"{path}: {STATES[state].format(detail=brief(detail))}")
    if len(states) < len(journals) or not set(states) <= set(SOUND):
        sys.exit(NOT_DONE)


def _state(document: Document | Evidence) -> tuple[str, str]:
    """
    Return whether a journal's record, or an evidence file, is unchanged, and a detail.
    """
    if isinstance(document, Evidence):
        if document.changed:
            return "changed", str(document.changed)
        if not document.is_whole:
            return "unfinished", f"{document.sealed} of {document.lines}"
    elif "evidence" in mapping(document.get("failover")):
        return "differs", "failover.evidence"
    record = stored(_journal(document))
    return record.state, record.detail


def _journal(document: Document | Evidence) -> Document:
    return document.journal if isinstance(document, Evidence) else document


JOURNAL_KEYS: Mapping[str, type] = {
    "chaoslib-version": str,
    "experiment": dict,
    "failover": dict,
    "run": list,
    "steady_states": dict,
}
"""Of these, a journal has two at least; experiments, discoveries and other documents do not."""
NAME = "failover-report"
LARGEST = 300_000_000
TOO_DEEP = f"it is nested more than {DEEPEST} levels deep, expected fewer"

SOUND = ("intact", "redacted")
ONE_RUN = (*SOUND, "absent")
"""The states by which a record's SHA-256 tells which run it is of."""
STATES = {
    "absent": "there is no record",
    "broken": "the record does not match its SHA-256: it was changed or damaged",
    "misshapen": "the record does not match the schema, see {detail}",
    "differs": "the record matches its SHA-256, but contradicts the journal in {detail}",
    "redacted": "the record matches its SHA-256; it contains what looks like secrets",
    "changed": "line {detail} does not match the lines before it: the file was changed or damaged",
    "unfinished": "the evidence is unchanged up to line {detail}, but has no end: lines after it "
    "may be missing, or the run was killed, goes on, or could not write more",
    "intact": "the record matches its SHA-256",
}


def _sound(path: Path) -> Document | None:
    """
    Return a journal or a record; None, after a message, for a record that was changed.
    """
    document = _read(path)
    journal = None if document is None else _journal(document)
    if journal and is_record(journal) and (state := stored(journal).state) not in SOUND:
        problem = f"it cannot be used as a record: {STATES[state]}"
        click.echo(f"Error: {path} is no journal, and {problem}", err=True)
        return None
    return journal


def _read(path: Path) -> Document | Evidence | None:
    """
    Return a journal or evidence; None, after a message, if the file holds none.
    """
    try:
        journal = _document(path)
    except FileNotFoundError:
        click.echo(f"Error: {path}: no such file", err=True)
        return None
    except (OSError, ValueError) as exc:
        problem = str(exc)
    else:
        if isinstance(journal, Evidence):
            return journal
        if isinstance(journal, dict) and (_is_journal(journal) or is_record(as_journal(journal))):
            return as_journal(journal)
        problem = (
            f"it has no two of the parts {', '.join(JOURNAL_KEYS)}"
            if isinstance(journal, dict)
            else f"it holds {type(journal).__name__}, expected an object"
        )
    click.echo(f"Error: {path} is no journal: {problem}", err=True)
    return None


def _is_journal(document: Document) -> bool:
    """
    Tell whether a document has enough of a journal for a report to be about a run.
    """
    parts = [key for key, kind in JOURNAL_KEYS.items() if isinstance(document.get(key), kind)]
    return len([key for key in parts if document[key]]) >= 2


def _document(path: Path) -> object:
    """
    Return the document of a JSON file, or what an evidence file holds.

    Raises OSError, or ValueError beyond the limits.
    """
    with path.open("rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST // 1_000_000} MB, expected less")
    if is_evidence(content):
        return read_evidence(content)
    try:
        document: object = json.loads(content.decode())
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    if is_deep(document):
        raise ValueError(TOO_DEEP)
    return document


def _write(rendered: str, output: Path | None) -> None:
    if output is None:
        click.echo(rendered, nl=False)
        return
    try:
        output.write_text(rendered, encoding="utf-8")
    except OSError as exc:
        raise click.ClickException(f"{output} cannot be written: {exc}") from None
    notice(f"{output} is written.")
