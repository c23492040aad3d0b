"""
The routes of VBRs, ECRs, transit routers and VPN connections, and which of them carries a prefix.

An answer is yes, no, or unknown for whatever is not documented or not understood. The longest route
decides. A table with an entry whose prefix or target cannot be read is not understood as a whole.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, Literal, NamedTuple, TypeVar

from chaosfailover.alibaba.documents import text
from chaosfailover.alibaba.network_documents import (
    EcrDisabledRoute,
    EcrRouteEntry,
    RouteEntry,
    TransitRouteEntry,
    VcoRouteEntry,
)
from chaosfailover.network.health import is_literal
from chaosfailover.network.routing import Routing, Unread

__all__ = [
    "Answer",
    "Prefix",
    "Route",
    "RouteTables",
    "Source",
    "Table",
    "Witness",
    "longest",
    "worst",
]

T = TypeVar("T", bound=Mapping[str, object])

Prefix = IPv4Network | IPv6Network
Answer = Literal["yes", "no", "unknown"]
Source = Literal["bgp", "static", "cloud", "fabric", "unknown"]

TRANSIT: Final = "TransitRouterRouteEntry"
USED = ("Active", "Standby", "Candidate")
REFUSED = ("Rejected", "Prohibited")


class Witness(NamedTuple):
    """
    Whether a route carries a prefix, and why not; `by_default` if a default route does.
    """

    answer: Answer
    why: str = ""
    by_default: bool = False


@dataclass(frozen=True)
class Route:
    """
    A route over `via`, and whether it carries traffic to the data center; `drops` is a black hole.

    `source` is where a VBR has it from: `fabric` is its ECR or CEN, `cloud` anything else there. Of
    the routes of a prefix, an ECR or CEN uses those with the lowest number of their `order` first.
    Among these, equal orders share the traffic; which of different orders is used is not known, as
    without order.
    """

    prefix: Prefix
    via: frozenset[str]
    answer: Answer
    why: str
    table: str | None = None
    drops: bool = False
    source: Source = "unknown"
    order: tuple[int, str] | None = None

    @property
    def leads_to_cloud(self) -> bool:
        """
        Whether it is a VBR's route into the cloud, which it tells the data center.
        """
        return self.source in ("cloud", "fabric")


class Table:
    """
    The routes of a table, which are found by the prefixes that they contain.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._by_prefix: dict[Prefix, list[Route]] = {}
        for route in self.routes:
            self._by_prefix.setdefault(route.prefix, []).append(route)
        self._lengths = sorted({prefix.prefixlen for prefix in self._by_prefix})

    def around(self, prefix: Prefix) -> list[Route]:
        """
        Return the routes that contain a prefix.
        """
        outer = (
            prefix.supernet(new_prefix=length)
            for length in self._lengths
            if length <= prefix.prefixlen
        )
        return [route for each in outer for route in self._by_prefix.get(each, ())]


class RouteTables:
    """
    The tables of everything that was read, each parsed once; a sentence says why one is not known.
    """

    def __init__(self, routing: Routing) -> None:
        self.routing = routing
        self._tables: dict[str, Table | str] = {}

    def of_vbr(self, vbr_id: str) -> Table | str:
        """
        Return the table of a VBR.
        """
        return self._once(vbr_id, _vbr_table)

    def of_group(self, group: str) -> Table | str:
        """
        Return the routes of an ECR, or of all tables of a CEN.
        """
        return self._once(group, _fabric)

    def of_vpn(self, vpn_connection_id: str) -> Table | str:
        """
        Return the routes of a VPN connection.
        """
        return self._once(vpn_connection_id, _vpn_table)

    def _once(self, name: str, read: Callable[[str, Routing], Table | str]) -> Table | str:
        if name not in self._tables:
            self._tables[name] = read(name, self.routing)
        return self._tables[name]


def longest(
    prefix: Prefix, name: str, around: Collection[Route], absent: str, otherwise: Answer = "no"
) -> Witness:
    """
    Return whether the longest routes over a survivor carry a prefix, and no longer one takes it.

    `around` are routes that contain the prefix.
    """
    own = [route for route in around if name in route.via]
    if not own:
        return Witness(otherwise, absent)
    length = max(route.prefix.prefixlen for route in own)
    for route in around:
        if route.drops and route.prefix.prefixlen >= length:
            return Witness("no", f"a black hole for {route.prefix} takes it")
        if route.prefix.prefixlen > length and route.answer != "no":
            why = f"a route for {route.prefix} over another next hop would take it"
            return Witness("unknown", why)
    by_default = length == 0 < prefix.prefixlen
    return worst(
        Witness(route.answer, route.why, by_default)
        for route in own
        if route.prefix.prefixlen == length
    )


def worst(witnesses: Iterable[Witness]) -> Witness:
    """
    Return the worst of several answers with all its reasons.
    """
    each = list(witnesses)
    answers = {witness.answer for witness in each}
    worst: Answer = "no" if "no" in answers else "unknown" if "unknown" in answers else "yes"
    whys = sorted({witness.why for witness in each if witness.answer == worst})
    return Witness(worst, "; ".join(whys), any(witness.by_default for witness in each))


def _prefix(value: str | None) -> Prefix | None:
    """
    Return the network of an address with its length; None for anything else.
    """
    if value is None or not re.fullmatch("[0-9A-Fa-f.:]+/[0-9]{1,3}", value):
        return None
    try:
        return ip_network(value)
    except ValueError:
        return None


def _read_all(
    entries: tuple[T, ...] | Unread, parse: Callable[[T], Route | None], name: str
) -> Table | str:
    """
    Return the routes of a table; a sentence if it was not read, or an entry is not understood.
    """
    if isinstance(entries, Unread):
        return f"{name} were not read: {entries}"
    routes = [parse(entry) for entry in entries]
    known = [route for route in routes if route]
    if len(known) != len(routes):
        return f"{name} have an entry without prefix or target"
    return Table(known)


def _vbr_table(vbr_id: str, routing: Routing) -> Table | str:
    """
    Return the table of a VBR; a sentence if it was not read.
    """
    unread = Unread("DescribeRouteEntryList", "not asked")
    entries = routing.vbr_routes.get(vbr_id, unread)
    return _read_all(entries, lambda entry: _vbr_route(vbr_id, entry), f"the routes of {vbr_id}")


def _vbr_route(vbr_id: str, entry: RouteEntry) -> Route | None:
    """
    Return a route of a VBR: towards the data center by BGP, or by hand to a circuit.
    """
    prefix = _prefix(text(entry, "DestinationCidrBlock"))
    if prefix is None:
        return None
    answer, why = _towards_data_center(entry)
    reason = why and f"{vbr_id}: {prefix} {why}"
    return Route(prefix, frozenset({vbr_id}), answer, reason, source=_source(entry))


def _source(entry: RouteEntry) -> Source:
    kind = (text(entry, "Type") or "").casefold()
    if kind in ("cen", "ecr"):
        return "fabric"
    if kind == "system" or (kind == "custom" and _leads(entry) == {"vpc"}):
        return "cloud"
    return "bgp" if kind == "bgp" else "static" if kind == "custom" else "unknown"


def _towards_data_center(entry: RouteEntry) -> tuple[Answer, str]:
    """
    Return whether a route of a VBR leads to the data center, and why not.
    """
    answer: Answer
    status, kind, leads = text(entry, "Status"), text(entry, "Type"), _leads(entry)
    if not is_literal(status, "Available"):
        answer = "no" if status in ("Pending", "Modifying") else "unknown"
        return answer, f"has Status {status or 'missing'}, not Available"
    if kind is None or leads is None:
        return "unknown", "has a type or next hops that are not understood"
    ends = {"pconn", ""} if is_literal(kind, "BGP") else {"pconn"}
    if is_literal(kind, "BGP") or is_literal(kind, "Custom"):
        answer = "yes" if leads <= ends else "no" if leads - ends - {""} else "unknown"
        return answer, "" if answer == "yes" else "has a next hop that is no circuit"
    return "no", f"has Type {kind}, so it does not lead to the data center"


def _leads(entry: RouteEntry) -> set[str] | None:
    """
    Return what the next hops lead to, such as `pconn`, or an empty text; None if not understood.
    """
    wrapper: object = entry.get("NextHops")
    hops = wrapper.get("NextHop") if isinstance(wrapper, Mapping) else None
    if not isinstance(hops, list | tuple) or not hops:
        return None
    if not all(isinstance(hop, Mapping) and _is_enabled(hop) for hop in hops):
        return None
    related = [hop.get("NextHopRelatedInfo") or {} for hop in hops]
    if not all(isinstance(info, Mapping) for info in related):
        return None
    return {(text(info, "InstanceType") or "").casefold() for info in related}


def _is_enabled(hop: Mapping[str, object]) -> bool:
    return type(hop.get("Enabled", 1)) is int and hop.get("Enabled", 1) == 1


def _fabric(group: str, routing: Routing) -> Table | str:
    """
    Return the routes of an ECR or CEN; a sentence if they were not read.
    """
    if group.startswith("ecr-"):
        return _ecr(group, routing)
    if group.startswith("cen-"):
        unread = Unread("ListTransitRouterRouteEntries", "not asked")
        entries = routing.transit_routes.get(group, unread)
        return _read_all(entries, _transit_route, f"the routes of {group}")
    return f"the routes of {group} cannot be read, since it is neither an ECR nor a CEN"


def _ecr(ecr_id: str, routing: Routing) -> Table | str:
    """
    Return the routes of an ECR; those that were disabled by hand carry nothing.
    """
    operation = "DescribeExpressConnectRouterRouteEntries"
    disabled = _read_all(
        routing.ecr_disabled.get(ecr_id, Unread(f"DescribeDisabled{operation[8:]}", "not asked")),
        _ecr_disabled,
        f"the disabled routes of {ecr_id}",
    )
    if isinstance(disabled, str):
        return disabled
    off = {(route.prefix, route.via) for route in disabled.routes}
    return _read_all(
        routing.ecr_routes.get(ecr_id, Unread(operation, "not asked")),
        lambda entry: _ecr_route(ecr_id, entry, off),
        f"the routes of {ecr_id}",
    )


def _ecr_route(
    ecr_id: str, entry: EcrRouteEntry, off: Collection[tuple[Prefix, frozenset[str]]]
) -> Route | None:
    prefix, target = _prefix(text(entry, "DestinationCidrBlock")), text(entry, "NexthopInstanceId")
    if prefix is None or target is None:
        return None
    via, status = frozenset({target}), text(entry, "Status")
    if (prefix, via) in off:
        return Route(prefix, via, "no", f"{ecr_id}: {prefix} over {target} was disabled by hand")
    if is_literal(status, "ACTIVE"):
        return Route(prefix, via, "yes", "", order=_ecr_order(entry))
    why = f"{ecr_id}: {prefix} over {target} has Status {status or 'missing'}, not ACTIVE"
    return Route(prefix, via, "unknown", why)


def _ecr_order(entry: EcrRouteEntry) -> tuple[int, str] | None:
    """
    Return the length of the AS path, with what may decide between paths of one length.
    """
    path = re.fullmatch(r"\[?(\d+(?:[, ]+\d+)*)\]?", text(entry, "AsPath") or "")
    if path is None:
        return None
    return len(
        re.findall(r"\d+", path[1])
    ), f"{entry.get('Med')} {entry.get('NexthopInstanceRegionId')}"


def _ecr_disabled(entry: EcrDisabledRoute) -> Route | None:
    prefix, target = _prefix(text(entry, "DestinationCidrBlock")), text(entry, "NexthopInstanceId")
    return Route(prefix, frozenset({target}), "no", "") if prefix and target else None


def _transit_route(entry: TransitRouteEntry) -> Route | None:
    """
    Return a route of a transit router; it goes over its next hop and over its origin.
    """
    prefix = _prefix(text(entry, f"{TRANSIT}DestinationCidrBlock"))
    status, kind = text(entry, f"{TRANSIT}Status"), text(entry, f"{TRANSIT}NextHopType")
    attributes: object = entry.get("PathAttributes")
    origin = text(attributes, "OriginInstanceId") if isinstance(attributes, Mapping) else None
    keys = (f"{TRANSIT}NextHopResourceId", f"{TRANSIT}OriginResourceId")
    via = frozenset({name for name in (*(text(entry, key) for key in keys), origin) if name})
    drops = is_literal(kind, "BlackHole")
    if prefix is None or not (via or drops):
        return None
    table, why = text(entry, "TransitRouterRouteTableId"), f"a transit router's route for {prefix}"
    route = Route(prefix, via, "yes", "", table, drops)
    if drops:
        return replace(route, answer="no", why=f"{why} is a black hole")
    if any(is_literal(status, refused) for refused in REFUSED):
        return replace(route, answer="no", why=f"{why} over {', '.join(sorted(via))} is {status}")
    if is_literal(kind, "Attachment") and any(is_literal(status, used) for used in USED):
        waiting = (1, " ".join(sorted(via)))
        return replace(route, order=(0, "") if is_literal(status, "Active") else waiting)
    what = f"has next hop type {kind or 'missing'} and status {status or 'missing'}"
    return replace(route, answer="unknown", why=f"{why} over {', '.join(sorted(via))} {what}")


def _vpn_table(name: str, routing: Routing) -> Table | str:
    """
    Return the routes of a VPN connection; a sentence if they were not read.
    """
    entries = routing.vpn_routes.get(name, Unread("DescribeVcoRouteEntries", "not asked"))
    return _read_all(entries, lambda entry: _vpn_route(name, entry), f"the routes of {name}")


def _vpn_route(vpn_connection_id: str, entry: VcoRouteEntry) -> Route | None:
    """
    Return a route of a VPN connection: by BGP from the data center, and in use.
    """
    prefix, state = _prefix(text(entry, "RouteDest")), text(entry, "State")
    if prefix is None:
        return None
    learned = is_literal(text(entry, "RouteEntryType"), "bgp")
    learned = learned and is_literal(text(entry, "Source"), "VPN_BGP")
    used = is_literal(state, "published") or is_literal(state, "Active")
    why = f"{vpn_connection_id}: {prefix} is not by BGP from the data center and in use"
    answer: Answer = "yes" if learned and used else "unknown"
    return Route(prefix, frozenset({vpn_connection_id}), answer, why)
