"""
The report of one run, or of several as a campaign, for people and for other tools.
"""

import json
from collections.abc import Callable, Mapping, Sequence

from chaosfailover.errors import ArgumentError
from chaosfailover.i18n import CATALOGUES, check_language
from chaosfailover.report.html import render_html
from chaosfailover.report.junit import render_junit
from chaosfailover.report.live import NO_HOME, LiveRun, names_home, render_live, replace_page
from chaosfailover.report.markdown import render_markdown
from chaosfailover.report.view import RunView, make_view

__all__ = [
    "FORMATS",
    "LANGUAGES",
    "NO_HOME",
    "PAGES",
    "SUFFIXES",
    "LiveRun",
    "make_view",
    "names_home",
    "render",
    "render_live",
    "replace_page",
]


def render(
    journals: Sequence[Mapping[str, object]],
    format: str = "html",  # noqa: A002 - what every user calls it
    language: str = "en",
    files: Sequence[str] = (),
) -> str:
    """
    Render journals, which may be interrupted or damaged, as `html`, `markdown`, `json` or
    `junit`, in `en` or `zh`.

    The JSON of one journal is its record, that of several a list of records in their order. The
    other formats have several in the order of their beginning, each with its file of `files`.
    Raises ArgumentError for an unknown format or language, and for no journal.
    """
    if format not in FORMATS:
        raise ArgumentError(f"format is {format!r}, expected one of {', '.join(FORMATS)}")
    check_language(language)
    if not journals:
        raise ArgumentError("there is no journal, expected one or more")
    names = [*files, *[""] * len(journals)]
    named = zip(journals, names, strict=False)
    views = [make_view(journal, language, file) for journal, file in named]
    return FORMATS[format](views if format == "json" else sorted(views, key=_began), language)


def _began(view: RunView) -> tuple[bool, str]:
    began = view.record["period"]["began"]
    return began is None, began or ""


def _json(views: Sequence[RunView], _: str) -> str:
    records = [
        {**view.record, "notices": view.notices} if view.notices else view.record for view in views
    ]
    document = records[0] if len(records) == 1 else records
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


FORMATS: Mapping[str, Callable[[Sequence[RunView], str], str]] = {
    "html": render_html,
    "markdown": render_markdown,
    "json": _json,
    "junit": render_junit,
}
"""How to render each format."""

LANGUAGES = (*CATALOGUES,)
"""The languages of a report."""

SUFFIXES = {".html": "html", ".htm": "html", ".md": "markdown", ".json": "json", ".xml": "junit"}
"""The format that the name of a file asks for."""

PAGES = tuple(suffix for suffix, form in SUFFIXES.items() if form == "html")
"""How the name of a page ends."""
