"""
One admitted call of an operation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chaosfailover.emulator.cloud import Cloud
from chaosfailover.emulator.jobs import Job

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

    def own_jobs(self) -> Iterator[Job]:
        """
        Yield the caller's jobs in the region, newest first.
        """
        return self.cloud.ledger.of(self.account, self.region)
