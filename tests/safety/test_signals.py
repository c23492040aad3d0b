"""
Whatever ends a run, and whenever, the circuit comes back.

The full matrix takes a while: `pytest -m matrix`. Without it, a covering subset runs: every signal,
moment and strategy at least once, and every version, since the tests run on each.
"""

import itertools
import os
import signal
import time
from pathlib import Path

import pytest
from drills import experiment
from live import Cloud, Runner

SIGNALS: dict[str, tuple[signal.Signals, ...]] = {
    "SIGINT": (signal.SIGINT,),
    "SIGTERM": (signal.SIGTERM,),
    "SIGHUP": (signal.SIGHUP,),
    "SIGQUIT": (signal.SIGQUIT,),
    "SIGKILL": (signal.SIGKILL,),
    "two SIGINTs": (signal.SIGINT, signal.SIGINT),
    "SIGINT then SIGTERM": (signal.SIGINT, signal.SIGTERM),
}
UNCATCHABLE = {"SIGQUIT", "SIGKILL"}

# Where the signal lands -> the line of the log that says that the run is there.
MOMENTS = {
    "creating": "Action: cut-the-circuit",
    "waiting for Testing": "is Starting",
    "in a pause": "Pausing after activity",
    "in a process action": "Action: work-in-a-process",
    "in a background action": "Action: work-in-the-background",
    "in the hypothesis": "-> Testing",
    "in a rollback": "Action: roll-back-slowly",
    "in the last hook": "Experiment ended with status",
}
STRATEGIES = ("default", "always")

# Seconds of emulator time, which runs as ours does here, after the end of the runner.
LONGEST_RESTORE = 10.0

CELLS = list(itertools.product(SIGNALS, MOMENTS, STRATEGIES))
COVERING = [
    ("SIGINT", "in a pause", "default"),
    ("SIGTERM", "waiting for Testing", "always"),
    ("SIGHUP", "in a process action", "default"),
    ("SIGQUIT", "in a background action", "always"),
    ("SIGKILL", "creating", "default"),
    ("two SIGINTs", "in the hypothesis", "always"),
    ("SIGINT then SIGTERM", "in a rollback", "default"),
    ("SIGTERM", "in the last hook", "default"),
]


def interrupt(runner: Runner, moment: str, signals: tuple[signal.Signals, ...]) -> None:
    runner.wait_for(MOMENTS[moment])
    # A creation is under way for as long as the emulator makes it slow.
    time.sleep(0.5)
    for number, signum in enumerate(signals):
        if number:
            time.sleep(0.5)
        if runner.process.poll() is None:
            os.kill(runner.process.pid, signum)


def run_cell(cloud: Cloud, folder: Path, signals: str, moment: str, strategy: str) -> None:
    if moment == "creating":
        cloud.fault(fault="slow", operation="CreateFailoverTestJob", seconds=2.0)
    runner = Runner(experiment(moment, strategy, cloud.portal), folder, cloud.exports)
    try:
        interrupt(runner, moment, SIGNALS[signals])
        code = runner.end()
        took = cloud.seconds_until_restored()
        record(signals, moment, strategy, code, took)
        assert took < LONGEST_RESTORE, runner.log
        assert code != 0 or moment == "in the last hook", runner.log
        if signals not in UNCATCHABLE and moment != "in the last hook":
            first = SIGNALS[signals][0].name
            assert runner.journal["interruption"]["name"] == first, runner.log
            assert runner.journal["status"] == "interrupted"
            check_summary(runner)
        # Nothing comes back to life after the run.
        time.sleep(0.5)
        assert set(cloud.statuses()) <= {"Init", "Stopped"}
    finally:
        runner.close()


def check_summary(runner: Runner) -> None:
    """
    Check that the summary begins with what is back, and that it is as the journal has it.

    The guard and the rollback both stop the test; each status is told once. A rollback that begins
    later than that tells what it has found, which is `Stopped`.
    """
    lines = [line.split("] ", 1)[-1].strip() for line in runner.lines]
    first = lines[lines.index(next(line for line in lines if line.startswith("VERDICT: "))) - 1]
    backs = [each for each in runner.journal["failover"]["events"] if each["kind"] == "back"]
    since = f"back since {backs[-1]['at'][11:19]} UTC: " if backs else "started no failover test"
    assert since in first, runner.log
    told = [line for line in lines if line.startswith("Failover test ")]
    again = [line for line in set(told) if told.count(line) > 1]
    assert all(line.endswith(" is Stopped") for line in again), runner.log
    assert any(line.startswith("To render the report: chaos failover report ") for line in lines)


def record(signals: str, moment: str, strategy: str, code: int, took: float) -> None:
    """
    Write a line of the table for the documentation, where one is wanted.
    """
    if path := os.environ.get("MATRIX_TABLE"):
        with Path(path).open("a", encoding="utf-8") as table:
            table.write(f"{signals}|{moment}|{strategy}|{code}|{took:.2f}\n")


@pytest.mark.parametrize(
    ("signals", "moment", "strategy"),
    [*COVERING[:5], *(pytest.param(*cell, marks=pytest.mark.long) for cell in COVERING[5:])],
)
def test_circuit_comes_back(
    cloud: Cloud, tmp_path: Path, signals: str, moment: str, strategy: str
) -> None:
    """The job is `Stopped`, traffic flows, and the exit code is not 0."""
    run_cell(cloud, tmp_path, signals, moment, strategy)


@pytest.mark.matrix
@pytest.mark.parametrize(("signals", "moment", "strategy"), CELLS)
def test_circuit_comes_back_in_every_cell(
    cloud: Cloud, tmp_path: Path, signals: str, moment: str, strategy: str
) -> None:
    """As above, for every signal at every moment with both strategies."""
    run_cell(cloud, tmp_path, signals, moment, strategy)


def test_covering_subset_covers() -> None:
    """Every signal, moment and strategy occurs in it."""
    signals, moments, strategies = map(set, zip(*COVERING, strict=True))

    assert (signals, moments, strategies) == (set(SIGNALS), set(MOMENTS), set(STRATEGIES))
