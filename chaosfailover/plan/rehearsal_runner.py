"""
The processes of a rehearsal: each experiment is a `chaos run` of its own.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from chaosfailover.plan.rehearsal import Rehearsal
from chaosfailover.plan.rehearsal_outcome import surprise, verdict_of

__all__ = ["RehearsalOutcome", "Runner"]

OURS = ("ALIBABA", "FAILOVER")
JOURNAL = "journal.json"
NOT_RUN = "not run"
PATIENCE = 60.0
"""How long an interrupted run may take to bring back what it cut, in seconds."""


@dataclass(frozen=True, slots=True)
class RehearsalOutcome:
    """
    One rehearsal, what it came to, how many seconds it took, and where its journal is.

    `surprise` tells what the plan did not foresee in a run that was expected to deviate.
    """

    rehearsal: Rehearsal
    verdict: str
    seconds: float
    journal: Path
    surprise: str = ""

    @property
    def as_expected(self) -> bool:
        """
        Whether it came to what the plan foresaw.
        """
        return not self.problem and self.verdict == self.rehearsal.expected

    @property
    def problem(self) -> str | None:
        """
        Why it was not run, or what the plan did not foresee.
        """
        return self.rehearsal.problem or self.surprise or None

    def as_dict(self) -> dict[str, Any]:
        """
        Return the outcome as JSON can hold it.
        """
        return {
            "file": self.rehearsal.file,
            "expected": self.rehearsal.expected,
            "verdict": self.verdict,
            "problem": self.problem,
            "seconds": round(self.seconds, 1),
            "journal": str(self.journal),
        }


class Runner:
    """
    Runs the experiments of a plan on one emulator. Nothing that it started outlives it, unless it
    is killed.

    `plan` is the folder of the plan; each run leaves its journal and its log in a folder of its
    own below `journals`.
    """

    def __init__(
        self, plan: Path, journals: Path, endpoint: str, service_urls: Mapping[str, str]
    ) -> None:
        self._plan = plan.resolve()
        self._journals = journals.resolve()
        self._endpoint = endpoint
        self._service_urls = service_urls
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = Lock()
        self._over = False

    def run(
        self,
        folders: Iterable[Sequence[Rehearsal]],
        *,
        width: int,
        told: Callable[[RehearsalOutcome], None],
    ) -> list[RehearsalOutcome]:
        """
        Run the experiments of each folder one after another, and `width` folders at a time.

        One failover test may run in a region; the folders are the regions. An interruption stops
        what runs and waits until each has brought back what it cut.
        """
        lanes = list(folders)
        with ThreadPoolExecutor(max_workers=width) as pool:
            asked = [pool.submit(self._lane, lane, told) for lane in lanes]
            try:
                return self._gathered(asked)
            finally:
                self._stop()
                pool.shutdown(cancel_futures=True)

    def _gathered(
        self, asked: Sequence["Future[list[RehearsalOutcome]]"]
    ) -> list[RehearsalOutcome]:
        for done in as_completed(asked):
            done.result()
        return [outcome for each in asked for outcome in each.result()]

    def _lane(
        self, rehearsals: Sequence[Rehearsal], told: Callable[[RehearsalOutcome], None]
    ) -> list[RehearsalOutcome]:
        outcomes = []
        for rehearsal in rehearsals:
            if not self._over:
                outcomes.append(self._rehearse(rehearsal))
                told(outcomes[-1])
        return outcomes

    def _rehearse(self, rehearsal: Rehearsal) -> RehearsalOutcome:
        folder = self._journals / Path(rehearsal.file).with_suffix("")
        if rehearsal.problem:
            return RehearsalOutcome(rehearsal, NOT_RUN, 0.0, folder / JOURNAL)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / JOURNAL).unlink(missing_ok=True)
        began = time.monotonic()
        exit_code = self._wait(rehearsal, folder)
        journal = _journal(folder / JOURNAL)
        verdict, late = verdict_of(exit_code, journal), rehearsal.late
        unforeseen = surprise(late, journal) if verdict == rehearsal.expected == "deviated" else ""
        seconds = time.monotonic() - began
        return RehearsalOutcome(rehearsal, verdict, seconds, folder / JOURNAL, unforeseen)

    def _wait(self, rehearsal: Rehearsal, folder: Path) -> int:
        with (folder / "output.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter, files of the plan
                self._command(rehearsal),
                cwd=folder,
                env=self._environment(rehearsal),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        with self._lock:
            self._running.add(process)
        if self._over:
            process.terminate()
        try:
            return process.wait()
        finally:
            with self._lock:
                self._running.discard(process)

    def _command(self, rehearsal: Rehearsal) -> list[str]:
        urls = {key: self._service_urls[name] for key, name in rehearsal.portals.items()}
        values = {"alibaba_cloud_role_arn": "", **urls}
        chosen = [part for key, value in values.items() for part in ("--var", f"{key}={value}")]
        chaos = [sys.executable, "-m", "chaostoolkit", "--no-version-check"]
        return [*chaos, "run", *chosen, str(self._plan / rehearsal.file)]

    def _environment(self, rehearsal: Rehearsal) -> dict[str, str]:
        """
        Return an environment that leads to the emulator and nowhere else.
        """
        rest = {key: text for key, text in os.environ.items() if not key.startswith(OURS)}
        access_key_id, access_key_secret = rehearsal.key
        return rest | {
            "ALIBABA_CLOUD_ENDPOINT_VPC": self._endpoint,
            "ALIBABA_CLOUD_ACCESS_KEY_ID": access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": access_key_secret,
        }

    def _stop(self) -> None:
        self._over = True
        with self._lock:
            running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def _journal(file: Path) -> dict[str, Any]:
    """
    Return the journal of a run; empty if it left none that can be read.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
