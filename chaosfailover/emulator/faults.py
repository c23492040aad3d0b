"""
Injected faults: what goes wrong, where and how often, in the provider's own dialect.

A fault acts at one stage: `before` the operation (which then does nothing), on a `job` that starts
or stops, on the `view` of a Describe call, on the `document` of the answer, on the `reply` after
the effect, or on the `delay` of whatever is answered.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from math import inf
from typing import Any, Literal

from chaosfailover.emulator.job import AFTER, Job
from chaosfailover.emulator.operation_table import OPERATIONS
from chaosfailover.emulator.playback import Playback, playback_from
from chaosfailover.emulator.refusals import REFUSALS, Refusal, refuse
from chaosfailover.emulator.schema import (
    ANYTHING,
    TEXT,
    Schema,
    integer,
    number,
    one_of,
    optional,
    record,
    scalar,
)
from chaosfailover.emulator.wire import Reply

__all__ = ["ANSWERING", "FAULTS", "Armed", "Fault", "Kind", "Stage", "fault_from"]

Stage = Literal["before", "job", "view", "document", "reply", "delay"]
ANSWERING: tuple[Stage, ...] = ("before", "reply")
"""
The stages at which one fault acts on a call. After one `before` it none does on the reply, save
on an `answer`, which stands for the service's own.
"""
Document = dict[str, Any]

BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


@dataclass(frozen=True)
class Fault:
    """
    One fault: its kind, the calls it strikes (patterns), and how often.

    `seconds` are emulated ones. `count` is how many times it strikes, None for always. `reply` is
    what `playback.Playback` has.
    """

    fault: str
    operation: str = "*"
    region: str = "*"
    account: str = "*"
    probability: float = 1.0
    count: int | None = None
    seconds: float | None = None
    code: str = ""
    retry_after: int | None = None
    status: str = ""
    reply: Mapping[str, Any] | None = None

    def strikes(self, operation: str, region: str, account: str) -> bool:
        """
        Say whether a call is among those that the fault is meant for.
        """
        pairs = ((operation, self.operation), (region, self.region), (account, self.account))
        return all(fnmatchcase(value, pattern) for value, pattern in pairs)

    def lasts(self, default: float) -> float:
        """
        Return `seconds`, or the default of the fault's kind.
        """
        return default if self.seconds is None else self.seconds


@dataclass(frozen=True)
class Kind:
    """
    A kind of fault: when it acts, what it does, and in one sentence what the client meets.
    """

    stage: Stage
    act: Callable[[Any, Fault], Any]
    meaning: str


def _refused(code: str) -> Callable[[None, Fault], Refusal]:
    return lambda _, fault: refuse(fault.code or code, retry_after=fault.retry_after)


def _lasting(status: str, default: float = inf) -> Callable[[Job, Fault], Job]:
    """
    Let a status last, of a job that has not passed it.
    """

    def act(job: Job, fault: Fault) -> Job:
        if AFTER.get(status) == job.status or status == "Starting" != job.status:
            return job
        return replace(job, lasts={**job.lasts, status: fault.lasts(default)})

    return act


def _each_job(
    change: Callable[[Document, Fault], Document],
) -> Callable[[Document, Fault], Document]:
    def act(document: Document, fault: Fault) -> Document:
        changed = dict(document)
        if "FailoverTestJobModel" in document:
            changed["FailoverTestJobModel"] = change(document["FailoverTestJobModel"], fault)
        if "FailoverTestJobList" in document:
            changed["FailoverTestJobList"] = [
                change(job, fault) for job in document["FailoverTestJobList"]
            ]
        return changed

    return act


def _with_extra(document: Document, _: Fault) -> Document:
    return {**document, "FieldOfTomorrow": {"Known": False, "Values": ["a", 1, None]}}


def _html(reply: Reply, _: Fault) -> Reply:
    return replace(reply, status=502, body=BAD_GATEWAY, headers={"Content-Type": "text/html"})


FAULTS: dict[str, Kind] = {
    "throttling": Kind("before", _refused("Throttling.User"), "throttled; `retry_after` in ms"),
    "internal-error": Kind("before", _refused("InternalError"), "HTTP 500"),
    "unavailable": Kind("before", _refused("ServiceUnavailable"), "HTTP 503"),
    "refuse": Kind("before", _refused("SystemBusy"), "the error `code`, any of the table"),
    "answer": Kind(
        "before",
        lambda _, fault: Playback(**(fault.reply or {})).reply(),
        "the `reply` that is given, as it is written",
    ),
    "reset": Kind(
        "before",
        lambda _, __: Reply(0, {}, b"", ending="reset"),
        "the connection is reset and nothing was done",
    ),
    "slow": Kind(
        "delay",
        lambda reply, fault: replace(reply, delay=fault.lasts(10.0)),
        "the answer comes `seconds` (10) later",
    ),
    "lost": Kind(
        "reply",
        lambda reply, _: replace(reply, ending="lost"),
        "done, but the connection closes without an answer",
    ),
    "truncated": Kind("reply", lambda reply, _: replace(reply, ending="cut"), "done; half a body"),
    "html": Kind("reply", _html, "done, but a gateway answers HTTP 502 in HTML"),
    "stuck-starting": Kind(
        "job", _lasting("Starting"), "the job stays Starting for `seconds` (for ever)"
    ),
    "stuck-stopping": Kind(
        "job", _lasting("Stopping"), "the job stays Stopping for `seconds` (for ever)"
    ),
    "ends-early": Kind(
        "job", _lasting("Testing", 1.0), "the job ends itself after `seconds` (1) of Testing"
    ),
    "stays-down": Kind(
        "job",
        lambda job, fault: replace(job, late=fault.lasts(inf)),
        "the job's resources come back `seconds` late (never)",
    ),
    "status-lag": Kind(
        "view",
        lambda lag, fault: max(lag, fault.lasts(5.0)),
        "jobs and resources are shown as of `seconds` (5) ago",
    ),
    "extra-fields": Kind(
        "document",
        lambda document, fault: _with_extra(_each_job(_with_extra)(document, fault), fault),
        "the answer has fields that nobody knows",
    ),
    "unknown-status": Kind(
        "document",
        _each_job(lambda job, fault: {**job, "Status": fault.status or "Pausing"}),
        "jobs show a `status` (Pausing) that nobody knows",
    ),
}
"""
Fault -> its kind.
"""


def _is_pattern(value: Any) -> bool:
    """
    Say whether a value is a pattern that meets an operation at least.
    """
    return isinstance(value, str) and any(fnmatchcase(name, value) for name in OPERATIONS)


SCHEMA: Schema = record(
    {
        "fault": one_of(*FAULTS),
        "operation": scalar("a pattern of operations, such as Describe*", _is_pattern),
        "region": TEXT,
        "account": TEXT,
        "probability": number(0, 1),
        "count": optional(integer(1, 10**9)),
        "seconds": optional(number(0)),
        "code": scalar("a code of the table of errors", lambda code: code in ("", *REFUSALS)),
        "retry_after": optional(integer(0, 10**9)),
        "status": TEXT,
        "reply": ANYTHING,
    },
    required=("fault",),
)


def fault_from(given: Any, place: str = "fault") -> Fault:
    """
    Read a fault of a topology or of the admin interface; ValueError says what is wrong.
    """
    fault = Fault(**SCHEMA(given, place))
    if fault.fault == "answer" or fault.reply is not None:
        playback_from(fault.reply)
    return fault


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
