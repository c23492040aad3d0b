"""
The report says what the record says, in every format and language, whatever came in.
"""

import html
import json
import re
import string
import time
from copy import deepcopy
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest
from damaged_journals import HOSTILE, ODD, everywhere, places
from hypothesis import given, settings
from hypothesis import strategies as st
from long_journals import long_journal
from made_flows import flow, with_flows
from made_journals import at, changed, event, held, probe, reading, routed, without
from places import DATA
from recorded_journals import RECORDED, errors, load

from chaosfailover.errors import ArgumentError
from chaosfailover.i18n import CATALOGUES, message
from chaosfailover.record import Record, make_record
from chaosfailover.record.digest import misfit
from chaosfailover.report import FORMATS, render
from chaosfailover.report.charts.axis import STEPS
from chaosfailover.report.charts.part_bars import part_bars
from chaosfailover.report.formatting import bounds
from chaosfailover.report.jinja_filters import environment, template_text
from chaosfailover.report.network import compared_with_forecast, comparisons

Journal = dict[str, Any]

GOLDEN = DATA / "golden"
BROKEN_STANDBY = load(DATA / "journals" / "1.45-broken-standby.json")
LONGEST_RENDERING = 60.0
LARGEST_PAGE = 5_000_000


class Elements(HTMLParser):
    """
    The elements and texts of a page; it must not hold anything that we did not put there.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_every_recorded_journal_renders(path: Path, form: str, language: str) -> None:
    """What the toolkit writes, complete or interrupted at any phase, can be looked at."""
    journal = load(path)

    assert make_record(journal)["sha256"] in render([journal], form, language)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "journal",
    [
        pytest.param({}, id="empty"),
        pytest.param({key: value for key, value in held().items() if key != "failover"}, id="old"),
        pytest.param({**held(), "failover": {"targets": {"x": 7}, "events": [None]}}, id="broken"),
        pytest.param({"experiment": {"title": "t"}, "start": "2026-11-23T12:00:00"}, id="begun"),
    ],
)
def test_partial_journal_renders(journal: Journal, form: str) -> None:
    """What is missing is left out."""
    assert render([journal], form, "en")


def with_lost_flows() -> Journal:
    """
    Return a run whose flows lost something either way, and one its connection.
    """
    ended = flow([(10.5, 12.0)], "out")
    ended.close(11.5, "reset")
    return with_flows([ended, flow([(11.0, 12.5)], "back"), flow()], persistent=True)


@pytest.mark.parametrize("made", [False, True], ids=["recorded", "flows"])
@pytest.mark.parametrize("seed", range(10))
def test_damaged_journal_renders(seed: int, made: bool) -> None:
    """Whatever stands where something else should, there is a valid record and a report."""
    dice = Random(seed)
    recorded = load(DATA / "journals" / "1.45-broken-standby.json")
    whole = with_lost_flows() if made else recorded
    for _ in range(5):
        journal = deepcopy(whole)
        for *parents, last in dice.sample(places(journal), dice.choice([1, 5, 50])):
            place: Any = journal
            for key in parents:
                inner = isinstance(place, dict | list)
                place = place[key] if inner and _has(place, key) else None
            if isinstance(place, dict | list) and _has(place, last):
                place[last] = deepcopy(dice.choice(ODD))

        assert errors(make_record(journal)) == []
        for form in FORMATS:
            assert render([journal], form)


def _has(place: Any, key: Any) -> bool:
    return key in place if isinstance(place, dict) else isinstance(key, int) and key < len(place)


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("html", "game-day.html"),
        ("json", "game-day.json"),
        ("markdown", "game-day-en.md"),
        ("markdown", "game-day-zh.md"),
        ("junit", "game-day-en.xml"),
        ("junit", "game-day-zh.xml"),
    ],
)
def test_golden_file(form: str, name: str) -> None:
    """
    The formats of one run, to the letter; `python tests/data/golden/write.py` writes them anew.
    """
    language = "zh" if "-zh" in name else "en"

    rendered = render([load(GOLDEN / "journal.json")], form, language)

    assert rendered == (GOLDEN / name).read_text(encoding="utf-8")


def test_chinese_page_is_the_english_one_in_chinese() -> None:
    """Both have the same elements; every heading is Chinese, and no English label remains."""
    journal = load(GOLDEN / "journal.json")
    english, chinese = (Elements(render([journal], "html", each)) for each in ("en", "zh"))

    assert chinese.elements == english.elements
    labels = {said for key, said in CATALOGUES["en"].items() if key.startswith(("ui.", "legend."))}
    texts = {text.strip() for text in chinese.texts}
    same = {*CATALOGUES["zh"].values()}  # such as RTO
    assert (labels & texts) - same <= {"down", "cut", "stop"}
    assert CATALOGUES["zh"]["ui.recovery"] in texts


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_in_html(text: str) -> None:
    """A page has the same kinds of elements and attributes, whatever its texts are."""
    harmless, hostile = (Elements(render([everywhere(one)], "html")) for one in ("x", text))

    assert set(hostile.elements) == set(harmless.elements)
    assert hostile.elements.count("script") == 1
    assert hostile.attributes == harmless.attributes
    if "<script>" in text:
        assert any(text in shown for shown in hostile.texts)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_in_junit(text: str) -> None:
    """The document stays well-formed, and nobody adds a case."""
    suites = ElementTree.fromstring(render([everywhere(text)], "junit").encode())  # noqa: S314

    expected = render([everywhere("x")], "junit").count("<testcase")
    assert len(suites.findall(".//testcase")) == expected


ANY = st.characters(exclude_categories=())
RARE = st.sampled_from('\ufffe\uffff\ud800\udfff\x00\x0b\x1f\x7f\x85\u2028\r\n\t ]>&<"')
TEXTS = st.text(ANY | RARE) | (ANY | RARE).map(lambda one: one * 2000)


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=3))
def test_any_texts_are_sound_junit(texts: list[str]) -> None:
    """Whatever runs hold, a campaign of them is XML 1.0 in which each case has its own name."""
    runs = [everywhere(text) for text in [*texts, texts[0]]]
    runs[0]["failover"]["preflight"][0]["passed"] = False
    written = render(runs, "junit")
    suites = ElementTree.fromstring(written.encode())  # noqa: S314

    names = [(each.get("classname"), each.get("name")) for each in suites.iter("testcase")]
    assert len(set(names)) == len(names) > 0
    assert all((each.text or "").strip() for tag in PROBLEMS for each in suites.iter(tag))
    assert not set("\ufffe\uffff") & set(written)  # which expat lets through


PROBLEMS = ("failure", "error", "skipped")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_in_markdown(text: str) -> None:
    """It neither ends a table's cell, nor becomes markup, a link or a mention."""
    rendered = render([everywhere(text)], "markdown")

    assert [line for line in rendered.splitlines() if "@team" in line] == []
    assert not re.search(r"(?<!\\)<|(?<!\\)\]\(|[^\\]:\/\/", rendered)
    cells = {len(re.findall(r"(?<!\\)\|", one)) for one in rendered.splitlines() if one[:1] == "|"}
    assert cells == {7}


@pytest.mark.parametrize("text", HOSTILE)
def test_direction_is_never_turned(text: str) -> None:
    """The characters that turn the direction of writing show as their escapes."""
    for form in ("html", "markdown", "junit"):
        assert not set("\u202a\u202b\u202d\u202e\u2066\u2067") & set(
            render([everywhere(text)], form)
        )


def test_html_loads_nothing() -> None:
    """No address in an attribute, and a policy that names the hash of every style and script."""
    page = render([held()], "html")

    assert re.findall(r'(?:src|href)="(?!#|data:,")[^"]*"', page) == []
    assert " style=" not in page
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src &#39;none&#39;")
    assert policy.count("sha256-") == 2


@pytest.mark.parametrize(("mode", "other"), [("LIVE", "REHEARSAL"), ("REHEARSAL", "LIVE")])
@pytest.mark.parametrize("form", FORMATS)
def test_mode_is_told(form: str, mode: str, other: str) -> None:
    """Every format says whether real circuits were cut."""
    rendered = render([changed(held(), ("failover.mode", mode))], form)

    _, _, told = rendered.rpartition("</style>")
    assert mode in told
    assert other not in told


HELD_TO = {
    "of the cut": (
        {
            "type": "probe",
            "provider": {
                "func": "before_and_during",
                "arguments": {"before": "Established", "during": ["Down", "Idle"]},
            },
        },
        "before_and_during (before: Established; during: Down, Idle)",
    ),
    "configured": (
        {"type": "probe", "provider": {"func": "at_most", "arguments": {"limit": "${rto}"}}},
        "at_most (limit: 3.5)",
    ),
    "of a later judgement": (
        {
            "type": "probe",
            "provider": {"func": "at_most", "arguments": {"limit": 0.0001, "value": 1.0058919}},
        },
        "at_most (limit: 0.0001)",
    ),
    "only the toolkit's argument": (
        {"type": "probe", "provider": {"func": "is_up", "arguments": {"value": 1.0}}},
        "is_up",
    ),
    "pattern": ({"type": "regex", "pattern": "Up|Down"}, "regex (pattern: Up|Down)"),
    "value": (200, "200"),
    "range": ([1, 5], "1, 5"),
    "none": (None, ""),
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", HELD_TO)
def test_hypothesis_shows_what_it_was_held_to(name: str, language: str) -> None:
    """That `Down` was met after the cut is no surprise then."""
    tolerance, text = HELD_TO[name]
    seen = probe("session", 18, output="Down")
    seen["activity"]["tolerance"] = tolerance
    journal = changed(
        held(),
        ("steady_states.after", reading(seen)),
        ("failover.configuration", {"rto": 3.5}),
    )

    page = html.unescape(render([journal], "html", language))

    label = {"en": "held to:", "zh": "\u5bb9\u8bb8\uff1a"}[language]
    shown = f' <span class="soft">{label} <bdi>{text}</bdi></span>' if text else ""
    assert (label in page) is bool(text)
    assert f"<bdi>Down</bdi>{shown}</td>" in page


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        pytest.param(0.3699999999953434, "0.37", id="seconds"),
        pytest.param(1.005891945809708, "1.00589", id="more than a second"),
        pytest.param(3.0004, "3.0004", id="just above its limit"),
        pytest.param(1790000000.123456, "1790000000.123456", id="an instant"),
        pytest.param(0.99995, "0.99995", id="an availability"),
        pytest.param(2, "2", id="a count"),
        pytest.param(True, "true", id="a flag"),
    ],
)
def test_output_is_rounded_for_people(output: object, shown: str) -> None:
    """The journal has all digits; record and page have those that say something."""
    seen = probe("longest-outage", 18, output=output)
    journal = changed(held(), ("steady_states.after", reading(seen)))

    record = json.loads(render([journal], "json"))

    assert f"<bdi>{shown}</bdi></td>" in render([journal], "html")
    assert record["hypotheses"][-1]["probes"][0]["output"] == shown


def recorded(journal: dict[str, Any]) -> dict[str, Any]:
    """
    Return a run with its record, as every run that came to its end has one.
    """
    return changed(journal, ("failover.record", make_record(journal)))


def test_campaign_has_a_table_of_its_runs() -> None:
    """Several journals are one report with the gravest verdict, and each run in it."""
    broken = changed(BROKEN_STANDBY, ("failover.record", None))
    live = recorded(
        changed(held(), ("failover.mode", "LIVE"), ("failover.region_id", "cn-beijing"))
    )

    page = render([live, broken], "html")
    markdown = render([live, broken], "markdown")
    records = json.loads(render([live, broken], "json"))
    suites = ElementTree.fromstring(render([live, broken], "junit").encode())  # noqa: S314

    assert "LIVE + REHEARSAL" in page
    assert page.index("deviated") < page.index("cn-beijing") < page.index("cn-hangzhou")
    assert page.count("<article") == 2
    assert markdown.startswith("## \u274c **deviated** \u00b7 LIVE + REHEARSAL")
    assert [record["verdict"]["verdict"] for record in records] == ["held", "deviated"]
    assert len(suites) == 2


def test_campaign_has_a_table_of_its_regions() -> None:
    """Each region of each account once: gravest verdict, runs that held, longest failover time."""
    broken = changed(BROKEN_STANDBY, ("failover.record", None))
    accounts = [(held(), "2"), (broken, "1"), (held(), "1")]
    runs = [recorded(changed(run, ("failover.account_id", account))) for run, account in accounts]

    markdown = render(runs, "markdown")
    page = render(runs, "html")

    rows = [line for line in markdown.splitlines() if re.search(r"of \d held", line)]
    assert [re.findall(r"cn-\w+|\*\*\w+\*\*|\d of \d|^\| \d+", row) for row in rows] == [
        ["| 1", "cn-hangzhou", "**deviated**", "1 of 2"],
        ["| 2", "cn-hangzhou", "**held**", "1 of 1"],
    ]
    assert page.index("1 of 2 held") < page.index("1 of 1 held") < page.index("<article")


def test_held_run_without_its_record_is_not_verified() -> None:
    """To delete it must be no easier way to a better report than to change it."""
    markdown = render([held()], "markdown")
    broken = render([changed(BROKEN_STANDBY, ("failover.record", None))], "markdown")

    assert "**held, not verified**" in markdown
    assert "this one has none: nothing shows whether it was changed" in markdown
    assert "not verified" not in broken


@pytest.mark.parametrize("language", CATALOGUES)
def test_run_that_its_record_contradicts_does_not_count_as_held(language: str) -> None:
    """The region's row, the run's row and the badges say that it is not verified."""
    sound = recorded(held())
    unsound = changed(sound, ("experiment.title", "Another"))
    words = CATALOGUES[language]
    name = words["verdict.unverified"].format(verdict=words["verdict.held"])

    markdown = render([sound, unsound], "markdown", language)
    page = render([sound, unsound], "html", language)
    suites = ElementTree.fromstring(render([sound, unsound], "junit", language))  # noqa: S314
    alone = render([unsound], "html", language)

    for text in (markdown, page):
        assert words["ui.held_of"].format(held=1, count=2) in text
    assert markdown.count(f"\u26a0\ufe0f **{name}**") == 4
    assert markdown.count(f"\u2705 **{words['verdict.held']}**") == 2
    assert page.count(f'<span class="badge inconclusive">{name}</span>') == 4
    assert words["means.unverified"] in alone
    assert words["means.held"] not in alone
    cases = [suite.find("testcase[1]") for suite in suites]
    assert [name in case.get("name", "") for case in cases if case is not None] == [False, True]
    assert [len(case) for case in cases if case is not None] == [0, 1]


@pytest.mark.parametrize("language", CATALOGUES)
def test_reasons_speak_the_language(language: str) -> None:
    """The sentences of the verdict are the catalogue's; those of another version stay as said."""
    said = {"verdict": "held", "reasons": ["Because."]}

    reasons = CATALOGUES[language]["reason.hypothesis_held"]
    assert reasons in render([held()], "markdown", language)
    assert "Because." in render([changed(held(), ("failover.verdict", said))], "markdown", language)


def test_catalogues_have_the_same_keys_and_placeholders() -> None:
    """Whatever one language can say, the other can, with the same values."""

    def placeholders(catalogue: Any) -> dict[str, list[str]]:
        return {
            key: sorted(name for _, name, _, _ in string.Formatter().parse(said) if name)
            for key, said in catalogue.items()
        }

    english, chinese = (placeholders(CATALOGUES[language]) for language in ("en", "zh"))

    assert english == chinese


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_message_is_used(language: str) -> None:
    """No template asks for a message that is missing, and none is left over."""
    pages = map(template_text, ("report.html.j2", "figures.html.j2", "live.html.j2"))
    asked = set(re.findall(r'(?<![a-z])t\("([a-z_.]+)"', "".join(pages)))
    groups = (
        "reason.",
        "verdict.",
        "means.",
        "mode.",
        "check.",
        "role.",
        "gauge.",
        "chart.",
        "legend.",
        "notice.",
        "forecast.",
        "proof.",
        "lost.",
        "direction.",
        "connection.",
        "path.",
        "part.",
        "instant.",
        "way.",
        "now.",
        "event.",
    )
    known = {key for key in CATALOGUES[language] if not key.startswith(groups)}

    assert known
    assert {key for key in asked if not key.endswith(".")} - {*CATALOGUES[language]} == set()
    assert known - asked == set()


def test_script_has_the_steps_of_the_axis() -> None:
    """The ticks that the script draws are those that the page came with."""
    (written,) = re.findall(r"STEPS = \[([^\]]*)\]", template_text("zoom.js"))

    assert tuple(float(one) for one in written.split(",")) == STEPS


@pytest.mark.parametrize("form", FORMATS)
def test_name_of_any_direction_shows_in_a_reason(form: str) -> None:
    """A target's name from right to left stands in the sentence without escapes around it."""
    portal = {**held()["failover"]["targets"]["portal"], "rto": 0.5}
    targets = {"\u05d0\u05d1\u05d2": portal}

    rendered = render([changed(held(), ("failover.targets", targets))], form)

    assert "\u05d0\u05d1\u05d2 was down for up to 1 s" in rendered
    assert "u2068" not in rendered


@pytest.mark.parametrize("form", ["html", "markdown", "junit"])
def test_clock_that_was_set_back_is_told(form: str) -> None:
    """Whoever reads the instants knows that they are out of order; no length is negative."""
    early = event(-3600, "end")
    journal = changed(held(), ("failover.events", [*held()["failover"]["events"][:-1], early]))

    rendered = render([journal], form)

    assert "set back by 3622 s" in rendered
    assert "set back" not in render([held()], form)
    assert make_record(journal)["period"]["duration"] == 0.0


def test_planned_down_is_no_failure() -> None:
    """What a test was to take down is drawn apart from what failed, and only while it cuts."""
    down = {"resource_type": "BGPPEER", "status": "Down"}
    events = [
        *held()["failover"]["events"],
        event(12.1, "resource", resource_id="bgp-b", **down),
        event(25, "resource", resource_id="bgp-c", **down),
    ]
    cut = {"test": "drill", "resource_ids": ["pc-a"], "lost": ["bgp-a", "bgp-c", "pc-a"]}
    journal = changed(held(), ("failover.events", events), ("failover.cuts", [cut]))

    page = render([journal], "html")
    bars = re.findall(r'<rect class="status (\w+)"[^>]*><title>(bgp-\w: Down)', page)

    assert bars == [("planned", "bgp-a: Down"), ("bad", "bgp-b: Down"), ("bad", "bgp-c: Down")]
    assert make_record(journal)["scope"][0]["lost"] == ["bgp-a", "bgp-c", "pc-a"]


def test_outage_tells_both_bounds_of_both_ends() -> None:
    """The ends and the length in a row of the outages say the same."""
    page = render([held()], "html")

    for end in ("12:00:12.000Z", "12:00:12.100Z", "12:00:12.900Z", "12:00:13.000Z"):
        assert end in page


def test_cells_say_their_column() -> None:
    """On a phone a row is a card; a first cell that spans rows counts for each of them."""
    page = render([load(DATA / "journals" / "1.45-game-day.json")], "html")
    rows = re.findall(r"<tr>.*?</tr>", page)
    labels = [re.findall(r'data-label="([^"]*)"', row) for row in rows]

    readings = [row for row in labels if "Probe" in row]
    assert {tuple(row[-4:]) for row in readings} == {
        ("Probe", "Result", "Output or error", "Began")
    }
    assert {len(row) for row in readings} == {4, 5}
    assert ["Target", "Round trip before", "during", "after"] in labels


def test_junit_problem_holds_its_reasons_as_text() -> None:
    """Dashboards that ignore the attribute `message` show the text of the element, line by line."""
    journal = changed(held(), ("failover.targets.portal.rto", 0.5))

    suite = ElementTree.fromstring(render([journal], "junit").encode())  # noqa: S314

    problem = suite.find(".//testcase[@classname='verdict']/failure")
    assert problem is not None
    assert problem.text == make_record(journal)["verdict"]["reasons"][0]


def test_junit_names_are_unique() -> None:
    """Cases with the same class name and name would be merged, within a run and over a campaign."""
    missed = reading(probe("portal", 18, met=False), met=False)
    flapping = changed(held(), ("steady_states.during", [missed, reading(probe("portal", 19))]))

    for runs in ([flapping], [held(), flapping, held()]):
        suites = ElementTree.fromstring(render(runs, "junit").encode())  # noqa: S314
        names = [(each.get("classname"), each.get("name")) for each in suites.iter("testcase")]
        assert len(set(names)) == len(names)


def test_cases_last_as_long_as_what_they_stand_for() -> None:
    """A dashboard shows how long activities and recoveries took."""
    suite = ElementTree.fromstring(render([held()], "junit").encode())  # noqa: S314
    times = {case.get("name"): case.get("time") for case in suite.iter("testcase")}

    assert times["cut"] == "2.000"
    assert times["portal: drill"] == "1.000"


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_kept_connection_is_reported_apart(form: str) -> None:
    """It is marked as such, and the network's own failover time is the one that is compared."""
    portal = held()["failover"]["targets"]["portal"]
    slow = {"at_least": 7.0, "at_most": 8.0}
    kept = {**portal, "persistent": True, "cuts": [{**portal["cuts"][0], "failover": slow}]}
    journal = changed(held(), ("failover.targets", {"kept": kept, "portal": portal}))

    rendered = render([journal], form)
    record = make_record(journal)

    assert "kept connection: no RTO applies" in rendered
    assert [one["exceeded"] for one in record["recoveries"]] == [False, False]
    assert [one["persistent"] for one in record["targets"]] == [True, False]
    assert "held" in rendered


def test_offset_is_as_exact_as_it_is_known() -> None:
    """The provider tells its clock in whole seconds."""
    page = render([changed(held(), ("failover.clock_offset", 2.4321))], "html")

    assert "+2 s \u00b1 1 s" in page


@pytest.mark.parametrize("offset", [-0.4, -0.0, 0.4])
def test_offset_has_no_sign_of_its_own_at_zero(offset: float) -> None:
    """There is no `-0 s`."""
    page = render([changed(held(), ("failover.clock_offset", offset))], "html")

    assert "+0 s \u00b1 1 s" in page


@pytest.mark.parametrize(
    ("kinds", "last", "banner"),
    [
        pytest.param((), "Testing", "live run; real resources were cut", id="cut"),
        pytest.param(
            (), "Starting", "live run; real resources may have been cut", id="started, never seen"
        ),
        pytest.param(("cut", "status", "stop", "back"), "", "live run; nothing was cut", id="none"),
    ],
)
def test_banner_says_what_happened(kinds: tuple[str, ...], last: str, banner: str) -> None:
    """A live run that cut nothing is not headed as one that did."""
    live = changed(held(), ("failover.mode", "LIVE"))
    if last == "Starting":
        events = live["failover"]["events"]
        kept = [one for one in events if one.get("status") not in ("Testing", "Stopping")]
        live = changed(live, ("failover.events", kept))

    page = render([without(live, *kinds) if kinds else live], "html")

    assert re.findall(r"LIVE <span>(.*?)</span></header>", page) == [banner]


@pytest.mark.matrix
@pytest.mark.long
def test_three_days_of_a_hundred_targets() -> None:
    """The page stays small, and takes few seconds of processor time."""
    journal = long_journal()

    began = time.process_time()
    page = render([journal], "html")
    spent = time.process_time() - began

    assert spent < LONGEST_RENDERING
    assert len(page.encode()) < LARGEST_PAGE
    assert len(render([journal], "markdown")) < 10_000


@pytest.mark.parametrize(
    ("form", "language", "said"),
    [
        pytest.param("pdf", "en", "format is 'pdf', expected one of html", id="format"),
        pytest.param("html", "fr", "language is 'fr', expected en or zh", id="language"),
    ],
)
def test_unknown_wish_is_refused(form: str, language: str, said: str) -> None:
    """The message names the value and what is expected."""
    with pytest.raises(ArgumentError, match=said):
        render([held()], form, language)


def test_no_journal_is_refused() -> None:
    """There is no report of nothing."""
    with pytest.raises(ArgumentError, match="no journal"):
        render([], "html")


@pytest.mark.parametrize("language", CATALOGUES)
def test_network_is_shown(language: str) -> None:
    """Forecast beside measured, on what survivors rest, what moved, and the traffic."""
    words = CATALOGUES[language]
    page, text = (render([routed()], form, language) for form in ("html", "markdown"))

    assert words["forecast.span"].format(least="2", most="4") in text
    assert words["forecast.faster"] in text
    for key in ("forecast.faster", "proof.routes", "ui.first_read", "ui.not_seen", "ui.routes"):
        assert words[key] in page
    assert "300.0 / 120.5" in page
    assert "DescribeRouteEntryList: Throttling" in page
    assert words["proof.sessions"] in render([routed(proven=False)], "html", language)


@pytest.mark.parametrize(
    ("forecast", "measured", "state"),
    [
        pytest.param((2.0, 4.0), (0.5, 1.0), "faster", id="a closed session"),
        pytest.param((0.6, None), (0.8, 1.0), "as_forecast", id="no known end"),
        pytest.param((0.4, 0.8), (0.5, 1.0), "as_forecast", id="they overlap"),
        pytest.param((0.2, 0.4), (0.5, 1.0), "slower", id="slower"),
        pytest.param((0.2, 9.0), (0.5, None), "open", id="the stop came first"),
        pytest.param((0.6, None), (0.8, None), "open", id="neither has an end"),
        pytest.param((0.2, 0.4), (0.5, None), "slower", id="slower, whenever it ended"),
        pytest.param((0.0, None), (0.5, 1.0), "unknown", id="no forecast"),
        pytest.param((2.0, 4.0), None, "no_loss", id="nothing was lost"),
        pytest.param((2.0, 4.0), (), "no_loss_yet", id="nothing was lost before the stop came"),
    ],
)
def test_forecast_is_compared(forecast: Any, measured: Any, state: str) -> None:
    """Only what is out of the range in any case is called faster or slower."""
    record = make_record(routed())
    takeover = record["scope"][0]["takeover"][0]
    takeover |= dict(zip(("least", "most"), forecast, strict=True))
    recovery = record["recoveries"][0]
    recovery["failover"] = (
        dict(zip(("at_least", "at_most"), measured, strict=True)) if measured else None
    )
    recovery["settled"] = measured != ()

    (row,) = comparisons(record)

    assert row["state"] == state
    if measured == ():
        assert row["recovery"]["failover"] == {"at_least": 0.0, "at_most": None}


@pytest.mark.parametrize(
    ("forecast", "measured", "state"),
    [
        pytest.param({"least": 0.6}, {}, "open", id="within the forecast"),
        pytest.param({"least": 2.0}, {}, "open", id="it may become slower"),
        pytest.param({"least": 0.2, "most": 0.4}, {}, "slower", id="slower, whenever it settled"),
        pytest.param({"never": True}, {}, "open", id="it was back for a while"),
        pytest.param({"never": True}, {"at_most": None}, "open", id="down for less than the RTO"),
        pytest.param(
            {"never": True}, {"at_most": None, "exceeded": True}, "as_forecast", id="never back"
        ),
    ],
)
def test_forecast_is_not_met_by_what_had_not_settled(
    forecast: Any, measured: Any, state: str
) -> None:
    """Beside an unknown failover time, only what is certain is said of the forecast."""
    takeover = {"least": 0.0, "most": None, "never": False, **forecast}
    lengths = {"at_least": 0.8, "at_most": measured.get("at_most", 1.0)}
    exceeded = measured.get("exceeded", False)

    actual = compared_with_forecast(
        takeover, {"failover": lengths, "settled": False, "exceeded": exceeded}
    )

    assert actual == state


PARTS: dict[str, dict[str, tuple[float, float] | None]] = {
    "there": {
        "accepted": (10.0, 10.1),
        "down": None,
        "loss": (12.0, 12.2),
        "session": (13.0, 14.0),
        "routes": (10.0, 15.5),
        "recovered": (15.0, 15.2),
    },
    "back": {
        "stopped": (20.0, 20.1),
        "resource": (22.0, 22.5),
        "session": (26.0, 26.5),
        "loss": (24.0, 24.1),
        "reverted": (25.0, 25.1),
        "as_before": (26.1, 26.6),
    },
}


def parts_of(**ways: Any) -> list[Any]:
    """Return the bars of a record with parts between these instants, in seconds."""
    record = make_record(held())
    record["failover_parts"] = [{"target": "portal", "test": "drill", **ways}]
    return part_bars(record)


def way(parts: list[tuple[str, list[str]]], name: str, unplaced: list[str]) -> Record:
    instants = {
        key: ends and dict(zip(("earliest", "latest"), map(at, ends), strict=True))
        for key, ends in PARTS[name].items()
    }
    lengths = {"at_least": 1.0, "at_most": 2.0, "forecast": None}
    rows = [{"begins": begins, "ends": ends, **lengths} for begins, ends in parts]
    return {"instants": instants, "parts": rows, "unplaced": unplaced}


THERE = [("accepted", ["loss"]), ("loss", ["session"]), ("session", ["recovered"])]
BACK = [
    ("stopped", ["resource"]),
    ("resource", ["loss"]),
    ("loss", ["reverted"]),
    ("reverted", ["session", "as_before"]),
]


@pytest.mark.parametrize(
    ("language", "there", "back"),
    [
        pytest.param(
            "en",
            ["the cloud's own delay and first loss", "detection", "convergence and recovery"],
            [
                "until resource back",
                "until first loss on the way back",
                "loss on reversion",
                "until session Established and all as before",
            ],
            id="English",
        ),
        pytest.param(
            "zh",
            ["云端自身的延迟与首次丢失", "检测", "收敛与恢复"],
            ["到资源恢复为止", "到返回途中的首次丢失为止", "回切丢失", "到会话建立与一切复原为止"],
            id="Chinese",
        ),
    ],
)
def test_parts_have_names(language: str, there: list[str], back: list[str]) -> None:
    """A part has all that usually comes meanwhile; the way back has no usual order."""
    record = make_record(held())
    ways = {"there": way(THERE, "there", ["routes"]), "back": way(BACK, "back", [])}
    record["failover_parts"] = [{"target": "portal", "test": "drill", **ways}]
    page = environment(language, markup=False).from_string(
        "{% for bar in bars %}{% for part in bar.parts %}{{ part|part(bar, t) }}\n{% endfor %}"
        "{{ bar|unseen(t) }}|{{ bar|vague(t) }}\n{% endfor %}"
    )

    lines = page.render(bars=part_bars(record)).splitlines()

    separator = message("part.shown", language, name="", bounds="")
    assert [line.split(separator)[0] for line in lines] == [
        *there,
        lines[3].split(separator)[0],
        *back,
        "|",
    ]
    assert lines[3].endswith(bounds({"at_least": 0.0, "at_most": 5.5}))


def test_parts_whose_order_is_not_the_usual_one_are_named_by_their_end() -> None:
    """The session was seen down after the traffic had moved, so that its part is no detection."""
    parts = [("loss", ["recovered"]), ("recovered", ["session"])]
    (bar,) = parts_of(there=way(parts, "there", []), back={**way([], "back", []), "instants": {}})
    page = environment("en", markup=False).from_string("{{ part|part(bar, t) }}")

    length = bounds({"at_least": 1.0, "at_most": 2.0})
    assert page.render(bar=bar, part=bar.parts[1]) == f"until session down: {length}"


def test_stacked_bar_has_a_sure_and_an_unsure_piece_of_each_part() -> None:
    """From the beginning of the way to the last bound of its last part."""
    bars = parts_of(there=way(THERE, "there", ["routes"]), back=way(BACK, "back", []))

    pieces = [(each.style, each.sure, each.x, each.width) for each in bars[0].stretches]
    scale = 100 / 5.2
    expected = [
        ("loss", True, 0.1, 1.9),
        ("loss", False, 2.0, 0.2),
        ("session", True, 2.2, 0.8),
        ("session", False, 3.0, 1.0),
        ("recovered", True, 4.0, 1.0),
        ("recovered", False, 5.0, 0.2),
    ]
    assert pieces == [
        (style, sure, pytest.approx(x * scale, abs=0.01), pytest.approx(width * scale, abs=0.01))
        for style, sure, x, width in expected
    ]


def test_record_without_parts_has_none() -> None:
    """An older one, or one of a run without targets."""
    record = make_record(held())
    del record["failover_parts"]

    assert part_bars(record) == []


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_damaged_network_is_reported(value: Any) -> None:
    """Odd values in any part of it become no error, and match the schema."""
    journal = routed()
    for key in ("survivors_by", "routes", "takeover", "load"):
        damaged = changed(journal, (f"failover.cuts.0.{key}", value))
        assert render([damaged], "html")
        assert misfit(make_record(damaged)) == ""
    for key in ("prefixes", "count", "moved_from", "moved_to", "source", "reason"):
        assert render([changed(journal, (f"failover.events.2.{key}", value))], "html")
    for path in ("traffic", "traffic.0.before", "cuts.0.takeover.0.least", "cuts.0.routes.0.lost"):
        damaged = changed(journal, (f"failover.{path}", value))
        assert render([damaged], "html")
        assert misfit(make_record(damaged)) == ""
