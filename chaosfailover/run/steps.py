"""
The planned cuts: the steps of an experiment that create, start or stop failover tests.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NamedTuple

from chaoslib import substitute

from chaosfailover import arguments
from chaosfailover.errors import ArgumentError, PreflightError
from chaosfailover.run import Activity, Configuration, Experiment, Secrets
from chaosfailover.safety.cut import Cut
from chaosfailover.safety.preflight import PATH_KEYS, ProbedResource
from chaosfailover.verdict.rules.execution import CUTTING, STOPPING

__all__ = [
    "OURS",
    "activities",
    "cuts",
    "hypothesis_probes",
    "idle_rollbacks",
    "pauses",
    "planned_cuts",
    "planned_time",
    "probed_resources",
    "stops_test",
    "substituted",
]

OURS = ("chaosfailover.actions", "chaosfailover.probes")
NAMING = tuple(f"chaosfailover.actions.{func}_failover_test" for func in ("create", "update"))
NUMBER = re.compile(r"\d+")
CLOSE = 0.75
"""How alike two names are, from 0 to 1, for one to be a misspelling of the other."""
METHOD = "method"
HYPOTHESIS = "steady-state hypothesis"
ROLLBACKS = "rollbacks"

Arguments = Mapping[str, object]


class Effect(NamedTuple):
    """
    What an activity does: the cut that it `creates`, and the tests that it `starts` and `stops`.

    `stops` is "" for every test.
    """

    creates: Cut | None = None
    starts: str | None = None
    stops: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """
    One activity on failover tests; `dry` is its own, not that of the run.
    """

    name: str
    place: str
    dry: object
    effect: Effect


def planned_cuts(
    experiment: Experiment, configuration: Configuration, secrets: Secrets
) -> tuple[list[Cut], list[str]]:
    """
    Return the tests that the method creates, and those that it only starts.

    Raises ArgumentError as the actions do, with the name of the activity. Raises PreflightError for
    a cut outside the method, two cuts with no stop between, a name used twice, and a test that is
    only spelt like one that the experiment creates.
    """
    steps = list(_steps(experiment, configuration, secrets))
    _check_spelling(experiment, configuration, secrets)
    _check_cuts(steps)
    method = [step for step in steps if step.place == METHOD]
    _check_turns(method)
    created = [step.effect.creates for step in method if step.effect.creates]
    _check_names(created)
    names = {cut.test for cut in created}
    started = dict.fromkeys(step.effect.starts for step in method if step.effect.starts)
    return created, [test for test in started if test not in names]


def idle_rollbacks(
    experiment: Experiment, configuration: Configuration, secrets: Secrets, tests: Sequence[str]
) -> list[str]:
    """
    Return a warning for each rollback that stops a test which is none of `tests`.
    """
    return [
        f"{step.name} stops {step.effect.stops!r}, which the method does not start"
        for step in _steps(experiment, configuration, secrets)
        if step.place == ROLLBACKS and step.effect.stops
        if not any(_may_stop(step.effect.stops, test) for test in tests)
    ]


def stops_test(activity: Activity) -> bool:
    """
    Tell whether an activity is an action that stops failover tests.
    """
    module, _, func = _function(activity).rpartition(".")
    return module == "chaosfailover.actions" and func in STOPPING


def cuts(experiment: Experiment) -> bool:
    """
    Tell whether an experiment has an action that creates or starts failover tests.
    """
    functions = (_function(activity).rpartition(".") for _, activity in activities(experiment))
    return any(mod == "chaosfailover.actions" and func in CUTTING for mod, _, func in functions)


def pauses(activity: Activity, configuration: Configuration, secrets: Secrets) -> float:
    """
    Return the seconds that the pauses of an activity take.
    """
    return _seconds(substitute(activity.get("pauses"), configuration, secrets))


def planned_time(experiment: Experiment, configuration: Configuration, secrets: Secrets) -> float:
    """
    Return the planned time of the method in seconds: its pauses and its process timeouts.
    """
    method = [activity for place, activity in activities(experiment) if place == METHOD]
    times = (time for activity in method for time in _times(activity))
    return sum(_seconds(substitute(time, configuration, secrets)) for time in times)


def probed_resources(
    experiment: Experiment, configuration: Configuration, secrets: Secrets
) -> list[ProbedResource]:
    """
    Return the resources that our probes read.
    """
    probed = []
    for _, activity in activities(experiment):
        if _function(activity).startswith("chaosfailover.probes."):
            given = substituted(activity, configuration, secrets)
            name, ids = str(activity.get("name")), given.get("resource_ids")
            kind = str(given.get("resource_type", "PHYSICALCONNECTION"))
            several = [(kind, each) for each in ids] if isinstance(ids, list) else []
            single = [(kind, given[key]) for kind, key in PATH_KEYS.items() if key in given]
            probed += [ProbedResource(name, kind, str(each)) for kind, each in [*several, *single]]
    return probed


def _steps(
    experiment: Experiment, configuration: Configuration, secrets: Secrets
) -> Iterator[Step]:
    for place, activity in activities(experiment):
        read = READERS.get(_function(activity))
        if read is None:
            continue
        name = str(activity.get("name"))
        given = substituted(activity, configuration, secrets)
        try:
            yield Step(name, place, activity.get("dry"), read(given))
        except ArgumentError as exc:
            raise ArgumentError(f"{name}: {exc}") from exc


def activities(experiment: Experiment) -> Iterator[tuple[str, Activity]]:
    """
    Yield every activity with its place; a `ref` yields the activity that it names.
    """
    places = [
        (HYPOTHESIS, hypothesis_probes(experiment)),
        (METHOD, _list(experiment.get("method"))),
        (ROLLBACKS, _list(experiment.get("rollbacks"))),
    ]
    both = [(place, activity) for place, group in places for activity in group]
    named = {str(activity["name"]): activity for _, activity in both if "name" in activity}
    for place, activity in both:
        yield place, named.get(str(activity["ref"]), activity) if "ref" in activity else activity


def hypothesis_probes(experiment: Experiment) -> list[Activity]:
    """
    Return the probes of the steady-state hypothesis.
    """
    return _list(_mapping(experiment.get("steady-state-hypothesis")).get("probes"))


def _function(activity: Activity) -> str:
    provider = _mapping(activity.get("provider"))
    return f"{provider.get('module')}.{provider.get('func')}"


def substituted(
    activity: Activity, configuration: Configuration, secrets: Secrets
) -> dict[str, Any]:
    """
    Return the arguments of an activity, with the values of its variables.
    """
    written = _mapping(_mapping(activity.get("provider")).get("arguments"))
    return substitute(written, configuration, secrets) or {}


def _list(value: object) -> list[Activity]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _create(given: Arguments) -> Effect:
    start = arguments.check_switch("start", given.get("start", False))
    if arguments.check_switch("dry_run", given.get("dry_run", False)):
        return Effect()
    cut = _cut(given)
    return Effect(creates=cut, starts=cut.test if start else None)


def _cut(given: Arguments) -> Cut:
    resource_type = arguments.check_resource_type(given.get("resource_type", "PHYSICALCONNECTION"))
    return Cut(
        test=arguments.check_name(given.get("name")),
        resource_ids=tuple(arguments.check_resource_ids(given.get("resource_ids"), resource_type)),
        resource_type=resource_type,
        duration_minutes=arguments.check_duration(given.get("duration_minutes", 5)),
    )


READERS: dict[str, Callable[[Arguments], Effect]] = {
    "chaosfailover.actions.create_failover_test": _create,
    "chaosfailover.actions.start_failover_test": lambda given: Effect(
        starts=arguments.check_test(given.get("test"))
    ),
    "chaosfailover.actions.stop_failover_test": lambda given: Effect(
        stops=arguments.check_test(given.get("test"))
    ),
    "chaosfailover.actions.stop_running_failover_tests": lambda _: Effect(stops=""),
}


def _check_spelling(experiment: Experiment, configuration: Configuration, secrets: Secrets) -> None:
    """
    Refuse the name of a test that looks like one that is created, but is none.

    A name of another kind, and one with another number, may be that of an existing test.
    """
    ours = [
        (activity, substituted(activity, configuration, secrets))
        for _, activity in activities(experiment)
        if _function(activity).rpartition(".")[0] in OURS
    ]
    names = [given.get("name") for activity, given in ours if _function(activity) in NAMING]
    created = {name for name in names if isinstance(name, str)}
    for activity, given in ours:
        test = given.get("test")
        if isinstance(test, str) and test not in created and (meant := _meant(test, created)):
            raise PreflightError(
                f"{activity.get('name')}: test is {test!r}, which no activity creates "
                f"(did you mean {meant}?)"
            )


def _meant(test: str, created: Iterable[str]) -> str:
    """
    Return the name that a misspelt one means, "" if it is none, such as an ID.
    """
    plain = NUMBER.sub("", test)
    others = [name for name in created if NUMBER.sub("", name) != plain]
    is_id = test.startswith(arguments.JOB_PREFIX)
    return "" if is_id else next(iter(get_close_matches(test, others, 1, CLOSE)), "")


def _check_cuts(steps: Iterable[Step]) -> None:
    for step in steps:
        test = step.effect.starts
        if test and step.place != METHOD:
            raise PreflightError(
                f"{step.name} would start {test!r} in the {step.place}; "
                "only the method may start a test"
            )
        if test and step.dry:
            raise PreflightError(
                f"{step.name}: dry is {step.dry!r} for this activity alone, which the toolkit "
                "ignores; use `chaos run --dry`"
            )


def _check_turns(method: Iterable[Step]) -> None:
    """
    Refuse a cut while another test runs. An ID and a name may be those of one test.
    """
    running: str | None = None
    for step in method:
        starts, stops = step.effect.starts, step.effect.stops
        if starts and running:
            raise PreflightError(
                f"{step.name} would start {starts!r} while {running!r} is running; stop that first"
            )
        if stops is not None and running and _may_stop(stops, running):
            running = None
        running = starts or running


def _may_stop(stopped: str, running: str) -> bool:
    is_id = [name.startswith(arguments.JOB_PREFIX) for name in (stopped, running)]
    return stopped in ("", running) or is_id[0] != is_id[1]


def _check_names(created: Iterable[Cut]) -> None:
    seen: set[str] = set()
    for cut in created:
        if cut.test in seen:
            raise PreflightError(f"{cut.test!r} is the name of two tests that the method creates")
        seen.add(cut.test)


def _times(activity: Activity) -> Iterator[object]:
    """
    Yield the pauses and the process timeout of an activity, as they are written.
    """
    pauses = activity.get("pauses")
    yield from pauses.values() if isinstance(pauses, Mapping) else [pauses]
    provider = _mapping(activity.get("provider"))
    if provider.get("type") == "process":
        yield provider.get("timeout")


def _seconds(time: object) -> float:
    times = time.values() if isinstance(time, Mapping) else [time]
    return sum(arguments.number(value) or 0.0 for value in times)
