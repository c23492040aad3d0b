"""
What the log says of targets: each outage in two lines, and partial loss in two lines as well.

    up ----- lost ----> DOWN ----- answers ----> back for a while, then up
                                                  | lost
                                                  v
    up <-- calm: how much was lost <-- answers -- lost again; DOWN if none answers for long

The first loss of a phase of the run is told at once. After a second one soon after it, only an
outage that lasts is told, and in the end how much was lost since the first. So a target is never
told to be up or down when it is not for long. An outage is named by the phase in which it began.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from chaosfailover.outages.outage import Outage
from chaosfailover.prober.targets import Target

__all__ = ["TargetLog", "Timer"]

logger = logging.getLogger("chaostoolkit")

# Seconds, and checks, without a loss after which a target is up; with losses only, it is down.
CALM = (5.0, 20)
LASTING = (1.0, 5)


class Timer(Protocol):
    """
    A call that is due later.
    """

    def cancel(self) -> None: ...


Later = Callable[[float, Callable[[], None]], Timer]


@dataclass
class _Told:
    """
    What the log has said of a target in a phase of the run; `losses` follow each other closely.

    `begun` says in which phase they began, and that it is over if the last of them ended later.
    """

    phase: str = ""
    begun: str = ""
    down: bool = False
    is_lost: bool = False
    losses: list[Outage] = field(default_factory=list)
    is_lost_again: bool = False
    timer: Timer | None = None


class TargetLog:
    """
    Writes that targets go down and come back. Its calls come from one thread, that of `later`.
    """

    def __init__(self, later: Later) -> None:
        self._later = later
        self._told: dict[str, _Told] = {}

    def change(self, target: Target, outage: Outage, phase: str) -> None:
        """
        Note that an outage has begun, or has ended, and the phase in which it has.
        """
        told = self._told.setdefault(target.name, _Told())
        told.is_lost = outage.ongoing
        if told.timer is not None:
            told.timer.cancel()
        if outage.ongoing:
            self._lost(target, outage, phase)
        else:
            self._answers(target, outage, phase)

    def end(self) -> None:
        """
        Write how much was lost by the targets that have not been calm since.
        """
        for name, told in self._told.items():
            self._calm(name, ", and still loses checks" if told.is_lost else "")

    def _lost(self, target: Target, outage: Outage, phase: str) -> None:
        told = self._told[target.name]
        if told.phase != phase:
            self._calm(target.name, "")
            told.phase = phase
        if not told.losses:
            self._down(target, outage)
            return
        if not told.is_lost_again:
            told.is_lost_again = True
            logger.warning("Target %s loses checks again %s", target.name, phase)
        told.timer = self._later(_seconds(LASTING, target), lambda: self._down(target, outage))

    def _down(self, target: Target, outage: Outage) -> None:
        told = self._told[target.name]
        told.down = True
        logger.warning("Target %s is DOWN (%s) %s", target.name, outage.error, told.phase)

    def _answers(self, target: Target, outage: Outage, phase: str) -> None:
        told = self._told[target.name]
        told.begun = told.phase if phase == told.phase else f"which began {told.phase}"
        if told.down:
            logger.info(
                "Target %s is back after %.3f to %.3f s, %s",
                target.name,
                outage.at_least,
                outage.at_most,
                told.begun,
            )
        told.down = False
        told.losses.append(outage)
        told.timer = self._later(_seconds(CALM, target), lambda: self._calm(target.name))

    def _calm(self, name: str, until: str = ", and loses none now") -> None:
        """
        End losses that follow each other, with how much of the checks they took.
        """
        told = self._told[name]
        if told.is_lost_again:
            logger.info("Target %s lost %s, %s%s", name, _share(told.losses), told.begun, until)
        told.is_lost_again, told.losses = False, []


def _share(losses: list[Outage]) -> str:
    """
    Return how many checks were lost from the first to the last, of how many if that was counted.
    """
    first, last = losses[0], losses[-1]
    seconds = f"in {last.until[1] - first.since[0]:.1f} s"
    if first.counts is None or last.counts is None:
        return f"{sum(loss.lost for loss in losses)} checks {seconds}"
    begin, end = first.counts[0], last.counts[1]
    return f"{end.lost - begin.lost + 1} of {end.sent - begin.sent + 1} checks {seconds}"


def _seconds(limit: tuple[float, int], target: Target) -> float:
    seconds, checks = limit
    return max(seconds, checks * (target.interval or 0.0))
