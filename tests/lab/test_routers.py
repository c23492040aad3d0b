"""
Prober and emulator, judged by BIRD routers whose circuit is cut and comes back.

All cuts are asked for with `pytest -m lab`, those of the sample with `-m "lab and not long"`. With
the environment variable LAB_RESULTS, each cut is appended to that file, see `routers_table.py`.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from lab_network import Observed, Plan
from laboratory import (
    CONVERGENCE,
    SILENT,
    Cut,
    allowed,
    cuts_of,
    emulated,
    forecast,
    misplaced,
    starting,
)

pytestmark = pytest.mark.lab

WAYS = ["silent", "link-down", "session-closed", "drained"]
BFD = [(200, 3), (300, 3), (1000, 3)]
HOLD = [3, 9, 30]
SYMMETRIC, OWN = (1, 1), (1, 2)  # seeds: both routers send a flow the same way, or each its own
SHARES = {SYMMETRIC: 0.5, OWN: 0.75}


def plan(
    *ways: str, equal: bool = False, bfd: tuple[int, int] | None = None, hold: int = 30
) -> Plan:
    return {
        "equal": equal,
        "bfd": bfd,
        "hold": hold,
        "ways": list(ways),
        "seeds": OWN if bfd == (300, 3) else SYMMETRIC,
        "every": {"udp": 0.02, "tcp": 0.02 if equal else 0.05},  # see docs/routers.md
    }


SAMPLE = {
    "standby, BFD 300 x 3": plan("silent", "link-down", "drained", bfd=(300, 3)),
    "standby, one way, BFD 300 x 3": plan("lost-out", "lost-back", bfd=(300, 3)),
    "standby, hold 3": plan("silent", "session-closed", "silent", hold=3),
    "equal, BFD 300 x 3": plan("silent", "link-down", "session-closed", bfd=(300, 3), equal=True),
    "equal, hold 3": plan("silent", "drained", hold=3, equal=True),
}
WHOLE = {
    f"{'equal' if equal else 'standby'}, all, {timers}": each
    for equal in (False, True)
    for timers, each in {
        **{
            f"BFD {t} x {n}": plan("silent", *WAYS, "silent", equal=equal, bfd=(t, n))
            for t, n in BFD
        },
        **{f"hold {hold}": plan("silent", *WAYS, equal=equal, hold=hold) for hold in HOLD},
    }.items()
}


@pytest.mark.parametrize(
    "given",
    [
        *(pytest.param(each, id=name) for name, each in SAMPLE.items()),
        *(pytest.param(each, id=name, marks=pytest.mark.long) for name, each in WHOLE.items()),
    ],
)
def test_routers_agree(given: Plan, observe: Callable[[Plan], Observed]) -> None:
    """The bounds hold what the kernel did, and the emulator takes as long as routers may."""
    observed = observe(given)
    cuts = list(cuts_of(given, observed))
    keep(given, cuts)

    assert observed["overflows"] == 0
    assert [slip for cut in cuts for slip in cut.slips()] == []
    assert [slip for cut in cuts for slip in cut.misdirected()] == []
    assert [slip for cut in cuts if (slip := miscounted(cut))] == []
    assert [slip for cut in cuts if (slip := out_of_range(given, cut))] == []
    assert [slip for cut in cuts if (slip := unforeseen(given, cut))] == []
    assert list(misplaced(given, observed)) == []


def test_nothing_is_left_of_a_laboratory_that_is_killed(tmp_path: Path) -> None:
    """Its processes end with the first; the fixture `nothing_outlives` fails if one is left."""
    with starting(tmp_path) as process:
        assert process.stdin
        process.stdin.write(json.dumps(plan("silent", bfd=(300, 3))))
        process.stdin.close()
        deadline = time.monotonic() + 30
        while not (tmp_path / "cloud.ctl").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.kill()

    assert (tmp_path / "cloud.ctl").exists()


def miscounted(cut: Cut) -> str | None:
    """
    Say where the stream and the kernel's counters disagree.
    """
    received = {name: counts[0] for name, counts in cut.packets.items()}
    if cut.phase == "failover" and received["a"] > received["b"] / 10:
        return f"{cut.way}: the cut circuit still carried {received}"
    least, most = cut.length
    off = 0.05 + cut.slow
    if cut.share in (0, 1) and not least - off <= cut.stalled <= most + off:
        return f"{cut.phase} {cut.way}: nothing came for {cut.stalled:.3f} s, lost {most:.3f} s"
    return None


def out_of_range(given: Plan, cut: Cut) -> str | None:
    """
    Say where routers or the emulator took longer or less than they may, or hit other flows.
    """
    seen, (said, share) = cut.length, emulated(given, cut.way)
    if cut.phase == "reversion":
        return f"{cut.way}: {seen} s lost on return" if seen[0] > CONVERGENCE else None
    least, most = allowed(given, cut.way)
    if not (seen[1] >= least and seen[0] <= most and least <= said <= most):
        return f"{cut.way}: routers {seen}, emulator {said} s, expected {least:.3f} to {most:.3f} s"
    if cut.way == "silent" and given["equal"]:
        expected = SHARES[given["seeds"]]
        if abs(cut.share - expected) > 0.25 or share != 0.5:
            return f"routers hit {cut.share:.0%} of the flows, emulator {share:.0%}"
    return None


def unforeseen(given: Plan, cut: Cut) -> str | None:
    """
    Say where routers took less than a silent loss is forecast to take, or longer than any loss is.

    The forecast names no end of the convergence here: BIRD needs half a second at most.
    """
    expected, seen = forecast(given).detection, cut.length
    assert expected.most
    most = expected.most + CONVERGENCE
    least = expected.least if cut.way in SILENT and cut.phase == "failover" else 0.0
    if seen[1] >= least and seen[0] <= most:
        return None
    return f"{cut.way}: routers {seen}, forecast {least:.3f} to {most:.3f} s"


def keep(given: Plan, cuts: list[Cut]) -> None:
    """
    Append what was seen to the file of results, if there is one.
    """
    if not (file := os.environ.get("LAB_RESULTS")):
        return
    with Path(file).open("a", encoding="utf-8") as results:
        for cut in cuts:
            row = {
                **given,
                "phase": cut.phase,
                "way": cut.way,
                "lost": cut.lost,
                "share": cut.share,
                "true": cut.length,
                "bounds": cut.bounds,
                "held": not list(cut.slips()),
                "allowed": allowed(given, cut.way),
                "emulated": emulated(given, cut.way),
            }
            results.write(json.dumps(row) + "\n")
