"""
Partial loss: how far an outage may reach beyond its first and its last lost check.

With equal-cost paths a cut stalls only some of the flows. Each check is a new flow, so each is lost
with the same probability, the share of loss, and the other checks succeed during the outage:

    . . . x . x x . . x . . . . . .
        [---- outage ----------]

Neither the last success before the first loss nor the first success after the last loss shows that
all paths were up. So both bounds reach further by a number of checks, the run-on. An outage lets
that many successes in a row pass with a chance of less than 1 in 4,000. In simulations of any share
from a tenth on, the bounds fail at either end in fewer than 1 in 1,000 outages.

The share is estimated, from the first loss to the last. The numbers of successes between two
losses are draws of one distribution, and the successes beyond the last loss are one more draw.
After `m` losses with `g` successes between them, the chance that the next `k` checks succeed is

    g / (m-1+g) * (g+1) / (m-1+g+1) * ...    (k factors)

which allows for the error of the estimate: few losses make a long run-on. It follows:

-   Total loss has no success between its losses, so the first factor is zero and the run-on is one
    check. These are the bounds of `chaosfailover.outages.outage`, `(n-1)p` to `(n+1)p`.
-   A single lost check, or losses in a row, show no share and count as total loss. A success
    between two losses makes an outage partial.
-   A path that fails in full, recovers and fails again has few and long runs of losses. If so few
    are unlikely by chance, the successes between them are recoveries. Then only the checks right
    after a loss count; after long runs of losses, hardly any of them is a success.
-   Shares below 1 in 16 count as 1 in 16: the run-on is at most 129 checks. So two stray losses do
    not become an outage of many minutes.

The run-on counts checks; gaps are added to it. It ends with the measurement. The share is assumed
to be constant during the outage. A check within the run-on that was not judged may have been lost.
It is rather those that are lost which a busy machine cannot judge, so the successes beside it show
nothing: the run-on begins again there.
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
    The checks of a target: one each `interval` seconds from `since` to `until`, save in the gaps.

    `doubts` are the times with checks that were not judged.
    """

    interval: float
    since: float = -inf
    until: float = inf
    gaps: tuple[Gap, ...] = ()
    doubts: tuple[Gap, ...] = ()


def widened(outage: Outage, cadence: Cadence) -> Outage:
    """
    Return an outage with bounds that hold for partial loss; `at_least` is unchanged.
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
    first_in, last_in = outage.since[0], outage.until[1]
    since = min(first_in, max(cadence.since, _earlier(first_in, time, cadence)))
    until = max(last_in, min(cadence.until, _later(last_in, time, cadence)))
    return replace(
        outage,
        at_most=until - since,
        since=(since, outage.since[1]),
        until=(outage.until[0], until),
    )


def run_on(lost: int, passed: int, runs: int) -> int:
    """
    Return the number of successes in a row that show that an outage has ended, or not begun.

    `passed` successes lie between the first and the last of `lost` checks, in `runs` runs.
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
    Tell whether so few runs are unlikely by chance (Wald and Wolfowitz, runs test).

    Of the `lost - 1` places between two losses, those with a success are hypergeometric.
    """
    places, others = lost - 1, passed - 1
    total = places + others
    mean = passed * places / total
    variance = mean * others / total * (total - passed) / max(1, total - 1)
    return mean - (runs - 1) > CLUSTERED * sqrt(variance)


def _spacing(outage: Outage, sent: int, cadence: Cadence) -> float:
    """
    Return the time from one check to the next within an outage, without gaps.
    """
    since = max(outage.since[0], cadence.since)
    inside = [gap for gap in cadence.gaps if since <= gap.since and gap.until <= outage.until[0]]
    time = outage.until[0] - since - sum(gap.until - gap.since for gap in inside)
    return max(cadence.interval, time / max(1, sent - len(inside)))


def _later(at: float, time: float, cadence: Cadence) -> float:
    """
    Return the end of the run-on that begins at an instant.
    """
    end = _after(at, time, cadence.gaps)
    for doubt in cadence.doubts:
        if at < doubt.until and doubt.since < end:
            end = max(end, _after(doubt.until, time, cadence.gaps))
    return end


def _earlier(at: float, time: float, cadence: Cadence) -> float:
    """
    Return the beginning of the run-on that ends at an instant.
    """
    begin = _before(at, time, cadence.gaps)
    for doubt in reversed(cadence.doubts):
        if doubt.since < at and begin < doubt.until:
            begin = min(begin, _before(doubt.since, time, cadence.gaps))
    return begin


def _after(at: float, time: float, gaps: tuple[Gap, ...]) -> float:
    end = at + time
    for gap in gaps:
        if at < gap.until and gap.since < end:
            end += gap.until - max(gap.since, at)
    return end


def _before(at: float, time: float, gaps: tuple[Gap, ...]) -> float:
    begin = at - time
    for gap in reversed(gaps):
        if gap.since < at and begin < gap.until:
            begin -= min(gap.until, at) - gap.since
    return begin
