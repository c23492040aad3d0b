"""
What neither a journal's entry, nor a record, nor a report may hold: credentials, from anywhere.

Three things give a credential away: the name that it stands under, its shape, and that it is known
as a secret of the run.
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
"""Shorter values than this stand in too many words to be hidden wherever they occur."""
SHORTEST_NAMED = 8
"""The same for what is only called a secret, which may be a word: `auth: required`."""

# Keys below which names are somebody's, and not those of settings.
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


def redact(value: Any, secrets: Iterable[str] = ()) -> Any:
    """
    Hide what is under a name that holds a secret, what looks like one, and known secrets.

    Whole subtrees go, and so do numbers; None, booleans and what is empty tell nothing and stay.
    Texts are read as JSON where they are JSON. Of a target's URL every value of the query goes.
    """
    return _redact(value, tuple(_forms(secrets)))


def redact_message(text: str, secrets: Iterable[str] = ()) -> str:
    """
    Redact what an error says, which may quote anything: of every address, all values of the query.
    """
    return QUERY.sub(rf"\1={HIDDEN}", str(redact(text, secrets)))


def hide_values(value: Any, secrets: Iterable[str]) -> Any:
    """
    Hide known secrets only, wherever they occur; what holds none comes back as it is.
    """
    forms = tuple(_forms(secrets))
    return _walk(value, partial(_without, secrets=forms)) if forms else value


def redact_run(journal: Mapping[str, Any], secrets: Iterable[str]) -> dict[str, Any]:
    """
    Return a journal whose entry of ours is redacted; from the toolkit's own part secrets go.

    `secrets` are what the run was given; what its configuration names as secret is known as well.
    """
    entry = journal.get("failover")
    configuration = entry.get("configuration") if isinstance(entry, Mapping) else None
    known = {*secrets, *named_values(configuration)}
    rest = {key: value for key, value in journal.items() if key != "failover"}
    return {
        **hide_values(rest, known),
        **{key: redact(journal[key], known) for key in journal.keys() - rest},
    }


def given_secrets(secrets: Any) -> set[str]:
    """
    Return the secrets of a run: those of the experiment, by group, and those of the environment.
    """
    return {*texts(secrets), *(os.environ.get(name, "") for name in FROM_ENVIRONMENT)}


FROM_ENVIRONMENT = ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")


def texts(value: Any) -> Iterator[str]:
    """
    Yield what stands in a block of secrets, that of every group.
    """
    if isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from texts(inner)
    elif _telling(value):
        yield str(value)


def inline_values(secrets: Any) -> Iterator[str]:
    """
    Yield the values in an experiment's `secrets`, but not the names of where values are.
    """
    for key, value in secrets.items() if isinstance(secrets, Mapping) else ():
        if isinstance(value, Mapping):
            typed = isinstance(value.get("type"), str)
            yield from inline_values({"default": value.get("default")} if typed else value)
        elif key not in ("type", "key", "path", "mount_point"):
            yield from texts(value)


def named_values(value: Any) -> Iterator[str]:
    """
    Yield what stands under names that hold secrets, such as in a configuration, and is no word.
    """
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        if names_secret(str(key)):
            found = inline_values({key: inner}) if isinstance(inner, Mapping) else texts(inner)
            yield from (one for one in found if len(one) >= SHORTEST_NAMED)
        else:
            yield from named_values(inner)


def _redact(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        return {_text(key, secrets): _member(key, inner, secrets) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redact(inner, secrets) for inner in value]
    if isinstance(value, str):
        return _text(value, secrets)
    return HIDDEN if _is_number(value) and str(value) in secrets else value


def _member(key: Any, value: Any, secrets: tuple[str, ...]) -> Any:
    if key in NAMES and isinstance(value, Mapping | list):
        return _named(value, secrets)
    if names_secret(str(key)) and _telling(value):
        return HIDDEN
    return _redact(value, secrets)


def _named(value: Any, secrets: tuple[str, ...]) -> Any:
    """
    Redact members that somebody named, and of their addresses all that a query says.
    """
    if isinstance(value, list):
        return [_addressed(inner, secrets) for inner in value]
    return {_text(key, secrets): _addressed(inner, secrets) for key, inner in value.items()}


def _addressed(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return QUERY.sub(rf"\1={HIDDEN}", _text(value, secrets))
    if not isinstance(value, Mapping):
        return _redact(value, secrets)
    redacted = {
        _text(key, secrets): _numbers(inner, secrets)
        if key == "series"
        else _member(key, inner, secrets)
        for key, inner in value.items()
    }
    if isinstance(redacted.get("url"), str):
        redacted["url"] = QUERY.sub(rf"\1={HIDDEN}", redacted["url"])
    return redacted


def _numbers(series: Any, secrets: tuple[str, ...]) -> Any:
    """
    Leave the lists of a compact series, which are long and all numbers, as they are.
    """
    return {
        key: inner if isinstance(inner, list) else _member(key, inner, secrets)
        for key, inner in (series.items() if isinstance(series, Mapping) else ())
    }


def _text(value: Any, secrets: tuple[str, ...]) -> Any:
    if not isinstance(value, str):
        return value
    if value.lstrip()[:1] in ("{", "["):
        return _json(value, secrets)
    return _line(value, secrets)


def _json(value: str, secrets: tuple[str, ...]) -> str:
    """
    Redact a text that may be JSON by what it says; one that holds nothing secret stays the same.
    """
    try:
        said = json.loads(value)
        redacted = _redact(said, secrets)
        changed = "" if redacted == said else json.dumps(redacted, ensure_ascii=False)
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


def _assigned(found: re.Match[str]) -> str:
    said = found["value"].strip("\\\"'").lower()
    if not names_secret(found["name"]) or said in NOTHING or said.startswith(HIDDEN):
        return found[0]
    mark = re.match(r"\\*[\"']", found["value"])
    return (
        f"{found['name']}{found['sign']}{mark[0] if mark else ''}{HIDDEN}{mark[0] if mark else ''}"
    )


NOTHING = ("", "none", "null", "true", "false")


def _without(value: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        value = value.replace(secret, HIDDEN)
    return value


def _forms(secrets: Iterable[str]) -> list[str]:
    """
    Return secrets as they may be written, the longest first: as they are, in JSON, in an address.
    """
    known = {one for one in secrets if len(one) >= SHORTEST}
    forms: tuple[Callable[[str], str], ...] = (
        str,
        lambda one: json.dumps(one)[1:-1],
        lambda one: json.dumps(one, ensure_ascii=False)[1:-1],
        lambda one: quote(one, safe=""),
    )
    return sorted({form(one) for form in forms for one in known}, key=lambda one: (-len(one), one))


def _walk(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {_walk(key, change): _walk(inner, change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(inner, change) for inner in value]
    if isinstance(value, str):
        return change(value)
    return HIDDEN if _is_number(value) and change(str(value)) == HIDDEN else value


def _telling(value: Any) -> bool:
    return not isinstance(value, bool) and value not in (None, "", [], {}, HIDDEN)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
