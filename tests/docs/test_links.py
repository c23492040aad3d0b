"""
Links and anchors of all pages lead somewhere.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from markdown_pages import GUIDES, PAGES, Link, Page, read
from places import ROOT

EVERY = [pytest.param(page, id=page.name) for page in PAGES]


def problem(page: Page, link: Link) -> str | None:
    """
    Say what is wrong with a link; None for nothing.
    """
    parts = urlsplit(link.address)
    if parts.scheme:
        good = parts.scheme == "https" and re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc)
        return None if good else "is no https address"
    file = (page.path.parent / parts.path).resolve() if parts.path else page.path
    if not (file.exists() and file.is_relative_to(ROOT)):
        return "leads to no file"
    if parts.fragment and (file.suffix != ".md" or parts.fragment not in read(file).anchors()):
        return "leads to no heading"
    return None


@pytest.mark.parametrize("page", EVERY)
def test_links_lead_to_files_and_headings_that_exist(page: Page) -> None:
    """Files exist beside the page, and anchors in them; what is on the web has the form of it."""
    wrong = {link.address: found for link in page.links() if (found := problem(page, link))}

    assert wrong == {}


@pytest.mark.parametrize("page", EVERY)
def test_links_and_images_say_what_is_behind_them(page: Page) -> None:
    """No link is empty, and an image has a text for those who do not see it."""
    assert [link.address for link in page.links() if not link.text.strip()] == []


@pytest.mark.parametrize("page", EVERY)
def test_code_blocks_end_and_say_their_language(page: Page) -> None:
    """An open block would swallow the rest of the page."""
    assert page.prose.count("```") == 0


def test_anchors_are_those_of_github(tmp_path: Path) -> None:
    """Lower case, without punctuation and code font; the second of a name is numbered."""
    file = tmp_path / "page.md"
    file.write_text(
        "# What `--all` does, and why?\n\n## Error_codes\n\n## 配置 与 权限\n\n## Error_codes\n"
    )

    assert read(file).anchors() == {
        "what---all-does-and-why",
        "error_codes",
        "error_codes-1",
        "配置-与-权限",
    }


def test_every_page_is_reached_from_the_readme() -> None:
    """A page to which nothing leads is not read."""
    reached: set[str] = set()
    todo = [ROOT / "README.md"]
    while todo:
        page = read(todo.pop())
        if page.name in reached:
            continue
        reached.add(page.name)
        paths = {urlsplit(link.address).path for link in page.links() if "://" not in link.address}
        files = {(page.path.parent / path).resolve() for path in paths if path.endswith(".md")}
        todo.extend(file for file in files if file.exists())

    assert {page.name for page in GUIDES} - reached == set()
