"""
What people write is read by one table of fields, types and ranges, and a slip is explained by its
place, its value and what was expected.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.faults import FAULTS, fault_from
from chaosfailover.emulator.topology import TopologyError, topology_from

KEY = {"extends": "dual-circuit"}
REGION = "regions.cn-hangzhou"


def keys(**details: Any) -> dict[str, Any]:
    """
    Describe an account with one access key.
    """
    return {"accounts": {"1": {"access_keys": {"ro": {"secret": "s", **details}}}}}


def circuits(**fields: Any) -> dict[str, Any]:
    """
    Describe a change of the first circuit.
    """
    return {"regions": {"cn-hangzhou": {"circuits": {"pc-rehearsal-a": fields}}}}


def peers(**fields: Any) -> dict[str, Any]:
    """
    Describe a change of the first peer.
    """
    return {"regions": {"cn-hangzhou": {"bgp_peers": {"bgp-rehearsal-a": fields}}}}


def vbrs(**fields: Any) -> dict[str, Any]:
    """
    Describe a change of the first VBR.
    """
    return {"regions": {"cn-hangzhou": {"vbrs": {"vbr-rehearsal-a": fields}}}}


def running(**more: Any) -> dict[str, Any]:
    """
    Describe a job that is Testing.
    """
    return {"resources": ["pc-rehearsal-a"], "status": "Testing", **more}


WRONG: list[tuple[dict[str, Any], str]] = [
    (keys(actions=["Describe*"]), "actions[0] is 'Describe*', expected * or an action such as"),
    (keys(actions=[7]), "accounts.1.access_keys.ro.actions[0] is 7, expected * or an action"),
    (keys(secret=12345), "accounts.1.access_keys.ro.secret is a int, expected text, in quotes"),
    (keys(status="Off"), "ro.status is 'Off', expected one of Active, Inactive"),
    (keys(expired="false"), "ro.expired is 'false', expected true or false"),
    ({"accounts": {"1": None, "2": {"access_keys": {"emulator": "s"}}, "3": [7]}}, "accounts.3 is"),
    ({"accounts": {"2": {"access_keys": {"emulator": "s"}}}}, "access key emulator is in two"),
    (circuits(Stauts="Terminated"), "pc-rehearsal-a has no 'Stauts', did you mean Status?"),
    (circuits(EndTime=datetime(2024, 5, 1, tzinfo=UTC)), "pc-rehearsal-a.EndTime is datetime"),
    (circuits(Tags=["a", "b"]), "pc-rehearsal-a.Tags is ['a', 'b'], expected names and values"),
    (circuits(Bandwidth="wide"), "Bandwidth is 'wide', expected a whole number from 0"),
    (circuits(ParentPhysicalConnectionId="vbr-rehearsal-b"), "stands on 'vbr-rehearsal-b', exp"),
    (peers(RouterId="vbr-rehearsal-b"), "bgp-rehearsal-a has no 'RouterId'"),
    (peers(EnableBfd="no"), f"{REGION}.bgp_peers.bgp-rehearsal-a.EnableBfd is 'no', expected true"),
    ({"paths": {"a": {"loss": 30}}}, "paths.a.loss is 30, expected a number from 0 to 1"),
    ({"paths": {"a": {"loss": "x"}}}, "paths.a.loss is 'x', expected a number from 0 to 1"),
    (vbrs(MinTxInterval=100), "vbr-rehearsal-a.MinTxInterval is 100, expected a whole number from"),
    (vbrs(MinRxInterval=True), "vbr-rehearsal-a.MinRxInterval is True, expected a whole number"),
    (vbrs(DetectMultiplier=2), "DetectMultiplier is 2, expected a whole number from 3 to 10, or 0"),
    (peers(Hold="2"), "bgp-rehearsal-a.Hold is 2, expected a whole number from 3 to 65535, or 0"),
    (peers(Hold="long"), "bgp-rehearsal-a.Hold is 'long', expected a whole number from 3 to"),
    (
        {**peers(EnableBfd=False), "paths": {"a": {"detection": "bfd"}}},
        "paths.a.detection is 'bfd', but bgp-rehearsal-a has EnableBfd: false",
    ),
    ({"settings": {"cut_is": {"BGPPEER": "loud"}}}, "settings.cut_is.BGPPEER is 'loud', expected"),
    ({"settings": {"cut_is": {"BGPGROUP": "silent"}}}, "settings.cut_is has no 'BGPGROUP'"),
    ({"settings": {"loses": {"BGPPEER": "in"}}}, "settings.loses.BGPPEER is 'in', expected one of"),
    ({"settings": {"loses": {"BGPGROUP": "out"}}}, "settings.loses has no 'BGPGROUP'"),
    ({"settings": {"loses": "out"}}, "settings.loses is 'out', expected names and values"),
    ({"settings": {"cut_is": "silent"}}, "settings.cut_is is 'silent', expected names and values"),
    ({"paths": {"a": {"detection": "bdf"}}}, "paths.a.detection is 'bdf', expected one of bfd"),
    ({"paths": {"a": {"over": "bgpg-rehearsal-a"}}}, "paths.a.over is 'bgpg-rehearsal-a', expect"),
    ({"services": {"echo": {"prot": 1}}}, "services.echo has no 'prot', did you mean port?"),
    ({"services": {"echo": {"port": 70000}}}, "services.echo.port is 70000, expected a whole"),
    ({"services": {"echo": {"paths": ["c"]}}}, "services.echo.paths has 'c', expected one of"),
    ({"settings": {"status_lag": "5s"}}, "settings.status_lag is '5s', expected a number from 0"),
    ({"settings": {"one_job_per_region": "false"}}, "settings.one_job_per_region is 'false'"),
    ({"settings": {"while_testing": {"CIRCUIT": {}}}}, "settings.while_testing has no 'CIRCUIT'"),
    (
        {"settings": {"while_testing": {"PHYSICALCONNECTION": "Unavailable"}}},
        "settings.while_testing.PHYSICALCONNECTION is 'Unavailable', expected names and values",
    ),
    ({"settings": {"resource_types": ["BGPGROUP"]}}, "settings.resource_types[0] is 'BGPGROUP'"),
    (
        {"jobs": [running(account="77")]},
        "jobs[0].account is '77', expected one of 1000000000000001",
    ),
    ({"jobs": [running(region="cn-x")]}, "jobs[0].region is 'cn-x', expected one of cn-hangzhou"),
    ({"jobs": [running(duration_minutes=0)]}, "jobs[0].duration_minutes is 0, expected a whole"),
    ({"jobs": [running(resources=[])]}, "jobs[0].resources is [], expected a list of 1 or more"),
    (
        {"jobs": [running(id="ftj-a"), running(id="ftj-a", status="Init")]},
        "jobs[1].id is 'ftj-a', which another job has",
    ),
    ({"jobs": [running(), running()]}, "jobs[1] runs in cn-hangzhou together with jobs[0]"),
    ({"faults": [{"fault": "slow", "operation": 5}]}, "faults[0].operation is 5, expected a pat"),
    ({"regions": {"cn-hangzhou": {"circuits": "pc-a"}}}, f"{REGION}.circuits is 'pc-a', expected"),
    ({"extends": ["dual-circuit"]}, "extends is ['dual-circuit'], expected one of broken-standby"),
]


@pytest.mark.parametrize(("change", "says"), WRONG, ids=[says[:40] for _, says in WRONG])
def test_a_slip_in_a_topology_is_explained(change: dict[str, Any], says: str) -> None:
    with pytest.raises(TopologyError) as caught:
        topology_from({**KEY, **change})

    assert says in str(caught.value)


def test_no_message_repeats_a_secret() -> None:
    with pytest.raises(TopologyError) as caught:
        topology_from({**KEY, **keys(secret=12345)})

    assert "12345" not in str(caught.value)


def test_nothing_is_no_topology() -> None:
    with pytest.raises(TopologyError, match=r"^topology 'mine': it needs accounts$"):
        topology_from({}, "mine")


def test_a_number_is_written_as_text_where_the_api_has_text() -> None:
    topology = topology_from({**KEY, **peers(PeerAsn=65000)})

    assert topology.network.resources["bgp-rehearsal-a"].fields["PeerAsn"] == "65000"


def test_an_action_alone_is_a_list_of_one() -> None:
    topology = topology_from({**KEY, **keys(actions="vpc:Describe*")})
    key = topology.keys["ro"]

    assert key.actions == ("vpc:Describe*",)
    assert [key.may(f"vpc:{each}") for each in ("DescribeRegions", "DeleteFailoverTestJob")] == [
        True,
        False,
    ]


def test_one_name_is_a_list_of_one() -> None:
    topology = topology_from(
        {
            **KEY,
            "jobs": [{"resources": "pc-rehearsal-a"}],
            "settings": {"resource_types": "BGPPEER"},
            "services": {"echo": {"paths": "b"}},
        }
    )
    echo = next(each for each in topology.services if each.name == "echo")

    assert topology.jobs[0].resources == ("pc-rehearsal-a",)
    assert topology.settings.resource_types == ("BGPPEER",)
    assert [path.name for path in echo.paths] == ["b"]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"fault": "slow", "operation": None}, "fault.operation is None, expected a pattern"),
        ({"fault": "slow", "operation": ["A"]}, "fault.operation is ['A'], expected a pattern"),
        (
            {"fault": "slow", "operation": "StratFailoverTestJob"},
            "expected a pattern of operations",
        ),
        ({"fault": "slow", "account": True}, "fault.account is True, expected text"),
        ({"fault": "slow", "seconds": True}, "fault.seconds is True, expected a number"),
        ({"fault": "slow", "count": True}, "fault.count is True, expected a whole number"),
        ({"fault": "throttling", "retry_after": -5}, "fault.retry_after is -5, expected a whole"),
        ({"fault": "throttling", "retry_after": True}, "fault.retry_after is True"),
        ({"fault": "unknown-status", "status": {}}, "fault.status is {}, expected text"),
        ({"fault": ["slow"]}, "fault.fault is ['slow'], expected one of"),
        ("slow", "fault is 'slow', expected names and values"),
        ({}, "fault needs fault"),
    ],
)
def test_a_slip_in_a_fault_is_explained(fault: Any, says: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below
        fault_from(fault)

    assert says in str(caught.value)


SAMPLES: dict[str, object] = {
    "seconds": 7.0,
    "code": "Throttling",
    "retry_after": 5,
    "status": None,
    "job": "ftj-*",
    "during": ["Testing", "Stopped"],
    "listed": True,
    "resource": "BGPPEER",
    "times": 2,
    "fields": {"BGPPEER": {"BgpStatus": "Idle"}},
    "reply": {"status": 429, "headers": {"A": "b"}, "body": {"Code": "Busy"}},
}
NEEDED = {"answer": "reply", "odd-return": "fields"}


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("all_keys", [False, True])
def test_armed_faults_are_shown_as_they_can_be_armed_again(kind: str, all_keys: bool) -> None:
    keys = FAULTS[kind].takes if all_keys else [NEEDED[kind]] if kind in NEEDED else []
    given = {"fault": kind, **{key: SAMPLES[key] for key in keys}}
    emulator = Emulator(auth=False)
    armed = emulator.handle("POST", "/_emulator/faults", body=json.dumps(given).encode())
    (shown,) = json.loads(armed.body)

    assert fault_from(shown) == fault_from(given)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_takes_no_key_that_its_kind_does_not_read(kind: str) -> None:
    needed = {NEEDED[kind]: SAMPLES[NEEDED[kind]]} if kind in NEEDED else {}
    for key in set(SAMPLES) - set(FAULTS[kind].takes):
        with pytest.raises(ValueError, match=f"fault.{key} is not for {kind}, which takes "):
            fault_from({"fault": kind, **needed, key: SAMPLES[key]})


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("clock", b'{"advance": "5"}', "advance is '5', expected a number from 0"),
        ("clock", b'{"advance": true}', "advance is True, expected a number from 0"),
        ("clock", b"[]", "it is [], expected names and values"),
        ("clock", b"", "it needs advance"),
        ("faults", b"[]", "faults is [], expected a list of 1 or more"),
        (
            "faults",
            b'{"fault": "slow", "operation": 5}',
            "faults.operation is 5, expected a",
        ),
    ],
)
def test_the_admin_interface_explains_a_slip_in_words(path: str, body: bytes, says: str) -> None:
    reply = Emulator().handle("POST", f"/_emulator/{path}", body=body)

    assert (reply.status, says in reply.body.decode()) == (400, True)


@pytest.mark.parametrize(
    ("resource", "body", "status"),
    [
        ("vbr-rehearsal-a", b'{"EcrId": "ecr-one"}', 200),
        ("pc-rehearsal-a", b'{"Tags": {"team": "network"}}', 200),
        pytest.param("vbr-rehearsal-a", b'{"PhysicalConnectionId": "pc-x"}', 400, id="a link"),
        pytest.param("bgp-rehearsal-a", b'{"RouterId": "vbr-rehearsal-b"}', 400, id="derived"),
        ("pc-rehearsal-a", b'{"Status": {}}', 400),
        ("pc-rehearsal-a", b'{"Tags": 7}', 400),
    ],
)
def test_a_change_is_held_to_what_a_topology_is(resource: str, body: bytes, status: int) -> None:
    reply = Emulator().handle("PATCH", f"/_emulator/resources/{resource}", body=body)

    assert reply.status == status
