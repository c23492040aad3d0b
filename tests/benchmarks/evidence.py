"""
Size of the evidence file and memory of a long run: ten targets, 30 % of the checks lost.

    python tests/benchmarks/evidence.py [HOURS]

Prints after every hour the size of the samples as they are written, and the memory of their series.
The run is simulated: the samples go through the prober's tracks without a network.
"""

import json
import random
import resource
import sys
from collections.abc import Iterator

from chaosfailover.events.evidence_file import PAUSE, SAMPLES
from chaosfailover.outages.samples import Sample
from chaosfailover.prober.check import Check
from chaosfailover.prober.measurement import LONGEST_BLOCK, LONGEST_CHAIN
from chaosfailover.prober.schedule import Track
from chaosfailover.prober.targets import parse_target

TARGETS, INTERVAL, HOUR = 10, 0.1, 3600.0


def track(number: int) -> Track:
    """
    Return the track of a target that nobody checks.
    """
    target = parse_target(f"t{number}", {"url": "http://h/", "interval": INTERVAL, "timeout": 0.9})
    return Track(target, Check(target), coded=True)


def lines(tracks: list[Track], hours: float, share: float) -> Iterator[tuple[float, str]]:
    """
    Yield the lines of samples of so many hours, as a measurement writes them, each with its time.
    """
    rng, number, looked, written, anew = random.Random(1), 0, 0.0, 0.0, 0.0
    for tick in range(round(hours * HOUR / INTERVAL)):
        now = tick * INTERVAL
        for each in tracks:
            late = abs(rng.gauss(0.0, 0.0006))
            ok = rng.random() >= share
            rtt = 0.03 * rng.lognormvariate(0.0, 0.1) if ok else None
            error = None if ok else "timeout"
            each.end(each.begin(), Sample(now + late, ok, rtt, error, late))
        if now - looked < PAUSE:
            continue
        looked = now
        codes = [each.code for each in tracks if each.code]
        if any(code.has_news for code in codes) or now - written >= LONGEST_BLOCK:
            written, number = now, number + 1
            line = {SAMPLES: [code.take() for code in codes], "number": number}
            yield now, json.dumps(line, separators=(",", ":")) + "\n"
            if now - anew >= LONGEST_CHAIN:
                anew = now
                for code in codes:
                    code.begin_anew()


def main(hours: int) -> None:
    tracks, size, hour = [track(number) for number in range(TARGETS)], 0, 1
    for now, line in lines(tracks, hours, 0.3):
        size += len(line)
        if now >= hour * HOUR - PAUSE:
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
            print(
                f"{hour} h: {size / hour / 1e3:.0f} kB an hour, at most {most:.0f} MB", flush=True
            )
            hour += 1


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 72)
