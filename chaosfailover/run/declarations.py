"""
The declarations of our control: in the settings, in control files, and in the experiment.
"""

import inspect
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from chaoslib.control import get_global_controls
from chaoslib.exceptions import InvalidControl
from chaoslib.settings import get_loaded_settings

from chaosfailover.run import Experiment
from chaosfailover.verdict.values import mapping

__all__ = [
    "check_declarations",
    "check_scope",
    "declared_arguments",
    "is_called",
    "validated_experiment",
]

MODULE = "chaosfailover.control"
ACTIVITIES = ("method", "rollbacks")

Control = Mapping[str, object]


class Declaration(NamedTuple):
    """
    A control, and where it is declared.
    """

    control: Control
    place: str

    def __str__(self) -> str:
        return f"{self.control.get('name')!r} in {self.place}"


def check_declarations(experiment: Experiment) -> None:
    """
    Raise InvalidControl for a second control, wherever both are declared, and for one that the
    toolkit would not call, or only in part.

    The toolkit would call the hooks of each: one of them would be without effect, with all its
    arguments.
    """
    ours = [each for each in _declarations(experiment) if _is_ours(each.control)]
    if len(ours) > 1:
        raise InvalidControl(
            f"{MODULE} is declared {len(ours)} times, expected once: "
            f"{', and '.join(map(str, ours))}; keep one of them, with the arguments of all"
        )
    for declaration in ours:
        check_scope(declaration.control)


def is_called(experiment: Experiment) -> bool:
    """
    Tell whether our control is declared where the toolkit calls it before the experiment: not at
    its hypothesis or at an activity.
    """
    whole = (*_global_declarations(), *_declared_in(experiment, "the experiment"))
    return any(_is_ours(control) for control, _ in whole)


def declared_arguments(experiment: Experiment) -> Mapping[str, object] | None:
    """
    Return the arguments of our control, wherever it is declared; None if it is not.
    """
    for control, _ in _declarations(experiment):
        if _is_ours(control):
            given = mapping(control["provider"]).get("arguments")
            return mapping(given)
    return None


def check_scope(control: Control) -> None:
    """
    Raise InvalidControl for a `scope`, for `automatic: false` and for another type than `python`:
    the toolkit leaves out hooks, so there would be no verdict, or no guard.
    """
    if control.get("automatic", True) is not True:
        raise InvalidControl(
            f"control {control.get('name')!r}: automatic is {control['automatic']!r}, but the "
            "control must run around each activity: leave automatic out"
        )
    if scope := control.get("scope"):
        raise InvalidControl(
            f"control {control.get('name')!r}: scope is {scope!r}, but the control must run "
            "before and after the experiment: leave scope out"
        )
    if (kind := mapping(control.get("provider")).get("type")) != "python":
        raise InvalidControl(
            f"control {control.get('name')!r}: the type of its provider is {kind!r}, expected "
            "'python': the toolkit would not call it"
        )


def validated_experiment() -> Experiment | None:
    """
    Return the experiment that the toolkit validates now, whose controls are each shown themselves
    alone; None outside its validation.
    """
    frame = inspect.currentframe()
    while frame and frame.f_code.co_name != "validate_controls":
        frame = frame.f_back
    return frame.f_locals.get("experiment") if frame else None


def _declarations(experiment: Experiment) -> Iterator[Declaration]:
    yield from _global_declarations()
    yield from _declared_in(experiment, "the experiment")
    hypothesis = experiment.get("steady-state-hypothesis")
    yield from _declared_in(hypothesis, "the steady-state hypothesis")
    probes = hypothesis.get("probes") if isinstance(hypothesis, Mapping) else None
    for activities in (probes, *map(experiment.get, ACTIVITIES)):
        for activity in activities if isinstance(activities, list) else ():
            yield from _declared_in(activity, f"the activity {_name(activity)!r}")


def _global_declarations() -> Iterator[Declaration]:
    """
    Yield those of settings and control files. `chaos validate` reads the settings alone, and loads
    no controls from them.
    """
    named = mapping(mapping(get_loaded_settings()).get("controls"))
    for name, control in named.items():
        yield Declaration({"name": name, **mapping(control)}, "the settings")
    for control in get_global_controls():
        if not any(control is each for each in named.values()):
            yield Declaration(control, "a control file")


def _declared_in(owner: object, place: str) -> Iterator[Declaration]:
    controls = owner.get("controls") if isinstance(owner, Mapping) else None
    for number, control in enumerate(controls or (), start=1):
        yield Declaration(control, f"{place} (number {number})")


def _is_ours(control: Control) -> bool:
    provider = control.get("provider")
    return isinstance(provider, Mapping) and provider.get("module") == MODULE


def _name(activity: object) -> object:
    return activity.get("name") if isinstance(activity, Mapping) else activity
