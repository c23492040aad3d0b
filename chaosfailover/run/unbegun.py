"""
The verdict, the record and the journal of a run that the toolkit refuses before it calls a hook.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from chaoslib import merge_vars, substitute
from chaoslib.configuration import load_configuration
from chaoslib.exceptions import ChaosException
from chaoslib.run import initialize_run_journal

from chaosfailover.record.redaction import redact
from chaosfailover.run import Configuration, Experiment
from chaosfailover.run.finish import conclude_refused
from chaosfailover.run.journal_entry import json_object, written_secrets
from chaosfailover.run.loading import NOT_READ
from chaosfailover.run.provider_names import given_arguments
from chaosfailover.run.settings import Settings

__all__ = ["conclude_unbegun", "tell_unwritten"]

logger = logging.getLogger("chaostoolkit")


def conclude_unbegun(
    experiment: Experiment,
    reason: str,
    journal_path: str,
    variables: Mapping[str, object],
    variable_files: Sequence[str],
) -> None:
    """
    Judge a run that did not begin, and write the files that its experiment asks for.

    `experiment` is empty if it cannot be read.

    The journal is written too: beside this run's verdict, that of the run before would be taken for
    its own.
    """
    secrets = written_secrets(experiment)
    journal = initialize_run_journal(redact(json_object(experiment), secrets))
    journal |= {"status": "failed", "end": datetime.now(UTC).isoformat()}
    configuration = _configuration(experiment, variables, variable_files)
    files = Settings.of_files(substitute(dict(given_arguments(experiment)), configuration, {}))
    conclude_refused(journal, reason, files, journal_path, secrets)
    text = json.dumps(journal, indent=2, ensure_ascii=False)
    try:
        Path(journal_path).write_text(text, encoding="utf-8")
    except OSError as exc:
        tell_unwritten(journal_path, exc)


def tell_unwritten(journal_path: str, problem: OSError) -> None:
    """
    Log that a journal could not be written.
    """
    logger.error("The journal %s is not written: %s", journal_path, problem.strerror)


def _configuration(
    experiment: Experiment, variables: Mapping[str, object], files: Sequence[str]
) -> Configuration:
    """
    Return the configuration of an experiment as far as it can be read: the reason is another one.
    """
    written = experiment.get("configuration") or {}
    with suppress(ChaosException, OSError, *NOT_READ):
        given, _ = merge_vars({**variables}, [*files])
        configuration: Configuration = load_configuration(written, given)
        return configuration
    return {}
