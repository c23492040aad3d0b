"""
The failover test job as a state machine in tables, without I/O.

Instants are emulated seconds since 1970.
"""

from dataclasses import dataclass, field, replace
from math import inf
from typing import NotRequired, TypedDict

from chaosfailover.emulator.clock import utc
from chaosfailover.emulator.error_codes import refuse

__all__ = [
    "AFTER",
    "ALLOWED",
    "RUNNING",
    "STATUSES",
    "UNFINISHED",
    "Job",
    "JobDocument",
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
Operation -> status in which it is allowed -> status to which it leads.
"""

AFTER: dict[str, str] = {"Starting": "Testing", "Testing": "Stopping", "Stopping": "Stopped"}
"""
Status -> the status that follows when its time is over.
"""

REFUSED: dict[str, str] = {
    "StartFailoverTestJob": "IncorrectStatus.OnlyForInit",
    "StopFailoverTestJob": "IncorrectStatus.OnlyForTesting",
    "UpdateFailoverTestJob": "IncorrectStatus.OnlyForInit",
    "DeleteFailoverTestJob": "IncorrectStatus.OnlyForInitOrStopped",
}
"""
Operation -> the error code in every other status.
"""

RUNNING = frozenset({"Starting", "Testing", "Stopping"})
UNFINISHED = RUNNING | {"Init"}
STATUSES = sorted(UNFINISHED | {"Stopped"})


@dataclass(frozen=True, kw_only=True)
class Job:
    """
    One failover test job: its parameters, and each status it entered, with the instant.

    `lasts` is the length of each passing status in seconds, `inf` for a status that is stuck.
    `touched` is the instant of the last operation on the job. `late` is how many seconds too late
    the resources come back.
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
        The current status.
        """
        return self.history[-1][0]


class JobDocument(TypedDict):
    """
    A job as the API shows it (API reference 1.6).
    """

    JobId: str
    Name: str
    Description: str
    ResourceType: str
    ResourceId: list[str]
    JobType: str
    JobDuration: str
    Status: str
    StartTime: NotRequired[str]
    StopTime: NotRequired[str]


def moved(job: Job, operation: str, at: float) -> Job:
    """
    Return the job after an operation; raises a Refusal if its status does not allow it.
    """
    allowed = ALLOWED[operation]
    if job.status not in allowed:
        raise refuse(REFUSED[operation])
    status = allowed[job.status]
    history = job.history if status == job.status else (*job.history, (status, at))
    return replace(job, history=history, touched=at)


def due(job: Job) -> float:
    """
    Return when the job enters its next status by itself, `inf` if it never does.
    """
    status, since = job.history[-1]
    return since + job.lasts[status] if status in AFTER else inf


def advanced(job: Job, now: float) -> Job:
    """
    Return the job as of `now`, with every transition that was due by then.
    """
    while (at := due(job)) <= now and at < inf:
        job = replace(job, history=(*job.history, (AFTER[job.status], at)))
    return job


def projected(job: Job) -> Job:
    """
    Return the job as it will end without further operations.
    """
    return advanced(job, inf)


def as_of(job: Job, at: float) -> Job:
    """
    Return the job as of an earlier instant, for status lag.
    """
    history = tuple(entry for entry in job.history if entry[1] <= at) or job.history[:1]
    return replace(job, history=history)


def entered(job: Job, status: str) -> float | None:
    """
    Return when the job entered a status, or None.
    """
    return next((at for each, at in job.history if each == status), None)


def document(job: Job) -> JobDocument:
    """
    Write the job as the API shows it.
    """
    written: JobDocument = {
        "JobId": job.job_id,
        "Name": job.name,
        "Description": job.description,
        "ResourceType": job.resource_type,
        "ResourceId": list(job.resource_ids),
        "JobType": job.job_type,
        "JobDuration": str(job.duration_minutes),
        "Status": job.status,
    }
    if (started := entered(job, "Testing")) is not None:
        written["StartTime"] = utc(started)
    if (stopped := entered(job, "Stopped")) is not None:
        written["StopTime"] = utc(stopped)
    return written
