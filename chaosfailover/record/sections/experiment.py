"""
What was planned, by whom, and with which settings.
"""

from collections.abc import Mapping
from typing import Any

from chaosfailover.verdict.journal import failover, mapping, mappings, number, said, text

__all__ = ["ROLES", "configuration", "experiment", "extension", "people", "scope", "settings"]

Document = Mapping[str, Any]

ROLES = ("commander", "operator", "observer", "approver", "abort_owner")


def experiment(journal: Document) -> dict[str, Any]:
    """
    Return what the experiment says about itself.
    """
    document = mapping(journal.get("experiment"))
    hypothesis = mapping(document.get("steady-state-hypothesis"))
    tags = document.get("tags")
    return {
        "title": text(document.get("title")),
        "description": text(document.get("description")),
        "tags": [text(tag) for tag in tags] if isinstance(tags, list) else [],
        "hypothesis": text(hypothesis.get("title")),
        "hash": said(failover(journal).get("experiment_hash")),
        "dry": said(failover(journal).get("dry")),
    }


def people(journal: Document) -> dict[str, Any]:
    """
    Return the roles, the change ticket and whatever else the experiment's extension says.
    """
    filled = extension(journal)
    roles = mapping(filled.get("roles"))
    more = {str(key): value for key, value in filled.items() if key not in KNOWN}
    return {
        "roles": {role: _names(roles.get(role)) for role in ROLES},
        "more_roles": {str(key): _names(roles[key]) for key in roles if key not in ROLES},
        "change_ticket": said(filled.get("change_ticket")),
        "environment": said(filled.get("environment")),
        "more": more,
    }


KNOWN = ("name", "roles", "change_ticket", "environment")


def extension(journal: Document) -> Document:
    """
    Return the experiment's extension named `failover`, empty if it has none.
    """
    extensions = mappings(mapping(journal.get("experiment")).get("extensions"))
    return next((one for one in extensions if one.get("name") == "failover"), {})


def configuration(journal: Document) -> dict[str, Any]:
    """
    Return the configuration as it was in effect; before version 1, nobody wrote it down.
    """
    return dict(mapping(failover(journal).get("configuration")))


def settings(journal: Document) -> dict[str, Any]:
    """
    Return the control's settings as they were in effect.
    """
    return dict(mapping(failover(journal).get("settings")))


def scope(journal: Document) -> list[dict[str, Any]]:
    """
    Return what each failover test was to cut, and what was to survive it.
    """
    return [
        {
            "test": text(cut.get("test")),
            "resource_type": text(cut.get("resource_type")),
            "resource_ids": [text(one) for one in _list(cut.get("resource_ids"))],
            "duration_minutes": number(cut.get("duration_minutes")),
            "lost": [text(one) for one in _list(cut.get("lost"))],
            "survivors": _survivors(journal, cut),
        }
        for cut in mappings(failover(journal).get("cuts"))
    ]


def _survivors(journal: Document, cut: Document) -> list[str]:
    """
    Return the paths that were to go on: from the cut's survival, or as the preflight said them.
    """
    paths = mappings(mapping(cut.get("survival")).get("survivors"))
    if paths:
        return [" - ".join(text(value) for value in path.values() if value) for path in paths]
    wanted = f"{text(cut.get('test'))}: survivors"
    checks = mappings(failover(journal).get("preflight"))
    return [text(one.get("detail")) for one in checks if one.get("name") == wanted]


def _names(value: Any) -> list[str]:
    """
    Return the people in a role: one name, or a list of them.
    """
    return [text(one) for one in _list(value) or [value] if one]


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
