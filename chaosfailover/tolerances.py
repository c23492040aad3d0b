"""
Tolerances with thresholds as arguments, which may be `${...}`, unlike those of the toolkit.

The toolkit passes `value`, the probe's output, but validates an experiment without it. So even
required arguments have defaults.
"""

from typing import List

from chaoslib.types import Configuration, Secrets

from chaosfailover import arguments
from chaosfailover.errors import ArgumentError
from chaosfailover.safety import guard

__all__ = ["at_least", "at_most", "before_and_during", "between"]


def at_least(
    value: float = None,
    limit: float = None,
    key: str = None,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> bool:
    """
    Tell whether a number, or the number under `key` of a document, is `limit` or more.

    ```yaml
    tolerance:
      type: probe
      name: at-least-one-path
      provider:
        type: python
        module: chaosfailover.tolerances
        func: at_least
        arguments: {limit: 1, key: count}
    ```
    """
    return _number("value", value, key) >= _number("limit", limit)


def at_most(
    value: float = None,
    limit: float = None,
    key: str = None,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> bool:
    """
    Tell whether a number, or the number under `key` of a document, is `limit` or less.

    ```yaml
    tolerance:
      type: probe
      name: within-the-objective
      provider:
        type: python
        module: chaosfailover.tolerances
        func: at_most
        arguments: {limit: 3.0}
    ```
    """
    return _number("value", value, key) <= _number("limit", limit)


def between(
    value: float = None,
    lower: float = None,
    upper: float = None,
    key: str = None,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> bool:
    """
    Tell whether a number, or the number under `key` of a document, lies from `lower` to `upper`.

    ```yaml
    tolerance:
      type: probe
      name: as-long-as-expected
      provider:
        type: python
        module: chaosfailover.tolerances
        func: between
        arguments: {lower: 0.5, upper: 3.0}
    ```
    """
    return _number("lower", lower) <= _number("value", value, key) <= _number("upper", upper)


def before_and_during(
    value: str = None,
    before: str = None,
    during: List[str] = None,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> bool:
    """
    Tell whether a value is `before` while this run cuts nothing, and one of `during` while it does.

    A hypothesis is read before the method and again during the cut. What the cut changes on
    purpose, such as the state of the cut session, would look like a weakness the second time. While
    the test goes to `Testing` or leaves it, either value is accepted. Values may be text, numbers
    or booleans.

    ```yaml
    tolerance:
      type: probe
      name: established-until-it-is-cut
      provider:
        type: python
        module: chaosfailover.tolerances
        func: before_and_during
        arguments:
          before: Established
          during: [Down, Idle, Connect, Active]
    ```
    """
    if not isinstance(during, list):
        raise ArgumentError(f"during is {during!r}, expected a list of values")
    guarding = guard.current()
    if guarding is None or not guarding.tests:
        return bool(value == before)
    return value in during or (value == before and not guarding.testing)


def _number(argument: str, value: object, key: str = None) -> float:
    if key is not None:
        if not isinstance(value, dict) or key not in value:
            raise ArgumentError(f"value is {value!r}, expected a document with the key {key!r}")
        argument, value = f"value[{key!r}]", value[key]
    number = arguments.number(value)
    if number is None:
        raise ArgumentError(f"{argument} is {value!r}, expected a number")
    return number
