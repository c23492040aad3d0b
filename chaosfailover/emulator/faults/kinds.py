"""
The kinds of faults: the stage of a call at which each acts, and what it does there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Generic, TypeVar

from chaosfailover.emulator.canned_reply import CannedReply
from chaosfailover.emulator.error_codes import Refusal, refuse
from chaosfailover.emulator.faults.fault import Fault
from chaosfailover.emulator.faults.stages import (
    BEFORE,
    DELAY,
    DOCUMENT,
    FIND,
    JOB,
    REPLY,
    SHOW,
    VIEW,
    Document,
    JobViews,
    Stage,
)
from chaosfailover.emulator.job import AFTER, Aftermath, Job, Period
from chaosfailover.emulator.resources import PEER
from chaosfailover.emulator.schema import number, one_of, record_of
from chaosfailover.emulator.wire import Reply

__all__ = [
    "FAULTS",
    "Kind",
    "fault_from",
]

T = TypeVar("T")

BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


@dataclass(frozen=True)
class Kind(Generic[T]):
    """
    A kind of fault: its stage, what it does, and what the client meets, in one sentence.

    `takes` are the keys of a fault that it reads, beside those that every kind has.
    """

    stage: Stage[T]
    act: Callable[[T, Fault], T]
    meaning: str
    takes: tuple[str, ...] = ()


def _refused(code: str) -> Callable[[object, Fault], Refusal]:
    return lambda _, fault: refuse(fault.code or code, retry_after=fault.retry_after)


def _lasting(status: str, default: float = inf) -> Callable[[Job, Fault], Job]:
    """
    Prolong a status of a job that has not passed it.
    """

    def act(job: Job, fault: Fault) -> Job:
        started = job.status not in ("Init", "Starting")
        if AFTER.get(status) == job.status or (status == "Starting" and started):
            return job
        return replace(job, lasts={**job.lasts, status: fault.lasts(default)})

    return act


def _started_late(job: Job, fault: Fault) -> Job:
    """
    Take back a start, and let it take effect later.

    The start of a new job creates it as well, so nobody sees the job before.
    """
    if job.status != "Starting":
        return job
    *before, (_, at) = job.history
    new = job.job_type == "StartNow" and job.starts_at == inf
    return replace(
        job,
        history=tuple(before),
        starts_at=min(job.starts_at, at + fault.lasts(60.0)),
        hidden=new and not fault.listed,
    )


def _aftermath(job: Job, fault: Fault, periods: tuple[Period, ...], default: str = "*") -> Job:
    aftermath = Aftermath(fault.resource or default, periods, fault.fields)
    if aftermath in job.aftermaths:
        return job
    return replace(job, aftermaths=(*job.aftermaths, aftermath))


def _for_a_while(job: Job, fault: Fault) -> Job:
    return _aftermath(job, fault, ((0.0, fault.lasts(inf)),))


def _flapping(job: Job, fault: Fault) -> Job:
    """
    Let sessions be up and down in turn, beginning with up.
    """
    interval = fault.lasts(5.0)
    edges = [interval * number for number in range(1, 2 * fault.times + 1)]
    periods = tuple(zip(edges[::2], edges[1::2], strict=True))
    return _aftermath(job, fault, periods, PEER)


def _not_found(views: JobViews, fault: Fault) -> JobViews:
    return tuple(each for each in views if not fault.concerns_job(each))


def _with_status(views: JobViews, fault: Fault, *status: str | None) -> JobViews:
    return tuple(
        replace(each, status=status) if fault.concerns_job(each) else each for each in views
    )


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


LATEST_START = 900.0
OF_JOBS = ("job", "during", "seconds")
REPLYING = ("code", "retry_after")
REFUSING = (*REPLYING, *OF_JOBS)

FAULTS: dict[str, Kind[Any]] = {
    "throttling": Kind(
        BEFORE, _refused("Throttling.User"), "throttling; `retry_after` in ms", REFUSING
    ),
    "internal-error": Kind(BEFORE, _refused("InternalError"), "HTTP 500", REFUSING),
    "unavailable": Kind(BEFORE, _refused("ServiceUnavailable"), "HTTP 503", REFUSING),
    "refuse": Kind(
        BEFORE, _refused("SystemBusy"), "the error `code`, one of the table below", REFUSING
    ),
    "answer": Kind(
        BEFORE,
        lambda _, fault: (fault.reply or CannedReply()).reply(),
        "the `reply`, exactly as written",
        ("reply", *OF_JOBS),
    ),
    "reset": Kind(
        BEFORE,
        lambda _, __: Reply(0, {}, b"", ending="reset"),
        "the connection is reset; nothing was done",
        OF_JOBS,
    ),
    "slow": Kind(
        DELAY,
        lambda reply, fault: replace(reply, delay=fault.lasts(10.0)),
        "the reply comes `seconds` (10) later",
        ("seconds",),
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
    "falsely-refused": Kind(
        REPLY,
        _refused("ServiceUnavailable"),
        "done, but the reply is HTTP 503, or another error `code`",
        REPLYING,
    ),
    "late-start": Kind(
        JOB,
        _started_late,
        "a start takes effect `seconds` (60; 0 to 900) later; a job of Create with StartNow does"
        " not exist before, or with `listed` is Init",
        ("seconds", "listed"),
    ),
    "stuck-starting": Kind(
        JOB,
        _lasting("Starting"),
        "the job stays Starting for `seconds` (for ever)",
        ("seconds",),
    ),
    "stuck-stopping": Kind(
        JOB,
        _lasting("Stopping"),
        "the job stays Stopping for `seconds` (for ever)",
        ("seconds",),
    ),
    "ends-early": Kind(
        JOB,
        _lasting("Testing", 1.0),
        "the job ends itself after `seconds` (1) of Testing",
        ("seconds",),
    ),
    "stays-down": Kind(
        JOB,
        _for_a_while,
        "the job's resources come back `seconds` late (never)",
        ("seconds", "resource"),
    ),
    "flaps": Kind(
        JOB,
        _flapping,
        "once they are back, BGP peers go down `times` (3) times, for `seconds` (5) after as many"
        " of being up",
        ("seconds", "times", "resource"),
    ),
    "odd-return": Kind(
        JOB,
        _for_a_while,
        "once they are back, resources show the `fields` of their type for `seconds` (for ever)",
        ("fields", "seconds", "resource"),
    ),
    "unknown-job": Kind(
        FIND,
        _not_found,
        "jobs are in no list and get `IllegalParam.JobId`, though they go on",
        OF_JOBS,
    ),
    "status-lag": Kind(
        VIEW,
        lambda lag, fault: max(lag, fault.lasts(5.0)),
        "jobs and resources are shown as of `seconds` (5) ago",
        ("seconds",),
    ),
    "unknown-status": Kind(
        SHOW,
        lambda views, fault: _with_status(views, fault, fault.status),
        "jobs show the `status` (Pausing), any text or null, though they go on",
        ("status", *OF_JOBS),
    ),
    "no-status": Kind(SHOW, _with_status, "jobs show no Status at all, though they go on", OF_JOBS),
    "extra-fields": Kind(
        DOCUMENT,
        lambda document, fault: _with_extra(_each_job(_with_extra)(document, fault), fault),
        "the reply has unknown fields",
    ),
}
"""
Fault -> its kind.
"""


SCHEMA = record_of(Fault)
GENERAL = ("fault", "operation", "region", "account", "dry_run", "probability", "count")


def fault_from(value: object, place: str = "fault") -> Fault:
    """
    Read a fault of a topology or of the admin interface; ValueError says what is wrong.
    """
    fault = SCHEMA(value, place)
    takes = FAULTS[one_of(*FAULTS)(fault.fault, f"{place}.fault")].takes
    for key in fault.set_keys():
        if key not in (*GENERAL, *takes):
            own = f"which takes {', '.join(takes)}" if takes else "which takes no keys of its own"
            raise ValueError(f"{place}.{key} is not for {fault.fault}, {own}")
    for kind, key in (("answer", "reply"), ("odd-return", "fields")):
        if fault.fault == kind and not getattr(fault, key):
            raise ValueError(f"{place} needs {key}")
    if fault.fault == "late-start" and fault.seconds is not None:
        number(0, LATEST_START)(fault.seconds, f"{place}.seconds")
    return fault
