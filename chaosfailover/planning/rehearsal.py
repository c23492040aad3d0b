"""
The rehearsal of a whole plan: one cloud that holds all of its regions, and what each run came to.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Rehearsal", "merged", "rehearsals", "verdict_of"]

Document = dict[str, Any]


@dataclass(frozen=True)
class Rehearsal:
    """
    One experiment to be run: its file, what is expected of it, and where its portals are.

    `portals` name the service of the merged topology for each entry of the configuration; `key`
    is the access key that opens the account, `folder` the one that holds region and file.
    """

    folder: str
    file: str
    expected: str
    key: tuple[str, str]
    portals: Mapping[str, str]


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
            paths = [f"{folder}/{path}" for path in service["paths"]]
            whole["services"][f"{folder}/{name}"] = {**service, "port": 0, "paths": paths}
    return whole


def rehearsals(folder: str, topology: Document, experiments: Mapping[str, Any]) -> list[Rehearsal]:
    """
    Return what is to be run in one folder; files that are no experiments are left out.
    """
    account = _account(topology)
    key = next(iter(topology["accounts"][account]["access_keys"].items()))
    services = {
        f"http://127.0.0.1:{service['port']}/": f"{folder}/{name}"
        for name, service in topology["services"].items()
    }
    return [
        Rehearsal(folder, file, _expected(experiment), key, _portals(experiment, services))
        for file, experiment in experiments.items()
        if isinstance(experiment, dict) and "method" in experiment
    ]


def verdict_of(exit_code: int, journal: Mapping[str, Any]) -> str:
    """
    Return what a run came to: the verdict in its journal, else what the toolkit itself says.
    """
    verdict = (journal.get("failover") or {}).get("verdict") or {}
    if isinstance(verdict, Mapping) and verdict.get("verdict"):
        return str(verdict["verdict"])
    if journal.get("deviated") is True:
        return "deviated"
    if journal.get("status") == "interrupted":
        return "aborted"
    return "held" if exit_code == 0 and _all_succeeded(journal) else "inconclusive"


def _account(topology: Document) -> str:
    return str(next(iter(topology["accounts"])))


def _add(region: Document, kinds: Document, own: str) -> None:
    for kind, entries in kinds.items():
        known = region.setdefault(kind, {})
        for name, entry in entries.items():
            if name not in known or "owner" not in entry:
                known[name] = {"owner": own, **entry}


def _expected(experiment: Document) -> str:
    for entry in experiment.get("extensions") or ():
        if entry.get("name") == "failover-plan":
            return str(entry["expected"])
    return "held"


def _portals(experiment: Document, services: Mapping[str, str]) -> dict[str, str]:
    entries: Iterable[tuple[str, Any]] = (experiment.get("configuration") or {}).items()
    return {
        key: services[entry["default"]]
        for key, entry in entries
        if isinstance(entry, dict) and entry.get("default") in services
    }


def _all_succeeded(journal: Mapping[str, Any]) -> bool:
    ran = [*(journal.get("run") or ()), *(journal.get("rollbacks") or ())]
    return bool(ran) and all(run.get("status") == "succeeded" for run in ran)
