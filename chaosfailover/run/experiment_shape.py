"""
The shape of an experiment, and of what a run is given beside it: the keys that the toolkit reads,
and the kinds of their values.

The toolkit ignores a key that it does not know: with `rollback` for `rollbacks`, nothing would be
rolled back and nobody would say so. For a value of another kind it ends with an error of Python.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from chaosfailover.errors import ArgumentError
from chaosfailover.record.sections.setting import ROLES
from chaosfailover.verdict.journal import PEOPLE
from chaosfailover.verdict.values import mappings

__all__ = ["EXPERIMENT", "SETTINGS", "VARIABLES", "check_keys", "check_kinds", "controls_shape"]


class Kind(NamedTuple):
    """
    What the toolkit takes a value for without a look.
    """

    name: str
    fits: Callable[[object], bool]


class Shape(NamedTuple):
    """
    The keys of an object, the shapes of the objects, or of those in the lists, under them, and the
    kinds of values; the toolkit looks at the `optional` ones only if there is something in them.

    In an `open` object, users have keys of their own, such as `lead_operator`.
    """

    keys: tuple[str, ...]
    inner: Mapping[str, "Shape"] = {}
    kinds: Mapping[str, Kind] = {}
    optional: tuple[str, ...] = ()
    open: bool = False


MAPPING = Kind("a mapping", lambda value: isinstance(value, dict))
LISTING = Kind("a list", lambda value: isinstance(value, list))
MAPPINGS = Kind(
    "a list of mappings",
    lambda value: isinstance(value, list) and all(isinstance(each, dict) for each in value),
)

PAUSES = Shape(("before", "after"))
# Its keys depend on its type.
PROVIDER = Shape(())
# Its keys depend on its name.
EXTENSION = Shape(())
FAILOVER = "failover"
"""The extension that the record takes the people from."""
PEOPLE_EXTENSION = Shape(
    PEOPLE, {"roles": Shape(ROLES, open=True)}, {"roles": MAPPING}, ("roles",), open=True
)
PYTHON = Shape((), kinds={"arguments": MAPPING})
CONTROL = Shape(
    ("name", "provider", "scope", "automatic", "description"),
    {"provider": PROVIDER},
    {"provider": MAPPING},
)
ACTIVITY = Shape(
    (
        *("type", "name", "provider", "tolerance", "pauses", "background", "controls", "ref"),
        *("dry", "frequency", "description"),
    ),
    {
        "pauses": PAUSES,
        "controls": CONTROL,
        "provider": PROVIDER,
        "tolerance": Shape((), {"provider": PROVIDER}),
    },
    {"pauses": MAPPING, "controls": MAPPINGS, "provider": MAPPING},
)
HYPOTHESIS = Shape(
    ("title", "probes", "controls", "description"),
    {"probes": ACTIVITY, "controls": CONTROL},
    {"probes": MAPPINGS, "controls": MAPPINGS},
)
ROLLBACKS = Shape(("strategy",))
RUNTIME = Shape(
    ("hypothesis", "rollbacks", "python"),
    {"hypothesis": Shape(("strategy", "frequency", "fail_fast")), "rollbacks": ROLLBACKS},
    {"hypothesis": MAPPING, "rollbacks": MAPPING},
)
EXPERIMENT = Shape(
    (
        *("version", "title", "description", "contributions", "tags", "configuration", "secrets"),
        *("extensions", "controls", "runtime", "steady-state-hypothesis", "method", "rollbacks"),
        "dry",
    ),
    {
        "extensions": EXTENSION,
        "controls": CONTROL,
        "runtime": RUNTIME,
        "steady-state-hypothesis": HYPOTHESIS,
        "method": ACTIVITY,
        "rollbacks": ACTIVITY,
    },
    {
        "configuration": MAPPING,
        "secrets": MAPPING,
        "tags": LISTING,
        "extensions": MAPPINGS,
        "controls": MAPPINGS,
        "runtime": MAPPING,
        "steady-state-hypothesis": MAPPING,
        "method": MAPPINGS,
        "rollbacks": MAPPINGS,
    },
    ("tags", "extensions", "runtime"),
)
SETTINGS = Shape(
    ("auths", "controls", "dashboard", "notifications", "runtime"),
    {"runtime": RUNTIME},
    {"controls": MAPPING, "runtime": MAPPING},
)
VARIABLES = Shape(("configuration", "secrets"), {}, {"configuration": MAPPING, "secrets": MAPPING})
MISPLACED = {
    "secrets": "name them in its provider",
    "timeout": "give it to its provider",
    "configuration": "the toolkit passes that of the experiment",
}
"""Keys of an activity that the toolkit takes, and does nothing with."""
STRATEGIES = ("always", "default", "deviated", "never")
CLOSE = 0.75
"""How alike two keys are, from 0 to 1, for one to be a misspelling of the other."""
CLOSER = 0.85
"""The same in an open object, where `rules` may stand beside `roles`."""
OWN = ("x-", "-", ".")
"""How keys begin that are users' own in any case, such as the place of YAML anchors."""
NUMBER = re.compile(r"s?_?\d*$")
"""What several people of a role have at the end of its name."""
SHORTEST_PART = 6
"""A part of a key, such as `hypothesis`, is a misspelling of it from this length on."""


def check_keys(
    document: Mapping[str, object],
    expected: Shape = EXPERIMENT,
    name: str = "the experiment's",
) -> None:
    """
    Raise ArgumentError for a key that looks like one that the toolkit or the record reads, but is
    none, and for one that has no effect where it is.

    A key of another kind is a user's own, and left alone. So is a rollback strategy that is read
    from elsewhere, but an unknown one would never roll back.
    """
    _check_extensions(document)
    for value, shape, place in _objects(document, expected, ""):
        for key in value:
            if shape is ACTIVITY:
                _check_effect(f"{name} key {_at(place, key)}", key, value)
            if key not in shape.keys and (meant := _meant(key, shape)):
                raise ArgumentError(
                    f"{name} key {_at(place, key)} is unknown (did you mean {meant}?)"
                )
    strategy = _strategy(document)
    if strategy is not None and strategy not in STRATEGIES and "${" not in str(strategy):
        raise ArgumentError(
            f"{name} runtime.rollbacks.strategy is {strategy!r}, expected one of "
            f"{', '.join(STRATEGIES)}"
        )


def _check_effect(name: str, key: object, activity: Mapping[str, object]) -> None:
    if activity.get(str(key)) is None:
        return
    if advice := MISPLACED.get(str(key)):
        raise ArgumentError(f"{name} has no effect there: {advice}")
    if key == "tolerance" and activity.get("type") == "action":
        raise ArgumentError(f"{name} has no effect: the toolkit judges probes only")


def controls_shape(names: Iterable[str]) -> Shape:
    """
    Return the shape of controls by their names, as settings and control files declare them.
    """
    return Shape((), dict.fromkeys(names, CONTROL), dict.fromkeys(names, MAPPING))


def check_kinds(name: str, document: Mapping[str, object], expected: Shape = EXPERIMENT) -> None:
    """
    Raise ArgumentError for a value of another kind than the toolkit takes for granted.

    `name` is that of the file. Values are not shown, since they may be secret.
    """
    for value, shape, place in _objects(document, expected, ""):
        for key, kind in shape.kinds.items():
            given = value.get(key)
            if key not in value or kind.fits(given) or (not given and key in shape.optional):
                continue
            raise ArgumentError(
                f"{name}: {_at(place, key)} has {_found(given, kind)}, expected {kind.name}"
            )


def _check_extensions(experiment: Mapping[str, object]) -> None:
    """
    Refuse what would be passed over: a second extension of the record, and another spelling of its
    name.
    """
    names = [extension.get("name") for extension in mappings(experiment.get("extensions"))]
    for name in names:
        if name != FAILOVER and re.sub(r"[\W_]", "", str(name)).lower() == FAILOVER:
            raise ArgumentError(
                f"the experiment's extension {name!r} is unknown (did you mean {FAILOVER}?)"
            )
    if (count := names.count(FAILOVER)) > 1:
        raise ArgumentError(
            f"the experiment has {count} extensions named {FAILOVER}, expected one with the keys "
            "of all"
        )


def _found(value: object, kind: Kind) -> str:
    """
    Return what a value is instead of its kind: of a list, the first element that does not fit.
    """
    if kind is MAPPINGS and isinstance(value, list):
        value = next(each for each in value if not isinstance(each, dict))
    return "nothing" if value is None else type(value).__name__


def _objects(
    value: object, shape: Shape, place: str
) -> Iterator[tuple[Mapping[str, object], Shape, str]]:
    """
    Yield each object in a value, with its shape and its place.
    """
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _objects(item, shape, f"{place}[{index}]")
    if not isinstance(value, Mapping):
        return
    if shape is PROVIDER and value.get("type") == "python":
        shape = PYTHON
    if shape is EXTENSION and value.get("name") == FAILOVER:
        shape = PEOPLE_EXTENSION
    yield value, shape, place
    for key, inner in value.items():
        if key in shape.inner:
            yield from _objects(inner, shape.inner[key], _at(place, key))


def _at(place: str, key: object) -> str:
    return f"{place}.{key}" if place else str(key)


def _strategy(experiment: Mapping[str, object]) -> object:
    value: object = experiment
    for key in ("runtime", "rollbacks", "strategy"):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _meant(key: object, shape: Shape) -> str | None:
    """
    Return the known key of which a key is a misspelling, None if it is a user's own.
    """
    plain, keys = str(key).strip().lower().replace("_", "-").replace(" ", "-"), shape.keys
    if plain.startswith(OWN) or any(
        plain.startswith(f"{each.replace('_', '-')}-") for each in keys
    ):
        return None
    if shape.open:
        if NUMBER.sub("", str(key)) in keys:
            return None
        return next(iter(get_close_matches(plain, keys, 1, CLOSER)), None)
    parts = [each for each in keys if len(plain) >= SHORTEST_PART and plain in each]
    return next(iter([*get_close_matches(plain, keys, 1, CLOSE), *parts]), None)
