"""
The rehearsal of one planned experiment: how it is run, and how its outcome compares with the plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chaosfailover.plan.planned_experiment import PlannedExperiment, planned_experiment
from chaosfailover.plan.topology import Topology, owner_of
from chaosfailover.verdict.journal import brief
from chaosfailover.verdict.values import mapping, mappings
from chaosfailover.verdict.verdict import VERDICTS, examine

__all__ = ["Rehearsal", "RehearsalOutcome", "rehearsals", "surprise", "verdict_of"]

Document = Mapping[str, object]

LATE = ("rto", "rto_again", "rto_open", "unrecovered")
"""The reasons of a test that exceeded its RTO."""

HYPOTHESIS = ("deviated_after", "deviated_during")
"""The reasons that follow from an exceeded RTO, since the hypothesis checks it too."""


@dataclass(frozen=True)
class Rehearsal:
    """
    An experiment to run: its file, the expected verdict, and the services of its portals.

    `portals` are services of the merged topology, by entry of the configuration. `key` is the
    access key of the account, `folder` that of the region. `late` are the tests that are expected
    to exceed the RTO, None if the plan names none. A rehearsal with a `problem` is not run.
    """

    folder: str
    file: str
    expected: str = "held"
    key: tuple[str, str] = ("", "")
    portals: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None
    late: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class RehearsalOutcome:
    """
    A rehearsal, its verdict, its duration in seconds, and its journal.

    `surprise` is what differs from the plan in a run that was expected to deviate.
    """

    rehearsal: Rehearsal
    verdict: str
    seconds: float
    journal: Path
    surprise: str = ""

    @property
    def as_expected(self) -> bool:
        """
        Whether the outcome is the one that the plan expects.
        """
        return not self.problem and self.verdict == self.rehearsal.expected

    @property
    def problem(self) -> str | None:
        """
        Why it was not run, or what differs from the plan.
        """
        return self.rehearsal.problem or self.surprise or None

    def as_dict(self) -> dict[str, object]:
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


def rehearsals(
    folder: str, topology: Topology, experiments: Mapping[str, object]
) -> list[Rehearsal]:
    """
    Return what is to be run in one folder; documents that are no experiments are left out.

    An experiment that does not watch the circuits it cuts has a problem: it would always hold.
    """
    key = next(iter(topology["accounts"][owner_of(topology)]["access_keys"].items()))
    circuits = {
        f"http://127.0.0.1:{service.get('port')}/": name
        for name, service in topology["services"].items()
    }
    return [
        Rehearsal(
            folder,
            file,
            experiment.expected,
            key,
            _portals(folder, experiment, circuits),
            _not_a_verdict(experiment.expected) or _unwatched(experiment, circuits),
            experiment.late,
        )
        for file, document in experiments.items()
        if (experiment := planned_experiment(document))
    ]


def verdict_of(exit_code: int, journal: Document) -> str:
    """
    Return the verdict in a run's journal; without one, derive it from the toolkit's own result.
    """
    verdict = mapping(mapping(journal.get("failover")).get("verdict"))
    if verdict.get("verdict"):
        return str(verdict["verdict"])
    if journal.get("deviated") is True:
        return "deviated"
    if journal.get("status") == "interrupted":
        return "aborted"
    runs = [*mappings(journal.get("run")), *mappings(journal.get("rollbacks"))]
    succeeded = bool(runs) and all(run.get("status") == "succeeded" for run in runs)
    return "held" if exit_code == 0 and succeeded else "inconclusive"


def surprise(late: frozenset[str] | None, journal: Document) -> str:
    """
    Return what differs from the plan in a run that deviated as expected; empty if nothing does.

    `late` are the tests that are expected to exceed their RTO, and no other reason is expected;
    None if the plan does not name them.
    """
    if late is None:
        return ""
    reasons = examine(journal)
    actual = {reason.values["test"] for reason in reasons if reason.key in LATE}
    expected = {brief(test) for test in late}
    differences = {
        "not in time": sorted(actual - expected),
        "in time": sorted(expected - actual),
        "also": sorted({reason.key for reason in reasons} - {*LATE, *HYPOTHESIS}),
    }
    return "; ".join(f"{what}: {', '.join(names)}" for what, names in differences.items() if names)


def _portals(
    folder: str, experiment: PlannedExperiment, circuits: Mapping[str, str]
) -> dict[str, str]:
    return {
        key: f"{folder}/{circuits[str(url)]}"
        for key, url in experiment.settings.items()
        if str(url) in circuits
    }


def _not_a_verdict(expected: str) -> str | None:
    if expected in VERDICTS:
        return None
    return f"it expects {expected!r}, not {' or '.join(VERDICTS)}"


def _unwatched(experiment: PlannedExperiment, circuits: Mapping[str, str]) -> str | None:
    """
    Return which circuit's portal an experiment does not watch; `circuits` are those of the URLs.
    """
    for name, url in experiment.watched.items():
        if name in circuits.values() and circuits.get(url) != name:
            return f"its target {name} is {_service(url, circuits)}"
    watched = {circuits.get(url) for url in experiment.watched.values()}
    for circuit_id in experiment.cut_circuits:
        if circuit_id not in watched:
            services = [_service(url, circuits) for url in experiment.watched.values()]
            return f"it cuts {circuit_id} and watches {', '.join(services) or 'nothing'}"
    return None


def _service(url: str, circuits: Mapping[str, str]) -> str:
    if url in circuits:
        return f"the service of {circuits[url]}"
    return f"{url}, no service of the plan"
