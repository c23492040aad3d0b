"""
The JUnit report: what a CI dashboard counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from chaosfailover.i18n import message
from chaosfailover.record import Record
from chaosfailover.report import formatting as wording
from chaosfailover.report.charts import rto_bars as recovery_bars
from chaosfailover.report.view import RunView
from chaosfailover.verdict.journal import brief, instant

__all__ = ["render_junit"]


@dataclass(frozen=True, slots=True)
class Case:
    """
    One test case: `problem` is None or the tag that says how it went, with a message.
    """

    group: str
    name: str
    time: float = 0.0
    problem: str | None = None
    message: str = ""


def render_junit(views: Sequence[RunView], language: str) -> str:
    """
    Render a suite for each run: its verdict, checks, hypotheses, activities and recoveries.
    """
    root = ElementTree.Element("testsuites", name="chaostoolkit-failover")
    for view in views:
        _add_suite(root, view, list(_cases(view, language)))
    ElementTree.indent(root)
    written = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{written}\n'


def _add_suite(root: ElementTree.Element, view: RunView, cases: Sequence[Case]) -> None:
    period = view.record["period"]
    attributes = {
        "name": brief(view.title or "?", 200),
        "tests": str(len(cases)),
        **{name: _count(cases, tag) for name, tag in COUNTS.items()},
        "time": _seconds(period["duration"] or 0.0),
    }
    if period["began"]:
        attributes["timestamp"] = period["began"][:19]
    suite = ElementTree.SubElement(root, "testsuite", attributes)
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _properties(view).items():
        if value:
            ElementTree.SubElement(properties, "property", name=name, value=brief(value))
    for case in cases:
        _add_case(suite, case)


COUNTS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def _count(cases: Sequence[Case], problem: str) -> str:
    return str(sum(case.problem == problem for case in cases))


def _add_case(suite: ElementTree.Element, case: Case) -> None:
    name = {"classname": case.group, "name": brief(case.name, 200), "time": _seconds(case.time)}
    element = ElementTree.SubElement(suite, "testcase", name)
    if case.problem:
        ElementTree.SubElement(element, case.problem, message=brief(case.message, 1000))


def _properties(view: RunView) -> dict[str, str | None]:
    place = view.record["place"]
    return {
        "mode": view.mode,
        "verdict": view.verdict,
        **{key: place[key] for key in ("region_id", "account_id", "endpoint", "topology")},
        "change_ticket": view.record["people"]["change_ticket"],
        "sha256": view.record["sha256"],
        "notice": " ".join(view.notices),
    }


def _cases(view: RunView, language: str) -> Iterator[Case]:
    yield _verdict(view, language)
    if not view.sound:
        name, said = message("notice.record", language), " ".join(view.notices)
        yield Case("record", name, problem="error", message=said)
    for check in view.record["preflight"]:
        problem = None if check["passed"] else "error"
        yield Case("preflight", check["name"], problem=problem, message=check["detail"])
    for reading in view.record["hypotheses"]:
        for probe in reading["probes"]:
            yield _hypothesis(reading["when"], probe, language)
    for run in view.record["activities"]:
        yield _activity(run, language)
    for gauge in recovery_bars.gauges(view.record):
        yield _recovery(gauge, language)


def _verdict(view: RunView, language: str) -> Case:
    problems = {"held": None, "deviated": "failure"}
    name = f"{view.mode}: {message(f'verdict.{view.verdict}', language)}"
    duration = view.record["period"]["duration"] or 0.0
    problem = problems.get(view.verdict, "error")
    return Case("verdict", name, duration, problem, " ".join(view.reasons))


def _hypothesis(when: str, probe: Record, language: str) -> Case:
    problem = {True: None, False: "failure"}.get(probe["met"], "skipped")
    said = probe["error"] or message("ui.not_met", language)
    return Case(f"hypothesis.{when}", probe["name"], _spent(probe), problem, said)


def _activity(run: Record, language: str) -> Case:
    problem = {"succeeded": None, "failed": "error"}.get(str(run["status"]), "skipped")
    said = run["error"] or message("ui.cut_off", language)
    return Case(run["phase"], run["name"], _spent(run), problem, said)


def _recovery(gauge: recovery_bars.Gauge, language: str) -> Case:
    recovery = gauge.recovery
    problem = RECOVERIES.get(gauge.state)
    measured, rto = wording.bounds(recovery["failover"]), wording.length(recovery["rto"])
    said = f"{message(f'gauge.{gauge.state}', language)}: {measured}, RTO {rto}"
    took = (recovery["failover"] or {}).get("at_most") or 0.0
    return Case("recovery", f"{recovery['target']}: {recovery['test']}", took, problem, said)


def _spent(run: Record) -> float:
    """
    Return how long something ran, 0 where that is not known.
    """
    began, ended = instant(run["began"]), instant(run["ended"])
    return max(0.0, (ended - began).total_seconds()) if began and ended else 0.0


RECOVERIES = {
    **dict.fromkeys(("exceeded", "again", "back"), "failure"),
    **dict.fromkeys(("open", "unseen"), "error"),
    "unproven": "skipped",
}


def _seconds(value: float) -> str:
    return f"{value:.3f}"
