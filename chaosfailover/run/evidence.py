"""
The evidence of a run: its journal in fragments, written to a file while it happens.

Secrets are hidden before a fragment is written, in the thread that writes it.
"""

import itertools
import logging
import os
import tempfile
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from chaoslib.types import Journal

from chaosfailover.errors import ConfigurationError
from chaosfailover.events import Event
from chaosfailover.events.evidence_file import EvidenceFile, Line, file_name
from chaosfailover.outages.measured import CutWindow
from chaosfailover.prober.measurement import Measurement
from chaosfailover.record.redaction import redact_fragment
from chaosfailover.run import Activity
from chaosfailover.run.finish import try_to_write
from chaosfailover.run.journal_entry import json_object

__all__ = ["RunEvidence", "check_evidence", "open_evidence"]

logger = logging.getLogger("chaostoolkit")

Fragment = Mapping[str, object]

# Seconds for which a start waits until its announcement is on disk.
LONGEST_WAIT = 2.0
# What the toolkit writes into its journal at the beginning of a run, and at its end.
AT_FIRST = ("chaoslib-version", "platform", "node", "experiment", "start")
AT_LAST = ("status", "deviated", "end", "duration", "interruption", "safeguards")
# What our entry gets at the end; the rest is written while the run goes on.
CONCLUSION = ("cut_at", "stop_at", "stopped", "traffic", "verdict", "record", "after_record")

EXISTS = "exists, and evidence is never overwritten: name another file, or a folder"


class RunEvidence:
    """
    Writes the fragments of one run, until `close`.

    `hidden` are the secrets of the run. A file that nobody named is removed if it is not `wanted`.
    """

    def __init__(self, path: Path, hidden: Collection[str], *, named: bool) -> None:
        self.hidden = tuple(hidden)
        self.named = named
        self._names: dict[str, dict[str, object]] = {"failover": {}}
        self._numbers = itertools.count(1)
        self._phase = "before"
        self._under_way: dict[int, str] = {}
        self._file = EvidenceFile.create(path, self._redacted)

    @property
    def path(self) -> Path:
        """
        The file.
        """
        return self._file.path

    @property
    def is_in_method(self) -> bool:
        """
        Whether readings of the hypothesis go on beside the method, or the rollbacks.
        """
        return self._phase not in ("before", "after")

    def note(self, fragment: Fragment) -> None:
        """
        Write a fragment of the journal, as it is now.
        """
        self._file.put({"journal": json_object(fragment)})

    def begin(self, journal: Journal) -> None:
        """
        Write what the toolkit knows of a run at its beginning.
        """
        self.note({key: journal[key] for key in AT_FIRST if key in journal})

    def listen(self, event: Event) -> None:
        """
        Write an event; before a start, wait until it is on disk. Safe in a signal handler.
        """
        self._file.put({"journal": {"failover": {"events": [event]}}})
        if event["kind"] == "cut":
            self._file.flush(LONGEST_WAIT)

    def measure(self, measurement: Measurement) -> None:
        """
        Write the samples of a measurement from now on.
        """
        self.note({"failover": {"measured": measurement.about()}})
        self._file.sources.append(measurement)

    def window(self, number: int, window: CutWindow) -> None:
        """
        Write when a cut began and ended for the measurement; before a start, as `listen` does.
        """
        self.note({"failover": {"windows": {f"{number}": asdict(window)}}})
        if window.stop_at is None:
            self._file.flush(LONGEST_WAIT)

    def enter(self, phase: str) -> None:
        """
        Note that the method or the rollbacks begin, or that the method has ended.
        """
        self._phase = phase

    def activity_begins(self, activity: Activity) -> None:
        """
        Write that an activity of the method or of the rollbacks begins.
        """
        number, part = next(self._numbers), self._part
        self._under_way[threading.get_ident()] = f"{number}"
        run = {"activity": activity, "start": datetime.now(UTC).isoformat()}
        self.note({"running": {f"{number}": {"part": part, "run": run}}})

    def activity_ends(self, run: Mapping[str, object]) -> None:
        """
        Write the run of an activity.
        """
        number = self._under_way.pop(threading.get_ident(), "")
        self.note({"running": {number: None}, self._part: [run]})

    def reading(self, state: Mapping[str, object]) -> None:
        """
        Write a reading of the hypothesis.
        """
        states = {"during": [state]} if self.is_in_method else {self._phase: state}
        self.note({"steady_states": states})

    @property
    def _part(self) -> str:
        return "rollbacks" if self._phase == "rollbacks" else "run"

    def conclude(self, journal: Journal) -> None:
        """
        Write the conclusion of a run, from its journal, whose secrets are hidden already.

        It comes after all samples, since a run that is killed after it has a record of them.
        """
        self._file.flush(LONGEST_WAIT)
        entry = {key: journal["failover"][key] for key in CONCLUSION if key in journal["failover"]}
        last = {key: journal[key] for key in AT_LAST if key in journal}
        self._file.put({"journal": json_object({**last, "failover": entry}), "end": True})

    def close(self, *, wanted: bool) -> None:
        """
        Write what is left, and say what did not fit, or remove the file.
        """
        self._file.close()
        if self.named or wanted:
            if lost := self._file.lost:
                logger.warning("%s is without %d lines that did not fit", self.path, lost)
            return
        with suppress(OSError):
            self.path.unlink()

    def _redacted(self, line: Line) -> Line:
        """
        Hide secrets in a line; called in the thread that writes it.
        """
        fragment = line.get("journal")
        if "end" in line or not isinstance(fragment, Mapping):
            return line
        return {**line, "journal": redact_fragment(fragment, self.hidden, self._names)}


def open_evidence(given: str | None, hidden: Collection[str]) -> RunEvidence:
    """
    Create the evidence file of this run: where `given` says, a file or a folder, else in the
    working directory, else in the one for temporary files.

    Raises ConfigurationError if it cannot be written, or if the given file exists.
    """
    name = file_name(datetime.now(UTC), os.getpid())
    if given is not None:
        return _create(_place(Path(given), name, is_folder=given.endswith("/")), hidden, given)
    with suppress(OSError):
        return RunEvidence(_unused(Path.cwd(), name), hidden, named=False)
    evidence = _create(_unused(Path(tempfile.gettempdir()), name), hidden)
    logger.warning("The working directory cannot be written: the evidence is in %s", evidence.path)
    return evidence


def _unused(folder: Path, name: str) -> Path:
    """
    Return a path that is free: this process may have begun another run in the same second.
    """
    stem = name.removesuffix(".jsonl")
    names = (f"{stem}{f'-{number}' if number > 1 else ''}.jsonl" for number in itertools.count(1))
    return next(path for each in names if not (path := folder / each).exists())


def check_evidence(given: str | None) -> None:
    """
    Check that the given file could be created, and leave nothing of it; raises ConfigurationError.
    """
    if given is None:
        return
    name = file_name(datetime.now(UTC), os.getpid())
    path = _place(Path(given), name, is_folder=given.endswith("/"))
    if os.path.lexists(path):
        raise ConfigurationError(f"evidence is {given!r}, which {EXISTS}")
    try_to_write("evidence", path, make_folders=False)


def _place(path: Path, name: str, *, is_folder: bool) -> Path:
    # It raises for no name that cannot be looked up, unlike the method of a path.
    return path / name if is_folder or os.path.isdir(path) else path  # noqa: PTH112


def _create(path: Path, hidden: Collection[str], given: str | None = None) -> RunEvidence:
    shown = f"evidence is {given!r}, which" if given else f"the evidence file {path}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return RunEvidence(path, hidden, named=given is not None)
    except OSError as exc:
        if os.path.lexists(path):
            raise ConfigurationError(f"{shown} {EXISTS}") from exc
        raise ConfigurationError(f"{shown} cannot be written: {exc.strerror or exc}") from exc
