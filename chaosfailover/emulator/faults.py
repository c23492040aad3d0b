"""
Injected faults: what goes wrong with which calls, and how often, in the provider's own dialect.

A fault acts at one stage of a call. A new fault is a row of FAULTS; a key of its own goes into
`Fault`.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from math import inf
from typing import Annotated, Any, Generic, TypeVar

from chaosfailover.emulator.canned_reply import CannedReply, canned_reply
from chaosfailover.emulator.error_codes import ERROR_CODES, Refusal, refuse
from chaosfailover.emulator.job import AFTER, Job
from chaosfailover.emulator.operations.table import OPERATIONS
from chaosfailover.emulator.schema import TEXT, integer, number, one_of, optional, record_of, scalar
from chaosfailover.emulator.wire import Reply

__all__ = [
    "ANSWERING",
    "BEFORE",
    "DELAY",
    "DOCUMENT",
    "FAULTS",
    "JOB",
    "REPLY",
    "VIEW",
    "ArmedFaults",
    "Fault",
    "Kind",
    "Stage",
    "fault_from",
]

T = TypeVar("T")
Document = Mapping[str, object]

BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


@dataclass(frozen=True)
class Stage(Generic[T]):
    """
    A point of a call at which faults act, on a subject of type T.
    """

    name: str


BEFORE = Stage[Reply | Refusal | None]("before")  # in place of the operation, which does nothing
JOB = Stage[Job]("job")  # a job that starts or stops
VIEW = Stage[float]("view")  # the lag of what a Describe call sees
DOCUMENT = Stage[Document]("document")
REPLY = Stage[Reply]("reply")  # after the effect
DELAY = Stage[Reply]("delay")  # of any reply
ANSWERING: tuple[Stage[Any], ...] = (BEFORE, REPLY)
"""
The stages at which only one fault acts on a call.

After a fault BEFORE none acts on the REPLY, save on an `answer`, which stands for the service's own
reply.
"""


def _name(value: object, place: str) -> str:
    return one_of(*FAULTS)(value, place)


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

    `seconds` are emulated. `count` is how many times it acts, None for always.
    """

    fault: Annotated[str, _name]
    operation: Annotated[str, scalar("a pattern of operations, such as Describe*", _pattern)] = "*"
    region: Annotated[str, TEXT] = "*"
    account: Annotated[str, TEXT] = "*"
    probability: Annotated[float, number(0, 1)] = 1.0
    count: Annotated[int | None, optional(integer(1, 10**9))] = None
    seconds: Annotated[float | None, optional(number(0))] = None
    code: Annotated[str, scalar("a code of the table of errors", _code)] = ""
    retry_after: Annotated[int | None, optional(integer(0, 10**9))] = None
    status: Annotated[str, TEXT] = ""
    reply: Annotated[CannedReply | None, optional(canned_reply)] = None

    def concerns(self, operation: str, region: str, account: str) -> bool:
        """
        Say whether the fault is meant for a call.
        """
        pairs = ((operation, self.operation), (region, self.region), (account, self.account))
        return all(fnmatchcase(value, pattern) for value, pattern in pairs)

    def lasts(self, default: float) -> float:
        """
        Return `seconds`, or the default of the fault's kind.
        """
        return default if self.seconds is None else self.seconds


@dataclass(frozen=True)
class Kind(Generic[T]):
    """
    A kind of fault: its stage, what it does, and what the client meets, in one sentence.
    """

    stage: Stage[T]
    act: Callable[[T, Fault], T]
    meaning: str


def _refused(code: str) -> Callable[[object, Fault], Refusal]:
    return lambda _, fault: refuse(fault.code or code, retry_after=fault.retry_after)


def _lasting(status: str, default: float = inf) -> Callable[[Job, Fault], Job]:
    """
    Prolong a status of a job that has not passed it.
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
        if isinstance(job := document.get("FailoverTestJobModel"), Mapping):
            changed["FailoverTestJobModel"] = change(job, fault)
        if isinstance(jobs := document.get("FailoverTestJobList"), list):
            changed["FailoverTestJobList"] = [change(each, fault) for each in jobs]
        return changed

    return act


def _with_extra(document: Document, _: Fault) -> Document:
    return {**document, "FieldOfTomorrow": {"Known": False, "Values": ["a", 1, None]}}


def _html(reply: Reply, _: Fault) -> Reply:
    return replace(reply, status=502, body=BAD_GATEWAY, headers={"Content-Type": "text/html"})


FAULTS: dict[str, Kind[Any]] = {
    "throttling": Kind(BEFORE, _refused("Throttling.User"), "throttling; `retry_after` in ms"),
    "internal-error": Kind(BEFORE, _refused("InternalError"), "HTTP 500"),
    "unavailable": Kind(BEFORE, _refused("ServiceUnavailable"), "HTTP 503"),
    "refuse": Kind(BEFORE, _refused("SystemBusy"), "the error `code`, one of the table below"),
    "answer": Kind(
        BEFORE,
        lambda _, fault: (fault.reply or CannedReply()).reply(),
        "the `reply`, exactly as written",
    ),
    "reset": Kind(
        BEFORE,
        lambda _, __: Reply(0, {}, b"", ending="reset"),
        "the connection is reset; nothing was done",
    ),
    "slow": Kind(
        DELAY,
        lambda reply, fault: replace(reply, delay=fault.lasts(10.0)),
        "the reply comes `seconds` (10) later",
    ),
    "lost": Kind(
        REPLY,
        lambda reply, _: replace(reply, ending="lost"),
        "done, but the connection closes without a reply",
    ),
    "truncated": Kind(
        REPLY, lambda reply, _: replace(reply, ending="cut"), "done, but the body ends half-way"
    ),
    "html": Kind(REPLY, _html, "done, but a gateway answers HTTP 502 in HTML"),
    "stuck-starting": Kind(
        JOB, _lasting("Starting"), "the job stays Starting for `seconds` (for ever)"
    ),
    "stuck-stopping": Kind(
        JOB, _lasting("Stopping"), "the job stays Stopping for `seconds` (for ever)"
    ),
    "ends-early": Kind(
        JOB, _lasting("Testing", 1.0), "the job ends itself after `seconds` (1) of Testing"
    ),
    "stays-down": Kind(
        JOB,
        lambda job, fault: replace(job, late=fault.lasts(inf)),
        "the job's resources come back `seconds` late (never)",
    ),
    "status-lag": Kind(
        VIEW,
        lambda lag, fault: max(lag, fault.lasts(5.0)),
        "jobs and resources are shown as of `seconds` (5) ago",
    ),
    "extra-fields": Kind(
        DOCUMENT,
        lambda document, fault: _with_extra(_each_job(_with_extra)(document, fault), fault),
        "the reply has unknown fields",
    ),
    "unknown-status": Kind(
        DOCUMENT,
        _each_job(lambda job, fault: {**job, "Status": fault.status or "Pausing"}),
        "jobs show an unknown `status` (Pausing)",
    ),
}
"""
Fault -> its kind.
"""


SCHEMA = record_of(Fault)


def fault_from(value: object, place: str = "fault") -> Fault:
    """
    Read a fault of a topology or of the admin interface; ValueError says what is wrong.
    """
    fault = SCHEMA(value, place)
    if fault.fault == "answer" and fault.reply is None:
        raise ValueError(f"{place} needs reply")
    return fault


class ArmedFaults:
    """
    The faults that wait for calls, each with its chance and its count.
    """

    def __init__(self, faults: Iterable[Fault], seed: object) -> None:
        self._random = random.Random(f"{seed}/faults")  # noqa: S311 - chance, no secret
        self.faults = list(faults)

    def due(self, stage: Stage[T], operation: str, region: str, account: str) -> list[Fault]:
        """
        Draw the faults that act on a call at a stage, if they find anything to change there.
        """
        return [
            fault
            for fault in self.faults
            if FAULTS[fault.fault].stage == stage
            and fault.concerns(operation, region, account)
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
        return [
            {**asdict(fault), "reply": fault.reply and fault.reply.shown()} for fault in self.faults
        ]
