"""
Which resources a failover test may take down (API reference 1.1, 2.1 and 4): a table of rules.
"""

from collections.abc import Callable, Iterable, Sequence

from chaosfailover.emulator.error_codes import illegal, refuse
from chaosfailover.emulator.job import Job
from chaosfailover.emulator.resource_fields import shown
from chaosfailover.emulator.resources import CIRCUIT, PEER, VBR, Network, Resource
from chaosfailover.emulator.settings import Settings

__all__ = ["RULES", "check_free", "check_region", "check_resources", "requested_resources"]

READY = {CIRCUIT: "Enabled", VBR: "active", PEER: "Available"}


def _carriers(network: Network, resource: Resource) -> Iterable[Resource]:
    """
    Yield the resource and what carries it: its group's VBR, and its circuits without their parents.
    """
    if resource.kind in READY:
        yield resource
    if resource.kind != CIRCUIT:
        for below in resource.below:
            yield from _carriers(network, network.resources[below])


def not_ready(network: Network, resource: Resource) -> bool:
    """
    Say whether the resource, its VBR or its circuits are in the wrong status.
    """
    carriers = _carriers(network, resource)
    return any(shown(each, "Status") != READY[each.kind] for each in carriers)


def overdue(network: Network, resource: Resource) -> bool:
    """
    Say whether the resource, its VBR or its circuits are in arrears.
    """
    fields = {CIRCUIT: "BusinessStatus", VBR: "PConnVbrBussinessStatus"}
    carriers = [each for each in _carriers(network, resource) if each.kind in fields]
    return any(shown(each, fields[each.kind]) != "Normal" for each in carriers)


def hosted_without_vbr(network: Network, resource: Resource) -> bool:
    """
    Say whether this is a hosted circuit that no VBR uses.
    """
    return bool(resource.below) and not any(network.on(resource.id, VBR))


def hosted_on_vlan_0(_network: Network, resource: Resource) -> bool:
    """
    Say whether this is a hosted circuit on VLAN 0.
    """
    return bool(resource.below) and str(shown(resource, "VlanId")) == "0"


def hosts_several(network: Network, resource: Resource) -> bool:
    """
    Say whether the circuit carries more than one hosted circuit.
    """
    return sum(1 for _ in network.on(resource.id, CIRCUIT)) > 1


def several_foreign_vbrs(network: Network, resource: Resource) -> bool:
    """
    Say whether the circuit carries more than one VBR of other accounts.
    """
    return sum(vbr.owner != resource.owner for vbr in network.on(resource.id, VBR)) > 1


Rule = tuple[str, Callable[[Network, Resource], bool]]

STATUS_RULES: tuple[Rule, ...] = (
    ("IncorrectStatus.ResourceId", not_ready),
    ("IncorrectBusinessStatus.ResourceId", overdue),
)
RULES: dict[str, tuple[Rule, ...]] = {
    CIRCUIT: (
        *STATUS_RULES,
        ("VpconnNotAssociatedVbr", hosted_without_vbr),
        ("VpconnWithVlan0NotSupportShutdown", hosted_on_vlan_0),
        ("PconnContainsMoreThanOneVpconn", hosts_several),
        ("PconnContailsMoreThanOneAcrossCountVbr", several_foreign_vbrs),
    ),
    VBR: STATUS_RULES,
    PEER: STATUS_RULES,
}
"""
Resource type -> error codes, each with its condition, in the order of the checks.
"""


def check_region(running: Iterable[Job], account: str, settings: Settings) -> None:
    """
    Refuse a second running job of an account in a region.
    """
    if settings.one_job_per_region and any(job.account == account for job in running):
        raise refuse("AnotherJobTesting")


def requested_resources(
    network: Network, kind: str, ids: Sequence[str], account: str, region: str
) -> tuple[Resource, ...]:
    """
    Return the resources of a job; unknown, foreign, doubled or wrongly typed IDs are refused.
    """
    resources = tuple(
        each
        for id_ in ids
        if (each := network.resources.get(id_))
        and (each.kind, each.owner, each.region) == (kind, account, region)
    )
    if len(resources) != len(ids) or len(set(ids)) != len(ids):
        raise illegal("ResourceId")
    return resources


def check_resources(network: Network, resources: Sequence[Resource]) -> None:
    """
    Refuse by the first rule that any of the resources breaks.
    """
    for number in range(max((len(RULES[each.kind]) for each in resources), default=0)):
        for resource in resources:
            code, broken = RULES[resource.kind][number]
            if broken(network, resource):
                raise refuse(code)


def check_free(network: Network, resources: Sequence[Resource], others: Iterable[Job]) -> None:
    """
    Refuse a resource if it, or a related resource, is in one of the other jobs.
    """
    taken = {id_ for job in others for id_ in job.resource_ids}
    if any(taken & network.related(resource.id) for resource in resources):
        raise refuse("EcFailoverTestJobResourceInAnotherProcessingJob")
