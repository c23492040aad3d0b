"""
Reads an evidence file, whole, cut off or growing, as the journal that the run would have left.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import chain
from math import inf
from typing import Any

from chaosfailover.events.evidence_file import SAMPLES, SEAL, TAKEN_OVER, unsealed
from chaosfailover.outages.flow import MOST_FLOWS
from chaosfailover.outages.measured import CutWindow, Origin, target_entry
from chaosfailover.outages.sample_code import SampleDecoder
from chaosfailover.verdict.evidence import UNFINISHED
from chaosfailover.verdict.values import instant, mapping, mappings, number, text

__all__ = ["DEEPEST", "Evidence", "EvidenceReader", "is_deep", "is_evidence", "read_evidence"]

Fragment = Mapping[str, Any]

# Parts of the fragments that no journal has.
SCAFFOLD = ("measured", "windows")
LATEST = 1e10
"""No instant of a monotonic clock, in seconds, is later."""
DEEPEST = 100
"""The levels of a document that are read."""


@dataclass(slots=True)
class Evidence:
    """
    What an evidence file holds.

    `journal` is that of the run; without an end, its interruption is `unfinished`, with the name
    of who told the end in the place of the run, if somebody did. It is `taken_over` once a watchdog
    writes in the place of the run, which checks nothing any more. `later` is what was written after
    the end of the run, and is no part of its journal: its record was made before. `sealed` is
    the number of the last line that has the SHA-256 of all before it; `changed` is that of the
    first line that has another one, 0 if there is none. `damaged` counts the lines that cannot be
    read, save one that was cut off at the end. `lost` lines could not be written.
    """

    journal: dict[str, Any] = field(default_factory=dict)
    later: dict[str, Any] = field(default_factory=dict)
    is_whole: bool = False
    told_by: str = ""
    taken_over: bool = False
    last_at: str = ""
    lines: int = 0
    sealed: int = 0
    changed: int = 0
    damaged: int = 0
    lost: int = 0


def is_evidence(content: bytes) -> bool:
    """
    Tell whether a file's content begins as an evidence file does.
    """
    first = _line(content.partition(b"\n")[0])
    return first is not None and SEAL in first and "journal" in first


def read_evidence(content: bytes) -> Evidence:
    """
    Read the content of an evidence file.
    """
    reader = EvidenceReader()
    reader.feed(content)
    reader.end()
    return reader.evidence()


class EvidenceReader:
    """
    Joins the fragments, and reads the samples into series, as the file grows.
    """

    def __init__(self) -> None:
        self._evidence = Evidence()
        self._rest = b""
        self._before = sha256()
        self._decoders: list[list[SampleDecoder]] = []
        self._number = 0

    @property
    def is_whole(self) -> bool:
        """
        Whether the end of the run was read.
        """
        return self._evidence.is_whole

    @property
    def is_told(self) -> bool:
        """
        Whether a watchdog told the end in the place of the run.
        """
        return bool(self._evidence.told_by)

    def feed(self, content: bytes) -> None:
        """
        Read what was added; the rest of a line that is not whole yet waits for more.
        """
        *whole, self._rest = (self._rest + content).split(b"\n")
        for line in whole:
            self._read(line)

    def end(self) -> None:
        """
        Take what is left of a line that was cut off, since nothing more comes.
        """
        rest, self._rest = self._rest, b""
        if rest and (last := _line(rest)) is not None:
            self._take(last)

    def _read(self, written: bytes) -> None:
        evidence, line = self._evidence, _line(written)
        evidence.lines += 1
        if line is None:
            evidence.damaged += 1
            self._lose()
        else:
            self._check_seal(written, line)
            self._take(line)
        self._before.update(written + b"\n")

    def _check_seal(self, written: bytes, line: Fragment) -> None:
        evidence = self._evidence
        content, seal = unsealed(written)
        before = self._before.copy()
        before.update(content)
        if seal == before.hexdigest():
            evidence.sealed = evidence.lines
        elif SAMPLES not in line or seal:
            evidence.changed = evidence.changed or evidence.lines

    def _take(self, line: Fragment) -> None:
        evidence = self._evidence
        evidence.last_at = text(line.get("at")) or evidence.last_at
        evidence.lost += int(number(line.get("lost")) or 0)
        evidence.told_by = text(line.get("by")) or evidence.told_by
        evidence.taken_over |= TAKEN_OVER.items() <= line.items()
        journal = evidence.later if evidence.is_whole else evidence.journal
        _merge(journal, mapping(line.get("journal")))
        evidence.is_whole |= line.get("end") is True
        if SAMPLES in line:
            self._take_samples(line)

    def _take_samples(self, line: Fragment) -> None:
        self._decoders = self._decoders or [
            [SampleDecoder(_interval(about)) for _ in range(_flows(about) or 1)]
            for about in self._targets()
        ]
        if line.get("number") != self._number + 1:
            self._lose()
        self._number = int(number(line.get("number")) or 0)
        texts = line[SAMPLES] if isinstance(line[SAMPLES], list) else []
        for decoder, written in zip(chain(*self._decoders), texts, strict=False):
            try:
                decoder.read(str(written))
            except (ValueError, KeyError, IndexError, OverflowError):
                decoder.lose()
                self._evidence.damaged += 1

    def _lose(self) -> None:
        for decoder in chain(*self._decoders):
            decoder.lose()

    def _measured(self) -> Fragment:
        return mapping(mapping(self._evidence.journal.get("failover")).get("measured"))

    def _targets(self) -> list[Fragment]:
        return [about for about in mappings(self._measured().get("targets")) if "target" in about]

    def evidence(self) -> Evidence:
        """
        Return what was read up to now; it shares parts with what is read later.
        """
        evidence = replace(self._evidence, journal={**self._evidence.journal})
        journal = evidence.journal
        running = mappings([*mapping(journal.pop("running", None)).values()])
        for part in ("run", "rollbacks"):
            begun = [each.get("run") for each in running if each.get("part") == part]
            runs = mappings([*mappings(journal.get(part)), *begun])
            journal[part] = sorted(runs, key=_start)
        states: dict[str, object] = {"before": None, "after": None, "during": []}
        journal["steady_states"] = {**states, **mapping(journal.get("steady_states"))}
        entry = mapping(journal.get("failover"))
        targets = self._entries(evidence)
        journal["failover"] = {
            **{key: value for key, value in entry.items() if key not in SCAFFOLD},
            "targets": targets,
            "evidence": {"changed": evidence.changed, **_later(evidence)},
        }
        if not evidence.is_whole:
            reason = evidence.last_at
            journal["status"] = "interrupted"
            name = evidence.told_by or UNFINISHED
            journal["interruption"] = {"kind": UNFINISHED, "name": name, "reason": reason}
        return evidence

    def _entries(self, evidence: Evidence) -> dict[str, object]:
        measured = self._measured()
        utc, began = instant(measured.get("utc")), number(measured.get("began"))
        if utc is None or began is None or abs(began) > LATEST:
            return {}
        windows, origin = self._windows(), Origin(began, utc)
        entries: dict[str, object] = {}
        for about, decoders in zip(self._targets(), self._decoders, strict=False):
            flows = [decoder.flow for decoder in decoders]
            try:
                entry = target_entry(about, flows, windows, origin)
            except (ArithmeticError, LookupError, TypeError, ValueError):
                evidence.damaged += 1
            else:
                entries[str(about["target"])] = entry
        return entries

    def _windows(self) -> list[CutWindow]:
        entry = mapping(self._evidence.journal.get("failover"))
        rows = mapping(entry.get("windows"))
        numbered = mappings([rows[key] for key in sorted(rows, key=_number)])
        return [window for row in numbered if (window := _window(row))]


def _later(evidence: Evidence) -> dict[str, object]:
    """
    Return what a watchdog told of the tests that an ended run left to it, if it did.
    """
    stopped = mapping(evidence.later.get("failover")).get("stopped")
    return {"later": {"at": evidence.last_at, "stopped": stopped}} if stopped else {}


def _line(written: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(written)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) and not is_deep(line) else None


def is_deep(document: object) -> bool:
    """
    Tell whether a document is nested deeper than reports read.
    """
    level = [document]
    for _ in range(DEEPEST):
        containers = [each for each in level if isinstance(each, dict | list)]
        level = [
            value
            for each in containers
            for value in (each.values() if isinstance(each, dict) else each)
        ]
    return any(isinstance(each, dict | list) for each in level)


def _merge(journal: dict[str, Any], fragment: Fragment) -> None:
    """
    Add a fragment: objects are joined, lists are appended, and anything else is replaced.
    """
    for key, value in fragment.items():
        old = journal.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            _merge(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            old.extend(value)
        else:
            journal[key] = value


def _interval(about: Fragment) -> float:
    return number(about.get("interval")) or inf


def _flows(about: Fragment) -> int:
    count = number(about.get("flows")) or 0.0
    return int(min(max(count, 0.0), MOST_FLOWS))


def _start(run: Fragment) -> str:
    return text(run.get("start"))


def _number(key: str) -> int:
    return int(key) if key.isdecimal() else 0


def _window(row: Fragment) -> CutWindow | None:
    cut_at, stop_at = number(row.get("cut_at")), number(row.get("stop_at"))
    if cut_at is None or max(abs(cut_at), abs(stop_at or 0.0)) > LATEST:
        return None
    return CutWindow(
        text(row.get("test")),
        cut_at,
        stop_at,
        text(row.get("job_id")),
        number(row.get("testing_at")),
        row.get("stop_sent") is True,
    )
