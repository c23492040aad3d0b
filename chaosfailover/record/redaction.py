"""
Hides credentials in what a journal's entry, a record and a report show.

A credential is recognised by its name, by its shape, or as a known secret of the run. The evidence
stays as it is, so that what is written proves what was seen: no key of ours, no instant, no status
and no name is changed, and a number only if its name is that of a secret.
"""

import contextlib
import json
import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chaosfailover.record.occurrences import HIDDEN, SHORTEST, Needles, hide, needles
from chaosfailover.record.secret_names import names_secret

__all__ = [
    "HIDDEN",
    "OWN_NAMES",
    "LogRedaction",
    "given_secrets",
    "hide_values",
    "inline_values",
    "keys",
    "named_values",
    "redact",
    "redact_fragment",
    "redact_message",
    "redact_run",
    "run_names",
    "shown_secrets",
    "texts",
]

SHORTEST_NAMED = 8
"""Values that only their name makes secret are longer than a word, as in `auth: required`."""

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


def redact(value: object, secrets: Iterable[str] = (), names: Iterable[str] = ()) -> Any:
    """
    Hide values with a secret's name or shape, and known secrets.

    Whole subtrees are hidden; None, booleans and empty values stay, and so do `names`. Texts that
    are JSON are redacted as JSON. In the URL of a target, every value of the query is hidden.
    """
    return _member("", value, _Rules(needles(secrets), frozenset(names), by_name=True))


def redact_message(text: str, secrets: Iterable[str] = ()) -> str:
    """
    Redact an error message; in every URL that it quotes, all values of the query are hidden.
    """
    return QUERY.sub(rf"\1={HIDDEN}", str(redact(text, secrets)))


def hide_values(value: object, secrets: Iterable[str], names: Iterable[str] = ()) -> Any:
    """
    Hide known secrets only, wherever they occur; without any, the value is returned as it is.
    """
    rules = _Rules(needles(secrets), frozenset(names), by_name=False)
    return _member("", value, rules) if rules.sought else value


def redact_run(journal: Mapping[str, object], secrets: Iterable[str]) -> dict[str, Any]:
    """
    Return a journal with our entry redacted, and known secrets hidden in the toolkit's part.

    Known are `secrets`, which the run was given, and the values that its configuration names so.
    """
    entry = journal.get("failover")
    configuration = entry.get("configuration") if isinstance(entry, Mapping) else None
    values = {*secrets, *named_values(configuration)}
    return _redact_run(journal, values, run_names(journal, values))


def redact_fragment(
    fragment: Mapping[str, object], secrets: Collection[str], known: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """
    Return a fragment of a journal without secrets.

    `known` are the parts of the fragments before that hold names; those of this one are added.
    """
    entry, parts = fragment.get("failover"), known["failover"]
    for key, value in entry.items() if isinstance(entry, Mapping) else ():
        if key in ("settings", "targets"):
            parts[key] = value
        elif key in ("events", "cuts", "stopped"):
            rows = parts.setdefault(key, [])
            rows += [row for row in map(_names_only, value) if row and row not in rows]
    return _redact_run(fragment, secrets, run_names(known, secrets))


def _names_only(row: Mapping[str, object]) -> dict[str, object]:
    return {key: row[key] for key in JOINING if row.get(key)}


def _redact_run(
    journal: Mapping[str, object], values: Collection[str], names: Collection[str]
) -> dict[str, Any]:
    rest = {key: value for key, value in journal.items() if key != "failover"}
    return {
        **hide_values(rest, values, names),
        **{key: redact(journal[key], values, names) for key in journal.keys() - rest},
    }


def run_names(journal: Mapping[str, object], secrets: Iterable[str]) -> set[str]:
    """
    Return the names of a run that are never changed, since they join its evidence.

    These are the names of its targets, and of tests and resources those that equal a secret, or
    that would be the same without it.
    """
    entry = journal.get("failover")
    if not isinstance(entry, Mapping):
        return set()
    settings = entry.get("settings")
    targets = [
        entry.get("targets"),
        settings.get("targets") if isinstance(settings, Mapping) else 0,
    ]
    named = {name for each in targets if isinstance(each, Mapping) for name in each}
    joined = {name for key in ("events", "cuts", "stopped") for name in _joined(entry.get(key))}
    sought, known = needles(secrets), {*OWN_NAMES, *joined}
    shown = {name: hide(name, sought) for name in known}
    same = Counter(shown.values())
    return named | {name for name in known if shown[name] == HIDDEN or same[shown[name]] > 1}


OWN_NAMES = ("failover",)
JOINING = ("test", "job_id", "resource_id", "resource_ids", "lost")


def _joined(rows: object) -> Iterator[str]:
    for row in rows if isinstance(rows, list) else ():
        for key in JOINING if isinstance(row, Mapping) else ():
            value = row.get(key)
            yield from (str(each) for each in (value if isinstance(value, list) else [value]))


class LogRedaction(logging.Filter):
    """
    Hides known secrets in what is logged; `names` returns what is logged as it is.

    An operator acts by these lines: names, statuses and times stay in what a message is given.
    """

    def __init__(self, secrets: Iterable[str], names: Callable[[], Iterable[str]]) -> None:
        super().__init__()
        self._sought, self._names = needles(secrets), names

    def filter(self, record: logging.LogRecord) -> bool:
        """
        Change a log record, never drop one; logging itself reports one that cannot be formatted.
        """
        with contextlib.suppress(Exception):
            self._redact(record)
        return True

    def _redact(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and record.args:
            record.args = tuple(map(self._shown, record.args))
        else:
            record.msg, record.args = hide(record.getMessage(), self._sought), None
        if record.exc_info:
            trace = logging.Formatter().formatException(record.exc_info)
            record.exc_text = hide(trace, self._sought)

    def _shown(self, argument: object) -> object:
        if isinstance(argument, int | float) or hide(str(argument), self._sought) == str(argument):
            return argument
        return _sentence(str(argument), self._sought, self._names())


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


def shown_secrets(secrets: object, words: Collection[str], place: str = "") -> list[str]:
    """
    Return the places of secrets that are not hidden everywhere, such as `db.user`.

    These equal a word of ours or of the run, a status or a number, or are too short to be hidden.
    """
    if not isinstance(secrets, Mapping):
        value = str(secrets)
        short = _telling(secrets) and len(value) < SHORTEST
        return [place] if short or value in words or value in STATUSES or _counts(value) else []
    found = [
        shown_secrets(inner, words, f"{place}.{key}" if place else str(key))
        for key, inner in secrets.items()
    ]
    return [each for places in found for each in places]


def _counts(value: str) -> bool:
    return re.fullmatch(r"[+-]?\d+(\.\d+)?", value) is not None


def keys(document: object) -> set[str]:
    """
    Return all keys of a document.
    """
    if isinstance(document, Mapping):
        return {str(key) for key in document}.union(*map(keys, document.values()))
    return set().union(*map(keys, document)) if isinstance(document, list | tuple) else set()


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


@dataclass(frozen=True, slots=True)
class _Rules:
    """
    What is sought and what stays; `inside` is the member of `FREE` that is walked, "" for none.
    """

    sought: Needles
    names: frozenset[str]
    by_name: bool
    inside: str = ""


# Members whose values are words of ours or of the toolkit, on which verdicts rest.
WORDS = {
    *("status", "kind", "type", "module", "func", "mode", "strategy", "verdict", "phase", "when"),
    *(
        "dry",
        "resource_type",
        "operation",
        "rollback_strategy",
        "sha256",
        "experiment_hash",
        "hash",
    ),
}
STATUSES = {
    *("Init", "Starting", "Testing", "Stopping", "Stopped", "Initial", "Approved", "Allocating"),
    *("Allocated", "Confirmed", "Enabled", "Rejected", "Canceled", "Allocation Failed", "Normal"),
    *("Terminating", "Terminated", "Available", "Unavailable", "Idle", "Connect", "Active", "Down"),
    *("OpenSent", "OpenConfirm", "Established", "active", "inactive", "unconfirmed", "recovering"),
    *("terminating", "terminated", "deleting", "Deleted", "unknown"),
}
"""The statuses of tests, circuits, VBRs and BGP peers, as probes and events have them."""
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
FREE = ("output", "arguments", "configuration", "extensions", "more", "secrets", "tolerance")
"""Members whose values are not ours; the keys of outputs are texts, save those that are READ."""
READ = (
    *("Status", "status", "JobId", "job_id", "Name", "test", "stopped", "not_back", "may_start"),
    *("stderr", "stdout"),
)
SENTENCES = ("not_back", "reasons")
"""Members whose values are sentences of ours: the names, statuses and times in them stay."""
CLOCK = r"\d\d:\d\d:\d\d UTC"
MEASURED = ("summary", "cuts", "series")
"""The parts of a target's entry that are long, and hold no text of others."""


def _member(key: object, value: object, rules: _Rules) -> object:
    if isinstance(value, str) and _stays(key, value, rules):
        return value
    if rules.by_name and key in NAMES and isinstance(value, Mapping | list):
        return _named(value, rules)
    if rules.by_name and names_secret(str(key)) and _telling(value):
        return HIDDEN
    if isinstance(value, Mapping):
        inside = replace(rules, inside=str(key)) if key in FREE else rules
        return {_key(name, inside): _member(name, inner, inside) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_member(key, inner, rules) for inner in value]
    if isinstance(value, str):
        return _told(value, rules) if key in SENTENCES else _text(value, rules)
    return value


def _stays(key: object, value: str, rules: _Rules) -> bool:
    """
    Tell whether a text is evidence: an instant, a status, a name of the run or a word of ours.
    """
    word = key in WORDS and not rules.inside
    return word or value in rules.names or value in STATUSES or bool(INSTANT.fullmatch(value))


def _key(key: object, rules: _Rules) -> object:
    return hide(str(key), rules.sought) if rules.inside == "output" and key not in READ else key


def _named(value: Mapping[str, object] | list[object], rules: _Rules) -> object:
    """
    Redact members that users named, and the queries of their URLs.
    """
    if isinstance(value, list):
        return [_addressed(inner, rules) for inner in value]
    return {name: _addressed(inner, rules) for name, inner in value.items()}


def _addressed(value: object, rules: _Rules) -> object:
    if isinstance(value, str):
        return QUERY.sub(rf"\1={HIDDEN}", _text(value, rules))
    if not isinstance(value, Mapping):
        return _member("", value, rules)
    redacted = {
        name: inner if name in MEASURED else _member(name, inner, rules)
        for name, inner in value.items()
    }
    if isinstance(url := redacted.get("url"), str):
        redacted["url"] = QUERY.sub(rf"\1={HIDDEN}", url)
    return redacted


def _sentence(value: str, sought: Needles, names: Iterable[str]) -> str:
    """
    Hide secrets in a sentence of ours, but no word that is a name, a status or a time of day.
    """
    if hide(value, sought) == value:
        return value
    longest_first = sorted({*names, *STATUSES}, key=len, reverse=True)
    words = "|".join([*map(re.escape, longest_first), CLOCK])
    kept = re.finditer(rf"(?<![^\s(])(?:{words})(?![^\s,;.:)])", value)
    return hide(value, sought, [match.span() for match in kept])


def _told(value: str, rules: _Rules) -> str:
    shown = _sentence(value, rules.sought, rules.names)
    return _line(shown, ()) if rules.by_name else shown


def _text(value: str, rules: _Rules) -> str:
    if not rules.by_name:
        return hide(value, rules.sought)
    return _json(value, rules) if value.lstrip()[:1] in ("{", "[") else _line(value, rules.sought)


def _json(value: str, rules: _Rules) -> str:
    """
    Redact a text that may be JSON; one without a secret keeps its spacing.
    """
    try:
        document = json.loads(value)
        redacted = _member("", document, replace(rules, inside="output"))
        changed = "" if redacted == document else json.dumps(redacted, ensure_ascii=False)
    except (ValueError, RecursionError):
        return _line(value, rules.sought)
    return changed or hide(value, rules.sought)


def _line(value: str, sought: Needles) -> str:
    value = hide(value, sought)
    if not TELLING.search(value):
        return value
    value = USER.sub(f"{HIDDEN}@", value)
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


def _telling(value: object) -> bool:
    return not isinstance(value, bool) and value not in (None, "", [], {}, HIDDEN)
