"""
What inspect adds of takeover, routes and traffic, and how many calls it takes for that.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from accounts import TEN, Opener, circuit, places, topology
from click.testing import CliRunner

from chaosfailover.alibaba.regions import ask_places
from chaosfailover.cli import failover
from chaosfailover.cli.tables import as_markdown, as_table
from chaosfailover.emulator import Emulator
from chaosfailover.inspection.circuits import CircuitRow, inspection
from chaosfailover.inspection.criteria import criterion, violations
from chaosfailover.network.reading import read_region

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
PORTS = dict.fromkeys(("portal", "echo", "ledger"), 0)
PER_VBR = 6
"""The calls for a VBR that `inspect --help` and the README state."""


def read(described: dict[str, Any], folder: Path) -> tuple[list[CircuitRow], Counter[str]]:
    """
    Inspect every place of a topology with its routes; return the rows and the calls.
    """
    file = folder / "accounts.yaml"
    file.write_text(yaml.safe_dump(described), encoding="utf-8")
    open_client = Opener(Emulator(file))
    answers = ask_places(
        places(described),
        open_client,
        lambda client: inspection(*_with_now(read_region(client))),
    )
    assert [answer.error for answer in answers if answer.error] == []
    rows = [row for answer in answers for row in answer.value or ()]
    return rows, open_client.transport.calls


def _with_now(region: tuple[Any, Any]) -> tuple[Any, datetime, Any]:
    snapshot, routing = region
    return snapshot, NOW, routing


@contextmanager
def emulated(
    monkeypatch: pytest.MonkeyPatch, name: str | Path, key: str = "emulator"
) -> Iterator[Emulator]:
    """
    Serve a topology to the commands, as its first region and the account of a key.
    """
    with Emulator(name, service_ports=PORTS) as emulator:
        monkeypatch.setenv("ALIBABA_CLOUD_ENDPOINT_VPC", emulator.url)
        monkeypatch.setenv("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou")
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", key)
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", f"{key}-secret")
        yield emulator


def inspected(*arguments: str) -> dict[str, dict[str, Any]]:
    done = CliRunner().invoke(failover, ["inspect", "--format", "json", *arguments])
    assert done.exit_code == 0, done.output
    return {row["circuit_id"]: row for row in json.loads(done.stdout)["circuits"]}


@pytest.mark.parametrize(
    ("name", "least", "most", "finding", "covered", "capacity"),
    [
        pytest.param("dual-circuit", 0.6, None, "redundant", 3, "ok", id="CEN"),
        pytest.param("ecr-ecmp", 2.0, None, "redundant", 3, "ok", id="defaults on an ECR"),
        pytest.param("failover-group", 0.4, 4.0, "redundant", 3, "ok", id="group"),
        pytest.param(
            "missing-prefix", 0.6, None, "prefixes lost", 1, "unknown", id="missing prefix"
        ),
        pytest.param("overloaded-standby", 0.6, None, "redundant", 3, "failed", id="overloaded"),
    ],
)
def test_routes_show_takeover_prefixes_and_capacity(
    name: str,
    least: float,
    most: float | None,
    finding: str,
    covered: int,
    capacity: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with emulated(monkeypatch, name):
        row = inspected("--routes")["pc-rehearsal-a"]

    assert (row["takeover"]["least"], row["takeover"]["most"]) == (least, most)
    assert (row["finding"], row["survivors"]) == (finding, int(finding == "redundant"))
    assert [len(need["covered"]) for need in row["prefixes"]] == [covered]
    assert [load["status"] for load in row["loads"]] == [capacity]


def test_lost_prefix_and_both_numbers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the row stand the prefix, or the load and the bandwidth, and what would help."""
    tables = {}
    for name in ("missing-prefix", "overloaded-standby"):
        with emulated(monkeypatch, name):
            tables[name] = CliRunner().invoke(failover, ["inspect", "--routes"]).stdout

    assert "1 of 2    unknown   prefixes lost" in tables["missing-prefix"]
    assert "10.2.0.0/16 would be lost: vbr-rehearsal-b has no single" in tables["missing-prefix"]
    assert "inbound: 230 Mbit/s of 200 Mbit/s in the last" in tables["overloaded-standby"]
    assert (
        "sooner: add the two VBRs to a failover group, lower the BFD timers"
        in (tables["missing-prefix"])
    )


def test_timers_alone_have_no_upper_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --routes the group and the fabric are unknown, and the reasons say so."""
    with emulated(monkeypatch, "failover-group"):
        row = inspected()["pc-rehearsal-a"]
        table = CliRunner().invoke(failover, ["inspect"]).stdout

    assert (row["takeover"]["least"], row["takeover"]["most"]) == (0.4, None)
    assert "DescribeVbrHa: not asked" in " ".join(row["takeover"]["reasons"])
    assert (row["prefixes"], row["loads"]) == (None, None)
    assert "  0.4 s or more  1          redundant" in table
    assert "PREFIXES" not in table


def test_what_may_not_be_read_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row names the permission, no survivor counts, and the criterion is met."""
    actions = ["vpc:DescribeP*", "vpc:DescribeVirtual*", "vpc:DescribeB*", "vpc:DescribeF*"]
    account = {"access_keys": {"reader": {"secret": "reader-secret", "actions": actions}}}
    file = tmp_path / "reader.yaml"
    document = {"extends": "dual-circuit", "accounts": {"1000000000000001": account}}
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    with emulated(monkeypatch, file, key="reader"):
        row = inspected("--routes")["pc-rehearsal-a"]
        failed = CliRunner().invoke(failover, ["inspect", "--routes", "--fail-on", "no-survivor"])

    assert (row["finding"], row["survivors"]) == ("unknown", 0)
    assert "needs the permission vpc:DescribeRouteEntryList" in " ".join(row["why"])
    assert "needs the permission vpc:DescribeVbrHa" in " ".join(row["takeover"]["reasons"])
    assert [load["status"] for load in row["loads"]] == ["unknown"]
    assert failed.exit_code == 1


def test_ten_circuits_take_the_stated_calls(tmp_path: Path) -> None:
    """The calls of paging stay; each VBR takes its own six at most, and each group and region."""
    rows, calls = read(TEN, tmp_path)

    vbrs, regions, cens, ecrs = 9, 5, 4, 1
    assert calls["DescribeVbrHa"] == calls["DescribeRouteEntryList"] == vbrs
    assert calls["DescribeMetricList"] <= (PER_VBR - 2) * vbrs
    assert calls["DescribeRouterInterfaces"] == calls["DescribeVpnConnections"] == regions
    assert calls["ListTransitRouters"] == calls["ListTransitRouterRouteEntries"] == cens
    assert calls["DescribeExpressConnectRouterRouteEntries"] == ecrs
    assert calls["DescribePhysicalConnections"] == 12
    assert {row.circuit_id: row.finding for row in rows}["pc-01"] == "redundant"


@pytest.mark.long
def test_many_vbrs_of_a_region_take_six_calls_each(tmp_path: Path) -> None:
    """What a region and its CEN take does not grow with them."""
    vbr = {"cens": ["cen-1"]}
    many = [circuit(f"{n:02}", "1", f"ap-{n % 2}", vbr=vbr) for n in range(30)]

    rows, calls = read(topology({"cn-beijing": many}, ["1"]), tmp_path)

    assert len(rows) == 30
    assert calls.total() <= 12 + PER_VBR * 30
    assert {row.finding for row in rows} == {"redundant"}


def test_vpn_that_carries_everything_is_no_lack_of_a_survivor() -> None:
    """It is told apart from circuits, and --fail-on no-survivor does not count it as none."""
    row = CircuitRow(
        *("cn-hangzhou", "cen-1", "pc-01", "", "ap-1", "Enabled", 1, 1, 3, True),
        *(0, "vpn only", (), None),
        prefixes=(),
    )

    assert violations([criterion("no-survivor")], [row]) == []
    for text in (as_table([row]), as_markdown([row])):
        assert "vpn only" in text


def test_region_without_vbr_asks_no_other_product(tmp_path: Path) -> None:
    """Two calls are enough where there is nothing, as without routes."""
    rows, calls = read(topology({"cn-beijing": [{}]}, ["1"]), tmp_path)

    assert rows == []
    assert calls == Counter(["DescribePhysicalConnections", "DescribeVirtualBorderRouters"])
