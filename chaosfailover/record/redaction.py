"""
What a record must not hold: credentials, wherever they came from.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chaosfailover.journals import mapping

__all__ = ["HIDDEN", "redact"]

HIDDEN = "***"
SECRET_KEY = re.compile(r"secret|password|passwd|token|access_?key|api_?key|credential", re.I)
SHORTEST = 4


def redact(value: Any, journal: Mapping[str, Any]) -> Any:
    """
    Hide values under keys that name a credential, and the experiment's inline secrets everywhere.
    """
    known = set(_inline(mapping(journal.get("experiment")).get("secrets")))
    secrets = sorted((one for one in known if len(one) >= SHORTEST), key=len, reverse=True)
    return _redact(value, secrets)


def _redact(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: HIDDEN if SECRET_KEY.search(key) and _telling(inner) else _redact(inner, secrets)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_redact(inner, secrets) for inner in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
    return value


def _telling(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _inline(secrets: Any) -> Iterator[str]:
    """
    Yield the texts of a `secrets` block that may be values, and not names of where values are.
    """
    for key, value in mapping(secrets).items():
        if isinstance(value, Mapping):
            yield from _inline(_without_names(value))
        elif isinstance(value, str) and key not in ("type", "key", "path", "mount_point"):
            yield value


def _without_names(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Drop what a typed entry, `{type: env, key: NAME}`, says about where its value is.
    """
    return {"default": value.get("default")} if value.get("type") in ("env", "vault") else value
