"""
A finding says what each group would be left with, and the worst that is known of it.
"""

import pytest
from recorded import Network, recorded

from chaosfailover.inspection.findings import findings


def outlook(network: Network) -> dict[tuple[str, str], str]:
    """
    Return the finding of each group and circuit.
    """
    return {(found.group, found.circuit_id): found.finding for found in findings(network.paths())}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(
            "dual-circuit",
            {("ecr-main", "pc-east"): "redundant", ("ecr-main", "pc-west"): "redundant"},
            id="two access points",
        ),
        pytest.param(
            "one-access-point",
            {
                ("ecr-main", "pc-east"): "same access point",
                ("ecr-main", "pc-west"): "same access point",
            },
            id="one access point",
        ),
        pytest.param(
            "hosted-circuits",
            {
                ("ecr-main", "pc-blue"): "redundant",
                ("ecr-main", "pc-far"): "redundant",
                ("ecr-main", "pc-far-parent"): "redundant",
                ("ecr-main", "pc-parent"): "redundant",
                ("ecr-main", "pc-red"): "redundant",
            },
            id="hosted circuits and their parent",
        ),
        pytest.param(
            "cross-account",
            {("ecr-main", "pc-east"): "redundant", ("ecr-main", "pc-west"): "unknown"},
            id="the guest of another account is not known",
        ),
        pytest.param(
            "two-circuit-vbr",
            {
                ("ecr-main", "pc-east"): "redundant",
                ("ecr-main", "pc-north"): "redundant",
                ("ecr-main", "pc-west"): "redundant",
            },
            id="a twin is as good as one of its circuits",
        ),
        pytest.param(
            "cen-and-ecr",
            {
                ("cen-old", "pc-east"): "redundant",
                ("cen-old", "pc-north"): "redundant",
                ("ecr-main", "pc-east"): "redundant",
                ("ecr-main", "pc-west"): "redundant",
            },
            id="each group by itself",
        ),
    ],
)
def test_network_has_findings(name: str, expected: dict[tuple[str, str], str]) -> None:
    """Each group lists the circuits that serve it, each with one finding."""
    assert outlook(recorded(name)) == expected


def test_standby_that_is_down_is_not_established() -> None:
    """The second circuit is there and its session is not."""
    network = recorded("dual-circuit").changed("bgp-west", BgpStatus="Idle")

    assert outlook(network) == {
        ("ecr-main", "pc-east"): "standby not established",
        ("ecr-main", "pc-west"): "no session up",
    }


@pytest.mark.parametrize("changed", [{"BgpStatus": "Idle"}, {"BgpStatus": None}])
def test_circuit_that_carries_nothing_is_not_redundant(changed: dict[str, str | None]) -> None:
    """Its loss would be survived, and it is no survivor for others."""
    network = recorded("dual-circuit").changed("bgp-west", **changed)

    assert outlook(network)["ecr-main", "pc-west"] == "no session up"


def test_standby_that_advertises_nothing_is_unknown() -> None:
    """It may carry what comes in, and nothing leads back over it."""
    network = recorded("dual-circuit").changed("bgp-west", AdvertisedRouteCount=0)

    assert outlook(network)["ecr-main", "pc-east"] == "unknown"


def test_standby_without_a_family_is_no_survivor() -> None:
    """A session of the wrong address family is no standby."""
    network = recorded("dual-stack").without("bgp-west-6")

    assert outlook(network)["ecr-main", "pc-east"] == "no survivor"
    assert outlook(network)["ecr-main", "pc-west"] == "redundant"


def test_standby_of_one_family_is_no_standby_of_the_other() -> None:
    """IPv4 has a standby that is down; IPv6 has none at all, which is worse."""
    network = recorded("dual-stack").without("bgp-west-6").changed("bgp-west", BgpStatus="Idle")

    assert outlook(network)["ecr-main", "pc-east"] == "no survivor"


def test_doubt_about_one_family_is_none_about_the_other() -> None:
    """The twin that may be lost speaks IPv6, and is no hope for the IPv4 of the eastern VBR."""
    network = recorded("two-circuit-vbr").changed("bgp-twin", IpVersion="ipv6")
    network = network.changed("bgp-north", IpVersion="ipv6")
    east = recorded("dual-circuit")
    network.vbrs.append(east.vbrs[0])
    network.bgp_peers.append(east.bgp_peers[0])

    assert outlook(network)["ecr-main", "pc-east"] == "no survivor"


def test_standby_that_is_not_known_is_unknown() -> None:
    """An unknown standby may be a good one, or not."""
    network = recorded("dual-circuit").changed("bgp-west", BgpStatus=None)

    assert outlook(network)["ecr-main", "pc-east"] == "unknown"


def test_twin_alone_is_unknown() -> None:
    """A VBR over two circuits may go on over the other one."""
    network = recorded("two-circuit-vbr").without("bgp-north", "vbr-north", "pc-north")

    assert outlook(network) == {
        ("ecr-main", "pc-east"): "unknown",
        ("ecr-main", "pc-west"): "unknown",
    }


def test_single_circuit_has_no_survivor() -> None:
    """Nothing else serves the group."""
    network = recorded("dual-circuit").without("bgp-west", "vbr-west", "pc-west")

    assert outlook(network) == {("ecr-main", "pc-east"): "no survivor"}


def test_group_that_is_only_attaching_is_not_established() -> None:
    """The standby is up, and not yet attached to the CEN."""
    cens = {"AssociatedCen": [{"CenId": "cen-old", "CenStatus": "Attaching"}]}
    network = recorded("cen-and-ecr").changed("vbr-west", AssociatedCens=cens)
    network = network.without("bgp-north", "vbr-north", "pc-north")

    assert outlook(network) == {
        ("cen-old", "pc-east"): "standby not established",
        ("cen-old", "pc-west"): "redundant",
        ("ecr-main", "pc-east"): "redundant",
        ("ecr-main", "pc-west"): "redundant",
    }


def test_unknown_access_point_is_unknown() -> None:
    """A survivor that may be in the same building is not called redundant."""
    network = recorded("dual-circuit").changed("pc-west", AccessPointId=None)

    assert set(outlook(network).values()) == {"unknown"}


def test_one_of_two_families_at_the_same_access_point_is_not_redundant() -> None:
    """Each need has to have a survivor elsewhere."""
    network = recorded("dual-stack").changed("bgp-west-6", RouterId="vbr-north")
    north = recorded("two-pages").changed("pc-north", AccessPointId="ap-hz-e")
    network.circuits.append(north.circuits[2])
    network.vbrs.append(north.vbrs[2])

    assert outlook(network)["ecr-main", "pc-east"] == "same access point"


def test_access_points_of_hosted_circuits_are_lost_with_the_parent() -> None:
    """Red ends at the access point of far, so the cut of its parent is felt there."""
    network = recorded("hosted-circuits").changed("pc-red", AccessPointId="ap-hz-w")
    network = network.changed("pc-parent", AccessPointId="ap-hz-z")
    (parent,) = (found for found in findings(network.paths()) if found.circuit_id == "pc-parent")

    assert parent.finding == "same access point"
    assert parent.access_point_id == "ap-hz-z"


def test_finding_lists_the_sessions_of_its_group() -> None:
    """Two VBRs over one circuit serve two groups."""
    network = recorded("dual-circuit").changed(
        "vbr-west", PhysicalConnectionId="pc-east", EcrId="ecr-two"
    )
    sessions = {
        found.group: [path.bgp_peer_id for path in found.sessions]
        for found in findings(network.paths())
        if found.circuit_id == "pc-east"
    }

    assert sessions == {"ecr-main": ["bgp-east"], "ecr-two": ["bgp-west"]}


def test_circuit_without_vbr_is_not_in_use() -> None:
    """A circuit that serves no known group has a line of its own."""
    network = recorded("dual-circuit").without("bgp-west", "vbr-west")

    assert outlook(network) == {
        ("ecr-main", "pc-east"): "no survivor",
        ("unknown", "pc-west"): "not in use",
    }


@pytest.mark.parametrize("count", [1, None, "many"])
def test_circuit_that_may_carry_something_is_unknown(count: object) -> None:
    """What the API counts on a circuit and does not list may be another account's."""
    network = recorded("dual-circuit").without("bgp-west", "vbr-west")
    network = network.changed("pc-west", VirtualPhysicalConnectionCount=count)

    assert outlook(network)["unknown", "pc-west"] == "unknown"


def test_parent_that_hosts_more_than_was_read_is_unknown() -> None:
    """What keeps the cut from being judged shows in each of its groups."""
    network = recorded("hosted-circuits").changed("pc-parent", VirtualPhysicalConnectionCount=3)

    assert outlook(network)["ecr-main", "pc-parent"] == "unknown"
    assert outlook(network)["ecr-main", "pc-red"] == "redundant"


def test_finding_tells_what_it_rests_on() -> None:
    """A finding brings its sessions, the count, the warnings and the reasons."""
    network = recorded("one-access-point").changed("bgp-west", BgpStatus="Idle")
    finding = findings(network.paths())[0]

    assert (finding.group, finding.circuit_id) == ("ecr-main", "pc-east")
    assert finding.access_point_id == "ap-hz-e"
    assert finding.survivors == 0
    assert [path.bgp_peer_id for path in finding.sessions] == ["bgp-east"]
    assert finding.reasons == [
        "ecr-main (IPv4): no proven survivor",
        "pc-east declares pc-west as redundant, which proves no path",
        "pc-west - vbr-west - bgp-west: bgp-west: BgpStatus is Idle, not Established",
    ]
