"""
Accounts to inspect and to plan for: topologies of 1, 10 and 300 circuits, and who may read them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.regions import Place, ask_places
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.emulator import Emulator
from chaosfailover.network.reading import read_region
from chaosfailover.network.snapshot import read_snapshot
from chaosfailover.plan.choice import RegionPlan, region_plan
from chaosfailover.plan.files import plan_files

__all__ = [
    "ACCOUNTS",
    "LARGE",
    "ONE",
    "TEN",
    "TEN_FOUND",
    "Counting",
    "Opener",
    "circuit",
    "places",
    "plan_for",
    "plans",
    "role",
    "topology",
]

ACCOUNTS = [f"100000000000000{number}" for number in range(1, 6)]
REGIONS = [f"cn-region-{number:02}" for number in range(1, 21)]

ENDPOINT = "http://127.0.0.1:1"

Topology = dict[str, Any]


def circuit(name: str, owner: str, point: str, **more: Any) -> Topology:
    """
    Describe a circuit with a VBR and an established session; `more` are fields of the three.

    Fields are named by kind: `circuit`, `vbr` or `peer`, each a mapping. BFD takes 3 x 300 ms.
    """
    own = {"owner": owner}
    vbr = {"PhysicalConnectionId": f"pc-{name}", "MinTxInterval": 300, "MinRxInterval": 300}
    return {
        "circuits": {f"pc-{name}": {**own, "AccessPointId": point, **more.get("circuit", {})}},
        "vbrs": {f"vbr-{name}": {**own, **vbr, **more["vbr"]}},
        "bgp_groups": {f"bgpg-{name}": {**own, "RouterId": f"vbr-{name}"}},
        "bgp_peers": {f"bgp-{name}": {**own, "BgpGroupId": f"bgpg-{name}", **more.get("peer", {})}},
    }


def topology(regions: Mapping[str, list[Topology]], accounts: list[str]) -> Topology:
    """
    Join what each region holds; the key of an account is `key-<account>`.
    """
    return {
        "accounts": {
            account: {"access_keys": {f"key-{account}": f"secret-{account}"}}
            for account in accounts
        },
        "regions": {region: _joined(parts) for region, parts in regions.items()},
    }


def _joined(parts: list[Topology]) -> Topology:
    found: Topology = {}
    for part in parts:
        for kind, entries in part.items():
            found.setdefault(kind, {}).update(entries)
    return found


A, B = ACCOUNTS[:2]
HZ, SH, BJ = ({"cens": [f"cen-{name}"]} for name in ("hz", "sh", "bj"))
EU = {"EcrId": "ecr-eu", "EcrAttatchStatus": "Attached"}

ONE = topology({"cn-hangzhou": [circuit("01", A, "ap-1", vbr=HZ)]}, [A])

TEN = topology(
    {
        "cn-hangzhou": [circuit("01", A, "ap-1", vbr=HZ), circuit("02", A, "ap-2", vbr=HZ)],
        "cn-shanghai": [circuit("03", A, "ap-1", vbr=SH), circuit("04", A, "ap-1", vbr=SH)],
        "cn-beijing": [
            circuit("05", A, "ap-1", vbr=BJ),
            circuit("06", A, "ap-2", vbr=BJ, peer={"BgpStatus": "Idle"}),
        ],
        "cn-shenzhen": [circuit("07", A, "ap-1", vbr={"cens": ["cen-sz"]})],
        "eu-central-1": [
            circuit("08", B, "ap-1", vbr=EU),
            circuit("09", B, "ap-2", vbr=EU, peer={"EnableBfd": False}),
        ],
        "ap-southeast-1": [{"circuits": {"pc-10": {"owner": B, "AccessPointId": "ap-1"}}}],
    },
    [A, B],
)

# Written by hand from the picture above: account, region, group, circuit, survivors, finding.
TEN_FOUND = [
    (A, "cn-hangzhou", "cen-hz", "pc-01", 1, "redundant"),
    (A, "cn-hangzhou", "cen-hz", "pc-02", 1, "redundant"),
    (A, "cn-shanghai", "cen-sh", "pc-03", 1, "same access point"),
    (A, "cn-shanghai", "cen-sh", "pc-04", 1, "same access point"),
    (A, "cn-beijing", "cen-bj", "pc-05", 0, "standby not established"),
    (A, "cn-beijing", "cen-bj", "pc-06", 1, "no session up"),
    (A, "cn-shenzhen", "cen-sz", "pc-07", 0, "no survivor"),
    (B, "eu-central-1", "ecr-eu", "pc-08", 1, "redundant"),
    (B, "eu-central-1", "ecr-eu", "pc-09", 1, "redundant"),
    (B, "ap-southeast-1", "unknown", "pc-10", 0, "not in use"),
]


def _trio(account: str, region: str) -> Iterator[Topology]:
    """
    Describe three circuits of one group at two access points.
    """
    name = f"{account[-1]}-{region[-2:]}"
    vbr = {"cens": [f"cen-{name}"]}
    for letter, point in (("a", "ap-1"), ("b", "ap-2"), ("c", "ap-2")):
        yield circuit(f"{name}-{letter}", account, point, vbr=vbr)


LARGE = topology(
    {region: [part for one in ACCOUNTS for part in _trio(one, region)] for region in REGIONS},
    ACCOUNTS,
)


def role(account: str) -> str:
    """
    Return the role by which an account is read.
    """
    return f"acs:ram::{account}:role/inspector"


def places(described: Topology) -> list[Place]:
    """
    Return every region of every account, as `--all-regions` with a role for each would.
    """
    return [
        Place(region, role(account))
        for account in described["accounts"]
        for region in described["regions"]
    ]


class Counting(httpx.BaseTransport):
    """
    Hands requests to another transport and counts them by operation.
    """

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.calls: Counter[str] = Counter()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.calls[request.headers["x-acs-action"]] += 1
        return self._inner.handle_request(request)


class Opener:
    """
    Opens clients on an emulator, each with the key of its place's account.
    """

    def __init__(self, emulator: Emulator, **settings: Any) -> None:
        self.transport = Counting(emulator.transport())
        self._settings = settings

    def __call__(self, place: Place) -> VpcClient:
        key = Credentials(f"key-{place.account}", f"secret-{place.account}")
        return VpcClient(
            place.region_id,
            lambda: key,
            endpoint=ENDPOINT,
            transport=self.transport,
            **self._settings,
        )


def plans(described: Topology, folder: Path) -> list[RegionPlan]:
    """
    Return the plan of every place of a topology that holds a circuit.
    """
    file = folder / "accounts.yaml"
    file.write_text(yaml.safe_dump(described), encoding="utf-8")
    open_client = Opener(Emulator(file))
    answers = ask_places(places(described), open_client, read_snapshot)
    return [
        region_plan(answer.place, answer.value)
        for answer in answers
        if answer.value and answer.value.circuits
    ]


def plan_for(emulator: Emulator, folder: Path, **targets: str) -> None:
    """
    Write the plan of an emulator's first region into a folder, as without a role.
    """
    key = Credentials("emulator", "emulator-secret")
    client = VpcClient(
        emulator.regions[0], lambda: key, endpoint=ENDPOINT, transport=emulator.transport()
    )
    found = region_plan(Place(emulator.regions[0]), *read_region(client))
    for name, text in plan_files([found], {}, targets).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
