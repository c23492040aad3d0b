"""
The steps of an experiment that create, cut or stop failover tests, read before anything is sent.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chaoslib import substitute
from chaoslib.types import Activity, Configuration, Experiment, Secrets

from chaosfailover import arguments
from chaosfailover.errors import ArgumentError, PreflightError
from chaosfailover.safety.cut import Cut

__all__ = ["planned_cuts", "planned_time"]

METHOD = "method"
HYPOTHESIS = "steady-state hypothesis"
ROLLBACKS = "rollbacks"


@dataclass(frozen=True, slots=True)
class Step:
    """
    One activity that does something to a failover test, with its arguments as it will get them.

    `dry` is its own, not that of the run. `cut` is what it creates. `cuts` and `stops` name a test,
    `stops` every one with "".
    """

    name: str
    place: str
    dry: Any
    cut: Cut | None = None
    cuts: str | None = None
    stops: str | None = None


def planned_cuts(
    experiment: Experiment, configuration: Configuration, secrets: Secrets
) -> tuple[list[Cut], list[str]]:
    """
    Return the tests that the method creates, and those that it starts but does not create.

    Raises ArgumentError as the actions themselves would, with the name of the activity, and
    PreflightError for a cut outside the method, two with no stop between, and a name used twice.
    """
    steps = list(_steps(experiment, configuration, secrets))
    _check_cuts(steps)
    method = [step for step in steps if step.place == METHOD]
    _check_turns(method)
    created = [step.cut for step in method if step.cut]
    _check_names(created)
    named = {cut.test for cut in created}
    started = dict.fromkeys(step.cuts for step in method if step.cuts)
    return created, [test for test in started if test not in named]


def planned_time(experiment: Experiment, configuration: Configuration, secrets: Secrets) -> float:
    """
    Return how long the method says it takes, in seconds: its pauses and its process timeouts.
    """
    method = [activity for place, activity in _activities(experiment) if place == METHOD]
    times = (substitute(time, configuration, secrets) for one in method for time in _times(one))
    return sum(_known(time) for time in times)


def _steps(
    experiment: Experiment, configuration: Configuration, secrets: Secrets
) -> Iterator[Step]:
    for place, activity in _activities(experiment):
        read = READERS.get(_calls(activity))
        if read is None:
            continue
        name = str(activity.get("name"))
        given = substitute(_arguments(activity), configuration, secrets) or {}
        try:
            yield Step(name, place, activity.get("dry"), **read(given))
        except ArgumentError as exc:
            raise ArgumentError(f"{name}: {exc}") from exc


def _activities(experiment: Experiment) -> Iterator[tuple[str, Activity]]:
    """
    Yield every activity with its place; one that refers to another stands for that one.
    """
    hypothesis = experiment.get("steady-state-hypothesis") or {}
    places = [
        (HYPOTHESIS, hypothesis.get("probes") or []),
        (METHOD, experiment.get("method") or []),
        (ROLLBACKS, experiment.get("rollbacks") or []),
    ]
    named = {one["name"]: one for _, activities in places for one in activities if "name" in one}
    for place, activities in places:
        for activity in activities:
            yield place, named.get(activity.get("ref"), activity)


def _calls(activity: Activity) -> str:
    provider = activity.get("provider", {})
    return f"{provider.get('module')}.{provider.get('func')}"


def _arguments(activity: Activity) -> Mapping[str, Any]:
    given = activity.get("provider", {}).get("arguments")
    return given if isinstance(given, Mapping) else {}


def _created(given: Mapping[str, Any]) -> dict[str, Any]:
    start = arguments.check_switch("start", given.get("start", False))
    if arguments.check_switch("dry_run", given.get("dry_run", False)):
        return {}
    cut = _cut(given)
    return {"cut": cut, "cuts": cut.test if start else None}


def _cut(given: Mapping[str, Any]) -> Cut:
    resource_type = arguments.check_resource_type(given.get("resource_type", "PHYSICALCONNECTION"))
    return Cut(
        test=arguments.check_name(given.get("name")),
        resource_ids=tuple(arguments.check_resource_ids(given.get("resource_ids"), resource_type)),
        resource_type=resource_type,
        duration_minutes=arguments.check_duration(given.get("duration_minutes", 5)),
    )


READERS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "chaosfailover.actions.create_failover_test": _created,
    "chaosfailover.actions.start_failover_test": lambda given: {
        "cuts": arguments.check_test(given.get("test"))
    },
    "chaosfailover.actions.stop_failover_test": lambda given: {
        "stops": arguments.check_test(given.get("test"))
    },
    "chaosfailover.actions.stop_running_failover_tests": lambda _: {"stops": ""},
}


def _check_cuts(steps: Iterable[Step]) -> None:
    for step in steps:
        if step.cuts and step.place != METHOD:
            raise PreflightError(
                f"{step.name}: {step.cuts!r} would be cut in the {step.place}, "
                "where nothing may be: a cut belongs in the method"
            )
        if step.cuts and step.dry:
            raise PreflightError(
                f"{step.name}: dry is {step.dry!r} for this activity alone, which the toolkit does "
                "not heed: give it to the run, as --dry"
            )


def _check_turns(method: Iterable[Step]) -> None:
    """
    Refuse a cut while another is still made. An ID and a name may be those of one test.
    """
    running: str | None = None
    for step in method:
        if step.cuts and running:
            raise PreflightError(
                f"{step.name}: {step.cuts!r} would be cut while {running!r} is: stop that before"
            )
        if step.stops is not None and running and _may_stop(step.stops, running):
            running = None
        running = step.cuts or running


def _may_stop(stopped: str, running: str) -> bool:
    is_id = [name.startswith(arguments.JOB_PREFIX) for name in (stopped, running)]
    return stopped in ("", running) or is_id[0] != is_id[1]


def _check_names(created: Iterable[Cut]) -> None:
    seen: set[str] = set()
    for cut in created:
        if cut.test in seen:
            raise PreflightError(f"{cut.test!r} is the name of two tests that the method creates")
        seen.add(cut.test)


def _times(activity: Activity) -> Iterator[Any]:
    """
    Yield what an activity says of the time that it takes, as it is written.
    """
    pauses = activity.get("pauses")
    yield from pauses.values() if isinstance(pauses, Mapping) else [pauses]
    if activity.get("provider", {}).get("type") == "process":
        yield activity["provider"].get("timeout")


def _known(time: Any) -> float:
    times = time.values() if isinstance(time, Mapping) else [time]
    return sum(arguments.number(one) or 0.0 for one in times)
