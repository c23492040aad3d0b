"""
The alarms at the end of a run: tests that may still run, and resources that are not back.
"""

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from chaosfailover.safety.guarded_test import StopOutcome, label

__all__ = ["alarm", "utc_after"]

logger = logging.getLogger("chaostoolkit")


def alarm(outcomes: Sequence[StopOutcome], region_id: object) -> bool:
    """
    Log every test that is not over, with what to do; return whether there is one.
    """
    for outcome in outcomes:
        if outcome.error:
            logger.error(
                "A FAILOVER TEST MAY STILL BE RUNNING: %s: %s. "
                "To stop it: chaos failover stop %s --region %s",
                outcome.test,
                outcome.error,
                outcome.job_id or outcome.test,
                region_id,
            )
        elif outcome.open_until is not None:
            logger.error(
                "A FAILOVER TEST MAY STILL START: %s: %s, and it may take effect until %s. "
                "To stop it then: chaos failover stop %s --region %s",
                outcome.test,
                outcome.reason,
                utc_after(outcome.open_until - time.monotonic()),
                outcome.test,
                region_id,
            )
        elif not outcome.is_over:
            _alarm_for_resources(outcome, region_id)
    return not all(outcome.is_over for outcome in outcomes)


def _alarm_for_resources(outcome: StopOutcome, region_id: object) -> None:
    logger.critical(
        "%s: %s is %s, but %s. To see it: chaos failover status --region %s, and the "
        "console; if it stays so, ask Alibaba Cloud's support",
        "NOT BACK" if outcome.back is False else "NOT SEEN BACK",
        label(outcome.test, outcome.job_id),
        outcome.status or "unknown to the API",
        "; ".join(outcome.not_back) or "which resources it took is not known",
        region_id,
    )


def utc_after(seconds: float) -> str:
    """
    Return the time of day in UTC after so many seconds from now.
    """
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%H:%M:%S} UTC"
