"""
The state file: jobs, replies to client tokens and the clock in SQLite.

They survive a restart, and a kill at any moment.
"""

import json
import reprlib
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Annotated, Any

from chaosfailover.emulator.clock import LATEST, LONGEST_MINUTE, SHORTEST_MINUTE
from chaosfailover.emulator.job import AFTER, STATUSES, Aftermath, Job, Period
from chaosfailover.emulator.resource_fields import OVERLAYS
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
    record_of,
    scalar,
)

__all__ = ["StateFile", "StateFileError", "TokenKey", "TokenReply"]

TokenKey = tuple[str, str, str, str]
"""
Account, region, operation and client token.
"""


INSTANT = number(0, LATEST)
DOCUMENT = scalar("an object", lambda value: value if isinstance(value, dict) else None)


@dataclass(frozen=True)
class TokenReply:
    """
    The reply that a client token got: for which arguments, and when.
    """

    fingerprint: Annotated[str, TEXT]
    document: Annotated[Mapping[str, object], DOCUMENT]
    at: Annotated[float, INSTANT]


SCHEMA = (
    "CREATE TABLE IF NOT EXISTS jobs (job_id TEXT PRIMARY KEY, content TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, content TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY, emulated, real, minute)",
    "CREATE TABLE IF NOT EXISTS starts (id INTEGER PRIMARY KEY AUTOINCREMENT)",
    "INSERT INTO starts DEFAULT VALUES",
)


TABLES = {("table", "jobs"), ("table", "replies"), ("table", "clock"), ("table", "starts")}
LONGEST_VALUE = 10_000_000
LARGEST = 300_000_000


def _entry(value: object, place: str) -> tuple[str, float]:
    """
    Read an entry of a job's history: a status and its instant.
    """
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{place} is {reprlib.repr(value)}, expected a status and an instant")
    return STATUS(value[0], place), INSTANT(value[1], place)


def _period(value: object, place: str) -> Period:
    """
    Read a period: when it begins and ends.
    """
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{place} is {reprlib.repr(value)}, expected a begin and an end")
    return number(0)(value[0], place), _or(inf, number(0))(value[1], place)


def _or(infinite: float, otherwise: Schema[float]) -> Schema[float]:
    """
    Make the schema of a number that may also be infinite.
    """
    return lambda value, place: infinite if value == infinite else otherwise(value, place)


def _stored(*, deleted: bool = False, **fields: Any) -> tuple[Job, bool]:
    return Job(**fields), deleted


@dataclass(frozen=True)
class StoredClock:
    """
    What the emulated clock showed at a real instant, and its speed.
    """

    emulated: Annotated[float, INSTANT]
    real: Annotated[float, INSTANT]
    minute: Annotated[float, number(SHORTEST_MINUTE, LONGEST_MINUTE)]


STATUS = one_of(*STATUSES)
AFTERMATH = record(
    Aftermath,
    {"resource": TEXT, "periods": listing(_period, least=1), "fields": OVERLAYS},
    required=("resource", "periods"),
)
JOB = record(
    _stored,
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
        "lasts": record(
            dict[str, float], {each: _or(inf, number(0)) for each in AFTER}, tuple(AFTER)
        ),
        "touched": _or(-inf, INSTANT),
        "aftermaths": listing(AFTERMATH),
        "starts_at": _or(inf, INSTANT),
        "hidden": TRUTH,
        "deleted": TRUTH,
    },
    required=(
        *("job_id", "number", "account", "region", "name", "description", "resource_type"),
        *("resource_ids", "job_type", "duration_minutes", "history", "lasts"),
    ),
)
REPLY = record_of(TokenReply)
CLOCK = record_of(StoredClock)
"""
The schemas of the rows, as the file may have been damaged.
"""


class StateFileError(OSError):
    """
    A state file that cannot be used; the message names it.
    """


class StateFile:
    """
    One state file, locked for this process. What was committed is never lost.

    `starts` counts how often it was opened before, so that each start draws IDs of its own.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not path.is_file():
            raise StateFileError(f"state file {path} cannot be used: it is not a file")
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
        Lock the file, read all of it once, and count the start.
        """
        self._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("BEGIN EXCLUSIVE")
        self._check()
        for statement in SCHEMA:
            self._db.execute(statement)
        self.jobs(), self.replies(), self.emulated_now()
        (starts,) = self._db.execute("SELECT max(id) - 1 FROM starts").fetchone()
        self._db.commit()
        return int(starts)

    def _check(self) -> None:
        """
        Refuse a damaged or foreign database before anything is written to it.
        """
        (state,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            damage = state.removeprefix("*** in database main ***")
            raise ValueError(f"the database is damaged: {damage.strip()}")
        for kind, name in self._db.execute("SELECT type, name FROM sqlite_master"):
            if not name.startswith("sqlite_") and (kind, name) not in TABLES:
                raise ValueError(f"it holds the {kind} {name!r}, which no emulator writes")

    def _rows(self, query: str) -> Iterator[tuple[object, ...]]:
        """
        Yield rows; ValueError once all of them together are larger than a state can be.
        """
        size = 0
        for row in self._db.execute(query):
            size += sum(len(each) for each in row if isinstance(each, str | bytes)) + 1
            if size > LARGEST:
                raise ValueError(f"it holds more than {LARGEST // 1_000_000} MB, expected less")
            yield row

    def commit(self) -> None:
        """
        Commit all changes.
        """
        self._db.commit()

    def close(self) -> None:
        """
        Close the file; idempotent.
        """
        self._db.close()

    def put_job(self, job: Job, *, deleted: bool = False) -> None:
        """
        Write a job; the resources of a deleted job may still be down.
        """
        content = json.dumps({**asdict(job), "deleted": deleted})
        self._db.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?)", (job.job_id, content))

    def delete_job(self, job_id: str) -> None:
        """
        Delete a job.
        """
        self._db.execute("DELETE FROM jobs WHERE job_id = ?", (job_id,))

    def put_reply(self, key: TokenKey, reply: TokenReply) -> None:
        """
        Write the reply that a client token got.
        """
        row = json.dumps(key), json.dumps(asdict(reply))
        self._db.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", row)

    def delete_reply(self, key: TokenKey) -> None:
        """
        Delete the reply that a client token got.
        """
        self._db.execute("DELETE FROM replies WHERE key = ?", (json.dumps(key),))

    def put_clock(self, emulated: float, minute: float) -> None:
        """
        Write what the emulated clock shows, and its speed.
        """
        row = emulated, time.time(), minute
        self._db.execute("INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?)", row)

    def clear(self) -> None:
        """
        Delete all jobs and replies.
        """
        self._db.execute("DELETE FROM jobs")
        self._db.execute("DELETE FROM replies")

    def jobs(self) -> list[tuple[Job, bool]]:
        """
        Return the jobs in the order of their creation, and whether each was deleted.
        """
        rows = self._rows("SELECT job_id, content FROM jobs")
        return sorted((_job(*row) for row in rows), key=lambda entry: entry[0].number)

    def replies(self) -> list[tuple[TokenKey, TokenReply]]:
        """
        Return the replies by client token, oldest first.
        """
        rows = self._rows("SELECT key, content FROM replies")
        return sorted((_reply(*row) for row in rows), key=lambda entry: entry[1].at)

    def emulated_now(self) -> float | None:
        """
        Return what the emulated clock shows now, or None for a new file.
        """
        row = self._db.execute("SELECT emulated, real, minute FROM clock").fetchone()
        if row is None:
            return None
        clock = CLOCK(dict(zip(("emulated", "real", "minute"), row, strict=True)), "clock")
        passed = max(0.0, time.time() - clock.real)
        now = clock.emulated + passed * 60.0 / clock.minute
        if now > LATEST:
            raise ValueError(f"its clock shows {now:g} by now, expected at most {LATEST:g}")
        return now


def _unusable(path: Path, reason: Exception) -> StateFileError:
    return StateFileError(f"state file {path} cannot be used: {' '.join(str(reason).split())}")


def _job(job_id: object, content: object) -> tuple[Job, bool]:
    place = f"job {reprlib.repr(job_id)}"
    job, deleted = JOB(_decoded(content, place), place)
    if job.job_id != job_id:
        raise ValueError(f"{place}.job_id is {job.job_id!r}, expected {job_id!r}")
    return job, deleted


def _reply(key: object, content: object) -> tuple[TokenKey, TokenReply]:
    token = _token(_decoded(key, "the key of a reply"))
    place = f"the reply to {reprlib.repr(token[-1])}"
    return token, REPLY(_decoded(content, place), place)


def _token(value: object) -> TokenKey:
    if not isinstance(value, list) or [type(each) for each in value] != [str] * 4:
        raise ValueError(f"the key of a reply is {reprlib.repr(value)}, expected four texts")
    account, region, operation, token = value
    return account, region, operation, token


def _decoded(content: object, place: str) -> object:
    try:
        decoded: object = json.loads(TEXT(content, place))
    except (RecursionError, ValueError) as exc:
        raise ValueError(f"{place} is not a JSON document: {exc}") from None
    return decoded
