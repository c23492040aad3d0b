"""
The ledger: the failover test jobs, and the replies that client tokens got.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import takewhile
from math import inf

from chaosfailover.emulator.job import RUNNING, Job, advanced, entered
from chaosfailover.emulator.state_file import StateFile, TokenKey, TokenReply

__all__ = ["Ledger"]

REMEMBERED = 7 * 86400.0


class Ledger:
    """
    Jobs by ID in the order of their creation, and replies by client token.

    A job is `live` from its start until its resources are back and have settled. A job whose start
    has had no effect yet is live, too.
    """

    def __init__(self, state_file: StateFile | None = None) -> None:
        self._state_file = state_file
        self._jobs: dict[str, Job] = {}
        self._ids: dict[tuple[str, str], dict[str, None]] = {}
        self._live: dict[str, Job] = {}
        self._past: deque[Job] = deque()
        self._replies: dict[TokenKey, TokenReply] = {}
        self._number = 0
        if state_file:
            self._load(state_file)

    def _load(self, state_file: StateFile) -> None:
        for job, deleted in state_file.jobs():
            self._number = job.number
            if job.status != "Init" or job.pending:
                self._live[job.job_id] = job
            if not deleted:
                self._keep(job)
        self._replies.update(state_file.replies())

    def next_number(self) -> int:
        """
        Return the number of the next job.
        """
        self._number += 1
        return self._number

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    def save(self, job: Job) -> None:
        """
        Store a new job, or a job's new state; `commit` writes it to the state file.
        """
        self._keep(job)
        if self._state_file:
            self._state_file.put_job(job)

    def commit(self) -> None:
        """
        Commit all changes to the state file.
        """
        if self._state_file:
            self._state_file.commit()

    def clear(self) -> None:
        """
        Remove all jobs and replies.
        """
        for entries in (self._jobs, self._ids, self._live, self._past, self._replies):
            entries.clear()
        if self._state_file:
            self._state_file.clear()

    def _keep(self, job: Job) -> None:
        self._jobs[job.job_id] = job
        self._ids.setdefault((job.account, job.region), {})[job.job_id] = None
        if job.status in RUNNING or job.pending or job.job_id in self._live:
            self._live[job.job_id] = job

    def delete(self, job: Job) -> None:
        """
        Remove a job; it stays `live` until its resources are back, unless it never started.
        """
        if job.status == "Init":
            self._live.pop(job.job_id, None)
        del self._jobs[job.job_id]
        del self._ids[job.account, job.region][job.job_id]
        if self._state_file and job.job_id in self._live:
            self._state_file.put_job(job, deleted=True)
        elif self._state_file:
            self._state_file.delete_job(job.job_id)

    def find(self, account: str, region: str, job_id: str) -> Job | None:
        """
        Return a job of an account in a region, or None.
        """
        job = self._jobs.get(job_id) if job_id in self._ids.get((account, region), ()) else None
        return job if job and job.exists else None

    def of(self, account: str, region: str) -> Iterator[Job]:
        """
        Yield the account's jobs in the region, newest first.
        """
        jobs = (self._jobs[each] for each in reversed(self._ids.get((account, region), {})))
        return (job for job in jobs if job.exists)

    def running(self, region: str) -> Iterator[Job]:
        """
        Yield every account's running jobs in the region.
        """
        live = self._live.values()
        return (job for job in live if job.region == region and job.status in RUNNING)

    def everything(self) -> Iterator[Job]:
        """
        Yield all jobs.
        """
        return iter(self._jobs.values())

    def refresh(self, now: float, settled: float, may_start: Callable[[Job], bool]) -> None:
        """
        Advance every job to `now`; jobs restored `settled` seconds ago leave `live`.

        A start that takes effect late is checked again at that instant.
        """
        while due := [job for job in self._live.values() if job.pending and job.starts_at <= now]:
            job = min(due, key=lambda each: (each.starts_at, each.number))
            self._advance(job.starts_at, settled)
            if may_start(job):
                self.save(advanced(job, job.starts_at))
            else:
                del self._live[job.job_id]
                self.save(replace(job, starts_at=inf))
        self._advance(now, settled)

    def _advance(self, now: float, settled: float) -> None:
        for before in tuple(self._live.values()):
            job = before if before.pending else advanced(before, now)
            if job is not before:
                self._keep(job)
            if _is_settled(job, now - settled):
                self._settle(job)
        while self._past and self._past[0].history[-1][1] < now - REMEMBERED:
            self._past.popleft()

    def _settle(self, job: Job) -> None:
        self._past.append(self._live.pop(job.job_id))
        if self._state_file and job.job_id not in self._jobs:
            self._state_file.delete_job(job.job_id)

    def live(self) -> tuple[Job, ...]:
        """
        Return the jobs whose resources are down, or were down lately.
        """
        return tuple(self._live.values())

    def past(self) -> tuple[Job, ...]:
        """
        Return the jobs of the last days that are not live any more, deleted ones included.
        """
        return tuple(self._past)

    def token_reply(self, key: TokenKey, since: float) -> TokenReply | None:
        """
        Return the reply that a client token got, unless it is older than `since`.
        """
        reply = self._replies.get(key)
        return reply if reply and reply.at >= since else None

    def remember(self, key: TokenKey, reply: TokenReply, since: float) -> None:
        """
        Store the reply that a client token got, and remove those older than `since`.
        """
        for old in [key, *takewhile(lambda each: self._replies[each].at < since, self._replies)]:
            if self._replies.pop(old, None) and self._state_file:
                self._state_file.delete_reply(old)
        self._replies[key] = reply
        if self._state_file:
            self._state_file.put_reply(key, reply)


def _is_settled(job: Job, before: float) -> bool:
    ended = entered(job, "Stopped")
    return ended is not None and ended + job.aftermath_ends < before
