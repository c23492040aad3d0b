"""
The fault as a topology or the admin interface writes it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Annotated

from chaosfailover.emulator.canned_reply import CannedReply, canned_reply
from chaosfailover.emulator.error_codes import ERROR_CODES
from chaosfailover.emulator.job import STATUSES, JobView
from chaosfailover.emulator.operations.table import OPERATIONS
from chaosfailover.emulator.resource_fields import OVERLAYS
from chaosfailover.emulator.resources import Network
from chaosfailover.emulator.schema import (
    TEXT,
    TRUTH,
    integer,
    listing,
    number,
    one_of,
    optional,
    scalar,
)

__all__ = ["Fault"]


def _pattern(value: object) -> str | None:
    """
    Return a pattern that matches at least one operation.
    """
    if not isinstance(value, str):
        return None
    return value if any(fnmatchcase(name, value) for name in OPERATIONS) else None


def _code(value: object) -> str | None:
    return value if isinstance(value, str) and value in ("", *ERROR_CODES) else None


@dataclass(frozen=True)
class Fault:
    """
    One fault: its kind, the calls it acts on (patterns), and how often.

    `dry_run` limits it to dry runs, or to calls that are none. `count` is how many times it acts,
    None for always. The keys after `count` are each for some kinds only; `seconds` are emulated.
    """

    fault: Annotated[str, TEXT]  # `fault_from` checks it
    operation: Annotated[str, scalar("a pattern of operations, such as Describe*", _pattern)] = "*"
    region: Annotated[str, TEXT] = "*"
    account: Annotated[str, TEXT] = "*"
    dry_run: Annotated[bool | None, optional(TRUTH)] = None
    probability: Annotated[float, number(0, 1)] = 1.0
    count: Annotated[int | None, optional(integer(1, 10**9))] = None
    seconds: Annotated[float | None, optional(number(0))] = None
    code: Annotated[str, scalar("a code of the table of errors", _code)] = ""
    retry_after: Annotated[int | None, optional(integer(0, 10**9))] = None
    status: Annotated[str | None, optional(TEXT)] = "Pausing"
    job: Annotated[str, TEXT] = "*"
    during: Annotated[tuple[str, ...], listing(one_of(*STATUSES))] = ()
    listed: Annotated[bool, TRUTH] = False
    resource: Annotated[str, TEXT] = ""
    times: Annotated[int, integer(1, 1000)] = 3
    fields: Annotated[Mapping[str, Mapping[str, object]], OVERLAYS] = field(default_factory=dict)
    reply: Annotated[CannedReply | None, optional(canned_reply)] = None

    def concerns(self, operation: str, region: str, account: str, *, dry_run: bool) -> bool:
        """
        Say whether the fault is meant for a call.
        """
        if self.dry_run not in (None, dry_run):
            return False
        pairs = ((operation, self.operation), (region, self.region), (account, self.account))
        return all(fnmatchcase(value, pattern) for value, pattern in pairs)

    def concerns_job(self, view: JobView) -> bool:
        """
        Say whether the fault is meant for a job, in the status that it really has.
        """
        job = view.job
        return (
            any(fnmatchcase(each, self.job) for each in (job.job_id, job.name))
            and (not self.during or job.status in self.during)
            and (self.seconds is None or view.age < self.seconds)
        )

    def check_resource(self, network: Network, place: str) -> None:
        """
        Raise ValueError if `resource` names nothing of a network.
        """
        names = {name for each in network.resources.values() for name in (each.id, each.kind)}
        if self.resource and not any(fnmatchcase(each, self.resource) for each in names):
            raise ValueError(
                f"{place}.resource is {self.resource!r}, expected an ID or a type of the"
                " topology's resources, or a pattern of them"
            )

    def lasts(self, default: float) -> float:
        """
        Return `seconds`, or the default of the fault's kind.
        """
        return default if self.seconds is None else self.seconds

    def set_keys(self) -> Iterator[str]:
        """
        Yield the keys whose values are not the default.
        """
        for each in fields(self):
            default = {} if each.default_factory is not MISSING else each.default
            if getattr(self, each.name) != default:
                yield each.name
