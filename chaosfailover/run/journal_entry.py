"""
What the control leaves in the journal, under its own key.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from chaoslib import experiment_hash
from chaoslib.types import Experiment

from chaosfailover.alibaba import config
from chaosfailover.events import Event
from chaosfailover.prober.measurement import Measurement
from chaosfailover.run.settings import Settings
from chaosfailover.safety.cut import Cut
from chaosfailover.safety.guarded_test import StopOutcome
from chaosfailover.safety.preflight import PreflightCheck

__all__ = ["RunFacts", "make_entry"]

ENTRY_VERSION = 1
TOOLS = ("chaostoolkit-failover", "chaostoolkit-lib", "chaostoolkit")


@dataclass(slots=True)
class RunFacts:
    """
    What is known of a run, filled in as it goes on.

    `lost` holds for each test what goes down with it. `mode` is REHEARSAL where an emulator
    answers, LIVE where anything else does.
    """

    settings: Settings
    configuration: Mapping[str, Any]
    mode: str = "LIVE"
    topology: str | None = None
    account_id: str | None = None
    clock_offset: float | None = None
    aborted: str = ""
    cuts: list[Cut] = field(default_factory=list)
    lost: dict[str, list[str]] = field(default_factory=dict)
    checks: list[PreflightCheck] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def make_entry(
    facts: RunFacts,
    experiment: Experiment,
    measured: Measurement | None,
    outcomes: Sequence[StopOutcome],
) -> dict[str, Any]:
    """
    Return the control's entry of the journal, with the configuration as it is: to be redacted.
    """
    dry = experiment.get("dry")
    return {
        "version": ENTRY_VERSION,
        "mode": facts.mode,
        "account_id": facts.account_id,
        "region_id": facts.configuration.get(config.REGION_ID),
        "endpoint": facts.configuration.get(config.ENDPOINT) or "cloud",
        "topology": facts.topology,
        "settings": asdict(facts.settings),
        "configuration": {key: _plain(value) for key, value in facts.configuration.items()},
        "versions": _versions(),
        "experiment_hash": experiment_hash(_as_written(experiment)),
        "dry": getattr(dry, "value", dry),
        "preflight": [check.as_dict() for check in facts.checks],
        "cuts": [asdict(cut) | {"lost": facts.lost.get(cut.test, [])} for cut in facts.cuts],
        "events": list(facts.events),
        "targets": measured.as_dict() if measured else {},
        "clock_offset": facts.clock_offset,
        "cut_at": _first(facts.events, "cut"),
        "stop_at": _first(facts.events, "stop"),
        "stopped": [outcome.as_dict() for outcome in outcomes],
    }


def _as_written(experiment: Experiment) -> Experiment:
    """
    Leave out what the toolkit puts into an experiment for the run, which JSON cannot hold.
    """
    return {key: value for key, value in experiment.items() if key != "dry"}


def _versions() -> dict[str, str]:
    known = {"python": platform.python_version(), "platform": platform.platform()}
    for tool in TOOLS:
        try:
            known[tool] = version(tool)
        except PackageNotFoundError:
            continue
    return known


def _first(events: Sequence[Event], kind: str) -> str | None:
    return next((event["at"] for event in events if event["kind"] == kind), None)


def _plain(value: Any) -> Any:
    """
    Keep what JSON can hold; a configuration may hold whatever a dynamic entry returned.
    """
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
