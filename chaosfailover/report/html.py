"""
The HTML report: one file that loads nothing, whatever it contains.

Every style and script is in the file and named by its hash in the content security policy, so that
nothing else can run: not even a text that came in from outside and was not escaped.
"""

import base64
from collections.abc import Sequence
from hashlib import sha256

from markupsafe import Markup

from chaosfailover.i18n import words
from chaosfailover.record import Record
from chaosfailover.report import flows, network
from chaosfailover.report.campaign import places
from chaosfailover.report.charts import round_trips, rto_bars
from chaosfailover.report.charts.part_bars import part_bars
from chaosfailover.report.charts.timeline import make_timeline
from chaosfailover.report.jinja_filters import environment, template_text
from chaosfailover.report.view import RunView, banner_of, mode_of, verdict_of

__all__ = ["page_policy", "render_html"]

POLICY = "default-src 'none'; img-src data:"
IN_TABLES = ("resource", "target", "routes", "path")
"""The kinds of events that have a chart or a table of their own."""
MOST_EVENTS = 300
MOST_OUTAGES = 200
MOST_FLOWS = 200


def render_html(views: Sequence[RunView], language: str) -> str:
    """
    Render one page for all runs.
    """
    style, script = template_text("report.css"), template_text("zoom.js")
    page = environment(language).get_template("report.html.j2")
    return page.render(
        runs=[_run(view, number, language) for number, view in enumerate(views, 1)],
        campaign=len(views) > 1,
        places=places(views),
        verdict=verdict_of(views),
        sound=all(view.sound for view in views),
        mode=mode_of(views),
        banner=banner_of(views),
        most_events=MOST_EVENTS,
        most_outages=MOST_OUTAGES,
        most_flows=MOST_FLOWS,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        policy=page_policy(style, script),
    )


def page_policy(style: str, script: str) -> str:
    """
    Return the content security policy of a page with one style and one script.
    """
    return f"{POLICY}; style-src {_hash(style)}; script-src {_hash(script)}"


def _run(view: RunView, number: int, language: str) -> Record:
    """
    Return what the page shows of one run.
    """
    record = view.record
    timeline = make_timeline(record, view.series, words(language, "chart"))
    events = [event for event in record["timeline"] if event["kind"] not in IN_TABLES]
    outages = [
        {"target": target["name"], **outage}
        for target in record["targets"]
        for outage in target["outages"]
    ]
    outages.sort(key=lambda outage: outage["at_least"] or 0.0, reverse=True)
    return {
        "number": number,
        "view": view,
        "record": record,
        "timeline": timeline,
        "plots": round_trips.make_plots(record, view.series, timeline.axis) if timeline else [],
        "gauges": rto_bars.gauges(record),
        "details": flows.details(record),
        "lost_flows": flows.lost_flows(record),
        "parts": part_bars(record),
        "comparisons": network.comparisons(record),
        "moves": network.moves(record),
        "events": events,
        "outages": outages,
    }


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"
