"""
The Chaos Toolkit control of a failover experiment; every hook hands over to the session.

The toolkit passes the control's own arguments to every hook, swallows whatever a hook raises but
InterruptExecution, and may call a hook more than once.
"""

import logging
from collections.abc import Mapping
from typing import Any

from chaoslib.exceptions import InterruptExecution, InvalidControl
from chaoslib.types import Configuration, Control, Experiment, Journal, Secrets

from chaosfailover import config
from chaosfailover.conclusion import conclude_refused
from chaosfailover.errors import ArgumentError
from chaosfailover.session import Session
from chaosfailover.settings import Settings

__all__ = [
    "after_experiment_control",
    "before_experiment_control",
    "before_rollback_control",
    "cleanup_control",
    "validate_control",
]

logger = logging.getLogger("chaostoolkit")

_session: Session | None = None
_refusal: str | None = None


def validate_control(control: Control) -> None:
    """
    Refuse unknown and wrong arguments at `chaos validate`, before anything is touched.

    So is a `scope`: with its hooks of one side alone the run would have no verdict, or no guard.
    """
    if control.get("scope"):
        raise InvalidControl(
            f"control {control['name']!r}: scope is {control['scope']!r}, but it is needed both "
            "before and after the experiment: leave scope out"
        )
    try:
        Settings.check(control["provider"].get("arguments") or {})
    except ArgumentError as exc:
        raise InvalidControl(f"control {control['name']!r}: {exc}") from exc


def before_experiment_control(
    context: Experiment, configuration: Configuration, secrets: Secrets, **arguments: Any
) -> None:
    """
    Begin the session; whatever is in the way ends the run before anything is cut.
    """
    global _session  # noqa: PLW0603 - the toolkit's hooks are functions; this joins them
    if _session:
        return
    try:
        config.network(configuration)
        settings = _parsed(arguments)
        _session = Session(settings, context, configuration, secrets)
        _session.begin()
    except Exception as exc:
        raise InterruptExecution(f"nothing was cut: {exc}") from exc


def _parsed(arguments: Mapping[str, Any]) -> Settings:
    global _refusal  # noqa: PLW0603 - there is no session yet that could tell
    try:
        return Settings.parse(arguments)
    except ArgumentError as exc:
        _refusal = str(exc)
        raise


def before_rollback_control(context: Experiment, **arguments: Any) -> None:
    """
    Let nothing cut the rollbacks short.
    """
    if _session:
        _session.begin_to_end()


def after_experiment_control(context: Experiment, state: Journal, **arguments: Any) -> None:
    """
    Stop what the run started and complete the journal.
    """
    try:
        if _session:
            _session.end(state)
        elif _refusal:
            conclude_refused(state, _refusal)
    except Exception:
        # The toolkit would swallow it, and the run would look as if all were well.
        logger.exception("The run could not be ended in order")
        state["status"] = "failed"


def cleanup_control() -> None:
    """
    Close the session; the toolkit calls this on every way out that can be caught.
    """
    global _session, _refusal
    session, _session, _refusal = _session, None, None
    if session:
        session.close()
