"""
Measure the same outages with the prober, with fping and with a closed loop, side by side.

    sudo python tests/benchmarks/side_by_side.py [--runs 5]

Two network namespaces are joined by a veth pair. All three tools send ICMP echo requests ten
times a second through it, at the same time, while a blackhole route at the far end drops the
answers for given times: in odd runs one long outage, in even runs a shorter one and a dozen short
ones that add up to about the same. Needs root, `ip` and `fping`; touches only its own namespaces.
"""

import argparse
import random
import re
import subprocess
import sys
import threading
import time

import icmplib

from chaosfailover.outages.summary import Summary
from chaosfailover.prober.prober import Prober
from chaosfailover.prober.targets import parse_target

NEAR, FAR = "failover-near", "failover-far"
HERE, THERE = "192.0.2.1", "192.0.2.2"
INTERVAL, TIMEOUT = 0.1, 0.9
SETUP = f"""
netns add {NEAR}
netns add {FAR}
link add near netns {NEAR} type veth peer name far netns {FAR}
-n {NEAR} address add {HERE}/24 dev near
-n {FAR} address add {THERE}/24 dev far
-n {NEAR} link set near up
-n {FAR} link set far up
"""


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True)


def cut(seconds: float) -> float:
    """
    Drop the answers for a time; return the time that it really lasted.
    """
    ip(f"-n {FAR} route add blackhole {HERE}/32")
    began = time.monotonic()
    time.sleep(seconds)
    ended = time.monotonic()
    ip(f"-n {FAR} route del blackhole {HERE}/32")
    return ended - began


def closed_loop(stop: threading.Event, results: list[bool]) -> None:
    """
    Check, wait for the answer and sleep, as most scripts and the toolkit itself do.
    """
    while not stop.is_set():
        results.append(icmplib.ping(THERE, count=1, timeout=TIMEOUT, privileged=True).is_alive)
        time.sleep(INTERVAL)


def cuts_of(run: int, rng: random.Random) -> list[float]:
    if run % 2:
        return [rng.uniform(3.0, 4.0)]
    return [rng.uniform(1.8, 2.8), *[INTERVAL] * 12]


def measure(run: int, rng: random.Random) -> None:
    """
    Let all three measure one run, and print what each says.
    """
    stop, closed = threading.Event(), list[bool]()
    loop = threading.Thread(target=closed_loop, args=(stop, closed))
    cuts = cuts_of(run, rng)
    count = round((sum(cuts) + 0.6 * len(cuts) + 2.0) / INTERVAL)
    options = f"-q -o -c {count} -p {INTERVAL * 1000:.0f} -t {TIMEOUT * 1000:.0f}"
    command = f"fping {options} {THERE}"
    prober = Prober([parse_target("far", f"icmp://{THERE}")], INTERVAL, TIMEOUT)
    with subprocess.Popen(command.split(), stderr=subprocess.PIPE, text=True) as fping, prober:
        loop.start()
        time.sleep(1.0)
        truth = []
        for seconds in cuts:
            truth.append(cut(seconds))
            time.sleep(rng.uniform(0.3, 0.6))
        _, output = fping.communicate()
        stop.set()
        loop.join()
    report(run, truth, prober.summary("far"), output, closed)


def report(run: int, truth: list[float], ours: Summary, fping: str, closed: list[bool]) -> None:
    accumulated = re.search(r"outage\(ms\) = (\d+)", fping)
    share = 1 - sum(truth) / ours.duration
    held = ours.longest.at_least <= max(truth) <= ours.longest.at_most
    print(
        f"run {run}\n"
        f"  truth        {len(truth):2} outages, longest {max(truth):.2f} s, "
        f"in all {sum(truth):.2f} s, availability {share:.1%}\n"
        f"  prober       {ours.count:2} outages, longest {ours.longest.at_least:.2f} to "
        f"{ours.longest.at_most:.2f} s{'' if held else ' WRONG'}, "
        f"availability {ours.availability.at_least:.1%} to {ours.availability.at_most:.1%}\n"
        f"  fping -o     outage {int(accumulated[1]) / 1000 if accumulated else -1:.2f} s\n"
        f"  closed loop  {closed.count(False)} of {len(closed)} checks failed, "
        f"{closed.count(False) * INTERVAL:.2f} s by its interval, "
        f"availability {closed.count(True) / len(closed):.1%}",
        flush=True,
    )


def inside(runs: int) -> None:
    rng = random.Random()
    for run in range(1, runs + 1):
        measure(run, rng)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        inside(given.runs)
        return
    try:
        for line in SETUP.strip().splitlines():
            ip(line)
        enter = ["ip", "netns", "exec", NEAR, sys.executable, __file__, "--inside"]
        subprocess.run([*enter, "--runs", str(given.runs)], check=True)
    finally:
        for name in (NEAR, FAR):
            subprocess.run(["ip", "netns", "del", name], check=False)


if __name__ == "__main__":
    main()
