"""
The survivors that take over the traffic of a cut first, by the routes of its ECR or CEN.

Only those carry load after a cut: others wait until the first are gone too. What orders the routes
is shown by their status on a transit router, and by AS path, MED and region on an ECR.
"""

from collections.abc import Collection
from ipaddress import ip_network

from chaosfailover.network.prefixes import NeedProof, PrefixFate
from chaosfailover.network.routes import Route, RouteTables, Table
from chaosfailover.network.survival import Need

__all__ = ["first_survivors"]


def first_survivors(
    need: Need, proof: NeedProof, tables: RouteTables, cut: Collection[str]
) -> frozenset[str] | str:
    """
    Return the VBRs and VPN connections that share all traffic of a need after the cut of VBRs.

    A sentence says why they are not known: because a prefix is not proven, because survivors carry
    different prefixes, or because the order of their routes is not shown.
    """
    used = tables.of_group(need.group)
    if not proof.proven or isinstance(used, str):
        return f"which survivors of {need} carry its traffic is not proven"
    if not proof.prefixes:
        return f"{need} carries no prefix, so its traffic leads to where is not known"
    sets = [_of_prefix(fate, used, cut) for fate in proof.prefixes]
    if None in sets:
        return f"which survivors of {need} are used first is not known"
    if len({*sets}) > 1:
        return (
            f"how the traffic of {need} is shared is not known: its prefixes have other survivors"
        )
    return sets[0] or frozenset()


def _of_prefix(fate: PrefixFate, used: Table, cut: Collection[str]) -> frozenset[str] | None:
    """
    Return the survivors that all tables which have the cut's route use first; None if not known.
    """
    around = used.around(ip_network(fate.prefix))
    tables = {route.table for route in around if not route.via.isdisjoint(cut)}
    tables = tables or {route.table for route in around if not route.via.isdisjoint(fate.by)}
    left = [route for route in around if route.via.isdisjoint(cut) and route.answer != "no"]
    firsts = {_first([each for each in left if each.table == table], fate.by) for table in tables}
    return firsts.pop() if len(firsts) == 1 else None


def _first(routes: Collection[Route], survivors: Collection[str]) -> frozenset[str] | None:
    length = max((route.prefix.prefixlen for route in routes), default=0)
    best = [route for route in routes if route.prefix.prefixlen == length]
    if len({route.via for route in best}) > 1:
        ranks = [route.order[0] for route in best if route.order]
        first = [route for route in best if route.order and route.order[0] == min(ranks)]
        if len(ranks) < len(best) or len({route.order for route in first}) > 1:
            return None
        best = first
    names = [route.via.intersection(survivors) for route in best]
    return frozenset().union(*names) if all(len(each) == 1 for each in names) else None
