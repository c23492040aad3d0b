"""
Access keys: who may call, for which account, and which operations RAM allows them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Annotated

from chaosfailover.emulator import schema

__all__ = ["ACCOUNTS", "AccessKey", "access_keys_from"]

PATTERN = re.compile(r"\*|(vpc|expressconnectrouter|cen|cms|sts):[A-Za-z*?]+")
ACTION = schema.scalar(
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
    secret: Annotated[str, schema.secret_text] = field(repr=False)
    account: str
    token: Annotated[str, schema.secret_text] = field(default="", repr=False)
    status: Annotated[str, schema.one_of("Active", "Inactive")] = "Active"
    expired: Annotated[bool, schema.TRUTH] = False
    actions: Annotated[tuple[str, ...], schema.listing(ACTION)] = ("*",)

    def may(self, action: str) -> bool:
        """
        Say whether RAM allows this key an action, such as `vpc:DescribeBgpPeers`.
        """
        return any(fnmatchcase(action, pattern) for pattern in self.actions)


DETAILS = schema.record_of(AccessKey, id="", account="")


def _key(value: object, place: str) -> AccessKey:
    """
    Read one key: its secret alone, or its details.
    """
    details = value if isinstance(value, Mapping) else {"secret": schema.secret_text(value, place)}
    return DETAILS(details, place)


ACCOUNTS = schema.table(
    schema.record(dict[str, dict[str, AccessKey]], {"access_keys": schema.table(_key)})
)
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
