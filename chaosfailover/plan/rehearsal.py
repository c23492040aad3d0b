"""
The rehearsal of a whole plan: one cloud that holds all of its regions, and what each run came to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaosfailover.errors import ArgumentError
from chaosfailover.plan.reading import (
    cut_circuits,
    expected_late,
    expected_verdict,
    is_experiment,
    watched,
)
from chaosfailover.verdict.journal import mapping
from chaosfailover.verdict.verdict import VERDICTS

__all__ = ["Rehearsal", "check_topology", "merged", "not_to_run", "rehearsals"]

Document = dict[str, Any]

PARTS = ("accounts", "regions", "paths", "services")


@dataclass(frozen=True)
class Rehearsal:
    """
    One experiment to be run: its file, what is expected of it, and where its portals are.

    `portals` name the service of the merged topology for each entry of the configuration; `key`
    is the access key that opens the account, `folder` the one that holds region and file. `late`
    are the tests that are expected to break the promise, None where nothing is said of them. What
    has a `problem` is not run.
    """

    folder: str
    file: str
    expected: str
    key: tuple[str, str]
    portals: Mapping[str, str]
    problem: str | None = None
    late: frozenset[str] | None = None


def check_topology(topology: Any) -> None:
    """
    Raise ArgumentError for what is no topology of a plan, such as an empty file.
    """
    if missing := [key for key in PARTS if not mapping(mapping(topology).get(key))]:
        raise ArgumentError(f"it has no {', '.join(missing)}")
    if not mapping(mapping(topology["accounts"][_account(topology)]).get("access_keys")):
        raise ArgumentError("its first account has no access key")


def merged(topologies: Mapping[str, Document]) -> Document:
    """
    Return one topology of several, by folder; services and paths get the folder before their name.

    What two topologies describe belongs to the account that has it as its own.
    """
    whole: Document = {"accounts": {}, "regions": {}, "paths": {}, "services": {}}
    for folder, topology in topologies.items():
        own = _account(topology)
        for account, entry in topology["accounts"].items():
            whole["accounts"][account] = whole["accounts"].get(account) or entry
        for region_id, kinds in topology["regions"].items():
            _add(whole["regions"].setdefault(region_id, {}), kinds, own)
        for name, path in topology["paths"].items():
            whole["paths"][f"{folder}/{name}"] = path
        for name, service in topology["services"].items():
            alone = isinstance(service["paths"], str)
            given = [service["paths"]] if alone else service["paths"] or []
            paths = [f"{folder}/{path}" for path in given]
            whole["services"][f"{folder}/{name}"] = {**service, "port": 0, "paths": paths}
    return whole


def rehearsals(folder: str, topology: Document, experiments: Mapping[str, Any]) -> list[Rehearsal]:
    """
    Return what is to be run in one folder; files that are no experiments are left out.

    One that does not watch what it cuts has a problem: it would hold whatever the cut does.
    """
    account = _account(topology)
    key = next(iter(topology["accounts"][account]["access_keys"].items()))
    services = {url: f"{folder}/{name}" for name, url in _urls(topology).items()}
    return [
        Rehearsal(
            folder,
            file,
            expected_verdict(experiment),
            key,
            _portals(experiment, services),
            _unforeseeable(expected_verdict(experiment))
            or _unwatched(experiment, {url: name for name, url in _urls(topology).items()}),
            expected_late(experiment),
        )
        for file, experiment in experiments.items()
        if is_experiment(experiment)
    ]


def not_to_run(folder: str, file: str, problem: str) -> Rehearsal:
    """
    Return what cannot be run, and why.
    """
    return Rehearsal(folder, file, "held", ("", ""), {}, problem)


def _account(topology: Document) -> str:
    first: str = next(iter(topology["accounts"]))
    return first


def _add(region: Document, kinds: Document | None, own: str) -> None:
    """
    Add what a region holds; as in every topology, nothing at all is an empty mapping.
    """
    for kind, entries in mapping(kinds).items():
        known = region.setdefault(kind, {})
        for name, entry in mapping(entries).items():
            if name not in known or "owner" not in mapping(entry):
                known[name] = {"owner": own, **mapping(entry)}


def _urls(topology: Document) -> dict[str, str]:
    return {
        str(name): f"http://127.0.0.1:{service.get('port')}/"
        for name, service in topology["services"].items()
    }


def _portals(experiment: Document, services: Mapping[str, str]) -> dict[str, str]:
    entries = mapping(experiment.get("configuration")).items()
    return {
        key: services[str(entry["default"])]
        for key, entry in entries
        if isinstance(entry, dict) and str(entry.get("default")) in services
    }


def _unforeseeable(verdict: str) -> str | None:
    return None if verdict in VERDICTS else f"it expects {verdict!r}, not {' or '.join(VERDICTS)}"


def _unwatched(experiment: Document, circuits: Mapping[str, str]) -> str | None:
    """
    Return why an experiment is none of its circuits' portals; `circuits` are those of the URLs.
    """
    targets = watched(experiment)
    for name, url in targets.items():
        if name in circuits.values() and circuits.get(url) != name:
            return f"its target {name} is {_whose(url, circuits)}"
    seen = {circuits.get(url) for url in targets.values()}
    for circuit_id in cut_circuits(experiment):
        if circuit_id not in seen:
            whose = ", ".join(_whose(url, circuits) for url in targets.values()) or "nothing"
            return f"it cuts {circuit_id} and watches {whose}"
    return None


def _whose(url: str, circuits: Mapping[str, str]) -> str:
    return (
        f"the service of {circuits[url]}" if url in circuits else f"{url}, no service of the plan"
    )
