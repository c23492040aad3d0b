"""
The processes of a rehearsal: each experiment is a `chaos run` of its own.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Lock

from chaosfailover.plan.rehearsal import Rehearsal, RehearsalOutcome, surprise, verdict_of
from chaosfailover.verdict.values import mapping

__all__ = ["Runner"]

OURS = ("ALIBABA", "FAILOVER")
JOURNAL = "journal.json"
NOT_RUN = "not run"
PATIENCE = 60.0
"""How long an interrupted run may take to restore what it cut, in seconds."""


class Runner:
    """
    Runs the experiments of a plan on one emulator. Its processes end with it, unless it is killed.

    `plan` is the folder of the plan. Each run writes its journal and its log to a folder of its
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
        on_outcome: Callable[[RehearsalOutcome], None],
    ) -> list[RehearsalOutcome]:
        """
        Run the experiments of each folder one after another, and `width` folders at a time.

        A folder is a region, in which only one failover test may run at a time. An interruption
        stops the runs and waits until each has restored what it cut.
        """
        with ThreadPoolExecutor(max_workers=width) as pool:
            lanes = [pool.submit(self._lane, folder, on_outcome) for folder in folders]
            try:
                for lane in as_completed(lanes):
                    lane.result()
                return [outcome for lane in lanes for outcome in lane.result()]
            finally:
                self._stop()
                pool.shutdown(cancel_futures=True)

    def _lane(
        self, rehearsals: Sequence[Rehearsal], on_outcome: Callable[[RehearsalOutcome], None]
    ) -> list[RehearsalOutcome]:
        outcomes = []
        for rehearsal in rehearsals:
            if not self._over:
                outcomes.append(self._rehearse(rehearsal))
                on_outcome(outcomes[-1])
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
        Return an environment that reaches the emulator and nothing else.
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


def _journal(file: Path) -> Mapping[str, object]:
    """
    Return the journal of a run; empty if there is none that can be read.
    """
    try:
        return mapping(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, RecursionError, ValueError):
        return {}
