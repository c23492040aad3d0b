"""
Topology files: the cloud to emulate, as YAML.

Keys in lower case are the emulator's own. Capitalised keys are fields of the API, which appear in
its replies as they are written.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self

from chaosfailover.emulator.access_keys import ACCOUNTS, AccessKey, access_keys_from
from chaosfailover.emulator.fabrics import CENS, ECRS, FAILOVER_GROUPS, Cen, Ecr, FailoverGroup
from chaosfailover.emulator.faults import Fault, fault_from
from chaosfailover.emulator.job import RUNNING, STATUSES
from chaosfailover.emulator.loads import LOADS, Loads, check_loads
from chaosfailover.emulator.resource_fields import REGION
from chaosfailover.emulator.resources import (
    CIRCUIT,
    PEER,
    VBR,
    Network,
    Regions,
    fabrics_from,
    network_from,
)
from chaosfailover.emulator.schema import (
    TEXT,
    integer,
    listing,
    number,
    one_of,
    record,
    record_of,
    table,
)
from chaosfailover.emulator.services import (
    PATHS,
    SERVICES,
    Route,
    Service,
    ServiceEntry,
    services_from,
    with_upstreams,
)
from chaosfailover.emulator.settings import SETTINGS, Settings
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

    resources: Annotated[tuple[str, ...], listing(TEXT, least=1)]
    id: Annotated[str, TEXT] = ""
    account: Annotated[str, TEXT] = ""
    region: Annotated[str, TEXT] = ""
    name: Annotated[str, TEXT] = ""
    description: Annotated[str, TEXT] = ""
    status: Annotated[str, one_of(*STATUSES)] = "Init"
    resource_type: Annotated[str, one_of(CIRCUIT, VBR, PEER)] = CIRCUIT
    duration_minutes: Annotated[int, integer(1, 4320)] = 60


class TopologyError(ValueError):
    """
    A topology file that cannot be used; the message names the place and the rule.
    """


@dataclass(frozen=True)
class Topology:
    """
    A cloud to emulate; `account` is the first account.
    """

    account: str
    keys: Mapping[str, AccessKey]
    network: Network
    services: tuple[Service, ...]
    jobs: tuple[PlannedJob, ...]
    faults: tuple[Fault, ...] = ()
    settings: Settings = field(default_factory=Settings)
    loads: Loads = field(default_factory=dict)
    title: str = ""
    name: str = ""

    def with_upstreams(self, upstreams: Mapping[str, str]) -> Self:
        """
        Return the topology with the user's own services as upstreams, `host:port` by name.
        """
        return replace(self, services=with_upstreams(self.services, upstreams))

    def with_timestamp_window(self, seconds: float) -> Self:
        """
        Return the topology with another `timestamp_window`; ValueError when it cannot be one.
        """
        settings = replace(self.settings, timestamp_window=number(0)(seconds, "timestamp_window"))
        return replace(self, settings=settings)


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
        return replace(TOPOLOGY(_extended(content), ""), name=name)
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
        if not isinstance(exc, FileNotFoundError):
            reason = exc.strerror if isinstance(exc, OSError) else exc
            raise TopologyError(f"topology {str(name)!r} cannot be read: {reason}") from exc
        if close := get_close_matches(Path(name).name, BUNDLED, 1):
            raise TopologyError(
                f"topology {str(name)!r}: there is no such file (did you mean {close[0]}?)"
            ) from None
        if Path(name).suffix or "/" in str(name):
            raise TopologyError(f"topology {str(name)!r}: there is no such file") from exc
        raise TopologyError(
            f"topology {str(name)!r} is neither one of {', '.join(BUNDLED)} nor a file"
        ) from exc


def _extended(content: object) -> object:
    """
    Lay the content over the bundled topology that it extends, if any.
    """
    if not isinstance(content, Mapping) or "extends" not in content:
        return content
    name = one_of(*BUNDLED)(content["extends"], "extends")
    own = {key: value for key, value in content.items() if key != "extends"}
    return _overlaid(_extended(_content(name)), own)


def _overlaid(below: object, above: object) -> object:
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    both = {name: _overlaid(below.get(name), value) for name, value in above.items()}
    return {**below, **both}


def _build(
    accounts: Mapping[str, Mapping[str, Mapping[str, AccessKey]]],
    regions: Regions,
    services: Mapping[str, ServiceEntry] | None = None,
    paths: Mapping[str, Route] | None = None,
    jobs: Iterable[PlannedJob] = (),
    vbr_failover_groups: Mapping[str, FailoverGroup] | None = None,
    ecrs: Mapping[str, Ecr] | None = None,
    cens: Mapping[str, Cen] | None = None,
    **others: Any,
) -> Topology:
    """
    Build a topology from the values of its file.
    """
    if not accounts or not regions:
        raise ValueError("it needs an account and a region at least")
    account, region = next(iter(accounts)), next(iter(regions))
    network = network_from(regions, account)
    fabrics = fabrics_from(network, vbr_failover_groups or {}, ecrs or {}, cens or {})
    network = replace(network, fabrics=fabrics)
    for name, owner in _owners(network):
        _among(accounts, owner, f"{name}.owner")
    topology = Topology(
        account=account,
        keys=access_keys_from(accounts),
        network=network,
        services=services_from(services or {}, paths or {}, network),
        jobs=tuple(
            replace(job, account=job.account or account, region=job.region or region)
            for job in jobs
        ),
        **others,
    )
    _check_jobs(topology, accounts)
    check_loads(topology.loads, topology.services, network)
    for position, fault in enumerate(topology.faults):
        fault.check_resource(network, f"faults[{position}]")
    return topology


def _owners(network: Network) -> Iterator[tuple[str, str]]:
    """
    Yield the ID and the owner of each resource, ECR and CEN.
    """
    yield from ((each.id, each.owner) for each in network.resources.values())
    yield from ((each.id, each.owner) for each in network.fabrics.ecrs.values())
    yield from ((each.id, each.owner) for each in network.fabrics.cens.values())


def _among(names: Iterable[str], value: str, place: str) -> None:
    if value not in names:
        raise ValueError(f"{place} is {value!r}, expected one of {', '.join(names)}")


def _check_jobs(topology: Topology, accounts: Iterable[str]) -> None:
    """
    Refuse jobs that the API would never have let exist together.
    """
    ids: set[str] = set()
    running: dict[tuple[str, str], str] = {}
    for position, job in enumerate(topology.jobs):
        place = f"jobs[{position}]"
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


TOPOLOGY = record(
    _build,
    {
        "title": TEXT,
        "extends": one_of(*BUNDLED),
        "accounts": ACCOUNTS,
        "regions": table(REGION),
        "vbr_failover_groups": FAILOVER_GROUPS,
        "ecrs": ECRS,
        "cens": CENS,
        "paths": PATHS,
        "services": SERVICES,
        "loads": LOADS,
        "jobs": listing(record_of(PlannedJob)),
        "faults": listing(fault_from),
        "settings": SETTINGS,
    },
    required=("accounts", "regions"),
)
"""
The schema of a topology file.
"""
