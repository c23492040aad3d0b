"""
The health of circuits, VBRs and BGP peers, by the faults that their Describe documents show.

A fault is "down" if a field has the wrong value and "unknown" if the field is missing; without
faults a resource is up. Literals are compared regardless of case, as the API's own case varies
(API reference 5.2, 5.5). No document read here shows static routes.

A path is a survivor only if every field in this table has one of its values. Any other value,
missing, null or of another type, counts as no. IDs are non-empty texts.

=====================================  ===================================================
Circuit, and every circuit above it    (one that was not read, or a circle, counts as no)
-------------------------------------  ---------------------------------------------------
Status                                 Enabled
BusinessStatus                         Normal
ProductType                            PhysicalConnection, VirtualPhysicalConnection (hosted)
ParentPhysicalConnectionId             ID of a circuit that was read if hosted, else nothing
VpconnStatus                           Confirmed if hosted, else not read
-------------------------------------  ---------------------------------------------------
VBR
-------------------------------------  ---------------------------------------------------
Status                                 active
PhysicalConnectionId                   ID
PhysicalConnectionStatus               Enabled, over its own circuit
PhysicalConnectionBusinessStatus       Normal, over its own circuit
AssociatedPhysicalConnections          a list, or left out; each entry for the path's circuit:
.. PhysicalConnectionId                ID, of every entry
.. Status                              active
.. PhysicalConnectionStatus            Enabled
.. PhysicalConnectionBusinessStatus    Normal
-------------------------------------  ---------------------------------------------------
Attachment to the ECR or CEN           (each entry that names it)
-------------------------------------  ---------------------------------------------------
EcrId, CenId                           ID
EcrAttatchStatus, CenStatus            Attached
-------------------------------------  ---------------------------------------------------
BGP peer
-------------------------------------  ---------------------------------------------------
RouterId                               ID of the VBR
Status                                 Available
BgpStatus                              Established
IpVersion                              IPv4, IPv6
ReceivedRouteCount                     whole number from 1
AdvertisedRouteCount                   whole number from 1
=====================================  ===================================================

VirtualPhysicalConnectionCount decides what a cut takes: unless it is a whole number, and no greater
than the number of hosted circuits that were read, the cut has no survivor. AccessPointId, Spec,
Bandwidth, RedundantPhysicalConnectionId, EnableBfd and PeerAsn only make warnings.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeVar

from chaosfailover.alibaba.documents import (
    BgpPeer,
    PhysicalConnection,
    VirtualBorderRouter,
    number,
    text,
)
from chaosfailover.errors import ArgumentError

__all__ = [
    "IDLE",
    "UNKNOWN_GROUP",
    "Fault",
    "Health",
    "ancestors",
    "attachments",
    "circuit_faults",
    "health",
    "identified",
    "ip_version",
    "is_literal",
    "links",
    "number",
    "parent",
    "routes_in",
    "session_faults",
    "text",
    "unseen_load",
    "vbr_faults",
]

T = TypeVar("T", bound=Mapping[str, object])

Health = Literal["up", "down", "unknown"]
Fault = tuple[Health, str]

UNKNOWN_GROUP = "unknown"
PARENT: Final = "ParentPhysicalConnectionId"

IDLE = "no VBR was read on it"
"""The reason of a circuit without VBR on which the API counts no hosted circuits."""

CIRCUIT = {"Status": "Enabled", "BusinessStatus": "Normal"}
HOSTED = {"VpconnStatus": "Confirmed"}
VBR = {"Status": "active"}
OWN_LINK = {"PhysicalConnectionStatus": "Enabled", "PhysicalConnectionBusinessStatus": "Normal"}
LINK = {"Status": "active", **OWN_LINK}
PEER = {"Status": "Available", "BgpStatus": "Established"}
IP_VERSIONS = {"ipv4": "IPv4", "ipv6": "IPv6"}


def identified(documents: Iterable[T], key: str) -> dict[str, T]:
    """
    Return the documents by their ID; a document that was read twice counts once.

    Raises ArgumentError if a document has no ID, and if two documents of one ID differ: pages
    shifted during the reading, and which of the two is current is unknown.
    """
    by_id: dict[str, T] = {}
    for document in documents:
        name = text(document, key)
        if name is None:
            raise ArgumentError(f"a document has no {key}, but every document needs one")
        if by_id.setdefault(name, document) != document:
            raise ArgumentError(f"{name} was read twice with different contents; read again")
    return by_id


def is_literal(value: str | None, literal: str) -> bool:
    """
    Return whether a value is the literal, regardless of case.
    """
    return value is not None and value.casefold() == literal.casefold()


def ip_version(peer: BgpPeer) -> str | None:
    """
    Return `IPv4` or `IPv6`; None if the peer has neither.
    """
    return IP_VERSIONS.get((text(peer, "IpVersion") or "").casefold())


def routes_in(peer: BgpPeer, key: str) -> int | None:
    """
    Return a count of routes; None if it is missing or no whole number from 0, or a text.
    """
    return None if isinstance(peer.get(key), str) else number(peer, key)


def parent(circuits: Mapping[str, PhysicalConnection], circuit_id: str | None) -> str | None:
    """
    Return the parent of a hosted circuit; None for other circuits.
    """
    return text(circuits.get(circuit_id or "", {}), PARENT)


def ancestors(
    circuits: Mapping[str, PhysicalConnection], circuit_id: str | None
) -> tuple[str, ...]:
    """
    Return the circuits that carry a hosted circuit, from its parent to the root.

    The chain ends at a circuit that was not read, and where it would repeat.
    """
    chain: dict[str, None] = {}
    above = parent(circuits, circuit_id)
    while above and above not in chain:
        chain[above] = None
        above = parent(circuits, above)
    return tuple(chain)


def links(vbr: VirtualBorderRouter) -> dict[str | None, list[Mapping[str, object]]]:
    """
    Return the circuits of a VBR, each with the VBR's entries for it; None is an unnamed circuit.

    The VBR's own circuit comes first, the others follow by ID.
    """
    entries: dict[str | None, list[Mapping[str, object]]]
    entries = {text(vbr, "PhysicalConnectionId"): []}
    others = _listed(vbr, "AssociatedPhysicalConnections", "AssociatedPhysicalConnection")
    for entry in sorted(others, key=lambda entry: text(entry, "PhysicalConnectionId") or ""):
        entries.setdefault(text(entry, "PhysicalConnectionId"), []).append(entry)
    return entries


def attachments(vbr: VirtualBorderRouter) -> list[tuple[str, str | None]]:
    """
    Return the ECRs and CENs of a VBR with their statuses, sorted; `Detached` ones are left out.

    One that is also listed with another status is not. An ECR or CEN without ID is `UNKNOWN_GROUP`.
    """
    cens = _listed(vbr, "AssociatedCens", "AssociatedCen")
    named = [(text(cen, "CenId"), text(cen, "CenStatus")) for cen in cens]
    if any(vbr.get(key) not in (None, "") for key in ("EcrId", "EcrAttatchStatus")):
        named.append((text(vbr, "EcrId"), text(vbr, "EcrAttatchStatus")))
    present = {group for group, status in named if not is_literal(status, "Detached")}
    return sorted(
        ((group or UNKNOWN_GROUP, status) for group, status in named if group in present), key=str
    )


def health(faults: Iterable[Fault]) -> tuple[Health, str]:
    """
    Return the worst of the faults and all their reasons; `("up", "")` without faults.
    """
    distinct = list(dict.fromkeys(faults))
    states = {state for state, _ in distinct}
    worst: Health = "down" if "down" in states else "unknown" if states else "up"
    return worst, "; ".join(reason for _, reason in distinct)


def circuit_faults(circuits: Mapping[str, PhysicalConnection], circuit_id: str) -> list[Fault]:
    """
    Return the faults of a circuit and of all circuits that carry it.
    """
    chain = ancestors(circuits, circuit_id)
    faults = [
        fault
        for each in (circuit_id, *chain)
        for fault in _circuit_faults(each, circuits.get(each, {}))
    ]
    if chain and parent(circuits, chain[-1]):
        faults.append(("unknown", f"{circuit_id} is hosted in a circle, so its root is unknown"))
    return faults


def vbr_faults(vbr_id: str, vbr: VirtualBorderRouter, circuit_id: str | None) -> list[Fault]:
    """
    Return the faults of a VBR over one of its circuits, and of its attachments if none is proven.
    """
    named, circuits = attachments(vbr), links(vbr)
    faults = _faults(vbr_id, vbr, VBR)
    if circuit_id and circuit_id == text(vbr, "PhysicalConnectionId"):
        faults += _faults(vbr_id, vbr, OWN_LINK)
    for link in circuits[circuit_id] if circuit_id else []:
        faults += _faults(f"{vbr_id} over {circuit_id}", link, LINK)
    if None in circuits:
        faults.append(("unknown", f"{vbr_id}: not all of its circuits are named"))
    if not named:
        faults.append(("unknown", f"{vbr_id} is attached to no ECR or CEN"))
    if not any(is_literal(status, "Attached") for _, status in named):
        faults += [
            _fault(f"{vbr_id} at {group}", "status", status, "Attached") for group, status in named
        ]
    return faults


def session_faults(vbr_id: str, peer: BgpPeer) -> list[Fault]:
    """
    Return the faults of a BGP session; an empty document is a VBR without session.
    """
    if not peer:
        return [("unknown", f"{vbr_id} has no BGP peer, and static routes prove nothing")]
    name, routes = peer["BgpPeerId"], routes_in(peer, "ReceivedRouteCount")
    advertised = routes_in(peer, "AdvertisedRouteCount")
    faults = _faults(name, peer, PEER)
    if ip_version(peer) is None:
        faults.append(("unknown", f"{name}: IpVersion is neither IPv4 nor IPv6"))
    if routes is None:
        faults.append(("unknown", f"{name}: ReceivedRouteCount is unknown"))
    if routes == 0:
        faults.append(("down", f"{name}: receives no routes, so it carries nothing"))
    if advertised is None:
        faults.append(("unknown", f"{name}: AdvertisedRouteCount is unknown"))
    if advertised == 0:
        faults.append(("unknown", f"{name}: advertises no routes, so the way back is not proven"))
    return faults


def unseen_load(
    circuits: Mapping[str, PhysicalConnection], circuit_id: str, has_vbr: bool
) -> str | None:
    """
    Return why a circuit may carry more than was read; None if all of it was read.

    The API counts the hosted circuits of all accounts (API reference 5.1).
    """
    key: Final = "VirtualPhysicalConnectionCount"
    circuit = circuits.get(circuit_id)
    if circuit is None:
        return "it was not read, so what else it carries is unknown"
    hosted = sum(parent(circuits, other) == circuit_id for other in circuits)
    counted = number(circuit, key)
    if counted is None or counted > hosted:
        return f"{key} is {circuit.get(key, 'missing')}, but {hosted} hosted circuits were read"
    return None if hosted or has_vbr else IDLE


def _circuit_faults(name: str, circuit: PhysicalConnection) -> list[Fault]:
    """
    Return the faults of one circuit; only a hosted one has a parent and a VpconnStatus.
    """
    faults, above = _faults(name, circuit, CIRCUIT), circuit.get(PARENT)
    product = (text(circuit, "ProductType") or "missing").casefold()
    if not circuit:
        return faults
    if product == "virtualphysicalconnection":
        faults += _faults(name, circuit, HOSTED)
        if not text(circuit, PARENT):
            faults.append(("unknown", f"{name} is hosted, but its parent circuit is not named"))
    elif product != "physicalconnection":
        faults.append(("unknown", f"{name}: ProductType is {circuit.get('ProductType')!r}"))
    elif above not in (None, ""):
        faults.append(("unknown", f"{name}: is not hosted, but {PARENT} is {above!r}"))
    return faults


def _listed(vbr: Mapping[str, object], outer: str, inner: str) -> list[Mapping[str, object]]:
    """
    Return a twice wrapped list: empty if a key is missing, a single empty document if malformed.
    """
    wrapper = vbr.get(outer, {})
    entries = wrapper.get(inner, []) if isinstance(wrapper, Mapping) else None
    if isinstance(entries, list) and all(isinstance(entry, Mapping) for entry in entries):
        return entries
    return [{}]


def _faults(name: str, document: Mapping[str, object], rules: Mapping[str, str]) -> list[Fault]:
    if not document:
        return [("unknown", f"{name} was not read")]
    return [
        _fault(name, field, text(document, field), required)
        for field, required in rules.items()
        if not is_literal(text(document, field), required)
    ]


def _fault(name: str, field: str, value: str | None, required: str) -> Fault:
    state: Health = "unknown" if value is None else "down"
    return state, f"{name}: {field} is {value or 'missing'}, not {required}"
