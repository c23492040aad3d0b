"""
A headless Chromium, driven over its DevTools protocol.
"""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket

__all__ = ["Page", "axe_script", "browser"]

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
]
PATIENCE = 60.0


class Page:
    """
    One tab: what it is told to do, and what it says and asks for meanwhile.
    """

    def __init__(self, url: str) -> None:
        self._socket = websocket.create_connection(url, timeout=PATIENCE)
        self._last = 0
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """
        Call a method of the protocol; raise RuntimeError for its error.
        """
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._last:
                break
            self.events.append(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']}")
        result: dict[str, Any] = message["result"]
        return result

    def open(self, file: Path, width: int, *, dark: bool = False) -> None:
        """
        Open a file at a width, and wait until it is there.
        """
        height = 900
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.call("Page.navigate", url=file.as_uri())
        while not any(one["method"] == "Page.loadEventFired" for one in self.events):
            self.events.append(json.loads(self._socket.recv()))

    def run(self, script: str) -> Any:
        """
        Run a script, wait for its promise, and return its value.
        """
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def complaints(self) -> list[str]:
        """
        Return what the page wrote to the console, and what was refused or failed.
        """
        self.run("1")
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(one["params"]) for one in self.events if one["method"] in kinds]

    def requests(self) -> list[str]:
        """
        Return the addresses that the page asked for, beyond itself.
        """
        asked = (one for one in self.events if one["method"] == "Network.requestWillBeSent")
        urls = [one["params"]["request"]["url"] for one in asked]
        return [url for url in urls[1:] if not url.startswith("data:")]

    def picture(self, file: Path, *, whole: bool = True) -> None:
        """
        Save what the page looks like.
        """
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {
            "x": 0,
            "y": 0,
            "width": size["width"],
            "height": min(size["height"], 15000),
            "scale": 1,
        }
        more = {"captureBeyondViewport": True, "clip": clip} if whole else {}
        shot = self.call("Page.captureScreenshot", format="png", **more)
        file.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self, file: Path) -> None:
        """
        Print the page.
        """
        printed = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        file.write_bytes(base64.b64decode(printed["data"]))

    def close(self) -> None:
        self._socket.close()


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """
    Start Chromium with a profile of its own in a folder; end it in any case.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "there is no chromium: apt-get install chromium"
    profile = folder / "profile"
    command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            page = Page(_address(profile / "DevToolsActivePort"))
            yield page
            page.call("Browser.close")
            page.close()
            process.wait(PATIENCE)
        finally:
            process.kill()


def _address(file: Path) -> str:
    """
    Wait for the browser to tell its port; return the address of its first tab.
    """
    deadline = time.monotonic() + PATIENCE
    while not file.exists() or not file.read_text().count("\n"):
        assert time.monotonic() < deadline, "chromium does not start"
        time.sleep(0.05)
    port, path = file.read_text().splitlines()[:2]
    socket = websocket.create_connection(f"ws://127.0.0.1:{port}{path}", timeout=PATIENCE)
    socket.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
    targets = json.loads(socket.recv())["result"]["targetInfos"]
    socket.close()
    tab = next(target["targetId"] for target in targets if target["type"] == "page")
    return f"ws://127.0.0.1:{port}/devtools/page/{tab}"


def axe_script() -> str:
    """
    Return the source of axe-core, from the folder that AXE_CORE names.
    """
    folder = os.environ.get("AXE_CORE", "")
    assert folder, "AXE_CORE names no folder: npm install axe-core"
    return (Path(folder) / "axe.min.js").read_text(encoding="utf-8")
