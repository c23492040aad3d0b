"""
What is said, and asked, before a live cut.
"""

import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from chaosfailover.errors import PreflightError
from chaosfailover.safety.cuts import Cut

__all__ = ["announce", "ask_for_confirmation"]

logger = logging.getLogger("chaostoolkit")


def announce(cuts: Sequence[Cut], *, account_id: str, region_id: str, now: datetime) -> None:
    """
    State account, region, resources and planned end of every cut, loudly.
    """
    for cut in cuts:
        end = (now + timedelta(minutes=cut.duration_minutes)).astimezone(UTC)
        logger.warning(
            "LIVE: %s will cut %s in %s of account %s, until %s at the latest if begun now",
            cut.test,
            ", ".join(cut.resource_ids),
            region_id,
            account_id,
            end.strftime("%Y-%m-%d %H:%M:%S UTC"),
        )


def ask_for_confirmation(cuts: Sequence[Cut]) -> None:
    """
    Wait until the operator has typed the name of each test; without a terminal nobody is asked.

    Raises PreflightError when something else is typed.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        logger.warning("There is no terminal, so nobody is asked to confirm")
        return
    for cut in cuts:
        sys.stderr.write(f"Type the test's name, {cut.test}, to cut {' '.join(cut.resource_ids)}: ")
        sys.stderr.flush()
        if (typed := sys.stdin.readline().strip()) != cut.test:
            raise PreflightError(f"{typed!r} was typed, not {cut.test!r}: not confirmed")
