"""
What a Chinese reader sees is Chinese, and written in one way throughout.
"""

import re

import pytest
from made_journals import held
from places import DATA, ROOT
from recorded_journals import load

from chaosfailover.i18n import CATALOGUES
from chaosfailover.report import render
from chaosfailover.report.formatting import check_name
from chaosfailover.report.jinja_filters import environment

MADE = re.compile(r'yield (?:f"\{[^}]+\}: |")([a-z ]+)"|REGION = "([a-z ]+)"|_warn\(facts, "(\w+)"')
SOURCES = ("safety/preflight.py", "safety/route_checks.py", "run/go_no_go.py")


@pytest.mark.parametrize(
    ("name", "chinese"),
    [
        pytest.param("the region answers", "地域有应答", id="of the region"),
        pytest.param("drill: survivors", "drill\uff1a幸存路径", id="of a test"),
        pytest.param("a: b: dry run", "a: b\uff1a空跑", id="of a test with a colon"),
        pytest.param("target portal", "目标 portal", id="of a target"),
        pytest.param(
            "target x: routes", "target x\uff1a路由", id="of a test that is called target"
        ),
        pytest.param("drill: moon phase", "drill: moon phase", id="unknown"),
        pytest.param("drill: target", "drill: target", id="unknown, of a test"),
    ],
)
def test_checks_of_the_preflight_have_names_in_chinese(name: str, chinese: str) -> None:
    """In English they are what the log calls them."""
    assert (check_name(name, "zh"), check_name(name, "en")) == (chinese, name)


def test_every_check_that_the_preflight_makes_has_a_name() -> None:
    """A new check gets one too."""
    texts = [(ROOT / "chaosfailover" / source).read_text("utf-8") for source in SOURCES]
    made = {"".join(found) for text in texts for found in MADE.findall(text)}

    assert len(made) > 10
    assert {f"check.{name}" for name in made} | {"check.target"} == {
        key for key in CATALOGUES["zh"] if key.startswith("check.")
    }


def test_failed_check_is_named_in_the_reasons() -> None:
    """The verdict of a refused run names the check as the table does."""
    journal = held()
    journal["failover"]["preflight"] = [
        {"name": "drill: survivors", "passed": False, "detail": "none", "warnings": []}
    ]

    assert "预检“drill\uff1a幸存路径”未通过\uff1anone。" in render([journal], "markdown", "zh")
    assert "The preflight check “drill: survivors” failed: none." in render([journal], "markdown")


def test_page_has_chinese_names_and_marks() -> None:
    """Mode and checks are words, and Chinese is followed by no half-width mark."""
    page = render([load(DATA / "golden" / "journal.json")], "html", "zh")
    texts = [text.strip() for text in re.findall(r">([^<>]+)<", page[page.index("<body") :])]

    assert {"演练", "服务地址", "目标 portal", "game-day-first\uff1a时长"} <= {*texts}
    assert [each for each in texts if re.search(r"[\u4e00-\u9fff][:;,.]", each)] == []


def test_modes_of_a_campaign_are_words() -> None:
    """Both are named."""
    chinese = environment("zh").from_string("{{ 'LIVE + REHEARSAL'|mode(t) }}").render()
    english = environment("en").from_string("{{ 'LIVE + REHEARSAL'|mode(t) }}").render()

    assert (chinese, english) == ("真实运行 + 演练", "LIVE + REHEARSAL")


def test_seconds_have_one_unit() -> None:
    """Sentences, tables and charts write the same, `s`."""
    assert [said for said in CATALOGUES["zh"].values() if re.search(r"[\d}] ?秒", said)] == []
