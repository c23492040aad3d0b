"""
Text for a terminal: names come from the cloud and may contain anything.
"""

import logging
import os
import re
from unicodedata import combining, east_asian_width

import click

__all__ = ["heed_no_color", "is_quiet", "notice", "padded", "plain", "width", "with_quiet"]

QUIET = "chaosfailover.quiet"
COLOUR = re.compile(r"\x1b\[[\d;]*m")
logger = logging.getLogger("chaostoolkit")


def with_quiet(command: click.Command) -> click.Command:
    """
    Add the option `--quiet` to a command.
    """
    option = click.Option(
        ["-q", "--quiet"],
        is_flag=True,
        expose_value=False,
        callback=_set_quiet,
        help="Show results, warnings and errors only, no progress.",
    )
    command.params.append(option)
    return command


def _set_quiet(context: click.Context, _parameter: click.Parameter, quiet: bool) -> None:
    context.meta[QUIET] = quiet
    if quiet:
        context.call_on_close(lambda level=logger.level: logger.setLevel(level))
        logger.setLevel(logging.WARNING)


def heed_no_color() -> None:
    """
    Take the colours from what these commands log if `NO_COLOR` is not empty (no-color.org).

    They themselves write none.
    """
    if os.environ.get("NO_COLOR"):
        for handler in logging.getLogger("chaostoolkit").handlers:
            handler.setFormatter(_Colourless(handler.formatter))


class _Colourless(logging.Formatter):
    def __init__(self, coloured: logging.Formatter | None) -> None:
        super().__init__()
        self._coloured = coloured or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        return COLOUR.sub("", self._coloured.format(record))


def is_quiet() -> bool:
    """
    Tell whether the command that runs was asked for its results only.
    """
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(QUIET))


def notice(text: str, *, err: bool = True) -> None:
    """
    Write a line of progress, unless the command is quiet.
    """
    if not is_quiet():
        click.echo(plain(text), err=err)


def plain(text: str) -> str:
    """
    Return a text with every control character replaced, so that none affects the terminal.
    """
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def width(text: str) -> int:
    """
    Return the columns that a text takes: two for a wide character, none for a combining one.
    """
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in ("W", "F") else 1 for char in text
    )


def padded(text: str, columns: int) -> str:
    """
    Return a text with trailing spaces up to a width.
    """
    return text + " " * (columns - width(text))
