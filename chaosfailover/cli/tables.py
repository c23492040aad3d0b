"""
The table of an inspection, for the terminal or in Markdown.
"""

from collections.abc import Iterable, Iterator, Sequence

from chaosfailover.cli.terminal import padded, plain, width
from chaosfailover.inspection.circuits import CircuitRow
from chaosfailover.network.health import UNKNOWN_GROUP

__all__ = ["as_markdown", "as_table"]

COLUMNS = (
    *("CIRCUIT", "ACCESS POINT", "STATUS", "SESSIONS", "ROUTES"),
    *("BFD", "TAKES OVER IN", "SURVIVORS", "FINDING", "LAST TEST"),
)
WITH_ROUTES = (*COLUMNS[:-2], "PREFIXES", "CAPACITY", *COLUMNS[-2:])

UNKNOWN = "circuits whose ECR or CEN is not known"

BFD = {True: "yes", False: "no", None: "unknown"}


def as_table(rows: Iterable[CircuitRow]) -> str:
    """
    Write each region and group under its own heading, in aligned columns.
    """
    rows = list(rows)
    columns, cells = _columns(rows), [_cells(row) for row in rows]
    widths = [max(map(width, column)) for column in zip(columns, *cells, strict=True)]
    lines: list[str] = []
    for (heading, why), row in zip(_headings(rows), cells, strict=True):
        if heading:
            lines += ["", heading, _line(columns, widths)]
        lines += [_line(row, widths), *(f"    {reason}" for reason in why)]
    return "\n".join(lines[1:])


def as_markdown(rows: Iterable[CircuitRow]) -> str:
    """
    Write a table for each region and group, followed by the reasons.
    """
    rows = list(rows)
    columns = _columns(rows)
    lines: list[str] = []
    notes: list[str] = []
    for (heading, why), row in zip(_headings(rows), rows, strict=True):
        if heading:
            lines += [*_listed(notes), "", f"## {heading}", "", _markdown(columns)]
            lines.append(_markdown(["---"] * len(columns)))
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
        group = UNKNOWN if row.group == UNKNOWN_GROUP else row.group
        heading = plain(" ".join(filter(None, (row.region_id, row.account, group))))
        why = tuple(plain(note) for note in (*row.why, *_route_notes(row)))
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
        str(row.takeover or "-"),
        str(row.survivors),
        *_route_cells(row),
        row.finding,
        _last_test(row),
    )


def _columns(rows: Iterable[CircuitRow]) -> tuple[str, ...]:
    return COLUMNS if all(row.prefixes is None for row in rows) else WITH_ROUTES


def _route_cells(row: CircuitRow) -> tuple[str, ...]:
    """
    Return how many of the prefixes survive, and whether the load would fit.
    """
    if row.prefixes is None:
        return ()
    if not row.prefixes or any(need.unread for need in row.prefixes):
        covered = "unknown"
    else:
        states = [fate.state for need in row.prefixes for fate in need.prefixes]
        covered = f"{states.count('covered')} of {len(states)}"
    statuses = {each.status for each in row.loads or ()}
    order = ("failed", "unknown", "warning", "ok")
    return covered, next((status for status in order if status in statuses), "unknown")


def _route_notes(row: CircuitRow) -> Iterator[str]:
    """
    Yield what the columns of routes rest on, and what would help.
    """
    if row.prefixes is None or row.finding == "not in use":
        return
    yield from (f"capacity: {each}" for each in row.loads or () if each.status != "ok")
    if row.takeover:
        yield f"takes over in {row.takeover}: {'; '.join(row.takeover.reasons)}"
        if row.takeover.advice:
            yield f"sooner: {', '.join(row.takeover.advice)}"


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
