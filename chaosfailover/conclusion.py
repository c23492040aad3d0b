"""
The conclusion of a run: its verdict, its record, and the files that are made of them.
"""

import json
import logging
from collections.abc import Callable
from pathlib import Path

from chaoslib.types import Journal

from chaosfailover.record import make_record
from chaosfailover.report import SUFFIXES, render
from chaosfailover.settings import Settings
from chaosfailover.telemetry import trace_run
from chaosfailover.verdict import judge

__all__ = ["conclude"]

logger = logging.getLogger("chaostoolkit")


def conclude(journal: Journal, settings: Settings) -> None:
    """
    Judge a run, and write the record and the report that its settings ask for.

    Only a run that held leaves the toolkit's exit code at 0. What cannot be written is logged, and
    the run is `failed`, since the toolkit swallows whatever a control raises here.
    """
    steps: tuple[Callable[[Journal, Settings], None], ...] = (_judge, _record, _report)
    for step in steps:
        try:
            step(journal, settings)
        except Exception:
            logger.exception("The run could not be concluded")
            journal["status"] = "failed"


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
    logger.info("%s is written", name)
