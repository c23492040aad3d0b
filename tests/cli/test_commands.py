"""
The commands that need no experiment, as processes.
"""

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live import CHAOS, Cloud, clean_environment, default_signals, emulated_cloud
from loopback import udp_echo, until
from processes import ended


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with emulated_cloud(tmp_path, "--topology", "single-circuit") as cloud:
        yield cloud


def failover(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CHAOS, "failover", *arguments],
        cwd=folder,
        env=clean_environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_probe_measures_a_target(cloud: Cloud, tmp_path: Path) -> None:
    """The table has a line for each target."""
    done = failover(tmp_path, "probe", f"portal={cloud.portal}", "--duration", "1")

    heading, row = done.stdout.splitlines()
    assert done.returncode == 0
    assert heading.split()[:3] == ["target", "sent", "lost"]
    assert row.split()[0] == "portal"
    assert row.split()[2] == "0"


def test_probe_tells_a_target_that_never_answers(tmp_path: Path) -> None:
    """Nobody listens there: exit code 1, and the kind of failure."""
    done = failover(
        tmp_path, "probe", "http://127.0.0.1:9/", "--duration", "0.5", "--output", "json"
    )

    assert done.returncode == 1
    (row,) = json.loads(done.stdout)["targets"].values()
    assert row["summary"]["errors"].keys() == {"refused"}
    assert row["summary"]["lost"] == row["summary"]["sent"]


def test_probe_without_the_extra_for_icmp_says_what_to_install(tmp_path: Path) -> None:
    """A message instead of a traceback, and exit code 1."""
    (tmp_path / "icmplib.py").write_text("raise ImportError")

    done = failover(tmp_path, "probe", "icmp://127.0.0.1", PYTHONPATH=str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.startswith("Error: target 'icmp://127.0.0.1': ")
    assert "pip install 'chaostoolkit-failover[icmp]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_probe_words_an_outage_that_has_not_ended(tmp_path: Path) -> None:
    """Nobody knows how long it will be: the table says at least how long it was."""
    done = failover(tmp_path, "probe", "http://127.0.0.1:9/", "--duration", "0.5")

    assert re.search(r"  at least 0\.\d\d s  ", done.stdout), done.stdout


def test_probe_ends_early_with_its_summary(tmp_path: Path) -> None:
    """Ctrl-C loses nothing of what was measured."""
    with echoed_probe(tmp_path) as (process, checks):
        until(lambda: len(checks) > 3)

        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "udp://127.0.0.1" in output


def test_probe_tells_what_was_not_measured(tmp_path: Path) -> None:
    """Time in which nothing was sent is not time without outage: the table has a column for it."""
    with echoed_probe(tmp_path) as (process, checks):
        until(lambda: len(checks) > 3)
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.0)
        process.send_signal(signal.SIGCONT)
        before = len(checks)
        until(lambda: len(checks) > before + 3)

        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)

    heading, row = output.splitlines()
    assert heading.endswith("  not measured")
    assert re.search(r"  [1-9]\.\d\d s(, \d+ checks)?$", row), row


@contextmanager
def echoed_probe(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[bytes]]]:
    """
    Run the command for a minute on a target that notes the checks and answers them.
    """
    checks: list[bytes] = []

    def echo(check: bytes) -> bytes:
        checks.append(check)
        return check

    with udp_echo(echo) as port:
        process = subprocess.Popen(
            [*CHAOS, "failover", "probe", f"udp://127.0.0.1:{port}", "--duration", "60"],
            cwd=folder,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=default_signals,  # noqa: PLW1509 - it takes no lock
        )
        with ended(process):
            yield process, checks


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["probe", "ftp://x/"], "ftp://x/", id="scheme"),
        pytest.param(["probe", "http://x/", "--interval", "0"], "interval is 0", id="interval"),
        pytest.param(["probe"], "Missing argument", id="no target"),
        pytest.param(
            ["probe", "tcp://x:1", "--duration", "-1"],
            "duration is -1, expected seconds above 0",
            id="duration",
        ),
        pytest.param(
            ["probe", "tcp://x:1", "--duration", "nan"], "duration is nan", id="no number"
        ),
        pytest.param(["stop"], "name the tests to stop, or give --all", id="nothing to stop"),
        pytest.param(["stop", "x", "--all"], "or give --all", id="too much to stop"),
        pytest.param(["status"], "name a region with --region", id="no region"),
        pytest.param(["status", "--region", "a", "--all-regions"], "exclude", id="two selections"),
        pytest.param(["emulator", "--host", "192.0.2.1"], "not a loopback address", id="remote"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: list[str], message: str) -> None:
    """Exit code 2, and a message that names what is wrong."""
    done = failover(tmp_path, *arguments)

    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize("command", ["emulator", "probe", "status", "stop"])
def test_help_shows_an_example(tmp_path: Path, command: str) -> None:
    """Every command says how it is used."""
    done = failover(tmp_path, command, "--help")

    assert done.returncode == 0
    assert f"chaos failover {command}" in " ".join(done.stdout.split())
    assert "xample:" in done.stdout


def test_region_that_does_not_answer_is_reported(cloud: Cloud, tmp_path: Path) -> None:
    """The others are read all the same, and the exit code is 1."""
    regions = ("--region", "cn-hangzhou", "--region", "cn-nowhere")

    done = failover(tmp_path, "status", *regions, **cloud.exports)

    assert done.returncode == 1
    assert "No failover test runs in 1 region." in done.stdout
    assert "cn-nowhere: NOT READ: InvalidRegionId.NotFound" in done.stderr


def test_every_region_of_the_account(cloud: Cloud, tmp_path: Path) -> None:
    """`--all-regions` asks the account which there are."""
    done = failover(tmp_path, "status", "--all-regions", "--output", "json", **cloud.exports)

    assert (done.returncode, json.loads(done.stdout)) == (
        0,
        {"running": [], "down": [], "warnings": [], "errors": []},
    )
