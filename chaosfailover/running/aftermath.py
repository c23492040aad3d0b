"""
What is said of a run that did not end as it was meant to.
"""

import logging
from collections.abc import Sequence
from typing import Any

from chaosfailover.safety.wanted import Outcome

__all__ = ["alarm", "interruption"]

logger = logging.getLogger("chaostoolkit")


def interruption(aborted: str, signal: str | None) -> dict[str, str] | None:
    """
    Say what ended a run early, for its journal; None if nothing did.

    `aborted` is the reason of an abort. A signal that an activity swallowed ended the run too.
    """
    if aborted:
        return {"kind": "abort", "name": "abort", "reason": aborted}
    if signal:
        return {"kind": "signal", "name": signal, "reason": f"received {signal}"}
    return None


def alarm(outcomes: Sequence[Outcome], region_id: Any) -> bool:
    """
    Say loudly which tests could not be stopped; return whether there are any.
    """
    failed = [outcome for outcome in outcomes if outcome.error]
    for outcome in failed:
        logger.error(
            "A FAILOVER TEST MAY STILL BE RUNNING: %s: %s. "
            "To stop it: chaos failover stop %s --region %s",
            outcome.test,
            outcome.error,
            outcome.job_id or outcome.test,
            region_id,
        )
    return bool(failed)
