"""
The bounds of the parts of the failover time hold what truly happened, in runs of random timing.
"""

import random
from pathlib import Path

import pytest
from timed_runs import compared, play

SEEDS = [
    pytest.param(number, marks=pytest.mark.long if number < 1 else pytest.mark.crashes)
    for number in range(100)
]


@pytest.mark.parametrize("number", SEEDS)
def test_bounds_hold_the_truth(tmp_path: Path, number: int) -> None:
    """Of each instant seen and each part, with a share of the flows or one direction lost too."""
    seed = random.SystemRandom().randrange(10**9)
    run = play(tmp_path, seed)

    comparisons = list(compared(run))
    wrong = [each for each in comparisons if not each.holds]
    seen = {each.name for each in comparisons}

    assert wrong == [], f"{number}: play(folder, {seed})"
    assert {"accepted", "loss", "recovered", "stopped", "as_before"} <= seen
