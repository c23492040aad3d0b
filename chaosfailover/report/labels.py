"""
The heading of its column in every cell of a table, for screens on which there are no columns.
"""

import re
from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

__all__ = ["labelled"]

ROW = re.compile(r"(?=<tr>)")
CELL = re.compile(r"<(td|th)(?=[ >])")
SPAN = re.compile(r'<th [^>]*rowspan="(\d+)"')


def labelled(rows: Markup, heads: Sequence[str]) -> Markup:
    """
    Write into each cell of a table's rows the heading that it stands under, as `data-label`.

    The rows are our own markup, in which whatever comes from outside is escaped; a first cell may
    span several rows.
    """
    return Markup("".join(_labelled(ROW.split(rows), heads)))  # noqa: S704 - it was markup before


def _labelled(rows: Sequence[str], heads: Sequence[str]) -> Iterator[str]:
    spanned = 0
    for row in rows:
        names = iter([head.removeprefix("#") for head in heads[1 if spanned else 0 :]])
        yield CELL.sub(lambda cell, names=names: f'{cell[0]} data-label="{_next(names)}"', row)  # type: ignore[misc]
        begun = SPAN.search(row)
        spanned = int(begun[1]) - 1 if begun else max(0, spanned - (row.startswith("<tr>")))


def _next(names: Iterator[str]) -> Markup:
    return escape(next(names, ""))
