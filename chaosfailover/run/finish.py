"""
The conclusion of a run: its verdict, its record, the files made from them, and its summary.
"""

import contextlib
import json
import logging
import os
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from chaoslib.types import Journal

from chaosfailover.errors import ConfigurationError
from chaosfailover.record import make_record
from chaosfailover.record.redaction import redact, redact_run, run_names
from chaosfailover.report import SUFFIXES, render
from chaosfailover.run.experiment_file import command_parameter
from chaosfailover.run.live_page import write_report
from chaosfailover.run.otel import trace_run
from chaosfailover.run.settings import FILES, Settings
from chaosfailover.run.summary import Files, summary
from chaosfailover.verdict.journal import parse
from chaosfailover.verdict.verdict import Verdict, given, judge

__all__ = ["check_files", "conclude", "conclude_refused", "fail", "live_report", "try_to_write"]

logger = logging.getLogger("chaostoolkit")

JOURNAL = "journal.json"
"""The toolkit's own name for it, which `chaos failover check` takes for granted."""


def check_files(settings: Settings, *, make_folders: bool = True) -> None:
    """
    Check that the report, the record and the journal can be written.

    Existing files are not changed, and no new file is left; nor is a folder, unless they are to be
    made. Raises ConfigurationError.
    """
    for key in FILES:
        _check_file(key, getattr(settings, key), make_folders=make_folders)
    _check_journal(make_folders=make_folders)


def _check_file(key: str, file: str | None, *, make_folders: bool = True) -> None:
    if not file:
        return
    journal = command_parameter("journal_path") or JOURNAL
    if os.path.realpath(file) == os.path.realpath(journal):
        raise ConfigurationError(f"{key} is {file!r}, as the journal: name another file")
    if key in ("report", "record"):
        try_to_write(key, Path(file), make_folders=make_folders)


def _check_journal(*, make_folders: bool = True) -> None:
    if name := command_parameter("journal_path"):
        try_to_write("the journal", Path(name), make_folders=make_folders)


def writable_journal() -> str | None:
    """
    Return the file of the journal, None if it cannot be written.
    """
    with contextlib.suppress(ConfigurationError):
        _check_journal()
        return command_parameter("journal_path")
    return None


def try_to_write(key: str, file: Path, *, make_folders: bool) -> None:
    """
    Check that a file can be written; `key` is the setting that names it.
    """
    try:
        made = [folder for folder in file.parents if not folder.exists()]
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            place = Path(os.path.realpath(file))
            existed = place.exists()
            place.open("ab").close()
            if not existed:
                place.unlink()
        finally:
            for folder in () if make_folders else made:
                if folder.exists():
                    folder.rmdir()
    except OSError as exc:
        raise ConfigurationError(
            f"{key} is {str(file)!r}, which cannot be written: {exc.strerror or exc}"
        ) from exc


Kept = Callable[[str], Path | None]
"""What tells, by the verdict, where the evidence is, or None if it is not kept."""
Live = Callable[[Journal], Mapping[str, str]]
"""What makes the live page the report of a journal, and returns it by its kind."""


def conclude(
    journal: Journal,
    settings: Settings,
    secrets: Collection[str] = (),
    kept: Kept = lambda _: None,
    journal_file: str | None = None,
    live: Live = lambda _: {},
) -> None:
    """
    Judge a run by all that was seen, then hide secrets, write its record and its report, conclude
    its `live` page, and log the summary.

    Only a run that held leaves the toolkit's exit code at 0. Errors are logged and make
    the run `failed`, since the toolkit swallows whatever a control raises here.
    """
    written: dict[str, str] = {}
    steps: Mapping[str, Callable[[], None]] = {
        "verdict": lambda: _judge(journal, secrets),
        "record": lambda: written.update(_record(journal, settings, secrets)),
        "report": lambda: written.update(_report(journal, settings)),
        "live": lambda: written.update(live(journal)),
        "summary": lambda: _tell(journal, written, kept, journal_file),
    }
    for name, step in steps.items():
        try:
            step()
        except OSError as exc:
            _tell_unwritten(exc, journal)
            fail(journal, name)
        except Exception:
            logger.exception("The conclusion of the run failed")
            fail(journal, name)


def fail(journal: Journal, cause: str) -> None:
    """
    Make a run `failed`. After its record, note the cause and the status by which it was judged.
    """
    entry = journal.get("failover", {})
    if "record" in entry:
        note = entry.setdefault("after_record", {"status": journal["status"], "failed": []})
        note["failed"].append(cause)
    journal["status"] = "failed"


def _tell_unwritten(problem: OSError, journal: Journal) -> None:
    """
    Log that a file could not be written, unless that is why the run was refused.
    """
    events = journal["failover"].get("events", ())
    reasons = (each.get("reason", "") for each in events if each["kind"] == "refused")
    if not any(repr(str(problem.filename)) in reason for reason in reasons):
        logger.error("%s cannot be written: %s", problem.filename, problem.strerror or problem)


def conclude_refused(
    journal: Journal,
    reason: str,
    settings: Settings,
    journal_file: str | None = None,
    secrets: Collection[str] = (),
) -> None:
    """
    Judge a run that did not begin, since its settings are wrong; write the files of `settings`.
    """
    at = datetime.now(UTC).isoformat()
    journal["failover"] = {"events": [{"at": at, "kind": "refused", "reason": reason}]}
    files = {key: file for key in FILES if (file := getattr(settings, key))}
    usable = Settings(**{key: files[key] for key in files if _holds(_check_file, key, files[key])})
    shown = journal_file if _holds(_check_journal) else None
    conclude(journal, usable, secrets, journal_file=shown, live=live_report(usable))


def _holds(check: Callable[..., None], *given: str) -> bool:
    """
    Tell whether a check of a refused run's files holds; log why not.
    """
    try:
        check(*given)
    except ConfigurationError as exc:
        logger.warning("%s", exc)
        return False
    return True


def live_report(settings: Settings) -> Live:
    """
    Return what writes the report of a run whose live page nobody writes.
    """
    return partial(write_report, Path(settings.live)) if settings.live else lambda _: {}


def _judge(journal: Journal, secrets: Collection[str]) -> None:
    try:
        verdict = judge(journal)
    finally:
        journal.update(redact_run(journal, secrets))
    shown = _without_secrets(verdict, journal, secrets)
    journal["failover"]["verdict"] = shown.as_dict()
    if shown.verdict == "deviated":
        journal["deviated"] = True
    elif shown.verdict != "held" and journal["status"] == "completed":
        journal["status"] = "failed"


def _without_secrets(verdict: Verdict, redacted: Journal, secrets: Collection[str]) -> Verdict:
    """
    Return a verdict whose sentences quote the redacted journal: in a cut-off quotation of the
    other, half a secret could not be found.
    """
    quoted = judge(redacted)
    sentences = quoted.reasons if quoted.verdict == verdict.verdict else verdict.reasons
    shown = redact({"reasons": sentences}, secrets, run_names(redacted, secrets))
    return Verdict(verdict.verdict, tuple(shown["reasons"]))


def _record(journal: Journal, settings: Settings, secrets: Collection[str]) -> Mapping[str, str]:
    record = make_record(journal, secrets)
    journal["failover"]["record"] = record
    trace_run(record)
    return _write(
        "record", settings.record, json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    )


def _report(journal: Journal, settings: Settings) -> Mapping[str, str]:
    if not settings.report:
        return {}
    form = SUFFIXES[Path(settings.report).suffix.lower()]
    return _write("report", settings.report, render([journal], form, "en"))


def _write(kind: str, name: str | None, text: str) -> Mapping[str, str]:
    """
    Write a file, if it has a name; return it by its kind.
    """
    if not name:
        return {}
    Path(name).write_text(text, encoding="utf-8")
    return {kind: name}


def _tell(journal: Journal, written: dict[str, str], kept: Kept, journal_file: str | None) -> None:
    """
    Log the summary of a run.
    """
    run = parse(journal)
    verdict = given(run) or judge(run)
    evidence = kept(verdict.verdict)
    files = Files(journal_file, str(evidence) if evidence else None, written)
    end = summary(run, verdict, files)
    held = verdict.verdict == "held"
    first = [
        (logging.INFO if end.is_over else logging.ERROR, end.restored),
        (logging.INFO if held else logging.WARNING, end.verdict),
    ]
    for level, line in first if end.is_restored_first else reversed(first):
        logger.log(level, "%s", line)
    for line in end.rest:
        logger.info("%s", line)
