"""
The Markdown pages of the project, taken apart: headings, links, tables, code blocks and code font.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from places import ROOT

__all__ = ["GUIDES", "PAGES", "Block", "Heading", "Link", "Page", "Table", "code_font", "read"]

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"(!?)\[([^\]]*(?:\[[^\]]*\][^\]]*)?)\]\(([^()\s]*)\)")
IMAGE = re.compile(r"!\[[^\]]*\]\([^()]*\)")
SPAN = re.compile(r"(`+)(.+?)(?<!`)\1(?!`)", re.DOTALL)
ROW = re.compile(r"^\|(.*)\|$", re.MULTILINE)
RULE = re.compile(r"^\|[-:| ]+\|$")


class Heading(NamedTuple):
    """
    A heading: how deep it is, and its text.
    """

    level: int
    text: str


class Link(NamedTuple):
    """
    A link, or an image, and where it leads.
    """

    text: str
    address: str
    is_image: bool


class Block(NamedTuple):
    """
    A code block, and where it begins.
    """

    language: str
    text: str
    place: str


class Table(NamedTuple):
    """
    A table: its head and its rows, as Markdown.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Page:
    """
    A page of Markdown, or a section of it.
    """

    path: Path
    text: str

    @cached_property
    def prose(self) -> str:
        """The page without its code blocks."""
        return FENCE.sub("", self.text)

    @property
    def name(self) -> str:
        """The path below the project's folder."""
        return str(self.path.relative_to(ROOT))

    def blocks(self, *languages: str) -> list[Block]:
        """Return the code blocks in one of the languages, or all."""
        return [
            Block(found[2], _unindented(found[3], found[1]), f"{self.name}:{self._line(found)}")
            for found in FENCE.finditer(self.text)
            if not languages or found[2] in languages
        ]

    def headings(self) -> list[Heading]:
        """Return the headings in their order."""
        return [Heading(len(each[1]), each[2]) for each in HEADING.finditer(self.prose)]

    def anchors(self) -> set[str]:
        """Return the names by which a link reaches a heading, as GitHub makes them."""
        seen: Counter[str] = Counter()
        names = set()
        for _, text in self.headings():
            plain = LINK.sub(r"\2", text).replace("`", "").lower()
            name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
            names.add(f"{name}-{seen[name]}" if seen[name] else name)
            seen[name] += 1
        return names

    def links(self) -> list[Link]:
        """Return the links and images in their order, also links around an image."""
        text = SPAN.sub("code", self.prose)
        images = [found for found in LINK.finditer(text) if found[1]]
        outer = IMAGE.sub(lambda found: "x" * len(found[0]), text)
        found = sorted([*images, *LINK.finditer(outer)], key=lambda each: each.start())
        return [Link(each[2], each[3], bool(each[1])) for each in found]

    def spans(self) -> list[str]:
        """Return what stands in code font in the text."""
        return code_font(self.prose)

    def tables(self) -> list[Table]:
        """Return the tables."""
        return [*_tables(self.prose.splitlines())]

    def section(self, title: str) -> "Page":
        """Return what stands below a heading, up to the next one; nothing without that heading."""
        without_code = FENCE.sub(lambda found: " " * len(found[0]), self.text)
        headings = [*HEADING.finditer(without_code)]
        ends = [*(each.start() for each in headings[1:]), len(self.text)]
        texts = {
            each[2]: self.text[each.end() : end] for each, end in zip(headings, ends, strict=True)
        }
        return Page(self.path, texts.get(title, ""))

    def table(self, head: str) -> Table:
        """Return the first table whose first column has this head; it is empty for none."""
        return next((each for each in self.tables() if each.head[0] == head), Table((), ()))

    def words(self) -> set[str]:
        """Return the words in code font and in code blocks."""
        texts = [*self.spans(), *(block.text for block in self.blocks())]
        return {word for text in texts for word in re.findall(r"[\w-]+", text)}

    def _line(self, found: re.Match[str]) -> int:
        return self.text.count("\n", 0, found.start()) + 1


def read(path: Path) -> Page:
    """
    Read a page.
    """
    return Page(path, path.read_text(encoding="utf-8"))


def code_font(markdown: str) -> list[str]:
    """
    Return what stands in code font.
    """
    return [" ".join(each[2].split()) for each in SPAN.finditer(markdown)]


def _unindented(text: str, indent: str) -> str:
    return "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True))


def _tables(lines: list[str]) -> Iterator[Table]:
    for number, line in enumerate(lines):
        if RULE.match(line) and number and ROW.match(lines[number - 1]):
            rows = []
            for each in lines[number + 1 :]:
                if not ROW.match(each):
                    break
                rows.append(_cells(each))
            yield Table(_cells(lines[number - 1]), tuple(rows))


def _cells(row: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip("|")))


PAGES = [
    read(path)
    for path in sorted(
        {
            *ROOT.glob("*.md"),
            *ROOT.glob("docs/**/*.md"),
            *ROOT.glob("experiments/**/*.md"),
            ROOT / "chaosfailover" / "emulator" / "README.md",
        }
    )
]
"""All pages."""
GUIDES = [page for page in PAGES if page.path.name not in {"CHANGELOG.md", "CONTRIBUTING.md"}]
"""The pages for users, that tell how the product is now."""
