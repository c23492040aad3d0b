"""
Topology files: a cloud to emulate, written as YAML.

Keys in lower case are the emulator's own; capitalised keys are fields of the API and appear in
its answers as they are written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from chaosfailover.emulator.access import AccessKey, access_keys_from
from chaosfailover.emulator.network import CIRCUIT, GROUP, PEER, VBR, Network, Resource
from chaosfailover.emulator.routing import Service, services_from
from chaosfailover.emulator.settings import Settings, settings_from

__all__ = ["BUNDLED", "Topology", "TopologyError", "load", "topology_from"]

FOLDER = resources.files("chaosfailover.emulator") / "topologies"
BUNDLED = tuple(
    sorted(each.name.removesuffix(".yaml") for each in FOLDER.iterdir() if ".yaml" in each.name)
)

KINDS = {"circuits": CIRCUIT, "vbrs": VBR, "bgp_groups": GROUP, "bgp_peers": PEER}
BELOW = {
    CIRCUIT: "ParentPhysicalConnectionId",
    VBR: "PhysicalConnectionId",
    GROUP: "RouterId",
    PEER: "BgpGroupId",
}
KEYS = frozenset(
    {"title", "accounts", "regions", "paths", "services", "jobs", "faults", "settings"}
)


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
    faults: tuple[Mapping[str, Any], ...]
    settings: Settings


def load(name: str | Path) -> Topology:
    """
    Load a bundled topology by name, or a file by path; TopologyError when it cannot be used.
    """
    source = FOLDER / f"{name}.yaml" if str(name) in BUNDLED else Path(name)
    try:
        content = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as exc:
        raise TopologyError(
            f"topology {str(name)!r} is neither one of {', '.join(BUNDLED)}"
            f" nor a readable YAML file: {exc}"
        ) from exc
    return topology_from(content, str(name))


def topology_from(content: Any, name: str = "topology") -> Topology:
    """
    Build a topology from the content of its file; TopologyError names what is wrong.
    """
    try:
        return _topology(content, name)
    except TopologyError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise TopologyError(f"topology {name!r}: {type(exc).__name__}: {exc}") from exc


def _topology(content: Any, name: str) -> Topology:
    if not isinstance(content, Mapping) or (unknown := set(content) - KEYS):
        raise TopologyError(f"topology {name!r} must hold only {sorted(KEYS)}, not {unknown!r}")
    accounts = {str(account): entry or {} for account, entry in content["accounts"].items()}
    network = network_from(content["regions"], next(iter(accounts)))
    if strangers := {each.owner for each in network.resources.values()} - set(accounts):
        raise TopologyError(f"topology {name!r}: owners {sorted(strangers)} are not in accounts")
    return Topology(
        name=name,
        account=next(iter(accounts)),
        keys=access_keys_from(accounts),
        network=network,
        services=services_from(content.get("services") or {}, content.get("paths") or {}, network),
        jobs=tuple(content.get("jobs") or ()),
        faults=tuple(content.get("faults") or ()),
        settings=settings_from(content.get("settings") or {}),
    )


def network_from(regions: Mapping[str, Any], owner: str) -> Network:
    """
    Build the network of a topology; what names no owner belongs to `owner`.
    """
    found: dict[str, Resource] = {}
    for resource in _resources(regions, owner):
        if resource.id in found:
            raise TopologyError(f"{resource.id} is described twice")
        found[resource.id] = resource
    for resource in found.values():
        for below in resource.below:
            if below not in found:
                raise TopologyError(f"{resource.id} stands on {below}, which is not described")
    return Network(tuple(regions), found)


def _resources(regions: Mapping[str, Any], owner: str) -> Iterable[Resource]:
    for region, kinds in regions.items():
        if unknown := set(kinds or {}) - set(KINDS):
            raise TopologyError(f"{region}: {sorted(unknown)} are not among {sorted(KINDS)}")
        for plural, entries in (kinds or {}).items():
            for resource_id, entry in entries.items():
                yield _resource(KINDS[plural], resource_id, region, owner, entry or {})


def _resource(kind: str, id_: str, region: str, owner: str, entry: Mapping[str, Any]) -> Resource:
    fields = {name: value for name, value in entry.items() if name[0].isupper()}
    own = {name: value for name, value in entry.items() if name not in fields}
    if unknown := set(own) - {"owner", "circuits", "cens"}:
        raise TopologyError(f"{id_}: unknown keys {sorted(unknown)}")
    below = [fields[BELOW[kind]]] if fields.get(BELOW[kind]) else []
    if "cens" in own:
        fields["cens"] = tuple(own["cens"])
    return Resource(
        kind,
        id_,
        region,
        str(own.get("owner", owner)),
        fields,
        (*below, *own.get("circuits", ())),
    )
