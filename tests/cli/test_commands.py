"""
The commands that need no experiment, as processes.
"""

import itertools
import json
import math
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from busy import measured_again
from click.testing import CliRunner
from live import CHAOS, Cloud, clean_environment, default_signals, emulated_cloud
from loopback import udp_echo, until
from processes import ended

from chaosfailover.cli import failover as failover_command
from chaosfailover.cli.probe import broken_promises
from chaosfailover.outages.outage import Length
from chaosfailover.outages.series import Series
from chaosfailover.outages.summary import summarize


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
        tmp_path, "probe", "http://127.0.0.1:9/", "--duration", "0.5", "--format", "json"
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


@pytest.mark.parametrize(
    "signum", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)]
)
def test_probe_ends_early_with_its_summary(tmp_path: Path, signum: signal.Signals) -> None:
    """Ctrl-C, or the end of a container, loses nothing of what was measured."""
    with echoed_probe(tmp_path) as (process, checks):
        until(lambda: len(checks) > 3)

        process.send_signal(signum)
        output, errors = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "udp://127.0.0.1" in output
    assert re.fullmatch(rf"ended by {signum.name} after [\d.]+ s of 60 s\n", errors)


@pytest.mark.parametrize(
    ("duration", "code"),
    [
        pytest.param(["--duration", "50"], 1, id="given"),
        pytest.param([], 0, id="not given", marks=pytest.mark.long),
    ],
)
def test_promise_is_not_proven_by_a_part_of_the_duration(
    tmp_path: Path, duration: list[str], code: int
) -> None:
    """Unless no duration was asked for: then what was measured counts."""
    promises = ["--max-outage", "20", "--min-availability", "2", "--format", "json"]
    with echoed_probe(tmp_path, *duration, *promises) as (process, checks):
        until(lambda: len(checks) > 3)

        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)

    document = json.loads(output)
    assert process.returncode == code
    assert document["ended_by"] == "SIGTERM"
    assert 0 < document["lasted"] < document["duration"] == (50 if code else 60)
    unproven = re.compile(r"ended by SIGTERM after [\d.]+ s of 50 s: its promises are not proven")
    assert [bool(unproven.fullmatch(each)) for each in document["failed"]] == [True] * code
    assert bool(unproven.search(errors)) == bool(code)
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize(
    ("promises", "code", "broken"),
    [
        pytest.param(["--max-outage", "30", "--min-availability", "50"], 0, [], id="kept"),
        pytest.param(
            ["--max-outage", "0.25"],
            1,
            ["FAILED: it: its longest outage is ", " above 0.25 s"],
            id="outage",
        ),
        pytest.param(
            ["--min-availability", "99.999"],
            1,
            ["FAILED: it: its availability is ", " %, which is below 99.999 %"],
            id="availability",
        ),
    ],
)
@measured_again
def test_probe_holds_promises(
    tmp_path: Path, promises: list[str], code: int, broken: list[str]
) -> None:
    """Its exit code says whether they were kept; each outage has its time of day."""
    lost = {10, 11, 12}
    checks = itertools.count()

    with udp_echo(lambda check: None if next(checks) in lost else check) as port:
        done = failover(
            *(tmp_path, "probe", f"it=udp://127.0.0.1:{port}", "--timeout", "0.2"),
            *("--duration", "3", *promises),
        )

    assert (done.returncode, [each for each in broken if each in done.stderr]) == (code, broken)
    (outage,) = [line for line in done.stdout.splitlines() if line.startswith("it: ")]
    moment = r"\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(
        rf"it: down 0\.\d\d\.\.\d\.\d\d s between {moment} and {moment}, \d checks? lost", outage
    )


@pytest.mark.parametrize(
    ("percent", "message"),
    [
        pytest.param("0.999", "0.999 is 0.999 %, or as a share 99.9 %", id="share"),
        pytest.param("1", "1 is 1 %, or as a share 100 %", id="all or hardly any"),
        pytest.param("nan", "nan is not a percentage, such as 99.9", id="no number"),
        pytest.param("100.1", "100.1 is not a percentage, such as 99.9", id="more than all"),
        pytest.param("-1", "-1 is not a percentage, such as 99.9", id="less than none"),
    ],
)
def test_probe_refuses_an_availability_that_may_be_a_share(percent: str, message: str) -> None:
    """The probe of an experiment speaks of shares, so 0.999 may not mean 0.999 %."""
    done = CliRunner().invoke(
        failover_command, ["probe", "tcp://x:1", "--min-availability", percent]
    )

    assert done.exit_code == 2
    assert f"Invalid value for '--min-availability': {message}" in done.stderr


def test_probe_counts_what_it_has_not_seen(tmp_path: Path) -> None:
    """An outage that has not ended may be longer than any promise."""
    done = failover(
        tmp_path, "probe", "http://127.0.0.1:9/", "--duration", "0.5", "--max-outage", "60"
    )

    assert done.returncode == 1
    assert "which may be above 60 s" in done.stderr
    moment = r"\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.search(f"between the beginning at {moment} and the end at {moment}, ", done.stdout)
    assert done.stderr.startswith("FAILED: http://127.0.0.1:9/: it never answered\n")


def test_probe_as_json_says_when_it_began(tmp_path: Path) -> None:
    """The instants of the outages count from there."""
    done = failover(
        *(tmp_path, "probe", "it=http://127.0.0.1:9/", "--duration", "0.5"),
        *("--format", "json", "--min-availability", "50"),
    )

    document = json.loads(done.stdout)
    began, ended = (datetime.fromisoformat(document[key]) for key in ("began", "at"))
    assert 0 < (ended - began).total_seconds() < 30
    silent, failed = document["failed"]
    assert silent == "it: it never answered"
    below = r"it: its availability is 0\.000\.\.\d+\.\d{3} %, which is below 50 %"
    assert re.fullmatch(below, failed)


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


@pytest.mark.parametrize(
    ("longest", "available", "words"),
    [
        pytest.param(
            Length(2.9, math.inf),
            Length(0.0, 0.2),
            [
                "its longest outage is at least 2.90 s, which is above 1 s",
                "its availability is 0.000..20.000 %, which is below 99 %",
            ],
            id="broken",
        ),
        pytest.param(
            Length(0.9, 1.1),
            Length(0.98, 0.995),
            [
                "its longest outage is 0.90..1.10 s, which may be above 1 s",
                "its availability is 98.000..99.500 %, which may be below 99 %",
            ],
            id="not proven",
        ),
    ],
)
def test_promise_that_is_broken_is_told_from_one_not_proven(
    longest: Length, available: Length, words: list[str]
) -> None:
    """By the bound that decides."""
    measured = replace(summarize(Series(0.1)), longest=longest, availability=available)

    assert list(broken_promises(measured, 1.0, 99.0)) == words


MINUTE = ("--duration", "60")


@contextmanager
def echoed_probe(
    folder: Path, *options: str
) -> Iterator[tuple[subprocess.Popen[str], list[bytes]]]:
    """
    Run the command, without options for a minute, on a target that notes and answers the checks.
    """
    checks: list[bytes] = []

    def echo(check: bytes) -> bytes:
        checks.append(check)
        return check

    with udp_echo(echo) as port:
        process = subprocess.Popen(
            [*CHAOS, "failover", "probe", f"udp://127.0.0.1:{port}", *(options or MINUTE)],
            cwd=folder,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=default_signals,  # noqa: PLW1509 - it takes no lock
        )
        with ended(process):
            yield process, checks


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["0.05", "--timeout", "0.05"],
            "target 'tcp://x:1': max-outage is 0.05, but a check is sent each 0.1 s: an outage "
            "that short cannot be seen; set interval to at most 0.05\n",
            id="below the interval",
        ),
        pytest.param(
            ["0.5"],
            "target 'tcp://x:1': max-outage is 0.5, but a check waits 0.9 s for an answer: a "
            "stall that short cannot be seen; set timeout to at most 0.5\n",
            id="below the timeout",
        ),
        pytest.param(["0"], "max-outage is 0, expected seconds above 0\n", id="none"),
        pytest.param(["nan"], "max-outage is nan, expected seconds above 0\n", id="no number"),
    ],
)
def test_probe_refuses_a_promise_it_could_not_see_broken(
    arguments: list[str], message: str
) -> None:
    """As the control does an RTO, before anything is sent."""
    done = CliRunner().invoke(
        failover_command, ["probe", "tcp://x:1", "--max-outage", *arguments], catch_exceptions=False
    )

    assert done.exit_code == 2
    assert done.stderr.endswith(f"Error: {message}")


@pytest.mark.long
@pytest.mark.sample(3)
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
        pytest.param(
            ["stop"],
            "name the tests to stop, or give --all; name a region with --region, give "
            "--all-regions, or set ALIBABA_CLOUD_REGION_ID\n",
            id="nothing to stop",
        ),
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


COMMANDS = [*failover_command.commands]


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str, option: str) -> None:
    """Every command says how it is used, in the same form."""
    done = CliRunner().invoke(failover_command, [command, option], prog_name="chaos failover")

    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: chaos failover {command} ")
    assert "\nOptions:\n" in done.stdout
    assert "-q, --quiet" in done.stdout
    assert "-h, --help" in done.stdout
    assert f"chaos failover {command}" in " ".join(done.stdout.split())
    assert "xample:" in done.stdout


def test_options_have_one_meaning() -> None:
    """`-o` and `--output-file` are a file or a folder, `--format` is a format, and no other is."""
    options = {
        (option, isinstance(parameter.type, click.Path))
        for command in failover_command.commands.values()
        for parameter in command.params
        for option in parameter.opts
        if option in ("-o", "--output-file", "--format", "--output")
    }

    assert options == {("-o", True), ("--output-file", True), ("--format", False)}


def test_version() -> None:
    """It is that of the distribution."""
    done = CliRunner().invoke(failover_command, ["--version"])

    assert done.stdout == f"chaostoolkit-failover, version {version('chaostoolkit-failover')}\n"


def test_help_of_the_emulator_has_its_options() -> None:
    """They are those of the emulator's own parser."""
    done = CliRunner().invoke(failover_command, ["emulator", "-h"])

    text = " ".join(done.stdout.split())
    assert "--topology TOPOLOGY a file, or one of broken-standby, " in text
    assert "--upstream NAME=HOST:PORT your own service, " in text
    assert "--no-auth check no signatures" in text


def test_quiet_shows_results_only(cloud: Cloud, tmp_path: Path) -> None:
    """Progress is left out; what was found, and what failed, is not."""
    regions = ("--region", "cn-hangzhou", "--region", "cn-nowhere")

    loud = failover(tmp_path, "inspect", *regions, **cloud.exports)
    quiet = failover(tmp_path, "inspect", *regions, "--quiet", **cloud.exports)

    assert quiet.stdout == loud.stdout
    assert "[1/2]" in loud.stderr
    assert "[1/2]" not in quiet.stderr
    assert "cn-nowhere: NO SUCH REGION: " in quiet.stderr


@pytest.mark.parametrize("command", [["status"], ["stop", "--all", "--yes"], ["inspect"]])
def test_expired_keys_say_that_nothing_is_known(
    cloud: Cloud, tmp_path: Path, command: list[str]
) -> None:
    """Nobody may take silence for an empty region."""
    exports = cloud.exports | {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "expired"}

    done = failover(tmp_path, *command, "--region", "cn-hangzhou", **exports)

    assert done.returncode == 1
    assert done.stdout.count("othing is known of 1 region") == 1
    assert "No failover test runs" not in done.stdout
    assert "There are no circuits" not in done.stdout
    assert done.stderr.count("cn-hangzhou: NOT READ: SignatureDoesNotMatch") == 1


def test_stop_without_a_region_asks_nothing(tmp_path: Path) -> None:
    """There is no place that the question could name."""
    done = failover(tmp_path, "stop", "--all")

    assert (done.returncode, done.stdout) == (2, "")
    assert (
        "name a region with --region, give --all-regions, or set ALIBABA_CLOUD_REGION_ID"
        in done.stderr
    )


def test_stop_names_the_regions_that_it_asks_about(cloud: Cloud) -> None:
    """Nobody confirms `these regions`."""
    done = CliRunner().invoke(
        failover_command,
        ["stop", "--all", "--region", "cn-hangzhou", "--region", "cn-shanghai"],
        env=cloud.exports,
        input="n\n",
    )

    assert done.exit_code == 1
    assert "Stop every failover test that runs in cn-hangzhou, cn-shanghai? [y/N]" in done.stdout


def test_stop_without_a_terminal_says_how_to_confirm(cloud: Cloud, tmp_path: Path) -> None:
    """A job has nobody to ask."""
    done = failover(tmp_path, "stop", "--all", **cloud.exports)

    assert done.returncode == 1
    assert done.stderr.endswith(
        "Error: not confirmed, so nothing is stopped: without a terminal, use --yes\n"
    )


@pytest.mark.parametrize(
    ("no_color", "colours"),
    [
        pytest.param("", True, id="empty", marks=pytest.mark.long),
        pytest.param("0", False, id="set to anything"),
    ],
)
def test_warnings_of_a_command_heed_no_color(
    cloud: Cloud, tmp_path: Path, no_color: str, colours: bool
) -> None:
    """The toolkit's log is coloured, on a terminal or not; that of these commands need not be."""
    cloud.fault(fault="throttling", operation="DescribeFailoverTestJobs", count=1)

    done = failover(tmp_path, "status", NO_COLOR=no_color, **cloud.exports)

    assert "WARNING] DescribeFailoverTestJobs failed and is tried again" in done.stderr
    assert ("\x1b[" in done.stderr) is colours


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        *(
            pytest.param(each, marks=pytest.mark.long)
            for each in (["inspect"], ["probe", "http://127.0.0.1:9/"])
        ),
    ],
)
def test_output_has_no_colour(cloud: Cloud, tmp_path: Path, command: list[str]) -> None:
    """So NO_COLOR holds without being asked for."""
    more = ["--duration", "0.3"] if command[0] == "probe" else []

    done = failover(tmp_path, *command, *more, NO_COLOR="1", **cloud.exports)

    assert "\x1b[" not in done.stdout + done.stderr


def test_region_that_does_not_answer_is_reported(cloud: Cloud, tmp_path: Path) -> None:
    """The others are read all the same, and the exit code is 1."""
    regions = ("--region", "cn-hangzhou", "--region", "cn-nowhere")

    done = failover(tmp_path, "status", *regions, **cloud.exports)

    assert done.returncode == 1
    assert "No failover test runs in 1 region." in done.stdout
    (line,) = [each for each in done.stderr.splitlines() if "cn-nowhere: NO SUCH REGION" in each]
    assert "InvalidRegionId.NotFound" in line
    assert re.search(r"; known: (cn-\w+, )*cn-hangzhou\b", line)


def test_every_region_of_the_account(cloud: Cloud, tmp_path: Path) -> None:
    """`--all-regions` asks the account which there are."""
    done = failover(tmp_path, "status", "--all-regions", "--format", "json", **cloud.exports)

    assert (done.returncode, json.loads(done.stdout)) == (
        0,
        {"running": [], "down": [], "warnings": [], "errors": []},
    )
