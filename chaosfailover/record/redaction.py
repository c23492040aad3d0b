"""
Hides credentials in what a journal's entry, a record and a report show.

A credential is recognised by its name, by its shape, or as a known secret of the run.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from chaosfailover.record.secret_names import names_secret

__all__ = [
    "HIDDEN",
    "given_secrets",
    "hide_values",
    "inline_values",
    "named_values",
    "redact",
    "redact_message",
    "redact_run",
    "texts",
]

HIDDEN = "***"
SHORTEST = 6
"""Shorter values are part of too many words to be hidden wherever they occur."""
SHORTEST_NAMED = 8
"""The same for values that only their name makes secret: `auth: required` is a word."""

# Keys of objects whose members users name, so that these names say nothing.
NAMES = ("targets", "errors")

# A name with a value: in an address, an environment, a header, JSON or what Python prints.
ASSIGNED = re.compile(
    r"""(?P<name>(?<![\w.-])[\w.-]{1,64})(?P<sign>\\*["']\s*[:=]\s*|\s*=\s*|:\s+(?=\\*["']))"""
    r"""(?P<value>"(?:[^"\\]|\\.)*"?|\\+"[^"\\]*\\*"?|'[^']*'?|\[[^\]]*\]?|\{[^}]*\}?|[^\s&;"'<>]+)"""
)
HEADER = re.compile(r"(?P<name>^[\w-]{1,64})(?P<sign>:[ \t]+)(?P<value>\S.*)$", re.M)
# The user in an address, whoever that is; and what is secret by its looks.
USER = re.compile(r"(?<=://)[^\s/?#\"'<>]+@")
SHAPES = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|$)", re.S),
    re.compile(r"(?<=\bBearer )\s*[\w~+/.=-]{6,}|(?<=\bBasic )\s*[\w+/=]{8,}", re.I),
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"),
    re.compile(r"\b(?:LTAI|STS\.)[0-9A-Za-z]{12,}\b"),
)
# Without any of these a text holds nothing of the above; almost all do not.
TELLING = re.compile(
    r"[=@]|\w\\*[\"']?\s*:[\s\"'\\]|-----BEGIN|eyJ|LTAI|STS\.|bearer |basic ", re.I
)
QUERY = re.compile(r"(?<=[?&;])([^=&;#\s]+)=[^&;#\s]*")


def redact(value: object, secrets: Iterable[str] = ()) -> Any:
    """
    Hide values with a secret's name or shape, and known secrets.

    Whole subtrees are hidden, and numbers; None, booleans and empty values stay. Texts that are
    JSON are redacted as JSON. In the URL of a target, every value of the query is hidden.
    """
    return _redact(value, tuple(_forms(secrets)))


def redact_message(text: str, secrets: Iterable[str] = ()) -> str:
    """
    Redact an error message; in every URL that it quotes, all values of the query are hidden.
    """
    return QUERY.sub(rf"\1={HIDDEN}", str(redact(text, secrets)))


def hide_values(value: object, secrets: Iterable[str]) -> Any:
    """
    Hide known secrets only, wherever they occur; a value without any is returned as it is.
    """
    forms = tuple(_forms(secrets))
    return _walk(value, partial(_without, secrets=forms)) if forms else value


def redact_run(journal: Mapping[str, object], secrets: Iterable[str]) -> dict[str, Any]:
    """
    Return a journal with our entry redacted, and known secrets hidden in the toolkit's part.

    Known are `secrets`, which the run was given, and the values that its configuration names so.
    """
    entry = journal.get("failover")
    configuration = entry.get("configuration") if isinstance(entry, Mapping) else None
    values = {*secrets, *named_values(configuration)}
    rest = {key: value for key, value in journal.items() if key != "failover"}
    return {
        **hide_values(rest, values),
        **{key: redact(journal[key], values) for key in journal.keys() - rest},
    }


def given_secrets(secrets: object) -> set[str]:
    """
    Return the secrets of a run: those of the experiment, by group, and those of the environment.
    """
    return {*texts(secrets), *(os.environ.get(name, "") for name in FROM_ENVIRONMENT)}


FROM_ENVIRONMENT = ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")


def texts(value: object) -> Iterator[str]:
    """
    Yield the values in a block of secrets, of all groups.
    """
    if isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from texts(inner)
    elif _telling(value):
        yield str(value)


def inline_values(secrets: object) -> Iterator[str]:
    """
    Yield the values in an experiment's `secrets`, but not the references to other places.
    """
    for key, value in secrets.items() if isinstance(secrets, Mapping) else ():
        if isinstance(value, Mapping):
            typed = isinstance(value.get("type"), str)
            yield from inline_values({"default": value.get("default")} if typed else value)
        elif key not in ("type", "key", "path", "mount_point"):
            yield from texts(value)


def named_values(value: object) -> Iterator[str]:
    """
    Yield the values under secret names, such as in a configuration, that are longer than a word.
    """
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        if names_secret(str(key)):
            values = inline_values({key: inner}) if isinstance(inner, Mapping) else texts(inner)
            yield from (value for value in values if len(value) >= SHORTEST_NAMED)
        else:
            yield from named_values(inner)


def _redact(value: object, secrets: tuple[str, ...]) -> object:
    if isinstance(value, Mapping):
        return {_text(key, secrets): _member(key, inner, secrets) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redact(inner, secrets) for inner in value]
    if isinstance(value, str):
        return _text(value, secrets)
    return HIDDEN if _is_number(value) and str(value) in secrets else value


def _member(key: object, value: object, secrets: tuple[str, ...]) -> object:
    if key in NAMES and isinstance(value, Mapping | list):
        return _named(value, secrets)
    if names_secret(str(key)) and _telling(value):
        return HIDDEN
    return _redact(value, secrets)


def _named(value: Mapping[str, object] | list[object], secrets: tuple[str, ...]) -> object:
    """
    Redact members that users named, and the queries of their URLs.
    """
    if isinstance(value, list):
        return [_addressed(inner, secrets) for inner in value]
    return {_text(key, secrets): _addressed(inner, secrets) for key, inner in value.items()}


def _addressed(value: object, secrets: tuple[str, ...]) -> object:
    if isinstance(value, str):
        return QUERY.sub(rf"\1={HIDDEN}", str(_text(value, secrets)))
    if not isinstance(value, Mapping):
        return _redact(value, secrets)
    redacted = {
        _text(key, secrets): _numbers(inner, secrets)
        if key == "series"
        else _member(key, inner, secrets)
        for key, inner in value.items()
    }
    if isinstance(url := redacted.get("url"), str):
        redacted["url"] = QUERY.sub(rf"\1={HIDDEN}", url)
    return redacted


def _numbers(series: object, secrets: tuple[str, ...]) -> object:
    """
    Leave the lists of a compact series, which are long and all numbers, as they are.
    """
    return {
        key: inner if isinstance(inner, list) else _member(key, inner, secrets)
        for key, inner in (series.items() if isinstance(series, Mapping) else ())
    }


def _text(value: object, secrets: tuple[str, ...]) -> object:
    if not isinstance(value, str):
        return value
    if value.lstrip()[:1] in ("{", "["):
        return _json(value, secrets)
    return _line(value, secrets)


def _json(value: str, secrets: tuple[str, ...]) -> str:
    """
    Redact a text that may be JSON; one without a secret keeps its spacing.
    """
    try:
        document = json.loads(value)
        redacted = _redact(document, secrets)
        changed = "" if redacted == document else json.dumps(redacted, ensure_ascii=False)
    except (ValueError, RecursionError):
        return _line(value, secrets)
    return changed or _without(value, secrets)


def _line(value: str, secrets: tuple[str, ...]) -> str:
    if not TELLING.search(value):
        return _without(value, secrets)
    value = USER.sub(f"{HIDDEN}@", _without(value, secrets))
    for shape in SHAPES:
        value = shape.sub(HIDDEN, value)
    return ASSIGNED.sub(_assigned, HEADER.sub(_assigned, value))


def _assigned(match: re.Match[str]) -> str:
    name, sign, value = match["name"], match["sign"], match["value"]
    bare = value.strip("\\\"'").lower()
    if not names_secret(name) or bare in NOTHING or bare.startswith(HIDDEN):
        return match[0]
    quotes = re.match(r"\\*[\"']", value)
    mark = quotes[0] if quotes else ""
    return f"{name}{sign}{mark}{HIDDEN}{mark}"


NOTHING = ("", "none", "null", "true", "false")


def _without(value: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        value = value.replace(secret, HIDDEN)
    return value


def _forms(secrets: Iterable[str]) -> list[str]:
    """
    Return secrets as they may be written, the longest first: as they are, in JSON, in an address.
    """
    long = {secret for secret in secrets if len(secret) >= SHORTEST}
    forms: tuple[Callable[[str], str], ...] = (
        str,
        lambda secret: json.dumps(secret)[1:-1],
        lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
        lambda secret: quote(secret, safe=""),
    )
    written = {form(secret) for form in forms for secret in long}
    return sorted(written, key=lambda form: (-len(form), form))


def _walk(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, Mapping):
        return {_walk(key, change): _walk(inner, change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(inner, change) for inner in value]
    if isinstance(value, str):
        return change(value)
    return HIDDEN if _is_number(value) and change(str(value)) == HIDDEN else value


def _telling(value: object) -> bool:
    return not isinstance(value, bool) and value not in (None, "", [], {}, HIDDEN)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
