"""
The toolkit's own `chaos run` and `chaos validate`, with one end for whatever the toolkit refuses.

The toolkit lets plugins override its commands. It calls no hook of a run that it refuses, such as
one with a misspelt function: there would be neither verdict nor record, and beside it the journal
of the run before. An experiment that does not use this package is left to the toolkit alone.
"""

import copy
import functools
import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import click
from chaostoolkit.commands.run import run as toolkit_run
from chaostoolkit.commands.validate import validate as toolkit_validate

from chaosfailover.cli.region_options import NOT_DONE
from chaosfailover.errors import ConfigurationError
from chaosfailover.record.redaction import redact_message
from chaosfailover.run import Experiment
from chaosfailover.run.declarations import check_declarations, is_called
from chaosfailover.run.experiment_file import control_was_called
from chaosfailover.run.given_files import check_settings, check_variables, load_controls
from chaosfailover.run.journal_entry import check_depth, written_secrets
from chaosfailover.run.loading import CLEAR, one_line, ours
from chaosfailover.run.provider_names import check_control, check_names
from chaosfailover.run.unbegun import conclude_unbegun, tell_unwritten

__all__ = ["run", "validate"]

logger = logging.getLogger("chaostoolkit")

Command = Callable[..., object]
Given = Mapping[str, Any]
"""The parameters of the command line."""
Check = Callable[[Experiment, Given], None]
End = Callable[[Experiment, str, Given], None]


class Interrupted(BaseException):
    """
    A signal came before the control was called.
    """


class LastError(logging.Handler):
    """
    Keeps the last error in the toolkit's log: after it, the toolkit ends without an exception.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.message = ""

    def emit(self, record: logging.LogRecord) -> None:
        """
        Keep the message of an error.
        """
        self.message = record.getMessage()


def _completed(toolkit: Command, check: Check, end: End) -> Command:
    """
    Return a command of the toolkit that makes a check first, and that calls `end` with the reason
    if an experiment of ours is refused, by whomever.
    """

    @functools.wraps(toolkit)
    def command(**given: Any) -> object:
        experiment: Experiment | None = {}
        try:
            experiment = ours(given["source"], _settings(), verify_tls=not given["no_verify_tls"])
            if experiment is not None:
                check(experiment, given)
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is why there is no run
            _refuse(experiment or {}, problem, given, end)
        if experiment is None or not is_called(experiment):
            return toolkit(**given)
        return _command_of_ours(toolkit, experiment, given, end)

    return command


def _command_of_ours(toolkit: Command, experiment: Experiment, given: Given, end: End) -> object:
    """
    Call the toolkit, for an experiment whose control it is to call.
    """
    try:
        with _last_error() as last, _handled_signals():
            return toolkit(**given)
    except click.exceptions.Exit as exc:
        if exc.exit_code and last.message and not control_was_called():
            end(experiment, _redacted(last.message, experiment), given)
        raise
    except (click.ClickException, click.Abort):
        raise
    except (Exception, Interrupted, KeyboardInterrupt, SystemExit) as problem:
        if isinstance(problem, OSError) and problem.filename == given.get("journal_path"):
            tell_unwritten(given["journal_path"], problem)
            raise click.exceptions.Exit(NOT_DONE) from None
        if control_was_called():
            raise
        _refuse(experiment, problem, given, end)


def _refuse(experiment: Experiment, problem: BaseException, given: Given, end: End) -> NoReturn:
    reason = one_line(problem)
    if isinstance(problem, KeyboardInterrupt):
        reason = "it was interrupted by SIGINT"
    elif not isinstance(problem, (*CLEAR, Interrupted)):
        reason = f"the toolkit cannot use {given['source']}: {reason}"
    reason = _redacted(reason, experiment)
    logger.error("%s", reason)
    _tell_agent(reason, given)
    end(experiment, reason, given)
    raise click.exceptions.Exit(NOT_DONE) from None


@contextmanager
def _last_error() -> Iterator[LastError]:
    handler = LastError()
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)


@contextmanager
def _handled_signals() -> Iterator[None]:
    """
    Let SIGTERM and SIGHUP end what comes before the control, and nothing after it: the journal of
    the run is being written. The control handles them itself.
    """
    unhandled = [
        each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is signal.SIG_DFL
    ]
    try:
        for signum in unhandled:
            signal.signal(signum, _handle)
        yield
    finally:
        for signum in unhandled:
            signal.signal(signum, signal.SIG_DFL)


def _handle(signum: int, _: FrameType | None) -> None:
    if not control_was_called():
        raise Interrupted(f"it was interrupted by {signal.Signals(signum).name}")


def _redacted(reason: str, experiment: Experiment) -> str:
    return redact_message(" ".join(reason.split()), written_secrets(experiment))


def _settings() -> str:
    path: str = click.get_current_context().obj["settings_path"]
    return path


def _tell_agent(reason: str, given: Given) -> None:
    """
    Report a refusal on the standard output, as the toolkit does with `--output agent`.
    """
    if given.get("output_format") != "agent":
        return
    from chaostoolkit import agent  # from 1.21 on, which has this option

    source, problem = given["source"], ConfigurationError(reason)
    if path := given.get("journal_path"):
        report = agent.run_error_report("validation", problem, source=source)
        agent.emit({**report, "journal_path": path})
    else:
        agent.emit(agent.validate_report(source, stage="validation", exc=problem))


def _check_run(experiment: Experiment, given: Given) -> None:
    load_controls(_settings(), given["control_file"])
    check_variables(experiment, given["var"] or {}, given["var_file"])
    _check_written(experiment, given)
    check_control(experiment)


def _check_validated(experiment: Experiment, given: Given) -> None:
    """
    Warn of a missing control: it may still come from a control file, which a validation lacks.
    """
    check_settings(_settings())
    _check_written(experiment, given)
    try:
        check_control(experiment)
    except ConfigurationError as problem:
        logger.warning("%s", problem)


def _check_written(experiment: Experiment, _: Given) -> None:
    check_depth(experiment)
    check_names(experiment)
    check_declarations(experiment)


def _end_run(experiment: Experiment, reason: str, given: Given) -> None:
    conclude_unbegun(
        experiment, reason, given["journal_path"], given["var"] or {}, given["var_file"]
    )


run, validate = copy.copy(toolkit_run), copy.copy(toolkit_validate)
run.callback = _completed(toolkit_run.callback, _check_run, _end_run)
# A validation has no verdict: the log says why the experiment is refused.
validate.callback = _completed(
    toolkit_validate.callback,
    _check_validated,
    lambda *_: None,
)
