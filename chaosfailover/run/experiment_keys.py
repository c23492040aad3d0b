"""
The keys of an experiment that the toolkit reads, and those that are only spelt like one.

The toolkit ignores a key that it does not know: with `rollback` for `rollbacks`, nothing would be
rolled back and nobody would say so.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from chaosfailover.errors import ArgumentError

__all__ = ["check_keys"]


class Shape(NamedTuple):
    """
    The keys of an object, and the shapes of the objects, or of those in the lists, under them.
    """

    keys: tuple[str, ...]
    inner: Mapping[str, "Shape"] = {}


PAUSES = Shape(("before", "after"))
CONTROL = Shape(("name", "provider", "scope", "automatic", "description"))
ACTIVITY = Shape(
    (
        *("type", "name", "provider", "tolerance", "pauses", "background", "controls", "ref"),
        *("dry", "configuration", "secrets", "frequency", "description", "timeout"),
    ),
    {"pauses": PAUSES, "controls": CONTROL},
)
HYPOTHESIS = Shape(
    ("title", "probes", "controls", "description"), {"probes": ACTIVITY, "controls": CONTROL}
)
ROLLBACKS = Shape(("strategy",))
RUNTIME = Shape(
    ("hypothesis", "rollbacks", "python"),
    {"hypothesis": Shape(("strategy", "frequency", "fail_fast")), "rollbacks": ROLLBACKS},
)
EXPERIMENT = Shape(
    (
        *("version", "title", "description", "contributions", "tags", "configuration", "secrets"),
        *("extensions", "controls", "runtime", "steady-state-hypothesis", "method", "rollbacks"),
        "dry",
    ),
    {
        "controls": CONTROL,
        "runtime": RUNTIME,
        "steady-state-hypothesis": HYPOTHESIS,
        "method": ACTIVITY,
        "rollbacks": ACTIVITY,
    },
)
STRATEGIES = ("always", "default", "deviated", "never")
CLOSE = 0.75
"""How alike two keys are, from 0 to 1, for one to be a misspelling of the other."""
SHORTEST_PART = 6
"""A part of a key, such as `hypothesis`, is a misspelling of it from this length on."""


def check_keys(experiment: Mapping[str, object]) -> None:
    """
    Raise ArgumentError for a key that looks like one that the toolkit reads, but is none.

    A key of another kind is a user's own, and left alone. So is a rollback strategy that is read
    from elsewhere, but an unknown one would never roll back.
    """
    for place, meant in _misspelt(experiment, EXPERIMENT, ""):
        raise ArgumentError(f"the experiment's key {place} is unknown (did you mean {meant}?)")
    strategy = _strategy(experiment)
    if strategy is not None and strategy not in STRATEGIES and "${" not in str(strategy):
        raise ArgumentError(
            f"the experiment's runtime.rollbacks.strategy is {strategy!r}, expected one of "
            f"{', '.join(STRATEGIES)}"
        )


def _strategy(experiment: Mapping[str, object]) -> object:
    value: object = experiment
    for key in ("runtime", "rollbacks", "strategy"):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _misspelt(value: object, shape: Shape, place: str) -> Iterator[tuple[str, str]]:
    """
    Yield the place of each misspelt key, and the key that is meant.
    """
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _misspelt(item, shape, f"{place}[{index}]")
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        at = f"{place}.{key}" if place else str(key)
        if key not in shape.keys and (meant := _meant(key, shape.keys)):
            yield at, meant
        elif key in shape.inner:
            yield from _misspelt(inner, shape.inner[key], at)


def _meant(key: object, keys: tuple[str, ...]) -> str | None:
    plain = str(key).strip().lower().replace("_", "-").replace(" ", "-")
    parts = [each for each in keys if len(plain) >= SHORTEST_PART and plain in each]
    return next(iter([*get_close_matches(plain, keys, 1, CLOSE), *parts]), None)
