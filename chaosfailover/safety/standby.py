"""
What stands by to stop the tests of this process, should it die without a word.
"""

import contextlib
import logging
from collections.abc import Collection
from typing import Protocol

from chaosfailover.errors import GuardError
from chaosfailover.safety.guarded import Guarded

__all__ = ["Standby", "bring_back"]

logger = logging.getLogger("chaostoolkit")


class Standby(Protocol):
    """
    What takes over when this process dies without a word.
    """

    def check(self) -> None:
        """
        Raise GuardError unless it stands by.
        """

    def watch(self, guarded: Guarded) -> None:
        """
        Put a test on its list, or replace it there.
        """

    def forget(self, key: str) -> None:
        """
        Take a test off its list.
        """

    def revive(self, held: Collection[Guarded]) -> None:
        """
        Stand by again, for these tests, after it has died.
        """


def bring_back(standby: Standby, held: Collection[Guarded]) -> None:
    try:
        standby.check()
    except GuardError as exc:
        logger.warning("%s: another one is started", exc)
        with contextlib.suppress(GuardError, OSError):
            standby.revive(held)
            return
        names = ", ".join(guarded.test for guarded in held)
        logger.critical("Nothing would stop %s should this process die", names)
