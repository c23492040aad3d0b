"""
Evidence made by hand: a run of two cuts, as its file is at some stage.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from chaosfailover.events.evidence_file import SAMPLES, sealed
from chaosfailover.outages.sample_code import SampleEncoder
from chaosfailover.outages.samples import Sample

__all__ = ["RESULTS", "STAGES", "evidence", "written"]

Line = dict[str, Any]

CLOCK = 5000.0
INTERVAL = 0.1
RESULTS = {"portal": "." * 117 + "x" * 8 + "." * 500}
"""The checks of each target, ten a second: `x` is lost, a space is not sent."""
STAGES = {
    "begun": 1.0,
    "ready": 4.0,
    "starting": 10.2,
    "testing": 11.6,
    "down": 12.2,
    "recovered": 15.0,
    "stopping": 20.5,
    "stopped": 24.0,
    "second": 33.0,
    "ended": 50.0,
}
"""When each stage is reached, in seconds."""


def evidence(
    stage: str,
    seen_at: datetime | None = None,
    *,
    results: dict[str, str] = RESULTS,
    title: str = "Made",
    minute: float = 60.0,
    mode: str = "REHEARSAL",
    planned: bool = True,
    more: Sequence[tuple[float, Line]] = (),
) -> bytes:
    """
    Return the file as it is at a stage, which was reached at an instant, by default now.

    `more` are lines with the second at which they are written.
    """
    until = STAGES[stage]
    began = (seen_at or datetime.now(UTC)) - timedelta(seconds=until)
    run = _Run(began, results, title, minute, mode, planned=planned)
    lines = sorted([*run.lines(), *more], key=lambda line: line[0])
    return written([_dated(run.at(second), line) for second, line in lines if second <= until])


def written(lines: Sequence[Line]) -> bytes:
    """
    Return lines as a run writes them, each but the samples with its seal.
    """
    before, content = sha256(), b""
    for line in lines:
        data = json.dumps(line, separators=(",", ":")).encode()
        if SAMPLES not in line:
            seal = before.copy()
            seal.update(data)
            data = sealed(data, seal.hexdigest())
        before.update(data + b"\n")
        content += data + b"\n"
    return content


def _dated(at: str, line: Line) -> Line:
    """
    Return a line with its instant, which samples have in themselves.
    """
    return line if SAMPLES in line else {"at": at, **line}


class _Run:
    def __init__(
        self,
        began: datetime,
        results: dict[str, str],
        title: str,
        minute: float,
        mode: str,
        *,
        planned: bool,
    ) -> None:
        self._began = began
        self._results = results
        self._title = title
        self._minute = minute
        self._mode = mode
        self._planned = planned
        self._encoders = [SampleEncoder(INTERVAL) for _ in results]
        self._sent = 0

    def at(self, second: float) -> str:
        return (self._began + timedelta(seconds=second)).isoformat()

    def lines(self) -> Iterator[tuple[float, Line]]:
        yield from self._beginning()
        yield from self._cut("first", "ftj-1", 10.0, 20.0, 0)
        yield from self._cut("second", "ftj-2", 30.0, 40.0, 1)
        for second in range(1, 51):
            yield second + 0.01, self._samples(second)
        yield 49.0, self._event("end", 49.0)
        last = {"status": "completed", "deviated": False, "end": self.at(49), "failover": {}}
        yield 50.0, {"journal": last, "end": True}

    def _beginning(self) -> Iterator[tuple[float, Line]]:
        start = {"experiment": {"title": self._title, "method": []}, "start": self.at(0)}
        yield 0.0, {"journal": {**start, "node": "runner", "platform": "Linux"}}
        yield 0.1, self._event("begin", 0.1)
        entry: Line = {"version": 1, "mode": self._mode, "region_id": "cn-hangzhou"}
        yield 0.2, {"journal": {"failover": entry}}
        about = {"interval": INTERVAL, "timeout": 0.9, "rto": 3.0, "persistent": False}
        targets = [
            {"target": name, "url": f"http://{name}/", **about, "external": False}
            for name in self._results
        ]
        measured = {"began": CLOCK, "utc": self.at(0), "targets": targets}
        yield 0.3, {"journal": {"failover": {"measured": measured}}}
        check = {"name": "the region answers", "passed": True, "detail": "", "warnings": []}
        ready: Line = {"settings": {"minute": self._minute}, "clock_offset": 0.0}
        cuts = [_planned("first", "pc-a"), _planned("second", "pc-b")]
        yield 4.0, {"journal": {"failover": {**ready, "preflight": [check], "cuts": cuts}}}

    def _cut(
        self, test: str, job_id: str, cut_at: float, stop_at: float, number: int
    ) -> Iterator[tuple[float, Line]]:
        named = {"test": test, "job_id": job_id}
        window: Line = {**named, "cut_at": CLOCK + cut_at, "testing_at": None, "stop_at": None}
        yield cut_at, self._window(number, window)
        yield cut_at, self._event("cut", cut_at, **named)
        yield cut_at + 0.2, self._event("status", cut_at + 0.2, **named, status="Starting")
        ends_at = {"ends_at": self.at(cut_at + 301)} if self._planned else {}
        testing = self._event("status", cut_at + 1.5, **named, status="Testing", **ends_at)
        yield cut_at + 1.5, testing
        window = {**window, "testing_at": CLOCK + cut_at + 1.5}
        yield cut_at + 1.5, self._window(number, window)
        window = {**window, "stop_at": CLOCK + stop_at, "stop_sent": True}
        yield stop_at, self._window(number, window)
        yield stop_at, self._event("stop", stop_at, **named)
        yield stop_at + 0.2, self._event("status", stop_at + 0.2, **named, status="Stopping")
        yield stop_at + 3, self._event("status", stop_at + 3, **named, status="Stopped")
        yield stop_at + 3.5, self._event("back", stop_at + 3.5, **named)

    def _window(self, number: int, window: Line) -> Line:
        return {"journal": {"failover": {"windows": {f"{number}": window}}}}

    def _event(self, kind: str, second: float, **fields: object) -> Line:
        event = {"at": self.at(second), "kind": kind, **fields}
        return {"journal": {"failover": {"events": [event]}}}

    def _samples(self, number: int) -> Line:
        ticks = range(self._sent, round(number / INTERVAL))
        self._sent = ticks.stop
        for encoder, results in zip(self._encoders, self._results.values(), strict=True):
            for tick in ticks:
                if results[tick : tick + 1].strip():
                    encoder.encode(_sample(tick, ok=results[tick] == "."))
        return {SAMPLES: [encoder.take() for encoder in self._encoders], "number": number}


def _sample(tick: int, *, ok: bool) -> Sample:
    at = CLOCK + tick * INTERVAL
    return Sample(at, True, 0.002) if ok else Sample(at, False, None, "timeout")


def _planned(test: str, circuit_id: str) -> Line:
    forecast = {"need": "cen-1 (IPv4)", "least": 0.6, "most": 2.0, "never": False}
    return {
        "test": test,
        "resource_type": "PHYSICALCONNECTION",
        "resource_ids": [circuit_id],
        "duration_minutes": 5,
        "survivors": ["pc-b -> vbr-b"],
        "takeover": [{**forecast, "reasons": [], "advice": []}],
    }
