"""
`chaos run` and `chaos validate`: what the toolkit refuses has one cause, a verdict and a record.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaos_command import chaos, journal
from click.testing import CliRunner
from drills import action, shell
from places import EXPERIMENTS

from chaosfailover.cli import failover

DRILL = (EXPERIMENTS / "circuit-failover.yaml").read_text(encoding="utf-8")
YESTERDAY = '{"failover": {"verdict": {"verdict": "held"}}}'
NO_FUNCTION = (
    "cut-the-circuit: chaosfailover.actions has no function 'start_failover_tst' "
    "(did you mean start_failover_test?)"
)


def own(folder: Path, wrong: str, by: str) -> str:
    """
    Write the bundled experiment with a mistake in it, beside the journal of yesterday.
    """
    assert wrong in DRILL
    (folder / "own.yaml").write_text(DRILL.replace(wrong, by, 1), encoding="utf-8")
    (folder / "journal.json").write_text(YESTERDAY, encoding="utf-8")
    return "own.yaml"


@pytest.mark.long
@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("wrong", "by", "cause", "readable"),
    [
        pytest.param("start_failover_test\n", "start_failover_tst\n", NO_FUNCTION, True, id="func"),
        pytest.param(
            "module: chaosfailover.control\n",
            "module: chaosfailover.contrl\n",
            "failover: there is no module 'chaosfailover.contrl' (did you mean "
            "chaosfailover.control?)",
            True,
            id="control",
        ),
        pytest.param(
            "module: chaosfailover.control\n",
            "module: chaos_failover.control\n",
            "failover: there is no module 'chaos_failover.control' (did you mean "
            "chaosfailover.control?)",
            True,
            id="package",
        ),
        pytest.param(
            "module: chaosfailover.tolerances\n",
            "module: chaosfailover.judges\n",
            "enabled-until-it-is-cut: there is no module 'chaosfailover.judges', expected one of "
            "chaosfailover.control, chaosfailover.actions, chaosfailover.probes, "
            "chaosfailover.tolerances",
            True,
            id="module",
        ),
        pytest.param(
            "        name: ${test_name}\n",
            "        nme: ${test_name}\n",
            "create-the-failover-test: chaosfailover.actions.create_failover_test has no argument "
            "'nme' (did you mean name?)",
            True,
            id="argument",
        ),
        pytest.param(
            "        name: ${test_name}\n",
            "",
            "required argument 'name' is missing from activity 'create_failover_test'",
            True,
            id="missing argument",
        ),
        pytest.param("title: The", "titel: The", "experiment requires a title", True, id="title"),
        pytest.param(
            "        rto: ${rto}",
            "        blackout_dates: [2026-02-30]",
            "own.yaml cannot be read: line 83: '2026-02-30' cannot be read: day is out of range "
            "for month",
            False,
            id="date",
        ),
        pytest.param(
            "rollbacks:\n  - ",
            "method:\n  - ",
            "own.yaml cannot be read: line 219: key 'method' is doubled, first on line 189; "
            "expected once",
            False,
            id="doubled key",
        ),
        pytest.param(
            "title: The",
            "title: [",
            "own.yaml cannot be read: line 15: while parsing a flow sequence did not find expected "
            "',' or ']'",
            False,
            id="syntax",
        ),
        pytest.param(
            "tags: [",
            "secrets:\ntags: [",
            "own.yaml: secrets has nothing, expected a mapping",
            False,
            id="empty block",
        ),
        pytest.param(
            "      tolerance: 200\n",
            "      tolerance: 200\n      controls: 1\n",
            "own.yaml: steady-state-hypothesis.probes[5].controls has int, expected a list of "
            "mappings",
            False,
            id="what the toolkit takes for granted",
        ),
    ],
)
def test_experiment_that_the_toolkit_refuses(
    tmp_path: Path, wrong: str, by: str, cause: str, readable: bool
) -> None:
    """One cause, one verdict, and a journal that is no longer that of yesterday."""
    source = own(tmp_path, wrong, by)

    validated = chaos("validate", source, folder=tmp_path)
    before = (tmp_path / "journal.json").read_text(encoding="utf-8")
    done = chaos("run", source, folder=tmp_path, FAILOVER_RECORD="record.json")

    assert (validated.returncode, before, done.returncode) == (1, YESTERDAY, 1)
    assert errors(validated.stderr) == [cause]
    assert "VERDICT" not in validated.stderr
    assert "Traceback" not in validated.stderr + done.stderr
    assert errors(done.stderr) == [cause]
    assert done.stderr.count("VERDICT: ") == 1
    assert f"VERDICT: inconclusive. The run could not begin: {cause}. Nothing was" in done.stderr
    entry = journal(tmp_path)["failover"]
    assert entry["verdict"]["reasons"][0] == f"The run could not begin: {cause}."
    if readable:
        record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
        assert record == entry["record"]
    report = ["report", str(tmp_path / "journal.json")]
    for options in (["-o", str(tmp_path / "report.html")], ["--verify"]):
        assert CliRunner().invoke(failover, [*report, *options]).exit_code == 0


def errors(log: str) -> list[str]:
    return [line.partition(" ERROR] ")[2] for line in log.splitlines() if " ERROR] " in line]


OWN_CONTROL = """\
import sys
def before_experiment_control(context, **_):
    sys.exit(7)
"""


@pytest.mark.long
def test_control_of_others_that_ends_the_run_first(tmp_path: Path) -> None:
    """The toolkit then calls no other control before the experiment; what it did stays told."""
    document = yaml.safe_load(DRILL)
    theirs = {"name": "theirs", "provider": {"type": "python", "module": "own_control"}}
    document["controls"].insert(0, theirs)
    document["rollbacks"] = [action("rest", shell("true"))]
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    (tmp_path / "own_control.py").write_text(OWN_CONTROL, encoding="utf-8")

    done = chaos("run", "own.yaml", folder=tmp_path, PYTHONPATH=str(tmp_path))

    assert (done.returncode, done.stderr.count("VERDICT: inconclusive. ")) == (1, 1)
    assert "could not begin: the toolkit did not call the control before the exp" in done.stderr
    assert [each["activity"]["name"] for each in journal(tmp_path)["rollbacks"]] == ["rest"]


TOKEN = "Zm9vYmFyZm9v"


@pytest.mark.long
@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("change", "cause"),
    [
        pytest.param(
            lambda document: document["method"][2]["provider"].update(module="exits"),
            "the toolkit cannot use own.json: SystemExit: 3",
            id="module that exits",
        ),
        pytest.param(
            lambda document: document["configuration"].update(
                token={"type": "env", "key": "MY_TOKEN", "env_var_type": "int"}
            ),
            "the toolkit cannot use own.json: invalid literal for int() with base 10: '***'",
            id="secret",
        ),
        pytest.param(
            lambda document: document["method"][0].update(name=["a"]),
            "the toolkit cannot use own.json: TypeError: unhashable type",
            id="name",
        ),
    ],
)
def test_whatever_ends_the_toolkit(
    tmp_path: Path, change: Callable[[Any], None], cause: str
) -> None:
    """A module, a variable, a value: one cause, one verdict, no traceback and no secret."""
    document = yaml.safe_load(DRILL)
    change(document)
    (tmp_path / "own.json").write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "exits.py").write_text("raise SystemExit(3)", encoding="utf-8")

    done = chaos("run", "own.json", folder=tmp_path, MY_TOKEN=TOKEN, PYTHONPATH=str(tmp_path))

    entry = journal(tmp_path)["failover"]
    assert (done.returncode, done.stderr.count("VERDICT: inconclusive. ")) == (1, 1), done.stderr
    assert f"The run could not begin: {cause}" in entry["verdict"]["reasons"][0]
    assert "Traceback" not in done.stderr
    assert done.stderr.count(cause) == 2, "in one error, and in the verdict"
    assert TOKEN not in done.stderr + json.dumps(journal(tmp_path))


GATE = "gate: {provider: {type: python, module: gate}}\n"


@pytest.mark.long
@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        pytest.param(["--settings", "given.yaml"], [], "given.yaml cannot be read", id="settings"),
        pytest.param([], ["--control-file", "given.yaml"], "given.yaml cannot be read", id="gate"),
        pytest.param([], ["--var-file", "given.yaml"], "given.yaml cannot be read", id="file"),
        pytest.param(
            [],
            ["--var", "circuit=pc-rehearsal-b"],
            "the variable 'circuit' is not in the experiment's configuration (did you mean",
            id="variable",
        ),
    ],
)
def test_what_a_run_is_given_is_used_or_refused(
    tmp_path: Path, before: list[str], after: list[str], cause: str
) -> None:
    """The toolkit cuts without the control, or another circuit than the one that was given."""
    source = own(tmp_path, "title", "title")
    (tmp_path / "given.yaml").write_text(f"{GATE}x: [}}", encoding="utf-8")

    done = chaos(*before, "run", *after, source, folder=tmp_path)

    entry = journal(tmp_path)["failover"]
    assert (done.returncode, done.stderr.count("VERDICT: inconclusive. ")) == (1, 1), done.stderr
    assert f"The run could not begin: {cause}" in entry["verdict"]["reasons"][0]
    assert done.stderr.count(cause) == 2, "in one error, and in the verdict"


@pytest.mark.long
def test_journal_that_cannot_be_written(tmp_path: Path) -> None:
    """The log says so, and names no journal; the record is written all the same."""
    source = own(tmp_path, "start_failover_test\n", "start_failover_tst\n")
    options = ("--journal-path", str(tmp_path))

    done = chaos("run", *options, source, folder=tmp_path, FAILOVER_RECORD="record.json")

    record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert record["verdict"]["reasons"][0] == f"The run could not begin: {NO_FUNCTION}."
    assert done.stderr.count("which cannot be written: Is a directory") == 1
    assert "Journal:" not in done.stderr


@pytest.mark.long
def test_journal_of_a_run_that_cannot_be_written(tmp_path: Path) -> None:
    """The summary names the evidence alone, which can be rendered, and there is no traceback."""
    source = own(tmp_path, "title", "title")

    done = chaos("run", "--journal-path", str(tmp_path), source, folder=tmp_path)

    assert done.returncode == 1
    assert done.stderr.count("VERDICT: inconclusive. The run could not begin: the journal is ") == 1
    assert f"The journal {tmp_path} is not written: Is a directory" in done.stderr
    assert "Journal:" not in done.stderr
    assert re.search(
        r"To render the report: chaos failover report \S+/failover-\S+\.jsonl", done.stderr
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["run", "validate"])
def test_experiment_that_may_not_be_read(tmp_path: Path, command: str) -> None:
    """What it holds is not known: it is refused as one of ours, without a traceback."""
    (tmp_path / "own.yaml").symlink_to("/proc/self/mem")

    done = chaos(command, "own.yaml", folder=tmp_path)

    assert done.returncode == 1
    assert "own.yaml cannot be read: Input/output error" in done.stderr
    assert done.stderr.count("VERDICT: inconclusive. The run could not begin: own.yaml cann") == (
        command == "run"
    )
    assert "Traceback" not in done.stderr


def test_cut_without_the_control(tmp_path: Path) -> None:
    """It is refused before anything is probed, unless settings or a control file declare it."""
    document = yaml.safe_load(DRILL)
    (control,) = document.pop("controls")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    (tmp_path / "ours.json").write_text(json.dumps({"ours": control}), encoding="utf-8")

    validated = chaos("validate", "own.yaml", folder=tmp_path)
    done = chaos("run", "own.yaml", folder=tmp_path)
    with_file = chaos(
        *("run", "--control-file", "ours.json", "own.yaml"),
        folder=tmp_path,
        FAILOVER_TOPOLOGY="nonsense",
    )

    assert (validated.returncode, validated.stderr.count("WARNING] the control chaosf")) == (0, 1)
    assert done.stderr.count("VERDICT: ") == 1
    assert (
        "VERDICT: inconclusive. The run could not begin: the control chaosfailover.control is not "
        "among the experiment's controls, so that nothing would stop a failover test: "
        in done.stderr
    )
    assert "Probe" not in done.stderr
    assert "is not among" not in with_file.stderr
    assert "The run could not begin: topology 'nonsense' is neither" in with_file.stderr


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("title: t\ndescription: d\nmethod: []\nrollbacks: [x: 2026-02-30]\n", "Traceback"),
        ("title: t\nmethod: []\n", "experiment requires a description"),
        ("title: t\nx: {<<: {a: 1}, <<: {b: 2}} # chaosfailover.x\n", "requires a description"),
        ("title: the chaosfailover.\nmethod: []\n", "experiment requires a description"),
        ("title: t # chaosfailover\nmethod: []\nmethod: []\n", "experiment requires a description"),
    ],
)
def test_experiment_of_somebody_else(tmp_path: Path, text: str, ends: str) -> None:
    """The toolkit has it alone: its end is as without this extension."""
    own(tmp_path, "title", "title")
    (tmp_path / "theirs.yaml").write_text(text, encoding="utf-8")

    done = chaos("run", "theirs.yaml", folder=tmp_path)

    assert done.returncode == 1
    assert ends in done.stderr
    assert "VERDICT" not in done.stderr
    assert (tmp_path / "journal.json").read_text(encoding="utf-8") == YESTERDAY


@pytest.mark.long
def test_variables_name_the_record(tmp_path: Path) -> None:
    """As in a run that begins; validation or not, a function that does not exist is refused."""
    source = own(tmp_path, "start_failover_test\n", "start_failover_tst\n")

    done = chaos("run", "--no-validation", "--var", "record=given.json", source, folder=tmp_path)

    record = json.loads((tmp_path / "given.json").read_text(encoding="utf-8"))
    assert done.returncode == 1
    assert record["verdict"]["reasons"][0] == f"The run could not begin: {NO_FUNCTION}."


@pytest.mark.long
def test_report_for_an_agent(tmp_path: Path) -> None:
    """The standard output holds the toolkit's report of the refusal, and nothing else."""
    pytest.importorskip("chaostoolkit.agent", reason="chaostoolkit < 1.21 has no agents")
    source = own(tmp_path, "start_failover_test\n", "start_failover_tst\n")

    ran = chaos("run", "--output", "agent", source, folder=tmp_path)
    validated = chaos("validate", "--output", "agent", source, folder=tmp_path)

    for done in (ran, validated):
        report = json.loads(done.stdout)
        assert (done.returncode, report["error"]["message"]) == (1, NO_FUNCTION)


@pytest.mark.long
@pytest.mark.parametrize(
    ("wrong", "by", "cause"),
    [
        ("start_failover_test\n", "start_failover_tst\n", NO_FUNCTION),
        ("rollbacks:\n  - ", "method:\n  - ", "{} cannot be read: line 219: key 'method' is doubl"),
        ("title: The", "title: [", "{} cannot be read: line 15: while parsing a flow sequence did"),
    ],
)
def test_experiment_at_a_url(tmp_path: Path, wrong: str, by: str, cause: str) -> None:
    """It is refused as the file is."""
    source = own(tmp_path, wrong, by)

    with served(tmp_path) as address:
        url = f"{address}/{source}"
        done = chaos("run", url, folder=tmp_path)

    said = f"VERDICT: inconclusive. The run could not begin: {cause.format(url)}"
    assert (done.returncode, done.stderr.count(said)) == (1, 1)
    assert "Traceback" not in done.stderr
    assert "refused" in (tmp_path / "journal.json").read_text(encoding="utf-8")


@pytest.mark.long
def test_journal_of_a_refused_run_holds_no_secret(tmp_path: Path) -> None:
    """Nor does the log, wherever the experiment has it."""
    document = yaml.safe_load(DRILL)
    document["secrets"] = {"own": {"key": TOKEN, "other": {"type": "env", "key": "MY_TOKEN"}}}
    document["configuration"]["api_token"] = TOKEN
    document["configuration"]["portal_url"] = f"http://user:{TOKEN}@127.0.0.1:1/"
    document["method"][0]["provider"]["func"] = "none"
    (tmp_path / "own.json").write_text(json.dumps(document), encoding="utf-8")

    done = chaos("run", "own.json", folder=tmp_path, MY_TOKEN=f"{TOKEN}2")

    written = [file.read_text("utf-8") for file in tmp_path.iterdir() if file.name != "own.json"]
    assert (done.returncode, journal(tmp_path)["status"]) == (1, "failed")
    assert [text for text in (done.stderr, *written) if TOKEN in text] == []


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """
    Serve a folder on the loopback; yield its address.
    """

    class Quiet(SimpleHTTPRequestHandler):
        extensions_map = {".yaml": "text/yaml"}  # noqa: RUF012 - as the base class has it

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
