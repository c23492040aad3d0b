"""
The pages are short, and so are their sentences.
"""

import re
from collections.abc import Iterator

import pytest
from markdown_pages import GUIDES, Page, read
from places import ROOT

README = read(ROOT / "README.md")
EVERY = [pytest.param(page, id=page.name) for page in GUIDES if page.name != "README-CN.md"]
MOST_WORDS = 25
README_WORDS = 1300
SECTIONS = (
    *("Rehearse", "Next", "An experiment", "Activities", "Verdicts"),
    *("Use it in your own project", "Realistic expectations", "Develop"),
)


def sentences(page: Page) -> Iterator[str]:
    """
    Yield the sentences outside of tables and headings; code in them counts as one word.
    """
    text = re.sub(r"^\|.*$|^#+ .*$", "\n", page.prose, flags=re.MULTILINE)
    text = re.sub(r"`[^`]*`", "Code", re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text))
    for paragraph in re.split(r"\n\s*\n|^\s*(?:[-*]|\d+\.) |^> ", text, flags=re.MULTILINE):
        yield from re.split(r"(?<=[.?!])\s+(?=[A-Z0-9(]|[\w-]+\.md)", " ".join(paragraph.split()))


@pytest.mark.parametrize("page", EVERY)
def test_sentences_are_short(page: Page) -> None:
    """A sentence that has to be read twice is two sentences."""
    assert [each for each in sentences(page) if len(each.split()) > MOST_WORDS] == []


def test_readme_is_short_and_in_order() -> None:
    """What it proves and how to see it come first; the rest is in the pages."""
    headings = [each.text for each in README.headings() if each.level == 2]

    assert len(README.text.split()) <= README_WORDS
    assert headings == [*SECTIONS]
