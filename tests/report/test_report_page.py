"""
The report as people meet it: in a browser, on a desk and on a phone, by day and by night.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from browser import Page, axe_script, browser
from damaged_journals import HOSTILE, everywhere
from live_runs import wait_until
from long_journals import long_journal
from made_evidence import evidence
from made_flows import flow, with_flows
from made_journals import changed
from places import DATA
from pypdf import PdfReader
from recorded_journals import load

from chaosfailover.i18n import CATALOGUES
from chaosfailover.record import make_record, read_evidence
from chaosfailover.report import LiveRun, make_view, render, render_live

pytestmark = pytest.mark.browser

JOURNALS = DATA / "journals"
DESK, PHONE = 1280, 360
PAPER = 703  # A4 between its margins
SERIOUS = """
axe.run().then(found => found.violations
  .filter(one => ["serious", "critical"].includes(one.impact))
  .map(one => `${one.id}: ${one.nodes[0].html.slice(0, 200)}`))
"""
# What is wider than the page and does not lie in something that scrolls.
OVERFLOW = """
(() => {
  const room = document.documentElement.clientWidth + 1;
  const over = [...document.querySelectorAll("main *")].filter(one =>
    one.getBoundingClientRect().right > room && !one.closest(".wide, .scroll, .labels"));
  const whole = document.documentElement.scrollWidth;
  return whole > room ? [`page ${whole}`] : over.map(one => one.outerHTML.slice(0, 200));
})()
"""
CUT_TABLES = """
[...document.querySelectorAll(".wide")].filter(one => one.scrollWidth > one.clientWidth)
  .map(one => one.getAttribute("aria-label"))
"""
BARS = """
[...document.querySelectorAll(".row")].flatMap(row => [...row.querySelectorAll("rect")].map(bar => {
  const tracks = bar.closest(".tracks").getBoundingClientRect();
  const place = bar.getBoundingClientRect();
  const scale = (place.left - tracks.left) / tracks.width;
  return {row: row.dataset.row, style: bar.getAttribute("class"), title: bar.textContent,
          left: scale, right: (place.right - tracks.left) / tracks.width, width: tracks.width};
}))
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as page:
        yield page


def shown(page: Page, folder: Path, *names: str, language: str = "en", width: int = DESK) -> Path:
    """
    Open the report of recorded journals.
    """
    file = folder / "report.html"
    files = [JOURNALS / f"{name}.json" for name in names]
    rendered = render([*map(load, files)], "html", language, [file.name for file in files])
    file.write_text(rendered, encoding="utf-8")
    page.open(file, width)
    return file


def check(page: Page) -> None:
    """
    Check that the page complains of nothing, asks for nothing, fits, and is accessible.
    """
    assert page.complaints() == []
    assert page.requests() == []
    assert page.run(OVERFLOW) == []
    page.run(axe_script() + ";1")
    assert page.run(SERIOUS) == []


def test_checks_see_what_they_look_for(page: Page, tmp_path: Path) -> None:
    """A page with one of each fault fails every check."""
    file = tmp_path / "faulty.html"
    file.write_text(
        """<!DOCTYPE html><html><title>x</title><main><p style="width: 3000px">wide</p>
        <img src="missing.png"><script>console.error("complaint")</script></main>""",
        encoding="utf-8",
    )

    page.open(file, DESK)

    assert any("complaint" in one for one in page.complaints())
    assert page.requests() == [(tmp_path / "missing.png").as_uri()]
    assert page.run(OVERFLOW) != []
    page.run(axe_script() + ";1")
    assert any(one.startswith("image-alt") for one in page.run(SERIOUS))


@pytest.mark.sample(10)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["1.45-game-day"], id="held"),
        pytest.param(["1.44-broken-standby"], id="deviated"),
        pytest.param(["1.44-sigterm-hold"], id="interrupted"),
        pytest.param(["1.45-circuit-failover", "1.44-broken-standby"], id="campaign"),
    ],
)
def test_page_is_sound(
    page: Page, tmp_path: Path, names: list[str], language: str, width: int, dark: bool
) -> None:
    """No error, no request, no overflow, and no serious finding of axe-core."""
    file = shown(page, tmp_path, *names, language=language)
    page.open(file, width, dark=dark)

    check(page)


def test_badges_keep_their_width_on_a_phone(page: Page, tmp_path: Path) -> None:
    """They are as wide as their word, also in a table whose rows are cards."""
    shown(page, tmp_path, "1.45-circuit-failover", "1.44-broken-standby", width=PHONE)

    widths = page.run(
        """[...document.querySelectorAll("td .badge")].map(
            badge => badge.getBoundingClientRect().width / badge.textContent.length)"""
    )

    assert len(widths) >= 3
    assert max(widths) < 20


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize(
    ("width", "media"),
    [
        pytest.param(DESK, "screen", id="desk"),
        pytest.param(390, "screen", id="phone"),
        pytest.param(PAPER, "print", id="paper"),
    ],
)
def test_no_table_is_cut(page: Page, tmp_path: Path, width: int, media: str, language: str) -> None:
    """Nobody has to scroll sideways to see a figure, and on paper nobody could."""
    shown(page, tmp_path, "1.45-game-day", language=language, width=width)
    page.call("Emulation.setEmulatedMedia", media=media)

    assert page.run(CUT_TABLES) == []


@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", CATALOGUES)
def test_flows_fit_the_page(page: Page, tmp_path: Path, language: str, width: int) -> None:
    """Flows, connections and directions are read without scrolling sideways."""
    lost = [flow([(10.5, 11.5 + number / 10)], "out", 40_001 + number) for number in range(3)]
    file = tmp_path / "report.html"
    journal = with_flows([*lost, *[flow([], "out")] * 5], persistent=True)
    file.write_text(render([journal], "html", language), encoding="utf-8")
    page.open(file, width)

    check(page)
    assert page.run(CUT_TABLES) == []


@pytest.mark.sample(5)
@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_breaks_no_page(page: Page, tmp_path: Path, text: str, width: int) -> None:
    """It neither runs, nor widens the page, nor hides anything."""
    file = tmp_path / "report.html"
    file.write_text(render([everywhere(text)], "html"), encoding="utf-8")
    page.open(file, width)

    check(page)


def test_bars_stand_where_the_record_says(page: Page, tmp_path: Path) -> None:
    """Every status of a test and every outage is drawn from when to when it was."""
    record = make_record(load(JOURNALS / "1.45-game-day.json"))
    shown(page, tmp_path, "1.45-game-day")
    section = page.run("({...document.querySelector('[data-duration]').dataset})")
    began, duration = float(section["began"]), float(section["duration"])

    def share(instant: str) -> float:
        at: float = (datetime.fromisoformat(instant).timestamp() - began) / duration
        return at

    bars = page.run(BARS)
    pixel = 1.5 / bars[0]["width"]
    for test in record["tests"]:
        drawn = [bar for bar in bars if bar["row"].startswith(test["test"])]
        starts = [share(one["at"]) for one in test["statuses"]]
        assert [bar["left"] for bar in drawn] == pytest.approx(starts, abs=pixel)
        assert [bar["right"] for bar in drawn] == pytest.approx([*starts[1:], 1.0], abs=pixel)
    (target,) = record["targets"]
    down = [bar for bar in bars if bar["row"] == target["name"] and bar["style"] == "down"]
    maybe = [bar for bar in bars if bar["row"] == target["name"] and bar["style"] == "maybe"]
    assert len(down) == len(maybe) == len(target["outages"])
    for outage, sure, perhaps in zip(target["outages"], down, maybe, strict=True):
        within = [share(outage["since"][1]), share(outage["until"][0])]
        around = [share(outage["since"][0]), share(outage["until"][1])]
        assert [sure["left"], sure["right"]] == pytest.approx(within, abs=pixel)
        assert [perhaps["left"], perhaps["right"]] == pytest.approx(around, abs=pixel)
        assert f"{outage['at_least']:.3f}".rstrip("0") in sure["title"]


@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
def test_zoom_shows_the_range(page: Page, tmp_path: Path, width: int) -> None:
    """Both pictures show the seconds that were asked for, and the ticks follow."""
    shown(page, tmp_path, "1.45-game-day", width=width)
    page.run("""
      const [from, to] = document.querySelectorAll(".zoom input");
      from.value = 2; to.value = 4;
      document.querySelector(".zoom").requestSubmit();
    """)

    views = page.run("""
      [...document.querySelectorAll(".scroll")].map(one => {
        const wide = one.querySelector(".tracks").getBoundingClientRect().width;
        const scale = Number(one.closest("[data-duration]").dataset.duration) / wide;
        return [one.scrollLeft * scale, (one.scrollLeft + one.clientWidth) * scale];
      })
    """)

    assert len(views) == 2
    for view in views:
        assert view == pytest.approx([2.0, 4.0], abs=0.02)
    assert len(page.run("[...document.querySelectorAll('.axis')].map(one => one.textContent)")) == 2
    assert page.run(OVERFLOW) == []


def test_buttons_zoom_to_a_cut_and_back(page: Page, tmp_path: Path) -> None:
    """A button for each cut shows it with some room; another shows the whole run again."""
    shown(page, tmp_path, "1.45-game-day")

    labels = page.run("[...document.querySelectorAll('.zoom button')].map(one => one.textContent)")
    page.run("document.querySelector('.zoom button:last-of-type').click()")
    since, until = page.run("[...document.querySelectorAll('.zoom input')].map(one => +one.value)")
    page.run("document.querySelector('.zoom button[data-from=\"0\"]').click()")
    whole = page.run("[...document.querySelectorAll('.zoom input')].map(one => +one.value)")

    record = make_record(load(JOURNALS / "1.45-game-day.json"))
    cut, stop = (
        datetime.fromisoformat(record["tests"][1][key]).timestamp() for key in ("cut_at", "stop_at")
    )
    began = float(page.run("document.querySelector('[data-began]').dataset.began"))
    assert labels[-2:] == ["Zoom to game-day-first", "Zoom to game-day-second"]
    assert since < cut - began < stop - began < until
    assert whole[0] == 0
    assert whole[1] > until - since


def test_keyboard_reaches_everything(page: Page, tmp_path: Path) -> None:
    """The first stop skips to the verdict, and what scrolls can be scrolled."""
    shown(page, tmp_path, "1.45-game-day", width=PHONE)
    stops = []
    for _ in range(20):
        page.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", windowsVirtualKeyCode=9)
        page.call("Input.dispatchKeyEvent", type="keyUp", key="Tab", windowsVirtualKeyCode=9)
        stops.append(page.run("document.activeElement.className || document.activeElement.tagName"))

    assert stops[0] == "skip"
    for kind in ("wide", "INPUT", "BUTTON", "scroll"):
        assert kind in stops


def test_print_has_the_mode_on_every_page(page: Page, tmp_path: Path) -> None:
    """On paper every page says what it is about, what scrolls is unrolled, no control is left."""
    live = changed(load(JOURNALS / "1.45-circuit-failover.json"), ("failover.mode", "LIVE"))
    journals = [load(JOURNALS / "1.45-game-day.json"), live]
    file = tmp_path / "report.html"
    file.write_text(render(journals, "html"), encoding="utf-8")
    page.open(file, DESK)
    page.pdf(tmp_path / "report.pdf")

    pages = [one.extract_text() for one in PdfReader(tmp_path / "report.pdf").pages]

    modes = [re.findall(r"^(?:LIVE|REHEARSAL)(?: \+ REHEARSAL)?$", one, re.M)[0] for one in pages]
    assert list(dict.fromkeys(modes)) == ["LIVE + REHEARSAL", "LIVE", "REHEARSAL"]
    assert len(pages) > 6
    assert not any("Zoom in" in one for one in pages)


@pytest.mark.matrix
def test_long_record_stays_usable(page: Page, tmp_path: Path) -> None:
    """Three days of a hundred targets open, zoom and scroll, without a complaint."""
    file = tmp_path / "long.html"
    file.write_text(render([long_journal()], "html"), encoding="utf-8")
    page.open(file, DESK)

    took: Any = page.run("""
      (async () => {
        const frame = () => new Promise(requestAnimationFrame);
        const began = performance.now();
        const [from, to] = document.querySelectorAll(".zoom input");
        from.value = 100000; to.value = 103600;
        document.querySelector(".zoom").requestSubmit();
        await frame(); await frame();
        return performance.now() - began;
      })()
    """)

    assert json.dumps(page.complaints()) == "[]"
    assert page.run("document.querySelectorAll('.row').length") > 100
    assert page.run(OVERFLOW) == []
    assert took < 30_000


SEEN = """
[...document.querySelectorAll(".notice, .state, .badge, .left")]
  .filter(one => one.checkVisibility()).map(one => one.innerText.replace(/\\s+/g, " "))
"""


def live(
    folder: Path, stage: str, age: float = 0.0, language: str = "en", every: float = 60.0
) -> Path:
    """
    Write the live page of a run at a stage, as it was some seconds ago.
    """
    now = datetime.now(UTC) - timedelta(seconds=age)
    results = {
        "portal": "." * 117 + "x" * 8 + "." * 500,
        "a-service-with-a-long-name.example": "." * 500,
    }
    read = read_evidence(evidence(stage, now, results=results))
    run = LiveRun(make_view(read.journal, language), now)
    file = folder / "live.html"
    file.write_text(render_live(run, "ev.jsonl", now, every, language), encoding="utf-8")
    return file


def title(page: Page) -> str:
    """
    Return the page's title, "" while it is loaded anew.
    """
    with suppress(RuntimeError):
        return str(page.run("document.title"))
    return ""


@pytest.mark.sample(8)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [DESK, 390], ids=["desk", "phone"])
@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize(
    ("stage", "age"),
    [
        pytest.param("down", 0.0, id="a target is down"),
        pytest.param("second", 0.0, id="the second cut"),
        pytest.param("down", 600.0, id="its writer has died"),
    ],
)
def test_live_page_is_sound(
    page: Page, tmp_path: Path, stage: str, age: float, language: str, width: int, dark: bool
) -> None:
    """No error, no request, no overflow, and no serious finding of axe-core."""
    page.open(live(tmp_path, stage, age, language), width, dark=dark)

    check(page)
    assert page.run(CUT_TABLES) == []


def test_live_page_counts_down(page: Page, tmp_path: Path) -> None:
    """Second by second, by the viewer's clock."""
    page.open(live(tmp_path, "testing"), DESK)

    wait_until(lambda: any(re.search(r"^in 4:5[0-7]$", text) for text in page.run(SEEN)))
    assert "The test cuts" in page.run(SEEN)


def test_page_whose_writer_died_never_looks_alive(page: Page, tmp_path: Path) -> None:
    """Whatever it said was so; what was not up is not known either."""
    page.open(live(tmp_path, "down", age=600.0), DESK)

    seen = page.run(SEEN)

    assert seen[0].startswith("No news since ")
    assert seen[0].endswith("Nobody writes this page any more: the state of the run is not known.")
    assert all("not known (was: " in text for text in seen[1:])


def test_page_from_the_future_never_looks_alive(page: Page, tmp_path: Path) -> None:
    """A device whose clock is behind cannot tell the age of a page."""
    page.open(live(tmp_path, "down", age=-600.0), DESK)

    seen = page.run(SEEN)

    assert seen[0] == "The clock of this device is behind: it cannot tell how old this page is."
    assert "not known (was: down)" in seen


def test_live_page_becomes_the_report_by_itself(page: Page, tmp_path: Path) -> None:
    """Held, it stays as it is, and says so; let go, it loads the report, which stays."""
    file = live(tmp_path, "second", every=2.0)
    page.open(file, DESK)
    page.run("document.getElementById('hold').click()")
    file.write_text(render([read_evidence(evidence("ended")).journal]), encoding="utf-8")
    held = page.run("new Promise(then => setTimeout(() => then(document.title), 3000))")
    seen = page.run(SEEN)
    page.run("document.getElementById('hold').click()")

    wait_until(lambda: "inconclusive" in title(page))
    assert held.startswith("The test cuts")
    assert seen[0].startswith("This page is held. It shows how the run stood at ")
    assert "reload" not in file.read_text(encoding="utf-8")
