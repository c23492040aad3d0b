"""
Which resources a failover test may take down (API reference 1.1, 2.1 and 4): a table of rules.
"""

from collections.abc import Callable, Iterable, Sequence

from chaosfailover.emulator.assumptions import Assumptions
from chaosfailover.emulator.job import Job
from chaosfailover.emulator.operations.rendering import shown
from chaosfailover.emulator.refusals import illegal, refuse
from chaosfailover.emulator.resources import CIRCUIT, PEER, VBR, Network, Resource

__all__ = ["RULES", "check_free", "check_known", "check_region", "check_resources"]

READY = {CIRCUIT: "Enabled", VBR: "active", PEER: "Available"}


def _on_the_way(network: Network, resource: Resource) -> Iterable[Resource]:
    """
    Yield the resource and what carries it, down to the circuits it stands on directly.
    """
    if resource.kind in READY:
        yield resource
    if resource.kind != CIRCUIT:
        for below in resource.below:
            yield from _on_the_way(network, network.resources[below])


def not_ready(network: Network, resource: Resource) -> bool:
    """
    Say whether the resource, its VBR or its circuits are in the wrong status.
    """
    way = _on_the_way(network, resource)
    return any(shown(each, "Status") != READY[each.kind] for each in way)


def overdue(network: Network, resource: Resource) -> bool:
    """
    Say whether the resource, its VBR or its circuits are in arrears.
    """
    way = [each for each in _on_the_way(network, resource) if each.kind != PEER]
    names = {CIRCUIT: "BusinessStatus", VBR: "PConnVbrBussinessStatus"}
    return any(shown(each, names[each.kind]) != "Normal" for each in way)


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
Resource type -> code and the condition that brings it, in the order of the checks.
"""


def check_region(running: Iterable[Job], account: str, settings: Assumptions) -> None:
    """
    Refuse when the account has a running job in the region already.
    """
    if settings.one_job_per_region and any(job.account == account for job in running):
        raise refuse("AnotherJobTesting")


def check_known(
    network: Network, kind: str, ids: Sequence[str], account: str, region: str
) -> tuple[Resource, ...]:
    """
    Return the resources of a job; refuse what is unknown, foreign, of another type or listed twice.
    """
    found = [network.resources.get(each) for each in ids]
    known = tuple(
        each
        for each in found
        if each and (each.kind, each.owner, each.region) == (kind, account, region)
    )
    if len(known) != len(ids) or len(set(ids)) != len(ids):
        raise illegal("ResourceId")
    return known


def check_resources(network: Network, resources: Sequence[Resource]) -> None:
    """
    Refuse by the first rule, in order, that any of the resources breaks.
    """
    for number in range(max((len(RULES[each.kind]) for each in resources), default=0)):
        for resource in resources:
            code, broken = RULES[resource.kind][number]
            if broken(network, resource):
                raise refuse(code)


def check_free(network: Network, resources: Sequence[Resource], others: Iterable[Job]) -> None:
    """
    Refuse when a resource, or one related to it, is in another job that counts.
    """
    taken = {id_ for job in others for id_ in job.resource_ids}
    if any(taken & network.related(resource.id) for resource in resources):
        raise refuse("EcFailoverTestJobResourceInAnotherProcessingJob")
