"""
The failover test job as a state machine in tables, without I/O.

Instants are emulated seconds since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
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
    "Aftermath",
    "Job",
    "JobDocument",
    "JobView",
    "advanced",
    "as_of",
    "document",
    "due",
    "entered",
    "moved",
    "projected",
    "view_document",
    "viewed",
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

NEXT = {"Init": "Starting", **AFTER}
RUNNING = frozenset({"Starting", "Testing", "Stopping"})
UNFINISHED = RUNNING | {"Init"}
STATUSES = sorted(UNFINISHED | {"Stopped"})


Period = tuple[float, float]


@dataclass(frozen=True)
class Aftermath:
    """
    How the resources that a pattern of IDs or types matches behave after their job.

    In each of the `periods`, in seconds since they came back, they show other `fields`, by type.
    Without fields they are down.
    """

    resource: str
    periods: tuple[Period, ...]
    fields: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def concerns(self, resource_id: str, kind: str) -> bool:
        """
        Say whether a resource is meant.
        """
        return any(fnmatchcase(each, self.resource) for each in (resource_id, kind))


@dataclass(frozen=True, kw_only=True)
class Job:
    """
    One failover test job: its parameters, and each status it entered, with the instant.

    `lasts` is the length of each passing status in seconds, `inf` for a status that is stuck.
    `touched` is the instant of the last operation on the job. `starts_at` is when a start that was
    received takes effect, `inf` for none; a `hidden` job does not exist before.
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
    aftermaths: tuple[Aftermath, ...] = ()
    starts_at: float = inf
    hidden: bool = False

    @property
    def status(self) -> str:
        """
        The current status.
        """
        return self.history[-1][0]

    @property
    def pending(self) -> bool:
        """
        Whether a start was received that has had no effect yet.
        """
        return self.status == "Init" and self.starts_at < inf

    @property
    def aftermath_ends(self) -> float:
        """
        How many seconds after its end the job's resources are themselves again.
        """
        return max((end for each in self.aftermaths for _, end in each.periods), default=0.0)

    @property
    def exists(self) -> bool:
        """
        Whether calls find the job.
        """
        return not self.hidden or self.status != "Init"


@dataclass(frozen=True)
class JobView:
    """
    A job as a call sees it; `age` is for how long it has had its own status.

    `status` is what it shows: a text, null, or empty for a document without a Status.
    """

    job: Job
    age: float
    status: tuple[str | None, ...]


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
    if status == "Init":
        return job.starts_at
    return since + job.lasts[status] if status in AFTER else inf


def advanced(job: Job, now: float) -> Job:
    """
    Return the job as of `now`, with every transition that was due by then.
    """
    while (at := due(job)) <= now and at < inf:
        job = replace(job, history=(*job.history, (NEXT[job.status], at)))
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


def viewed(job: Job, at: float) -> JobView:
    """
    Return the job as seen at an instant, with its own status.
    """
    return JobView(job, at - job.history[-1][1], (job.status,))


def view_document(view: JobView) -> Mapping[str, object]:
    """
    Write a job with the status that it shows.
    """
    written = {key: value for key, value in document(view.job).items() if key != "Status"}
    return {**written, "Status": view.status[0]} if view.status else written
