"""A real browser for tests: Debian's chromium, driven by its own protocol over a pipe; nothing to install but the browser.

Pictures go to the folder that HUBKIT_ARTIFACTS names, where a CI keeps them, or to a temporary one.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
         "--disable-extensions", "--disable-background-networking", "--remote-debugging-pipe")  # fmt: skip


def program() -> str | None:
    """The browser, or None."""
    return os.environ.get("HUBKIT_CHROMIUM") or next(
        (found for name in NAMES if (found := shutil.which(name))), None
    )


def artifacts(fallback: Path) -> Path:
    """Where pictures are kept."""
    folder = Path(os.environ.get("HUBKIT_ARTIFACTS") or fallback)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


needs_chromium = pytest.mark.skipif(
    program() is None or sys.platform == "win32",
    reason="no chromium here: apt-get install chromium, or HUBKIT_CHROMIUM=/path/to/it (POSIX only)",
)


class Page:
    """One tab."""

    def __init__(self, to: int, back: int) -> None:
        self._to, self._back = to, back
        self._rest, self._id = b"", 0
        self._session = ""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its answer; what happens meanwhile is kept in `events`."""
        self._id += 1
        message: dict[str, Any] = {"id": self._id, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._id:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            if "method" in answer and hasattr(self, "events"):
                self.events.append(answer)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            block = os.read(self._back, 1 << 16)
            assert block, "the browser is gone"
            self._rest += block
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def go(self, url: str) -> None:
        """Open a page and wait until it stands, pictures and all."""
        self.send("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, script: str, seconds: float = 20.0) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.05)

    def look(self, *, dark: bool = False, width: int = 1400, height: int = 1000) -> None:
        """A window of that size, for a reader who likes it dark or light."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path: Path) -> None:
        """The whole page as PNG."""
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def complaints(self) -> list[str]:
        """What the console holds: errors of scripts, of the policy, of what could not be fetched."""
        self.run("1")
        return [
            event["params"]["entry"]["text"] for event in self.events if event["method"] == "Log.entryAdded"
        ]


@contextmanager
def browsing() -> Iterator[Page]:
    """A browser with one tab, gone when the block ends."""
    to_read, to_write = os.pipe()
    back_read, back_write = os.pipe()
    command = f'exec "$0" "$@" 3<&{to_read} 4>&{back_write}'
    with tempfile.TemporaryDirectory(prefix="hubkit-chromium-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            ["/bin/bash", "-c", command, str(program()), *FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(to_read, back_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(back_write)
        try:
            yield Page(to_write, back_read)
        finally:
            process.terminate()
            process.wait(20)
            os.close(to_write)
            os.close(back_read)
