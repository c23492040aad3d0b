"""
The state file: jobs, answers and the clock in SQLite, so that they survive a restart and a kill.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from math import inf
from pathlib import Path
from typing import Any

from chaosfailover.emulator.jobs import Job

__all__ = ["Store", "StoreError"]

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS jobs (job_id TEXT PRIMARY KEY, content TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, content TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY, emulated, real, minute)",
)


class StoreError(OSError):
    """
    A state file that cannot be used; the message names it.
    """


class Store:
    """
    One state file, held exclusively. Nothing is lost that was committed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(path, timeout=1.0, check_same_thread=False)
        except sqlite3.Error as exc:
            raise StoreError(f"state file {path} cannot be used: {exc}") from exc
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("BEGIN EXCLUSIVE")
            for statement in SCHEMA:
                self._db.execute(statement)
            self._db.commit()
        except sqlite3.Error as exc:
            self._db.close()
            raise StoreError(f"state file {path} cannot be used: {exc}") from exc

    def commit(self) -> None:
        """
        Make everything since the last commit last.
        """
        self._db.commit()

    def close(self) -> None:
        """
        Close the file; idempotent.
        """
        self._db.close()

    def put_job(self, job: Job, *, deleted: bool = False) -> None:
        """
        Write a job; a deleted one may have something to bring back yet.
        """
        content = json.dumps({**asdict(job), "deleted": deleted})
        self._db.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?)", (job.job_id, content))

    def delete_job(self, job_id: str) -> None:
        """
        Delete a job.
        """
        self._db.execute("DELETE FROM jobs WHERE job_id = ?", (job_id,))

    def put_answer(self, key: tuple[str, ...], answer: Mapping[str, Any]) -> None:
        """
        Write the answer that a client token got.
        """
        row = json.dumps(key), json.dumps(answer)
        self._db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", row)

    def delete_answer(self, key: tuple[str, ...]) -> None:
        """
        Delete the answer that a client token got.
        """
        self._db.execute("DELETE FROM answers WHERE key = ?", (json.dumps(key),))

    def put_clock(self, emulated: float, minute: float) -> None:
        """
        Write what the emulated clock shows now, and its speed.
        """
        row = emulated, time.time(), minute
        self._db.execute("INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?)", row)

    def clear(self) -> None:
        """
        Forget jobs and answers.
        """
        self._db.execute("DELETE FROM jobs")
        self._db.execute("DELETE FROM answers")

    def jobs(self) -> list[tuple[Job, bool]]:
        """
        Return the jobs in the order of their creation, and whether each was deleted.
        """
        rows = self._db.execute("SELECT content FROM jobs").fetchall()
        found = (_job(json.loads(each)) for (each,) in rows)
        return sorted(found, key=lambda entry: entry[0].number)

    def answers(self) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        """
        Yield the answers by client token.
        """
        for key, content in self._db.execute("SELECT key, content FROM answers").fetchall():
            yield tuple(json.loads(key)), json.loads(content)

    def emulated_now(self) -> float | None:
        """
        Return what the emulated clock shows by now, or None in a new file.
        """
        row = self._db.execute("SELECT emulated, real, minute FROM clock").fetchone()
        if row is None:
            return None
        emulated, real, minute = row
        return float(emulated + max(0.0, time.time() - real) * 60.0 / minute)


def _job(content: dict[str, Any]) -> tuple[Job, bool]:
    deleted = bool(content.pop("deleted", False))
    tuples = {
        "resource_ids": tuple(content["resource_ids"]),
        "history": tuple((status, at) for status, at in content["history"]),
        "touched": content.get("touched", -inf),
    }
    return Job(**{**content, **tuples}), deleted
