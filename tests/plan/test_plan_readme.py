"""
The READMEs of a plan: true of the files as they stand, and the same as long as nothing changes.
"""

from pathlib import Path

import pytest
from accounts import ACCOUNTS, TEN, plans
from click.testing import CliRunner

from chaosfailover.cli import failover
from chaosfailover.emulator import Emulator
from chaosfailover.plan.files import plan_files

A, B = ACCOUNTS[:2]


def plan(folder: Path, *arguments: str) -> None:
    CliRunner().invoke(failover, ["plan", "--output-file", str(folder), *arguments])


def row(text: str, file: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if f"`{file}` |" in line)
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_order_and_expectation_are_there_to_read(tmp_path: Path) -> None:
    """A table tells what is tested in which order, and refusals come with their reasons."""
    found = plan_files(plans(TEN, tmp_path), {}, {})
    text = found[f"{B}/eu-central-1/README.md"]

    assert "2 of 2 circuits can be tested." in text
    first, second = (row(text, f"{B}/eu-central-1/pc-0{n}.yaml") for n in (8, 9))
    assert first[:7] == ["1", first[1], "ecr-eu", "pc-09", "1", "0.6 s or more", "0.9 s"]
    assert second[:7] == ["2", second[1], "ecr-eu", "pc-08", "1", "12.5 s or more", "30 s"]
    assert [first[7], second[7]] == ["held", "deviated"]
    assert f"`{B}/eu-central-1/game-day.yaml` runs all of these, in this order;" in text
    assert "- `pc-07`: cen-sz (IPv4): no proven" in found[f"{A}/cn-shenzhen/README.md"]


def test_whole_plan_is_told_with_both_durations(tmp_path: Path) -> None:
    """`rehearse-all` runs each test twice, alone and in the game day."""
    text = plan_files(plans(TEN, tmp_path), {}, {})["README.md"]

    assert "6 circuits in 3 regions are tested." in text
    link = f"[{A}/cn-hangzhou]({A}/cn-hangzhou/README.md)"
    assert f"| {link} | 2 | 1 minute + 1 minute | 10 minutes |" in text
    assert f"- [{A}/cn-shenzhen]({A}/cn-shenzhen/README.md)\n" in text


def test_only_what_cuts_is_a_test(tmp_path: Path) -> None:
    """Other YAML that stands in a region, such as a patch of an overlay, tests nothing."""
    mine = {f"{A}/cn-shenzhen/mine.yaml": "title: mine\n"}

    found = plan_files(plans(TEN, tmp_path), {}, {}, mine)

    assert "6 circuits in 3 regions are tested." in found["README.md"]
    assert "mine.yaml" not in found["README.md"]
    assert "kept; it is no experiment" in found[f"{A}/cn-shenzhen/README.md"]


@pytest.mark.usefixtures("ten_circuits")
def test_regions_of_earlier_plans_stay(tmp_path: Path) -> None:
    """Region after region into one folder, or with one that fails today: none is dropped."""
    plan(tmp_path, "--region", "cn-hangzhou")
    plan(tmp_path, "--region", "cn-shanghai")
    whole = (tmp_path / "README.md").read_text()
    plan(tmp_path, "--region", "cn-shanghai", "--region", "cn-nowhere")

    text = (tmp_path / "README.md").read_text()
    assert "4 circuits in 2 regions are tested." in whole
    assert "4 circuits in 2 regions are tested." in text
    assert "- cn-nowhere: InvalidRegionId.NotFound\n" in text


@pytest.mark.usefixtures("ten_circuits")
def test_error_changes_nothing_from_run_to_run(tmp_path: Path) -> None:
    """The request ID of a refusal is another each time; the README is not."""
    places = ("--region", "cn-hangzhou", "--region", "cn-nowhere")
    plan(tmp_path, *places)
    before = (tmp_path / "README.md").read_text()

    plan(tmp_path, *places)

    assert (tmp_path / "README.md").read_text() == before


@pytest.mark.usefixtures("ten_circuits")
def test_nothing_read_is_not_nothing_proven(tmp_path: Path) -> None:
    """Who could not look has not found that there is no survivor."""
    plan(tmp_path, "--region", "cn-nowhere")

    text = (tmp_path / "README.md").read_text()
    assert "Nothing is planned: no region could be read." in text


@pytest.mark.parametrize(
    ("old", "new", "cell", "note"),
    [
        pytest.param(
            "  standby_circuit_id: pc-02",
            "  standby_circuit_id: pc-77",
            "pc-77",
            "edited and kept; the standby is now pc-02",
            id="another standby",
        ),
        pytest.param("default: 3.0", "default: 2.0", "pc-02", "edited and kept", id="a promise"),
        pytest.param(
            "  circuit_id: pc-01",
            "  circuit_id: pc-03",
            "pc-02",
            "edited and kept; it cuts `pc-03`",
            id="another circuit",
        ),
        pytest.param(
            "method:", "methods:", "pc-02", "edited and kept; it is no experiment", id="broken"
        ),
    ],
)
@pytest.mark.usefixtures("ten_circuits")
def test_edited_file_is_shown_as_it_stands(
    old: str, new: str, cell: str, note: str, tmp_path: Path
) -> None:
    """What the file says is in the table, and beside it where the account says otherwise."""
    plan(tmp_path, "--region", "cn-hangzhou")
    file = tmp_path / "cn-hangzhou" / "pc-01.yaml"
    file.write_text(file.read_text().replace(old, new))

    plan(tmp_path, "--region", "cn-hangzhou")

    cells = row((tmp_path / "cn-hangzhou" / "README.md").read_text(), "cn-hangzhou/pc-01.yaml")
    assert (cells[3], cells[-1]) == (cell, note)


def test_kept_game_day_says_what_it_still_cuts(ten_circuits: Emulator, tmp_path: Path) -> None:
    """An edited game day is not said to run what is planned now, and its danger is named."""
    plan(tmp_path, "--region", "eu-central-1", "--region", "cn-hangzhou")
    for name in ("game-day.yaml", "pc-01.yaml"):
        file = tmp_path / "cn-hangzhou" / name
        file.write_text(file.read_text() + "# mine\n")
    network = ten_circuits.cloud.network
    ten_circuits.cloud.network = network.changed("pc-01", BusinessStatus="FinancialLocked")

    plan(tmp_path, "--region", "cn-hangzhou")

    text = (tmp_path / "cn-hangzhou" / "README.md").read_text()
    assert "runs `pc-01`, `pc-02`; at most 10 minutes of cuts." in text
    assert "It was edited and is kept. **It still cuts `pc-01`, `pc-02`, not to be cut.**" in text
    assert row(text, "cn-hangzhou/pc-01.yaml")[-1] == "kept; it cuts `pc-01`, not to be cut"
