"""
Topology files: a cloud to emulate, written as YAML.

Keys in lower case are the emulator's own; capitalised keys are fields of the API and appear in
its answers as they are written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from chaosfailover.emulator.access import AccessKey, access_keys_from
from chaosfailover.emulator.faults import Fault, fault_from
from chaosfailover.emulator.jobs import AFTER, UNFINISHED
from chaosfailover.emulator.network import Network, network_from
from chaosfailover.emulator.services import Service, services_from
from chaosfailover.emulator.settings import Settings, settings_from

__all__ = ["BUNDLED", "Topology", "TopologyError", "load", "title", "topology_from"]

FOLDER = resources.files("chaosfailover.emulator") / "topologies"
BUNDLED = tuple(
    sorted(each.name.removesuffix(".yaml") for each in FOLDER.iterdir() if ".yaml" in each.name)
)

KEYS = frozenset(
    ("title", "extends", "accounts", "regions", "paths", "services", "jobs", "faults", "settings")
)
JOB_KEYS = frozenset(
    (
        *("id", "account", "region", "name", "description", "status"),
        *("resource_type", "resources", "duration_minutes"),
    )
)
STATUSES = UNFINISHED | set(AFTER.values())


class TopologyError(ValueError):
    """
    A topology file that cannot be used; the message names the place and the rule.
    """


@dataclass(frozen=True)
class Topology:
    """
    A cloud to emulate: who may call, what is there, what flows, and how the open ends are decided.
    """

    name: str
    account: str
    keys: Mapping[str, AccessKey]
    network: Network
    services: tuple[Service, ...]
    jobs: tuple[Mapping[str, Any], ...]
    faults: tuple[Fault, ...]
    settings: Settings


def load(name: str | Path) -> Topology:
    """
    Load a bundled topology by name, or a file by path; TopologyError when it cannot be used.
    """
    return topology_from(_content(name), str(name))


def topology_from(content: Any, name: str = "topology") -> Topology:
    """
    Build a topology from the content of its file; TopologyError names what is wrong.
    """
    try:
        return _topology(_extended(content), name)
    except TopologyError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise TopologyError(f"topology {name!r}: {type(exc).__name__}: {exc}") from exc


def title(name: str) -> str:
    """
    Return the title of a bundled topology.
    """
    return str(_content(name)["title"])


def _content(name: str | Path) -> Any:
    source = FOLDER / f"{name}.yaml" if str(name) in BUNDLED else Path(name)
    try:
        return yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise TopologyError(
            f"topology {str(name)!r} is neither one of {', '.join(BUNDLED)}"
            f" nor a readable YAML file: {exc}"
        ) from exc


def _extended(content: Any) -> Any:
    """
    Lay the content over the bundled topology that it extends, if it does.
    """
    if not isinstance(content, Mapping) or "extends" not in content:
        return content
    if content["extends"] not in BUNDLED:
        raise ValueError(f"extends {content['extends']!r} is not one of {', '.join(BUNDLED)}")
    return _overlaid(_extended(_content(content["extends"])), content)


def _overlaid(below: Any, above: Any) -> Any:
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    both = {name: _overlaid(below.get(name), value) for name, value in above.items()}
    return {**below, **both}


def _topology(content: Any, name: str) -> Topology:
    if not isinstance(content, Mapping):
        raise TopologyError(f"topology {name!r} is a {type(content).__name__}, not a mapping")
    if unknown := sorted(set(content) - KEYS):
        raise TopologyError(f"topology {name!r} has unknown keys {unknown}; known: {sorted(KEYS)}")
    accounts = {str(account): entry or {} for account, entry in content["accounts"].items()}
    if not accounts or not content["regions"]:
        raise TopologyError(f"topology {name!r} needs an account and a region at least")
    network = network_from(content["regions"], next(iter(accounts)))
    if strangers := {each.owner for each in network.resources.values()} - set(accounts):
        raise TopologyError(f"topology {name!r}: owners {sorted(strangers)} are not in accounts")
    return Topology(
        name=name,
        account=next(iter(accounts)),
        keys=access_keys_from(accounts),
        network=network,
        services=services_from(content.get("services") or {}, content.get("paths") or {}, network),
        jobs=tuple(_checked(job, network) for job in content.get("jobs") or ()),
        faults=tuple(fault_from(fault) for fault in content.get("faults") or ()),
        settings=settings_from(content.get("settings") or {}),
    )


def _checked(job: Mapping[str, Any], network: Network) -> Mapping[str, Any]:
    if unknown := set(job) - JOB_KEYS:
        raise ValueError(f"job {dict(job)!r} has unknown keys {sorted(unknown)}")
    rules = {
        "resources": bool(job["resources"]),
        "status": job.get("status", "Init") in STATUSES,
        "region": job.get("region", network.regions[0]) in network.regions,
        "duration_minutes": 1 <= int(job.get("duration_minutes", 60)) <= 4320,
    }
    if broken := [rule for rule, met in rules.items() if not met]:
        raise ValueError(f"job {dict(job)!r}: wrong {broken}")
    return job
