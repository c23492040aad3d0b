"""
Partial loss: how far an outage may reach beyond the checks that it lost.

With equal-cost paths a cut stalls only some of the flows. Each check is a new flow, so each is lost
with the same probability, the share of loss, and the other checks succeed while the outage is on:

    . . . x . x x . . x . . . . . .
        [---- outage ----------]

Neither the last success before the first loss nor the first success after the last loss shows that
all paths were up. So both bounds run on by a number of checks, `run_on`. It is the number of
successes in a row that an outage lets pass with a chance of less than 1 in 4,000. So a miss, at
either end, is rarer than 1 in 1,000 in simulations of any share from a tenth on.

The share is not known but observed, from the first loss to the last. The successes between two
losses in a row are draws of one distribution, and the successes beyond the last loss are one more
draw of it. After `m` losses with `g` successes between them, the chance that the next `k` checks
succeed too is

    g / (m-1+g) * (g+1) / (m-1+g+1) * ...    (k factors)

which allows for the error of the estimate: few losses make a long run-on, many make that of the
share itself. From this follows:

-   Total loss has no success between its losses, so the first factor is zero and the run-on is one
    check. These are the bounds of `chaosfailover.outages.outage`, `(n-1)p` to `(n+1)p`.
-   A single lost check, or losses in a row, show no share and count as total loss. A partial outage
    is seen as such from its first success between two losses on.
-   A path that fails in full, comes back and fails again has few and long runs of losses. If chance
    would hardly deal so few, the successes between them are recoveries. Then only the checks right
    after a loss count; after long runs of losses, hardly any of them is a success.
-   Shares below 1 in 16 are not told apart from 1 in 16: the run-on is at most 129 checks. So two
    stray losses do not become an outage of many minutes.

The run-on counts checks. Time without checks comes on top. It ends with the measurement, since
nothing is said of the time beyond. The share is taken to be the same from begin to end.
"""

from dataclasses import replace
from math import ceil, inf, log, sqrt
from typing import NamedTuple

from chaosfailover.outages.outage import Outage
from chaosfailover.outages.samples import Gap

__all__ = ["Cadence", "run_on", "widened"]

RARE = 1 / 4000
SMALLEST_SHARE = 1 / 16
MOST = ceil(log(RARE) / log(1 - SMALLEST_SHARE))
CLUSTERED = 4.0  # standard deviations


class Cadence(NamedTuple):
    """
    A target was checked about each `interval` seconds from `since` to `until`, save in the gaps.
    """

    interval: float
    since: float = -inf
    until: float = inf
    gaps: tuple[Gap, ...] = ()


def widened(outage: Outage, cadence: Cadence) -> Outage:
    """
    Return an outage with bounds that hold for partial loss too; `at_least` stays.
    """
    if outage.counts is None:
        return outage
    first, last = outage.counts
    lost, runs = last.lost - first.lost + 1, last.runs - first.runs + 1
    sent = last.sent - first.sent + 1
    more = run_on(lost, sent - lost, runs) - 1
    if not more:
        return outage
    time = more * _spacing(outage, sent, cadence)
    since = min(outage.since[0], max(cadence.since, _earlier(outage.since[0], time, cadence.gaps)))
    until = max(outage.until[1], min(cadence.until, _later(outage.until[1], time, cadence.gaps)))
    return replace(
        outage,
        at_most=until - since,
        since=(since, outage.since[1]),
        until=(outage.until[0], until),
    )


def run_on(lost: int, passed: int, runs: int) -> int:
    """
    Return how many successes in a row end an outage, or come before it.

    `passed` successes lie between the first and the last of `lost` checks, which make up `runs`
    runs of losses.
    """
    if runs < 2:
        return 1
    stopped, let_through = lost - 1, passed
    if _are_clustered(lost, passed, runs):
        stopped, let_through = lost - runs, runs - 1
    chance, checks = 1.0, 0
    while chance > RARE and checks < MOST:
        chance *= (let_through + checks) / (stopped + let_through + checks)
        checks += 1
    return checks


def _are_clustered(lost: int, passed: int, runs: int) -> bool:
    """
    Tell whether chance would hardly deal so few runs (Wald and Wolfowitz, runs test).

    Of the `lost - 1` places between two losses, those with a success are hypergeometric.
    """
    places, others = lost - 1, passed - 1
    total = places + others
    mean = passed * places / total
    variance = mean * others / total * (total - passed) / max(1, total - 1)
    return mean - (runs - 1) > CLUSTERED * sqrt(variance)


def _spacing(outage: Outage, sent: int, cadence: Cadence) -> float:
    """
    Return the time from one check to the next within an outage, gaps left out.
    """
    since = max(outage.since[0], cadence.since)
    inside = [gap for gap in cadence.gaps if since <= gap.since and gap.until <= outage.until[0]]
    time = outage.until[0] - since - sum(gap.until - gap.since for gap in inside)
    return max(cadence.interval, time / max(1, sent - len(inside)))


def _later(at: float, time: float, gaps: tuple[Gap, ...]) -> float:
    end = at + time
    for gap in gaps:
        if at < gap.until and gap.since < end:
            end += gap.until - max(gap.since, at)
    return end


def _earlier(at: float, time: float, gaps: tuple[Gap, ...]) -> float:
    begin = at - time
    for gap in reversed(gaps):
        if gap.since < at and begin < gap.until:
            begin -= min(gap.until, at) - gap.since
    return begin
