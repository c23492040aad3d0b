"""
Access keys: who may call, for which account, and which operations RAM allows them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial

from chaosfailover.emulator.schema import TRUTH, listing, one_of, record, scalar, secret, table

__all__ = ["ACCOUNTS", "AccessKey", "access_keys_from"]

PATTERN = re.compile(r"\*|(vpc|sts):[A-Za-z*?]+")
ACTION = scalar(
    "* or an action such as vpc:Describe*",
    lambda value: value if isinstance(value, str) and PATTERN.fullmatch(value) else None,
)


@dataclass(frozen=True)
class AccessKey:
    """
    One access key. A `token` makes it an STS key; `actions` are what RAM allows.

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


DETAILS = record(
    partial(AccessKey, id="", account=""),
    {
        "secret": secret,
        "token": secret,
        "status": one_of("Active", "Inactive"),
        "actions": listing(ACTION),
        "expired": TRUTH,
    },
    required=("secret",),
)


def _key(value: object, place: str) -> AccessKey:
    """
    Read one key: its secret alone, or its details.
    """
    details = value if isinstance(value, Mapping) else {"secret": secret(value, place)}
    return DETAILS(details, place)


ACCOUNTS = table(record(dict[str, dict[str, AccessKey]], {"access_keys": table(_key)}))
"""
The schema of a topology's `accounts:`.
"""


def access_keys_from(
    accounts: Mapping[str, Mapping[str, Mapping[str, AccessKey]]],
) -> dict[str, AccessKey]:
    """
    Return the access keys of a topology's `accounts:` by their ID.
    """
    keys: dict[str, AccessKey] = {}
    for account, entry in accounts.items():
        for id_, key in entry.get("access_keys", {}).items():
            if id_ in keys:
                raise ValueError(f"access key {id_} is in two accounts, expected one")
            keys[id_] = replace(key, id=id_, account=account)
    return keys
