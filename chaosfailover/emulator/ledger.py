"""
What the cloud remembers: the jobs, and the answers given to client tokens.
"""

from collections.abc import Iterator
from itertools import takewhile

from chaosfailover.emulator.job import RUNNING, Job, advanced, entered
from chaosfailover.emulator.store import Answered, Store, TokenKey

__all__ = ["Ledger"]


class Ledger:
    """
    Jobs by ID in the order of their creation, and answers by client token.
    """

    def __init__(self, store: Store | None = None) -> None:
        self._store = store
        self._jobs: dict[str, Job] = {}
        self._ids: dict[tuple[str, str], dict[str, None]] = {}
        self._live: dict[str, Job] = {}
        self._answers: dict[TokenKey, Answered] = {}
        self._number = 0
        if store:
            self._load(store)

    def _load(self, store: Store) -> None:
        for job, deleted in store.jobs():
            self._number = job.number
            if job.status != "Init":
                self._live[job.job_id] = job
            if not deleted:
                self._keep(job)
        self._answers.update(store.answers())

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
        Keep a new job, or a job's new state, until `commit` makes it last.
        """
        self._keep(job)
        if self._store:
            self._store.put_job(job)

    def commit(self) -> None:
        """
        Make all changes so far last.
        """
        if self._store:
            self._store.commit()

    def clear(self) -> None:
        """
        Forget everything.
        """
        for kept in (self._jobs, self._ids, self._live, self._answers):
            kept.clear()
        if self._store:
            self._store.clear()

    def _keep(self, job: Job) -> None:
        self._jobs[job.job_id] = job
        self._ids.setdefault((job.account, job.region), {})[job.job_id] = None
        if job.status in RUNNING or job.job_id in self._live:
            self._live[job.job_id] = job

    def delete(self, job: Job) -> None:
        """
        Forget a job; what it cut stays `live` until it has come back.
        """
        del self._jobs[job.job_id]
        del self._ids[job.account, job.region][job.job_id]
        if self._store and job.job_id in self._live:
            self._store.put_job(job, deleted=True)
        elif self._store:
            self._store.delete_job(job.job_id)

    def find(self, account: str, region: str, job_id: str) -> Job | None:
        """
        Return a job that this account has in this region, or None.
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
        Bring every job to `now`; jobs restored more than `settled` seconds ago leave `live`.
        """
        for before in tuple(self._live.values()):
            job = advanced(before, now)
            if job is not before:
                self._keep(job)
            if _is_settled(job, now - settled):
                self._settle(job)

    def _settle(self, job: Job) -> None:
        del self._live[job.job_id]
        if self._store and job.job_id not in self._jobs:
            self._store.delete_job(job.job_id)

    def live(self) -> tuple[Job, ...]:
        """
        Return the jobs that cut something, or did so lately.
        """
        return tuple(self._live.values())

    def answered(self, key: TokenKey, since: float) -> Answered | None:
        """
        Return the answer that a client token got, unless it is older than `since`.
        """
        found = self._answers.get(key)
        return found if found and found.at >= since else None

    def remember(self, key: TokenKey, answer: Answered, since: float) -> None:
        """
        Keep the answer that a client token got, and forget those older than `since`.
        """
        for old in [key, *takewhile(lambda each: self._answers[each].at < since, self._answers)]:
            if self._answers.pop(old, None) and self._store:
                self._store.delete_answer(old)
        self._answers[key] = answer
        if self._store:
            self._store.put_answer(key, answer)


def _is_settled(job: Job, before: float) -> bool:
    ended = entered(job, "Stopped")
    return ended is not None and ended + job.late < before
