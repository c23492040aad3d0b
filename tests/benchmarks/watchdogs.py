"""
The time without a second watchdog after one has died: python tests/benchmarks/watchdogs.py
"""

import os
import signal
import statistics
import time

from chaosfailover.safety.watchdog import Watchdogs

ROUNDS = 20


def main() -> None:
    """
    Print the seconds until another one was started, and until it was ready.
    """
    watchdogs = Watchdogs()
    watchdogs.check()
    started, ready = [], []
    for _ in range(ROUNDS):
        before = watchdogs.pids
        began = time.perf_counter()
        os.kill(before[0], signal.SIGKILL)
        while watchdogs.pids == before or len(watchdogs.pids) < len(before):
            time.sleep(0.0005)
        started.append(time.perf_counter() - began)
        watchdogs.check()
        ready.append(time.perf_counter() - began)
    watchdogs.dismiss()
    for name, times in (("started after", started), ("ready after", ready)):
        print(f"{name}: median {statistics.median(times):.3f} s, longest {max(times):.3f} s")


if __name__ == "__main__":
    main()
