"""
The faults that are armed now, with what is left of their counts.
"""

import random
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from chaosfailover.emulator.faults import FAULTS, Fault, Stage

__all__ = ["Armed"]


class Armed:
    """
    A list of faults that strike by chance and by count.
    """

    def __init__(self, faults: Iterable[Fault], seed: object) -> None:
        self._random = random.Random(f"{seed}/faults")  # noqa: S311 - chance, no secret
        self.faults = list(faults)

    def due(self, stage: Stage, operation: str, region: str, account: str) -> list[Fault]:
        """
        Return the faults that strike a call at a stage, if they find anything to act on there.
        """
        return [
            fault
            for fault in self.faults
            if FAULTS[fault.fault].stage == stage
            and fault.strikes(operation, region, account)
            and self._random.random() < fault.probability
        ]

    def spend(self, fault: Fault) -> None:
        """
        Count down a fault that has acted.
        """
        if fault.count is None:
            return
        position = self.faults.index(fault)
        left = replace(fault, count=fault.count - 1)
        self.faults[position : position + 1] = [left] if left.count else []

    @property
    def lag(self) -> float:
        """
        The longest status lag that is armed.
        """
        lags = (fault.lasts(5.0) for fault in self.faults if fault.fault == "status-lag")
        return max(lags, default=0.0)

    def shown(self) -> list[dict[str, Any]]:
        """
        Return the armed faults as they would be written in a topology.
        """
        return [asdict(fault) for fault in self.faults]
