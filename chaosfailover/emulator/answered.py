"""
The answer that a client token got (API reference 8).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Answered", "TokenKey"]

TokenKey = tuple[str, str, str, str]
"""
Account, region, operation and client token.
"""


@dataclass(frozen=True)
class Answered:
    """
    The answer that a client token got: for which arguments, what, and when.
    """

    fingerprint: str
    document: Mapping[str, Any]
    at: float
