"""
`chaos failover report`: renders the journals of runs for people and for other tools.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from chaosfailover.commands.selection import NOT_DONE
from chaosfailover.messages import CATALOGUES
from chaosfailover.record import schema
from chaosfailover.report import FORMATS, SUFFIXES, render

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
def report(
    journals: Sequence[Path],
    form: str | None,
    language: str,
    output: Path | None,
    show_schema: bool,
) -> None:
    """
    Render the journal of a run, or those of several as one campaign.

    Journals may be interrupted, partial or older. JSON is the record of the run, with its SHA-256.
    A journal that cannot be read is named and left out. Exits 1 then, and when the report cannot be
    written.

    Example: chaos failover report journal.json -o failover-report.html
    """
    if bool(journals) == show_schema:
        raise click.UsageError("name one or more journals, or give --schema")
    if show_schema:
        rendered = json.dumps(schema(), indent=1) + "\n"
    else:
        named = SUFFIXES.get(output.suffix.lower(), "html") if output else "html"
        read = [found for journal in journals if (found := _read(journal)) is not None]
        if not read:
            sys.exit(NOT_DONE)
        rendered = render(read, form or named, language)
    _write(rendered, output)
    if not show_schema and len(read) < len(journals):
        sys.exit(NOT_DONE)


def _read(path: Path) -> Any:
    """
    Return a journal; None, once it is said, where there is none.
    """
    try:
        journal = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        problem = str(exc)
    else:
        if isinstance(journal, dict):
            return journal
        problem = f"it holds {type(journal).__name__}, expected an object"
    click.echo(f"Error: {path} is no journal: {problem}", err=True)
    return None


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
