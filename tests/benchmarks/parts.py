"""
How well the parts of the failover time hold the emulator's ground truth, in a table.

    PYTHONPATH=tests/helpers python tests/benchmarks/parts.py [--runs 100] [--first 0]

Each run cuts a circuit with three to five services of HTTP, TCP and UDP, some of which lose only a
share of their flows, in one direction or both. Everything takes its own random time. A run takes
about 25 s.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from timed_runs import Comparison, compared, play

HEAD = "| way | instant or part | seen | bounds hold | width, median | greatest |"


def rows(found: Mapping[tuple[str, str], Sequence[Comparison]]) -> list[str]:
    return [
        f"| {way} | {name} | {len(each)} | {sum(it.holds for it in each)} "
        f"| {sorted(it.width for it in each)[len(each) // 2]:.2f} s "
        f"| {max(it.width for it in each):.2f} s |"
        for (way, name), each in found.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    found: dict[tuple[str, str], list[Comparison]] = defaultdict(list)
    wrong: list[str] = []
    for seed in range(given.first, given.first + given.runs):
        with tempfile.TemporaryDirectory() as folder:
            for each in compared(play(Path(folder), seed)):
                found[each.way, each.name].append(each)
                wrong += [] if each.holds else [f"{seed}: {each}"]
    print(HEAD)
    print("|---" * (HEAD.count("|") - 1) + "|")
    print(*rows(found), *wrong, sep="\n")


if __name__ == "__main__":
    main()
