"""
Settling: the wait until a failover has settled, before the way back begins.

A failover is proven once nothing was lost for 5 s. So the control waits for that after the method,
and before an action of the method that stops a test, for as long as the objectives allow.

After the way back, it waits until nothing has changed for a while, which begins anew after a flap.
"""

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from math import inf
from typing import Protocol

from chaosfailover.events.waits import waiting
from chaosfailover.outages.flapping import RECOVERY_HOLD
from chaosfailover.outages.measured import CutWindow
from chaosfailover.prober.prober import elapsed
from chaosfailover.prober.targets import Target

__all__ = ["MARGIN", "WITHOUT_RTO", "Measured", "latest", "wait_after_return", "wait_until_settled"]

logger = logging.getLogger("chaostoolkit")

WITHOUT_RTO = 30.0
"""Seconds that a target without an RTO may take to recover, unless there is an `abort_after`."""
MARGIN = 5.0
"""Seconds before the planned end of a test at which a wait ends, at most a tenth of the test."""
INTERVAL = 0.1


class Measured(Protocol):
    """
    What a measurement tells: the cut that is in effect, and who has not settled in it.
    """

    @property
    def window(self) -> CutWindow | None: ...

    def unsettled(self, window: CutWindow) -> list[Target]: ...


def latest(
    targets: Iterable[Target],
    cut_at: float,
    in_effect_at: float,
    duration: float,
    abort_after: float | None = None,
) -> float:
    """
    Return the instant at which a wait for targets ends at the latest.

    That is the longest RTO and the recovery hold after the cut was in effect, when the last check
    has been judged, but in any case before the test of this `duration` ends by itself.
    """
    times = [_time(target, abort_after or WITHOUT_RTO) for target in targets]
    planned_end = cut_at + duration - min(MARGIN, duration / 10)
    return min(in_effect_at + max(times, default=-inf), planned_end)


def _time(target: Target, otherwise: float) -> float:
    judged_after = (target.interval or 0.0) + (target.timeout or 0.0)
    return (target.rto or otherwise) + RECOVERY_HOLD + judged_after


def wait_until_settled(
    measured: Measured,
    duration: float,
    abort_after: float | None,
    may_wait: Callable[[], bool],
    clock: Callable[[], float] = elapsed,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """
    Wait until every target has settled in the cut that is in effect, as long as one `may_wait`.
    """
    told = False
    with ExitStack() as shown:
        while may_wait() and (window := measured.window):
            targets = measured.unsettled(window)
            end = latest(targets, window.cut_at, window.in_effect_at, duration, abort_after)
            if clock() >= end:
                return
            if not told:
                told = True
                shown.enter_context(_told(targets, end - clock()))
            sleep(INTERVAL)


def wait_after_return(
    back_since: Callable[[], float],
    after_stop: float,
    longest: float,
    may_wait: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """
    Wait for `after_stop` seconds, and anew when what was back went away and has come back.

    That takes at most `longest` seconds more, as long as one `may_wait`. `back_since` is infinite
    while something is away again.
    """
    with waiting("what is lost after everything is back", after_stop):
        sleep(after_stop)
    end = clock() + longest
    if clock() >= back_since() + after_stop:
        return
    logger.info(
        "Not all has stayed back for %g s: this is measured for at most %.0f s more",
        after_stop,
        longest,
    )
    with waiting(f"everything to stay back for {after_stop:g} s", longest):
        while may_wait() and clock() < min(back_since() + after_stop, end):
            sleep(INTERVAL)


def _told(targets: Iterable[Target], at_most: float) -> AbstractContextManager[None]:
    names = ", ".join(target.name for target in targets)
    logger.info(
        "Waiting for at most %.0f s until %s lost nothing for %g s: "
        "before that, the failover has not settled and proves nothing",
        at_most,
        names,
        RECOVERY_HOLD,
    )
    return waiting(f"{names} to lose nothing for {RECOVERY_HOLD:g} s", at_most)
