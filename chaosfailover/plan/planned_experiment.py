"""
A planned experiment as its file has it, possibly edited: what it cuts, watches and expects.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chaosfailover.verdict.values import mapping, mappings

__all__ = ["EXTENSION", "PlannedExperiment", "planned_experiment"]

EXTENSION = "failover-plan"
"""The extension of an experiment that holds the verdict expected of a rehearsal."""

Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PlannedExperiment:
    """
    The parts of an experiment that a plan depends on; what the file leaves out is empty.

    `settings` is the configuration where the environment sets nothing. `watched` are the URLs of
    the control's targets, by name. `late` are the tests that are expected to exceed the RTO, None
    if the experiment names none.
    """

    settings: Document
    cut_circuits: tuple[str, ...]
    watched: Mapping[str, str]
    expected: str
    late: frozenset[str] | None

    @property
    def standby_circuit_id(self) -> str:
        """
        The standby circuit of an experiment that tests one circuit; else empty.
        """
        return _text(self.settings.get("standby_circuit_id"))

    @property
    def duration_minutes(self) -> float | None:
        """
        How long a test may last; None if the experiment does not set it.
        """
        minutes = self.settings.get("duration_minutes")
        is_number = isinstance(minutes, int | float) and not isinstance(minutes, bool)
        return float(minutes) if is_number else None  # type: ignore[arg-type]


def planned_experiment(document: object) -> PlannedExperiment | None:
    """
    Return a document as an experiment; None if it is none.
    """
    experiment = mapping(document)
    if "method" not in experiment:
        return None
    settings = {
        str(key): entry.get("default") if isinstance(entry, Mapping) else entry
        for key, entry in mapping(experiment.get("configuration")).items()
    }
    extensions = mappings(experiment.get("extensions"))
    plan = next((entry for entry in extensions if entry.get("name") == EXTENSION), {})
    late = plan.get("late")
    return PlannedExperiment(
        settings,
        cut_circuits=tuple(dict.fromkeys(_cut_circuits(experiment, settings))),
        watched=dict(_watched(experiment, settings)),
        expected=str(plan.get("expected") or "held"),
        late=frozenset(map(str, late)) if isinstance(late, list) else None,
    )


def _cut_circuits(experiment: Document, settings: Document) -> Iterator[str]:
    for activity in mappings(experiment.get("method")):
        provider = mapping(activity.get("provider"))
        arguments = mapping(provider.get("arguments"))
        kind = arguments.get("resource_type", "PHYSICALCONNECTION")
        if provider.get("func") == "create_failover_test" and kind == "PHYSICALCONNECTION":
            ids = arguments.get("resource_ids")
            for each in ids if isinstance(ids, list) else [ids]:
                yield _resolved(settings, each)


def _watched(experiment: Document, settings: Document) -> Iterator[tuple[str, str]]:
    for control in mappings(experiment.get("controls")):
        arguments = mapping(mapping(control.get("provider")).get("arguments"))
        for name, target in mapping(arguments.get("targets")).items():
            url = target.get("url") if isinstance(target, Mapping) else target
            yield str(name), _resolved(settings, url)


def _resolved(settings: Document, value: object) -> str:
    text = _text(value)
    if text.startswith("${") and text.endswith("}"):
        return _text(settings.get(text[2:-1]))
    return text


def _text(value: object) -> str:
    return "" if value is None else str(value)
