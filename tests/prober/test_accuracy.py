"""
The bounds of the prober and the emulator's ground truth, over real loopback traffic.
"""

import random
from pathlib import Path

from busy import measured_again
from emulated_outages import compared, drilling

INTERVALS = {
    f"{kind}-{interval:g}": interval
    for kind in ("http", "tcp", "connect", "udp")
    for interval in (0.05, 0.1)
}
BUSY = 0.01


@measured_again
def test_bounds_hold_the_ground_truth(tmp_path: Path) -> None:
    """
    Failover and reversion of every protocol lie within bounds; nothing is made up.

    Only a short one may go unseen, unless this machine was too busy for some checks.
    """
    with drilling(tmp_path, INTERVALS, longest=1.5) as drill:
        drill.cut(random.Random())

    for name, interval in INTERVALS.items():
        pairs, made_up = compared(drill, name)
        seen = [pair for pair in pairs if pair.measured]
        unseen = [pair.end - pair.start for pair in pairs if not pair.measured]

        assert len(pairs) == 2
        assert [pair for pair in seen if not pair.holds(BUSY)] == []
        unmade = drill.prober.series(name)
        assert unmade["unjudged"] or unmade["gaps"] or all(it <= 2 * interval for it in unseen)
        assert made_up == []
