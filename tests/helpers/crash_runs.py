"""
One run that is crashed, and what is then looked at: the cloud, the evidence, the exit code.
"""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import chaoslib
import httpx
import yaml
from click.testing import CliRunner
from crash_points import Crash, acted, read
from live import Cloud, Runner, emulated_cloud
from processes import children, outliving

from chaosfailover.cli import failover
from chaosfailover.record import Evidence, read_evidence
from chaosfailover.verdict.verdict import Verdict, judge

__all__ = ["Result", "crash", "crash_cloud", "toolkit"]

FOLDER = Path(__file__).parents[2] / "experiments"
SCRIPT = Path(__file__).with_name("crash_runner.py")
CUTS = {"circuit-failover": 1, "game-day": 2}
# Seconds of an emulated minute: a test that nobody stops would cut for 100 s.
MINUTE = 20.0
RTO = 3.0
# Seconds of 503, and for which a start without an answer may take effect.
UNAVAILABLE = 30.0
SIGNATURES = 10.0
# Seconds from the end of the run, or from the crash, until nothing is down, on a busy machine.
AFTER_END = 15.0
AFTER_SIGNAL = 40.0
LONGEST_RUN = 180.0
INTERRUPTED = ("SIGKILL", "SIGINT")


@dataclass(frozen=True, slots=True)
class Result:
    """
    What a crash came to; `problems` are the promises that were broken.

    `seconds` is how long it took from the crash until nothing ran, and `code` the exit code;
    `reasons` are those of the verdict.
    """

    experiment: str
    toolkit: str
    kind: str
    operation: str
    n: int
    act: str
    reached: bool
    code: int
    verdict: str
    seconds: float
    problems: list[str]
    reasons: tuple[str, ...] = ()

    def line(self) -> str:
        """
        Return the result as a line of JSON.
        """
        return json.dumps(asdict(self)) + "\n"


def toolkit() -> str:
    """
    Return the version of the toolkit, without its last number.
    """
    return str(chaoslib.__version__).rpartition(".")[0]


@contextmanager
def crash_cloud(folder: Path) -> Iterator[Cloud]:
    """
    Run an emulator for crashes, one after the other.
    """
    with emulated_cloud(
        folder, "--minute", f"{MINUTE:g}", "--timestamp-window", f"{SIGNATURES:g}"
    ) as cloud:
        yield cloud


def crash(cloud: Cloud, folder: Path, experiment: str, planned: Crash | None) -> Result:
    """
    Run an experiment, crash it where it is planned, and look at what is left.
    """
    cloud.reset()
    before, since = children(), time.monotonic()
    plan = json.dumps(planned._asdict() if planned else {})
    runner = Runner(
        _experiment(experiment),
        folder,
        {**cloud.exports, "FAILOVER_RTO": f"{RTO:g}"},
        command=[sys.executable, "-P", str(SCRIPT), plan, "events.jsonl"],
    )
    try:
        code = _end(runner, cloud, folder)
        took = cloud.seconds_until_restored()
        at = acted(folder / "events.jsonl")
        seconds = time.time() - at if at else 0.0
    finally:
        runner.close()
    left = outliving(before)
    look = _Look(cloud, folder, experiment, planned, at, code, since)
    problems = [f"left: {each}" for each in left] + list(look.problems(took, seconds))
    point = planned or Crash("", "", 0, "")
    shown, reasons = "no evidence", tuple[str, ...]()
    if look.verdict:
        shown, reasons = look.verdict.verdict, look.verdict.reasons
    return Result(
        experiment,
        toolkit(),
        *point,
        reached=at is not None,
        code=code,
        verdict=shown,
        seconds=round(seconds, 2),
        problems=problems,
        reasons=reasons,
    )


def _experiment(name: str) -> dict[str, Any]:
    """
    Return a bundled experiment that takes as little time as it can, and keeps its evidence.
    """
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    document["controls"][0]["provider"]["arguments"] |= {
        "evidence": "evidence.jsonl",
        "minute": MINUTE,
        "baseline": 1.0,
        "after_stop": 1.0,
    }
    return document


def _end(runner: Runner, cloud: Cloud, folder: Path) -> int:
    """
    Wait until a run has ended, and a time of 503 that began in it.
    """
    deadline, over = time.monotonic() + LONGEST_RUN, False
    while runner.process.poll() is None or (not over and _is_unavailable(cloud)):
        assert time.monotonic() < deadline, f"the run does not end:\n{runner.log}"
        if not over and _is_unavailable(cloud):
            at = acted(folder / "events.jsonl")
            over = at is not None and time.time() - at >= UNAVAILABLE
            if over:
                httpx.delete(f"{cloud.url}/_emulator/faults", trust_env=False)
        time.sleep(0.2)
    return runner.end()


def _is_unavailable(cloud: Cloud) -> bool:
    return bool(_state(cloud)["faults"])


def _state(cloud: Cloud) -> dict[str, Any]:
    state: dict[str, Any] = httpx.get(f"{cloud.url}/_emulator/state", trust_env=False).json()
    return state


class _Look:
    """
    What is seen after a run.
    """

    def __init__(
        self,
        cloud: Cloud,
        folder: Path,
        experiment: str,
        planned: Crash | None,
        at: float | None,
        code: int,
        since: float,
    ) -> None:
        state = _state(cloud)
        self._jobs: list[dict[str, Any]] = state["jobs"]
        self._down: list[str] = state["down"]
        truth = httpx.get(f"{cloud.url}/_emulator/ground-truth", trust_env=False).json()
        self._outages = [each for each in truth["portal"] if each["start"] >= since]
        self._folder = folder
        self._experiment = experiment
        self._act = planned.act if planned and at is not None else ""
        self._events = read(folder / "events.jsonl")
        self._planned = planned
        self._code = code
        file = folder / "evidence.jsonl"
        content = file.read_bytes() if file.exists() else b""
        self._evidence: Evidence | None = read_evidence(content) if b"\n" in content else None
        self.verdict: Verdict | None = judge(self._evidence.journal) if self._evidence else None

    def problems(self, took: float, seconds: float) -> Iterator[str]:
        """
        Yield a sentence for each promise that was broken.
        """
        if took > AFTER_END:
            yield f"restored {took:.1f} s after the end"
        if self._act in INTERRUPTED and seconds > AFTER_SIGNAL:
            yield f"restored {seconds:.1f} s after {self._act}"
        yield from self._of_the_cloud()
        yield from self._of_the_code()
        if self._evidence and self.verdict:
            yield from self._of_the_verdict(self.verdict)
            yield from self._of_the_evidence(self._evidence)
            yield from self._of_the_journal(self.verdict)
            yield from self._of_the_report()
        elif self._jobs:
            yield "a test was created, and there is no evidence"

    def _of_the_cloud(self) -> Iterator[str]:
        if {job["Status"] for job in self._jobs} - {"Init", "Stopped"}:
            yield f"a test is under way: {self._jobs}"
        if self._down or any(each["end"] is None for each in self._outages):
            yield f"{self._down} is down, and traffic is lost: {self._outages}"

    def _of_the_code(self) -> Iterator[str]:
        if self._act == "SIGKILL" and self._code != -signal.SIGKILL:
            yield f"exit code {self._code} after SIGKILL"
        held = self.verdict is not None and self.verdict.verdict == "held"
        if self._code == 0 and not held:
            yield f"exit code 0, but {self.verdict}"
        if held and self._code not in (0, -signal.SIGKILL) and not self._is_late():
            yield f"exit code {self._code}, but held"
        if self._act == "SIGINT" and not self._is_late() and self._code == 0:
            yield "exit code 0 after SIGINT"

    def _is_late(self) -> bool:
        """
        Tell whether the run was crashed when it was concluding, or had concluded.
        """
        hooks = [each.operation for each in self._events if each.kind == "hook"]
        return "after_experiment_control" in hooks

    def _of_the_verdict(self, verdict: Verdict) -> Iterator[str]:
        if verdict.verdict == "held":
            if self._act in INTERRUPTED and not self._is_late():
                yield f"held after {self._act}"
            yield from self._against_held()
        # A rollback may fail while the emulator answers nothing: that is true, and told.
        told = [each for each in verdict.reasons if not each.startswith("The rollback ")]
        if verdict.verdict == "deviated" and self._is_within_rto and told:
            yield f"nothing deviated, but {verdict.reasons}"
        if any("may still run" in reason for reason in verdict.reasons):
            yield f"nothing runs, but the verdict is {verdict}"

    def _against_held(self) -> Iterator[str]:
        """
        Yield what the cloud says against `held`.
        """
        ran = [job for job in self._jobs if job["Status"] == "Stopped" and job.get("StartTime")]
        if len(ran) != CUTS[self._experiment]:
            yield f"held, but the tests were {self._jobs}"
        if not self._outages or not self._is_within_rto:
            yield f"held, but the outages were {self._outages}"

    @property
    def _is_within_rto(self) -> bool:
        return all(each["end"] and each["end"] - each["start"] <= RTO for each in self._outages)

    def _of_the_evidence(self, evidence: Evidence) -> Iterator[str]:
        if evidence.damaged or evidence.changed or evidence.lost:
            yield f"evidence: {evidence.damaged}, {evidence.changed}, {evidence.lost}"
        entry = evidence.journal["failover"]
        told = [*entry.get("events", []), *(entry.get("stopped") or [])]
        ended = {each.get("job_id") for each in told if each.get("status") == "Stopped"}
        for job in self._jobs:
            if job["Status"] == "Stopped" and job["JobId"] not in ended:
                yield f"no evidence tells that {job['JobId']} ended"
        reasons = self.verdict.reasons if self.verdict else ()
        is_killed = self._act == "SIGKILL" and not evidence.is_whole
        if is_killed and not any("killed" in reason for reason in reasons):
            yield f"killed, but {self.verdict}"
        is_interrupted = self._act == "SIGINT" and not self._is_late() and self._jobs
        interruption = evidence.journal.get("interruption") or {}
        if is_interrupted and interruption.get("name") != "SIGINT":
            yield f"interrupted, but {interruption}"

    def _of_the_journal(self, verdict: Verdict) -> Iterator[str]:
        """
        Yield what the journal of a run that was not killed says against the evidence.

        The toolkit leaves a part of it if a signal comes while it writes.
        """
        file = self._folder / "journal.json"
        in_writing = self._planned is not None and self._planned.kind == "journal"
        if self._act == "SIGKILL" or in_writing or not (file.exists() and self._jobs):
            return
        stored = json.loads(file.read_text(encoding="utf-8"))["failover"]["verdict"]["verdict"]
        if stored != verdict.verdict:
            yield f"the journal has {stored}, the evidence {verdict}"

    def _of_the_report(self) -> Iterator[str]:
        for options in (("--verify",), ("-o", str(self._folder / "report.html"))):
            done = CliRunner().invoke(
                failover, ["report", *options, str(self._folder / "evidence.jsonl")]
            )
            if done.exit_code and "the evidence is unchanged up to line" not in done.output:
                yield f"report {options[0]}: {done.output}"
