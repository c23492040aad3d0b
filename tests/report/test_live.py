"""
The live page: what is known of a run now, and nothing that is not.
"""

import json
import os
import random
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from damaged_journals import HOSTILE, ODD, everywhere, places
from made_evidence import RESULTS, STAGES, evidence
from made_journals import changed, held

from chaosfailover.events.evidence_file import TAKEN_OVER
from chaosfailover.i18n import CATALOGUES
from chaosfailover.record import read_evidence
from chaosfailover.report import LiveRun, make_view, render_live, replace_page

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
UNSEEN = re.compile(r"<(style|script|svg|noscript)\b.*?</\1>", re.S)
HIDDEN = re.compile(r"<(p|span)[^>]* hidden>.*?</\1>", re.S)


def page(content: bytes, later: float = 0.0, language: str = "en") -> str:
    """
    Render the page of a file, some seconds after its last stage was reached at NOW.
    """
    read = read_evidence(content)
    run = LiveRun(make_view(read.journal, language), NOW, read.taken_over)
    return render_live(run, "ev.jsonl", NOW + timedelta(seconds=later), 1.0, language)


def shown(rendered: str) -> str:
    """
    Return the text that is seen.
    """
    body = HIDDEN.sub("", UNSEEN.sub(" ", rendered[rendered.index("<body>") :]))
    blocks = re.sub(r"</?(p|li|h\d|td|th|tr|div|section)\b[^>]*>", " ", body)
    return " ".join(unescape(re.sub(r"<[^>]+>", "", blocks)).split())


def status(second: float, text: str) -> tuple[float, dict[str, Any]]:
    event = {"kind": "status", "test": "first", "job_id": "ftj-1", "status": text}
    return _event("recovered", second, event)


def told(second: float, *, up: bool, stage: str = "recovered") -> tuple[float, dict[str, Any]]:
    return _event(stage, second, {"kind": "target", "target": "portal", "up": up})


def _event(stage: str, second: float, event: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    at = NOW + timedelta(seconds=second - STAGES[stage])
    events = [{"at": at.isoformat(), **event}]
    return second, {"journal": {"failover": {"events": events}}}


@pytest.mark.parametrize(
    ("stage", "texts"),
    [
        ("begun", ["REHEARSAL", "Made", "Preparing: nothing is cut"]),
        ("ready", ["Before the cut", "first not cut yet pc-a", "\u2013 not cut yet"]),
        ("starting", ["The cut begins", "Planned end: not known", "first Starting seen since"]),
        ("testing", ["The test cuts", "Planned end, by the API: 12:04:59Z in 4:59"]),
        (
            "down",
            ["portal down since 11:59:59Z", "0.6 s to 2 s cen-1 (IPv4) at least 0.196 s down"],
        ),
        ("recovered", ["portal answers since 11:59:57Z", "0.696 s \u2013 0.903 s so far"]),
        ("stopping", ["On the way back", "first Stopping seen since 11:59:59Z pc-a · ftj-1"]),
        ("stopped", ["No test cuts now", "0.696 s \u2013 0.903 s within the RTO as forecast"]),
        ("second", ["The test cuts", "first Stopped", "second Testing", "nothing lost so far"]),
        ("ended", ["The run is ending", "second Stopped"]),
    ],
)
def test_page_tells_how_the_run_stands(stage: str, texts: list[str]) -> None:
    """State, countdown, targets and tests, and what was measured beside the forecast."""
    actual = shown(page(evidence(stage, NOW)))

    assert [text for text in texts if text not in actual] == []
    assert "No news since" not in actual


@pytest.mark.parametrize(
    ("results", "more", "text"),
    [
        pytest.param(RESULTS["portal"][:195], [], "0.696 s \u2013 0.903 s so far", id="a loss"),
        pytest.param("." * 195, [], "0 s nothing lost so far", id="no loss"),
        pytest.param("." * 192 + "xxx", [], "at least 0.196 s down", id="a loss that goes on"),
        pytest.param(
            "." * 195, [told(21.5, up=False, stage="stopped")], "\u2013 not known", id="lost since"
        ),
    ],
)
def test_nothing_is_concluded_before_the_checks_up_to_the_stop_are_read(
    results: str, more: list[tuple[float, dict[str, Any]]], text: str
) -> None:
    """They are written later than the stop: as long, all may still change."""
    stopped = shown(page(evidence("stopped", NOW, results={"portal": results}, more=more)))
    row = stopped[stopped.index("first portal") : stopped.index("second \u2013")]

    assert text in row
    assert not re.search("unknown|within|as forecast|was lost", row)


def test_loss_that_may_be_older_than_the_cut_is_not_charged_to_it() -> None:
    """A loss is told up to one timeout after its first check was sent."""
    results = {"portal": "." * 290}
    early = evidence("second", NOW, results=results, more=[told(30.5, up=False, stage="second")])
    late = evidence("second", NOW, results=results, more=[told(31.5, up=False, stage="second")])
    row = "second portal 3 s 0.6 s to 2 s cen-1 (IPv4) \u2013 "

    assert "portal down since" in shown(page(early))
    assert f"{row}not known" in shown(page(early))
    assert f"{row}down" in shown(page(late))


def test_unsettled_failover_is_not_as_forecast() -> None:
    """Once it is certain that it had not settled, it is unknown, and so is its comparison."""
    results = {"portal": "." * 170 + "x" * 8 + "." * 500}

    actual = shown(page(evidence("stopped", NOW, results=results)))

    assert (
        "at least 0.696 s not seen to settle before the stop: unknown"
        " its end was not measured: unknown second"
    ) in actual


def test_targets_of_a_dead_run_are_not_known() -> None:
    """Once its watchdog writes, nothing checks them, and no activity runs."""
    run = {"activity": {"name": "cut it"}, "start": NOW.isoformat()}
    running = {"journal": {"running": {"1": {"part": "run", "run": run}}}}
    second, written = status(14.9, "Testing")
    content = evidence(
        "recovered", NOW, more=[(14.0, running), (second, {**TAKEN_OVER, **written})]
    )

    actual = shown(page(content, later=0.5))

    assert "portal not known (was: answers) since 11:59:57Z" in actual
    assert "first Testing seen since" in actual
    assert "cut it" not in actual
    assert "No activity runs" not in actual


def test_page_of_an_ended_stage_has_no_countdown() -> None:
    """Only a test that cuts has an end to wait for."""
    ended = [stage for stage in STAGES if stage not in ("starting", "testing", "down", "recovered")]

    actual = [stage for stage in ended if "Planned end" in shown(page(evidence(stage, NOW)))]

    assert actual == ["second"]


def test_silent_run_is_not_known() -> None:
    """What was last seen is named as such, whatever it was."""
    actual = shown(page(evidence("recovered", NOW), later=40.0))

    assert "No news since 12:00:00Z (0:40 ago)." in actual
    assert "portal not known (was: answers)" in actual
    assert "first not known (was: Testing)" in actual
    assert "not known (was: The test cuts)" in actual
    assert "not known (was: No activity runs: the test is stopped once the targets" in actual
    assert re.search(r"Planned end, by the API: not known \(was: \S+\) Updated", actual)


def test_wait_for_the_targets_is_named() -> None:
    """Else the page would name nothing that the run does while the test cuts."""
    run = {"activity": {"name": "cut it"}, "start": NOW.isoformat()}
    line = {"journal": {"running": {"1": {"part": "run", "run": run}}}}

    waiting = shown(page(evidence("recovered", NOW)))
    busy = shown(page(evidence("recovered", NOW, more=[(14.0, line)])))

    assert "No activity runs: the test is stopped once the targets have settled." in waiting
    assert "Activity: cut it" in busy
    assert "No activity runs" not in busy


def test_run_without_targets_may_be_silent() -> None:
    """It writes only what changes: its page is told to be old once nobody writes it."""
    actual = shown(page(evidence("testing", NOW, results={}), later=40.0))

    assert "No news since" not in actual
    assert "first Testing seen since 11:59:59Z" in actual


def test_target_without_recent_answers_is_not_known() -> None:
    """Though the run goes on to write other things."""
    results = {**RESULTS, "echo": "." * 20}

    actual = shown(page(evidence("second", NOW, results=results)))

    assert "portal answers" in actual
    assert "echo not known (was: answers) since" in actual
    assert "second echo 3 s 0.6 s to 2 s cen-1 (IPv4) \u2013 not known" in actual


def test_target_without_any_answer_is_not_known() -> None:
    """Nothing was sent to it yet."""
    results = {**RESULTS, "echo": ""}

    actual = shown(page(evidence("recovered", NOW, results=results)))

    assert "echo not known" in actual
    assert "first echo 3 s 0.6 s to 2 s cen-1 (IPv4) \u2013 not known" in actual


def test_clock_that_was_set_back_keeps_no_target_up() -> None:
    """A check is no later than the line that has it."""
    content = evidence("recovered", NOW)
    utc = (NOW - timedelta(seconds=STAGES["recovered"])).isoformat()
    later = (NOW + timedelta(hours=1)).isoformat()
    content = content.replace(f'"utc":"{utc}"'.encode(), f'"utc":"{later}"'.encode())

    actual = shown(page(content, later=25.0))

    assert "portal not known (was: answers)" in actual


def test_told_loss_counts_before_its_checks_are_read() -> None:
    """The event of a loss comes first; the contrary is only told by checks."""
    down = shown(page(evidence("recovered", NOW, more=[told(14.95, up=False)])))
    back = shown(page(evidence("down", NOW, more=[told(12.0, up=False), told(12.15, up=True)])))

    assert "portal down since 11:59:59Z" in down
    assert "portal down since" in back


def test_flows_that_are_down_are_counted() -> None:
    """A target some of whose flows are lost is neither up nor down."""
    flows = [
        {"runs": [[0, 29.9, 300, 0, None, 0, 29.9]]},
        {"runs": [[0, 28, 280, 0, None, 0, 28], [28.1, 29.9, 19, 19, "timeout", 28.5, 1.8]]},
    ]
    journal = changed(held(), ("failover.targets.portal.series.flows", flows))
    run = LiveRun(make_view(journal, "en"), NOW + timedelta(seconds=30))

    actual = shown(render_live(run, "ev.jsonl", NOW + timedelta(seconds=30), 1.0, "en"))

    assert "portal 1 of 2 flows down since 12:00:28Z last check 12:00:29Z" in actual


def test_status_that_cannot_be_read_is_not_known() -> None:
    """The test may still cut; its last status is no longer shown as its own."""
    actual = shown(page(evidence("recovered", NOW, more=[status(14.0, "unknown")])))

    assert "The test may cut" in actual
    assert "first not known seen since 11:59:59Z" in actual


@pytest.mark.parametrize(
    ("options", "text"),
    [
        pytest.param({"planned": False}, "Planned end: not known", id="not shown by the API"),
        pytest.param({"minute": 2.0}, "Planned end, by the API: 12:00:09Z in 0:09", id="faster"),
        pytest.param(
            {"mode": "LIVE", "more": [(5.0, {"journal": {"failover": {"clock_offset": 60.0}}})]},
            "Planned end, by the API: 12:03:59Z in 3:59",
            id="a clock ahead",
        ),
    ],
)
def test_countdown_ends_when_the_cloud_ends_the_test(options: dict[str, Any], text: str) -> None:
    """By this machine's clock; an emulator's minutes may be shorter."""
    actual = shown(page(evidence("testing", NOW, **options)))

    assert text in actual


def test_planned_end_of_another_clock_is_not_known() -> None:
    """An emulator of its own may run at any speed, which nobody tells."""
    ends_at = (NOW + timedelta(hours=3)).isoformat()
    event = {"kind": "status", "test": "first", "status": "Testing", "ends_at": ends_at}
    more = [_event("recovered", 14.0, event)]

    rehearsal = shown(page(evidence("recovered", NOW, more=more)))
    live = shown(page(evidence("recovered", NOW, more=more, mode="LIVE")))

    assert "Planned end: not known" in rehearsal
    assert "Planned end, by the API: 15:00:00Z in 3:00:00" in live
    assert live.startswith("LIVE live run; what it cuts is real ")


def test_planned_end_that_has_passed_is_told() -> None:
    """A test that cuts on is not counted down below zero."""
    actual = shown(page(evidence("testing", NOW, results={}), later=400.0))

    assert "Planned end, by the API: 12:04:59Z passed, for 1:40" in actual


@pytest.mark.parametrize("language", CATALOGUES)
def test_page_waits_for_evidence(language: str) -> None:
    """It names the file, and nothing of a run."""
    actual = shown(render_live(None, "<ev>.jsonl", NOW, 1.0, language))

    assert "<ev>.jsonl" in actual
    assert not re.search("REHEARSAL|LIVE|UNKNOWN", actual)


def test_refused_run_says_why() -> None:
    event = {"kind": "refused", "reason": "no survivor"}

    actual = shown(page(evidence("ready", NOW, more=[_event("ready", 3.9, event)])))

    assert "The run was refused no survivor" in actual


def test_page_is_chinese() -> None:
    rendered = page(evidence("down", NOW), language="zh")

    assert '<html lang="zh-Hans">' in rendered
    assert "portal 中断 自 11:59:59Z" in shown(rendered)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(text: str) -> None:
    """Whatever comes in from outside, the page has one style and one script, its own."""
    run = LiveRun(make_view(everywhere(text), "en"), NOW)

    rendered = render_live(run, text, NOW, 1.0, "en")

    assert re.findall(r"<script|<style|<img|<a ", rendered) == ["<style", "<script"]
    assert rendered.count("</script>") == rendered.count("</style>") == 1


@pytest.mark.parametrize("seed", range(10))
def test_odd_evidence_renders(seed: int) -> None:
    """Whatever stands in the place of a value, or of three, there is a page."""
    dice = random.Random(seed)
    stage = dice.choice(["ready", "testing", "recovered", "second"])
    mode, minute = dice.choice(["LIVE", "REHEARSAL"]), dice.choice([60.0, 2.0])
    lines = evidence(stage, NOW, mode=mode, minute=minute).splitlines()
    documents = [json.loads(line) for line in lines]
    for _ in range(3):
        *parents, last = dice.choice(list(places(documents)))
        place: Any = documents
        for parent in parents:
            place = place[parent]
        place[last] = dice.choice([*ODD, "9999-12-31T23:59:59+00:00", "unknown"])

    content = b"".join(json.dumps(document).encode() + b"\n" for document in documents)

    assert page(content).endswith("</html>\n")


def test_script_outlives_the_writer() -> None:
    """The page has what its script needs to tell that nobody writes it any more."""
    rendered = page(evidence("recovered", NOW))

    main = re.search(r"<main ([^>]*)>", rendered)
    assert main
    data = dict(re.findall(r'data-(\w+)="([^"]*)"', main[1]))
    assert float(data["written"]) == NOW.timestamp()
    assert float(data["every"]) == 2.0
    assert float(data["patience"]) == 11.0
    assert rendered.count(" data-known=") == 8
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in rendered


def test_page_is_bounded() -> None:
    """Two hundred targets are shown, and how many more there are."""
    results = {f"service-{number}": "." * 40 for number in range(230)}

    actual = page(evidence("ready", NOW, results=results))

    assert shown(actual).count(" answers since ") == 200
    assert "30 more are in the record." in actual
    assert len(actual) < 1_000_000


def test_page_is_replaced_in_one_step(tmp_path: Path) -> None:
    """Through a link too; and nothing else is left."""
    real, link = tmp_path / "folder" / "real.html", tmp_path / "page.html"
    real.parent.mkdir()
    link.symlink_to(real)

    replace_page(link, "old")
    real.chmod(0o640)
    replace_page(link, "new")

    assert real.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8") == "new"
    assert [*real.parent.iterdir()] == [real]


def test_folder_is_made_as_it_is_written(tmp_path: Path) -> None:
    """A link that leads nowhere might lead anywhere."""
    link = tmp_path / "page.html"
    link.symlink_to(tmp_path / "elsewhere" / "page.html")

    replace_page(tmp_path / "new" / "folder" / "page.html", "new")
    with pytest.raises(FileNotFoundError):
        replace_page(link, "new")

    assert (tmp_path / "new" / "folder" / "page.html").read_text(encoding="utf-8") == "new"
    assert {*tmp_path.iterdir()} == {tmp_path / "new", link}


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """Root would replace even a device."""
    pipe = tmp_path / "page.html"
    os.mkfifo(pipe)

    for place in (pipe, tmp_path):
        with pytest.raises(OSError, match="it is no regular file"):
            replace_page(place, "new")

    with pytest.raises(OSError, match=r"'/proc/page\.html'$"):
        replace_page(Path("/proc/page.html"), "new")

    assert pipe.is_fifo()
    assert [*tmp_path.iterdir()] == [pipe]


def test_hostile_numbers_are_read() -> None:
    """A planned end, a minute or a clock beyond all measure is not known."""
    content = evidence("recovered", NOW, mode="LIVE").replace(
        b'"clock_offset":0.0', b'"clock_offset":-1e14'
    )
    assert b"-1e14" in content
    far = json.dumps((NOW + timedelta(days=10)).isoformat()).encode()
    content = re.sub(rb'"ends_at":"[^"]*"', b'"ends_at":' + far, content)

    assert "Planned end: not known" in shown(page(content))
