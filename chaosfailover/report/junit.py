"""
The JUnit report: what a CI dashboard counts.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from xml.etree import ElementTree

from chaosfailover.i18n import message
from chaosfailover.record import Record
from chaosfailover.report import flows
from chaosfailover.report import formatting as wording
from chaosfailover.report.charts import rto_bars
from chaosfailover.report.view import RunView
from chaosfailover.verdict.journal import brief, instant

__all__ = ["render_junit"]


@dataclass(frozen=True, slots=True)
class Case:
    """
    A test case: `problem` is None or the tag that says how it went, `lines` say why. `output` is
    what was seen, whatever it came to.
    """

    group: str
    name: str
    time: float = 0.0
    problem: str | None = None
    lines: Sequence[str] = ()
    output: Sequence[str] = ()


def render_junit(views: Sequence[RunView], language: str) -> str:
    """
    Render a suite for each run: its verdict, checks, hypotheses, activities and recoveries.

    No two cases of the file have the same class name and name, since dashboards would merge them.
    """
    root = ElementTree.Element("testsuites", name="chaostoolkit-failover")
    names: Counter[tuple[str, str]] = Counter()
    for view in views:
        title = brief(view.title or "?", 200)
        file = f" ({brief(view.file, 200)})" if view.file and len(views) > 1 else ""
        suite = ElementTree.SubElement(root, "testsuite", name=f"{title}{file}")
        cases = list(_cases(view, language))
        _describe(suite, view, cases)
        for case in cases:
            classname = case.group if len(views) == 1 else f"{case.group}.{title}"
            name = _unique(classname, brief(case.name, 200) or "?", names)
            _add_case(suite, case, {"classname": classname, "name": name})
    ElementTree.indent(root)
    written = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{written}\n'


def _unique(classname: str, name: str, names: Counter[tuple[str, str]]) -> str:
    """
    Return a name, numbered if there is another case of that name, and count it.
    """
    unique = name
    while names[classname, unique]:
        names[classname, name] += 1
        unique = f"{name} ({names[classname, name]})"
    names[classname, unique] += 1
    return unique


def _describe(suite: ElementTree.Element, view: RunView, cases: Sequence[Case]) -> None:
    period = view.record["period"]
    suite.set("tests", str(len(cases)))
    for name, tag in COUNTS.items():
        suite.set(name, str(sum(case.problem == tag for case in cases)))
    suite.set("time", _seconds(period["duration"] or 0.0))
    if period["began"]:
        suite.set("timestamp", period["began"][:19])
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _properties(view).items():
        if value:
            ElementTree.SubElement(properties, "property", name=name, value=brief(value))


COUNTS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def _add_case(suite: ElementTree.Element, case: Case, names: dict[str, str]) -> None:
    element = ElementTree.SubElement(suite, "testcase", names, time=_seconds(case.time))
    if case.problem:
        lines = [line for each in case.lines if (line := brief(each, 1000))] or [names["name"]]
        message = brief(" ".join(lines), 1000)
        problem = ElementTree.SubElement(element, case.problem, message=message)
        problem.text = "\n".join(lines)
    if case.output:
        ElementTree.SubElement(element, "system-out").text = "\n".join(case.output)


def _properties(view: RunView) -> dict[str, str | None]:
    place = view.record["place"]
    return {
        "mode": view.mode,
        "verdict": view.verdict,
        **{key: place[key] for key in ("region_id", "account_id", "endpoint", "topology")},
        "change_ticket": view.record["people"]["change_ticket"],
        "sha256": view.record["sha256"],
        "notice": " ".join(view.notices),
        "file": view.file,
    }


def _cases(view: RunView, language: str) -> Iterator[Case]:
    yield _verdict(view, language)
    if not view.sound:
        name = message("notice.record", language)
        yield Case("record", name, problem="error", lines=view.notices)
    for check in view.record["preflight"]:
        name = wording.check_name(check["name"], language)
        problem = None if check["passed"] else "error"
        yield Case("preflight", name, problem=problem, lines=[check["detail"]])
    for reading in view.record["hypotheses"]:
        for probe in reading["probes"]:
            yield _hypothesis(reading["when"], probe, language)
    for run in view.record["activities"]:
        yield _activity(run, language)
    for gauge in rto_bars.gauges(view.record):
        yield _recovery(gauge, language)


def _verdict(view: RunView, language: str) -> Case:
    problems = {"held": None if view.sound else "error", "deviated": "failure"}
    word = wording.verdict(view.verdict, partial(_say, language), sound=view.sound)
    name = f"{view.mode}: {word}"
    duration = view.record["period"]["duration"] or 0.0
    problem = problems.get(view.verdict, "error")
    lines = view.reasons if view.sound else [*view.notices, *view.reasons]
    return Case("verdict", name, duration, problem, lines)


def _hypothesis(when: str, probe: Record, language: str) -> Case:
    problem = {True: None, False: "failure"}.get(probe["met"], "skipped")
    why = probe["error"] or message("ui.not_met", language)
    return Case(f"hypothesis.{when}", probe["name"], _spent(probe), problem, [why])


def _activity(run: Record, language: str) -> Case:
    problem = {"succeeded": None, "failed": "error"}.get(str(run["status"]), "skipped")
    why = run["error"] or message("ui.cut_off", language)
    return Case(run["phase"], run["name"], _spent(run), problem, [why])


def _recovery(gauge: rto_bars.Gauge, language: str) -> Case:
    recovery = gauge.recovery
    problem = RECOVERIES.get(gauge.state)
    measured, rto = wording.bounds(recovery["failover"]), wording.length(recovery["rto"])
    why = f"{message(f'gauge.{gauge.state}', language)}: {measured}, RTO {rto}"
    took = (recovery["failover"] or {}).get("at_most") or 0.0
    name, seen = f"{recovery['target']}: {recovery['test']}", _flows(recovery, language)
    return Case("recovery", name, took, problem, [why], seen)


def _flows(recovery: Record, language: str) -> list[str]:
    """
    Return how many flows were lost, and on which way, where that is known.
    """
    speak = partial(_say, language)
    told = [flows.lost(recovery, speak)] if recovery.get("flows") else []
    return [*told, *([flows.by_direction(recovery, speak)] if recovery.get("directions") else [])]


def _say(language: str, key: str, **values: object) -> str:
    return message(key, language, **values)


def _spent(run: Record) -> float:
    """
    Return how long an activity ran, 0 where that is unknown.
    """
    began, ended = instant(run["began"]), instant(run["ended"])
    return max(0.0, (ended - began).total_seconds()) if began and ended else 0.0


RECOVERIES = {
    **dict.fromkeys(("exceeded", "again", "back"), "failure"),
    **dict.fromkeys(("open", "unended", "unseen"), "error"),
    "unproven": "skipped",
}


def _seconds(value: float) -> str:
    return f"{value:.3f}"
