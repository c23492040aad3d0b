"""
Topology files: the cloud to emulate, as YAML.

Keys in lower case are the emulator's own. Capitalised keys are fields of the API, which appear in
its replies as they are written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Self

from chaosfailover.emulator.access_keys import ACCOUNTS, AccessKey, access_keys_from
from chaosfailover.emulator.faults import Fault, fault_from
from chaosfailover.emulator.job import RUNNING, STATUSES
from chaosfailover.emulator.resource_fields import REGION
from chaosfailover.emulator.resources import CIRCUIT, PEER, VBR, Entry, Network, network_from
from chaosfailover.emulator.schema import TEXT, integer, listing, one_of, record, table
from chaosfailover.emulator.services import (
    PATHS,
    SERVICES,
    Route,
    Service,
    ServiceEntry,
    services_from,
    with_upstreams,
)
from chaosfailover.emulator.settings import SCHEMA as SETTINGS
from chaosfailover.emulator.settings import Settings
from chaosfailover.emulator.yaml_file import YamlFileError, read

__all__ = ["BUNDLED", "PlannedJob", "Topology", "TopologyError", "load", "topology_from"]

FOLDER = resources.files("chaosfailover.emulator") / "topologies"
BUNDLED = tuple(
    sorted(each.name.removesuffix(".yaml") for each in FOLDER.iterdir() if ".yaml" in each.name)
)


@dataclass(frozen=True)
class PlannedJob:
    """
    A job that exists from the beginning.
    """

    resources: tuple[str, ...]
    id: str = ""
    account: str = ""
    region: str = ""
    name: str = ""
    description: str = ""
    status: str = "Init"
    resource_type: str = CIRCUIT
    duration_minutes: int = 60


@dataclass(frozen=True)
class TopologyFile:
    """
    The content of a topology file.
    """

    accounts: Mapping[str, Mapping[str, Mapping[str, AccessKey]]]
    regions: Mapping[str, Mapping[str, Mapping[str, Entry]]]
    title: str = ""
    extends: str = ""
    paths: Mapping[str, Route] = field(default_factory=dict)
    services: Mapping[str, ServiceEntry] = field(default_factory=dict)
    jobs: tuple[PlannedJob, ...] = ()
    faults: tuple[Fault, ...] = ()
    settings: Settings = field(default_factory=Settings)


JOB = record(
    PlannedJob,
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
    TopologyFile,
    {
        "title": TEXT,
        "extends": one_of(*BUNDLED),
        "accounts": ACCOUNTS,
        "regions": table(REGION),
        "paths": PATHS,
        "services": SERVICES,
        "jobs": listing(JOB),
        "faults": listing(fault_from),
        "settings": SETTINGS,
    },
    required=("accounts", "regions"),
)
"""
The schema of a topology file.
"""


class TopologyError(ValueError):
    """
    A topology file that cannot be used; the message names the place and the rule.
    """


@dataclass(frozen=True)
class Topology:
    """
    A cloud to emulate; `account` is the first account.
    """

    name: str
    title: str
    account: str
    keys: Mapping[str, AccessKey]
    network: Network
    services: tuple[Service, ...]
    jobs: tuple[PlannedJob, ...]
    faults: tuple[Fault, ...]
    settings: Settings

    def with_upstreams(self, upstreams: Mapping[str, str]) -> Self:
        """
        Return the topology with the user's own services as upstreams, `host:port` by name.
        """
        return replace(self, services=with_upstreams(self.services, upstreams))


def load(name: str | Path) -> Topology:
    """
    Load a bundled topology by name, or a file by path; TopologyError when it cannot be used.
    """
    return topology_from(_content(name), str(name))


def topology_from(content: object, name: str = "topology") -> Topology:
    """
    Build a topology from the content of its file; TopologyError names what is wrong.
    """
    try:
        return _topology(_extended(content), name)
    except TopologyError:
        raise
    except (RecursionError, ValueError) as exc:
        raise TopologyError(f"topology {name!r}: {exc}") from exc


def _content(name: str | Path) -> object:
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


def _extended(content: object) -> object:
    """
    Lay the content over the bundled topology that it extends, if any.
    """
    if not isinstance(content, Mapping) or "extends" not in content:
        return content
    name = one_of(*BUNDLED)(content["extends"], "extends")
    return _overlaid(_extended(_content(name)), content)


def _overlaid(below: object, above: object) -> object:
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    both = {name: _overlaid(below.get(name), value) for name, value in above.items()}
    return {**below, **both}


def _topology(content: object, name: str) -> Topology:
    file = TOPOLOGY(content, "")
    if not file.accounts or not file.regions:
        raise ValueError("it needs an account and a region at least")
    account, region = next(iter(file.accounts)), next(iter(file.regions))
    network = network_from(file.regions, account)
    for resource in network.resources.values():
        _among(file.accounts, resource.owner, f"{resource.id}.owner")
    topology = Topology(
        name=name,
        title=file.title,
        account=account,
        keys=access_keys_from(file.accounts),
        network=network,
        services=services_from(file.services, file.paths, network),
        jobs=tuple(
            replace(job, account=job.account or account, region=job.region or region)
            for job in file.jobs
        ),
        faults=file.faults,
        settings=file.settings,
    )
    _check_jobs(topology, file.accounts)
    return topology


def _among(names: Iterable[str], value: str, place: str) -> None:
    if value not in names:
        raise ValueError(f"{place} is {value!r}, expected one of {', '.join(names)}")


def _check_jobs(topology: Topology, accounts: Iterable[str]) -> None:
    """
    Refuse jobs that the API would never have let exist together.
    """
    ids: set[str] = set()
    running: dict[tuple[str, str], str] = {}
    for number, job in enumerate(topology.jobs):
        place = f"jobs[{number}]"
        _among(accounts, job.account, f"{place}.account")
        _among(topology.network.regions, job.region, f"{place}.region")
        if (job_id := job.id or place) in ids:
            raise ValueError(f"{place}.id is {job_id!r}, which another job has")
        ids.add(job_id)
        if topology.settings.one_job_per_region and job.status in RUNNING:
            other = running.setdefault((job.account, job.region), place)
            if other != place:
                raise ValueError(
                    f"{place} runs in {job.region} together with {other} of the same account"
                )
