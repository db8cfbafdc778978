"""A headless Chromium, driven over its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/).

It is found on PATH, else installed by the system's package manager where we are root; else its tests are skipped, with
the reason. Nothing is fetched but from the page under test.
"""

import base64
import itertools
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.support.servers import _program

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
_SECONDS = 60.0


class Tab:
    """One page. Whatever its scripts throw or log as an error is in `errors`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.errors: list[str] = []
        self.asked: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command and return its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=_SECONDS))
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.errors.append(json.dumps(params["exceptionDetails"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            case "Network.requestWillBeSent":
                self.asked.append(params["request"]["url"])

    def open(self, url: str) -> None:
        """Go to a page."""
        self.call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def text(self, selector: str = "body") -> str:
        """Return what an element shows; empty where there is none."""
        return str(self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def awaits(self, words: str, selector: str = "body", *, seconds: float = 60.0) -> str:
        """Return an element's text once it holds some words."""
        deadline = time.monotonic() + seconds
        while words not in (found := self.text(selector)):
            assert time.monotonic() < deadline, f"{words!r} does not show in {selector}: {found[:2000]}\n{self.errors}"
            time.sleep(0.05)
        return found

    def press(self, *keys: str) -> None:
        """Press keys, one after the other: letters, or names such as Enter."""
        for key in keys:
            more = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **more)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def type(self, selector: str, words: str) -> None:
        """Write into a field, once it is there."""
        self._on(selector, "focus")
        self.call("Input.insertText", text=words)

    def click(self, selector: str) -> None:
        """Click on an element, once it is there."""
        self._on(selector, "click")

    def _on(self, selector: str, deed: str, *, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        found = f"document.querySelector({json.dumps(selector)})"
        while not self.run(f"{found} ? ({found}.{deed}(), true) : false"):
            assert time.monotonic() < deadline, f"{selector} does not show: {self.text()[:2000]}\n{self.errors}"
            time.sleep(0.05)

    def prefers(self, scheme: str) -> None:
        """Let the system prefer `light` or `dark`."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def resize(self, width: int, height: int) -> None:
        """Set the size of the window."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def screenshot(self, path: Path) -> None:
        """Write a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


@contextmanager
def tab() -> Iterator[Tab]:
    """Run a browser with one empty page; skip the test where there is none to be had."""
    program = _program(_PROGRAMS, "chromium")
    with tempfile.TemporaryDirectory(prefix="plano-browser-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            env={**os.environ, "TMPDIR": profile},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            with connect(_page(process), max_size=None, proxy=None) as socket:
                yield Tab(socket)
        finally:
            process.terminate()
            process.communicate(timeout=20)


def _page(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line.decode(errors="replace"))
        if found := re.search(r"DevTools listening on ws://([\d.:]+)/", said[-1]):
            with urllib.request.urlopen(f"http://{found[1]}/json", timeout=_SECONDS) as answer:
                pages = json.loads(answer.read())
            return str(next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page"))
    pytest.skip(f"chromium does not start here: {''.join(said)[-500:]}")
