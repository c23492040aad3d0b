"""
Paths are what the documents prove; what they leave open is unknown.
"""

from typing import Any

import pytest
from recorded import MISSING, recorded

from chaosfailover.errors import ArgumentError
from chaosfailover.network.paths import BfdTimers, Path

IN_SERVICE = {
    "PhysicalConnectionStatus": "Enabled",
    "PhysicalConnectionBusinessStatus": "Normal",
}


def west(**fields: Any) -> Path:
    """
    Return the western path of the dual circuit, with fields of its three items changed.
    """
    network = recorded("dual-circuit")
    for name, changes in fields.items():
        network = network.changed(name.replace("_", "-"), **changes)
    (path,) = (path for path in network.paths() if path.circuit_id == "pc-west")
    return path


def test_path_joins_circuit_vbr_and_session() -> None:
    """A path names what it runs over, what it serves and how well it is watched."""
    assert west() == Path(
        circuit_id="pc-west",
        access_point_id="ap-hz-w",
        vbr_id="vbr-west",
        bgp_peer_id="bgp-west",
        groups=frozenset({"ecr-main"}),
        health="up",
        reason="",
        bfd=True,
        received_routes=12,
        advertised_routes=6,
        peer_asn="65515",
        established=True,
        ip_version="IPv4",
        spec="10G",
        bandwidth=10,
        bfd_timers=BfdTimers(300, 300, 3),
        hold=30,
        keepalive=10,
        route_limit=110,
        vbr_bandwidth=50,
        carrier_bandwidth=10,
    )


def test_path_fits_in_json() -> None:
    """Sets become sorted lists, as a journal needs them."""
    document = recorded("cen-and-ecr").paths()[0].as_dict()

    assert document["groups"] == ["cen-old", "ecr-main"]
    assert document["other_circuit_ids"] == []


@pytest.mark.parametrize(
    ("item", "field", "literal"),
    [
        pytest.param("pc_west", "Status", "Enabled", id="circuit"),
        pytest.param("pc_west", "BusinessStatus", "Normal", id="bill"),
        pytest.param("vbr_west", "Status", "active", id="VBR"),
        pytest.param("vbr_west", "PhysicalConnectionStatus", "Enabled", id="circuit of the VBR"),
        pytest.param(
            "vbr_west", "PhysicalConnectionBusinessStatus", "Normal", id="bill, says the VBR"
        ),
        pytest.param("vbr_west", "EcrAttatchStatus", "Attached", id="attachment"),
        pytest.param("bgp_west", "Status", "Available", id="peer"),
        pytest.param("bgp_west", "BgpStatus", "Established", id="session"),
    ],
)
def test_each_status_has_one_good_literal(item: str, field: str, literal: str) -> None:
    """A status that is another is down, one that is not said is unknown, and case is no matter."""
    assert west(**{item: {field: literal.upper()}}).health == "up"
    assert west(**{item: {field: "Terminated"}}).health == "down"
    assert [west(**{item: {field: said}}).health for said in (MISSING, None, "", 1)] == [
        "unknown",
        "unknown",
        "unknown",
        "unknown",
    ]


@pytest.mark.parametrize(
    ("fields", "health", "reason"),
    [
        pytest.param(
            {"bgp_west": {"BgpStatus": "Idle"}},
            "down",
            "bgp-west: BgpStatus is Idle, not Established",
            id="session not established",
        ),
        pytest.param(
            {"bgp_west": {"ReceivedRouteCount": 0}},
            "down",
            "bgp-west: receives no routes, so it carries nothing",
            id="no routes",
        ),
        pytest.param(
            {"bgp_west": {"ReceivedRouteCount": None}},
            "unknown",
            "bgp-west: ReceivedRouteCount is unknown",
            id="routes not counted",
        ),
        pytest.param(
            {"bgp_west": {"ReceivedRouteCount": -1}},
            "unknown",
            "bgp-west: ReceivedRouteCount is unknown",
            id="impossible count",
        ),
        *(
            pytest.param(
                {"bgp_west": {"AdvertisedRouteCount": count}},
                "unknown",
                "bgp-west: AdvertisedRouteCount is unknown",
                id=f"advertised {name}",
            )
            for name, count in {
                "missing": MISSING,
                "null": None,
                "-1": -1,
                "true": True,
                "text": "7",
            }.items()
        ),
        pytest.param(
            {"pc_west": {"ProductType": MISSING}},
            "unknown",
            "pc-west: ProductType is None",
            id="product not said",
        ),
        pytest.param(
            {"pc_west": {"ParentPhysicalConnectionId": "pc-east"}},
            "unknown",
            "pc-west: is not hosted, but ParentPhysicalConnectionId is 'pc-east'",
            id="parent of a circuit that is not hosted",
        ),
        pytest.param(
            {"bgp_west": {"IpVersion": ""}},
            "unknown",
            "bgp-west: IpVersion is neither IPv4 nor IPv6",
            id="no address family",
        ),
        pytest.param(
            {"vbr_west": {"EcrId": MISSING, "EcrAttatchStatus": MISSING}},
            "unknown",
            "vbr-west is attached to no ECR or CEN",
            id="not attached",
        ),
        pytest.param(
            {"vbr_west": {"EcrAttatchStatus": "Attaching"}},
            "down",
            "vbr-west at ecr-main: status is Attaching, not Attached",
            id="not attached yet",
        ),
        pytest.param(
            {"pc_west": {"BusinessStatus": "FinancialLocked"}, "bgp_west": {"BgpStatus": None}},
            "down",
            "pc-west: BusinessStatus is FinancialLocked, not Normal; "
            "bgp-west: BgpStatus is missing, not Established",
            id="down comes before unknown",
        ),
    ],
)
def test_path_says_why_it_is_not_up(fields: dict[str, Any], health: str, reason: str) -> None:
    """The reason names the item, the field, what it is and what it should be."""
    path = west(**fields)

    assert (path.health, path.reason) == (health, reason)


def test_circuit_that_was_not_read_is_unknown() -> None:
    """A VBR over the circuit of another account: its circuit cannot be looked at."""
    network = recorded("dual-circuit").changed("vbr-west", PhysicalConnectionId="pc-other")
    reasons = {str(path): path.reason for path in network.paths()}

    assert reasons["pc-other - vbr-west - bgp-west"] == "pc-other was not read"
    assert reasons["pc-other"] == "it was not read, so what else it carries is unknown"


def test_vbr_without_bgp_peer_is_unknown() -> None:
    """Static routes are in no document: such a VBR proves nothing."""
    paths = recorded("dual-circuit").without("bgp-west").paths()

    assert [(path.health, path.reason) for path in paths if path.vbr_id == "vbr-west"] == [
        ("unknown", "vbr-west has no BGP peer, and static routes prove nothing")
    ]


def test_vbr_of_another_account_is_unknown() -> None:
    """A VBR that is seen without status, attachments and peers is a path of unknown use."""
    (guest,) = (path for path in recorded("cross-account").paths() if path.vbr_id == "vbr-guest")

    assert guest.circuit_id == "pc-west"
    assert guest.health == "unknown"
    assert guest.unproven_groups == {"unknown"}


def test_vbr_over_two_circuits_is_a_path_over_each() -> None:
    """Each of the two says that its session may be using the other."""
    twins = [path for path in recorded("two-circuit-vbr").paths() if path.vbr_id == "vbr-twin"]

    assert [(path.circuit_id, path.other_circuit_ids) for path in twins] == [
        ("pc-east", frozenset({"pc-west"})),
        ("pc-west", frozenset({"pc-east"})),
    ]


def test_second_circuit_has_its_own_health() -> None:
    """The link of a VBR to its second circuit has a status of its own."""
    link = {"PhysicalConnectionId": "pc-west", "Status": "terminated"}
    wrapped = {"AssociatedPhysicalConnection": [link]}
    network = recorded("two-circuit-vbr").changed("vbr-twin", AssociatedPhysicalConnections=wrapped)

    states = {path.circuit_id: path.health for path in network.paths()}

    assert states == {"pc-east": "up", "pc-north": "up", "pc-west": "down"}


def test_other_circuits_come_with_their_parents() -> None:
    """The parent of a hosted circuit takes the session too."""
    link = {"PhysicalConnectionId": "pc-red", "Status": "active"}
    wrapped = {"AssociatedPhysicalConnection": [link]}
    network = recorded("hosted-circuits").changed("vbr-far", AssociatedPhysicalConnections=wrapped)
    others = {path.circuit_id: path.other_circuit_ids for path in network.paths() if path.vbr_id}

    assert others["pc-far"] == {"pc-red", "pc-parent"}


def test_primary_circuit_may_be_listed_again() -> None:
    """A VBR whose list of circuits repeats its only one runs over one circuit."""
    link = {"PhysicalConnectionId": "pc-west", "Status": "active", **IN_SERVICE}
    wrapped = {"AssociatedPhysicalConnection": [link]}
    path = west(vbr_west={"AssociatedPhysicalConnections": wrapped})

    assert (path.health, path.other_circuit_ids) == ("up", frozenset())


@pytest.mark.parametrize("malformed", [None, "", [], {"AssociatedPhysicalConnection": None}])
def test_malformed_list_of_circuits_hides_one(malformed: object) -> None:
    """A list that is there and cannot be read may hold a circuit that is not known."""
    network = recorded("dual-circuit").changed("vbr-west", AssociatedPhysicalConnections=malformed)
    found = {path.circuit_id: path.reason for path in network.paths() if path.vbr_id == "vbr-west"}

    assert found == dict.fromkeys(["pc-west", None], "vbr-west: not all of its circuits are named")


@pytest.mark.parametrize("empty", [MISSING, {}, {"AssociatedCen": []}])
def test_list_that_is_left_out_is_empty(empty: object) -> None:
    """The API leaves out what is not there."""
    assert west(vbr_west={"AssociatedCens": empty}).named_groups == {"ecr-main"}


@pytest.mark.parametrize(
    ("status", "groups", "unproven"),
    [
        pytest.param("Attached", {"cen-b", "ecr-main"}, set(), id="attached"),
        pytest.param("Detached", {"ecr-main"}, set(), id="detached is out"),
        pytest.param("Detaching", {"ecr-main"}, {"cen-b"}, id="detaching may still serve"),
        pytest.param(None, {"ecr-main"}, {"cen-b"}, id="status not said"),
    ],
)
def test_attachment_is_proven_or_not(
    status: str | None, groups: set[str], unproven: set[str]
) -> None:
    """Only Attached serves, and only Detached is sure not to."""
    cens = {"AssociatedCen": [{"CenId": "cen-b", "CenStatus": status}]}
    path = west(vbr_west={"AssociatedCens": cens})

    assert path.groups == groups
    assert path.unproven_groups == unproven


def test_attachment_without_name_is_unknown() -> None:
    """An attachment that is not named may be to any group, so it serves none."""
    path = west(vbr_west={"EcrId": ""})

    assert path.groups == frozenset()
    assert path.unproven_groups == {"unknown"}


def test_hosted_circuit_needs_a_named_parent() -> None:
    """A hosted circuit whose parent is not named may ride on any circuit."""
    network = recorded("hosted-circuits").changed("pc-far", ParentPhysicalConnectionId=None)
    (far,) = (path for path in network.paths() if path.vbr_id == "vbr-far")

    assert far.health == "unknown"
    assert far.reason == "pc-far is hosted, but its parent circuit is not named"


@pytest.mark.parametrize("status", ["UnConfirmed", "Deleted", "", None, MISSING, 1])
def test_hosted_circuit_has_to_be_confirmed(status: object) -> None:
    """What is not confirmed, by its owner or the parent's, carries nothing that is proven."""
    network = recorded("hosted-circuits").changed("pc-far", VpconnStatus=status)
    health = {path.vbr_id: path.health for path in network.paths() if path.vbr_id}

    assert health["vbr-far"] == ("down" if status in ("UnConfirmed", "Deleted") else "unknown")
    assert health["vbr-red"] == "up"


def test_vpconn_status_of_an_ordinary_circuit_means_nothing() -> None:
    """It is empty, or what the API's sample shows."""
    for status in ("", None, "Confirmed", "Deleted"):
        assert west(pc_west={"VpconnStatus": status}).health == "up"


@pytest.mark.parametrize("field", [*IN_SERVICE, "Status"])
@pytest.mark.parametrize("value", ["Terminated", "Unavailable", "", None, MISSING, 1])
def test_link_to_another_circuit_has_to_be_in_service(field: str, value: object) -> None:
    """Each of its fields counts."""
    link = {"PhysicalConnectionId": "pc-west", "Status": "active", **IN_SERVICE, field: value}
    entry = {key: value for key, value in link.items() if value is not MISSING}
    network = recorded("two-circuit-vbr").changed(
        "vbr-twin", AssociatedPhysicalConnections={"AssociatedPhysicalConnection": [entry]}
    )
    health = {path.circuit_id: path.health for path in network.paths()}

    assert health["pc-west"] == ("down" if isinstance(value, str) and value else "unknown")
    assert health["pc-east"] == "up"


def hosted_on(*levels: str) -> Path:
    """
    Return the far path with its circuit hosted on others, each of which is hosted on the next.
    """
    network = recorded("hosted-circuits")
    far = next(each for each in network.circuits if each["PhysicalConnectionId"] == "pc-far")
    new = {name for name in levels if name.startswith("pc-level")}
    network.circuits.extend(far | {"PhysicalConnectionId": name} for name in new)
    for name, above in zip(("pc-far", *levels), levels, strict=False):
        network = network.changed(name, ParentPhysicalConnectionId=above)
    return next(path for path in network.paths() if path.vbr_id == "vbr-far")


def test_hosted_circuit_is_followed_to_the_root() -> None:
    """However many levels there are."""
    levels = [f"pc-level-{number}" for number in range(50)]
    path = hosted_on(*levels, "pc-far-parent")

    assert path.health == "up"
    assert path.parent_circuit_ids == (*levels, "pc-far-parent")
    assert path.carrier_id == "pc-far-parent"


@pytest.mark.parametrize(
    ("levels", "chain", "reason"),
    [
        pytest.param(
            ["pc-gone"], ["pc-gone"], "pc-gone was not read", id="parent of another account"
        ),
        pytest.param(
            ["pc-level-1", "pc-gone"],
            ["pc-level-1", "pc-gone"],
            "pc-gone was not read",
            id="root of another account",
        ),
        pytest.param(
            ["pc-far"],
            ["pc-far"],
            "pc-far is hosted in a circle, so its root is unknown",
            id="on itself",
        ),
        pytest.param(
            ["pc-level-1", "pc-level-2", "pc-level-1"],
            ["pc-level-1", "pc-level-2"],
            "pc-far is hosted in a circle, so its root is unknown",
            id="above a circle",
        ),
    ],
)
def test_hosted_circuit_without_root_is_unknown(
    levels: list[str], chain: list[str], reason: str
) -> None:
    """What it shares with a cut cannot be told."""
    path = hosted_on(*levels)

    assert (path.health, path.reason) == ("unknown", reason)
    assert path.parent_circuit_ids == tuple(chain)


def test_attachment_that_is_listed_twice_has_to_be_attached_twice() -> None:
    """Which of two statuses is current is unknown."""
    for status in ("Detached", "Detaching", None):
        cens = {"AssociatedCen": [{"CenId": "ecr-main", "CenStatus": status}]}
        path = west(vbr_west={"AssociatedCens": cens})

        assert (path.groups, "ecr-main" in path.unproven_groups) == (frozenset(), True)


def test_parent_that_is_not_enabled_takes_its_hosted_circuits_down() -> None:
    """A parent that was read has to be up as well."""
    network = recorded("hosted-circuits").changed("pc-parent", Status="Terminated")
    states = {path.vbr_id: path.health for path in network.paths() if path.vbr_id}

    assert states == {"vbr-blue": "down", "vbr-far": "up", "vbr-red": "down"}


def test_bgp_peer_of_an_unread_vbr_is_a_path_somewhere() -> None:
    """A VBR that only its BGP peer tells of may run over any circuit."""
    paths = recorded("dual-circuit").without("vbr-west").paths()
    (stray,) = (path for path in paths if path.vbr_id == "vbr-west")

    assert (stray.circuit_id, stray.health) == (None, "unknown")
    assert "vbr-west was not read" in stray.reason


def test_circuit_without_vbr_is_listed() -> None:
    """A circuit that nothing was read on is there, and what it carries is unknown."""
    paths = recorded("dual-circuit").without("vbr-west", "bgp-west").paths()

    assert [(path.reason, path.unproven_groups) for path in paths if not path.vbr_id] == [
        ("no VBR was read on it", frozenset({"unknown"}))
    ]


def test_pages_join_and_a_repeated_item_counts_once() -> None:
    """An item that moved to the next page while the pages were read is one item."""
    network = recorded("two-pages")

    assert len(network.bgp_peers) == 4
    assert [str(path) for path in network.paths()] == [
        "pc-east - vbr-east - bgp-east",
        "pc-north - vbr-north - bgp-north",
        "pc-west - vbr-west - bgp-west",
    ]


def test_repeated_item_with_other_contents_is_refused() -> None:
    """Which of two readings is true is not for us to guess."""
    network = recorded("dual-circuit")
    network.bgp_peers.append(network.bgp_peers[1] | {"BgpStatus": "Idle"})

    with pytest.raises(ArgumentError, match="bgp-west was read twice with different contents"):
        network.paths()


@pytest.mark.parametrize(
    ("item", "key"),
    [
        pytest.param("pc-west", "PhysicalConnectionId", id="circuit"),
        pytest.param("vbr-west", "VbrId", id="VBR"),
        pytest.param("bgp-west", "BgpPeerId", id="BGP peer"),
        pytest.param("bgp-west", "RouterId", id="router of a BGP peer"),
    ],
)
@pytest.mark.parametrize("value", [MISSING, None, ""])
def test_item_without_id_is_refused(item: str, key: str, value: object) -> None:
    """What has no name cannot be placed, and the message quotes no contents such as AuthKey."""
    network = recorded("dual-circuit").changed("bgp-west", AuthKey="hunter2")
    network = network.changed(item, **{key: value})

    with pytest.raises(ArgumentError, match=key) as caught:
        network.paths()

    assert "hunter2" not in str(caught.value)
