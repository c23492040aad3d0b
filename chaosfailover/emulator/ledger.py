"""
The ledger: the failover test jobs, and the replies that client tokens got.
"""

from collections.abc import Iterator
from itertools import takewhile

from chaosfailover.emulator.job import RUNNING, Job, advanced, entered
from chaosfailover.emulator.state_file import StateFile, TokenKey, TokenReply

__all__ = ["Ledger"]


class Ledger:
    """
    Jobs by ID in the order of their creation, and replies by client token.

    A job is `live` from its start until its resources are back and have settled.
    """

    def __init__(self, state_file: StateFile | None = None) -> None:
        self._state_file = state_file
        self._jobs: dict[str, Job] = {}
        self._ids: dict[tuple[str, str], dict[str, None]] = {}
        self._live: dict[str, Job] = {}
        self._replies: dict[TokenKey, TokenReply] = {}
        self._number = 0
        if state_file:
            self._load(state_file)

    def _load(self, state_file: StateFile) -> None:
        for job, deleted in state_file.jobs():
            self._number = job.number
            if job.status != "Init":
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
        for entries in (self._jobs, self._ids, self._live, self._replies):
            entries.clear()
        if self._state_file:
            self._state_file.clear()

    def _keep(self, job: Job) -> None:
        self._jobs[job.job_id] = job
        self._ids.setdefault((job.account, job.region), {})[job.job_id] = None
        if job.status in RUNNING or job.job_id in self._live:
            self._live[job.job_id] = job

    def delete(self, job: Job) -> None:
        """
        Remove a job; it stays `live` until its resources are back.
        """
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
        return self._jobs.get(job_id) if job_id in self._ids.get((account, region), ()) else None

    def of(self, account: str, region: str) -> Iterator[Job]:
        """
        Yield the account's jobs in the region, newest first.
        """
        return (self._jobs[each] for each in reversed(self._ids.get((account, region), {})))

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

    def refresh(self, now: float, settled: float) -> None:
        """
        Advance every job to `now`; jobs restored `settled` seconds ago leave `live`.
        """
        for before in tuple(self._live.values()):
            job = advanced(before, now)
            if job is not before:
                self._keep(job)
            ended = entered(job, "Stopped")
            if ended is not None and ended + job.late < now - settled:
                del self._live[job.job_id]
                if self._state_file and job.job_id not in self._jobs:
                    self._state_file.delete_job(job.job_id)

    def live(self) -> tuple[Job, ...]:
        """
        Return the jobs whose resources are down, or were down lately.
        """
        return tuple(self._live.values())

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
