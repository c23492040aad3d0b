"""
The stages of a call at which faults act.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from chaosfailover.emulator.error_codes import Refusal
from chaosfailover.emulator.job import Job, JobView
from chaosfailover.emulator.wire import Reply

__all__ = [
    "ANSWERING",
    "BEFORE",
    "DELAY",
    "DOCUMENT",
    "FIND",
    "JOB",
    "REPLY",
    "SHOW",
    "VIEW",
    "Document",
    "JobViews",
    "Stage",
]

T = TypeVar("T")
Document = Mapping[str, object]
JobViews = tuple[JobView, ...]


@dataclass(frozen=True)
class Stage(Generic[T]):
    """
    A point of a call at which faults act, on a subject of type T.
    """

    name: str


BEFORE = Stage[Reply | Refusal | None]("before")  # in place of the operation, which does nothing
FIND = Stage[JobViews]("find")  # the jobs that a call finds
JOB = Stage[Job]("job")  # a job that starts or stops
VIEW = Stage[float]("view")  # the lag of what a Describe call sees
SHOW = Stage[JobViews]("show")  # the statuses that a Describe call shows, and filters by
DOCUMENT = Stage[Document]("document")
REPLY = Stage[Reply | Refusal]("reply")  # after the effect
DELAY = Stage[Reply]("delay")  # of any reply
ANSWERING: tuple[Stage[Any], ...] = (BEFORE, REPLY)
"""
The stages at which only one fault acts on a call.

After a fault BEFORE none acts on the REPLY, save on an `answer`, which stands for the service's own
reply.
"""
