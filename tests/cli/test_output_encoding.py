"""
Standard output is UTF-8 in every locale, as the files that the commands write, or is one error.
"""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from live import CHAOS, clean_environment
from made_journals import held

from chaosfailover.cli import failover


@pytest.mark.long
@pytest.mark.sample(2)
@pytest.mark.parametrize("form", ["html", "markdown", "json", "junit"])
def test_report_is_the_same_on_standard_output(form: str, tmp_path: Path) -> None:
    """What is piped into a file in an 8-bit locale is what --output-file writes."""
    (tmp_path / "journal.json").write_text(json.dumps(held()), encoding="utf-8")
    report = [*CHAOS, "failover", "report", "journal.json", "--language", "zh", "--format", form]

    piped = subprocess.run(
        report,
        cwd=tmp_path,
        env=clean_environment(PYTHONIOENCODING="latin-1"),
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert (piped.returncode, piped.stderr) == (0, b"")
    subprocess.run([*report, "-o", "report"], cwd=tmp_path, check=True, capture_output=True)
    assert piped.stdout == (tmp_path / "report").read_bytes()


@pytest.mark.usefixtures("ten_circuits")
def test_names_are_utf_8(tmp_path: Path) -> None:
    """Names that the locale's encoding does not have are written all the same."""
    folder = tmp_path / "计划"

    done = CliRunner(charset="latin-1").invoke(
        failover, ["plan", "--region", "cn-hangzhou", "--output-file", str(folder)]
    )

    assert done.exit_code == 0
    assert f"new        {folder}/README.md" in done.stdout_bytes.decode().splitlines()


def test_verification_names_a_file_in_utf_8(tmp_path: Path) -> None:
    """So do messages that quote a path."""
    journal = tmp_path / "日志.json"
    journal.write_text(json.dumps(held()), encoding="utf-8")

    done = CliRunner(charset="latin-1").invoke(failover, ["report", "--verify", str(journal)])

    assert done.stdout_bytes.decode() == f"{journal}: there is no record\n"


def test_output_on_a_full_disk(tmp_path: Path) -> None:
    """One error says so."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*CHAOS, "failover", "example"],
            cwd=tmp_path,
            env=clean_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )

    assert done.returncode == 1
    assert done.stderr == "Error: the output cannot be written: No space left on device\n"
