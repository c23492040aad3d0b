"""
The time that the report of a three-day journal takes: python tests/benchmarks/report.py
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

from long_journals import long_journal

from chaosfailover.report import render

FORMS = ("json", "html")
ROUNDS = 3


def main() -> None:
    """
    Print the seconds of processor time for each format, the best of three.
    """
    journal = long_journal()
    for form in FORMS:
        times = []
        for _ in range(ROUNDS):
            began = time.process_time()
            render([journal], form)
            times.append(time.process_time() - began)
        print(f"{form}: {min(times):.2f} s")


if __name__ == "__main__":
    main()
