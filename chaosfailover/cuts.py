"""
The cuts that an experiment plans, read from its method before anything is sent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chaoslib import substitute
from chaoslib.types import Activity, Configuration, Experiment, Secrets

from chaosfailover import arguments
from chaosfailover.errors import ArgumentError

__all__ = ["Cut", "planned_cuts", "planned_time"]

CREATE = ("chaosfailover.actions", "create_failover_test")
START = ("chaosfailover.actions", "start_failover_test")


@dataclass(frozen=True, slots=True)
class Cut:
    """
    What one failover test takes down and for how long at most.

    `job_id` is empty for a test that the experiment has yet to create.
    """

    test: str
    resource_ids: tuple[str, ...]
    resource_type: str
    duration_minutes: int
    job_id: str = ""


def planned_cuts(
    experiment: Experiment, configuration: Configuration, secrets: Secrets
) -> tuple[list[Cut], list[str]]:
    """
    Return the tests that the method creates, and those that it starts but does not create.

    Raises ArgumentError as the actions themselves would, with the name of the activity.
    """
    created: list[Cut] = []
    started: list[str] = []
    for activity in experiment.get("method") or []:
        given = substitute(activity_arguments(activity), configuration, secrets) or {}
        try:
            if _calls(activity) == CREATE:
                created.append(_cut(given))
            elif _calls(activity) == START:
                started.append(arguments.check_test(given.get("test")))
        except ArgumentError as exc:
            raise ArgumentError(f"{activity.get('name')}: {exc}") from exc
    named = {cut.test for cut in created}
    return created, [test for test in started if test not in named]


def planned_time(experiment: Experiment) -> float:
    """
    Return how long the method says it takes, in seconds: its pauses and its process timeouts.
    """
    return sum(_seconds(activity) for activity in experiment.get("method") or [])


def activity_arguments(activity: Activity) -> Mapping[str, Any]:
    """
    Return the arguments of a Python activity; empty for every other.
    """
    given = activity.get("provider", {}).get("arguments")
    return given if isinstance(given, Mapping) else {}


def _calls(activity: Activity) -> tuple[Any, Any]:
    provider = activity.get("provider", {})
    return provider.get("module"), provider.get("func")


def _cut(given: Mapping[str, Any]) -> Cut:
    resource_type = arguments.check_resource_type(given.get("resource_type", "PHYSICALCONNECTION"))
    return Cut(
        test=arguments.check_name(given.get("name")),
        resource_ids=tuple(arguments.check_resource_ids(given.get("resource_ids"), resource_type)),
        resource_type=resource_type,
        duration_minutes=arguments.check_duration(given.get("duration_minutes", 5)),
    )


def _seconds(activity: Activity) -> float:
    pauses = activity.get("pauses") or {}
    return sum(_known(pauses.get(when)) for when in ("before", "after")) + (
        _known(activity["provider"].get("timeout"))
        if activity.get("provider", {}).get("type") == "process"
        else 0.0
    )


def _known(value: Any) -> float:
    values: Iterable[Any] = value if isinstance(value, list) else [value]
    return sum(arguments.number(one) or 0.0 for one in values)
