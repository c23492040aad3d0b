"""
`chaos failover report`: renders the journals of runs for people and for other tools.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from chaosfailover.cli.region_options import NOT_DONE
from chaosfailover.i18n import CATALOGUES
from chaosfailover.record import as_journal, is_record, schema, stored
from chaosfailover.report import FORMATS, SUFFIXES, render
from chaosfailover.verdict.journal import brief

__all__ = ["report"]


@click.command()
@click.argument("journals", nargs=-1, metavar="JOURNAL...", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS]),
    help="Else what FILE's name says, else html.",
)
@click.option("--language", type=click.Choice([*CATALOGUES]), default="en", show_default=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Else stdout.",
)
@click.option(
    "--schema", "show_schema", is_flag=True, help="Print the record's JSON Schema instead."
)
@click.option(
    "--verify", "only_verify", is_flag=True, help="Check the stored records against their SHA-256."
)
def report(
    journals: Sequence[Path],
    form: str | None,
    language: str,
    output: Path | None,
    show_schema: bool,
    only_verify: bool,
) -> None:
    """
    Render the journal of a run, or those of several as one campaign.

    Journals may be interrupted, partial or older; a record that was written to a file will do, but
    has no round trips. JSON is the record of the run, with its SHA-256. A journal that cannot be
    read is named and left out. Exits 1 then, and when the report cannot be written. With --verify
    nothing is rendered: it exits 1 unless each journal holds a record as it was made, that says
    what the journal says.

    Example: chaos failover report journal.json -o failover-report.html
    """
    if bool(journals) == show_schema:
        raise click.UsageError("name one or more journals, or give --schema")
    if show_schema:
        _write(json.dumps(schema(), indent=1) + "\n", output)
    elif only_verify:
        _verify(journals)
    else:
        form = form or _named(output)
        _render(journals, form, language, output)


def _render(journals: Sequence[Path], form: str, language: str, output: Path | None) -> None:
    """
    Write the report of the journals that can be read; exit 1 if one cannot.
    """
    whole = [found for journal in journals if (found := _whole(journal)) is not None]
    if whole:
        _write(render(whole, form, language), output)
    if len(whole) < len(journals):
        sys.exit(NOT_DONE)


def _named(output: Path | None) -> str:
    """
    Return the format that the name of a file asks for; a name without a suffix asks for none.
    """
    suffix = output.suffix.lower() if output else ""
    if suffix and suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise click.UsageError(f"{output} ends in none of {known}: rename it or give --format")
    return SUFFIXES.get(suffix, "html")


def _verify(journals: Sequence[Path]) -> None:
    """
    Say of each record whether it is as it was made; exit 1 if any is not.
    """
    states = []
    for path in journals:
        if (journal := _read(path)) is not None:
            one = stored(journal)
            states.append(one.state)
            click.echo(f"{path}: {SAID[one.state].format(detail=brief(one.detail))}")
    if len(states) < len(journals) or not set(states) <= set(SOUND):
        sys.exit(NOT_DONE)


LARGEST = 300_000_000
DEEPEST = 100

SOUND = ("intact", "redacted")
SAID = {
    "absent": "there is no record",
    "broken": "the record does not match its SHA-256: it was changed or damaged after the run",
    "misshapen": "the record does not match the schema, see {detail}",
    "differs": "the record matches its SHA-256, but the journal says otherwise of {detail}",
    "redacted": "the record matches its SHA-256; it holds what looks like secrets",
    "intact": "the record matches its SHA-256",
}


def _whole(path: Path) -> Any:
    """
    Read a journal, or a record; of one that was changed nothing can be told, so it is left out.
    """
    journal = _read(path)
    if journal and is_record(journal) and (state := stored(journal).state) not in SOUND:
        problem = f"as a record it cannot be used: {SAID[state]}"
        click.echo(f"Error: {path} is no journal, and {problem}", err=True)
        return None
    return journal


def _read(path: Path) -> Any:
    """
    Return a journal; None, once it is said, where there is none.
    """
    try:
        journal = _document(path)
    except (OSError, ValueError) as exc:
        problem = str(exc)
    else:
        if isinstance(journal, dict):
            return as_journal(journal)
        problem = f"it holds {type(journal).__name__}, expected an object"
    click.echo(f"Error: {path} is no journal: {problem}", err=True)
    return None


def _document(path: Path) -> Any:
    """
    Return what a JSON file holds; OSError or ValueError for what is no journal that a run leaves.
    """
    with path.open("rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST // 1_000_000} MB, expected less")
    try:
        document = json.loads(content.decode())
    except RecursionError:
        document, deep = None, True
    else:
        deep = _is_deep(document)
    if deep:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep, expected fewer")
    return document


def _is_deep(document: Any) -> bool:
    level: list[Any] = [[document]]
    for _ in range(DEEPEST + 1):
        inner = [each.values() if isinstance(each, dict) else each for each in level]
        level = [each for values in inner for each in values if isinstance(each, dict | list)]
    return bool(level)


def _write(rendered: str, output: Path | None) -> None:
    if output is None:
        click.echo(rendered, nl=False)
        return
    try:
        output.write_text(rendered, encoding="utf-8")
    except OSError as exc:
        _fail(f"{output} cannot be written: {exc}")
    click.echo(f"{output} is written.", err=True)


def _fail(problem: str) -> None:
    click.echo(f"Error: {problem}", err=True)
    sys.exit(NOT_DONE)
