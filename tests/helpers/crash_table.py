"""
Writes the tables of docs/crashes.md from results of `pytest -m crashes`.

    python tests/helpers/crash_table.py RESULTS docs/crashes.md
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from crash_points import ACTS, KINDS

__all__ = ["tables"]

Row = dict[str, Any]
MEASURED = ("SIGKILL", "SIGINT")


def tables(rows: Sequence[Row]) -> str:
    """
    Return a table of counts for each experiment and toolkit, one of outcomes, and what was missed.
    """
    runs = sorted({(each["toolkit"], each["experiment"]) for each in rows}, reverse=True)
    parts = [
        part
        for toolkit, experiment in runs
        for part in _counts(
            f"{experiment}, chaostoolkit-lib {toolkit}",
            [
                each
                for each in rows
                if (each["toolkit"], each["experiment"]) == (toolkit, experiment)
            ],
        )
    ]
    return "\n".join([*parts, *_outcomes(rows), *_missed(rows)])


def _counts(title: str, rows: Sequence[Row]) -> Iterator[str]:
    reached = [each for each in rows if each["reached"]]
    counts = Counter((each["kind"], each["act"]) for each in reached)
    yield f"**{title}**: {len(reached)} crashes, {len(rows) - len(reached)} points not reached.\n"
    yield _line(["point", *ACTS])
    yield _line(["---"] * (1 + len(ACTS)))
    for kind in KINDS:
        yield _line([kind, *(f"{counts[kind, act] or ''}" for act in ACTS)])
    totals = Counter(each["act"] for each in reached)
    yield _line(["all", *(f"{totals[act]}" for act in ACTS)]) + "\n"


def _outcomes(rows: Sequence[Row]) -> Iterator[str]:
    """
    Yield a table of what the crashes came to.
    """
    yield "**What they came to**\n"
    yield _line(["act", "crashes", "held", "not held", "no evidence yet", "longest", "broken"])
    yield _line(["---"] * 7)
    for act in ACTS:
        of_act = [each for each in rows if each["act"] == act and each["reached"]]
        held = sum(each["verdict"] == "held" for each in of_act)
        none = sum(each["verdict"] == "no evidence" for each in of_act)
        longest = max((each["seconds"] for each in of_act), default=0.0)
        yield _line(
            [
                act,
                f"{len(of_act)}",
                f"{held}",
                f"{len(of_act) - held - none}",
                f"{none}",
                f"{longest:.1f} s" if act in MEASURED else "",
                f"{sum(bool(each['problems']) for each in of_act)}",
            ]
        )
    yield ""


def _missed(rows: Sequence[Row]) -> Iterator[str]:
    missed = Counter(
        f"{each['kind']} `{each['operation']}` {each['n']}" for each in rows if not each["reached"]
    )
    yield "**Points that a run did not reach**: " + (
        "; ".join(f"{name} ({count})" for name, count in sorted(missed.items())) or "none"
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(results: str, document: str) -> None:
    """
    Replace what is between the marks of the document.
    """
    text = Path(results).read_text(encoding="utf-8")
    page = Path(document)
    made = tables([json.loads(line) for line in text.splitlines()])
    marked = re.compile(r"(<!-- crashes -->\n).*(\n<!-- end of crashes -->)", re.DOTALL)
    page.write_text(
        marked.sub(lambda found: found[1] + made + found[2], page.read_text(encoding="utf-8")),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
