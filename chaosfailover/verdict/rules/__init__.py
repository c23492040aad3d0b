"""
What a journal gives reason to say about a run; the verdict weighs it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["Finder", "Reason", "cut_short"]


class Reason(NamedTuple):
    """
    One reason: a key of the message catalogues, `reason.<key>`, and what to fill in.
    """

    key: str
    values: Mapping[str, str]


Finder = Callable[[Mapping[str, Any]], Iterator[Reason]]


def cut_short(journal: Mapping[str, Any]) -> bool:
    """
    Tell whether something ended the run before the method did.
    """
    return bool(journal.get("interruption")) or journal.get("status") in ("interrupted", "aborted")
