"""
The experiment of docs/alarms.md, against a stand-in for Alertmanager.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from chaos_command import chaos, journal, on_free_ports
from places import ROOT

PAGE = (ROOT / "docs" / "alarms.md").read_text(encoding="utf-8")
AFTER = 2.0
"""Seconds after the loss of the portal until the alarm fires, as the `for` of a rule."""
WITHIN = 8


def alert(name: str, starts_at: str) -> dict[str, Any]:
    """
    Return an alert as Alertmanager's API shows it.
    """
    return {
        "annotations": {"summary": f"{name} fires"},
        "endsAt": "2026-11-28T23:59:59.000Z",
        "fingerprint": "0badcafe0badcafe",
        "receivers": [{"name": "on-call"}],
        "startsAt": starts_at,
        "status": {"inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active"},
        "updatedAt": starts_at,
        "labels": {"alertname": name},
    }


class Alertmanager:
    """
    A stand-in that watches the portal, and raises `CircuitDown` some seconds after it was lost.
    """

    def __init__(self, portal: str, *, raises: bool) -> None:
        self.alerts = [alert("Watchdog", "2026-11-28T00:00:00.000Z")]
        self._portal, self._raises = portal, raises
        self._ended = threading.Event()

    def asked(self, target: str) -> list[dict[str, Any]]:
        url = urlsplit(target)
        query = parse_qs(url.query)
        assert url.path == "/api/v2/alerts"
        assert (query["silenced"], query["inhibited"]) == (["false"], ["false"])
        names = [re.fullmatch(r'alertname="(\w+)"', each) for each in query["filter"]]
        wanted = {match[1] for match in names if match}
        return [each for each in self.alerts if each["labels"]["alertname"] in wanted]

    def watch(self) -> None:
        """
        Ask the portal until it does not answer, then raise the alarm.
        """
        with httpx.Client(timeout=0.5) as client:
            was_up = False
            while not self._ended.wait(0.1):
                try:
                    client.get(self._portal)
                    was_up = True
                except httpx.TransportError:
                    if was_up:
                        break
        if not self._ended.wait(AFTER) and self._raises:
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            self.alerts.append(alert("CircuitDown", now))

    def end(self) -> None:
        self._ended.set()


@contextmanager
def alertmanager(portal: str, *, raises: bool) -> Iterator[tuple[str, Alertmanager]]:
    """
    Serve a stand-in on loopback; yields its URL too.
    """
    stand_in = Alertmanager(portal, raises=raises)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(stand_in.asked(self.path)).encode()
            self.send_response(200)
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Type", "application/json")
            self.send_header("Vary", "Origin")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threads = [threading.Thread(target=each) for each in (server.serve_forever, stand_in.watch)]
        for thread in threads:
            thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", stand_in
        finally:
            stand_in.end()
            server.shutdown()
            for thread in threads:
                thread.join()


@pytest.mark.sample(1)
@pytest.mark.long
@pytest.mark.parametrize("raises", [True, False])
def test_experiment_of_the_page_tells_whether_the_alarm_fired(
    tmp_path: Path, *, raises: bool
) -> None:
    """The record has when it began to fire; without it the run deviates, and says which probe."""
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    (tmp_path / "alarm.yaml").write_text(found[1], encoding="utf-8")
    settings = on_free_ports("dual-circuit", tmp_path)
    with alertmanager(settings["FAILOVER_PORTAL_URL"], raises=raises) as (url, stand_in):
        settings |= {"ALERTMANAGER_URL": url, "ALARM_WITHIN": str(WITHIN)}
        done = chaos("run", "alarm.yaml", folder=tmp_path, **settings)
    record = journal(tmp_path)["failover"]["record"]
    verdict = record["verdict"]

    if not raises:
        assert (done.returncode, verdict["verdict"]) == (1, "deviated"), done.stderr
        reason = "The probe the-alarm-fires was not within its tolerance: "
        assert verdict["reasons"][0].startswith(reason)
        return
    assert (done.returncode, verdict["verdict"]) == (0, "held"), done.stderr
    (fired,) = [each for each in record["activities"] if each["name"] == "the-alarm-fires"]
    shown = re.search(r'"startsAt": "([^"]+)"', fired["output"])
    assert shown
    assert shown[1] == stand_in.alerts[-1]["startsAt"]
    cut_at, starts_at, began = map(
        datetime.fromisoformat, (record["tests"][0]["cut_at"], shown[1], fired["began"])
    )
    assert cut_at + timedelta(seconds=AFTER) < starts_at < began
