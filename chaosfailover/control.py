"""
The Chaos Toolkit control of a failover experiment, whose hooks call the session.

The toolkit passes the control's arguments to every hook, and swallows whatever a hook raises except
InterruptExecution. It calls the hooks of every declaration: a second one is refused. A control that
an experiment repeats by `ref` is one declaration, whose hooks are called twice.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from chaoslib.exceptions import InterruptExecution, InvalidControl
from chaoslib.run import EventHandlerRegistry, RunEventHandler
from chaoslib.types import (
    Activity,
    Configuration,
    Control,
    Experiment,
    Hypothesis,
    Journal,
    Run,
    Secrets,
)

from chaosfailover.alibaba import config
from chaosfailover.errors import FailoverError
from chaosfailover.record.redaction import given_secrets, redact_message, redact_run
from chaosfailover.run.activity_waits import begin_wait, end_all_waits, end_wait
from chaosfailover.run.declarations import check_declarations, check_scope, validated_experiment
from chaosfailover.run.evidence import RunEvidence
from chaosfailover.run.experiment_file import command_name, command_parameter, note_control
from chaosfailover.run.experiment_shape import check_keys
from chaosfailover.run.finish import conclude_refused, fail
from chaosfailover.run.journal_entry import json_object, known_secrets
from chaosfailover.run.probe_tolerance import evaluate, tell_reading
from chaosfailover.run.session import Session, note_begun
from chaosfailover.run.settings import Settings
from chaosfailover.run.steps import stops_test
from chaosfailover.run.written_values import check_written

__all__ = [
    "after_activity_control",
    "after_experiment_control",
    "after_hypothesis_control",
    "after_method_control",
    "before_activity_control",
    "before_experiment_control",
    "before_hypothesis_control",
    "before_method_control",
    "before_rollback_control",
    "cleanup_control",
    "validate_control",
]

logger = logging.getLogger("chaostoolkit")

NOT_BEGUN = """\
the toolkit did not call the control before the experiment, so nothing was measured and nothing \
could be cut: another control ended the run, or the control chaosfailover.control has a `scope`"""

_session: Session | None = None
_refusal: str | None = None
_noted: tuple[str | None, Journal | None] = None, None
# The threads that evaluate the hypothesis now, which may go on beside the method.
_in_hypothesis: set[int] = set()


def validate_control(control: Control) -> None:
    """
    Refuse wrong arguments, a `scope`, a second control and misspelt keys.

    At `chaos validate`, make all checks that need no network; `chaos run` takes values from its
    command line, which are known only later.
    """
    experiment = validated_experiment() or {}
    arguments = control["provider"].get("arguments") or {}
    if not isinstance(arguments, Mapping):
        raise InvalidControl(
            f"control {control['name']!r}: arguments is of the type {type(arguments).__name__}, "
            "expected a mapping"
        )
    try:
        check_scope(control)
        check_declarations(experiment)
        check_keys(experiment)
        Settings.check(arguments)
        if command_name() == "validate":
            check_written(experiment, arguments)
    except FailoverError as exc:
        message, cause = _redacted(exc, given_secrets({}))
        raise InvalidControl(f"control {control['name']!r}: {message}") from cause


class RunNote(RunEventHandler):  # type: ignore[misc]
    """
    Notes the journal and the rollback strategy in force, which may come from the command line.
    """

    def running(self, *run: Any) -> None:
        """
        Note both just before the controls begin; the settings of the run come last.
        """
        global _noted  # noqa: PLW0603 - the toolkit's hooks are functions
        rollbacks = run[-1].get("runtime", {}).get("rollbacks", {})
        _noted = rollbacks.get("strategy", "default"), run[1]


def configure_control(event_registry: EventHandlerRegistry = None, **arguments: object) -> None:
    """
    Listen for the settings of the run, since no hook is given them without a settings file.
    """
    if event_registry:
        event_registry.register(RunNote())


def before_experiment_control(
    context: Experiment, configuration: Configuration, secrets: Secrets, **arguments: object
) -> None:
    """
    Begin the session; any error ends the run before anything is cut.
    """
    global _session, _refusal  # noqa: PLW0603 - the toolkit's hooks are functions; this joins them
    if _session:
        return
    note_control()
    note_begun(begun=False)
    try:
        config.network(configuration)
        check_declarations(context)
        settings = Settings.parse(arguments)
        _session = Session(settings, context, configuration, secrets, *_noted)
        _session.begin()
    except Exception as exc:  # noqa: BLE001 - raised again, as what ends the run
        message, cause = _redacted(exc, known_secrets(configuration, secrets))
        if not _session:
            _refusal = message  # no session reports it
        raise InterruptExecution(f"nothing was cut: {message}") from cause
    note_begun(begun=True)


def _redacted(problem: Exception, secrets: Iterable[str]) -> tuple[str, Exception | None]:
    """
    Return an error's message without secrets, and its cause if the toolkit may log that as it is.
    """
    message = redact_message(str(problem), secrets)
    return message, problem if message == str(problem) else None


def before_hypothesis_control(context: Hypothesis, **arguments: object) -> None:
    """
    Leave the tolerances of the hypothesis to the toolkit.
    """
    _in_hypothesis.add(threading.get_ident())


def after_hypothesis_control(
    context: Hypothesis, state: Run, configuration: Configuration = None, **arguments: object
) -> None:
    """
    Evaluate tolerances again, keep the reading, and log the results of its probes.
    """
    _in_hypothesis.discard(threading.get_ident())
    if state and (evidence := _evidence()):
        evidence.reading(state)
        tell_reading(state, configuration or {}, whole=not evidence.is_in_method)


def before_method_control(context: Experiment, **arguments: object) -> None:
    """
    Note that the method begins.
    """
    if evidence := _evidence():
        evidence.enter("during")


def before_activity_control(
    context: Activity,
    configuration: Configuration = None,
    secrets: Secrets = None,
    **arguments: object,
) -> None:
    """
    Wait for the failover to settle before the method stops a test; keep what begins.
    """
    if _session and stops_test(context):
        _session.settle()
    begin_wait(context, configuration or {}, secrets or {})
    if threading.get_ident() not in _in_hypothesis and (evidence := _evidence()):
        evidence.activity_begins(context)


def after_activity_control(
    context: Activity,
    state: Run,
    experiment: Experiment,
    configuration: Configuration,
    secrets: Secrets,
    **arguments: object,
) -> None:
    """
    Evaluate the tolerance of a probe outside the hypothesis, unless the run or the probe is dry.
    """
    end_wait()
    dry = experiment.get("dry") or context.get("dry")
    if not state or threading.get_ident() in _in_hypothesis:
        return
    if not dry:
        evaluate(context, state, configuration, secrets)
    if evidence := _evidence():
        evidence.activity_ends(state)


def _evidence() -> RunEvidence | None:
    return _session.evidence if _session else None


def after_method_control(context: Experiment, **arguments: object) -> None:
    """
    Wait for the failover to settle before the hypothesis is read and the way back begins.
    """
    if _session:
        _session.settle()
    if evidence := _evidence():
        evidence.enter("after")


def before_rollback_control(context: Experiment, **arguments: object) -> None:
    """
    Let no signal interrupt the rollbacks.
    """
    end_all_waits()
    if _session:
        _session.begin_to_end()
    if evidence := _evidence():
        evidence.enter("rollbacks")


def after_experiment_control(
    context: Experiment,
    state: Journal,
    configuration: Configuration = None,
    secrets: Secrets = None,
    **arguments: object,
) -> None:
    """
    Stop what the run started and complete the journal.
    """
    end_all_waits()
    note_control()
    if "failover" in state:
        return  # this run is concluded
    try:
        if _session:
            _session.end(state)
        else:
            files = Settings.of_files(arguments)
            _end_unbegun(state, known_secrets(configuration, secrets), files)
    except Exception:
        # The toolkit would swallow it, and the run would look successful.
        logger.exception("The end of the run failed")
        fail(state, "end")


def _end_unbegun(state: Journal, secrets: set[str], files: Settings) -> None:
    """
    Complete the journal of a run that has no session.
    """
    state.update(redact_run(json_object(state), secrets))
    conclude_refused(state, _refusal or NOT_BEGUN, files, command_parameter("journal_path"))


def cleanup_control() -> None:
    """
    Close the session; the toolkit calls this on every way out that can be caught.
    """
    global _session, _refusal, _noted
    session, _session, _refusal, _noted = _session, None, None, (None, None)
    end_all_waits()
    note_begun(begun=True)
    if session:
        session.close()
