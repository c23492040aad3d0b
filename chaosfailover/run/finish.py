"""
The conclusion of a run: its verdict, its record, and the files made from them.
"""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from chaoslib.types import Journal

from chaosfailover.errors import ConfigurationError
from chaosfailover.record import make_record
from chaosfailover.report import SUFFIXES, render
from chaosfailover.run.otel import trace_run
from chaosfailover.run.settings import Settings
from chaosfailover.verdict.verdict import judge

__all__ = ["check_files", "conclude", "conclude_refused"]

logger = logging.getLogger("chaostoolkit")


def check_files(settings: Settings) -> None:
    """
    Check that the report and the record can be written, and create their folders.

    Existing files are not changed, and no new file is left. Raises ConfigurationError.
    """
    for key in ("report", "record"):
        if name := getattr(settings, key):
            _try_to_write(key, Path(name))


def _try_to_write(key: str, file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        existed = file.exists()
        file.open("ab").close()
        if not existed:
            file.unlink()
    except OSError as exc:
        raise ConfigurationError(
            f"{key} is {str(file)!r}, which cannot be written: {exc.strerror or exc}"
        ) from exc


def conclude(journal: Journal, settings: Settings) -> None:
    """
    Judge a run, and write its record and its report.

    Only a run that held leaves the toolkit's exit code at 0. Errors are logged and make
    the run `failed`, since the toolkit swallows whatever a control raises here.
    """
    steps: tuple[Callable[[Journal, Settings], None], ...] = (_judge, _record, _report)
    for step in steps:
        try:
            step(journal, settings)
        except Exception:
            logger.exception("The conclusion of the run failed")
            journal["status"] = "failed"


def conclude_refused(journal: Journal, reason: str) -> None:
    """
    Judge a run that did not begin, since its settings are wrong.
    """
    at = datetime.now(UTC).isoformat()
    journal["failover"] = {"events": [{"at": at, "kind": "refused", "reason": reason}]}
    conclude(journal, Settings())


def _judge(journal: Journal, _: Settings) -> None:
    verdict = judge(journal)
    journal["failover"]["verdict"] = verdict.as_dict()
    level = logging.INFO if verdict.verdict == "held" else logging.WARNING
    logger.log(level, "VERDICT: %s. %s", verdict.verdict, " ".join(verdict.reasons))
    if verdict.verdict == "deviated":
        journal["deviated"] = True
    elif verdict.verdict != "held" and journal["status"] == "completed":
        journal["status"] = "failed"


def _record(journal: Journal, settings: Settings) -> None:
    record = make_record(journal)
    journal["failover"]["record"] = record
    trace_run(record)
    if settings.record:
        _write(settings.record, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def _report(journal: Journal, settings: Settings) -> None:
    if settings.report:
        form = SUFFIXES[Path(settings.report).suffix.lower()]
        _write(settings.report, render([journal], form, "en"))


def _write(name: str, text: str) -> None:
    Path(name).write_text(text, encoding="utf-8")
    logger.info("Wrote %s", name)
