"""
The measurement leaves files for the stop, however low the limit and however many targets are down.
"""

import json
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from chaos_command import CHAOS, free_port
from drills import action, experiment, shell
from live import Cloud, clean_environment, emulated_cloud
from yaml import safe_dump

from chaosfailover.prober.open_files import RESERVE

MOST_IN_A_STALL = 25
WANT_OF_FILES = ("Too many open files", "Errno 24", "emfile", "cannot accept", "Traceback")
OPEN = 12
"""The files that a run has open when it begins to measure, or a few less."""
CHECKS = 10
"""The checks of a target that are under way at once while it is down."""

LIMITS = [
    64,
    pytest.param(256, marks=pytest.mark.long),
    pytest.param(100, marks=pytest.mark.matrix),
    pytest.param(128, marks=pytest.mark.matrix),
]


def drill(targets: Mapping[str, str], **arguments: object) -> dict[str, Any]:
    """
    Return an experiment that cuts the circuit on which all targets depend, and waits in vain until
    they are back.
    """
    document = experiment("files", "always", "")
    del document["steady-state-hypothesis"]
    document["controls"][0]["provider"]["arguments"] = {
        "targets": dict(targets),
        "after_stop": 0.2,
        "rto": 1.0,
        **arguments,
    }
    return document


def run(
    folder: Path, document: dict[str, Any], limits: tuple[int, int], exports: Mapping[str, str]
) -> tuple[dict[str, Any], str]:
    """
    Run an experiment in a process that may open so many files; return its journal and its log.
    """
    (folder / "experiment.json").write_text(json.dumps(document), encoding="utf-8")
    done = subprocess.run(
        [CHAOS, "--no-version-check", "run", "experiment.json"],
        cwd=folder,
        env=clean_environment(**exports),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_NOFILE, limits),
    )
    return json.loads((folder / "journal.json").read_text(encoding="utf-8")), done.stderr


def seconds_to_stop(entry: Mapping[str, Any]) -> float:
    """
    Return the time from the first stop request until the test was seen `Stopped`.
    """
    kinds = [(event["kind"], event.get("status")) for event in entry["events"]]
    at = [datetime.fromisoformat(event["at"]) for event in entry["events"]]
    stopped = at[kinds.index(("status", "Stopped"))]
    return (stopped - at[kinds.index(("stop", None))]).total_seconds()


def problems(journal: dict[str, Any], log: str) -> list[str]:
    """
    Return what tells of a want of files: in the log, in a loss, or in checks that were not made.

    A stall of this process leaves a few checks unjudged too; a want of files leaves nearly all.
    """
    series = [row["series"] for row in journal["failover"]["targets"].values()]
    unjudged = [
        f"{each['target']}: {each['unjudged']} unjudged"
        for each in series
        if each["unjudged"] > MOST_IN_A_STALL
    ]
    losses = {error for each in series for error in each["errors"]}
    return [
        *(text for text in WANT_OF_FILES if text in log),
        *unjudged,
        *sorted(losses - {"timeout"}),
    ]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A cloud whose standby carries nothing: what the cut takes stays down until the stop."""
    with emulated_cloud(tmp_path, "--topology", "broken-standby") as cloud:
        yield cloud


@pytest.mark.sample(1)
@pytest.mark.long
@pytest.mark.parametrize("limit", LIMITS)
def test_stop_has_files_while_all_targets_are_down(
    cloud: Cloud, tmp_path: Path, limit: int
) -> None:
    """As many targets as the limit has room for."""
    count = (limit - RESERVE - OPEN) // CHECKS
    document = drill({f"portal-{n}": cloud.portal for n in range(count)})

    journal, log = run(tmp_path, document, (limit, limit), cloud.exports)

    assert problems(journal, log) == []
    assert [each["status"] for each in journal["rollbacks"]] == ["succeeded"]
    assert cloud.statuses() == ["Stopped"]
    assert seconds_to_stop(journal["failover"]) < 8.0
    assert all(row["summary"]["lost"] > 10 for row in journal["failover"]["targets"].values())


KILL_THE_WATCHDOG = """\
for child in $(cat /proc/$PPID/task/*/children); do test $child = $$ || kill -9 $child; done
sleep 4"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("limit", LIMITS[::3])
def test_guard_and_another_watchdog_have_files(cloud: Cloud, tmp_path: Path, limit: int) -> None:
    """The watchdog dies while all targets are down, and no rollback stops the test."""
    count = (limit - RESERVE - OPEN) // CHECKS
    document = drill({f"portal-{n}": cloud.portal for n in range(count)})
    document["method"].append(action("kill-the-watchdog", shell(KILL_THE_WATCHDOG)))
    document["rollbacks"] = []

    journal, log = run(tmp_path, document, (limit, limit), cloud.exports)

    assert problems(journal, log) == []
    assert "is not running (exit code -9): starting another" in log
    assert "Nothing would stop" not in log
    assert [each["status"] for each in journal["failover"]["stopped"]] == ["Stopped"]
    assert seconds_to_stop(journal["failover"]) < 8.0


@pytest.mark.parametrize("limit", LIMITS)
def test_targets_beyond_the_limit_are_refused(cloud: Cloud, tmp_path: Path, limit: int) -> None:
    """One sentence says what is needed; nothing is sent that could cut."""
    count = (limit - RESERVE) // CHECKS + 1
    document = drill({f"portal-{n}": cloud.portal for n in range(count)})

    journal, log = run(tmp_path, document, (limit, limit), cloud.exports)

    reason, *_ = journal["failover"]["verdict"]["reasons"]
    assert reason.startswith(f"The run could not begin: measuring {count} targets needs ")
    assert f"open files while all are down, but the limit is {limit}: raise it with ul" in reason
    assert [text for text in WANT_OF_FILES if text in log] == []
    assert (cloud.sent("CreateFailoverTestJob"), cloud.statuses()) == (0, [])


@pytest.mark.long
def test_soft_limit_is_raised(cloud: Cloud, tmp_path: Path) -> None:
    """Only the hard one binds."""
    document = drill({f"portal-{n}": cloud.portal for n in range(4)})

    journal, log = run(tmp_path, document, (32, 256), cloud.exports)

    assert problems(journal, log) == []
    assert cloud.statuses() == ["Stopped"]


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("limits", "count"),
    [
        *(
            pytest.param(*each, marks=pytest.mark.long)
            for each in (((100, 100), 1), ((128, 128), 3), ((64, 256), 9))
        ),
    ],
)
def test_embedded_emulator_shares_the_limit(
    tmp_path: Path, limits: tuple[int, int], count: int
) -> None:
    """A check takes two files there, its own and the emulator's."""
    journal, log = run(tmp_path, *embedded(tmp_path, limits, count))

    assert problems(journal, log) == []
    assert [each["status"] for each in journal["rollbacks"]] == ["succeeded"]
    assert seconds_to_stop(journal["failover"]) < 8.0
    assert all(row["summary"]["lost"] > 10 for row in journal["failover"]["targets"].values())


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (64, "the embedded emulator cannot start: Too many open files; the limit is 64: raise it"),
        (100, "measuring 4 targets needs 1"),
    ],
)
def test_embedded_emulator_without_room_is_refused(tmp_path: Path, limit: int, reason: str) -> None:
    """Also where the emulator itself has none."""
    journal, _ = run(tmp_path, *embedded(tmp_path, (limit, limit), 4))

    first, *_ = journal["failover"]["verdict"]["reasons"]
    assert first.startswith(f"The run could not begin: {reason}")
    assert journal["failover"]["cut_at"] is None


def embedded(
    folder: Path, limits: tuple[int, int], count: int
) -> tuple[dict[str, Any], tuple[int, int], dict[str, str]]:
    """
    Return an experiment on the embedded emulator, and how to run it.
    """
    ports = {name: free_port() for name in ("portal", "echo", "ledger")}
    services = {name: {"port": port} for name, port in ports.items()}
    topology = folder / "topology.yaml"
    topology.write_text(safe_dump({"extends": "broken-standby", "services": services}), "utf-8")
    portal = f"http://127.0.0.1:{ports['portal']}/"
    targets = {f"portal-{n}": portal for n in range(count)}
    return (
        drill(targets, topology=str(topology)),
        limits,
        {"ALIBABA_CLOUD_ENDPOINT_VPC": "emulator"},
    )


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
def test_clients_of_services_leave_files_for_the_api(cloud: Cloud) -> None:
    """However many connections they hold, a test can be read and stopped."""
    resource.prlimit(cloud.process.pid, resource.RLIMIT_NOFILE, (64, 64))
    url = urlsplit(cloud.portal)

    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(socket.create_connection((str(url.hostname), url.port or 80), 5))
        time.sleep(1.0)
        state = httpx.get(f"{cloud.url}/_emulator/state", timeout=5.0, trust_env=False)

    assert state.status_code == 200
