"""
The control's entry in the journal, under the key `failover`, and what JSON can hold of a run.
"""

import json
import math
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import Enum
from importlib.metadata import PackageNotFoundError, version

from chaoslib import experiment_hash

from chaosfailover.alibaba import config
from chaosfailover.errors import ArgumentError
from chaosfailover.events import Event
from chaosfailover.prober.measurement import Measurement
from chaosfailover.record.redaction import given_secrets, inline_values, named_values
from chaosfailover.run import Configuration, Experiment
from chaosfailover.run.settings import Settings
from chaosfailover.safety.cut import Cut
from chaosfailover.safety.guarded_test import StopOutcome
from chaosfailover.safety.observation import States
from chaosfailover.safety.preflight import PreflightCheck
from chaosfailover.safety.route_checks import RouteChecks
from chaosfailover.verdict.values import mapping

__all__ = [
    "RunFacts",
    "check_depth",
    "entry_after_preflight",
    "entry_at_first",
    "hash_as_written",
    "json_object",
    "known_secrets",
    "make_entry",
    "written_secrets",
]

ENTRY_VERSION = 1
TOOLS = ("chaostoolkit-failover", "chaostoolkit-lib", "chaostoolkit")
# Deeper levels are not written: redaction and `json` recurse. `report` reads 100 levels, and the
# record, in which the configuration stands again, is itself within our entry.
DEEPEST = 96
# Longer integers are not written: Python refuses to print them.
MOST_BITS = 4096


@dataclass(slots=True)
class RunFacts:
    """
    What the entry needs of a run, filled in as the run goes on.

    `before` has what goes down with each test, and its state before. `mode` is REHEARSAL on an
    emulator, LIVE on anything else; "" before that is known; an `embedded` emulator ends
    with the run. `rollback_strategy` is the one in force, None if the toolkit did not say.
    `routes` is what the preflight read of routes and traffic, `traffic` what was read
    after it.
    """

    settings: Settings
    configuration: Configuration
    rollback_strategy: str | None = None
    mode: str = ""
    topology: str | None = None
    embedded: bool = False
    experiment_hash: str = ""
    account_id: str | None = None
    services: Mapping[str, str] | None = None
    clock_offset: float | None = None
    aborted: str = ""
    cuts: list[Cut] = field(default_factory=list)
    before: dict[str, States] = field(default_factory=dict)
    routes: RouteChecks | None = None
    traffic: list[dict[str, object]] = field(default_factory=list)
    checks: list[PreflightCheck] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def hash_as_written(experiment: Experiment) -> str:
    """
    Return the toolkit's hash of an experiment as it was written.

    The toolkit puts `dry` into it for the run, and values that its probes read into tolerances.
    """
    as_written = {key: value for key, value in experiment.items() if key != "dry"}
    return str(experiment_hash(json_object(as_written)))


def entry_at_first(facts: RunFacts, experiment: Experiment) -> dict[str, object]:
    """
    Return what the control's entry says of a run before its preflight, not yet redacted.
    """
    return {
        "version": ENTRY_VERSION,
        "mode": facts.mode or ("REHEARSAL" * config.asks_for_rehearsal(facts.configuration)),
        "account_id": facts.account_id,
        "region_id": facts.configuration.get(config.REGION_ID),
        "endpoint": facts.configuration.get(config.ENDPOINT) or "cloud",
        "topology": facts.topology,
        "settings": asdict(facts.settings),
        "configuration": facts.configuration,
        "versions": dict(_versions()),
        "experiment_hash": facts.experiment_hash,
        "dry": experiment.get("dry"),
        "rollback_strategy": facts.rollback_strategy,
        "embedded": facts.embedded,
    }


def entry_after_preflight(facts: RunFacts) -> dict[str, object]:
    """
    Return what the entry says of the preflight, or of the part of it that was made.
    """
    return {
        "account_id": facts.account_id,
        "clock_offset": facts.clock_offset,
        "preflight": [check.as_dict() for check in facts.checks],
        "cuts": [
            {**asdict(cut), "lost": _lost(facts, cut), **_network(facts, cut)} for cut in facts.cuts
        ],
    }


def make_entry(
    facts: RunFacts,
    experiment: Experiment,
    measured: Measurement | None,
    outcomes: Sequence[StopOutcome],
) -> dict[str, object]:
    """
    Return the control's entry of the journal, not yet redacted.
    """
    entry = {
        **entry_at_first(facts, experiment),
        **entry_after_preflight(facts),
        "events": facts.events,
        "cut_at": _first(facts.events, "cut"),
        "stop_at": _first(facts.events, "stop"),
        "stopped": [outcome.as_dict() for outcome in outcomes],
        "traffic": facts.traffic,
    }
    # The series of the targets are long, and JSON already.
    return {**json_object(entry), "targets": measured.as_dict() if measured else {}}


def _lost(facts: RunFacts, cut: Cut) -> list[str]:
    return [resource.resource_id for resource in facts.before.get(cut.test, ())]


def _network(facts: RunFacts, cut: Cut) -> Mapping[str, object]:
    return facts.routes.evidence.get(cut.test, {}) if facts.routes else {}


def _versions() -> Iterator[tuple[str, str]]:
    yield "python", platform.python_version()
    yield "platform", platform.platform()
    for tool in TOOLS:
        try:
            yield tool, version(tool)
        except PackageNotFoundError:
            continue


def _first(events: Sequence[Event], kind: str) -> str | None:
    return next((event["at"] for event in events if event["kind"] == kind), None)


def json_object(document: Mapping[str, object]) -> dict[str, object]:
    """
    Return a document as every JSON reader reads it back: whatever JSON lacks becomes text.

    YAML turns unquoted values into dates, numbers and booleans, also as keys, and an activity may
    return anything. The toolkit writes the journal after the run, and would lose it to one of them.
    """
    return {_key(key): _json(value, ()) for key, value in document.items()}


def known_secrets(configuration: Mapping[str, object], secrets: Mapping[str, object]) -> set[str]:
    """
    Return the secrets of a run: those that it was given, and those that are named so.
    """
    given = json_object({"configuration": configuration, "secrets": secrets})
    return {*given_secrets(given["secrets"]), *named_values(given["configuration"])}


def written_secrets(experiment: Experiment) -> set[str]:
    """
    Return the secrets of a run before the toolkit has read them: what stands in the experiment, or
    is taken from the environment, as a secret or under the name of one.
    """
    written, configuration = experiment.get("secrets"), mapping(experiment.get("configuration"))
    taken = [value for group in mapping(written).values() for value in _environment(group).values()]
    secrets = [*taken, *inline_values(written), *named_values(configuration)]
    return known_secrets(_environment(configuration), {"given": secrets})


def _environment(block: object) -> dict[str, str]:
    """
    Return what entries take from the environment, by their name and by that of the variable.
    """
    entries = ((name, mapping(entry)) for name, entry in mapping(block).items())
    keys = ((name, str(entry.get("key"))) for name, entry in entries if entry.get("type") == "env")
    return {each: os.environ.get(key, "") for name, key in keys for each in (name, key)}


def check_depth(experiment: Experiment) -> None:
    """
    Raise ArgumentError for a value that no journal can hold: within itself, or nested too deep.
    """
    _check_depth(experiment, (), ())


def _check_depth(value: object, place: tuple[str, ...], parents: tuple[int, ...]) -> None:
    if id(value) in parents or len(parents) > DEEPEST:
        raise ArgumentError(
            f"the experiment's {'.'.join(place[:5])} contains itself, or is nested more than "
            f"{DEEPEST} levels deep: the journal could not be written"
        )
    if isinstance(value, Mapping | list | tuple):
        members = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, inner in members:
            _check_depth(inner, (*place, _key(key)), (*parents, id(value)))


def _json(value: object, parents: tuple[int, ...]) -> object:
    if isinstance(value, Enum):
        return _json(value.value, parents)
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if id(value) in parents or len(parents) > DEEPEST:
            return f"<{type(value).__name__}>"
        return _container(value, (*parents, id(value)))
    if value is None or (isinstance(value, int) and value.bit_length() <= MOST_BITS):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return _text(value)


def _container(value: Iterable[object], parents: tuple[int, ...]) -> object:
    if isinstance(value, Mapping):
        return {_key(key): _json(inner, parents) for key, inner in value.items()}
    members = sorted(value, key=_text) if isinstance(value, set | frozenset) else value
    return [_json(inner, parents) for inner in members]


def _key(key: object) -> str:
    """
    Return a key as `json` writes it: `true`, `null`, a number, or text.
    """
    return json.dumps(key) if key is None or isinstance(key, bool) else _text(key)


def _text(value: object) -> str:
    """
    Return any value as text that UTF-8 can hold; a value that cannot be printed gives its type.
    """
    try:
        text = value.isoformat() if isinstance(value, date) else str(value)
    except Exception:  # noqa: BLE001 - an activity may return an object whose __str__ raises
        text = f"<{type(value).__name__}>"
    return text.encode("utf-8", "replace").decode()
