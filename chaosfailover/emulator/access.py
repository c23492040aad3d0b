"""
Access keys: who may call, for which account, and what RAM lets them do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

__all__ = ["AccessKey", "access_keys_from"]

KEYS = frozenset({"secret", "token", "status", "actions", "expired"})


@dataclass(frozen=True)
class AccessKey:
    """
    One access key; with a `token` it is an STS key, with `actions` RAM limits it to those.

    `actions` are patterns such as `vpc:Describe*`.
    """

    id: str
    secret: str = field(repr=False)
    account: str
    token: str = field(default="", repr=False)
    status: str = "Active"
    expired: bool = False
    actions: tuple[str, ...] = ("*",)

    def may(self, operation: str) -> bool:
        """
        Say whether RAM lets this key call an operation of the VPC product.
        """
        return any(fnmatchcase(f"vpc:{operation}", pattern) for pattern in self.actions)


def access_keys_from(accounts: Mapping[str, Any]) -> dict[str, AccessKey]:
    """
    Build the access keys of a topology's `accounts:`, by their ID.
    """
    return {key.id: key for key in _keys(accounts)}


def _keys(accounts: Mapping[str, Any]) -> Iterator[AccessKey]:
    for account, entry in accounts.items():
        for key_id, given in (entry.get("access_keys") or {}).items():
            values = {"secret": given} if isinstance(given, str) else dict(given)
            if unknown := set(values) - KEYS:
                raise ValueError(f"access key {key_id}: unknown keys {sorted(unknown)}")
            values["actions"] = tuple(values.get("actions", ("*",)))
            yield AccessKey(id=key_id, account=account, **values)
