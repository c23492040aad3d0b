"""
The control's arguments are refused where they promise what could never be seen.
"""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from chaosfailover.errors import ArgumentError
from chaosfailover.run.settings import FILES, Settings

PORTAL = {"targets": {"portal": "http://127.0.0.1:9/"}}


def echo(**settings: float) -> dict[str, Any]:
    """Return the arguments for one target with settings of its own."""
    return {"targets": {"echo": {"url": "udp://127.0.0.1:9", **settings}}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {**PORTAL, "rto": 0.5},
            "target 'portal': rto is 0.5, but a check waits 0.9 s for an answer: a stall that "
            "short cannot be seen; set timeout to at most 0.5",
            id="an objective below the timeout",
        ),
        pytest.param(
            echo(interval=2.5, timeout=0.2, rto=0.3),
            "target 'echo': rto is 0.3, but a check is sent each 2.5 s: an outage that short "
            "cannot be seen; set interval to at most 0.3",
            id="an objective below the interval",
        ),
        pytest.param(
            {**PORTAL, "abort_after": 0.5},
            "abort_after is 0.5, but an outage of target 'portal' shows only after its interval "
            "of 0.1 s and its timeout of 0.9 s, expected at least 1",
            id="an abort that could not fire in time",
        ),
        pytest.param(
            {**PORTAL, "timeout": 0.005},
            "target 'portal': timeout is 0.005, expected seconds, at least 0.01 and below 1",
            id="a timeout for all in which a stall of this process would look like a loss",
        ),
        pytest.param(
            {**PORTAL, "timeout": 2.0},
            "target 'portal': timeout is 2.0, expected seconds, at least 0.01 and below 1",
            id="a timeout for all in which the kernel would repeat a SYN",
        ),
    ],
)
def test_what_could_never_be_seen_is_refused(arguments: dict[str, Any], message: str) -> None:
    """Before anything is touched, and at `chaos validate`."""
    for read in (Settings.parse, Settings.check):
        with pytest.raises(ArgumentError, match=re.escape(message)):
            read(arguments)


BEYOND: list[Any] = [
    math.inf,
    -math.inf,
    math.nan,
    1e308,
    10**400,
    None,
    [],
    {},
    "1e400",
    "nan",
    "9" * 500,
]


@pytest.mark.parametrize("value", BEYOND, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize(
    "name",
    [
        *("minute", "min_survivors", "restore_timeout", "interval", "timeout", "rto", "baseline"),
        *("after_stop", "abort_after"),
    ],
)
def test_numbers_beyond_all_measure_are_refused(name: str, value: Any) -> None:
    """No clock counts that far; the message is one line and names the argument."""
    for read in (Settings.parse, Settings.check):
        with pytest.raises(ArgumentError) as caught:
            read({**PORTAL, name: value})

        assert str(caught.value).startswith(f"{name} is ")
        assert "expected a " in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("value", BEYOND, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("name", ["interval", "timeout", "rto"])
def test_numbers_of_a_target_beyond_all_measure_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"target 'echo': {name} is .*, expected seconds"):
        Settings.check(echo(**{name: value}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {"targets": {None: "http://a/"}},
            "targets: a name is None, expected text, in quotes",
            id="a name that is null",
        ),
        pytest.param(
            {"targets": {1: "http://a/"}},
            "targets: a name is 1, expected text, in quotes",
            id="a name that is a number",
        ),
        pytest.param(
            {"targets": {"a": {None: 1, "url": "http://a/"}}},
            "target 'a': None is no setting of http, expected ",
            id="a setting that is null",
        ),
        pytest.param(
            {None: 1, "x": 2},
            "the control has no argument None, expected one of abort_",
            id="an argument",
        ),
        pytest.param(
            {"rtoo": 3},
            "the control has no argument 'rtoo' (did you mean rto?)",
            id="a misspelt argument",
        ),
    ],
)
def test_keys_that_are_no_text_are_refused(arguments: dict[Any, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Settings.check(arguments)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({**PORTAL, "rto": 0.9, "abort_after": 1.0}, id="just long enough"),
        pytest.param({**PORTAL, "rto": 0.5, "timeout": 0.5}, id="with a shorter timeout"),
        pytest.param(echo(interval=0.05, timeout=0.2, rto=0.3), id="a target of its own"),
    ],
)
def test_what_can_be_seen_is_not(arguments: dict[str, Any]) -> None:
    """The limits themselves are good enough."""
    assert Settings.parse(arguments).rto == arguments.get("rto")


def test_what_is_not_known_yet_is_not_refused() -> None:
    """A timeout from the configuration may be short enough; the run itself will see."""
    Settings.check({**PORTAL, "rto": 0.5, "timeout": "${timeout}"})

    with pytest.raises(ArgumentError, match="a stall that short"):
        Settings.parse({**PORTAL, "rto": 0.5, "timeout": 0.9})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {"survivors_by": "hope"},
            "survivors_by is 'hope', expected routes or sessions",
            id="an unknown proof",
        ),
        pytest.param(
            {"survivors_by": ["routes"]},
            "survivors_by is ['routes'], expected routes or sessions",
            id="a list of proofs",
        ),
        pytest.param(
            {"max_survivor_load": 0},
            "max_survivor_load is 0, expected a number above 0, at most 1",
            id="no load at all",
        ),
        pytest.param(
            {"max_survivor_load": 80},
            "max_survivor_load is 80, expected a number above 0, at most 1",
            id="a percentage",
        ),
    ],
)
def test_proof_of_survivors_is_checked(arguments: dict[str, Any], message: str) -> None:
    """Nothing that is not understood lowers what a survivor has to prove."""
    for read in (Settings.parse, Settings.check):
        with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
            read(arguments)


def test_objectives_are_those_of_the_network() -> None:
    """A kept connection and an external target say nothing of the takeover."""
    targets = {
        "portal": "http://127.0.0.1:9/",
        "kept": {"url": "http://127.0.0.1:9/", "persistent": True},
        "outside": {"url": "http://127.0.0.1:9/", "external": True},
    }

    rules = Settings.parse({"targets": targets, "rto": 3, "survivors_by": "sessions"}).route_rules()

    assert rules.objectives == {"portal": 3.0}
    assert (rules.survivors_by, rules.max_survivor_load) == ("sessions", 0.8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"live": "a\0.html"}, "expected a text without NUL", id="a name with NUL"),
        pytest.param({"live": 5}, "live is 5, expected a text", id="no text"),
        pytest.param(
            {"live": "day.md"}, "live is 'day.md', expected a file .html or .htm", id="no page"
        ),
        pytest.param({"live": "."}, "live is '.', expected a file", id="a folder by its name"),
        pytest.param({"live": "d.html"}, "live is 'd.html', which is a folder", id="a folder"),
        pytest.param(
            {"live": "x.html", "evidence": "link"},
            "live is 'x.html', as evidence: name another file",
            id="a link to it",
        ),
        *[
            pytest.param(
                {"live": "x.html", name: "./x.html"},
                f"live is 'x.html', as {name}: name another file",
                id=f"the file of the {name}",
            )
            for name in ("report", "record", "evidence")
        ],
        pytest.param(
            {"report": "x.json", "record": "./x.json"},
            "report is 'x.json', as record: name another file",
            id="the record in place of the report",
        ),
        pytest.param(
            {"record": "x", "evidence": "x"},
            "record is 'x', as evidence: name another file",
            id="the record in place of the evidence",
        ),
    ],
)
def test_files_of_a_run_are_its_own(
    arguments: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would overwrite what proves the run; also at `chaos validate`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.html").mkdir()
    (tmp_path / "link").symlink_to("x.html")

    for read in (Settings.parse, Settings.check):
        with pytest.raises(ArgumentError, match=re.escape(message)):
            read(arguments)


def test_refused_page_overwrites_nothing() -> None:
    """A run that is refused since two of its files are one writes no page."""
    for name in ("./x.html", "x.html"):
        settings = Settings.of_files({"live": "x.html", "evidence": name, "record": "r.json"})

        assert (settings.live, settings.record, settings.evidence) == (None, "r.json", None)


@pytest.mark.parametrize("live", ["x" * 300 + ".html", "no/folder/x.HTM"])
def test_live_page_need_not_be_there(live: str) -> None:
    """What is wrong with a name is found when it is written, and is a warning."""
    assert Settings.parse({"live": live}).live == live


@pytest.mark.parametrize("name", FILES)
def test_file_may_be_none(name: str) -> None:
    """As an environment variable that is not set."""
    assert getattr(Settings.parse({name: ""}), name) == ""


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("file", "message"),
    [
        pytest.param("~/x.html", "expected a name without ~", id="a home"),
        pytest.param("./~ops/x.html", "expected a name without ~", id="the home of another"),
        pytest.param("${nope}.html", "expected a value for each ${...}", id="no value"),
    ],
)
def test_name_that_nothing_expands_is_refused(name: str, file: str, message: str) -> None:
    """Else a folder named `~` would be made, or a file named `${nope}`."""
    with pytest.raises(ArgumentError, match=f"^{name} is {re.escape(repr(file))}, .*") as caught:
        Settings.parse({name: file})

    assert message in str(caught.value)
    assert getattr(Settings.of_files({name: file}), name) is None
