"""
Topology files: a cloud to emulate, written as YAML.

Keys in lower case are the emulator's own; capitalised keys are fields of the API and appear in
its answers as they are written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Self

from chaosfailover.emulator.access import ACCOUNTS, AccessKey, access_keys_from
from chaosfailover.emulator.assumptions import Assumptions, settings_from
from chaosfailover.emulator.faults import Fault, fault_from
from chaosfailover.emulator.fields import REGION
from chaosfailover.emulator.job import AFTER, RUNNING, UNFINISHED
from chaosfailover.emulator.resources import CIRCUIT, PEER, VBR, Network, network_from
from chaosfailover.emulator.schema import TEXT, integer, listing, one_of, record, table
from chaosfailover.emulator.services import PATHS, SERVICES, Service, services_from, with_upstreams
from chaosfailover.emulator.yaml_file import YamlFileError, read

__all__ = ["BUNDLED", "Topology", "TopologyError", "load", "title", "topology_from"]

FOLDER = resources.files("chaosfailover.emulator") / "topologies"
BUNDLED = tuple(
    sorted(each.name.removesuffix(".yaml") for each in FOLDER.iterdir() if ".yaml" in each.name)
)

STATUSES = sorted(UNFINISHED | set(AFTER.values()))
JOB = record(
    {
        "id": TEXT,
        "account": TEXT,
        "region": TEXT,
        "name": TEXT,
        "description": TEXT,
        "status": one_of(*STATUSES),
        "resource_type": one_of(CIRCUIT, VBR, PEER),
        "resources": listing(TEXT, least=1),
        "duration_minutes": integer(1, 4320),
    },
    required=("resources",),
)
TOPOLOGY = record(
    {
        "title": TEXT,
        "extends": one_of(*BUNDLED),
        "accounts": ACCOUNTS,
        "regions": table(REGION),
        "paths": PATHS,
        "services": SERVICES,
        "jobs": listing(JOB),
        "faults": listing(fault_from),
        "settings": settings_from,
    },
    required=("accounts", "regions"),
)
"""
The schema of a whole topology file.
"""


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
    settings: Assumptions

    def with_upstreams(self, upstreams: Mapping[str, str]) -> Self:
        """
        Return the same cloud with services of the user's own behind it, `host:port` by name.
        """
        return replace(self, services=with_upstreams(self.services, upstreams))


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
    except (RecursionError, ValueError) as exc:
        raise TopologyError(f"topology {name!r}: {exc}") from exc


def title(name: str) -> str:
    """
    Return the title of a bundled topology.
    """
    return str(_content(name)["title"])


def _content(name: str | Path) -> Any:
    source = FOLDER / f"{name}.yaml" if str(name) in BUNDLED else Path(name)
    try:
        return read(source)
    except YamlFileError as exc:
        raise TopologyError(f"topology {str(name)!r}: {exc}") from exc
    except (OSError, ValueError) as exc:
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
    name = one_of(*BUNDLED)(content["extends"], "extends")
    return _overlaid(_extended(_content(name)), content)


def _overlaid(below: Any, above: Any) -> Any:
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    both = {name: _overlaid(below.get(name), value) for name, value in above.items()}
    return {**below, **both}


def _topology(content: Any, name: str) -> Topology:
    given = TOPOLOGY({} if content is None else content, "")
    accounts, regions = given["accounts"], given["regions"]
    if not accounts or not regions:
        raise ValueError("it needs an account and a region at least")
    network = network_from(regions, next(iter(accounts)))
    for resource in network.resources.values():
        _among(accounts, resource.owner, f"{resource.id}.owner")
    topology = Topology(
        name=name,
        account=next(iter(accounts)),
        keys=access_keys_from(accounts),
        network=network,
        services=services_from(given.get("services", {}), given.get("paths", {}), network),
        jobs=given.get("jobs", ()),
        faults=given.get("faults", ()),
        settings=given.get("settings", Assumptions()),
    )
    _check_jobs(topology, accounts)
    return topology


def _among(known: Iterable[str], value: str, place: str) -> None:
    if value not in known:
        raise ValueError(f"{place} is {value!r}, expected one of {', '.join(known)}")


def _check_jobs(topology: Topology, accounts: Iterable[str]) -> None:
    """
    Hold the jobs to what the rules of the API never let happen.
    """
    ids: set[str] = set()
    running: dict[tuple[str, str], str] = {}
    for number, job in enumerate(topology.jobs):
        place = f"jobs[{number}]"
        account = job.get("account", topology.account)
        region = job.get("region", topology.network.regions[0])
        _among(accounts, account, f"{place}.account")
        _among(topology.network.regions, region, f"{place}.region")
        if (job_id := job.get("id", place)) in ids:
            raise ValueError(f"{place}.id is {job_id!r}, which another job has")
        ids.add(job_id)
        if topology.settings.one_job_per_region and job.get("status") in RUNNING:
            other = running.setdefault((account, region), place)
            if other != place:
                raise ValueError(f"{place} runs in {region} at once with {other}, of one account")
