"""
What a cut takes is read in few calls, and is back when it is as it was.
"""

from pathlib import Path

import pytest
import yaml
from accounts import ACCOUNTS, Opener, Topology, circuit, topology
from client_stand_in import Cloud, client_of, reply
from recorded import recorded

from chaosfailover.alibaba.regions import Place
from chaosfailover.emulator import Emulator
from chaosfailover.errors import RequestTimeoutError
from chaosfailover.network.cut_resources import (
    NORMAL,
    Resource,
    ResourceState,
    is_back,
    lost,
    read_states,
)
from chaosfailover.network.survival import RESOURCE_TYPES, surviving_paths

CIRCUIT, VBR, PEER = NORMAL
EAST = [Resource(CIRCUIT, "pc-east"), Resource(VBR, "vbr-east"), Resource(PEER, "bgp-east")]
ENABLED, ACTIVE = ResourceState("Enabled", ""), ResourceState("active", "")
AVAILABLE = ResourceState("Available", "Established")


def test_every_type_has_a_normal_status() -> None:
    """No type can be forgotten."""
    assert [*NORMAL] == [*RESOURCE_TYPES]


@pytest.mark.parametrize("number", range(3))
def test_what_is_on_it_goes_down_with_it(number: int) -> None:
    """What lies below what is cut stays up."""
    cut = EAST[number]
    survival = surviving_paths(
        recorded("dual-circuit").paths(), [cut.resource_id], cut.resource_type
    )

    assert lost(survival, cut.resource_type) == sorted(EAST[number:])


def opener(folder: Path, *parts: Topology, accounts: int = 1) -> Opener:
    """
    Return clients of an emulated region with these parts.
    """
    file = folder / "region.yaml"
    described = topology({"cn-hangzhou": [*parts]}, ACCOUNTS[:accounts])
    file.write_text(yaml.safe_dump(described), encoding="utf-8")
    return Opener(Emulator(file))


def place(account: str) -> Place:
    return Place("cn-hangzhou", f"acs:ram::{account}:role/inspector")


def trio(name: str) -> list[Resource]:
    return [
        Resource(CIRCUIT, f"pc-{name}"),
        Resource(VBR, f"vbr-{name}"),
        Resource(PEER, f"bgp-{name}"),
    ]


def test_states_of_the_three_types(tmp_path: Path) -> None:
    """Each is read by ID, one call for each type; what does not exist is absent."""
    region = [circuit(name, ACCOUNTS[0], "ap-1", vbr={}) for name in ("01", "02")]
    open_client = opener(tmp_path, *region)

    states = read_states(open_client(place(ACCOUNTS[0])), trio("01"))
    gone = read_states(open_client(place(ACCOUNTS[0])), trio("03"))

    assert states == dict(zip(trio("01"), (ENABLED, ACTIVE, AVAILABLE), strict=True))
    assert gone == {}
    assert [*open_client.transport.calls.values()] == [2, 2, 2]


def test_many_resources_are_read_in_parts(tmp_path: Path) -> None:
    """The API takes five values in a filter; the sessions of a VBR come in one call."""
    region = [circuit(f"{each:02}", ACCOUNTS[0], "ap-1", vbr={}) for each in range(6)]
    region[0]["bgp_peers"] |= {
        f"bgp-more-{each}": {"owner": ACCOUNTS[0], "BgpGroupId": "bgpg-00"} for each in range(7)
    }
    open_client = opener(tmp_path, *region)
    some = [part for each in range(6) for part in trio(f"{each:02}")]
    many = [*trio("00"), *(Resource(PEER, f"bgp-more-{each}") for each in range(7))]

    states = read_states(open_client(place(ACCOUNTS[0])), some)
    before = open_client.transport.calls.copy()
    more = read_states(open_client(place(ACCOUNTS[0])), many)
    after = open_client.transport.calls

    assert states.keys() == set(some)
    assert more.keys() == set(many)
    assert [*before.values()] == [2, 2, 6]
    assert after["DescribeBgpPeers"] - before["DescribeBgpPeers"] == 1


def test_vbr_of_another_account_is_seen(tmp_path: Path) -> None:
    """It goes down with the circuit, so it has to be seen back."""
    mine, theirs = ACCOUNTS[:2]
    guest = {"owner": theirs, "PhysicalConnectionId": "pc-01"}
    region = circuit("01", mine, "ap-1", vbr={})
    region["vbrs"]["vbr-guest"] = guest
    open_client = opener(tmp_path, region, accounts=2)

    states = read_states(open_client(place(mine)), [Resource(VBR, "vbr-guest")])

    assert states == {Resource(VBR, "vbr-guest"): ACTIVE}


def circuits(*documents: object) -> dict[str, object]:
    listed = {"PhysicalConnectionType": [*documents]}
    return {"PhysicalConnectionSet": listed, "TotalCount": len(documents)}


@pytest.mark.parametrize(
    "status", [None, "", 7, ["Enabled"], True], ids=["null", "empty", "number", "list", "true"]
)
def test_status_that_is_no_text_is_none(status: object) -> None:
    """What is not shown is unknown, and no error."""
    answer = reply(**circuits({"PhysicalConnectionId": "pc-east", "Status": status}))

    states = read_states(client_of(Cloud([answer])), EAST[:1])

    assert states == {EAST[0]: ResourceState("", "")}


def test_documents_that_contradict_each_other_and_foreign_ones() -> None:
    """Which of two is current is unknown; a filter may be ignored; a document may have no ID."""
    shown = [("pc-east", "Enabled"), ("pc-west", "Enabled"), (None, "x"), ("pc-east", "Canceled")]
    documents = [{"PhysicalConnectionId": name, "Status": status} for name, status in shown]

    states = read_states(client_of(Cloud([reply(**circuits(*documents))])), EAST[:1])

    assert states == {EAST[0]: ResourceState("", "")}


def test_reading_has_a_budget() -> None:
    """Nobody waits longer for a status than the budget allows; nothing is sent without one."""
    cloud = Cloud([])

    with pytest.raises(RequestTimeoutError):
        read_states(client_of(cloud), EAST, budget=0.0)

    assert cloud.requests == []


@pytest.mark.parametrize(
    ("number", "now", "before", "expected"),
    [
        pytest.param(0, ENABLED, None, True, id="circuit enabled"),
        pytest.param(1, ACTIVE, None, True, id="VBR active"),
        pytest.param(1, ResourceState("Active", ""), None, True, id="in another case"),
        pytest.param(1, ResourceState("recovering", ""), None, False, id="VBR recovering"),
        pytest.param(2, ResourceState("Available", "Idle"), None, True, id="no session known"),
        pytest.param(0, None, None, False, id="not shown"),
        pytest.param(0, None, ENABLED, False, id="not shown any more"),
        pytest.param(0, ResourceState("", ""), None, False, id="no status"),
        pytest.param(0, ResourceState("", ""), ResourceState("", ""), False, id="never a status"),
        pytest.param(0, ENABLED, ResourceState("", ""), True, id="no status before"),
        pytest.param(0, ENABLED, ResourceState("Confirmed", ""), False, id="not as before"),
        pytest.param(
            0, ResourceState("Confirmed", ""), ResourceState("Confirmed", ""), True, id="as before"
        ),
        pytest.param(2, AVAILABLE, AVAILABLE, True, id="session as before"),
        pytest.param(2, ResourceState("Available", "Down"), AVAILABLE, False, id="session down"),
        pytest.param(
            2,
            ResourceState("Available", "Connect"),
            ResourceState("Available", "Idle"),
            True,
            id="session was down before",
        ),
    ],
)
def test_back(
    number: int, now: ResourceState | None, before: ResourceState | None, expected: bool
) -> None:
    """Back is as before the cut, or in service if that is unknown."""
    assert is_back(EAST[number], now, before) is expected
