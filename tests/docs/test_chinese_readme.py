"""
The Chinese README says what the English one says.
"""

import re

import pytest
from markdown_pages import Page, code_font, read
from places import ROOT

ENGLISH = read(ROOT / "README.md")
CHINESE = read(ROOT / "README-CN.md")

HAN = re.compile(r"[\u4e00-\u9fff]")
TERMS = (
    "高速通道",
    "物理专线",
    "边界路由器",
    "云企业网",
    "专线网关",
    "故障演练",
    "倒换组",
    "健康检查",
)
"""What Alibaba Cloud's console calls things in Chinese."""


def paragraphs(page: Page) -> list[str]:
    """
    Return the paragraphs, lists, tables and headings, each as one text.
    """
    return [text.strip() for text in re.split(r"\n{2,}", page.prose) if text.strip()]


def shape(paragraph: str) -> tuple[str, int]:
    """
    Return what a paragraph is, and of how many items, or how deep.
    """
    mark = re.match(r"#+|- |\||> |!\[", paragraph)
    if not mark:
        return "text", 1
    return mark[0][0], len(mark[0]) if mark[0][0] == "#" else paragraph.count("\n") + 1


def test_each_page_begins_with_a_link_to_the_other() -> None:
    """A reader who has opened the wrong one finds the other at once."""
    assert (ENGLISH.links()[0].address, ENGLISH.links()[0].text) == ("README-CN.md", "中文")
    assert (CHINESE.links()[0].address, CHINESE.links()[0].text) == ("README.md", "English")


def test_reader_knows_that_the_linked_pages_are_in_english() -> None:
    """The first line says so, before any of them is opened."""
    assert "英文" in paragraphs(CHINESE)[1]


def test_headings_are_as_many_and_nested_alike() -> None:
    """The same sections in the same order."""
    assert [each.level for each in CHINESE.headings()] == [
        each.level for each in ENGLISH.headings()
    ]


def test_commands_and_examples_are_the_same() -> None:
    """Code is not translated."""
    assert [block[:2] for block in CHINESE.blocks()] == [block[:2] for block in ENGLISH.blocks()]


def test_tables_have_the_same_rows_and_terms() -> None:
    """Each cell has the same code, and the same links."""
    for chinese, english in zip(CHINESE.tables(), ENGLISH.tables(), strict=True):
        for row, original in zip(
            (chinese.head, *chinese.rows), (english.head, *english.rows), strict=True
        ):
            assert [code_font(cell) for cell in row] == [code_font(cell) for cell in original]
            assert [numbers(cell) for cell in row] == [numbers(cell) for cell in original]


def numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d+(?:\.\d+)?", re.sub(r"\([^()]*\)", "", text)))


def test_links_lead_to_the_same_pages() -> None:
    """In the same order, but for the link of each to the other."""
    assert [each[1:] for each in CHINESE.links()[1:]] == [each[1:] for each in ENGLISH.links()[1:]]


def test_paragraphs_are_the_same_in_shape_and_code() -> None:
    """Texts, lists, tables and quotations stand in the same order, with the same code in them."""
    assert [shape(each) for each in map(joined, paragraphs(CHINESE))] == [
        shape(each) for each in map(joined, paragraphs(ENGLISH))
    ]
    assert [sorted(code_font(each)) for each in paragraphs(CHINESE)] == [
        sorted(code_font(each)) for each in paragraphs(ENGLISH)
    ]


def joined(paragraph: str) -> str:
    """
    Return a paragraph whose wrapped lines are one.
    """
    return re.sub(r"\n(?![-|>])\s*", " ", paragraph)


def test_nothing_is_left_in_english() -> None:
    """Names and abbreviations stand in the text, but no four English words in a row."""
    plain = re.sub(r"`[^`]*`|\]\([^)]*\)", "", CHINESE.prose)

    assert re.findall(r"[A-Za-z]+(?:[ ,]+[A-Za-z]+){3,}", plain) == []
    assert [each.text for each in CHINESE.headings()[1:] if not HAN.search(each.text)] == []


@pytest.mark.parametrize("term", TERMS)
def test_terms_are_those_of_the_console(term: str) -> None:
    """A reader looks for them there."""
    assert term in CHINESE.text


def test_chinese_has_no_english_punctuation() -> None:
    """Between Chinese characters stand the full-width marks."""
    plain = re.sub(r"`[^`]*`|\]\([^)]*\)", "", CHINESE.prose)

    assert (
        re.findall(r"[\u4e00-\u9fff][,.:;?!]|[,:;?!] ?[\u4e00-\u9fff]", plain.replace("![", ""))
        == []
    )
