"""
A failover test that a run may have started, and what it takes to stop it.
"""

import contextlib
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from chaosfailover.client import VpcClient
from chaosfailover.safety.starts import Start
from chaosfailover.safety.wanted import Wanted, opened_once

__all__ = ["Guarded"]


@dataclass(frozen=True, slots=True)
class Guarded:
    """
    One test on the list, and what is known of its `start`.

    `access` opens a client on the test's region and account; `configuration` and `secrets` are
    what it is opened with, for the process that stands by. `others` are the IDs of tests that had
    the name before. `proven_at` is when its survivors were seen (monotonic). `key` tells tests of
    one name in two accounts apart.
    """

    test: str
    region_id: str
    duration_minutes: int
    access: Callable[[], VpcClient]
    configuration: Mapping[str, Any]
    secrets: Mapping[str, Any]
    start: Start = field(default_factory=Start)
    others: Collection[str] = ()
    proven_at: float = field(default_factory=time.monotonic)
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    def is_meant_by(self, test: str, region_id: str) -> bool:
        """
        Tell whether a name or an ID in a region is this test.
        """
        return region_id == self.region_id and test in (self.test, self.start.job_id)

    def wanted(self, clients: contextlib.ExitStack) -> Wanted:
        """
        Say how it is stopped.
        """
        return Wanted(opened_once(self.access, clients), self.test, self.start, self.others)
