"""
What the output of a probe was held to, and the output, as people write them.
"""

import json
import re
from collections.abc import Mapping

from chaosfailover.verdict.evidence import Fields
from chaosfailover.verdict.values import brief, mapping, text

__all__ = ["LONGEST", "rounded", "shown_output", "shown_tolerance"]

REFERENCE = re.compile(r"\$\{([^}]+)\}")
LONGEST = 500
"""How many characters of an output or a tolerance a record keeps; the journal has the whole."""
MOST = 100_000
"""Greater numbers, such as an instant, keep all digits."""


def shown_tolerance(tolerance: object, configuration: Fields) -> str | None:
    """
    Return what an output was held to, with the values of the configuration.

    The toolkit adds `value`, the output that it judged last, to the arguments of a probe.
    """
    if tolerance is None:
        return None
    given = mapping(tolerance)
    provider = mapping(given.get("provider"))
    arguments = mapping(provider.get("arguments")) or {
        key: value for key, value in given.items() if key not in ("type", "name", "provider")
    }
    if not given:
        shown = _plain(tolerance)
    else:
        parts = "; ".join(
            f"{key}: {_plain(value)}"
            for key, value in arguments.items()
            if not (provider and key == "value")
        )
        shown = text(provider.get("func") or given.get("type")) + (f" ({parts})" if parts else "")
    filled = REFERENCE.sub(lambda found: text(configuration.get(found[1], found[0])), shown)
    return brief(filled, LONGEST)


def shown_output(output: object, limit: int) -> str:
    """
    Return an output in at most `limit` characters: of a reply or a process, its status.
    """
    if isinstance(output, Mapping) and "status" in output:
        return f"status {brief(output['status'], limit)}"
    return brief(rounded(output), limit) or json.dumps(output)


def rounded(value: object) -> object:
    """
    Round a number for people, to six digits: 3.0004 must not look like 3.0, to which it was held.
    """
    return float(f"{value:.6g}") if isinstance(value, float) and abs(value) < MOST else value


def _plain(value: object) -> str:
    """
    Return a value of a tolerance as people write it.
    """
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return value if isinstance(value, str) else json.dumps(value, default=str)
