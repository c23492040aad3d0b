"""
`chaos failover inspect`, as a person and as a nightly check run it.
"""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from accounts import ACCOUNTS, TEN, circuit, topology
from click.testing import CliRunner, Result

from chaosfailover.cli import failover
from chaosfailover.emulator import Emulator


def inspect(*arguments: str) -> Result:
    return CliRunner().invoke(failover, ["inspect", *arguments])


@pytest.mark.usefixtures("ten_circuits")
def test_all_regions_as_json() -> None:
    """The document goes to stdout, the progress to stderr, and the exit code is 0."""
    done = inspect("--all-regions", "--format", "json")

    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert (document["read"], document["errors"], document["failed"]) == (6, [], [])
    assert {row["circuit_id"]: row["finding"] for row in document["circuits"]} == {
        "pc-01": "redundant",
        "pc-02": "redundant",
        "pc-03": "same access point",
        "pc-04": "same access point",
        "pc-05": "standby not established",
        "pc-06": "no session up",
        "pc-07": "no survivor",
    }
    assert "[6/6] " in done.stderr
    assert "cn-hangzhou: 2 circuits" in done.stderr


COMMANDS = ["inspect", "status", "plan", "stop --all --yes"]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("command", COMMANDS)
def test_endpoint_on_this_machine_at_which_nothing_listens(
    command: str, scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command gives up at once, without credentials too, and says what to start."""
    monkeypatch.chdir(tmp_path)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        endpoint = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("ALIBABA_CLOUD_ENDPOINT_VPC", endpoint)

        done = CliRunner().invoke(failover, [*command.split(), "--region", "cn-hangzhou"])

    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: nothing listens at {endpoint}: start ")
    assert "is tried again" not in done.stderr
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("endpoint", ["emulater:", "a..b", "http://127.0.0.1:99999"])
@pytest.mark.parametrize("command", [*COMMANDS, "stop drill"])
def test_endpoint_that_is_none(
    command: str, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused with its setting and value before any region is asked or file is written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALIBABA_CLOUD_ENDPOINT_VPC", endpoint)

    done = CliRunner().invoke(failover, [*command.split(), "--region", "cn-hangzhou"])

    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: alibaba_cloud_vpc_endpoint {endpoint!r} ")
    assert len(done.stderr.splitlines()) == 1
    assert not [*tmp_path.iterdir()]


@pytest.mark.usefixtures("ten_circuits")
def test_one_region_as_a_table() -> None:
    """A region by name needs no other to be asked."""
    done = inspect("--region", "cn-shanghai")

    assert done.exit_code == 0
    assert "cn-shanghai cen-sh" in done.stdout
    assert "pc-01" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        pytest.param(["--region", "cn-hangzhou", "--fail-on", "no-survivor"], 0, id="holds"),
        pytest.param(["--region", "cn-shenzhen", "--fail-on", "no-survivor"], 1, id="fails"),
        pytest.param(["--region", "cn-hangzhou", "--fail-on", "stale=90d"], 1, id="stale"),
        pytest.param(["--region", "cn-hangzhou", "--fail-on", "broken"], 2, id="no criterion"),
        pytest.param([], 2, id="no region"),
        pytest.param(["--region", "cn-hangzhou", "--deadline", "0"], 2, id="no time"),
        pytest.param(["--region", "cn-hangzhou", "--deadline", "nan"], 2, id="no number"),
        pytest.param(["--region", "cn-hangzhou", "--all-regions"], 2, id="both"),
    ],
)
@pytest.mark.usefixtures("ten_circuits")
def test_exit_code(arguments: list[str], exit_code: int) -> None:
    """0 holds, 1 does not, 2 is wrong usage."""
    done = inspect(*arguments)

    assert done.exit_code == exit_code, done.output


def test_role_that_is_none_is_wrong_usage() -> None:
    """It is refused before any region is asked, and the message says what a role looks like."""
    done = inspect("--region", "cn-hangzhou", "--role-arn", "inspector", "--format", "json")

    assert done.exit_code == 2
    assert "'inspector', expected acs:ram::" in done.output


def test_groups_are_looked_at_as_a_whole(
    tmp_path: Path, as_first_account: Callable[[str], None]
) -> None:
    """A group of two regions is not hopeless in either; what was not read may serve it too."""
    account = ACCOUNTS[0]
    regions = {
        name: [circuit(name, account, "ap-1", vbr={"cens": ["cen-1"]})]
        for name in ("cn-beijing", "cn-shanghai")
    }
    file = tmp_path / "spanning.yaml"
    file.write_text(yaml.safe_dump(topology(regions, [account])), encoding="utf-8")
    with Emulator(file) as emulator:
        as_first_account(emulator.url)

        whole = inspect("--all-regions", "--format", "json")
        part = inspect("--region", "cn-beijing", "--region", "cn-nowhere", "--format", "json")

    found = [row["finding"] for row in json.loads(whole.stdout)["circuits"]]
    assert found == ["unknown", "unknown"]
    (row,) = json.loads(part.stdout)["circuits"]
    assert row["finding"] == "no survivor"
    assert "cn-nowhere could not be read: cen-1 may be served there too" in row["why"]


FAULTS = [
    {"fault": "refuse", "code": "Forbidden.RAM", "region": "cn-shanghai"},
    {"fault": "throttling", "region": "cn-beijing"},
    {"fault": "slow", "seconds": 60, "region": "cn-shenzhen"},
    {"fault": "throttling", "region": "eu-central-1", "count": 2},
]


def test_region_that_fails_hides_no_other(
    tmp_path: Path, as_first_account: Callable[[str], None]
) -> None:
    """403, throttling without end and silence are told as what they are, and the rest is read."""
    file = tmp_path / "faulty.yaml"
    file.write_text(yaml.safe_dump({**TEN, "faults": FAULTS}), encoding="utf-8")
    with Emulator(file) as emulator:
        as_first_account(emulator.url)

        done = inspect("--all-regions", "--format", "json", "--deadline", "3")

    document = json.loads(done.stdout)
    errors = {error["region_id"]: error["error"] for error in document["errors"]}
    assert done.exit_code == 1
    assert sorted(errors) == ["cn-beijing", "cn-shanghai", "cn-shenzhen"]
    assert "Forbidden.RAM" in errors["cn-shanghai"]
    assert "HTTP 403" in errors["cn-shanghai"]
    assert "Throttling.User" in errors["cn-beijing"]
    assert "did not answer in time" in errors["cn-shenzhen"]
    assert document["read"] == 3
    assert [row["circuit_id"] for row in document["circuits"]] == ["pc-01", "pc-02"]
    assert "cn-shanghai: NOT READ" in done.stderr
