"""
The files of a run can be written, and a run that could not begin has its reason.
"""

import json
import socket
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from chaos_command import chaos, journal
from made_journals import held
from places import EXPERIMENTS

from chaosfailover.emulator.dataplane import TakenPort
from chaosfailover.errors import ConfigurationError
from chaosfailover.record import stored
from chaosfailover.report import render
from chaosfailover.run.evidence import check_evidence
from chaosfailover.run.finish import check_files, conclude, conclude_refused
from chaosfailover.run.live_page import write_report
from chaosfailover.run.mode import other_ports_for
from chaosfailover.run.settings import FILES, Settings
from chaosfailover.verdict.verdict import judge, review


def test_files_that_can_be_written_leave_no_trace(tmp_path: Path) -> None:
    """A missing folder is made, a file that is there keeps what it holds, and none is left."""
    kept = tmp_path / "record.json"
    kept.write_text("kept", encoding="utf-8")
    report = tmp_path / "new" / "folder" / "report.html"

    check_files(Settings(report=str(report), record=str(kept)))

    assert kept.read_text(encoding="utf-8") == "kept"
    assert report.parent.is_dir()
    assert not report.exists()


@pytest.mark.parametrize("key", ["report", "record"])
@pytest.mark.parametrize("name", ["file/report.html", "folder.html"])
def test_file_that_cannot_be_written_is_refused(tmp_path: Path, key: str, name: str) -> None:
    """The message names the setting and the file."""
    (tmp_path / "file").touch()
    (tmp_path / "folder.html").mkdir()
    file = str(tmp_path / name)
    settings = Settings(report=file) if key == "report" else Settings(record=file)

    with pytest.raises(ConfigurationError, match=rf"^{key} is '.*{name}', which cannot be written"):
        check_files(settings)


def test_link_to_no_file_is_kept(tmp_path: Path) -> None:
    """What was made to try is removed where the link leads."""
    link, place = tmp_path / "report.html", tmp_path / "place.html"
    link.symlink_to(place)

    check_files(Settings(report=str(link)))

    assert link.is_symlink()
    assert not place.exists()


@pytest.mark.parametrize("key", FILES)
def test_journal_is_no_other_file(tmp_path: Path, key: str) -> None:
    """The toolkit would write the journal over it, when the run has ended."""
    (tmp_path / "link").symlink_to("journal.json")
    files: dict[str, Any] = {key: str(tmp_path / "link")}
    settings = Settings(**files)
    command = click.Context(click.Command("run"))
    command.params["journal_path"] = str(tmp_path / "journal.json")

    with command, pytest.raises(ConfigurationError, match=f"^{key} is .*, as the journal: name"):
        check_files(settings)

    assert not (tmp_path / "journal.json").exists()


@pytest.mark.parametrize("key", FILES)
def test_journal_has_the_name_of_the_toolkit_where_none_is_given(key: str) -> None:
    """A check refuses what the run would refuse."""
    files: dict[str, Any] = {key: "./journal.json"}

    with pytest.raises(ConfigurationError, match=f"^{key} is .*, as the journal: name"):
        check_files(Settings(**files))


@pytest.mark.parametrize("key", FILES)
@pytest.mark.parametrize("name", ["x" * 300 + ".html", "y" * 300 + "/x.html"])
def test_long_name_is_one_line(tmp_path: Path, key: str, name: str) -> None:
    """That of the page is found when it is written, and is a warning."""
    given = {key: str(tmp_path / name)}
    settings, problem = Settings.parse(given), None

    try:
        check_files(settings, make_folders=False)
        check_evidence(settings.evidence)
    except ConfigurationError as exc:
        problem = str(exc)

    if key == "live":
        assert problem is None
        assert write_report(Path(given[key]), {}) == {}
    else:
        assert problem == f"{key} is {given[key]!r}, which cannot be written: File name too long"
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("key", ["report", "record"])
@pytest.mark.parametrize("refused_for_it", [True, False])
def test_file_that_cannot_be_written_at_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, key: str, refused_for_it: bool
) -> None:
    """It is told in one line, unless it is why the run was refused; the other file is written."""
    (tmp_path / "file").touch()
    files = {"report": str(tmp_path / "report.html"), "record": str(tmp_path / "record.json")}
    files[key] = str(tmp_path / "file" / "report.html")
    refusal = f"{key} is {files[key]!r}, which cannot be written: Not a directory"
    reason = refusal if refused_for_it else "rto is 'soon'"
    event = {"at": "2026-01-01T00:00:00+00:00", "kind": "refused", "reason": reason}
    left: dict[str, Any] = {
        "experiment": {},
        "status": "interrupted",
        "failover": {"events": [event]},
    }

    conclude(left, Settings(report=files["report"], record=files["record"]))

    lines = [f"{files[key]} cannot be written: Not a directory"]
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record.getMessage() for record in errors] == ([] if refused_for_it else lines)
    assert caplog.text.count("VERDICT: inconclusive.") == 1
    assert "Traceback" not in caplog.text
    assert left["status"] == "failed"
    assert left["failover"]["after_record"] == {"status": "interrupted", "failed": [key]}
    assert stored(left).state == "intact"
    assert [name for name in ("report.html", "record.json") if (tmp_path / name).exists()]


@pytest.mark.parametrize("key", ["report", "record"])
def test_unwritten_file_changes_no_verdict(tmp_path: Path, key: str) -> None:
    """The run is `failed`; its verdict, its record and every later report agree."""
    files: dict[str, Any] = {key: str(tmp_path / "gone" / "report.html")}
    left = held()

    conclude(left, Settings(**files))

    assert (left["status"], left["failover"]["verdict"]["verdict"]) == ("failed", "held")
    assert judge(left).verdict == review(left).verdict == "held"
    assert stored(left).state == "intact"


def run(folder: Path, control: dict[str, Any], **exports: str) -> dict[str, Any]:
    """
    Run a bundled experiment that cannot begin; return its journal.
    """
    document = yaml.safe_load((EXPERIMENTS / "circuit-failover.yaml").read_text(encoding="utf-8"))
    document["controls"][0]["provider"]["arguments"] |= control
    file = folder / "experiment.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")

    assert chaos("run", str(file), folder=folder, **exports).returncode == 1
    return journal(folder)


def test_file_that_cannot_be_written_cuts_nothing(tmp_path: Path) -> None:
    """It is seen before anything begins, and the journal says so."""
    (tmp_path / "file").touch()

    left = run(tmp_path, {"report": "file/report.html"})

    (first, *_) = left["failover"]["verdict"]["reasons"]
    assert first.startswith("The run could not begin: report is 'file/report.html', which cannot")
    assert left["failover"]["cut_at"] is None


def test_port_that_is_taken_is_named_with_a_way_out(tmp_path: Path) -> None:
    """Verdict, record and report say which port, and how to choose another."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        services = {"portal": {"port": port}, "echo": {"port": 0}, "ledger": {"port": 0}}
        topology = tmp_path / "topology.yaml"
        topology.write_text(
            yaml.safe_dump({"extends": "dual-circuit", "services": services}), encoding="utf-8"
        )
        left = run(tmp_path, {}, FAILOVER_TOPOLOGY=str(topology))

    entry = left["failover"]
    for reason in (*entry["verdict"]["reasons"][:1], *entry["record"]["verdict"]["reasons"][:1]):
        assert f"service portal cannot listen on http port {port} of 127.0.0.1" in reason
        assert f"in the topology {topology}" in reason
        assert "FAILOVER_PORTAL_URL" in reason
    assert len(entry["verdict"]["reasons"]) == 2
    assert "FAILOVER_PORTAL_URL" in render([left], "html")


PORTAL = TakenPort("service portal", "http", "127.0.0.1", 65500, "Address already in use")
LEDGER = TakenPort("service ledger", "tcp", "127.0.0.1", 28082, "Address already in use")


@pytest.mark.parametrize(
    ("taken", "topology", "remedy"),
    [
        pytest.param(
            [LEDGER],
            "ecr-ecmp",
            "write a topology file with 'extends: ecr-ecmp' and 'services: {ledger: {port: 28182}}'"
            ", name it as topology of the control (bundled experiments: FAILOVER_TOPOLOGY), and "
            "change the targets: ledger to tcp://127.0.0.1:28182",
            id="a service of a bundled topology",
        ),
        pytest.param(
            [PORTAL, LEDGER],
            "own.yaml",
            "set 'services: {portal: {port: 65400}, ledger: {port: 28182}}' in the topology "
            "own.yaml, and change the targets: portal to http://127.0.0.1:65400/ (bundled "
            "experiments: FAILOVER_PORTAL_URL), ledger to tcp://127.0.0.1:28182",
            id="two services of a file",
        ),
    ],
)
def test_other_ports_are_proposed_for_all_services(
    taken: list[TakenPort], topology: str, remedy: str
) -> None:
    """With their own names, the topology in use, and ports that nothing uses by default."""
    assert other_ports_for(taken, topology) == (
        f"stop the process that listens there, or use other ports: {remedy}"
    )


def test_settings_that_cannot_be_used_are_the_verdicts_reason(tmp_path: Path) -> None:
    """Also where they are only known when the run begins."""
    left = run(tmp_path, {}, FAILOVER_RTO="soon")

    reasons = left["failover"]["verdict"]["reasons"]
    assert reasons[0] == (
        "The run could not begin: rto is 'soon', expected a number of seconds above 0, "
        "at most 1e+09."
    )
    assert json.dumps(left["failover"]["record"])


def test_refused_run_is_inconclusive() -> None:
    """There is a verdict and a record of it, and it did not hold."""
    left: dict[str, Any] = {"status": "interrupted"}

    conclude_refused(left, "no rto.", Settings())

    assert left["failover"]["verdict"]["verdict"] == "inconclusive"
    assert left["failover"]["record"]["verdict"] == left["failover"]["verdict"]
