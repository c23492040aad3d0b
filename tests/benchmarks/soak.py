"""
The memory of the prober: 72 simulated hours of one target at ten checks a second.

    python tests/benchmarks/soak.py [--hours 72]

72 hours are the longest job of the API (4320 minutes). The samples go through the prober's own
tracks, without network and waiting.
"""

import argparse
import gc
import json
import random
import time
import tracemalloc
from collections.abc import Callable

from chaosfailover.outages.samples import Sample
from chaosfailover.outages.summary import summarize
from chaosfailover.prober.schedule import Track
from chaosfailover.prober.schemes import make_check
from chaosfailover.prober.targets import parse_target

INTERVAL = 0.1
Fate = Callable[[random.Random, float], bool]


def healthy(rng: random.Random, at: float) -> bool:  # noqa: ARG001
    """
    Up, save for a failover of 0.9 s after an hour.
    """
    return not 3600.0 <= at < 3600.9


def lossy(rng: random.Random, at: float) -> bool:
    """
    One sample in a hundred is lost.
    """
    return healthy(rng, at) and rng.random() >= 0.01


def flapping(rng: random.Random, at: float) -> bool:
    """
    Every second sample is lost.
    """
    return healthy(rng, at) and rng.random() >= 0.5


def dead(rng: random.Random, at: float) -> bool:  # noqa: ARG001
    """
    Down for good after a minute.
    """
    return at < 60.0


def simulate(fate: Fate, hours: float) -> None:
    """
    Run one target through the time and print its figures.
    """
    rng = random.Random(72)
    target = parse_target("it", {"url": "tcp://127.0.0.1:9", "interval": INTERVAL})
    track = Track(target, make_check(target))
    gc.collect()
    tracemalloc.start()
    began = time.process_time()
    points: list[str] = []
    ticks = round(hours * 3600 / INTERVAL)
    for tick in range(ticks):
        take(track, rng, tick, fate)
        if (tick + 1) % (ticks // 6) == 0:
            points.append(f"{tracemalloc.get_traced_memory()[0] / 1024:.0f}")
    took = time.process_time() - began
    tracemalloc.stop()
    print(f"{fate.__name__:9} KiB after each sixth: {', '.join(points)}")
    report(track, ticks, took)


def take(track: Track, rng: random.Random, tick: int, fate: Fate) -> None:
    at = tick * INTERVAL + rng.random() * 0.002
    ok = fate(rng, at)
    rtt = rng.lognormvariate(-6, 0.5) if ok else None
    track.end(track.begin(), Sample(at, ok, rtt, None if ok else "timeout", 0.001))


def report(track: Track, ticks: int, took: float) -> None:
    series = track.series
    began = time.process_time()
    summary = summarize(series, 3590.0, 7200.0)
    summed = time.process_time() - began
    size = len(json.dumps(series.as_dict()))
    print(
        f"          {ticks} samples, {summary.lost} lost, {summary.count} outages, "
        f"{len(series.runs)} runs, {len(series.timeline.slots)} slots, {size / 1024:.0f} KiB JSON"
    )
    print(
        f"          longest {summary.longest.at_least:.2f} to {summary.longest.at_most:.2f} s; "
        f"{took / ticks * 1e6:.1f} us a sample while traced, {summed * 1000:.1f} ms a summary"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--hours", type=float, default=72.0)
    given = parser.parse_args()
    for fate in (healthy, lossy, flapping, dead):
        simulate(fate, given.hours)


if __name__ == "__main__":
    main()
