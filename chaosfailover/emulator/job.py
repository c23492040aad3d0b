"""
The failover test job as a state machine: tables, no I/O, time is an argument.

Instants are emulated seconds since 1970.
"""

from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from chaosfailover.emulator.clock import utc
from chaosfailover.emulator.refusals import refuse

__all__ = [
    "AFTER",
    "ALLOWED",
    "RUNNING",
    "UNFINISHED",
    "Job",
    "advanced",
    "as_of",
    "document",
    "due",
    "entered",
    "moved",
    "projected",
]

ALLOWED: dict[str, dict[str, str]] = {
    "StartFailoverTestJob": {"Init": "Starting"},
    "StopFailoverTestJob": {"Testing": "Stopping"},
    "UpdateFailoverTestJob": {"Init": "Init"},
    "DeleteFailoverTestJob": {"Init": "Deleted", "Stopped": "Deleted"},
}
"""
Operation -> status it is allowed in -> status it leads to.
"""

AFTER: dict[str, str] = {"Starting": "Testing", "Testing": "Stopping", "Stopping": "Stopped"}
"""
Status -> the one that follows by itself when its time is over.
"""

REFUSED: dict[str, str] = {
    "StartFailoverTestJob": "IncorrectStatus.OnlyForInit",
    "StopFailoverTestJob": "IncorrectStatus.OnlyForTesting",
    "UpdateFailoverTestJob": "IncorrectStatus.OnlyForInit",
    "DeleteFailoverTestJob": "IncorrectStatus.OnlyForInitOrStopped",
}
"""
Operation -> the code that refuses it in every other status.
"""

RUNNING = frozenset({"Starting", "Testing", "Stopping"})
UNFINISHED = RUNNING | {"Init"}


@dataclass(frozen=True, kw_only=True)
class Job:
    """
    One failover test job: what was asked for and each status it entered, with the instant.

    `lasts` says how many seconds each passing status takes, `inf` for one that is stuck; `late`
    how many seconds too late the resources come back.
    """

    job_id: str
    number: int
    account: str
    region: str
    name: str
    description: str
    resource_type: str
    resource_ids: tuple[str, ...]
    job_type: str
    duration_minutes: int
    history: tuple[tuple[str, float], ...]
    lasts: dict[str, float] = field(default_factory=dict)
    touched: float = -inf
    late: float = 0.0

    @property
    def status(self) -> str:
        """
        The status that was entered last.
        """
        return self.history[-1][0]


def moved(job: Job, operation: str, at: float) -> Job:
    """
    Return the job after an operation; a refusal when its status does not allow it.
    """
    allowed = ALLOWED[operation]
    if job.status not in allowed:
        raise refuse(REFUSED[operation])
    status = allowed[job.status]
    history = job.history if status == job.status else (*job.history, (status, at))
    return replace(job, history=history, touched=at)


def due(job: Job) -> float:
    """
    Return when the job enters its next status by itself; `inf` when it does not.
    """
    status, since = job.history[-1]
    return since + job.lasts[status] if status in AFTER else inf


def advanced(job: Job, now: float) -> Job:
    """
    Return the job as it is at `now`, with every transition that came due by then.
    """
    while (at := due(job)) <= now and at < inf:
        job = replace(job, history=(*job.history, (AFTER[job.status], at)))
    return job


def projected(job: Job) -> Job:
    """
    Return the job as it will end if nobody touches it.
    """
    return advanced(job, inf)


def as_of(job: Job, at: float) -> Job:
    """
    Return the job as it was at an earlier instant, for status lag.
    """
    seen = tuple(entry for entry in job.history if entry[1] <= at) or job.history[:1]
    return replace(job, history=seen)


def entered(job: Job, status: str) -> float | None:
    """
    Return when the job entered a status, or None.
    """
    return next((at for each, at in job.history if each == status), None)


def document(job: Job) -> dict[str, Any]:
    """
    Write the job as the API shows it (API reference 1.6).

    StartTime appears on entering Testing and StopTime on entering Stopped.
    """
    times = {"StartTime": entered(job, "Testing"), "StopTime": entered(job, "Stopped")}
    return {
        "JobId": job.job_id,
        "Name": job.name,
        "Description": job.description,
        "ResourceType": job.resource_type,
        "ResourceId": list(job.resource_ids),
        "JobType": job.job_type,
        "JobDuration": str(job.duration_minutes),
        "Status": job.status,
        **{name: utc(at) for name, at in times.items() if at is not None},
    }
