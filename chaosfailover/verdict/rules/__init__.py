"""
The rules: what a run gives reason to say about the network; the verdict weighs the reasons.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from chaosfailover.verdict.journal import Run

__all__ = ["Reason", "Rule"]


class Reason(NamedTuple):
    """
    A reason: a key of the message catalogues, `reason.<key>`, and the values to fill in.
    """

    key: str
    values: Mapping[str, str]


Rule = Callable[[Run], Iterator[Reason]]
