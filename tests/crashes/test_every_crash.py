"""
Wherever a run is crashed, nothing is left down, and what is told of it is true.

Every point of the bundled experiments takes up to two hours: `pytest -m crashes -n 2`. It goes on
where it ended, see `Ledger`. Without it, a covering sample runs.
"""

import fcntl
import json
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from crash_points import EXPERIMENTS, Crash, Point, crashes, read
from crash_runs import Result, crash, crash_cloud, toolkit
from live import Cloud

LANES = 2
ATTEMPTS = 3

SAMPLE = [
    Crash("effect", "CreateFailoverTestJob", 1, "SIGKILL"),
    Crash("evidence", "event cut", 1, "SIGKILL"),
    Crash("request", "StartFailoverTestJob", 1, "SIGINT"),
    Crash("effect", "StartFailoverTestJob", 1, "SIGKILL"),
    Crash("effect", "StartFailoverTestJob", 1, "reply lost"),
    Crash("reply", "StartFailoverTestJob", 1, "SIGKILL"),
    Crash("reply", "CreateFailoverTestJob (dry run)", 1, "SIGINT"),
    Crash("pipe", "watch", 2, "watchdog killed"),
    Crash("effect", "StopFailoverTestJob", 1, "SIGKILL"),
]


class Ledger:
    """
    The points that were recorded, and the results, in the folder that CRASHES names.

    Without CRASHES, it is one of the folder for temporary files. To begin anew, remove it.
    """

    def __init__(self) -> None:
        given = os.environ.get("CRASHES")
        self.folder = Path(given) if given else Path(tempfile.gettempdir()) / "failover-crashes"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._results = self.folder / "results.jsonl"

    def todo(self, cloud: Cloud, folder: Path) -> list[tuple[str, Crash]]:
        """
        Return all crashes of this toolkit, recording the points unless that was done.
        """
        with self._alone():
            events = {name: self._events(cloud, folder, name) for name in EXPERIMENTS}
        found = [
            (name, each) for name in EXPERIMENTS for each in crashes(events[name], name, toolkit())
        ]
        # So that what was done until one stops it is a fair sample of all.
        return random.Random(0).sample(found, len(found))

    def results(self) -> dict[tuple[str, Crash], Result]:
        """
        Return the results of this toolkit.
        """
        text = self._results.read_text(encoding="utf-8") if self._results.exists() else ""
        results = [Result(**json.loads(line)) for line in text.splitlines()]
        return {
            (each.experiment, Crash(each.kind, each.operation, each.n, each.act)): each
            for each in results
            if each.toolkit == toolkit()
        }

    def add(self, result: Result) -> None:
        """
        Add a result.
        """
        with self._alone(), self._results.open("a", encoding="utf-8") as file:
            file.write(result.line())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _events(self, cloud: Cloud, folder: Path, experiment: str) -> list[Point]:
        """
        Return the events of a whole run; on a busy machine one may prove nothing.
        """
        file = self.folder / f"events-{experiment}-{toolkit()}.jsonl"
        for attempt in range(0 if file.exists() else ATTEMPTS):
            place = folder / f"{experiment}-{attempt}"
            place.mkdir()
            result = crash(cloud, place, experiment, None)
            if result.verdict == "held" and not result.problems:
                shutil.copy(place / "events.jsonl", file)
                break
        return read(file)


def crashed(cloud: Cloud, folder: Path, experiment: str, planned: Crash) -> Result:
    """
    Return the result of a crash, also if the run did not end or nothing came back.
    """
    try:
        return crash(cloud, folder, experiment, planned)
    except AssertionError as exc:
        problems = [str(exc)]
        return Result(
            experiment, toolkit(), *planned, True, 0, "the run did not end", 0.0, problems
        )


@pytest.mark.long
@pytest.mark.parametrize("planned", SAMPLE, ids=lambda each: "-".join(map(str, each)))
def test_crash(tmp_path: Path, planned: Crash) -> None:
    """
    Nothing is left down or running, and evidence, report and exit code are true.

    On a busy machine a run may be refused before it reaches the point; then another is made.
    """
    with crash_cloud(tmp_path) as cloud:
        for attempt in range(ATTEMPTS):
            place = tmp_path / f"{attempt}"
            place.mkdir()
            result = crash(cloud, place, "circuit-failover", planned)
            assert result.problems == []
            if result.reached:
                break

    assert result.reached, result.reasons


@pytest.mark.crashes
@pytest.mark.parametrize("lane", range(LANES))
def test_every_crash(tmp_path: Path, lane: int) -> None:
    """As above, at every point; each lane takes its share."""
    ledger = Ledger()
    with crash_cloud(tmp_path) as cloud:
        todo = ledger.todo(cloud, tmp_path)[lane::LANES]
        for number, (experiment, planned) in enumerate(todo):
            if (experiment, planned) not in ledger.results():
                place = tmp_path / f"{number}"
                place.mkdir()
                result = crashed(cloud, place, experiment, planned)
                ledger.add(result)
                if not result.problems:
                    shutil.rmtree(place)

    results = ledger.results()
    assert [results[each] for each in todo if results[each].problems] == []
