"""
What inspect finds in accounts of known shape, and how often it asks.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import yaml
from accounts import LARGE, ONE, TEN, TEN_FOUND, Opener, circuit, places, topology

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import FailoverTestJob
from chaosfailover.alibaba.regions import Answer, ask_places
from chaosfailover.cli.tables import as_markdown, as_table
from chaosfailover.cli.terminal import width
from chaosfailover.emulator import Emulator
from chaosfailover.errors import ArgumentError
from chaosfailover.inspection.circuits import CircuitRow, across_places, inspection, last_tests
from chaosfailover.inspection.criteria import criterion, violations
from chaosfailover.network.snapshot import Snapshot, read_snapshot

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
READS = {
    "DescribePhysicalConnections",
    "DescribeVirtualBorderRouters",
    "DescribeBgpGroups",
    "DescribeBgpPeers",
    "DescribeFailoverTestJobs",
}


def read(
    topology: dict[str, Any], folder: Path
) -> tuple[list[Answer[list[CircuitRow]]], Counter[str]]:
    """
    Inspect every region of every account of a topology; return the answers and the calls.
    """
    file = folder / "accounts.yaml"
    file.write_text(yaml.safe_dump(topology), encoding="utf-8")
    open_client = Opener(Emulator(file))
    answers = ask_places(
        places(topology), open_client, lambda client: inspection(read_snapshot(client), NOW)
    )
    return answers, open_client.transport.calls


def found(answers: list[Answer[list[CircuitRow]]]) -> list[tuple[object, ...]]:
    assert [answer.error for answer in answers if answer.error] == []
    return [
        (answer.place.account, row.region_id, row.group, row.circuit_id, row.survivors, row.finding)
        for answer in answers
        for row in answer.value or ()
    ]


def test_one_circuit(tmp_path: Path) -> None:
    """The only circuit of an account has no survivor, and five calls are enough to know."""
    answers, calls = read(ONE, tmp_path)

    account = next(iter(ONE["accounts"]))
    expected = [(account, "cn-hangzhou", "cen-hz", "pc-01", 0, "no survivor")]
    assert found(answers) == expected
    assert calls == Counter(dict.fromkeys(READS, 1))


def test_ten_circuits(tmp_path: Path) -> None:
    """The findings of two accounts are those of the table that was made by hand."""
    answers, calls = read(TEN, tmp_path)

    assert found(answers) == TEN_FOUND
    # Twelve places are asked for circuits and VBRs, the five with VBRs for BGP, six for tests.
    assert [calls[name] for name in sorted(READS)] == [5, 5, 6, 12, 12]


def test_three_hundred_circuits(tmp_path: Path) -> None:
    """Each of the hundred places is asked five times, for one page each."""
    answers, calls = read(LARGE, tmp_path)

    assert Counter(row[-1] for row in found(answers)) == {"redundant": 300}
    assert calls == Counter(dict.fromkeys(READS, 100))


def job(job_id: str, status: str, began: str | None, **more: Any) -> Any:
    fields = {"JobId": job_id, "Status": status, "ResourceType": "PHYSICALCONNECTION"}
    return {**fields, "Name": "drill", "ResourceId": ["pc-01"], "StartTime": began, **more}


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        pytest.param([], None, id="never"),
        pytest.param([job("ftj-1", "Init", "2026-06-01T00:00:00Z")], None, id="only planned"),
        pytest.param(
            [
                job("ftj-new", "Stopped", "2026-06-20T12:00:00Z"),
                job("ftj-old", "Stopped", "2026-01-01T00:00:00Z"),
            ],
            ("ftj-new", 10.0),
            id="the latest",
        ),
        pytest.param([job("ftj-1", "Stopped", "")], ("ftj-1", None), id="at an unknown time"),
        pytest.param(
            [job("ftj-1", "Testing", "2026-06-30T11:00:00Z")], ("ftj-1", 0.0), id="it runs"
        ),
        pytest.param(
            [job("ftj-1", "Stopped", "2026-06-20T12:00:00Z", ResourceType="VIRTUALBORDERROUTER")],
            None,
            id="of a border router",
        ),
        pytest.param(
            [
                job("ftj-new", "Stopped", "2026-06-20T12:00:00"),
                job("ftj-2", "Stopped", "yesterday"),
            ],
            ("ftj-new", 10.0),
            id="no instant is older than any",
        ),
        pytest.param([job("ftj-1", "Stopped", "yesterday")], ("ftj-1", None), id="no instant"),
        pytest.param(
            [{**job("ftj-1", "Stopped", ""), "StartTime": 1700000000}],
            ("ftj-1", None),
            id="a number",
        ),
        pytest.param(
            [job("ftj-1", "Stopped", "0001-01-01T00:00:00+14:00")],
            ("ftj-1", None),
            id="before all time",
        ),
        pytest.param(
            [job("ftj-1", "Stopped", "", ResourceId="pc-01")], None, id="of what is no list"
        ),
    ],
)
def test_last_test(jobs: list[FailoverTestJob], expected: object) -> None:
    """The last test of a circuit is the latest that named it and ran."""
    last = last_tests(jobs, NOW).get("pc-01")

    assert (last and (last.job_id, last.age_days)) == expected


def test_circuit_without_id_is_refused() -> None:
    """The refusal is one that a region can be reported with."""
    with pytest.raises(ArgumentError, match="a document has no PhysicalConnectionId"):
        inspection(Snapshot("cn-hangzhou", circuits=({"Status": "Enabled"},)), NOW)


def test_document_that_nobody_foresaw_hides_no_other_place(tmp_path: Path) -> None:
    """Whatever goes wrong in one place is the answer of that place."""
    file = tmp_path / "accounts.yaml"
    file.write_text(yaml.safe_dump(TEN), encoding="utf-8")

    def question(client: VpcClient) -> str:
        return {"cn-hangzhou": "read"}[client.region_id]

    answers = ask_places(places(TEN)[:2], Opener(Emulator(file)), question)

    assert [answer.value for answer in answers] == ["read", None]
    assert str(answers[1].error) == "unexpected KeyError: 'cn-shanghai'"


@pytest.mark.parametrize("reads_only", [True, False])
def test_interruption_leaves_only_what_reads(tmp_path: Path, reads_only: bool) -> None:
    """A place that is silent delays the end of an inspection no longer, but that of a stop."""
    file = tmp_path / "accounts.yaml"
    file.write_text(yaml.safe_dump(TEN), encoding="utf-8")
    asked, answered, ended = Event(), Event(), Event()

    def question(client: VpcClient) -> None:
        if client.region_id == "cn-shanghai":
            asked.set()
            answered.wait(10.0 if reads_only else 0.2)
            ended.set()

    def interrupt(_number: int, _answer: object) -> None:
        assert asked.wait(10.0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask_places(
            places(TEN)[:2],
            Opener(Emulator(file)),
            question,
            progress=interrupt,
            reads_only=reads_only,
        )

    assert ended.is_set() is not reads_only
    answered.set()
    assert ended.wait(10.0)


def rows(topology: dict[str, Any], folder: Path) -> list[CircuitRow]:
    answers, _ = read(topology, folder)
    return [row for answer in answers for row in answer.value or ()]


TESTED_NEVER = [f"pc-{number:02}" for number in range(1, 10)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("no-survivor", ["pc-05", "pc-07"], id="no survivor"),
        pytest.param("same-access-point", ["pc-03", "pc-04"], id="same access point"),
        pytest.param("stale=90d", TESTED_NEVER, id="never"),
        pytest.param("stale=99999999999d", TESTED_NEVER, id="an age beyond all dates"),
    ],
)
def test_criterion(text: str, expected: list[str], tmp_path: Path) -> None:
    """A criterion names each circuit that meets it, save one that is not in use."""
    said = violations([criterion(text)], rows(TEN, tmp_path))

    assert sorted(sentence.split()[2] for sentence in said) == expected


PAIR = ("pc-01", "pc-02")


def test_stale_is_older_than_the_limit() -> None:
    """A test of exactly the age is not stale yet."""
    network = Snapshot(
        "cn-hangzhou",
        circuits=({"PhysicalConnectionId": "pc-01"}, {"PhysicalConnectionId": "pc-02"}),
        vbrs=tuple({"VbrId": f"vbr-{name}", "PhysicalConnectionId": name} for name in PAIR),
        jobs=(
            job("ftj-1", "Stopped", (NOW - timedelta(days=14)).isoformat()),
            job("ftj-2", "Stopped", (NOW - timedelta(days=15)).isoformat(), ResourceId=["pc-02"]),
        ),
    )

    said = violations([criterion("stale=2w")], inspection(network, NOW))

    assert said == ["stale=2w: cn-hangzhou pc-02 (unknown): tested 15 days ago"]


@pytest.mark.parametrize("text", ["stale", "stale=90", "stale=-1d", "survivors", ""])
def test_unknown_criterion_is_refused(text: str) -> None:
    """The refusal names what was given and what exists."""
    with pytest.raises(ArgumentError, match=r"expected no-survivor, same-access-point, stale=90d"):
        criterion(text)


def test_table_says_why(tmp_path: Path) -> None:
    """A heading for each region and group, a line for each circuit, and the reasons below it."""
    table = as_table(rows(TEN, tmp_path)).splitlines()

    at = table.index("cn-beijing cen-bj")
    assert table[at + 1].split()[:3] == ["CIRCUIT", "ACCESS", "POINT"]
    assert table[at + 2].endswith("yes  -               0          standby not established  never")
    assert "BgpStatus is Idle, not Established" in "".join(table[at + 3 : at + 6])


def test_markdown_has_a_table_for_each_group(tmp_path: Path) -> None:
    """Rows stand below the heading of their group, and the reasons after them."""
    text = as_markdown(rows(TEN, tmp_path))

    assert text.count("| CIRCUIT |") == 6
    assert "| pc-07 | ap-1 | Enabled | 1 of 1 up | 3 | yes | - | 0 | no survivor | never |" in text
    assert "- `pc-10`: " in text


NAMED = Snapshot(
    "cn-hangzhou",
    circuits=(
        {"PhysicalConnectionId": "pc-01", "Name": "\x1b[31mred\nnew|line", "Status": "En\rabled"},
        {"PhysicalConnectionId": "pc-02", "Name": "\u676d\u5dde", "Status": "Enabled"},
    ),
)


def test_names_move_nothing_on_the_terminal() -> None:
    """A name with control characters stays in its cell."""
    found = inspection(NAMED, NOW)

    for text in (as_table(found), as_markdown(found)):
        assert text.replace("\n", "").isprintable()
    assert "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}new|line" in as_table(found)


def test_wide_names_line_up() -> None:
    """A Chinese character takes two columns of a terminal."""
    (line,) = (line for line in as_table(inspection(NAMED, NOW)).splitlines() if "pc-02 " in line)
    header = as_table(inspection(NAMED, NOW)).splitlines()[1]

    assert width(line[: line.index("unknown")]) == header.index("ACCESS POINT")


def test_unknown_group_is_told_in_words() -> None:
    """A heading `unknown` would look like the name of a group."""
    lines = as_table(inspection(NAMED, NOW)).splitlines()

    assert lines[0] == "cn-hangzhou circuits whose ECR or CEN is not known"
    assert "unknown (unknown" not in "".join(lines)


def test_declared_pair_is_a_group() -> None:
    """Circuits of no known group stand with those that either side declares redundant."""
    network = Snapshot(
        "cn-hangzhou",
        circuits=(
            {"PhysicalConnectionId": "pc-01", "RedundantPhysicalConnectionId": "pc-02"},
            {"PhysicalConnectionId": "pc-02"},
            {"PhysicalConnectionId": "pc-03", "RedundantPhysicalConnectionId": "pc-02"},
            {"PhysicalConnectionId": "pc-04"},
        ),
    )

    groups = {row.circuit_id: row.group for row in inspection(network, NOW)}

    declared = "declared: pc-01 + pc-02 + pc-03"
    assert groups == {**dict.fromkeys(("pc-01", "pc-02", "pc-03"), declared), "pc-04": "unknown"}


def test_group_that_spans_regions_is_not_hopeless(tmp_path: Path) -> None:
    """What one region alone would call no survivor may have one in another; nobody knows."""
    spanning = topology(
        {
            "cn-beijing": [circuit("01", "1", "ap-1", vbr={"cens": ["cen-1"]})],
            "cn-shanghai": [
                circuit("02", "1", "ap-1", vbr={"cens": ["cen-1"]}),
                circuit("03", "1", "ap-1", vbr={"cens": ["cen-2"]}),
            ],
        },
        ["1"],
    )
    answers, _ = read(spanning, tmp_path)

    told = across_places(row for answer in answers for row in answer.value or ())

    assert {row.circuit_id: row.finding for row in told} == {
        "pc-01": "unknown",
        "pc-02": "unknown",
        "pc-03": "no survivor",
    }
    (first, *_) = told
    assert first.why[-1] == (
        "cen-1 also has 1 of 1 sessions up in cn-shanghai, over pc-02; whether they would take "
        "over is not known"
    )
    assert len(violations([criterion("no-survivor")], told)) == 3


def test_pages_are_read_as_few_as_there_are(tmp_path: Path) -> None:
    """Fifty of a kind are one page, so sixty circuits and all that stands on them are two each."""
    many = [circuit(f"{n:02}", "1", "ap-1", vbr={"cens": [f"cen-{n}"]}) for n in range(60)]
    answers, calls = read(topology({"cn-beijing": many}, ["1"]), tmp_path)

    assert len(found(answers)) == 60
    assert calls == Counter({**dict.fromkeys(READS, 2), "DescribeFailoverTestJobs": 1})
