"""
The tolerances of probes outside the hypothesis, which the toolkit itself never evaluates.
"""

import copy
import logging
from typing import Any

from chaoslib import substitute
from chaoslib.exceptions import InterruptExecution
from chaoslib.hypothesis import ensure_hypothesis_tolerance_is_valid, within_tolerance
from chaoslib.types import Activity, Configuration, Run, Secrets

__all__ = ["evaluate", "is_met"]

logger = logging.getLogger("chaostoolkit")


def evaluate(activity: Activity, run: Run, configuration: Configuration, secrets: Secrets) -> None:
    """
    Put into a probe's run whether it was within its tolerance, if it has one and came to a result.

    `tolerance_met` is as in the hypothesis; None where the tolerance could not be evaluated, and
    `tolerance_error` says why.
    """
    tolerance = copy.deepcopy(activity.get("tolerance"))
    if tolerance is None or activity.get("type") != "probe" or run.get("status") != "succeeded":
        return
    try:
        run["tolerance_met"] = is_met(tolerance, run["output"], configuration, secrets)
    except InterruptExecution:
        raise
    except Exception as exc:  # noqa: BLE001 - the toolkit would swallow it, and the verdict not know
        run["tolerance_met"], run["tolerance_error"] = None, f"{type(exc).__name__}: {exc}"
    level = logging.INFO if run["tolerance_met"] else logging.WARNING
    logger.log(level, "%s %s", activity.get("name"), WORDS[run["tolerance_met"]])


def is_met(tolerance: Any, value: Any, configuration: Configuration, secrets: Secrets) -> bool:
    """
    Tell whether a value is within a tolerance, as the toolkit would in the hypothesis.
    """
    ensure_hypothesis_tolerance_is_valid(tolerance)
    if isinstance(tolerance, str):
        tolerance = substitute(tolerance, configuration, secrets)
    return bool(within_tolerance(tolerance, value, configuration=configuration, secrets=secrets))


WORDS = {
    True: "is within its tolerance",
    False: "is not within its tolerance",
    None: "has a tolerance that cannot be evaluated",
}
