"""
One admitted call of an operation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from chaosfailover.emulator.cloud import Cloud
from chaosfailover.emulator.faults import ANSWERING, FAULTS, Fault, Stage
from chaosfailover.emulator.job import Job

__all__ = ["Call", "Document"]

Document = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """
    Who calls what, where, with which arguments, and when.
    """

    cloud: Cloud
    operation: str
    account: str
    region: str
    arguments: Mapping[str, Any]
    now: float
    faults: list[Fault] = field(default_factory=list)
    """
    Those that have acted on the call.
    """

    def struck(self, stage: Stage, thing: Any) -> Any:
        """
        Return a thing as the faults of a stage leave it; one that changes nothing is not spent.

        Of those that give an answer of their own the first one acts, the others wait.
        """
        armed = self.cloud.faults
        for fault in armed.due(stage, self.operation, self.region, self.account):
            after = FAULTS[fault.fault].act(thing, fault)
            if after == thing:
                continue
            armed.spend(fault)
            self.faults.append(fault)
            if stage in ANSWERING:
                return after
            thing = after
        return thing

    @cached_property
    def seen_at(self) -> float:
        """
        The instant as of which this call sees jobs and resources.
        """
        return self.now - float(self.struck("view", self.cloud.settings.status_lag))

    @cached_property
    def down(self) -> frozenset[str]:
        """
        The IDs of the resources that this call sees down.
        """
        return self.cloud.down(self.seen_at)

    def own_jobs(self) -> Iterator[Job]:
        """
        Yield the caller's jobs in the region, newest first.
        """
        return self.cloud.ledger.of(self.account, self.region)
