"""
Access keys: who may call, for which account, and what RAM lets them do.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from chaosfailover.emulator.schema import TRUTH, listing, one_of, record, scalar, secret, table

__all__ = ["ACCOUNTS", "AccessKey", "access_keys_from"]

PATTERN = re.compile(r"\*|(vpc|sts):[A-Za-z*?]+")
ACTION = scalar(
    "* or an action such as vpc:Describe*",
    lambda value: isinstance(value, str) and PATTERN.fullmatch(value) is not None,
)
DETAILS = record(
    {
        "secret": secret,
        "token": secret,
        "status": one_of("Active", "Inactive"),
        "actions": listing(ACTION),
        "expired": TRUTH,
    },
    required=("secret",),
)


def _key(value: Any, place: str) -> dict[str, Any]:
    """
    Read one key: its secret alone, or its details.
    """
    details: dict[str, Any] = DETAILS(value, place) if isinstance(value, Mapping) else {}
    return details or {"secret": secret(value, place)}


ACCOUNTS = table(record({"access_keys": table(_key)}))
"""
The schema of a topology's `accounts:`.
"""


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
    keys = list(_keys(accounts))
    ids = [key.id for key in keys]
    if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        raise ValueError(f"access key {twice[0]} is in two accounts, expected one")
    return dict(zip(ids, keys, strict=True))


def _keys(accounts: Mapping[str, Any]) -> Iterator[AccessKey]:
    for account, entry in accounts.items():
        for key_id, values in entry.get("access_keys", {}).items():
            yield AccessKey(id=key_id, account=account, **values)
