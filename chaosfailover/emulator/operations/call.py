"""
One admitted call of an operation.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import TypeVar

from chaosfailover.emulator.cloud import Cloud
from chaosfailover.emulator.faults import ANSWERING, BEFORE, FAULTS, VIEW, Fault, Stage
from chaosfailover.emulator.job import Job, viewed
from chaosfailover.emulator.operations.filters import token_page
from chaosfailover.emulator.operations.parameters import Arguments

__all__ = ["Call", "Document"]

T = TypeVar("T")
Document = Mapping[str, object]
"""
What a reply holds, without its RequestId.
"""


@dataclass(frozen=True)
class Call:
    """
    Who calls which operation, in which region, with which arguments, and when.

    `faults` are those that have acted on the call. `valid_for` is how many emulated seconds its
    signature stays valid.
    """

    cloud: Cloud
    operation: str
    account: str
    region: str
    arguments: Arguments
    now: float
    valid_for: float = inf
    dry_run: bool = False
    faults: list[Fault] = field(default_factory=list)

    def with_faults(self, stage: Stage[T], subject: T) -> T:
        """
        Return a subject as changed by the faults of a stage.

        A fault that changes nothing is not counted down. At a stage of `ANSWERING` only the first
        fault acts.
        """
        armed = self.cloud.faults
        for fault in armed.due(
            stage, self.operation, self.region, self.account, dry_run=self.dry_run
        ):
            if stage == BEFORE and not self._is_time_for(fault):
                continue
            changed = FAULTS[fault.fault].act(subject, fault)
            if changed == subject:
                continue
            armed.spend(fault)
            self.faults.append(fault)
            subject = changed
            if stage in ANSWERING:
                break
        return subject

    def _is_time_for(self, fault: Fault) -> bool:
        """
        Say whether a job of the caller is as the fault asks for; most ask for nothing.
        """
        if fault.job == "*" and not fault.during and fault.seconds is None:
            return True
        return any(fault.concerns_job(viewed(job, self.now)) for job in self.own_jobs())

    @cached_property
    def seen_at(self) -> float:
        """
        The instant as of which this call sees jobs and resources.
        """
        return self.now - self.with_faults(VIEW, self.cloud.settings.status_lag)

    @cached_property
    def down(self) -> frozenset[str]:
        """
        The IDs of the resources that show this call that they are down.
        """
        return self.cloud.fallen(self.seen_at)

    @cached_property
    def fields_after(self) -> Mapping[str, Mapping[str, object]]:
        """
        The fields that resources show after a job took them down, by their ID.
        """
        return self.cloud.fields_after(self.seen_at)

    @cached_property
    def lost(self) -> frozenset[str]:
        """
        The BGP peers and VBRs that routing knows to be lost, as this call sees them.
        """
        return self.cloud.lost_sessions(self.seen_at)

    def page(self, documents: Sequence[Document], name: str, default: int) -> Document:
        """
        Return the page of a list that MaxResults, by default `default`, and NextToken name.
        """
        size = self.arguments.get("MaxResults", default)
        empty = self.cloud.settings.empty_next_token
        page, fields = token_page(documents, self.arguments, size, empty=empty)
        return {"MaxResults": size, **fields, name: page}

    def own_jobs(self) -> Iterator[Job]:
        """
        Yield the caller's jobs in the region, newest first.
        """
        return self.cloud.ledger.of(self.account, self.region)
