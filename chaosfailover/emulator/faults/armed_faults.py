"""
The faults that wait for calls.
"""

import random
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import TypeVar

from chaosfailover.emulator.faults.fault import Fault
from chaosfailover.emulator.faults.kinds import FAULTS
from chaosfailover.emulator.faults.stages import Stage

__all__ = ["ArmedFaults"]

T = TypeVar("T")


class ArmedFaults:
    """
    The faults that wait for calls, each with its chance and its count.
    """

    def __init__(self, faults: Iterable[Fault], seed: object) -> None:
        self._random = random.Random(f"{seed}/faults")  # noqa: S311 - chance, no secret
        self.faults = list(faults)

    def due(
        self, stage: Stage[T], operation: str, region: str, account: str, *, dry_run: bool
    ) -> list[Fault]:
        """
        Draw the faults that act on a call at a stage, if they find anything to change there.
        """
        return [
            fault
            for fault in self.faults
            if FAULTS[fault.fault].stage == stage
            and fault.concerns(operation, region, account, dry_run=dry_run)
            and self._random.random() < fault.probability
        ]

    def spend(self, fault: Fault) -> None:
        """
        Count down a fault that has acted.
        """
        if fault.count is None:
            return
        position = self.faults.index(fault)
        spent = replace(fault, count=fault.count - 1)
        self.faults[position : position + 1] = [spent] if spent.count else []

    @property
    def lag(self) -> float:
        """
        The longest status lag that is armed.
        """
        lags = (fault.lasts(5.0) for fault in self.faults if fault.fault == "status-lag")
        return max(lags, default=0.0)

    def shown(self) -> list[dict[str, object]]:
        """
        Return the armed faults as a topology would write them.
        """
        return [_shown(fault) for fault in self.faults]


def _shown(fault: Fault) -> dict[str, object]:
    written = {**asdict(fault), "reply": fault.reply and fault.reply.shown()}
    return {key: written[key] for key in fault.set_keys()}
