"""
`chaos failover plan` and `chaos failover rehearse-all`, as a person runs them.
"""

import socket
import sys
from pathlib import Path

import httpx
import pytest
from accounts import ACCOUNTS, Counting, Opener, role
from click.testing import CliRunner, Result

from chaosfailover.alibaba import config
from chaosfailover.alibaba.regions import Place
from chaosfailover.cli import failover
from chaosfailover.emulator import Emulator

CHAOS = [str(Path(sys.executable).with_name("chaos")), "--no-version-check"]
HZ = [
    "README.md",
    "cn-hangzhou/README.md",
    "cn-hangzhou/game-day.yaml",
    "cn-hangzhou/pc-01.yaml",
    "cn-hangzhou/pc-02.yaml",
    "cn-hangzhou/targets.env",
    "cn-hangzhou/topology.yaml",
]


def plan(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(failover, ["plan", "--output-file", str(folder), *arguments])


def contents(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


@pytest.mark.usefixtures("ten_circuits")
def test_plan_of_one_region(tmp_path: Path) -> None:
    """The region gets an experiment for each circuit, a game day and a topology."""
    done = plan(tmp_path, "--region", "cn-hangzhou")

    assert done.exit_code == 0, done.output
    assert list(contents(tmp_path)) == HZ


@pytest.mark.usefixtures("ten_circuits")
def test_refusals_are_said(tmp_path: Path) -> None:
    """What must not be cut is on stderr, with the reason, and has no file."""
    done = plan(tmp_path, "--all-regions")

    assert done.exit_code == 0
    assert "REFUSED  cn-shenzhen  pc-07: cen-sz (IPv4): no proven survivor" in done.stderr
    assert [name for name in contents(tmp_path) if "cn-shenzhen" in name] == [
        "cn-shenzhen/README.md"
    ]


@pytest.mark.usefixtures("ten_circuits")
def test_nothing_to_plan(tmp_path: Path) -> None:
    """A region where nothing can be tested exits 1."""
    assert plan(tmp_path, "--region", "cn-shenzhen").exit_code == 1


@pytest.mark.usefixtures("ten_circuits")
def test_plan_is_stable(tmp_path: Path) -> None:
    """The same account planned twice leaves every byte as it was."""
    plan(tmp_path, "--all-regions")
    before = contents(tmp_path)

    done = plan(tmp_path, "--all-regions")

    assert contents(tmp_path) == before
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"unchanged"}


def test_account_whose_regions_cannot_be_listed_is_said(
    ten_circuits: Emulator, tmp_path: Path
) -> None:
    """It is an account that could not be read, and nothing else."""
    fault = {"fault": "refuse", "code": "Forbidden.RAM", "operation": "DescribeRegions"}
    url = f"{ten_circuits.url}/_emulator/faults"
    httpx.post(url, json=fault, trust_env=False).raise_for_status()

    done = plan(tmp_path, "--all-regions")

    assert done.exit_code == 1
    assert "cn-hangzhou: NOT READ: Forbidden.RAM" in done.stderr
    assert "Forbidden.RAM" in (tmp_path / "README.md").read_text()


@pytest.mark.usefixtures("ten_circuits")
def test_targets_stay_where_none_are_given(tmp_path: Path) -> None:
    """Planned again for another reason, live runs still watch what they watched."""
    targets = tmp_path / "targets.yaml"
    targets.write_text("default: https://portal.example.org/?a=b\n")
    folder = tmp_path / "plan"
    plan(folder, "--region", "cn-hangzhou", "--targets", str(targets))
    before = contents(folder)

    plan(folder, "--region", "cn-hangzhou")
    assert contents(folder) == before

    targets.write_text("pc-02: https://other.example.org/\n")
    plan(folder, "--region", "cn-hangzhou", "--targets", str(targets))
    after = (folder / "cn-hangzhou" / "targets.env").read_text()
    assert "FAILOVER_PORTAL_URL_PC_01=https://portal.example.org/?a=b\n" in after
    assert "FAILOVER_PORTAL_URL_PC_02=https://other.example.org/\n" in after


@pytest.mark.usefixtures("ten_circuits")
def test_edits_are_kept(tmp_path: Path) -> None:
    """A file that somebody edited is left alone, and that is said; others are written again."""
    plan(tmp_path, "--region", "cn-hangzhou")
    edited, other = (tmp_path / "cn-hangzhou" / name for name in ("pc-01.yaml", "pc-02.yaml"))
    edited.write_text(edited.read_text().replace("default: 3.0", "default: 1.0"))
    mine = edited.read_text()
    targets = tmp_path / "targets.yaml"
    targets.write_text("default: https://portal.example.org/\n")

    done = plan(tmp_path, "--region", "cn-hangzhou", "--targets", str(targets))

    assert done.exit_code == 0
    assert edited.read_text() == mine
    assert "portal.example.org" in other.read_text()
    assert f"{edited} was edited and is kept; move it away" in done.stderr


def test_what_is_no_longer_planned_is_removed(ten_circuits: Emulator, tmp_path: Path) -> None:
    """A circuit that has lost its survivor has no experiment left, unless somebody edited it."""
    plan(tmp_path, "--region", "cn-hangzhou")
    (tmp_path / "cn-hangzhou" / "mine.yaml").write_text("title: mine\n")
    cloud = ten_circuits.cloud
    cloud.network = cloud.network.changed("bgp-02", BgpStatus="Idle")

    done = plan(tmp_path, "--region", "cn-hangzhou")

    assert done.exit_code == 1
    assert list(contents(tmp_path)) == [
        "README.md",
        "cn-hangzhou/README.md",
        "cn-hangzhou/mine.yaml",
    ]
    assert "mine.yaml is not of this plan and is kept" in done.stderr


@pytest.mark.usefixtures("ten_circuits")
def test_region_that_cannot_be_read_keeps_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not to know is no reason to remove what was planned; the README names the region."""
    plan(tmp_path, "--region", "cn-hangzhou")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("ALIBABA_CLOUD_ENDPOINT_VPC", url)

        done = plan(tmp_path, "--region", "cn-hangzhou", "--deadline", "1")

    assert done.exit_code == 1
    assert list(contents(tmp_path)) == HZ
    text = (tmp_path / "README.md").read_text()
    assert "2 circuits in 1 region are tested." in text
    assert "## Not read" in text
    assert "- cn-hangzhou: no answer\n" in text


def test_region_under_test_is_not_planned(ten_circuits: Emulator, tmp_path: Path) -> None:
    """What a running test cuts says nothing about other days: what was planned is kept."""
    plan(tmp_path, "--region", "cn-hangzhou")
    with Opener(ten_circuits)(Place("cn-hangzhou", role(ACCOUNTS[0]))) as client:
        job_id = client.create_failover_test_job(
            resource_ids=["pc-02"], job_type="StartNow", job_duration=5
        )

    done = plan(tmp_path, "--region", "cn-hangzhou")

    assert done.exit_code == 1
    assert list(contents(tmp_path)) == HZ
    assert f"{job_id} (Starting) is under way in cn-hangzhou; plan again" in done.stderr
    text = (tmp_path / "README.md").read_text()
    assert "- cn-hangzhou: a failover test was under way; plan again after it\n" in text


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        pytest.param("ENDPOINT_VPC", "emulater", "(did you mean emulator?)", id="endpoint"),
        pytest.param("REGION_ID", "Hangzhou", "'Hangzhou' is not a region ID", id="region"),
        pytest.param("ROLE_ARN", "admin", "alibaba_cloud_role_arn is 'admin'", id="role"),
    ],
)
@pytest.mark.usefixtures("ten_circuits")
def test_wrong_setting_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, message: str
) -> None:
    """It says nothing of the region, so that a good plan stays as it is and no new one begins."""
    plan(tmp_path / "good", "--region", "cn-hangzhou")
    before = contents(tmp_path)
    monkeypatch.setenv("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou")
    monkeypatch.setenv(f"ALIBABA_CLOUD_{setting}", value)

    for folder in ("good", "new"):
        done = plan(tmp_path / folder)

        assert done.exit_code == 1
        assert message in done.stderr
    assert contents(tmp_path) == before


def test_credentials_that_are_none_write_no_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No region could be read with them."""
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "\u20ac")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("ALIBABA_CLOUD_ENDPOINT_VPC", url)

        done = plan(tmp_path / "new", "--region", "cn-hangzhou")

    assert done.exit_code == 1
    assert "must be printable ASCII" in done.stderr
    assert "; nothing is written" in done.stderr
    assert not contents(tmp_path)


class Spoiled(httpx.BaseTransport):
    """
    A cloud in which every BGP group vanishes before it is listed.
    """

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.headers["x-acs-action"] != "DescribeBgpGroups":
            return self._inner.handle_request(request)
        return httpx.Response(200, json={"RequestId": "C44F62BE", "TotalCount": 0})


def test_what_vanishes_between_two_calls_is_not_planned(
    ten_circuits: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror that could not be rehearsed is not written; what was planned before is kept."""
    plan(tmp_path, "--region", "cn-hangzhou")
    before = {name: text for name, text in contents(tmp_path).items() if name != "README.md"}
    opener = Opener(ten_circuits)
    opener.transport = Counting(Spoiled(ten_circuits.transport()))
    monkeypatch.setattr(
        config, "client", lambda *_, **__: opener(Place("cn-hangzhou", role(ACCOUNTS[0])))
    )

    done = plan(tmp_path, "--region", "cn-hangzhou")

    assert done.exit_code == 1
    assert "cannot be rehearsed as read" in done.stderr
    assert "bgp-01 stands on 'bgpg-01', expected a BGPGROUP" in done.stderr
    after = {name: text for name, text in contents(tmp_path).items() if name != "README.md"}
    assert after == before


@pytest.mark.parametrize("linked", ["cn-hangzhou", "cn-hangzhou/pc-02.yaml", "cn-shenzhen"])
@pytest.mark.usefixtures("ten_circuits")
def test_link_that_leads_out_is_not_followed(tmp_path: Path, linked: str) -> None:
    """What is elsewhere is not written over, and nothing else is written either."""
    folder, elsewhere = tmp_path / "plan", tmp_path / "elsewhere"
    (folder / linked).parent.mkdir(parents=True)
    elsewhere.mkdir()
    (folder / linked).symlink_to(elsewhere)

    done = plan(folder, "--region", "cn-hangzhou", "--region", "cn-shenzhen")

    assert done.exit_code == 1
    assert f"{folder / linked}" in done.stderr
    assert "leads out of" in done.stderr
    assert contents(tmp_path) == {}


@pytest.mark.usefixtures("ten_circuits")
def test_two_roles_of_one_account_are_refused(tmp_path: Path) -> None:
    """Their plans would have the same files, and nothing says which of them is meant."""
    roles = [f"acs:ram::{ACCOUNTS[0]}:role/{name}" for name in ("inspector", "planner")]

    done = plan(tmp_path, "--all-regions", "--role-arn", roles[0], "--role-arn", roles[1])

    assert done.exit_code == 2
    assert f"account {ACCOUNTS[0]} has two roles" in done.stderr
    assert contents(tmp_path) == {}


@pytest.mark.usefixtures("ten_circuits")
def test_wrong_targets_are_wrong_usage(tmp_path: Path) -> None:
    """A list is no mapping of names to URLs."""
    targets = tmp_path / "targets.yaml"
    targets.write_text("- https://portal.example.org/\n")

    done = plan(tmp_path, "--region", "cn-hangzhou", "--targets", str(targets))

    assert done.exit_code == 2
    assert "no mapping of names to URLs" in done.output


@pytest.mark.usefixtures("ten_circuits")
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"a: [b", "cannot be used: line 2", id="broken YAML"),
        pytest.param(b"default: \xff", "not UTF-8 text", id="not UTF-8"),
        pytest.param(b"no: https://a/", "quote", id="a word that YAML reads as false"),
        pytest.param(b"pc-01: notaurl", "expected http", id="no URL"),
        pytest.param(b'pc-01: "https://a/\\nx: 1"', "control character", id="line break"),
    ],
)
def test_targets_that_cannot_be_used(content: bytes, expected: str, tmp_path: Path) -> None:
    """The message names the file and the rule; nothing is planned."""
    targets = tmp_path / "targets.yaml"
    targets.write_bytes(content)

    done = plan(tmp_path / "plan", "--region", "cn-hangzhou", "--targets", str(targets))

    assert done.exit_code == 2
    assert str(targets) in done.output
    assert expected in done.output
    assert not (tmp_path / "plan").exists()


@pytest.mark.usefixtures("ten_circuits")
def test_target_of_nothing_is_refused(tmp_path: Path) -> None:
    """A slip in a name would leave the circuit to the default; what was planned before is known."""
    targets = tmp_path / "targets.yaml"
    targets.write_text("pc-01: https://a/\npc-typo: https://b/\npc-03: https://c/\n")
    folder = tmp_path / "plan"

    refused = plan(folder, "--region", "cn-hangzhou", "--targets", str(targets))

    assert refused.exit_code == 1
    assert "'pc-03', 'pc-typo': no circuit, ECR, CEN or region" in refused.stderr
    assert not folder.exists()
    targets.write_text("pc-01: https://a/\npc-03: https://c/\n")
    plan(folder, "--region", "cn-shanghai")
    assert plan(folder, "--region", "cn-hangzhou", "--targets", str(targets)).exit_code == 0


@pytest.mark.usefixtures("ten_circuits")
def test_target_may_be_of_a_region_that_was_not_read(tmp_path: Path) -> None:
    """Not to know is no reason to refuse what could be read; it is said."""
    targets = tmp_path / "targets.yaml"
    targets.write_text("pc-77: https://a/\n")
    places = ("--region", "cn-hangzhou", "--region", "cn-nowhere")

    done = plan(tmp_path / "plan", *places, "--targets", str(targets))

    assert done.exit_code == 1
    assert "'pc-77': no circuit" in done.stderr
    assert list(contents(tmp_path / "plan")) == HZ


@pytest.mark.usefixtures("ten_circuits")
def test_wrong_role_changes_nothing(tmp_path: Path) -> None:
    """It is found before anything is read or written."""
    done = plan(tmp_path / "plan", "--region", "cn-hangzhou", "--role-arn", "admin")

    assert done.exit_code == 2
    assert "'admin', expected acs:ram::<account ID>:role/<role name>" in done.output
    assert not (tmp_path / "plan").exists()


@pytest.mark.usefixtures("ten_circuits")
@pytest.mark.parametrize("kind", ["folder", "not UTF-8"])
def test_what_cannot_be_kept_is_refused(kind: str, tmp_path: Path) -> None:
    """Before anything is written, the message names the file."""
    file = tmp_path / "cn-hangzhou" / "pc-02.yaml"
    if kind == "folder":
        file.mkdir(parents=True)
    else:
        file.parent.mkdir()
        file.write_bytes(b"title: \xff")

    done = plan(tmp_path, "--region", "cn-hangzhou")

    assert done.exit_code == 1
    assert f"Error: {file} cannot be read as text" in done.stderr
    assert [path for path in tmp_path.rglob("*") if path not in (file, file.parent)] == []


@pytest.mark.usefixtures("ten_circuits")
@pytest.mark.parametrize("folder", ["/proc/plan", "{file}/plan"])
def test_folder_that_cannot_be_written(folder: str, tmp_path: Path) -> None:
    """The disk's refusal is a message, not a traceback."""
    file = tmp_path / "file"
    file.touch()

    done = plan(Path(folder.format(file=file)), "--region", "cn-hangzhou")

    assert done.exit_code == 1
    assert "cannot be written" in done.stderr


@pytest.mark.usefixtures("ten_circuits")
def test_empty_file_is_planned_again(tmp_path: Path) -> None:
    """What an interrupted disk left holds nothing to keep, and no half-written file is left."""
    plan(tmp_path, "--region", "cn-hangzhou")
    before = contents(tmp_path)
    (tmp_path / "cn-hangzhou" / "pc-01.yaml").write_text("")

    done = plan(tmp_path, "--region", "cn-hangzhou")

    assert done.exit_code == 0
    assert contents(tmp_path) == before


@pytest.mark.usefixtures("ten_circuits")
def test_overlay_beside_the_plan_is_left_alone(tmp_path: Path) -> None:
    """A region's folder may hold its Kustomize overlay, and nobody is told of it each time."""
    plan(tmp_path, "--region", "cn-hangzhou")
    overlay = tmp_path / "cn-hangzhou" / "kustomization.yaml"
    overlay.write_text("kind: Kustomization\n")

    done = plan(tmp_path, "--region", "cn-hangzhou")

    assert overlay.read_text() == "kind: Kustomization\n"
    assert "kustomization" not in done.output
