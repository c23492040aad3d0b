"""
Runs `chaos` with the seams of a run wrapped: counts what passes them, and acts at a chosen point.

    crash_runner.py PLAN EVENTS chaos run ...

PLAN is a JSON object with `kind`, `operation`, `n` and `act`, or an empty one to act nowhere.
Each event is appended to EVENTS as a line of JSON, the one acted at with `acted`. All that is
wrapped goes on as it is.
"""

import functools
import json
import os
import signal
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from typing import IO, Any

import httpx
from chaostoolkit.__main__ import cli

from chaosfailover import control
from chaosfailover.alibaba import transport
from chaosfailover.alibaba.documents import Reply
from chaosfailover.events.evidence_file import EvidenceFile, Line
from chaosfailover.safety import watchdog

DRY_RUN = " (dry run)"
# The threads of a run whose requests are counted apart from those of the activities.
ACTORS = {
    "failover-observer": "observer: ",
    "failover-routes": "routes: ",
    "failover-guard": "guard: ",
}
# The chunks that json.dump has written when a journal is about half written.
HALF = 500


class Seams:
    """
    Counts events by kind and operation, writes them to a file, and acts at the planned one.
    """

    def __init__(self, plan: dict[str, Any], events: str) -> None:
        self._plan = plan
        self._file = os.open(events, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self.watchdogs: watchdog.Watchdogs | None = None

    def at(self, kind: str, operation: str) -> bool:
        """
        Note an event, and act if this is the point; return whether a reply is to be lost here.
        """
        with self._lock:
            self._counts[kind, operation] += 1
            event = {"kind": kind, "operation": operation, "n": self._counts[kind, operation]}
        acted = event == {key: self._plan.get(key) for key in event}
        line = {**event, "at": time.time(), "acted": acted}
        os.write(self._file, json.dumps(line).encode() + b"\n")
        return self._act() if acted else False

    def _act(self) -> bool:
        act = self._plan["act"]
        if act in ("SIGKILL", "SIGINT"):
            os.kill(os.getpid(), signal.Signals[act])
        elif act == "watchdog killed" and self.watchdogs:
            os.kill(self.watchdogs.pids[0], signal.SIGKILL)
        elif act == "30 s of 503":
            _make_unavailable()
        return bool(act == "reply lost")


def _make_unavailable() -> None:
    request = urllib.request.Request(  # noqa: S310 - the emulator
        f"{os.environ['ALIBABA_CLOUD_ENDPOINT_VPC']}/_emulator/faults",
        json.dumps({"fault": "unavailable"}).encode(),
    )
    with urllib.request.urlopen(request):  # noqa: S310
        pass


def wrap_requests(seams: Seams) -> None:
    """
    Requests of our client: before they are sent, after they had their effect, once they were read.
    """
    sent, named = httpx.HTTPTransport.handle_request, threading.local()
    read: Callable[..., Reply] = vars(transport)["document"]

    def handle_request(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        operation = request.headers.get("x-acs-action")
        if operation is None:
            return sent(self, request)
        actor = ACTORS.get(threading.current_thread().name, "")
        named.operation = actor + operation + DRY_RUN * ("DryRun" in request.url.params)
        seams.at("request", named.operation)
        response = sent(self, request)
        if seams.at("effect", named.operation):
            response.close()
            raise httpx.RemoteProtocolError("Server disconnected", request=request)
        return response

    def document(*reply: Any, **options: Any) -> Reply:
        seams.at("reply", named.operation)
        return read(*reply, **options)

    httpx.HTTPTransport.handle_request = handle_request  # type: ignore[method-assign]
    vars(transport)["document"] = document


def wrap_watchdogs(seams: Seams) -> None:
    """
    Messages to each of the watchdogs, before they are written.
    """
    began, sent = watchdog.Watchdogs.__init__, watchdog._Process.send

    def begin(self: watchdog.Watchdogs, *arguments: Any) -> None:
        seams.watchdogs = self
        began(self, *arguments)

    def send(self: watchdog._Process, message: watchdog.Message) -> bool:
        seams.at("pipe", next(iter(message)))
        return sent(self, message)

    watchdog.Watchdogs.__init__ = begin  # type: ignore[assignment, method-assign]
    watchdog._Process.send = send  # type: ignore[method-assign]


def wrap_evidence(seams: Seams) -> None:
    """
    Lines of the evidence file, before they are written.
    """
    appended = EvidenceFile._append

    def append(self: EvidenceFile, line: Line) -> bool:
        seams.at("evidence", name_of(line))
        return appended(self, line)

    EvidenceFile._append = append  # type: ignore[method-assign]


def name_of(line: Line) -> str:
    """
    Return what a line tells: an event by its kind, anything else by its first keys.
    """
    if "end" in line:
        return "end"
    fragment: Any = line.get("journal", next(iter(line)))
    names: list[str] = []
    while isinstance(fragment, dict) and fragment and len(names) < 3:
        name = next(iter(fragment))
        fragment = fragment[name]
        names += [] if name.isdigit() else [name]
    if names[1:] == ["events"]:
        return f"event {fragment[0]['kind']}"
    return " ".join(names) or str(fragment)


def wrap_journal(seams: Seams) -> None:
    """
    The journal: before it is written, when about half is on disk, and once it is written.
    """
    dumped = json.dump

    def dump(document: Any, file: IO[str], **options: Any) -> None:
        seams.at("journal", "opened")
        dumped(document, Halving(file, seams), **options)
        file.flush()
        seams.at("journal", "written")

    vars(json)["dump"] = dump


class Halving:
    """
    Passes writes on to a file, and tells when about half is written.
    """

    def __init__(self, file: IO[str], seams: Seams) -> None:
        self._file, self._seams, self._left = file, seams, HALF

    def write(self, chunk: str) -> None:
        self._file.write(chunk)
        self._left -= 1
        if not self._left:
            self._file.flush()
            self._seams.at("journal", "half")


def wrap_hooks(seams: Seams) -> None:
    """
    Hooks of the control, when they begin; those of the run, the method and the rollbacks also when
    they have ended.
    """
    for name in vars(control).copy():
        if name.endswith("_control"):
            setattr(control, name, _wrapped_hook(seams, name, getattr(control, name)))


def _wrapped_hook(seams: Seams, name: str, hook: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(hook)
    def wrapped(*arguments: Any, **named: Any) -> None:
        is_activity = "activity" in name
        in_hypothesis = threading.get_ident() in control._in_hypothesis
        activity = "of the hypothesis" if in_hypothesis else named.get("context", {}).get("name")
        seams.at("hook", f"{name} {activity}" if is_activity else name)
        hook(*arguments, **named)
        if not is_activity:
            seams.at("hook over", name)

    return wrapped


def main(plan: str, events: str, *command: str) -> None:
    """
    Run the command, a `chaos` with its arguments, in this process.
    """
    seams = Seams(json.loads(plan), events)
    for wrap in (wrap_requests, wrap_watchdogs, wrap_evidence, wrap_journal, wrap_hooks):
        wrap(seams)
    sys.argv = list(command)
    cli()


if __name__ == "__main__":
    main(*sys.argv[1:])
