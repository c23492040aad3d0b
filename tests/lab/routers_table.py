"""
The table of docs/routers.md, from the results of the laboratory.

    LAB_RESULTS=results.jsonl pytest -m lab -n 3
    python tests/lab/routers_table.py results.jsonl
"""

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

Row = dict[str, Any]

PAGE = Path(__file__).parents[2] / "docs" / "routers.md"
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->"
SILENT = ("silent", "lost-out", "lost-back")
WAYS = (*SILENT, "link-down", "session-closed", "drained")
HEAD = (
    *("circuits", "timers", "cut", "cuts", "routers lost", "they may lose", "emulator loses"),
    *("flows hit by routers", "by the emulator"),
)


def timers(row: Row) -> str:
    if row["way"] not in SILENT:
        return "any"
    return f"BFD {row['bfd'][0]} ms x {row['bfd'][1]}" if row["bfd"] else f"hold {row['hold']} s"


def circuits(row: Row) -> str:
    if not row["equal"]:
        return "active, standby"
    return "equal" if len(set(row["seeds"])) == 1 else "equal, hashed apart"


def group(row: Row) -> tuple[object, ...]:
    """
    Return what the cuts of a line have in common, in the order of the lines.
    """
    alike = WAYS.index(row["way"]), row["equal"], row["equal"] and row["seeds"]
    return alike if row["way"] not in SILENT else (*alike, row["bfd"] or [10**6, 0], row["hold"])


def lines(rows: Iterable[Row]) -> Iterator[tuple[str, ...]]:
    cuts = sorted((row for row in rows if row["phase"] == "failover"), key=group)
    for _, alike in groupby(cuts, group):
        same = list(alike)
        first = same[0]
        said, share = first["emulated"]
        hit = [row["share"] for row in same]
        yield (
            circuits(first),
            timers(first),
            first["way"],
            str(len(same)),
            span((row["true"][0] for row in same), "{:.2f}") + " s",
            span(first["allowed"], "{:.2f}") + " s",
            f"{said:.2f} s",
            span(hit, "{:.0%}"),
            f"{share:.0%}" if said > 0 else "0%",
        )


def span(values: Iterable[float], form: str) -> str:
    """
    Write the least and the greatest value, or the one that all are.
    """
    each = list(values)
    ends = form.format(min(each)), form.format(max(each))
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def summary(rows: list[Row]) -> str:
    """
    Write what was counted.
    """
    returns = [row["true"][1] for row in rows if row["phase"] == "reversion"]
    held = sum(row["held"] for row in rows)
    seen = [
        (each[1] - each[0]) * 1000
        for row in rows
        if row["share"] == 1 and (each := row["bounds"]["udp"])
    ]
    return (
        f"{len(rows) - len(returns)} cuts and {len(returns)} returns. The bounds of both targets"
        f" held in {held} of {len(rows)}. A return lost {max(returns) * 1000:.0f} ms at most. Where"
        f" a cut hit all flows, the bounds of UDP were {span(seen, '{:.0f}')} ms apart.\n"
    )


def main() -> None:
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    table = [HEAD, tuple("---" for _ in HEAD), *lines(rows)]
    written = "".join(f"| {' | '.join(line)} |\n" for line in table)
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}{summary(rows)}\n{written}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
