"""
The texts of a plan's files, rendered from the templates beside this module.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from math import ceil
from shlex import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from chaosfailover.plan.choice import RTO, PlannedTest, RegionPlan
from chaosfailover.plan.planned_experiment import EXTENSION
from chaosfailover.plan.portals import EXAMPLE, Portal
from chaosfailover.plan.topology import Topology

__all__ = [
    "MINUTES",
    "as_code",
    "as_yaml",
    "circuit_experiment",
    "counted",
    "game_day",
    "render",
    "targets_file",
    "topology_file",
]

MINUTES = 5
"""The shortest duration of a planned test, in minutes."""

PAUSE = 4
"""How long a game day observes the traffic after a restoration, in seconds."""

PLAIN = re.compile(r"[a-z]+[-/][\w./-]*|(?!(?i:true|false|null)$)[A-Za-z]{4,}", re.ASCII)
NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def circuit_experiment(plan: RegionPlan, test: PlannedTest, portal: Portal) -> str:
    """
    Render the experiment of one circuit.

    Region, role and resources are fixed values, so that no variable can direct it elsewhere.
    """
    return render(
        "experiment.yaml.j2",
        plan=plan,
        test=test,
        portal=portal,
        late=_late([test]),
        minutes=MINUTES,
    )


def game_day(plan: RegionPlan, portals: Mapping[str, Portal]) -> str:
    """
    Render the experiment that runs all tests of a region, one after another.
    """
    return render(
        "game-day.yaml.j2",
        plan=plan,
        portals=portals,
        targets={test.circuit_id: portals[test.circuit_id].entry for test in plan.tests},
        late=_late(plan.tests),
        minutes=max(MINUTES, ceil(2 * PAUSE * len(plan.tests) / 60)),
    )


def topology_file(topology: Topology) -> str:
    """
    Render the topology of a region.
    """
    return render("topology.yaml.j2", topology=topology)


def targets_file(portals: Iterable[Portal]) -> str:
    """
    Render the variables of live runs, one a line and without quotes.
    """
    return render("targets.env.j2", portals=portals)


def render(template: str, **values: object) -> str:
    """
    Render one of the package's templates.
    """
    return _environment().get_template(template).render(values)


def as_yaml(value: object) -> str:
    """
    Write a value as YAML in one line: plain where that is safe, else as JSON.
    """
    if isinstance(value, str) and PLAIN.fullmatch(value):
        return value
    text = json.dumps(value, ensure_ascii=False)
    return NOT_IN_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def as_code(names: Iterable[str]) -> str:
    """
    Write names as Markdown code, separated by commas.
    """
    return ", ".join(f"`{name}`" for name in names) or "nothing"


def counted(count: int, noun: str) -> str:
    """
    Write a count with its noun.
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - it renders YAML and Markdown, no HTML
        loader=PackageLoader("chaosfailover.plan"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(yaml=as_yaml, shell=quote, code=as_code, counted=counted)
    environment.globals.update(rto=RTO, pause=PAUSE, example=EXAMPLE, extension_name=EXTENSION)
    return environment


def _late(tests: Iterable[PlannedTest]) -> list[str]:
    return [test.test_name for test in tests if test.expected != "held"]
