"""
The table of an inspection, for the terminal or in Markdown.
"""

from collections.abc import Iterable, Sequence

from chaosfailover.cli.terminal import padded, plain, width
from chaosfailover.inspection.circuits import CircuitRow

__all__ = ["COLUMNS", "as_markdown", "as_table"]

COLUMNS = (
    *("CIRCUIT", "ACCESS POINT", "STATUS", "SESSIONS", "ROUTES"),
    *("BFD", "SURVIVORS", "FINDING", "LAST TEST"),
)

BFD = {True: "yes", False: "no", None: "unknown"}


def as_table(rows: Iterable[CircuitRow]) -> str:
    """
    Write each region and group under its own heading, in aligned columns.
    """
    rows = list(rows)
    cells = [_cells(row) for row in rows]
    widths = [max(map(width, column)) for column in zip(COLUMNS, *cells, strict=True)]
    lines: list[str] = []
    for (heading, why), row in zip(_headings(rows), cells, strict=True):
        if heading:
            lines += ["", heading, _line(COLUMNS, widths)]
        lines += [_line(row, widths), *(f"    {reason}" for reason in why)]
    return "\n".join(lines[1:])


def as_markdown(rows: Iterable[CircuitRow]) -> str:
    """
    Write a table for each region and group, followed by the reasons.
    """
    rows = list(rows)
    lines: list[str] = []
    notes: list[str] = []
    for (heading, why), row in zip(_headings(rows), rows, strict=True):
        if heading:
            lines += [*_listed(notes), "", f"## {heading}", "", _markdown(COLUMNS)]
            lines.append(_markdown(["---"] * len(COLUMNS)))
            notes = []
        lines.append(_markdown(_cells(row)))
        notes += [f"- `{plain(row.circuit_id)}`: {reason}" for reason in why]
    return "\n".join([*lines, *_listed(notes)][1:])


def _listed(notes: Sequence[str]) -> list[str]:
    return ["", *notes] if notes else []


def _headings(rows: Sequence[CircuitRow]) -> list[tuple[str, tuple[str, ...]]]:
    """
    Return the heading of each row, "" if the previous row has the same, and its reasons.
    """
    headings = []
    before = ""
    for row in rows:
        heading = plain(" ".join(filter(None, (row.region_id, row.account, row.group))))
        why = tuple(plain(reason) for reason in row.why)
        headings.append(("" if heading == before else heading, why))
        before = heading
    return headings


def _cells(row: CircuitRow) -> tuple[str, ...]:
    name = f"{row.circuit_id} ({row.name})" if row.name else row.circuit_id
    routes = "unknown" if row.received_routes is None else str(row.received_routes)
    return (
        plain(name),
        plain(row.access_point_id or "unknown"),
        plain(row.status),
        f"{row.up} of {row.sessions} up" if row.sessions else "none",
        routes if row.sessions else "-",
        BFD[row.bfd] if row.sessions else "-",
        str(row.survivors),
        row.finding,
        _last_test(row),
    )


def _last_test(row: CircuitRow) -> str:
    if row.last_test is None:
        return "never"
    days = row.last_test.age_days
    age = "at an unknown time" if days is None else f"{max(0.0, days):.0f} d ago"
    return age if row.last_test.status == "Stopped" else f"{age} ({row.last_test.status})"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(map(padded, cells, widths)).rstrip()


def _markdown(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
