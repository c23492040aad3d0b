"""
The Markdown report: short enough for a pull request or a chat.
"""

from collections.abc import Sequence

from chaosfailover.report.campaign import places
from chaosfailover.report.charts.part_bars import part_bars
from chaosfailover.report.charts.rto_bars import gauges
from chaosfailover.report.flows import details
from chaosfailover.report.jinja_filters import environment
from chaosfailover.report.network import comparisons
from chaosfailover.report.view import RunView, mode_of, verdict_of

__all__ = ["render_markdown"]

MOST_ROWS = 20
SIGNS = {"held": "\u2705", "deviated": "\u274c", "aborted": "\u26d4", "inconclusive": "\u2754"}


def render_markdown(views: Sequence[RunView], language: str) -> str:
    """
    Render the verdicts, their reasons and the recoveries.
    """
    page = environment(language, markup=False).get_template("report.md.j2")
    return page.render(
        runs=[
            (
                view,
                gauges(view.record),
                part_bars(view.record),
                details(view.record),
                comparisons(view.record),
            )
            for view in views
        ],
        places=places(views),
        gravest=verdict_of(views),
        sound=all(view.sound for view in views),
        mode=mode_of(views),
        signs=SIGNS,
        most_rows=MOST_ROWS,
    )
