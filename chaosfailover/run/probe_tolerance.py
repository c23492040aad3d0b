"""
The tolerances of probes outside the hypothesis, which the toolkit never evaluates.
"""

import copy
import logging

from chaoslib import substitute
from chaoslib.exceptions import InterruptExecution
from chaoslib.hypothesis import ensure_hypothesis_tolerance_is_valid, within_tolerance
from chaoslib.types import Run

from chaosfailover.run import Activity, Configuration, Secrets
from chaosfailover.verdict.tolerance import shown_output, shown_tolerance
from chaosfailover.verdict.values import brief, error, mapping, text

__all__ = ["evaluate", "is_met", "tell_reading"]

LONGEST_OUTPUT = 200

logger = logging.getLogger("chaostoolkit")


def evaluate(activity: Activity, run: Run, configuration: Configuration, secrets: Secrets) -> None:
    """
    Add `tolerance_met` to the run of a probe that has a tolerance and succeeded.

    It is None when the tolerance cannot be evaluated; `tolerance_error` then holds the error.
    """
    tolerance = copy.deepcopy(activity.get("tolerance"))
    if tolerance is None or activity.get("type") != "probe" or run.get("status") != "succeeded":
        return
    try:
        run["tolerance_met"] = is_met(tolerance, run["output"], configuration, secrets)
    except InterruptExecution:
        raise
    except Exception as exc:  # noqa: BLE001 - the toolkit would swallow it, and the verdict would miss it
        run["tolerance_met"], run["tolerance_error"] = None, f"{type(exc).__name__}: {exc}"
    met = run["tolerance_met"]
    line = f"{activity.get('name')} {WORDS[met]}"
    if met is False:
        line += f": {_result(run, shown_tolerance(tolerance, configuration))}"
    logger.log(logging.INFO if met else logging.WARNING, "%s", line)


def tell_reading(state: Run, configuration: Configuration, *, whole: bool) -> None:
    """
    Log the result of each probe of a reading of the hypothesis; unless `whole`, of those not met.
    """
    for run in state.get("probes") or ():
        met = run.get("tolerance_met")
        if met is not True or whole:
            activity = mapping(run.get("activity"))
            logger.log(
                logging.INFO if met is True else logging.WARNING,
                "Probe %s: %s: %s",
                activity.get("name"),
                "met" if met is True else "NOT MET",
                _result(run, shown_tolerance(activity.get("tolerance"), configuration)),
            )


def _result(run: Run, tolerance: str | None) -> str:
    """
    Return why a probe failed, or its output in short and what that was held to, if not to itself.
    """
    if run.get("status") != "succeeded":
        cause = brief(error(run.get("exception")))
        return ": ".join(filter(None, [text(run.get("status")), cause]))
    shown = shown_output(run.get("output"), LONGEST_OUTPUT)
    value = shown.removeprefix("status ")
    return (
        shown if (tolerance or value).lower() == value.lower() else f"{shown}, held to {tolerance}"
    )


def is_met(
    tolerance: object, value: object, configuration: Configuration, secrets: Secrets
) -> bool:
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
