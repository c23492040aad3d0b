"""
The accuracy of the prober: its outages and the emulator's ground truth, in a table.

    PYTHONPATH=tests/helpers python tests/benchmarks/accuracy.py [--rounds 17]

Each round cuts a circuit with sixteen services, HTTP, TCP, TCP that is only connected to, and UDP,
at intervals of 10, 50, 100 and 500 ms, each with a random detection time from 0.03 to 4 s, and
restores it: a failover and a reversion of random phase for each service.
"""

import argparse
import random
import tempfile
from pathlib import Path

from emulated_outages import Comparison, compared, drilling

from chaosfailover.outages.summary import Summary

RESOLUTION = 0.001
"""The ground truth is known to a millisecond: what arrives while a cut is made meets it or not."""
INTERVALS = (0.01, 0.05, 0.1, 0.5)
KINDS = ("http", "tcp", "connect", "udp")
HEAD = (
    "| protocol | interval | outages | longest | bounds hold | between two samples | false "
    "| width, median | over 2 intervals: median | greatest | lateness: p99 | greatest |"
)


def row(name: str, pairs: list[Comparison], made_up: int, summary: Summary) -> str:
    kind, _, interval = name.partition("-")
    seen = [(pair, pair.measured) for pair in pairs if pair.measured]
    widths = sorted(it.at_most - it.at_least for _, it in seen)
    over = sorted(
        it.at_most - it.at_least - 2 * float(interval) for _, it in seen if it.at_least > 0
    )
    held = sum(pair.holds(RESOLUTION) for pair, _ in seen)
    unseen = [pair.end - pair.start for pair in pairs if not pair.measured]
    late = [each.p99 * 1000, each.most * 1000] if (each := summary.lateness) else [0.0, 0.0]
    gone = f"{len(unseen)}" + (f" (of at most {max(unseen) * 1000:.0f} ms)" if unseen else "")
    return (
        f"| {kind.upper()} | {float(interval) * 1000:.0f} ms | {len(pairs)} "
        f"| {max(pair.end - pair.start for pair in pairs):.2f} s "
        f"| {held} of {len(seen)} | {gone} | {made_up} | {widths[len(widths) // 2] * 1000:.1f} ms "
        f"| {over[len(over) // 2] * 1000:+.1f} ms | {over[-1] * 1000:+.1f} ms "
        f"| {late[0]:.1f} ms | {late[1]:.1f} ms |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=17)
    given = parser.parse_args()
    rng = random.Random()
    names = {f"{kind}-{interval:g}": interval for kind in KINDS for interval in INTERVALS}
    with tempfile.TemporaryDirectory() as folder, drilling(Path(folder), names, 4.0) as drill:
        for _ in range(given.rounds):
            drill.cut(rng)
    print(HEAD)
    print("|---" * (HEAD.count("|") - 1) + "|")
    wrong: list[str] = []
    for name in names:
        pairs, made_up = compared(drill, name)
        print(row(name, pairs, len(made_up), drill.prober.summary(name)))
        wrong += [
            f"{name}: {pair}" for pair in pairs if pair.measured and not pair.holds(RESOLUTION)
        ]
        wrong += [f"{name}: no outage was true of {it}" for it in made_up]
    print(f"\n{given.rounds * len(names)} runs, each a failover and a reversion", *wrong, sep="\n")


if __name__ == "__main__":
    main()
