"""
The state file: jobs, answers and the clock in SQLite, so that they survive a restart and a kill.
"""

import json
import reprlib
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any

from chaosfailover.emulator.clock import LATEST, LONGEST_MINUTE, SHORTEST_MINUTE
from chaosfailover.emulator.job import AFTER, UNFINISHED, Job
from chaosfailover.emulator.resources import CIRCUIT, PEER, VBR
from chaosfailover.emulator.schema import (
    TEXT,
    TRUTH,
    Schema,
    integer,
    listing,
    number,
    one_of,
    record,
    scalar,
)

__all__ = ["Answered", "Store", "StoreError", "TokenKey"]

TokenKey = tuple[str, str, str, str]
"""
Account, region, operation and client token.
"""


@dataclass(frozen=True)
class Answered:
    """
    The answer that a client token got: for which arguments, what, and when.
    """

    fingerprint: str
    document: Mapping[str, Any]
    at: float


SCHEMA = (
    "CREATE TABLE IF NOT EXISTS jobs (job_id TEXT PRIMARY KEY, content TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, content TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY, emulated, real, minute)",
    "CREATE TABLE IF NOT EXISTS starts (id INTEGER PRIMARY KEY AUTOINCREMENT)",
    "INSERT INTO starts DEFAULT VALUES",
)


TABLES = {("table", "jobs"), ("table", "answers"), ("table", "clock"), ("table", "starts")}
LONGEST_VALUE = 10_000_000
LARGEST = 300_000_000


def _entry(value: Any, place: str) -> tuple[str, float]:
    """
    Read an entry of a job's history: a status and when it was entered.
    """
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{place} is {reprlib.repr(value)}, expected a status and an instant")
    return STATUS(value[0], place), INSTANT(value[1], place)


def _or(infinite: float, otherwise: Schema) -> Schema:
    """
    Make the schema of a number that may also be infinite.
    """
    return lambda value, place: value if value == infinite else otherwise(value, place)


INSTANT = number(0, LATEST)
STATUS = one_of(*sorted(UNFINISHED | set(AFTER.values())))
JOB = record(
    {
        "job_id": TEXT,
        "number": integer(1, 2**53),
        "account": TEXT,
        "region": TEXT,
        "name": TEXT,
        "description": TEXT,
        "resource_type": one_of(CIRCUIT, VBR, PEER),
        "resource_ids": listing(TEXT, least=1),
        "job_type": one_of("StartLater", "StartNow"),
        "duration_minutes": integer(1, 4320),
        "history": listing(_entry, least=1),
        "lasts": record({status: _or(inf, number(0)) for status in AFTER}, required=tuple(AFTER)),
        "touched": _or(-inf, INSTANT),
        "late": _or(inf, number(0)),
        "deleted": TRUTH,
    },
    required=(
        *("job_id", "number", "account", "region", "name", "description", "resource_type"),
        *("resource_ids", "job_type", "duration_minutes", "history", "lasts"),
    ),
)
ANSWER = record(
    {
        "fingerprint": TEXT,
        "document": scalar("an object", lambda value: isinstance(value, dict)),
        "at": INSTANT,
    },
    required=("fingerprint", "document", "at"),
)
CLOCK = record(
    {"emulated": INSTANT, "real": INSTANT, "minute": number(SHORTEST_MINUTE, LONGEST_MINUTE)}
)
"""
The schemas of what the file holds: somebody may have damaged it since it was written.
"""


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
        if path.exists() and not path.is_file():
            raise StoreError(f"state file {path} cannot be used: it is no file, expected one")
        try:
            self._db = sqlite3.connect(path, timeout=1.0, check_same_thread=False)
        except sqlite3.Error as exc:
            raise _unusable(path, exc) from exc
        try:
            self.starts = self._open()
        except (ArithmeticError, RecursionError, TypeError, ValueError, sqlite3.Error) as exc:
            self._db.close()
            raise _unusable(path, exc) from exc

    def _open(self) -> int:
        """
        Lock the file, see that all of it can be read, and count the start.
        """
        self._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("BEGIN EXCLUSIVE")
        self._check()
        for statement in SCHEMA:
            self._db.execute(statement)
        self.jobs(), self.answers(), self.emulated_now()
        (starts,) = self._db.execute("SELECT max(id) - 1 FROM starts").fetchone()
        self._db.commit()
        return int(starts)

    def _check(self) -> None:
        """
        Refuse a damaged database, and one of something else, before anything is written to it.
        """
        (state,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            damage = state.removeprefix("*** in database main ***")
            raise ValueError(f"the database is damaged: {damage.strip()}")
        for kind, name in self._db.execute("SELECT type, name FROM sqlite_master"):
            if not name.startswith("sqlite_") and (kind, name) not in TABLES:
                raise ValueError(f"it holds the {kind} {name!r}, which no emulator writes")

    def _rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        """
        Yield rows, as long as all of them together are no larger than a state can be.
        """
        size = 0
        for row in self._db.execute(query):
            size += sum(len(each) for each in row if isinstance(each, str | bytes)) + 1
            if size > LARGEST:
                raise ValueError(f"it holds more than {LARGEST // 1_000_000} MB, expected less")
            yield row

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
        rows = self._rows("SELECT job_id, content FROM jobs")
        return sorted((_job(*row) for row in rows), key=lambda entry: entry[0].number)

    def answers(self) -> list[tuple[TokenKey, Answered]]:
        """
        Return the answers by client token, oldest first.
        """
        rows = self._rows("SELECT key, content FROM answers")
        return sorted((_answer(*row) for row in rows), key=lambda entry: entry[1].at)

    def emulated_now(self) -> float | None:
        """
        Return what the emulated clock shows by now, or None in a new file.
        """
        row = self._db.execute("SELECT emulated, real, minute FROM clock").fetchone()
        if row is None:
            return None
        given = CLOCK(dict(zip(("emulated", "real", "minute"), row, strict=True)), "clock")
        passed = max(0.0, time.time() - given["real"])
        now = float(given["emulated"] + passed * 60.0 / given["minute"])
        if now > LATEST:
            raise ValueError(f"its clock shows {now:g} by now, expected at most {LATEST:g}")
        return now


def _unusable(path: Path, reason: Exception) -> StoreError:
    return StoreError(f"state file {path} cannot be used: {' '.join(str(reason).split())}")


def _job(job_id: Any, content: Any) -> tuple[Job, bool]:
    place = f"job {reprlib.repr(job_id)}"
    given = JOB(_decoded(content, place), place)
    if given["job_id"] != job_id:
        raise ValueError(f"{place}.job_id is {given['job_id']!r}, expected {job_id!r}")
    deleted = given.pop("deleted", False)
    return Job(**given), deleted


def _answer(key: Any, content: Any) -> tuple[TokenKey, Answered]:
    token = _token(_decoded(key, "the key of an answer"))
    place = f"the answer to {reprlib.repr(token[-1])}"
    return token, Answered(**ANSWER(_decoded(content, place), place))


def _token(given: Any) -> TokenKey:
    if not isinstance(given, list) or [type(each) for each in given] != [str] * 4:
        raise ValueError(f"the key of an answer is {reprlib.repr(given)}, expected four texts")
    account, region, operation, token = given
    return account, region, operation, token


def _decoded(content: Any, place: str) -> Any:
    try:
        return json.loads(TEXT(content, place))
    except (RecursionError, ValueError) as exc:
        raise ValueError(f"{place} is no JSON document: {exc}") from None
