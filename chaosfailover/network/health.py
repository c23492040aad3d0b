"""
The health of circuits, VBRs and BGP peers, by the faults that their Describe documents show.

A fault is "down" if a field has the wrong value and "unknown" if the field is missing; without
faults a resource is up. Literals are compared regardless of case, as the API's own case varies
(API reference 5.2, 5.5). No document shows static routes.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeVar

from chaosfailover.alibaba.documents import BgpPeer, PhysicalConnection, VirtualBorderRouter
from chaosfailover.errors import ArgumentError

__all__ = [
    "IDLE",
    "UNKNOWN_GROUP",
    "Fault",
    "Health",
    "attachments",
    "circuit_faults",
    "health",
    "identified",
    "ip_version",
    "is_literal",
    "links",
    "number",
    "parent",
    "session_faults",
    "text",
    "unseen_load",
    "vbr_faults",
]

T = TypeVar("T", bound=Mapping[str, object])

Health = Literal["up", "down", "unknown"]
Fault = tuple[Health, str]

UNKNOWN_GROUP = "unknown"

IDLE = "no VBR was read on it"
"""The reason of a circuit without VBR on which the API counts no hosted circuits."""

CIRCUIT = {"Status": "Enabled", "BusinessStatus": "Normal"}
VBR = {"Status": "active"}
LINK = {"Status": "active"}
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


def text(document: Mapping[str, object], key: str) -> str | None:
    """
    Return a field's text; None if it is missing, null, empty or no text.
    """
    value = document.get(key)
    return value if isinstance(value, str) and value else None


def is_literal(value: str | None, literal: str) -> bool:
    """
    Return whether a value is the literal, regardless of case.
    """
    return value is not None and value.casefold() == literal.casefold()


def number(document: Mapping[str, object], key: str) -> int | None:
    """
    Return a field's count; None if it is missing or no whole number from 0.
    """
    value = document.get(key)
    digits = str(value) if isinstance(value, int | str) else ""
    return int(digits) if digits.isascii() and digits.isdigit() else None


def ip_version(peer: BgpPeer) -> str | None:
    """
    Return `IPv4` or `IPv6`; None if the peer has neither.
    """
    return IP_VERSIONS.get((text(peer, "IpVersion") or "").casefold())


def parent(circuits: Mapping[str, PhysicalConnection], circuit_id: str | None) -> str | None:
    """
    Return the parent of a hosted circuit; None for other circuits.
    """
    return text(circuits.get(circuit_id or "", {}), "ParentPhysicalConnectionId")


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

    An ECR or CEN without ID is `UNKNOWN_GROUP`.
    """
    cens = _listed(vbr, "AssociatedCens", "AssociatedCen")
    named = [(text(cen, "CenId"), text(cen, "CenStatus")) for cen in cens]
    ecr = (text(vbr, "EcrId"), text(vbr, "EcrAttatchStatus"))
    if any(ecr):
        named.append(ecr)
    attached = [
        (group or UNKNOWN_GROUP, status)
        for group, status in named
        if not is_literal(status, "Detached")
    ]
    return sorted(attached, key=str)


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
    Return the faults of a circuit and of its parent, if the parent is among the circuits.
    """
    circuit, carrier = circuits.get(circuit_id, {}), parent(circuits, circuit_id)
    faults = _faults(circuit_id, circuit, CIRCUIT)
    if carrier is not None and carrier in circuits:
        faults += _faults(carrier, circuits[carrier], CIRCUIT)
    if carrier is None and is_literal(text(circuit, "ProductType"), "VirtualPhysicalConnection"):
        faults.append(("unknown", f"{circuit_id} is hosted, but its parent circuit is not named"))
    return faults


def vbr_faults(vbr_id: str, vbr: VirtualBorderRouter, circuit_id: str | None) -> list[Fault]:
    """
    Return the faults of a VBR over one of its circuits, and of its attachments if none is proven.
    """
    named, circuits = attachments(vbr), links(vbr)
    faults = _faults(vbr_id, vbr, VBR)
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
    name, routes = peer["BgpPeerId"], number(peer, "ReceivedRouteCount")
    faults = _faults(name, peer, PEER)
    if ip_version(peer) is None:
        faults.append(("unknown", f"{name}: IpVersion is neither IPv4 nor IPv6"))
    if routes is None:
        faults.append(("unknown", f"{name}: ReceivedRouteCount is unknown"))
    if routes == 0:
        faults.append(("down", f"{name}: receives no routes, so it carries nothing"))
    if number(peer, "AdvertisedRouteCount") == 0:
        faults.append(("unknown", f"{name}: advertises no routes, so the way back is not proven"))
    return faults


def unseen_load(
    circuits: Mapping[str, PhysicalConnection], circuit_id: str, has_vbr: bool
) -> str | None:
    """
    Return why a circuit may carry more than was read; None if all of it was read.

    The API counts the hosted circuits of all accounts; a missing count is no evidence
    (API reference 5.1).
    """
    key: Final = "VirtualPhysicalConnectionCount"
    circuit = circuits.get(circuit_id)
    if circuit is None:
        return "it was not read, so what else it carries is unknown"
    hosted = sum(parent(circuits, other) == circuit_id for other in circuits)
    counted = number(circuit, key) if key in circuit else hosted
    if counted is None or counted > hosted:
        return f"{key} is {circuit[key]}, but {hosted} hosted circuits were read"
    return None if hosted or has_vbr else IDLE


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
