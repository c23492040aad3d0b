"""
`chaos failover report`, as a person types it.
"""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_evidence import evidence
from made_journals import held
from places import EXPERIMENTS

from chaosfailover.cli import failover
from chaosfailover.record import make_record, schema
from chaosfailover.record.digest import verify
from chaosfailover.run.journal_entry import json_object


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal on disk."""
    path = tmp_path / "journal.json"
    path.write_text(json.dumps(held()), encoding="utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(failover, ["report", *map(str, arguments)])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param("null", "it holds NoneType, expected an object", id="null"),
        pytest.param("7", "it holds int, expected an object", id="number"),
        pytest.param("[" * 200_000, "it is nested more than 100 levels deep", id="brackets"),
        pytest.param('{"a":' * 500 + "1" + "}" * 500, "more than 100 levels deep", id="deep"),
        pytest.param(f'{{"a": {"9" * 5000}}}', "Exceeds the limit (4300 digits)", id="digits"),
        pytest.param('{"a": ', "Expecting value: line 1 column 7", id="cut off"),
        pytest.param("", "Expecting value: line 1 column 1", id="empty"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--verify"]], ids=["render", "verify"])
def test_what_is_no_journal_is_said_in_one_line(
    content: str, says: str, options: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "journal.json"
    path.write_text(content)

    done = run(path, *options)

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {path} is no journal: ")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_deepest_journal_of_a_run_is_read(tmp_path: Path) -> None:
    """What a run writes of values without end is no deeper than what is read."""
    deep: object = "x"
    for _ in range(200):
        deep = {"a": deep}
    entry = json_object({"configuration": deep, "settings": {"a": deep}})
    journal = {**json_object({"run": [{"output": deep}]}), "failover": entry}
    entry["record"] = make_record(journal)
    path = tmp_path / "journal.json"
    path.write_text(json.dumps(journal), encoding="utf-8")

    done = run(path)

    assert (done.exit_code, done.stderr) == (0, "")


def test_a_journal_without_end_is_not_read_to_the_end() -> None:
    done = run("/dev/zero")

    assert done.exit_code == 1
    assert done.stderr == (
        "Error: /dev/zero is no journal: it is larger than 300 MB, expected less\n"
    )


@pytest.mark.parametrize("form", ["html", "markdown", "json", "junit"])
@pytest.mark.parametrize("number", ["1e308", "1e400", "-1e400", "NaN", "1" + "0" * 400])
def test_numbers_beyond_all_measure_render(number: str, form: str, journal: Path) -> None:
    """Wherever one stands; what cannot be meant is only absent."""
    text = re.sub(r"(?<=[ \[])-?\d+\.\d+(?=[,\]}])", number, journal.read_text())
    assert text.count(number) > 10
    journal.write_text(text)

    done = run(journal, "--format", form)

    assert done.exit_code == 0, done.stderr


def test_html_is_the_default(journal: Path) -> None:
    """Without options, the page goes to the standard output."""
    done = run(journal)

    assert done.exit_code == 0
    assert done.stdout.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("report.html", "<!DOCTYPE html>"),
        ("report.md", "## "),
        ("report.json", "{"),
        ("report.xml", "<?xml"),
        ("report", "<!DOCTYPE html>"),
    ],
)
def test_name_of_the_file_says_the_format(journal: Path, name: str, begins: str) -> None:
    """What is written is what the name promises; that it was is said on the standard error."""
    output = journal.with_name(name)

    done = run(journal, "-o", output)

    assert done.exit_code == 0
    assert (done.stdout, done.stderr) == ("", f"{output} is written.\n")
    assert output.read_text(encoding="utf-8").startswith(begins)


def test_format_goes_before_the_name(journal: Path) -> None:
    """An explicit format wins."""
    output = journal.with_name("report.html")

    run(journal, "--format", "markdown", "--language", "zh", "-o", output)

    assert "成立" in output.read_text(encoding="utf-8")
    assert not output.read_text(encoding="utf-8").startswith("<")


@pytest.mark.parametrize(
    "options", [[], ["--follow"], ["--verify"]], ids=["render", "follow", "no"]
)
@pytest.mark.parametrize("kind", ["same", "relative", "symlink", "hard link"])
def test_what_is_read_is_not_overwritten(
    kind: str, options: list[str], journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is refused as the output of its own report, by whatever name."""
    journal = journal.rename(journal.with_name("evidence.html"))
    content, output = journal.read_bytes(), journal.with_name("output.html")
    monkeypatch.chdir(journal.parent)
    if kind == "symlink":
        output.symlink_to(journal)
    elif kind == "hard link":
        output.hardlink_to(journal)
    else:
        output = journal if kind == "same" else Path("x") / ".." / journal.name
        Path("x").mkdir()

    done = run(journal, "-o", output, *options)

    assert done.exit_code == 2
    assert f"-o is {str(output)!r}, which is read: name another file" in done.stderr
    assert journal.read_bytes() == content


def test_what_is_yet_to_be_read_is_not_written(tmp_path: Path) -> None:
    """Evidence that no run has begun is known by its name."""
    done = run(tmp_path / "e.html", "--follow", "-o", tmp_path / "x" / ".." / "e.html")

    assert done.exit_code == 2
    assert "which is read: name another file" in done.stderr
    assert not (tmp_path / "e.html").exists()


def test_json_is_the_record(journal: Path) -> None:
    """What comes out verifies."""
    done = run(journal, "--format", "json")

    assert verify(json.loads(done.stdout))


def test_schema_is_published() -> None:
    """The schema can be had without a journal."""
    assert json.loads(run("--schema").stdout) == schema()


@pytest.mark.parametrize(
    ("more", "name"),
    [
        pytest.param([], "failover-report.html", id="page"),
        pytest.param(["--format", "markdown"], "failover-report.md", id="markdown"),
        pytest.param(["--format", "json"], "failover-report.json", id="record"),
        pytest.param(["--format", "junit"], "failover-report.xml", id="JUnit"),
    ],
)
def test_report_in_a_folder_is_named_by_its_format(
    journal: Path, tmp_path: Path, more: list[str], name: str
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()

    done = run(journal, *more, "-o", folder)

    assert done.exit_code == 0, done.stderr
    assert [each.name for each in folder.iterdir()] == [name]


def test_folder_that_does_not_exist_is_refused(journal: Path, tmp_path: Path) -> None:
    done = run(journal, "-o", f"{tmp_path}/no/")

    assert done.exit_code == 2
    assert "expected a file or a folder that exists" in done.stderr


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param('{"chaoslib_version": "1.45", "activities": []}', "no two of", id="it"),
        pytest.param((EXPERIMENTS / "circuit-failover.yaml").read_text("utf-8"), "", id="YAML"),
        pytest.param('{"title": "x", "method": [], "rollbacks": []}', "no two", id="experiment"),
        pytest.param("{}", "it has no two of the parts chaoslib-version, experiment", id="empty"),
        pytest.param('{"run": "npm start", "name": "x"}', "no two", id="package"),
        pytest.param('{"experiment": {}, "run": []}', "no two", id="nothing in it"),
        pytest.param('{"experiment": {"title": 5}, "run": 7}', "no two", id="another type"),
        pytest.param('{"failover": {"a": 1}}', "no two", id="one part"),
    ],
)
def test_file_that_is_no_journal(tmp_path: Path, content: str, problem: str) -> None:
    """A discovery is no run that proved nothing: it is refused, with exit code 1."""
    file = tmp_path / "discovery.json"
    file.write_text(content, encoding="utf-8")

    done = run(file)

    assert (done.exit_code, done.stdout) == (1, "")
    assert f"Error: {file} is no journal: " in done.stderr
    assert problem in done.stderr


def test_campaign_tells_runs_of_one_title_apart(journal: Path, tmp_path: Path) -> None:
    """Each has its file, and they are in the order in which they began."""
    later, earlier = tmp_path / "second.json", tmp_path / "first.json"
    for file, day in ((later, "2026-11-24"), (earlier, "2026-11-22")):
        text = journal.read_text(encoding="utf-8").replace("2026-11-23", day)
        file.write_text(text, encoding="utf-8")

    pages = {form: run(later, earlier, "--format", form).stdout for form in ("html", "markdown")}
    suites = run(later, earlier, "--format", "junit").stdout

    for page in (*pages.values(), suites):
        assert 0 < page.index(earlier.name) < page.index(later.name)
    rows = [line for line in pages["markdown"].splitlines() if ". Made | " in line]
    assert [row.split(" | ")[1].rpartition("/")[2] for row in rows] == [earlier.name, later.name]
    assert str(journal) not in run(journal, "--format", "html").stdout


def test_several_journals_are_a_campaign(journal: Path) -> None:
    """All of them are in one report."""
    other = journal.with_name("other.json")
    other.write_text(json.dumps({**held(), "node": "another"}), encoding="utf-8")

    done = run(journal, other, "--format", "json")

    assert len(json.loads(done.stdout)) == 2


@pytest.mark.parametrize("name", ["report.pdf", "report.txt", "report.htmlx"])
def test_unknown_suffix_is_refused(journal: Path, name: str) -> None:
    """No file is written that is not what its name says; an explicit format still may."""
    output = journal.with_name(name)

    done = run(journal, "-o", output)

    assert done.exit_code == 2
    assert f"{output} ends in none of .html, .htm, .md, .json, .xml" in done.stderr
    assert not output.exists()
    assert run(journal, "-o", output, "--format", "html").exit_code == 0


@pytest.fixture
def record(journal: Path) -> Path:
    """The record of that journal on disk."""
    path = journal.with_name("record.json")
    path.write_text(run(journal, "--format", "json").stdout, encoding="utf-8")
    return path


def test_record_will_do_for_a_journal(record: Path) -> None:
    """Of a record's file the report says what that of the journal says."""
    done = run(record, "--format", "markdown")

    assert done.exit_code == 0
    assert done.stdout.startswith("## \u2705 **held** \u00b7 REHEARSAL")


def test_changed_record_is_refused(record: Path) -> None:
    """There is no journal from which it could be made anew, so nothing is written."""
    record.write_text(record.read_text().replace("REHEARSAL", "LIVE"), encoding="utf-8")
    output = record.with_name("report.html")

    done = run(record, "-o", output)

    assert done.exit_code == 1
    assert f"{record} is no journal, and it cannot be used as a record: " in done.stderr
    assert "does not match its SHA-256" in done.stderr
    assert not output.exists()


def test_verify(journal: Path, record: Path) -> None:
    """Each record is told of; the exit code says whether all are as they were made."""
    whole = {**held()}
    whole["failover"] = {**whole["failover"], "record": json.loads(record.read_text())}
    sound = journal.with_name("sound.json")
    sound.write_text(json.dumps(whole), encoding="utf-8")
    changed = journal.with_name("changed.json")
    changed.write_text(sound.read_text().replace('"held"', '"deviated"'), encoding="utf-8")

    good, bad = run("--verify", sound, record), run("--verify", sound, journal, changed)

    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert good.stdout == "".join(
        f"{path}: the record matches its SHA-256\n" for path in (sound, record)
    )
    assert f"{journal}: there is no record" in bad.stdout
    assert f"{changed}: the record does not match its SHA-256" in bad.stdout


@pytest.mark.parametrize("order", [1, -1], ids=["journal first", "record first"])
def test_journal_and_record_of_a_run_are_one_run(journal: Path, record: Path, order: int) -> None:
    """A campaign counts a run once, and says so; other runs are counted as before."""
    document = held()
    document["failover"]["record"] = make_record(held())
    journal.write_text(json.dumps(document), encoding="utf-8")
    other = journal.with_name("other.json")
    other.write_text(json.dumps({**held(), "node": "another"}), encoding="utf-8")
    record.write_text(json.dumps(make_record(held())) + "\n", encoding="utf-8")
    files = [journal, record][::order]

    both, three = run(*files, "--format", "junit"), run(*files, other, "--format", "junit")

    assert both.stdout.count("<testsuite ") == 1
    assert f'value="{files[0]}, {files[1]}"' in both.stdout
    assert both.stderr == f"{files[1]} is the same run as {files[0]}, and counts once\n"
    assert three.stdout.count("<testsuite ") == 2
    assert run(*files).stdout == run(journal).stdout


def test_run_that_poses_as_another_counts(journal: Path) -> None:
    """A journal with the record of another run contradicts it, and is no copy."""
    document = held()
    document["failover"]["record"] = make_record(held())
    journal.write_text(json.dumps(document), encoding="utf-8")
    other = journal.with_name("other.json")
    other.write_text(json.dumps({**document, "node": "another"}), encoding="utf-8")

    done = run(journal, other, "--format", "junit")

    assert done.stdout.count("<testsuite ") == 2
    assert done.stderr == ""


def test_evidence_without_its_end_is_not_unchanged(tmp_path: Path) -> None:
    """What `head` left of an evidence file may lack anything."""
    part = tmp_path / "part.jsonl"
    lines = evidence("ended").splitlines(keepends=True)
    part.write_bytes(b"".join(lines[:5]))

    done = run("--verify", part)

    assert done.exit_code == 1
    assert f"{part}: the evidence is unchanged up to line 4 of 5, but has no end" in done.stdout
    assert "lines after it may be missing" in done.stdout


def test_journal_that_poses_as_evidence_differs(journal: Path) -> None:
    """Evidence is not compared as strictly; only an evidence file is evidence."""
    document = held()
    document["failover"]["evidence"] = {"changed": 0}
    document["failover"]["record"] = make_record(document)
    journal.write_text(json.dumps(document), encoding="utf-8")

    done = run("--verify", journal)

    assert done.exit_code == 1
    assert "contradicts the journal in failover.evidence" in done.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "journal.json: no such file\n", id="missing"),
        pytest.param("{", "is no journal: ", id="cut off"),
        pytest.param("[]", "it holds list, expected an object", id="not an object"),
        pytest.param("\ud800", "is no journal: ", id="not UTF-8"),
    ],
)
def test_unreadable_journal(tmp_path: Path, content: str | None, said: str) -> None:
    """The message names the file and what is wrong; nothing is written."""
    path = tmp_path / "journal.json"
    if content is not None:
        path.write_bytes(content.encode("utf-8", "surrogatepass"))
    output = tmp_path / "report.html"

    done = run(path, "-o", output)

    assert done.exit_code == 1
    assert str(path) in done.stderr
    assert said in done.stderr
    assert not output.exists()


def test_unreadable_journal_hides_no_other(journal: Path, tmp_path: Path) -> None:
    """The rest is one campaign all the same; the exit code tells that something is missing."""
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    output = tmp_path / "campaign.json"

    other = tmp_path / "other.json"
    other.write_text(json.dumps({**held(), "node": "another"}), encoding="utf-8")

    done = run(journal, broken, other, "-o", output)

    assert done.exit_code == 1
    assert f"Error: {broken} is no journal: " in done.stderr
    assert len(json.loads(output.read_text(encoding="utf-8"))) == 2


def test_unwritable_report(journal: Path, tmp_path: Path) -> None:
    """A folder that is not there is named."""
    done = run(journal, "-o", tmp_path / "missing" / "report.html")

    assert done.exit_code == 1
    assert "cannot be written" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param([], "name one or more journals", id="none"),
        pytest.param(["--schema", "journal.json"], "and takes no journal", id="both"),
    ],
)
def test_wrong_usage(arguments: list[str], says: str) -> None:
    """Either journals or the schema."""
    done = run(*arguments)

    assert done.exit_code == 2
    assert says in done.stderr


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        pytest.param(["--verify", "--format", "json"], "--format", id="format"),
        pytest.param(["--verify", "-o", "out.json"], "--output-file", id="file"),
        pytest.param(["--verify", "--language", "en"], "--language", id="language"),
        pytest.param(["--verify", "--schema"], "--schema", id="schema"),
        pytest.param(["--schema", "--format", "json"], "--format", id="format of the schema"),
        pytest.param(["--schema", "--language", "zh"], "--language", id="language of the schema"),
    ],
)
def test_option_without_effect_is_wrong_usage(
    arguments: list[str], option: str, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a file that is not written."""
    monkeypatch.chdir(journal.parent)
    done = run(*arguments, *(["journal.json"] if "--verify" in arguments else []))

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].endswith(f", and takes no {option}")
    assert list(Path.cwd().iterdir()) == [journal]
