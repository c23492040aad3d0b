"""
Nothing counts as a survivor that is not proven to be one.
"""

import json
from typing import Any

import pytest
from recorded import MISSING, Network, recorded

from chaosfailover.alibaba.documents import FailoverTestJob
from chaosfailover.errors import ArgumentError
from chaosfailover.network.survival import Survival, surviving_paths
from chaosfailover.network.under_test import under_test


def cut(network: Network, *resource_ids: str, kind: str = "PHYSICALCONNECTION") -> Survival:
    """
    Cut resources of a network.
    """
    return surviving_paths(network.paths(), resource_ids, kind)


def names(paths: list[Any]) -> list[str]:
    """
    Return the names of paths.
    """
    return [str(path) for path in paths]


EAST, WEST = "pc-east - vbr-east - bgp-east", "pc-west - vbr-west - bgp-west"


@pytest.mark.parametrize(
    ("kind", "resource_id"),
    [
        pytest.param("PHYSICALCONNECTION", "pc-east", id="circuit"),
        pytest.param("VIRTUALBORDERROUTER", "vbr-east", id="VBR"),
        pytest.param("BGPPEER", "bgp-east", id="BGP peer"),
    ],
)
def test_second_circuit_survives(kind: str, resource_id: str) -> None:
    """Two circuits at two access points on one ECR: the other one goes on, without a warning."""
    survival = cut(recorded("dual-circuit"), resource_id, kind=kind)

    assert survival.count == 1
    assert names(survival.survivors) == [WEST]
    assert names(survival.lost) == [EAST]
    assert (survival.unknown, survival.down) == ([], [])
    assert (survival.warnings, survival.reasons) == ([], [])


def test_cut_of_everything_has_no_survivor() -> None:
    """Both circuits in one test leave nothing."""
    survival = cut(recorded("dual-circuit"), "pc-east", "pc-west")

    assert survival.count == 0
    assert survival.survivors == []
    assert survival.reasons == ["ecr-main (IPv4): no proven survivor"]


@pytest.mark.parametrize("taken", ["pc-west", "vbr-west", "bgp-west"])
def test_standby_that_another_test_cuts_is_no_survivor(taken: str) -> None:
    """The documents may still show it as up: why it is not is said."""
    job: FailoverTestJob = {
        "JobId": "ftj-1",
        "Status": "Testing",
        "ResourceId": ["bgp-gone", taken],
    }
    left = under_test(recorded("dual-circuit").paths(), [job])

    survival = surviving_paths(left, ["pc-east"])

    assert survival.count == 0
    assert names(survival.down) == [WEST]
    assert f"{WEST}: {taken} is cut by ftj-1 (Testing)" in survival.reasons


@pytest.mark.parametrize(
    ("item", "fields"),
    [
        pytest.param("pc-west", {"Status": "Terminating"}, id="circuit not Enabled"),
        pytest.param("pc-west", {"BusinessStatus": "FinancialLocked"}, id="circuit overdue"),
        pytest.param("vbr-west", {"Status": "terminated"}, id="VBR not active"),
        pytest.param("vbr-west", {"EcrAttatchStatus": "Attaching"}, id="not attached yet"),
        pytest.param("vbr-west", {"EcrAttatchStatus": "Detaching"}, id="being detached"),
        pytest.param("bgp-west", {"Status": "Modifying"}, id="peer not Available"),
        pytest.param("bgp-west", {"BgpStatus": "Active"}, id="session not Established"),
        pytest.param("bgp-west", {"ReceivedRouteCount": 0}, id="no routes"),
    ],
)
def test_standby_that_is_down_is_no_survivor(item: str, fields: dict[str, Any]) -> None:
    """A standby that the documents say is not ready is listed as down, with its reason."""
    survival = cut(recorded("dual-circuit").changed(item, **fields), "pc-east")

    assert survival.count == 0
    assert names(survival.down) == [WEST]
    assert any(reason.startswith(f"{WEST}: ") for reason in survival.reasons)


@pytest.mark.parametrize(
    ("item", "field"),
    [
        pytest.param("pc-west", "Status", id="circuit status"),
        pytest.param("pc-west", "BusinessStatus", id="bill"),
        pytest.param("vbr-west", "Status", id="VBR status"),
        pytest.param("vbr-west", "EcrAttatchStatus", id="attachment"),
        pytest.param("bgp-west", "Status", id="peer status"),
        pytest.param("bgp-west", "BgpStatus", id="session status"),
        pytest.param("bgp-west", "ReceivedRouteCount", id="received routes"),
        pytest.param("bgp-west", "IpVersion", id="address family"),
    ],
)
@pytest.mark.parametrize("value", [MISSING, None, ""])
def test_standby_that_is_not_known_is_no_survivor(item: str, field: str, value: object) -> None:
    """A field that is not said counts as no, and the path is listed as unknown."""
    survival = cut(recorded("dual-circuit").changed(item, **{field: value}), "pc-east")

    assert survival.count == 0
    assert names(survival.unknown) == [WEST]


def test_circuit_of_another_group_is_no_survivor() -> None:
    """A path that is up, but attached to another ECR, carries nothing of this one."""
    survival = cut(recorded("dual-circuit").changed("vbr-west", EcrId="ecr-other"), "pc-east")

    assert survival.count == 0
    assert (survival.survivors, survival.unknown, survival.down) == ([], [], [])


@pytest.mark.parametrize(
    ("resource_ids", "counts"),
    [
        pytest.param(["pc-east"], {"cen-old": 1, "ecr-main": 1}, id="each has another"),
        pytest.param(["pc-east", "pc-west"], {"cen-old": 1, "ecr-main": 0}, id="the ECR has none"),
        pytest.param(["pc-west"], {"ecr-main": 1}, id="only the ECR loses"),
        pytest.param(["pc-north"], {"cen-old": 1}, id="only the CEN loses"),
    ],
)
def test_every_group_needs_its_own_survivor(
    resource_ids: list[str], counts: dict[str, int]
) -> None:
    """The eastern VBR serves a CEN and an ECR: the count is that of the worse one."""
    survival = cut(recorded("cen-and-ecr"), *resource_ids)

    assert {need.group: need.count for need in survival.needs} == counts
    assert survival.count == min(counts.values())


def test_group_that_is_being_detached_still_loses() -> None:
    """Traffic of a group may still pass until it is Detached, so the group needs a survivor."""
    cens = {"AssociatedCen": [{"CenId": "cen-x", "CenStatus": "Detaching"}]}
    network = recorded("dual-circuit").changed("vbr-east", AssociatedCens=cens)

    assert cut(network, "pc-east").reasons == ["cen-x (IPv4): no proven survivor"]
    assert cut(network, "pc-east").count == 0


def test_group_that_a_survivor_may_not_serve_counts_as_no() -> None:
    """A survivor of the ECR that is only attaching to the CEN does not save the CEN."""
    cens = {"AssociatedCen": [{"CenId": "cen-old", "CenStatus": "Attaching"}]}
    network = recorded("cen-and-ecr").changed("vbr-west", AssociatedCens=cens).without("bgp-north")
    survival = cut(network, "pc-east")

    assert survival.count == 0
    assert WEST in names(survival.survivors)
    assert survival.down == []
    assert f"{WEST}: its attachment to cen-old is not proven" in survival.reasons


def test_address_families_do_not_stand_in_for_each_other() -> None:
    """A standby that only speaks IPv4 does not carry the IPv6 of the cut."""
    network = recorded("dual-stack")
    degraded = network.changed("bgp-west-6", BgpStatus="Down")

    assert cut(network, "pc-east").count == 1
    assert cut(degraded, "pc-east").count == 0
    assert {str(need): need.count for need in cut(degraded, "pc-east").needs} == {
        "ecr-main (IPv4)": 1,
        "ecr-main (IPv6)": 0,
    }
    assert cut(degraded, "bgp-east", kind="BGPPEER").count == 1


def test_lost_session_of_unknown_family_has_no_survivor() -> None:
    """What the cut takes has to be known too: no survivor is proven for an unknown family."""
    network = recorded("dual-circuit").changed("bgp-east", IpVersion=None)
    survival = cut(network, "pc-east")

    assert survival.count == 0
    assert (
        "ecr-main (of an address family that is not known): no proven survivor" in survival.reasons
    )


def test_lost_vbr_with_static_routes_has_no_survivor() -> None:
    """A VBR without BGP peer carries what no document tells."""
    survival = cut(recorded("dual-circuit").without("bgp-east"), "pc-east")

    assert survival.count == 0
    assert names(survival.lost) == ["pc-east - vbr-east"]


@pytest.mark.parametrize(
    ("resource_ids", "count", "survivors"),
    [
        pytest.param(["pc-parent"], 1, ["pc-far"], id="parent takes all it hosts"),
        pytest.param(["pc-red"], 2, ["pc-blue", "pc-far"], id="one hosted circuit"),
        pytest.param(["pc-far"], 1, ["pc-blue", "pc-red"], id="two on one parent count once"),
        pytest.param(["pc-parent", "pc-far"], 0, [], id="both lines"),
    ],
)
def test_hosted_circuits_share_the_fate_of_their_parent(
    resource_ids: list[str], count: int, survivors: list[str]
) -> None:
    """A hosted circuit is no line of its own."""
    survival = cut(recorded("hosted-circuits"), *resource_ids)

    assert [path.circuit_id for path in survival.survivors] == survivors
    assert survival.count == count


def test_survivor_on_the_same_parent_is_a_warning() -> None:
    """Red and blue ride on one line: blue survives, but not what would take the line."""
    warnings = cut(recorded("hosted-circuits"), "pc-red").warnings

    assert (
        "pc-blue - vbr-blue - bgp-blue: is carried by the parent circuit of the cut, pc-parent"
        in warnings
    )


def test_cut_takes_what_is_hosted_on_hosted_circuits() -> None:
    """A circuit two levels above takes it, as does a test that is under way on it."""
    network = recorded("hosted-circuits")
    red = next(each for each in network.circuits if each["PhysicalConnectionId"] == "pc-red")
    network.circuits.append(red | {"PhysicalConnectionId": "pc-mid"})
    network = network.changed("pc-red", ParentPhysicalConnectionId="pc-mid")
    network = network.changed("pc-mid", VirtualPhysicalConnectionCount=1)
    job: FailoverTestJob = {"JobId": "ftj-1", "Status": "Failed", "ResourceId": ["pc-parent"]}

    for cut_id in ("pc-parent", "pc-mid"):
        assert "pc-red - vbr-red - bgp-red" in names(cut(network, cut_id).lost)
    assert names(surviving_paths(under_test(network.paths(), [job]), ["pc-far"]).survivors) == []


@pytest.mark.parametrize("count", [pytest.param(3, id="one unseen"), MISSING, None, "", "many", -1])
def test_parent_that_hosts_more_than_was_read_has_no_survivor(count: object) -> None:
    """A hosted circuit of another account goes down with the parent, and nobody sees its path."""
    network = recorded("hosted-circuits").changed("pc-parent", VirtualPhysicalConnectionCount=count)

    assert cut(network, "pc-parent").count == 0
    assert cut(network, "pc-red").count == 2


@pytest.mark.parametrize("count", [2, "2"])
def test_parent_of_which_all_was_read_has_survivors(count: object) -> None:
    """The count is that of what was read."""
    network = recorded("hosted-circuits").changed("pc-parent", VirtualPhysicalConnectionCount=count)

    assert cut(network, "pc-parent").count == 1


def test_vbr_of_another_account_blocks_the_cut_of_its_circuit() -> None:
    """What the guest's VBR serves is not known, so the western circuit has no proven survivor."""
    network = recorded("cross-account")
    survival = cut(network, "pc-west")

    assert cut(network, "pc-east").count == 1
    assert survival.count == 0
    assert names(survival.lost) == ["pc-west - vbr-guest", WEST]


@pytest.mark.parametrize(
    ("resource_ids", "count", "unknown"),
    [
        pytest.param(["pc-north"], 1, [], id="the twin survives, over one or the other"),
        pytest.param(["pc-east"], 1, ["pc-west"], id="the twin may be gone"),
        pytest.param(["pc-east", "pc-west"], 1, [], id="the twin is gone"),
        pytest.param(
            ["pc-east", "pc-north"], 0, ["pc-west"], id="the twin may be all that is left"
        ),
    ],
)
def test_session_of_a_vbr_over_two_circuits_may_use_either(
    resource_ids: list[str], count: int, unknown: list[str]
) -> None:
    """Which circuit the session runs over is not known, so the cut of one proves nothing."""
    survival = cut(recorded("two-circuit-vbr"), *resource_ids)

    assert survival.count == count
    assert [path.circuit_id for path in survival.unknown] == unknown


def test_doubt_about_a_twin_is_explained() -> None:
    """The reason says that the VBR runs over the cut too."""
    (reason,) = cut(recorded("two-circuit-vbr"), "pc-east").reasons

    assert reason == (
        "pc-west - vbr-twin - bgp-twin: its VBR also runs over the cut, "
        "and which circuit its session uses is unknown"
    )


@pytest.mark.parametrize("malformed", [None, {"AssociatedPhysicalConnection": [{}]}])
def test_hidden_second_circuit_may_be_the_one_that_is_cut(malformed: object) -> None:
    """A VBR with a circuit that is not named may lose its session with any circuit."""
    network = recorded("dual-circuit").changed("vbr-west", AssociatedPhysicalConnections=malformed)
    survival = cut(network, "pc-east")

    assert survival.count == 0
    assert WEST in names(survival.unknown)
    assert cut(network, "vbr-east", kind="VIRTUALBORDERROUTER").count == 0


def test_parent_of_a_second_circuit_may_take_the_session() -> None:
    """The far VBR also runs over red, so the parent of red may take it along."""
    link = {"PhysicalConnectionId": "pc-red", "Status": "active"}
    wrapped = {"AssociatedPhysicalConnection": [link]}
    network = recorded("hosted-circuits").changed("vbr-far", AssociatedPhysicalConnections=wrapped)

    assert cut(network, "pc-parent").count == 0
    assert names(cut(network, "pc-parent").unknown) == ["pc-far - vbr-far - bgp-far"]


def test_session_that_may_be_lost_is_part_of_the_cut() -> None:
    """What may be lost is compared with the survivors as well."""
    network = recorded("two-circuit-vbr").changed("pc-north", AccessPointId="ap-hz-w")

    assert cut(network, "pc-east").warnings == [
        "pc-north - vbr-north - bgp-north: is at the access point of the cut, ap-hz-w"
    ]


def test_vbr_without_named_circuit_may_be_on_the_one_that_is_cut() -> None:
    """Its groups are affected by every cut of a circuit, and not by the cut of another VBR."""
    network = recorded("two-pages").changed(
        "vbr-north", PhysicalConnectionId=None, EcrId="ecr-north"
    )

    assert {need.group: need.count for need in cut(network, "pc-east").needs} == {
        "ecr-main": 1,
        "ecr-north": 0,
    }
    assert cut(network, "vbr-east", kind="VIRTUALBORDERROUTER").count == 1


def test_circuit_without_vbr_has_no_survivor() -> None:
    """A cut that nothing is known of is not proven to be harmless."""
    survival = cut(recorded("dual-circuit").without("vbr-west", "bgp-west"), "pc-west")

    assert survival.count == 0
    assert "pc-west: no VBR was read on it" in survival.reasons


def test_other_unknowns_are_not_about_this_cut() -> None:
    """Two circuits of which nothing is known have nothing to do with each other."""
    network = recorded("two-pages").without("vbr-west", "bgp-west", "vbr-north", "bgp-north")

    assert cut(network, "pc-west").unknown == []


def test_circuit_that_was_not_read_has_no_survivor() -> None:
    """What else the circuit carries is unknown, while a cut of our own VBR on it is known."""
    network = recorded("dual-circuit").changed("vbr-east", PhysicalConnectionId="pc-other")

    assert cut(network, "pc-other").count == 0
    assert cut(network, "vbr-east", kind="VIRTUALBORDERROUTER").count == 1


def test_session_beside_the_cut_one_survives_with_a_warning() -> None:
    """A cut BGP peer leaves the other sessions of its VBR, on the same circuit."""
    network = recorded("dual-circuit").changed("bgp-west", RouterId="vbr-east")
    survival = cut(network, "bgp-east", kind="BGPPEER")

    assert survival.count == 1
    assert survival.warnings == [
        "pc-east - vbr-east - bgp-west: is at the access point of the cut, ap-hz-e",
        "pc-east - vbr-east - bgp-west: shares circuit pc-east with the cut",
    ]


def test_sessions_over_one_circuit_count_once() -> None:
    """Two sessions over one circuit are one survivor: they go down together."""
    network = recorded("two-pages").changed("bgp-north", RouterId="vbr-west").without("vbr-north")
    survival = cut(network, "pc-east")

    assert len(survival.survivors) == 2
    assert survival.count == 1


def test_survivor_at_the_same_access_point_is_a_warning() -> None:
    """Two circuits at one access point survive each other, but not the access point."""
    survival = cut(recorded("one-access-point"), "pc-east")

    assert survival.count == 1
    assert survival.warnings == [f"{WEST}: is at the access point of the cut, ap-hz-e"]
    assert survival.reasons == []


def test_unknown_access_point_is_a_warning() -> None:
    """An access point that is not said may be the same one."""
    network = recorded("dual-circuit").changed("pc-west", AccessPointId="")

    assert cut(network, "pc-east").warnings == [
        f"{WEST}: may be at the access point of the cut, since an access point is unknown"
    ]
    assert cut(network, "pc-west").warnings == [
        f"{EAST}: may be at the access point of the cut, since an access point is unknown"
    ]


def test_survivors_at_one_access_point_are_a_warning() -> None:
    """Two survivors at one access point are two only until it goes."""
    network = recorded("two-pages").changed("pc-north", AccessPointId="ap-hz-w")
    survival = cut(network, "pc-east")

    assert survival.count == 2
    assert survival.warnings == ["ecr-main (IPv4): all survivors are at access point ap-hz-w"]


def test_survivors_at_unknown_access_points_are_not_said_to_share_one() -> None:
    """Two access points that are not said may differ."""
    network = recorded("two-pages").changed("pc-north", AccessPointId="")
    warnings = cut(network.changed("pc-west", AccessPointId=""), "pc-east").warnings

    assert len(warnings) == 2
    assert all("may be at the access point of the cut" in warning for warning in warnings)


def test_lost_session_without_bfd_is_a_warning() -> None:
    """How fast the failover is depends on the session that is lost."""
    assert cut(recorded("no-bfd"), "pc-east").warnings == [
        f"{EAST}: no BFD, so its loss is noticed only when the BGP hold time has passed"
    ]


def test_lost_session_without_bfd_and_hold_time_is_never_noticed() -> None:
    """BGP without a hold time waits for ever."""
    assert cut(recorded("no-bfd").changed("bgp-east", Hold="0"), "pc-east").warnings == [
        f"{EAST}: no BFD, and Hold is 0, so BGP alone never notices its loss"
    ]


def test_survivor_that_advertises_nothing_is_not_proven() -> None:
    """Traffic towards the cloud needs routes that were advertised over the survivor."""
    network = recorded("dual-circuit").changed("bgp-west", AdvertisedRouteCount=0)
    survival = cut(network, "pc-east")

    assert (survival.count, names(survival.unknown)) == (0, [WEST])
    assert (
        f"{WEST}: bgp-west: advertises no routes, so the way back is not proven" in survival.reasons
    )


ROUTES = "ecr-main (IPv4): its survivors receive at most half of the routes of the cut"
BANDWIDTH = "ecr-main (IPv4): its survivors have at most half of the bandwidth of the cut"


@pytest.mark.parametrize(
    ("item", "fields", "expected"),
    [
        pytest.param("bgp-west", {"ReceivedRouteCount": 6}, [ROUTES], id="half of the routes"),
        pytest.param("bgp-west", {"ReceivedRouteCount": 7}, [], id="most of the routes"),
        pytest.param("pc-west", {"Spec": "10M"}, [BANDWIDTH], id="a slower port"),
        pytest.param("pc-west", {"Spec": "100G"}, [], id="a faster port"),
        pytest.param("pc-west", {"Spec": ""}, [], id="a port of unknown speed"),
        pytest.param("pc-west", {"Bandwidth": 2}, [BANDWIDTH], id="less bandwidth"),
        pytest.param("pc-west", {"Bandwidth": None}, [], id="unknown bandwidth"),
    ],
)
def test_survivor_that_can_carry_less_is_a_warning(
    item: str, fields: dict[str, Any], expected: list[str]
) -> None:
    """It survives, and whether it can carry all is for a person to judge."""
    survival = cut(recorded("dual-circuit").changed(item, **fields), "pc-east")

    assert (survival.count, survival.warnings) == (1, expected)


def test_bandwidth_of_survivors_adds_up() -> None:
    """Two circuits of half the speed carry what one did; one of them does not."""
    network = recorded("two-pages").changed("pc-west", Spec="5G").changed("pc-north", Spec="5G")

    assert cut(network, "pc-east").warnings == []
    assert cut(network.without("bgp-north"), "pc-east").warnings == [BANDWIDTH]


def test_declared_redundancy_is_no_path() -> None:
    """A circuit that is only declared as redundant does not count, and the reasons say so."""
    network = recorded("one-access-point").changed("bgp-west", BgpStatus="Idle")
    survival = cut(network, "pc-east")

    assert survival.count == 0
    assert "pc-east declares pc-west as redundant, which proves no path" in survival.reasons


def test_restored_documents_are_not_needed_for_what_is_lost() -> None:
    """During a test the cut path is down itself; its survivors are counted all the same."""
    network = recorded("dual-circuit").changed("bgp-east", BgpStatus="Down", ReceivedRouteCount=0)

    assert cut(network, "pc-east").count == 1


@pytest.mark.parametrize(
    ("resource_ids", "kind", "message"),
    [
        pytest.param(["pc-gone"], "PHYSICALCONNECTION", "'pc-gone'", id="unknown circuit"),
        pytest.param(["pc-east", "pc-x"], "PHYSICALCONNECTION", "'pc-x'", id="one of two unknown"),
        pytest.param(["pc-east"], "VIRTUALBORDERROUTER", "'pc-east'", id="ID of another type"),
        pytest.param(["pc-east"], "CIRCUIT", "'CIRCUIT'", id="unknown type"),
        pytest.param([], "PHYSICALCONNECTION", "at least one", id="nothing"),
        pytest.param("pc-east", "PHYSICALCONNECTION", "'pc-east'", id="no list"),
        pytest.param([None], "BGPPEER", "None", id="no ID"),
    ],
)
def test_resources_have_to_be_there(resource_ids: Any, kind: str, message: str) -> None:
    """What does not exist is refused by name, and nothing is counted."""
    network = recorded("dual-circuit").without("bgp-west")

    with pytest.raises(ArgumentError, match=message):
        surviving_paths(network.paths(), resource_ids, kind)


def test_parent_that_was_not_read_cannot_be_cut() -> None:
    """The parent of a hosted circuit in another account is not ours."""
    with pytest.raises(ArgumentError, match="pc-far-parent"):
        cut(recorded("hosted-circuits").without("pc-far-parent"), "pc-far-parent")


def test_survival_fits_in_json() -> None:
    """A probe returns it to the journal."""
    document = cut(recorded("two-circuit-vbr"), "pc-east").as_dict()

    assert json.loads(json.dumps(document)) == document
    assert [*document] == [
        "count",
        "survivors",
        "lost",
        "unknown",
        "down",
        "needs",
        "warnings",
        "reasons",
    ]
    assert document["needs"] == [{"group": "ecr-main", "ip_version": "IPv4", "count": 1}]
