"""
Real `chaos run` processes against an emulator in a process of its own, as in a live run.
"""

import http.client
import json
import os
import queue
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from processes import end

__all__ = [
    "CHAOS",
    "Cloud",
    "Runner",
    "clean_environment",
    "default_signals",
    "emulated_cloud",
    "tunnel",
]

CHAOS = [str(Path(sys.executable).with_name("chaos")), "--no-version-check"]
PATIENCE = 60.0


def clean_environment(**more: str) -> dict[str, str]:
    """
    Return an environment without anything that names an account or a setting of ours.
    """
    ours = ("ALIBABA", "FAILOVER")
    return {key: text for key, text in os.environ.items() if not key.startswith(ours)} | more


class Cloud:
    """
    The emulator's process, seen through its admin interface.
    """

    def __init__(self, process: subprocess.Popen[str], exports: Mapping[str, str]) -> None:
        self.process = process
        self.exports = dict(exports)
        self.url = exports["ALIBABA_CLOUD_ENDPOINT_VPC"]
        self.portal = exports["FAILOVER_PORTAL_URL"]
        self._admin = httpx.Client(base_url=f"{self.url}/_emulator", trust_env=False)

    def statuses(self) -> list[str]:
        jobs: list[dict[str, Any]] = self._admin.get("/state").json()["jobs"]
        return [job["Status"] for job in jobs]

    def down(self) -> list[str]:
        down: list[str] = self._admin.get("/state").json()["down"]
        return down

    def fault(self, **fault: Any) -> None:
        self._admin.post("/faults", json=fault).raise_for_status()

    def reset(self) -> None:
        self._admin.post("/reset").raise_for_status()

    def change(self, resource: str, fields: Mapping[str, Any]) -> None:
        self._admin.patch(f"/resources/{resource}", json=dict(fields)).raise_for_status()

    def sent(self, operation: str) -> int:
        requests: list[dict[str, Any]] = self._admin.get("/requests").json()
        return sum(request["operation"] == operation for request in requests)

    def portal_answers(self) -> bool:
        try:
            return httpx.get(self.portal, timeout=1.0, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def seconds_until_restored(self) -> float:
        """
        Wait until nothing is cut or down, and the portal answers; return how long that took.
        """
        since = time.monotonic()
        while (took := time.monotonic() - since) < PATIENCE:
            ended = set(self.statuses()) <= {"Init", "Stopped"}
            if ended and not self.down() and self.portal_answers():
                return took
            time.sleep(0.05)
        raise AssertionError(f"not restored within {PATIENCE:g} s: {self.statuses()}")

    def close(self) -> None:
        self._admin.close()


@contextmanager
def emulated_cloud(folder: Path, *options: str) -> Iterator[Cloud]:
    """
    Run the emulator's own command on free ports.
    """
    free = [f"--service-port={name}=0" for name in ("portal", "echo", "ledger")]
    command = [sys.executable, "-m", "chaosfailover.emulator", "--port", "0", *free, *options]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        cloud = Cloud(process, _exports(process))
        try:
            yield cloud
        finally:
            cloud.close()
            process.terminate()


def _exports(process: subprocess.Popen[str]) -> dict[str, str]:
    """
    Read what the command prints until it has printed the last setting.
    """
    assert process.stdout is not None
    found: dict[str, str] = {}
    for line in process.stdout:
        words = line.split()
        if words[:1] == ["portal"]:
            found["FAILOVER_PORTAL_URL"] = words[1]
        if words[:1] == ["export"]:
            name, _, value = words[1].partition("=")
            found[name] = value
        if "ALICLOUD_REGION" in found:
            return found
    raise AssertionError("the emulator did not come up")


@contextmanager
def tunnel(cloud: Cloud, tls: ssl.SSLContext | None = None) -> Iterator[Cloud]:
    """
    Have the runs of this cloud reach its API alone, through a tunnel: they cannot tell it from one
    that is not emulated.

    With TLS, its address is one of this machine that is no loopback address by name.
    """

    class Forwarding(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            with closing(http.client.HTTPConnection(cloud.url.removeprefix("http://"))) as there:
                there.request(self.command, self.path, body, dict(self.headers))
                answer = there.getresponse()
                content = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.getheader("Content-Type", ""))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Forwarding) as server:
        place = "https://0.0.0.0" if tls else "http://127.0.0.1"
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever).start()
        cloud.exports["ALIBABA_CLOUD_ENDPOINT_VPC"] = f"{place}:{server.server_port}"
        try:
            yield cloud
        finally:
            server.shutdown()


class Runner:
    """
    One `chaos run`, whose log is read as it is written; `command` is what runs it.
    """

    def __init__(
        self,
        experiment: Mapping[str, Any],
        folder: Path,
        environment: Mapping[str, str],
        options: Sequence[str] = (),
        command: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self._new: queue.Queue[str | None] = queue.Queue()
        (folder / "experiment.json").write_text(json.dumps(experiment), encoding="utf-8")
        self.process = subprocess.Popen(
            [*command, *CHAOS, "run", *options, "experiment.json"],
            cwd=folder,
            env=clean_environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell's background job, which these tests may be, ignores some signals.
            preexec_fn=default_signals,  # noqa: PLW1509 - it takes no lock
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, text: str) -> None:
        """
        Wait until a line of the log holds this text.
        """
        deadline = time.monotonic() + PATIENCE
        while (line := self._new.get(timeout=max(0.0, deadline - time.monotonic()))) is not None:
            if text in line:
                return
        raise AssertionError(f"the run ended without {text!r}:\n{self.log}")

    def end(self) -> int:
        """
        Wait for the end and return the exit code.
        """
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(
                f"the run did not end within {PATIENCE:g} s:\n{self.log}"
            ) from late
        self._reader.join()
        return code

    @property
    def log(self) -> str:
        return "".join(self.lines)

    @property
    def journal(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "journal.json").read_text())
        return document

    def close(self) -> None:
        """
        End the run and what it started; its watchdog needs the cloud until it has done its work.
        """
        end(self.process)
        self._reader.join()
        if self.process.stderr:
            self.process.stderr.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            self._new.put(line)
        self._new.put(None)


def default_signals() -> None:
    """
    Undo what a shell does to the signals of its background jobs.
    """
    for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)
