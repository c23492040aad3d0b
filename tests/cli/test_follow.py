"""
`chaos failover report EVIDENCE --follow`: the page is fresh until the run has ended.
"""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_evidence import RESULTS, evidence

from chaosfailover.cli import failover
from chaosfailover.cli.follow import SILENT, GrowingEvidence
from chaosfailover.errors import ArgumentError
from chaosfailover.record import read_evidence

MOST = 10_000_000
PATIENCE = 60.0
COMMAND = [sys.executable, "-m", "chaosfailover.cli", "report", "ev.jsonl", "--follow"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(failover, ["report", *map(str, arguments)])


@contextmanager
def growing(path: Path) -> Iterator[GrowingEvidence]:
    with closing(GrowingEvidence(path)) as file:
        yield file


def title(file: GrowingEvidence) -> str:
    return str(file.evidence.journal["experiment"]["title"])


def test_file_is_read_as_it_grows(tmp_path: Path) -> None:
    """Each time only what was added, in pieces of any size, as if it were read at once."""
    content, path = evidence("stopped"), tmp_path / "ev.jsonl"
    sizes = [*range(0, len(content), 1777), len(content)]

    with growing(path) as file:
        assert not file.read(MOST)
        for size in sizes:
            path.write_bytes(content[:size])
            assert file.read(MOST) is (size > 0)
            assert not file.read(MOST)
            whole = content[: content.rfind(b"\n", 0, size) + 1]
            assert file.evidence == read_evidence(whole)


def test_torn_line_is_read_at_the_end(tmp_path: Path) -> None:
    """A line without its line break may still grow, unless nothing more comes."""
    path = tmp_path / "ev.jsonl"
    path.write_bytes(evidence("ended").removesuffix(b"\n"))

    with growing(path) as file:
        file.read(MOST)
        assert not file.evidence.is_whole
        file.end()
        assert file.evidence.is_whole


def test_file_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    """Another file of the name, or one that was begun anew, is another run."""
    path, other = tmp_path / "ev.jsonl", tmp_path / "other.jsonl"
    titles = []
    with growing(path) as file:
        for name in ("one", "two"):
            other.write_bytes(evidence("stopped", title=name))
            other.replace(path)
            file.read(MOST)
            titles.append(title(file))
        path.write_bytes(evidence("ready", title="three"))
        file.read(MOST)
        titles.append(title(file))

    assert titles == ["one", "two", "three"]


def test_file_that_is_removed_is_still_read(tmp_path: Path) -> None:
    """The evidence of a rehearsal that held is removed as soon as it has ended."""
    content, path = evidence("ended"), tmp_path / "ev.jsonl"
    path.write_bytes(content[:-100])
    with growing(path) as file, path.open("ab") as writer:
        file.read(MOST)
        path.unlink()
        writer.write(content[-100:])
        writer.flush()
        file.read(MOST)

        assert file.has_ended()


def aged(path: Path) -> None:
    old = time.time() - SILENT - 1
    os.utime(path, (old, old))


def test_run_that_writes_nothing_goes_on_while_it_holds_its_lock(tmp_path: Path) -> None:
    """A run without targets may have nothing to write for hours; who is dead holds no lock."""
    path = tmp_path / "ev.jsonl"
    path.write_bytes(evidence("recovered"))
    with growing(path) as file, path.open("ab") as writer:
        file.read(MOST)
        new = file.has_ended()
        aged(path)
        fcntl.flock(writer, fcntl.LOCK_EX | fcntl.LOCK_NB)
        silent = file.has_ended()
        fcntl.flock(writer, fcntl.LOCK_UN)
        dead = file.has_ended()
        fcntl.flock(writer, fcntl.LOCK_EX | fcntl.LOCK_NB)

    assert (new, silent, dead) == (False, False, True)


def test_run_has_ended_once_its_watchdog_told_it(tmp_path: Path) -> None:
    """At once, save that whoever writes may go on."""
    path = tmp_path / "ev.jsonl"
    told = {"journal": {"failover": {"stopped": []}}, "by": "watchdog"}
    path.write_bytes(evidence("recovered", more=[(15.0, told)]))
    with growing(path) as file, path.open("ab") as writer:
        file.read(MOST)
        fcntl.flock(writer, fcntl.LOCK_EX | fcntl.LOCK_NB)
        goes_on = file.has_ended()
        fcntl.flock(writer, fcntl.LOCK_UN)

        assert (goes_on, file.has_ended()) == (False, True)
        assert file.evidence.journal["interruption"]["name"] == "watchdog"


def test_samples_alone_are_news(tmp_path: Path) -> None:
    """While a test holds, nothing else is written, and samples have no instant of their line."""
    path = tmp_path / "ev.jsonl"
    path.write_bytes(evidence("recovered"))
    aged(path)
    with growing(path) as file, path.open("ab") as writer:
        file.read(MOST)
        before = file.changed_at
        writer.write(b'{"samples":["?"],"number":16}\n')
        writer.flush()
        file.read(MOST)

        assert (file.changed_at - before).total_seconds() >= SILENT


def test_empty_file_is_no_end(tmp_path: Path) -> None:
    """Whoever made it is waited for."""
    path = tmp_path / "ev.jsonl"
    path.touch()
    aged(path)
    with growing(path) as file:
        file.read(MOST)

        assert not file.has_ended()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b'{"experiment": {}}\n', "it is no evidence of a run", id="a journal"),
        pytest.param(b"x" * 9_000_000, "it is no evidence of a run", id="a line without end"),
        pytest.param(
            b'{"journal":{"run":["%s"]},"sha256":""}\n' % (b"x" * 100_000) * 110,
            "larger than 10 MB",
            id="too large",
        ),
    ],
)
def test_what_is_no_evidence_is_not_followed(content: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "ev.jsonl"
    path.write_bytes(content)

    with growing(path) as file, pytest.raises(ArgumentError, match=problem):
        file.read(MOST)


def test_page_of_an_ended_run_is_its_report(tmp_path: Path) -> None:
    """To the letter, in the language that was asked for."""
    path, page, report = (tmp_path / name for name in ("ev.jsonl", "live.html", "report.html"))
    path.write_bytes(evidence("ended"))

    done = run(path, "--follow", "-o", page, "--language", "zh")

    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.endswith(f"{page} is written.\n")
    assert run(path, "-o", report, "--language", "zh").exit_code == 0
    assert page.read_text(encoding="utf-8") == report.read_text(encoding="utf-8")


def test_killed_run_without_a_stop_is_not_compared_with_it(tmp_path: Path) -> None:
    """Nothing was stopped: what had not settled is not known."""
    path, page = tmp_path / "ev.jsonl", tmp_path / "live.html"
    path.write_bytes(evidence("down"))
    aged(path)

    run(path, "--follow", "-o", page)

    text = page.read_text(encoding="utf-8")
    assert "not settled when the evidence ended: unknown" in text
    assert "before the stop: unknown" not in text


def test_killed_run_is_not_compared_with_a_stop_that_it_did_not_measure(tmp_path: Path) -> None:
    """Its last checks were never written: neither the RTO nor the forecast was met."""
    path, page = tmp_path / "ev.jsonl", tmp_path / "live.html"
    path.write_bytes(evidence("stopped", results={"portal": RESULTS["portal"][:150]}))
    aged(path)

    run(path, "--follow", "-o", page)

    text = page.read_text(encoding="utf-8")
    assert "not seen to settle before the stop: unknown" in text
    assert "its end was not measured: unknown" in text
    assert not re.search("as forecast|within the RTO", text)


def test_page_of_a_dead_run_is_its_report(tmp_path: Path) -> None:
    """What was seen, and that the run did not end."""
    path, page = tmp_path / "ev.jsonl", tmp_path / "live.html"
    path.write_bytes(evidence("recovered")[:-9])
    aged(path)

    done = run(path, "--follow", "-o", page)

    assert done.exit_code == 0
    assert "The evidence ends at" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["ev.jsonl", "--follow"], id="no page"),
        pytest.param(["--follow", "-o", "p.html"], id="no evidence"),
        pytest.param(["a.jsonl", "b.jsonl", "--follow", "-o", "p.html"], id="two files"),
        pytest.param(["a.jsonl", "--follow", "-o", "p.md"], id="no page by its suffix"),
        pytest.param(["a.jsonl", "--follow", "-o", "p", "--format", "json"], id="another format"),
        pytest.param(["a.jsonl", "--follow", "-o", "p.html", "--verify"], id="verify"),
        pytest.param(["--schema", "--follow", "-o", "p.html"], id="schema"),
        pytest.param(["a.jsonl", "--schema", "--follow", "-o", "p.html"], id="schema and file"),
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    """One evidence file, and one page."""
    done = run(*arguments)

    assert done.exit_code == 2
    assert "--follow takes one evidence file and the page to write" in done.stderr


def test_failures_are_one_line(tmp_path: Path) -> None:
    """A journal is not followed, and a report that cannot be written is an error."""
    journal, whole = tmp_path / "journal.json", tmp_path / "ev.jsonl"
    journal.write_text(json.dumps({"experiment": {}}) + "\n", encoding="utf-8")
    whole.write_bytes(evidence("ended"))

    wrong = run(journal, "--follow", "-o", tmp_path / "p.html")
    unwritten = run(whole, "--follow", "-o", journal / "p.html")

    assert wrong.exit_code == unwritten.exit_code == 1
    assert wrong.stderr.splitlines() == [
        f"Error: {journal} is not followed: it is no evidence of a run, which --follow reads"
    ]
    assert unwritten.stderr.splitlines()[1:] == [f"Error: {journal}: File exists"]


def test_file_that_is_there_is_followed(tmp_path: Path) -> None:
    path, page = tmp_path / "ev.jsonl", tmp_path / "p.html"
    path.write_bytes(evidence("ended"))

    done = run(path, "--follow", "-o", page)

    assert done.stderr.splitlines()[0] == f"{page} follows {path}; Ctrl-C ends this, not the run."


def test_home_that_no_shell_expanded_is_refused(tmp_path: Path) -> None:
    """Else a folder named `~` would be made."""
    done = run(tmp_path / "ev.jsonl", "--follow", "-o", "~/p.html")

    assert done.exit_code == 2
    assert "FILE is '~/p.html', expected a name without ~" in done.stderr


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def seen(page: Path) -> str:
    found = re.search("<title>(.*?)</title>", page.read_text("utf-8")) if page.exists() else None
    return found[1] if found else ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_follows_until_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    """It waits for the evidence, says once that it cannot write, and leaves the page as it is."""
    folder, path = tmp_path / "folder", tmp_path / "ev.jsonl"
    page = folder / "p.html"
    folder.write_text("no folder", encoding="utf-8")
    with subprocess.Popen(
        [*COMMAND, "-o", str(page)], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        begun, warning = process.stderr.readline(), process.stderr.readline()
        folder.unlink()
        wait_until(lambda: seen(page) == "Waiting for the run")
        path.write_bytes(evidence("testing"))
        wait_until(lambda: seen(page).startswith("The test cuts \u00b7 REHEARSAL"))
        process.send_signal(number)
        code, rest = process.wait(PATIENCE), process.stderr.read()

    assert (code, rest) == (0, "")
    assert begun == f"{page} waits for ev.jsonl; Ctrl-C ends this, not the run.\n"
    assert warning.startswith(f"Warning: {page} cannot be written: ")
    assert seen(page).startswith("The test cuts")
    assert [*folder.iterdir()] == [page]
