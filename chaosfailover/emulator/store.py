"""
The state file: jobs, answers and the clock in SQLite, so that they survive a restart and a kill.
"""

import json
import sqlite3
import time
from dataclasses import asdict
from math import inf
from pathlib import Path
from typing import Any

from chaosfailover.emulator.answered import Answered, TokenKey
from chaosfailover.emulator.jobs import Job

__all__ = ["Store", "StoreError"]

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS jobs (job_id TEXT PRIMARY KEY, content TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, content TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY, emulated, real, minute)",
    "CREATE TABLE IF NOT EXISTS starts (id INTEGER PRIMARY KEY AUTOINCREMENT)",
    "INSERT INTO starts DEFAULT VALUES",
)


class StoreError(OSError):
    """
    A state file that cannot be used; the message names it.
    """


class Store:
    """
    One state file, held exclusively. Nothing is lost that was committed.

    `starts` is how often it was opened before, so that no start gives the IDs of another.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(path, timeout=1.0, check_same_thread=False)
        except sqlite3.Error as exc:
            raise _unusable(path, exc) from exc
        try:
            self.starts = self._open()
        except (ArithmeticError, LookupError, TypeError, ValueError, sqlite3.Error) as exc:
            self._db.close()
            raise _unusable(path, exc) from exc

    def _open(self) -> int:
        """
        Lock the file, see that all of it can be read, and count the start.
        """
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("BEGIN EXCLUSIVE")
        for statement in SCHEMA:
            self._db.execute(statement)
        self.jobs(), self.answers(), self.emulated_now()
        (starts,) = self._db.execute("SELECT max(id) - 1 FROM starts").fetchone()
        self._db.commit()
        return int(starts)

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

    def put_answer(self, key: TokenKey, answer: Answered) -> None:
        """
        Write the answer that a client token got.
        """
        row = json.dumps(key), json.dumps(asdict(answer))
        self._db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", row)

    def delete_answer(self, key: TokenKey) -> None:
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

    def answers(self) -> list[tuple[TokenKey, Answered]]:
        """
        Return the answers by client token, oldest first.
        """
        rows = self._db.execute("SELECT key, content FROM answers").fetchall()
        found: list[tuple[TokenKey, Answered]] = []
        for key, content in rows:
            account, region, operation, token = json.loads(key)
            found.append(((account, region, operation, token), Answered(**json.loads(content))))
        return sorted(found, key=lambda entry: entry[1].at)

    def emulated_now(self) -> float | None:
        """
        Return what the emulated clock shows by now, or None in a new file.
        """
        row = self._db.execute("SELECT emulated, real, minute FROM clock").fetchone()
        if row is None:
            return None
        emulated, real, minute = row
        return float(emulated + max(0.0, time.time() - real) * 60.0 / minute)


def _unusable(path: Path, reason: Exception) -> StoreError:
    kind = "" if isinstance(reason, sqlite3.Error) else "it holds what no emulator wrote: "
    return StoreError(f"state file {path} cannot be used: {kind}{reason}")


def _job(content: dict[str, Any]) -> tuple[Job, bool]:
    deleted = bool(content.pop("deleted", False))
    tuples = {
        "resource_ids": tuple(content["resource_ids"]),
        "history": tuple((status, at) for status, at in content["history"]),
        "touched": content.get("touched", -inf),
    }
    return Job(**{**content, **tuples}), deleted
