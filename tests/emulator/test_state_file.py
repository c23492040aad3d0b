"""
State files that were damaged, or never were any: one line that says what is wrong, and no change.
"""

import contextlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from chaosfailover.emulator import Emulator, state_file
from chaosfailover.emulator.state_file import StateFileError

CREATE = {
    "Action": "CreateFailoverTestJob",
    "Version": "2016-04-28",
    "Format": "JSON",
    "RegionId": "cn-hangzhou",
    "ResourceType": "PHYSICALCONNECTION",
    "ResourceId.1": "pc-rehearsal-a",
    "JobType": "StartNow",
    "JobDuration": "5",
    "ClientToken": "token",
}
DAMAGED = ("database disk image is malformed", "the database is damaged: ")
MEMORY = 1_000_000_000
SECONDS = 60


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """
    A state file with a job, an answer and a clock, as an emulator leaves it.
    """
    path = tmp_path / "state.db"
    emulator = Emulator(auth=False, state=path)
    assert emulator.handle("POST", f"/?{urlencode(CREATE)}").status == 200
    emulator.stop()
    return path


def reason(path: Path) -> str:
    """
    Return what is said of a file that cannot be used, after its name; it is one line.
    """
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(StateFileError) as caught:
        Emulator(auth=False, state=path)
    said = str(caught.value)

    assert said.startswith(f"state file {path} cannot be used: ")
    assert len(said.splitlines()) == 1
    assert len(said) < 400
    assert (path.read_bytes() if path.is_file() else b"") == before
    return said.removeprefix(f"state file {path} cannot be used: ")


def execute(path: Path, statement: str, *values: Any) -> None:
    """
    Change a database.
    """
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(statement, values)
        database.commit()


def change_job(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """
    Change the document of the only job.
    """
    with contextlib.closing(sqlite3.connect(path)) as database:
        ((content,),) = database.execute("SELECT content FROM jobs").fetchall()
        job = json.loads(content)
        change(job)
        database.execute("UPDATE jobs SET content = ?", (json.dumps(job),))
        database.commit()


def test_what_an_emulator_leaves_can_be_used(state: Path) -> None:
    emulator = Emulator(auth=False, state=state)
    (job,) = emulator.cloud.ledger.everything()
    emulator.stop()

    assert job.status in ("Starting", "Testing")


LASTING = [
    {"fault": "stays-down"},
    {"fault": "stuck-starting"},
    {"fault": "flaps", "count": 1},
    {"fault": "odd-return", "fields": {"BGPPEER": {"BgpStatus": "Idle"}}},
]


@pytest.mark.parametrize("late", LASTING)
def test_what_lasts_for_ever_can_be_used(late: dict[str, Any], tmp_path: Path) -> None:
    """JSON has no infinity of its own, and the file holds some."""
    path = tmp_path / "state.db"
    emulator = Emulator(auth=False, state=path)
    emulator.handle("POST", "/_emulator/faults", body=json.dumps(late).encode())
    emulator.handle("POST", f"/?{urlencode(CREATE)}")
    (before,) = emulator.cloud.ledger.everything()
    emulator.stop()
    again = Emulator(auth=False, state=path)
    (after,) = again.cloud.ledger.everything()
    again.stop()

    assert after == before


INF, NAN = float("inf"), float("nan")


def late(seconds: float) -> dict[str, object]:
    """
    Write how a job's resources come back late.
    """
    return {"resource": "*", "periods": [[0, seconds]]}


FIELDS = [
    ("job_id", None, "job_id is None, expected text"),
    ("job_id", "ftj-other", "job_id is 'ftj-other', expected 'ftj-"),
    ("number", None, "number is None, expected a whole number from 1 to"),
    ("number", 1e308, "number is 1e+308, expected a whole number"),
    ("number", "1", "number is '1', expected a whole number"),
    ("number", 10**300, "number is 1000"),
    ("account", [], "account is [], expected text"),
    ("region", {"a": 1}, "region is {'a': 1}, expected text"),
    ("name", None, "name is None, expected text"),
    ("resource_type", "ROUTER", "resource_type is 'ROUTER', expected one of PHYSICALCONNECTION"),
    ("resource_ids", None, "resource_ids is None, expected a list of 1 or more"),
    ("resource_ids", [None], "resource_ids[0] is None, expected text"),
    ("resource_ids", 5, "resource_ids is 5, expected a list"),
    ("job_type", True, "job_type is True, expected one of StartLater, StartNow"),
    (
        "duration_minutes",
        1e308,
        "duration_minutes is 1e+308, expected a whole number from 1 to 4320",
    ),
    ("duration_minutes", INF, "duration_minutes is inf, expected a whole number"),
    ("duration_minutes", NAN, "duration_minutes is nan, expected a whole number"),
    ("history", None, "history is None, expected a list of 1 or more"),
    ("history", [], "history is [], expected a list of 1 or more"),
    ("history", [["Init", 1e308]], "history[0] is 1e+308, expected a number from 0 to"),
    ("history", [["Init", INF]], "history[0] is inf, expected a number from 0 to"),
    ("history", [["Init", NAN]], "history[0] is nan, expected a number from 0 to"),
    ("history", [["Init", -1e308]], "history[0] is -1e+308, expected a number from 0 to"),
    ("history", [["Init", None]], "history[0] is None, expected a number from 0 to"),
    ("history", [["Running", 1]], "history[0] is 'Running', expected one of Init,"),
    ("history", [["Init"]], "history[0] is ['Init'], expected a status and an instant"),
    ("history", [None], "history[0] is None, expected a status and an instant"),
    ("lasts", None, "lasts needs Starting"),
    ("lasts", {}, "lasts needs Starting"),
    (
        "lasts",
        {"Starting": 1e308, "Testing": 1, "Stopping": 1},
        "lasts.Starting is 1e+308, expected",
    ),
    ("lasts", {"Starting": NAN, "Testing": 1, "Stopping": 1}, "lasts.Starting is nan, expected"),
    ("lasts", {"Starting": 1, "Testing": None, "Stopping": 1}, "lasts.Testing is None, expected"),
    ("lasts", {"Begun": 1}, "lasts has no 'Begun'"),
    ("touched", "soon", "touched is 'soon', expected a number"),
    ("touched", INF, "touched is inf, expected a number from 0 to"),
    ("aftermaths", [late(1e308)], "aftermaths[0].periods[0] is 1e+308, expected a number from 0"),
    ("aftermaths", [late(-INF)], "aftermaths[0].periods[0] is -inf, expected a number"),
    ("aftermaths", [{"resource": "*"}], "aftermaths[0] needs periods"),
    ("aftermaths", [{"resource": "*", "periods": [7]}], "periods[0] is 7, expected a begin and an"),
    ("starts_at", "soon", "starts_at is 'soon', expected a number"),
    ("starts_at", -INF, "starts_at is -inf, expected a number from 0 to"),
    ("hidden", 1, "hidden is 1, expected true or false"),
    ("deleted", "no", "deleted is 'no', expected true or false"),
    ("colour", "red", "has no 'colour'"),
]


@pytest.mark.parametrize(("field", "value", "says"), FIELDS)
def test_a_damaged_field_is_named(field: str, value: Any, says: str, state: Path) -> None:
    change_job(state, lambda job: job.update({field: value}))

    assert says in reason(state)


@pytest.mark.parametrize("field", ["number", "account", "resource_ids", "history", "lasts"])
def test_a_field_that_is_lost_is_named(field: str, state: Path) -> None:
    change_job(state, lambda job: job.pop(field))

    assert f" needs {field}" in reason(state)


@pytest.mark.parametrize("table", ["jobs", "replies"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("null", "needs "),
        ("7", "is 7, expected names and values"),
        ("1e308", "is 1e+308, expected names and values"),
        ("[]", "is [], expected names and values"),
        ("true", "is True, expected names and values"),
        ('"text"', "is 'text', expected names and values"),
        ("{}", "needs "),
        ('{"a"', "is not a JSON document: "),
        ("", "is not a JSON document: "),
        ("[" * 100_000, "is not a JSON document: "),
        ("9" * 5000, "is not a JSON document: Exceeds the limit"),
        (b"\x00\xff", "expected text"),
    ],
)
def test_a_damaged_document_is_named(
    table: str, content: str | bytes, says: str, state: Path
) -> None:
    execute(state, f"UPDATE {table} SET content = ?", content)  # noqa: S608 - our own

    said = reason(state)

    assert said.startswith(("job 'ftj-", "the reply to 'token'"))
    assert says in said


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("null", "the key of a reply is None, expected four texts"),
        ('["a", "b", "c"]', "the key of a reply is ['a', 'b', 'c'], expected four texts"),
        ('["a", "b", "c", null]', "expected four texts"),
        ('{"a": 1, "b": 2, "c": 3, "d": 4}', "expected four texts"),
        ("[", "the key of a reply is not a JSON document"),
    ],
)
def test_a_damaged_key_is_named(key: str, says: str, state: Path) -> None:
    execute(state, "UPDATE replies SET key = ?", key)

    assert says in reason(state)


@pytest.mark.parametrize("at", [None, 1e308, INF, -INF, NAN, "soon"])
def test_a_damaged_answer_is_named(at: Any, state: Path) -> None:
    content = json.dumps({"fingerprint": "f", "document": {}, "at": at})
    execute(state, "UPDATE replies SET content = ?", content)

    assert "the reply to 'token'.at is " in reason(state)


@pytest.mark.parametrize("value", ["NULL", "1e308", "1e400", "-1e400", "'soon'", "x'00'", "-1"])
@pytest.mark.parametrize("column", ["emulated", "real", "minute"])
def test_a_damaged_clock_is_named(column: str, value: str, state: Path) -> None:
    execute(state, f"UPDATE clock SET {column} = {value}")  # noqa: S608 - our own

    assert reason(state).startswith(f"clock.{column} is ")


def test_a_clock_that_has_run_away_is_named(state: Path) -> None:
    execute(state, "UPDATE clock SET real = 0, minute = 0.001")

    assert reason(state).startswith("its clock shows ")


@pytest.mark.parametrize("minute", ["0", "1e-300", "1e300"])
def test_a_damaged_speed_is_named(minute: str, state: Path) -> None:
    execute(state, f"UPDATE clock SET minute = {minute}")  # noqa: S608 - our own

    assert "expected a number from 0.001 to 86400" in reason(state)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_that_was_cut_off_is_refused(share: float, state: Path) -> None:
    content = state.read_bytes()
    state.write_bytes(content[: int(len(content) * share)])

    assert reason(state).startswith(DAMAGED)


def test_a_file_whose_pages_are_damaged_is_refused(state: Path) -> None:
    content = bytearray(state.read_bytes())
    for at in range(4096, len(content), 64):
        content[at : at + 8] = b"\xff" * 8
    state.write_bytes(content)

    assert reason(state).startswith(DAMAGED)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"null", id="null"),
        pytest.param(b"not a database " * 100, id="text"),
        pytest.param(b"{}", id="JSON"),
        pytest.param(bytes(8192), id="zeros"),
        pytest.param(b"SQLite format 3\x00" + b"\xff" * 5000, id="only the beginning of one"),
    ],
)
def test_a_file_that_is_no_database_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(content)

    assert reason(path) in ("file is not a database", "database disk image is malformed")


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "bookmarks.db"
    execute(path, "CREATE TABLE bookmarks (url TEXT)")

    assert reason(path) == "it holds the table 'bookmarks', which no emulator writes"


def test_a_state_beyond_all_measure_is_refused(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_file, "LARGEST", 300)

    assert reason(state) == "it holds more than 0 MB, expected less"


def test_a_view_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, i FROM n"
    execute(path, f"CREATE VIEW jobs(job_id, content) AS {endless}")

    assert reason(path) == "it holds the view 'jobs', which no emulator writes"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    assert [reason(path) for path in (tmp_path, pipe, Path("/dev/zero"))] == [
        "it is not a file"
    ] * 3


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        pytest.param(
            "INSERT INTO jobs VALUES ('ftj-x', zeroblob(50000000))", "too big", id="one huge value"
        ),
        pytest.param(
            "INSERT INTO jobs WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < 40) SELECT i, CAST(zeroblob(9000000) AS TEXT) FROM n",
            "is not a JSON document",
            id="many large ones",
        ),
    ],
)
def test_a_huge_file_takes_little_memory_and_time(statement: str, says: str, state: Path) -> None:
    execute(state, statement)
    done = command(state)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        f"python -m chaosfailover.emulator: state file {state} cannot be used: "
    )
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE jobs SET content = 'null'",
        "UPDATE replies SET content = 'null'",
        "UPDATE clock SET emulated = 1e308",
        "UPDATE clock SET minute = 1e400",
        "UPDATE jobs SET content = replace(content, '_minutes\": 5', '_minutes\": 1e400')",
        "UPDATE jobs SET content = replace(content, 's_at\": Infinity', 's_at\": NaN')",
    ],
)
def test_the_command_ends_with_one_line(damage: str, state: Path) -> None:
    execute(state, damage)
    done = command(state)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        f"python -m chaosfailover.emulator: state file {state} cannot be used: "
    )
    assert len(done.stderr.splitlines()) == 1


def command(state: Path) -> subprocess.CompletedProcess[str]:
    """
    Start the emulator on a state file, with little memory.
    """
    return subprocess.run(
        [sys.executable, "-m", "chaosfailover.emulator", "--state", str(state), "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )


def test_the_clock_ends_with_the_calendar() -> None:
    """Beyond the year 9999 the API has no dates, and a state file could not be used again."""
    emulator = Emulator(auth=False)
    emulator.cloud.clock.set(253402300000.0)
    advance = json.dumps({"advance": 3600}).encode()
    reply = emulator.handle("POST", "/_emulator/clock", body=advance)

    assert reply.status == 400
    assert b"cannot advance the clock by 3600 s, beyond the year 9999" in reply.body
