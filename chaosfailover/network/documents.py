"""
What the Describe documents of circuits, VBRs and BGP peers say, and what they leave open.

A fault is "down" where a document says so and "unknown" where it does not say; without faults a
thing is up. Literals are compared without regard to case, as the API itself is not consistent
(API reference 5.2, 5.5). Static routes are in none of these documents.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from chaosfailover.errors import ArgumentError

__all__ = [
    "IDLE",
    "UNKNOWN_GROUP",
    "Document",
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

Document = Mapping[str, Any]
Health = Literal["up", "down", "unknown"]
Fault = tuple[Health, str]

UNKNOWN_GROUP = "unknown"

IDLE = "no VBR was read on it"
"""Why a circuit carries nothing that is known, while the API counts nothing on it either."""

CIRCUIT = {"Status": "Enabled", "BusinessStatus": "Normal"}
VBR = {"Status": "active"}
LINK = {"Status": "active"}
PEER = {"Status": "Available", "BgpStatus": "Established"}
IP_VERSIONS = {"ipv4": "IPv4", "ipv6": "IPv6"}


def identified(documents: Iterable[Document], key: str) -> dict[str, Document]:
    """
    Return the documents by their ID; a document that was read twice counts once.

    Raises ArgumentError if a document has no ID, or if two with one ID differ: pages shifted while
    they were read, and which of the two is true is unknown.
    """
    found: dict[str, Document] = {}
    for document in documents:
        name = text(document, key)
        if name is None:
            raise ArgumentError(f"a document has no {key}, but every document needs one")
        if found.setdefault(name, document) != document:
            raise ArgumentError(f"{name} was read twice with different contents; read again")
    return found


def text(document: Document, key: str) -> str | None:
    """
    Return a field's text; None if it is missing, null, empty or no text.
    """
    value = document.get(key)
    return value if isinstance(value, str) and value else None


def is_literal(value: str | None, literal: str) -> bool:
    """
    Return whether a value is the literal, in whatever case.
    """
    return value is not None and value.casefold() == literal.casefold()


def number(document: Document, key: str) -> int | None:
    """
    Return a field's count; None if it is missing or no whole number from 0.
    """
    value = document.get(key)
    digits = str(value) if isinstance(value, int | str) else ""
    return int(digits) if digits.isascii() and digits.isdigit() else None


def ip_version(peer: Document) -> str | None:
    """
    Return `IPv4` or `IPv6`; None if the peer says neither.
    """
    return IP_VERSIONS.get((text(peer, "IpVersion") or "").casefold())


def parent(circuits: Mapping[str, Document], circuit_id: str | None) -> str | None:
    """
    Return the circuit that carries this one, if this one is known to be hosted.
    """
    return text(circuits.get(circuit_id or "", {}), "ParentPhysicalConnectionId")


def links(vbr: Document) -> dict[str | None, list[Document]]:
    """
    Return the circuits that a VBR runs over, with what it says of each; None is one without name.

    Its own comes first, the others in an order that is not the API's.
    """
    found: dict[str | None, list[Document]] = {text(vbr, "PhysicalConnectionId"): []}
    others = _listed(vbr, "AssociatedPhysicalConnections", "AssociatedPhysicalConnection")
    for entry in sorted(others, key=lambda entry: text(entry, "PhysicalConnectionId") or ""):
        found.setdefault(text(entry, "PhysicalConnectionId"), []).append(entry)
    return found


def attachments(vbr: Document) -> list[tuple[str, str | None]]:
    """
    Return the ECRs and CENs that a VBR names, with the status of each.

    `EcrAttatchStatus` is the API's own spelling. What is `Detached` is left out: the one status
    that says that nothing of it passes here. What has no name is `UNKNOWN_GROUP`. The order is not
    the API's, so that what is written of it stays as it is.
    """
    cens = _listed(vbr, "AssociatedCens", "AssociatedCen")
    named = [(text(cen, "CenId"), text(cen, "CenStatus")) for cen in cens]
    ecr = (text(vbr, "EcrId"), text(vbr, "EcrAttatchStatus"))
    if any(ecr):
        named.append(ecr)
    found = [
        (group or UNKNOWN_GROUP, status)
        for group, status in named
        if not is_literal(status, "Detached")
    ]
    return sorted(found, key=str)


def health(faults: Iterable[Fault]) -> tuple[Health, str]:
    """
    Return the worst of the faults and all their reasons; `("up", "")` without faults.
    """
    found = list(dict.fromkeys(faults))
    states = {state for state, _ in found}
    worst: Health = "down" if "down" in states else "unknown" if states else "up"
    return worst, "; ".join(reason for _, reason in found)


def circuit_faults(circuits: Mapping[str, Document], circuit_id: str) -> list[Fault]:
    """
    Return what keeps a circuit from being up: its own state, and that of a parent that was read.
    """
    circuit, carrier = circuits.get(circuit_id, {}), parent(circuits, circuit_id)
    found = _faults(circuit_id, circuit, CIRCUIT)
    if carrier is not None and carrier in circuits:
        found += _faults(carrier, circuits[carrier], CIRCUIT)
    if carrier is None and is_literal(text(circuit, "ProductType"), "VirtualPhysicalConnection"):
        found.append(("unknown", f"{circuit_id} is hosted, but its parent circuit is not named"))
    return found


def vbr_faults(vbr_id: str, vbr: Document, circuit_id: str | None) -> list[Fault]:
    """
    Return what keeps a VBR from being up over one of its circuits, and from serving any group.
    """
    named, circuits = attachments(vbr), links(vbr)
    found = _faults(vbr_id, vbr, VBR)
    for link in circuits[circuit_id] if circuit_id else []:
        found += _faults(f"{vbr_id} over {circuit_id}", link, LINK)
    if None in circuits:
        found.append(("unknown", f"{vbr_id}: not all of its circuits are named"))
    if not named:
        found.append(("unknown", f"{vbr_id} is attached to no ECR or CEN"))
    if not any(is_literal(status, "Attached") for _, status in named):
        found += [
            _fault(f"{vbr_id} at {group}", "status", said, "Attached") for group, said in named
        ]
    return found


def session_faults(vbr_id: str, peer: Document) -> list[Fault]:
    """
    Return what keeps a BGP session from carrying traffic; an empty document is no session.
    """
    if not peer:
        return [("unknown", f"{vbr_id} has no BGP peer, and static routes prove nothing")]
    name, routes = peer["BgpPeerId"], number(peer, "ReceivedRouteCount")
    found = _faults(name, peer, PEER)
    if ip_version(peer) is None:
        found.append(("unknown", f"{name}: IpVersion is neither IPv4 nor IPv6"))
    if routes is None:
        found.append(("unknown", f"{name}: ReceivedRouteCount is not known"))
    if routes == 0:
        found.append(("down", f"{name}: receives no routes, so it carries nothing"))
    if number(peer, "AdvertisedRouteCount") == 0:
        found.append(("unknown", f"{name}: advertises no routes, so the way back is not proven"))
    return found


def unseen_load(circuits: Mapping[str, Document], circuit_id: str, has_vbr: bool) -> str | None:
    """
    Return why a circuit may carry more than was read; None if all of it was.

    The API counts the hosted circuits of a circuit, also those of other accounts; a count that is
    left out says nothing (API reference 5.1).
    """
    key = "VirtualPhysicalConnectionCount"
    circuit = circuits.get(circuit_id)
    if circuit is None:
        return "it was not read, so what else it carries is unknown"
    hosted = sum(parent(circuits, other) == circuit_id for other in circuits)
    counted = number(circuit, key) if key in circuit else hosted
    if counted is None or counted > hosted:
        return f"{key} is {circuit[key]}, but {hosted} hosted circuits were read"
    return None if hosted or has_vbr else IDLE


def _listed(document: Document, outer: str, inner: str) -> list[Document]:
    """
    Return a twice wrapped list: empty where a key is left out, one empty document where it is
    malformed, so that something unnamed counts as present.
    """
    wrapper = document.get(outer, {})
    entries = wrapper.get(inner, []) if isinstance(wrapper, Mapping) else None
    sound = isinstance(entries, list) and all(isinstance(entry, Mapping) for entry in entries)
    return entries if sound and entries is not None else [{}]


def _faults(name: str, document: Document, rules: Mapping[str, str]) -> list[Fault]:
    if not document:
        return [("unknown", f"{name} was not read")]
    found = [(field, text(document, field), required) for field, required in rules.items()]
    return [
        _fault(name, field, value, required)
        for field, value, required in found
        if not is_literal(value, required)
    ]


def _fault(name: str, field: str, value: str | None, required: str) -> Fault:
    state: Health = "unknown" if value is None else "down"
    return state, f"{name}: {field} is {value or 'missing'}, not {required}"
