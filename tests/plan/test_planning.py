"""
What is planned, what is refused, and what the files of a plan say.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from accounts import ACCOUNTS, LARGE, ONE, TEN, circuit, plans, topology
from chaoslib.experiment import ensure_experiment_is_valid
from hypothesis import given
from hypothesis import strategies as st
from recorded import Network, recorded

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.regions import Place
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.emulator import Emulator
from chaosfailover.errors import ArgumentError
from chaosfailover.network.snapshot import Snapshot, read_snapshot
from chaosfailover.plan.choice import RegionPlan, region_plan
from chaosfailover.plan.files import fate, is_edited, plan_files, sealed
from chaosfailover.plan.portals import Portal, checked_targets, live_url, ports_for, ports_in
from chaosfailover.plan.rehearsal import rehearsals
from chaosfailover.plan.rendering import as_yaml
from chaosfailover.plan.topology import checked_topology, mirror
from chaosfailover.plan.yaml_file import loaded

A, B = ACCOUNTS[:2]


def files(found: list[RegionPlan], **targets: str) -> dict[str, str]:
    return plan_files(found, {}, targets)


def document(text: str) -> Any:
    return loaded("it", text)


def planned(network: Network) -> RegionPlan:
    """
    Plan for a recorded network, whose BGP groups are as its peers name them.
    """
    groups = {peer["BgpGroupId"]: peer["RouterId"] for peer in network.bgp_peers}
    snapshot = Snapshot(
        "cn-hangzhou",
        tuple(network.circuits),
        tuple(network.vbrs),
        tuple({"BgpGroupId": name, "RouterId": router} for name, router in groups.items()),
        tuple(network.bgp_peers),
    )
    return region_plan(Place("cn-hangzhou"), snapshot)


def chosen(found: list[RegionPlan]) -> dict[str, tuple[str, int, float]]:
    """
    Return the standby, the survivors and the detection time of each planned circuit.
    """
    return {
        test.circuit_id: (test.standby_circuit_id, test.survivors, test.detection)
        for plan in found
        for test in plan.tests
    }


def test_circuits_with_a_survivor_are_planned(tmp_path: Path) -> None:
    """Each goes with its standby and with how long its loss may go unnoticed."""
    assert chosen(plans(TEN, tmp_path)) == {
        "pc-01": ("pc-02", 1, 0.9),
        "pc-02": ("pc-01", 1, 0.9),
        "pc-03": ("pc-04", 1, 0.9),
        "pc-04": ("pc-03", 1, 0.9),
        "pc-08": ("pc-09", 1, 0.9),
        "pc-09": ("pc-08", 1, 30.0),
    }


def test_circuits_without_a_survivor_are_refused(tmp_path: Path) -> None:
    """The refusal says why, also of a circuit that carries nothing to be cut."""
    refused = {
        refusal.circuit_id: "; ".join(refusal.reasons)
        for plan in plans(TEN, tmp_path)
        for refusal in plan.refusals
    }

    assert sorted(refused) == ["pc-05", "pc-06", "pc-07", "pc-10"]
    assert "BgpStatus is not Established" in refused["pc-05"]
    assert refused["pc-06"] == "none of its sessions is up, so a cut would have no effect"
    assert "no proven survivor" in refused["pc-07"]
    assert "no VBR was read on it" in refused["pc-10"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"Status": "Terminated"}, "Status is 'Terminated'", id="status"),
        pytest.param({"BusinessStatus": "FinancialLocked"}, "BusinessStatus is", id="arrears"),
        pytest.param({"VirtualPhysicalConnectionCount": 2}, "carries 2 hosted", id="two hosted"),
    ],
)
def test_what_the_api_would_not_cut_is_refused(fields: dict[str, Any], expected: str) -> None:
    """A circuit is not planned if starting its test would fail."""
    found = planned(recorded("dual-circuit").changed("pc-east", **fields))

    (refusal,) = (each for each in found.refusals if each.circuit_id == "pc-east")
    assert refusal.reasons[0].startswith(expected) or expected in refusal.reasons[0]


@pytest.mark.parametrize("circuit_id", ["../../evil", "game-day", "Topology", "a b", "pc.", "线"])
def test_name_that_is_no_file_is_refused(circuit_id: str) -> None:
    """An ID that would be written elsewhere, or over another file, is not planned."""
    network = recorded("dual-circuit").changed("pc-east", PhysicalConnectionId=circuit_id)
    network = network.changed("vbr-east", PhysicalConnectionId=circuit_id)
    found = planned(network)

    refused = {refusal.circuit_id: refusal.reasons for refusal in found.refusals}
    assert refused == {circuit_id: ("its ID cannot be the name of a file of the plan",)}
    assert sorted(files([found])) == [
        "README.md",
        "cn-hangzhou/README.md",
        "cn-hangzhou/game-day.yaml",
        "cn-hangzhou/pc-west.yaml",
        "cn-hangzhou/targets.env",
        "cn-hangzhou/topology.yaml",
    ]


@pytest.mark.parametrize(
    "place", [Place("../cn-hangzhou"), Place("cn-hangzhou", "acs:ram::..:role/inspector")]
)
def test_place_that_is_no_folder_is_refused(place: Place) -> None:
    """A plan stays inside its folder, whatever a region or account is called."""
    with pytest.raises(ArgumentError, match="cannot be the name of a folder"):
        region_plan(place, Snapshot(place.region_id))


def test_other_access_points_come_first(tmp_path: Path) -> None:
    """Of several survivors, one at another access point is the standby."""
    found = chosen(plans(LARGE, tmp_path)[:1])

    assert found == {
        "pc-1-01-a": ("pc-1-01-b", 2, 0.9),
        "pc-1-01-b": ("pc-1-01-a", 2, 0.9),
        "pc-1-01-c": ("pc-1-01-a", 2, 0.9),
    }


def test_nothing_to_plan(tmp_path: Path) -> None:
    """An account of one circuit gets a README that says why there is nothing else."""
    found = files(plans(ONE, tmp_path))

    assert sorted(found) == [f"{A}/cn-hangzhou/README.md", "README.md"]
    assert "Nothing is planned: no circuit has a proven survivor." in found["README.md"]
    assert "- `pc-01`: cen-hz (IPv4): no proven" in found[f"{A}/cn-hangzhou/README.md"]


@pytest.mark.parametrize(
    "described",
    [
        pytest.param(TEN, id="ten"),
        pytest.param(LARGE, id="three hundred", marks=pytest.mark.matrix),
    ],
)
def test_every_experiment_is_valid(
    described: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The toolkit accepts a file as it is; each cuts what it is named after, in its account."""
    monkeypatch.chdir(tmp_path)
    found = files(plans(described, tmp_path))

    planned = {name: yaml.safe_load(text) for name, text in found.items() if name.endswith(".yaml")}
    for experiment in planned.values():
        if "method" in experiment:
            ensure_experiment_is_valid(experiment)
    experiments = {name: each for name, each in planned.items() if "pc-" in name}
    assert len(experiments) == {2: 6, 5: 300}[len(described["accounts"])]
    for name, experiment in experiments.items():
        configuration = experiment["configuration"]
        assert Path(name).stem == configuration["circuit_id"]
        assert Path(name).parts[0] in configuration["alibaba_cloud_role_arn"]
        assert configuration["alibaba_cloud_vpc_endpoint"]["default"] == "emulator"


def test_game_day_brings_each_back_before_the_next(tmp_path: Path) -> None:
    """A game day cuts every planned circuit of its region, one at a time."""
    found = files(plans(TEN, tmp_path))
    game_day = yaml.safe_load(found[f"{A}/cn-hangzhou/game-day.yaml"])

    verbs = ("create", "cut", "bring", "delete")
    names = [each["name"] for each in game_day["method"] if each["name"].startswith(verbs)]
    assert names == [
        "create-the-failover-test-pc-01",
        "cut-the-circuit-pc-01",
        "bring-the-circuit-back-pc-01",
        "create-the-failover-test-pc-02",
        "cut-the-circuit-pc-02",
        "bring-the-circuit-back-pc-02",
    ]
    assert [each["name"] for each in game_day["rollbacks"]] == [
        "bring-the-circuit-back-pc-01",
        "delete-the-failover-test-unless-it-ran-pc-01",
        "bring-the-circuit-back-pc-02",
        "delete-the-failover-test-unless-it-ran-pc-02",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "cen-and-ecr",
        "cross-account",
        "dual-circuit",
        "dual-stack",
        "hosted-circuits",
        "no-bfd",
        "one-access-point",
        "two-circuit-vbr",
        "two-pages",
    ],
)
def test_mirror_has_the_shape_of_the_region(name: str, tmp_path: Path) -> None:
    """What is planned for the mirror is what is planned for the region."""
    found = planned(recorded(name))
    file = tmp_path / "topology.yaml"
    file.write_text(yaml.safe_dump(mirror(found)), encoding="utf-8")

    again = region_plan(found.place, read_snapshot(rehearsing(Emulator(file))))

    assert chosen([again]) == chosen([found])
    assert [each.circuit_id for each in again.refusals] == [
        each.circuit_id for each in found.refusals
    ]


def rehearsing(emulator: Emulator) -> VpcClient:
    key = Credentials("rehearsal-1000000000000001", "rehearsal-secret")
    return VpcClient(
        "cn-hangzhou", lambda: key, endpoint="http://127.0.0.1:1", transport=emulator.transport()
    )


def test_mirror_is_stable() -> None:
    """What changes by itself changes no file."""
    network = recorded("dual-circuit")
    routes = {"ReceivedRouteCount": 13, "AdvertisedRouteCount": 7, "GmtModified": "2026-01-01"}

    before = files([planned(network)])
    after = files([planned(network.changed(network.bgp_peers[0]["BgpPeerId"], **routes))])

    assert before == after


def test_session_that_is_down_changes_no_file() -> None:
    """One that nobody answers goes from state to state, night after night."""
    network = recorded("two-pages")
    states = ("Idle", "Connect", "Active", "OpenSent")

    found = [files([planned(network.changed("bgp-north", BgpStatus=state))]) for state in states]

    assert all(each == found[0] for each in found)
    assert "Down" in found[0]["cn-hangzhou/topology.yaml"]


def reversed_lists(value: Any) -> Any:
    """
    Return a document with every list in it the other way round.
    """
    if isinstance(value, dict):
        return {key: reversed_lists(entry) for key, entry in value.items()}
    return (
        [reversed_lists(entry) for entry in reversed(value)] if isinstance(value, list) else value
    )


def test_order_of_the_api_does_not_matter() -> None:
    """Whatever comes first in an answer, the files are the same."""
    cens = [{"CenId": name, "CenStatus": "Attached"} for name in ("cen-b", "cen-a", "cen-c")]
    more = [{"PhysicalConnectionId": name, "Status": "active"} for name in ("pc-z", "pc-north")]
    network = recorded("cen-and-ecr").changed(
        "vbr-east",
        AssociatedCens={"AssociatedCen": cens},
        AssociatedPhysicalConnections={"AssociatedPhysicalConnection": more},
    )
    turned = Network(*(reversed_lists(kind) for kind in vars(network).values()))

    assert files([planned(network)]) == files([planned(turned)])
    assert "topology.yaml" in "".join(files([planned(network)]))


def test_survivor_that_may_be_too_small_is_told() -> None:
    """The README names what to look at before the cut; nothing is kept from being planned."""
    network = recorded("dual-circuit").changed("bgp-west", ReceivedRouteCount=1)
    network = network.changed("pc-west", Spec="10M")
    found = planned(network)

    text = files([found])["cn-hangzhou/README.md"]

    assert "pc-east" in chosen([found])
    assert (
        "- `pc-east`: ecr-main (IPv4): its survivors receive at most half of the routes of the cut"
        in text
    )
    assert (
        "- `pc-east`: ecr-main (IPv4): its survivors have at most half of the bandwidth of the cut"
        in text
    )


def test_survivor_at_another_site_is_told() -> None:
    """The API tells how many routes a session brings, and not which."""
    found = planned(recorded("dual-circuit").changed("bgp-west", PeerAsn="65002"))

    text = files([found])["cn-hangzhou/README.md"]

    assert (
        "- `pc-east`: ecr-main (IPv4): its survivors lead to AS 65002, the cut to AS 65515: whether"
        in text
    )


def test_survivor_that_advertises_nothing_is_none() -> None:
    """Without routes towards the cloud nothing comes back, so the cut is refused."""
    found = planned(recorded("dual-circuit").changed("bgp-west", AdvertisedRouteCount=0))

    (refusal,) = (each for each in found.refusals if each.circuit_id == "pc-east")
    assert chosen([found]) == {}
    assert "advertises no routes" in "; ".join(refusal.reasons)
    assert (
        mirror(found)["regions"]["cn-hangzhou"]["bgp_peers"]["bgp-west"]["AdvertisedRouteCount"]
        == 0
    )


SLOW = {"DetectMultiplier": 10, "MinRxInterval": 1000}


@pytest.mark.parametrize(
    ("peer", "vbr", "expected"),
    [
        pytest.param({}, {}, (0.9, "bfd", "held"), id="BFD as usual"),
        pytest.param({}, SLOW, (10.0, "bfd", "deviated"), id="slow BFD"),
        pytest.param({}, {"MinTxInterval": 200}, (0.9, "bfd", "held"), id="the longer interval"),
        pytest.param({}, {"DetectMultiplier": None}, (0.9, "bfd", "held"), id="no multiplier"),
        pytest.param(
            {"EnableBfd": False, "Hold": "3"}, SLOW, (3.0, 3.0, "deviated"), id="at the promise"
        ),
        pytest.param(
            {"EnableBfd": False, "Hold": "2"}, SLOW, (2.0, 2.0, "held"), id="within the promise"
        ),
        pytest.param(
            {"EnableBfd": None, "Hold": None}, {}, (30.0, 30.0, "deviated"), id="no hold time"
        ),
    ],
)
def test_expectation_follows_what_is_set(
    peer: dict[str, Any], vbr: dict[str, Any], expected: tuple[float, str | float, str]
) -> None:
    """The session and its VBR say how long a cut goes unnoticed, in plan and rehearsal alike."""
    found = planned(recorded("dual-circuit").changed("bgp-east", **peer).changed("vbr-east", **vbr))
    (test,) = (test for test in found.tests if test.circuit_id == "pc-east")

    detected = mirror(found)["paths"]["bgp-east"]["detection"]
    assert (test.detection, detected, test.expected) == expected


def test_expectation_is_that_of_the_session_that_is_used() -> None:
    """A second session that is slower is not what the service of the rehearsal takes."""
    network = recorded("dual-circuit")
    second = {**network.vbrs[0], "VbrId": "vbr-east-2"}
    slow = {**network.bgp_peers[0], "BgpPeerId": "bgp-z", "RouterId": "vbr-east-2"}
    network.vbrs.append(second)
    network.bgp_peers.append({**slow, "EnableBfd": False})
    found = planned(network)
    (test,) = (test for test in found.tests if test.circuit_id == "pc-east")

    assert (test.bgp_peer_id, test.detection, test.expected) == ("bgp-east", 0.9, "held")
    assert mirror(found)["services"]["pc-east"]["paths"][0] == "bgp-east"
    assert any(
        warning.startswith("pc-east - vbr-east-2 - bgp-z: no BFD") for warning in test.warnings
    )


def test_secrets_are_not_mirrored() -> None:
    """A BGP password that an answer carries is written nowhere."""
    network = recorded("dual-circuit")
    name = network.bgp_peers[0]["BgpPeerId"]

    found = files([planned(network.changed(name, AuthKey="!PWZ-password"))])

    assert [file for file, text in found.items() if "PWZ" in text] == []


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"default": "https://a/"}, "https://a/", id="default"),
        pytest.param(
            {"default": "https://a/", "cn-hangzhou": "https://b/"}, "https://b/", id="region"
        ),
        pytest.param(
            {"cn-hangzhou": "https://b/", "cen-hz": "https://c/"}, "https://c/", id="group"
        ),
        pytest.param({"cen-hz": "https://c/", "pc-01": "https://d/"}, "https://d/", id="circuit"),
    ],
)
def test_live_target(targets: dict[str, str], expected: str | None, tmp_path: Path) -> None:
    """The most specific target is the one that the experiment names."""
    first = plans(TEN, tmp_path)[0]

    found = files([first], **targets)

    assert live_url(first, first.tests[0], targets) == expected
    shown = expected or "https://portal.example.com/"
    assert (
        f"#   export FAILOVER_PORTAL_URL_PC_01={shown}\n" in (found[f"{A}/cn-hangzhou/pc-01.yaml"])
    )
    lines = found[f"{A}/cn-hangzhou/targets.env"].splitlines()
    assert (f"FAILOVER_PORTAL_URL_PC_01={expected}" in lines) == bool(expected)


def test_each_circuit_has_a_live_target_of_its_own(tmp_path: Path) -> None:
    """No two portals are read from one variable, in a game day neither."""
    first = plans(TEN, tmp_path)[0]
    found = files([first], **{"pc-01": "https://a/?x=1&y", "pc-02": "https://b/"})

    game_day = yaml.safe_load(found[f"{A}/cn-hangzhou/game-day.yaml"])

    read = {
        name: entry["key"]
        for name, entry in game_day["configuration"].items()
        if name.startswith("portal_url")
    }
    assert read == {
        "portal_url_pc_01": "FAILOVER_PORTAL_URL_PC_01",
        "portal_url_pc_02": "FAILOVER_PORTAL_URL_PC_02",
    }
    comment = found[f"{A}/cn-hangzhou/game-day.yaml"]
    assert "#   export FAILOVER_PORTAL_URL_PC_01='https://a/?x=1&y'\n" in comment
    assert found[f"{A}/cn-hangzhou/targets.env"].splitlines()[2:] == [
        "FAILOVER_PORTAL_URL_PC_01=https://a/?x=1&y",
        "FAILOVER_PORTAL_URL_PC_02=https://b/",
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param([], "no mapping", id="a list"),
        pytest.param(None, "no mapping", id="an empty file"),
        pytest.param({False: "https://a/"}, "False: 'https://a/'.*quote", id="no as a key"),
        pytest.param({"pc-1": 1}, "'pc-1': 1", id="a number"),
        pytest.param({"pc-1": "notaurl"}, "'pc-1': url is 'notaurl'", id="no URL"),
        pytest.param({"pc-1": "tcp://a:1"}, "expected http or https", id="not HTTP"),
        pytest.param({"pc-1": "https://a/\nx: 1"}, "control character", id="a line break"),
    ],
)
def test_wrong_targets_are_refused(content: Any, expected: str) -> None:
    """What cannot be checked in a live run is refused before anything is planned."""
    with pytest.raises(ArgumentError, match=expected):
        checked_targets(content)


@pytest.mark.parametrize(
    ("one", "other"), [("pc-a", "pc.a"), ("pc-a", "pc-A"), ("pc-a", "pc_a")], ids=str
)
def test_portals_have_keys_of_their_own(one: str, other: str) -> None:
    """Two IDs that a variable cannot tell apart have two variables all the same."""
    assert Portal(one, 1).key != Portal(other, 1).key


def four_circuits(folder: Path, **fields: Any) -> RegionPlan:
    """
    Plan for two pairs of circuits; `fields` are those of the third circuit.
    """
    first, second = ({"EcrId": f"ecr-{each}", "EcrAttatchStatus": "Attached"} for each in (1, 2))
    described = topology(
        {
            "cn-hangzhou": [
                circuit("a", A, "ap-1", vbr=first),
                circuit("b", A, "ap-2", vbr=first),
                circuit("c", A, "ap-1", vbr=second, circuit=fields),
                circuit("d", A, "ap-2", vbr=second),
                circuit("e", A, "ap-3", vbr=second),
            ]
        },
        [A],
    )
    folder.mkdir()
    return plans(described, folder)[0]


def test_port_stays_with_its_circuit(tmp_path: Path) -> None:
    """When a circuit drops out of the plan, the others are watched where they were."""
    before = files([four_circuits(tmp_path / "one")])
    found = four_circuits(tmp_path / "two", BusinessStatus="FinancialLocked")

    after = plan_files([found], {}, {}, before)

    ports = [
        ports_in(yaml.safe_load(each[f"{A}/cn-hangzhou/topology.yaml"])) for each in (before, after)
    ]
    assert sorted(set(ports[0]) - set(ports[1])) == ["pc-c"]
    assert ports[1].items() <= ports[0].items()
    assert len(set(ports[0].values())) == 5
    assert after[f"{A}/cn-hangzhou/pc-a.yaml"] == before[f"{A}/cn-hangzhou/pc-a.yaml"]


def test_port_that_stands_is_kept(tmp_path: Path) -> None:
    """What an earlier plan chose wins, and no other circuit gets it."""
    found = four_circuits(tmp_path / "one")
    usual = ports_for(found, {})

    given = ports_for(found, {"pc-a": usual["pc-b"]})

    assert given["pc-a"] == usual["pc-b"]
    assert len(set(given.values())) == 5


def test_experiment_that_watches_another_circuit_is_not_run(tmp_path: Path) -> None:
    """It would hold whatever the cut does; the reason names both circuits."""
    found = files([four_circuits(tmp_path / "one")])
    documents = {name: document(text) for name, text in found.items() if "yaml" in name}
    folder = f"{A}/cn-hangzhou"
    mirrored = documents.pop(f"{folder}/topology.yaml")
    ports = ports_in(mirrored)

    def problems() -> dict[str, str | None]:
        return {
            each.file.removeprefix(f"{folder}/"): each.problem
            for each in rehearsals(folder, checked_topology(mirrored), documents)
        }

    assert set(problems().values()) == {None}
    portal = documents[f"{folder}/pc-d.yaml"]["configuration"]["portal_url"]
    portal["default"] = f"http://127.0.0.1:{ports['pc-b']}/"
    configuration = documents[f"{folder}/game-day.yaml"]["configuration"]
    configuration["portal_url_pc_a"]["default"] = "https://portal.example.org/"
    assert {file: problem for file, problem in problems().items() if problem} == {
        "pc-d.yaml": "it cuts pc-d and watches the service of pc-b",
        "game-day.yaml": "its target pc-a is https://portal.example.org/, no service of the plan",
    }


@pytest.mark.parametrize(
    "name",
    [
        "a/b\\g<1>: #x",
        "\\1 \\g<name>",
        "\u676d\u5dde \"main\" 'line'",
        "emoji \U0001f680",
        "lines\u2028\x85\x7f\ufeff",
        "- {a: [b",
        "%TAG !",
    ],
    ids=ascii,
)
def test_any_name_of_a_circuit_is_planned(name: str, tmp_path: Path) -> None:
    """A name is text and nothing else, in every file of the plan."""
    found = four_circuits(tmp_path / "one", Name=name)

    planned = files([found])

    experiment = document(planned[f"{A}/cn-hangzhou/pc-c.yaml"])
    assert f"While {name} is shut down" in experiment["description"]
    mirrored = document(planned[f"{A}/cn-hangzhou/topology.yaml"])
    assert mirrored["regions"]["cn-hangzhou"]["circuits"]["pc-c"]["Name"] == name


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        pytest.param(None, "new", id="not there"),
        pytest.param(sealed("a.yaml", "a: 1\n"), "unchanged", id="the same"),
        pytest.param(sealed("a.yaml", "a: 0\n"), "updated", id="as it was planned before"),
        pytest.param(sealed("a.yaml", "a: 0\n") + "b: 2\n", "kept", id="edited"),
        pytest.param("a: 1\n", "kept", id="never planned"),
    ],
)
def test_fate(existing: str | None, expected: str) -> None:
    """Only what nobody edited is written over."""
    assert fate(existing, sealed("a.yaml", "a: 1\n")) == expected


def test_seal_of_a_readme_is_a_comment() -> None:
    """The checksum does not show when the README is read."""
    text = sealed("README.md", "# Plan\n")

    assert text.startswith("<!-- ")
    assert not is_edited(text)


@pytest.mark.parametrize(
    "value",
    [
        "true",
        "FALSE",
        "Null",
        "No",
        "off",
        "Enabled",
        "1.0",
        "a: b",
        "null",
        'say "hi"\\',
        "pc-1",
        "${x}",
        "-",
        "pc-1: #",
        "a/b\n- c",
        "",
    ],
)
def test_awkward_values_stay_what_they_are(value: str) -> None:
    """A text that YAML would read as something else is quoted."""
    assert yaml.safe_load(f"key: {as_yaml(value)}") == {"key": value}


@given(st.text(max_size=80))
def test_any_text_is_a_key_and_a_value(text: str) -> None:
    """Whatever the cloud has for a name, the loader of plans reads the same."""
    assert loaded("it", f"{as_yaml(text)}: {as_yaml([text])}") == {text: [text]}


def test_planned_experiment_is_the_bundled_one(tmp_path: Path) -> None:
    """Planned and bundled experiment check and do the same, with other names and values."""
    bundled = yaml.safe_load(Path("experiments/circuit-failover.yaml").read_text(encoding="utf-8"))
    text = files(plans(TEN, tmp_path))[f"{A}/cn-hangzhou/pc-01.yaml"]

    experiment = yaml.safe_load(text)

    fixed = ("title", "description", "extensions", "configuration")
    assert {key: value for key, value in experiment.items() if key not in fixed} == {
        key: value for key, value in bundled.items() if key not in fixed
    }
    assert set(experiment["configuration"]) == set(bundled["configuration"])
    left = ("duration_minutes", "rto", "record", "alibaba_cloud_vpc_endpoint")
    assert [experiment["configuration"][key] for key in left] == [
        bundled["configuration"][key] for key in left
    ]


def test_game_day_runs_the_activities_of_its_experiments(tmp_path: Path) -> None:
    """Each test of a game day does what the circuit's own experiment does, with its values."""
    found = files(plans(TEN, tmp_path))
    game_day = yaml.safe_load(found[f"{A}/cn-hangzhou/game-day.yaml"])
    single = yaml.safe_load(found[f"{A}/cn-hangzhou/pc-02.yaml"])
    values = {f"${{{key}}}": value for key, value in single["configuration"].items()}

    for key in ("method", "rollbacks"):
        expected = [
            resolved({**each, "name": f"{each['name']}-pc-02"}, values) for each in single[key]
        ]
        assert [each for each in game_day[key] if each in expected] == expected


def resolved(value: Any, values: dict[str, Any]) -> Any:
    """
    Return a document with each fixed entry of the configuration in place of its variable.
    """
    if isinstance(value, dict):
        return {key: resolved(entry, values) for key, entry in value.items()}
    if isinstance(value, list):
        return [resolved(entry, values) for entry in value]
    fixed = values.get(value, value) if isinstance(value, str) else value
    return value if isinstance(fixed, dict) else fixed
