"""
`chaos failover check`: whether a cut could be made, without making it.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaos_command import on_free_ports
from click.testing import CliRunner, Result
from drills import experiment
from live import Cloud, tunnel
from places import EXPERIMENTS
from processes import children

from chaosfailover.cli import failover

DRILL = EXPERIMENTS / "circuit-failover.yaml"
NAMES = ("ALIBABA_CLOUD_REGION_ID", "ALIBABA_CLOUD_ENDPOINT_VPC", "ALIBABA_CLOUD_ROLE_ARN")
SETTINGS = ("FAILOVER_RECORD", "FAILOVER_TEST_NAME", "FAILOVER_RTO")
CLEAR = dict.fromkeys((*NAMES, *SETTINGS))


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command in an empty folder, on free ports."""
    settings = CLEAR | on_free_ports("dual-circuit", tmp_path)
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def invoke(*arguments: str, **more: str) -> Result:
        return CliRunner().invoke(failover, ["check", *arguments], env=settings | more)

    return invoke


def test_cut_that_could_be_made(check: Any, tmp_path: Path) -> None:
    """Each check is a line, the last line says what would be cut, and nothing is left of it."""
    done = check(str(DRILL))

    lines = done.stdout.splitlines()
    assert done.exit_code == 0, done.output
    assert lines[0].startswith("REHEARSAL in cn-hangzhou on the embedded emulator, topology ")
    assert "ok       circuit-failover: dry run: the API would accept it" in lines
    assert "ok       target portal: answers" in lines
    assert lines[-1] == (
        "OK: the cut could be made in cn-hangzhou of account 1000000000000001: circuit-failover "
        "would cut pc-rehearsal-a (PHYSICALCONNECTION) for 5 min."
    )
    assert [*(tmp_path / "empty").iterdir()] == []


def test_resources_of_probes_have_to_exist(check: Any) -> None:
    """All that do not are named, each with its probe and what there is instead."""
    done = check(
        str(DRILL),
        FAILOVER_STANDBY_CIRCUIT_ID="pc-rehearsal-c",
        FAILOVER_STANDBY_BGP_PEER_ID="bgp-rehearsal-c",
    )

    (line,) = [each for each in done.stdout.splitlines() if "resources of probes" in each[:30]]
    assert done.exit_code == 1
    assert line == (
        "NO       resources of probes: the-standby-circuit-is-enabled: there is no "
        "PHYSICALCONNECTION 'pc-rehearsal-c' in cn-hangzhou; known: pc-rehearsal-a, "
        "pc-rehearsal-b; the-standby-session-is-established: there is no BGPPEER "
        "'bgp-rehearsal-c' in cn-hangzhou; known: bgp-rehearsal-a, bgp-rehearsal-b"
    )


def test_check_as_json(check: Any) -> None:
    """A pipeline reads the same facts."""
    done = check(str(DRILL), "--format", "json")

    document = json.loads(done.stdout)
    assert done.exit_code == 0
    assert (document["ready"], document["refusal"], document["mode"]) == (True, None, "REHEARSAL")
    assert [cut["resource_ids"] for cut in document["cuts"]] == [["pc-rehearsal-a"]]
    assert all(each["passed"] for each in document["preflight"])


@pytest.mark.parametrize(
    ("options", "settings", "reason"),
    [
        pytest.param(
            [],
            {"FAILOVER_CIRCUIT_ID": "pc-x"},
            "there is no PHYSICALCONNECTION 'pc-x'",
            id="absent",
        ),
        pytest.param(
            [], {"FAILOVER_RTO": "soon"}, "rto is 'soon', expected a number", id="setting"
        ),
        pytest.param(
            ["--var", "duration_minutes=600"],
            {},
            "600 min, but the method takes only",
            id="variable",
        ),
        pytest.param(
            [],
            {"FAILOVER_PORTAL_URL": "http://127.0.0.1:9/"},
            "does not answer: refused",
            id="target",
        ),
        pytest.param(
            [], {"FAILOVER_RECORD": "/proc/new/x.json"}, "record is '/proc/new/x.json'", id="file"
        ),
        pytest.param(
            [], {"ALIBABA_CLOUD_ENDPOINT_VPC": "emulater"}, "did you mean emulator?", id="endpoint"
        ),
    ],
)
def test_cut_that_would_be_refused(
    check: Any, options: list[str], settings: dict[str, str], reason: str
) -> None:
    """Exit code 1, with the reason, in both formats; quiet shows nothing else."""
    done = check(str(DRILL), "--quiet", *options, **settings)
    document = json.loads(check(str(DRILL), "--format", "json", *options, **settings).stdout)

    assert done.exit_code == 1
    last = done.stdout.splitlines()[-1]
    assert last.startswith("NO: the run would be refused, and nothing cut: ")
    assert reason in last
    assert "ok " not in done.stdout
    assert document["ready"] is False
    assert reason in document["refusal"]


def changed(**parts: Any) -> str:
    return yaml.safe_dump(yaml.safe_load(DRILL.read_text(encoding="utf-8")) | parts)


def with_arguments(arguments: object) -> str:
    (control,) = yaml.safe_load(DRILL.read_text(encoding="utf-8"))["controls"]
    control["provider"]["arguments"] = arguments
    return changed(controls=[control])


def on_activity() -> dict[str, Any]:
    document = yaml.safe_load(DRILL.read_text(encoding="utf-8"))
    activity: dict[str, Any] = document["method"][0] | {"controls": document["controls"]}
    return activity


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            changed(controls=[]), "the control chaosfailover.control is not", id="control"
        ),
        pytest.param(
            changed(controls=[], method=[on_activity()]),
            "the control chaosfailover.control is not among",
            id="control at an activity",
        ),
        pytest.param(
            DRILL.read_text(encoding="utf-8").replace(
                "chaosfailover.control", "chaosfailover.contrl"
            ),
            "there is no module 'chaosfailover.contrl' (did you mean chaosfailover.control?)",
            id="misspelt",
        ),
        pytest.param(changed(method=[]), "the method starts no failover test", id="no cut"),
        pytest.param(changed(title=""), "experiment requires a title", id="not valid"),
        pytest.param("- 1", "holds no experiment", id="list"),
        pytest.param("a: {", "Failed parsing YAML", id="no YAML"),
        pytest.param(None, 'Path "own.yaml" does not exist', id="no file"),
        pytest.param(
            changed(configuration=[1]), "own.yaml: configuration has list, expected", id="values"
        ),
        pytest.param(changed(secrets=None), "own.yaml: secrets has nothing", id="secrets"),
        pytest.param(changed(method=None), "own.yaml: method has nothing", id="method"),
        pytest.param(changed(method=[1]), "method has int", id="activity"),
        pytest.param(changed(controls=[1]), "controls has int", id="no control"),
        pytest.param(
            with_arguments([1]), "controls[0].provider.arguments has list, expected", id="arguments"
        ),
        pytest.param("[" * 100_000, "own.yaml cannot be read: it is nested too deep", id="deep"),
        pytest.param("\xff", "own.yaml cannot be read: 'utf-8' codec", id="bytes"),
        pytest.param("a: [b:\n c: d", 'sequence in "own.yaml", line 1, column 4', id="lines"),
        pytest.param("!!python/object/apply:os.system [id]", '"own.yaml", line 1', id="tag"),
    ],
)
def test_experiment_that_cannot_be_checked(check: Any, text: str | None, reason: str) -> None:
    """One sentence says why, in both formats."""
    if text is not None:
        Path("own.yaml").write_text(text, encoding="latin-1")

    done = check("own.yaml")
    document = json.loads(check("own.yaml", "--format", "json").stdout)

    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1].startswith("NO: ")
    assert reason in done.stdout.splitlines()[-1]
    assert reason in document["refusal"]
    assert "Traceback" not in done.output
    assert "\N{REPLACEMENT CHARACTER}" not in done.output


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        pytest.param(["--var", "x"], "the variable is 'x', expected KEY[:TYPE]=VALUE", id="var"),
        pytest.param(["--var", "x:int=y"], "the variable x:int cannot be read: ", id="type"),
        pytest.param(["--var", "x=y"], "the variable 'x' is not in the experiment's", id="unknown"),
        pytest.param(["--var-file", "text.env"], "text.env: line 1: expected NAME", id="line"),
        pytest.param(["--var-file", "list.yaml"], "list.yaml holds a list, ", id="var list"),
        pytest.param(["--control-file", "text.env"], "the control file is 'text.env'", id="name"),
        pytest.param(["--control-file", "list.yaml"], "list.yaml holds a list", id="controls"),
    ],
)
def test_option_that_cannot_be_read(check: Any, options: list[str], reason: str) -> None:
    """One sentence names the file or the variable."""
    Path("text.env").write_text("export\n", encoding="utf-8")
    Path("list.yaml").write_text("[1]", encoding="utf-8")

    done = check(str(DRILL), *options)

    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert done.stdout.splitlines()[-1].startswith(
        f"NO: the run would be refused, and nothing cut: {reason}"
    )


@pytest.mark.parametrize(("ending", "begin"), [("json", "["), ("json", '{"a":'), ("yaml", "{a: ")])
def test_experiment_that_is_nested_too_deep(check: Any, ending: str, begin: str) -> None:
    """One sentence says so, whichever parser it is."""
    Path(f"own.{ending}").write_text(begin * 100_000, encoding="utf-8")

    done = check(f"own.{ending}")

    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert f"own.{ending} cannot be read: it is nested too deep" in done.stdout


@pytest.mark.parametrize("evidence", ["/proc/x", "/proc/new/", f"new/{'x' * 300}", "old.jsonl"])
def test_evidence_that_could_not_be_written(check: Any, evidence: str) -> None:
    """It is refused as in a run, and nothing is left of the try."""
    (control,) = yaml.safe_load(DRILL.read_text(encoding="utf-8"))["controls"]
    control["provider"]["arguments"]["evidence"] = evidence
    Path("own.yaml").write_text(changed(controls=[control]), encoding="utf-8")
    Path("old.jsonl").touch()

    done = check("own.yaml")

    assert done.exit_code == 1
    assert "nothing cut: evidence is " in done.stdout.splitlines()[-1]
    assert sorted(file.name for file in Path().iterdir()) == ["old.jsonl", "own.yaml"]


@pytest.mark.parametrize("evidence", ["new/ev.jsonl", "new/", "."])
def test_evidence_that_could_be_written(check: Any, evidence: str) -> None:
    """Nothing is left of the try."""
    (control,) = yaml.safe_load(DRILL.read_text(encoding="utf-8"))["controls"]
    control["provider"]["arguments"]["evidence"] = evidence
    Path("own.yaml").write_text(changed(controls=[control]), encoding="utf-8")

    assert check("own.yaml").exit_code == 0
    assert [file.name for file in Path().iterdir()] == ["own.yaml"]


def test_control_in_a_file_of_its_own(check: Any) -> None:
    """It is found where `chaos run` finds it."""
    (control,) = yaml.safe_load(DRILL.read_text(encoding="utf-8"))["controls"]
    Path("own.yaml").write_text(changed(controls=[]), encoding="utf-8")
    Path("controls.yaml").write_text(yaml.safe_dump({"failover": control}), encoding="utf-8")

    assert check("own.yaml", "--control-file", "controls.yaml").exit_code == 0
    assert check("own.yaml").exit_code == 1


@pytest.fixture
def live(cloud: Cloud) -> Iterator[Cloud]:
    """A cloud that cannot be told from one that is not emulated."""
    with tunnel(cloud) as live:
        yield live


def drill(folder: Path, cloud: Cloud, **arguments: Any) -> str:
    document = experiment("settled", "always", cloud.portal)
    document["controls"][0]["provider"]["arguments"] |= arguments
    file = folder / "drill.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return str(file)


def test_live_check_creates_and_starts_nothing(check: Any, live: Cloud, tmp_path: Path) -> None:
    """It sends reads and dry runs only, and starts no watchdog."""
    before = children()

    done = check(drill(tmp_path, live), **live.exports)

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0].startswith("LIVE in cn-hangzhou on http://127.0.0.1:")
    assert live.statuses() == []
    assert live.sent("StartFailoverTestJob") == 0
    assert children() == before


def test_live_check_outside_of_the_windows(check: Any, live: Cloud, tmp_path: Path) -> None:
    """A cut that would begin, or could still run, outside is refused; a rehearsal is warned."""
    now = datetime.now(UTC)
    soon = {"allowed_windows": f"Mon-Sun 00:00-{now + timedelta(minutes=1):%H:%M} UTC"}
    days = [f"{(now + timedelta(days=days)).date()}" for days in (-1, 1)]
    dark = {"blackout_dates": [{"from": days[0], "to": days[1]}]}
    endpoint = live.exports["ALIBABA_CLOUD_ENDPOINT_VPC"]

    results = [
        (
            check(drill(tmp_path, live, **times), **live.exports),
            check(
                drill(tmp_path, live, **times), **live.exports | {"ALIBABA_CLOUD_ENDPOINT_VPC": url}
            ),
        )
        for url in [live.url]
        for times in (soon, dark)
    ]

    assert endpoint != live.url
    for refused, rehearsed in results:
        assert refused.exit_code == 1
        assert "NO       allowed times: it could run from " in refused.stdout
        assert rehearsed.exit_code == 0, rehearsed.output
        assert "WARNING  allowed times: a live run would be refused: " in rehearsed.stdout
    assert "in the blackout " in results[1][0].stdout
