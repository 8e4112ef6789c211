"""Chromium, driven over its DevTools protocol: enough to open a page, act in it, measure it and photograph it.

It wants Debian's package `chromium` (or any browser that `RUSHES_CHROMIUM` names), and nothing but aiohttp besides.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

START_SECONDS = 30.0
CALL_SECONDS = 60.0


class PageError(Exception):
    """A script in the page threw."""


class Tab:
    """One tab, whose window is as large as `size` says. `complaints` holds what its console and its policy said."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, process: subprocess.Popen[bytes]) -> None:
        self._socket, self._process = socket, process
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.complaints: list[str] = []
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            elif told["method"] == "Log.entryAdded":
                self.complaints.append(told["params"]["entry"]["text"])
            elif told["method"] == "Runtime.exceptionThrown":
                thrown = told["params"]["exceptionDetails"]
                self.complaints.append(thrown.get("exception", {}).get("description", thrown["text"]))

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the protocol. Raises `PageError` with what it answers instead of a result."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": arguments})
        told = await asyncio.wait_for(self._waiting[number], CALL_SECONDS)
        if "error" in told:
            raise PageError(f"{method}: {told['error']['message']}")
        result: dict[str, Any] = told["result"]
        return result

    async def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        told = await self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in told:
            raise PageError(told["exceptionDetails"].get("exception", {}).get("description", script))
        return told["result"].get("value")

    async def until(self, script: str, *, within: float = 15.0) -> Any:
        """Wait until an expression is true in the page; its value."""
        deadline = time.monotonic() + within
        while not (value := await self.run(script)):
            if time.monotonic() > deadline:
                raise PageError(f"not so within {within:g} s: {script}")
            await asyncio.sleep(0.02)
        return value

    async def size(self, width: int, height: int, *, phone: bool = False) -> None:
        """Give the page so many pixels; a phone has a finer screen and is touched."""
        scale = 2 if phone else 1
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone
        )
        await self.call("Emulation.setTouchEmulationEnabled", enabled=phone)

    async def prefers(self, **features: str) -> None:
        """Set media features, as `color_scheme="light"`, `reduced_motion="reduce"`."""
        wanted = [{"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()]
        await self.call("Emulation.setEmulatedMedia", features=wanted)

    async def open(self, url: str) -> float:
        """Open a page; the milliseconds until it said that it is ready."""
        await self.call("Page.navigate", url=url)
        await self.until(
            f"location.href.startsWith({json.dumps(url.partition('#')[0])}) && window.rushesReady > 0", within=60
        )
        return float(await self.run("window.rushesReady"))

    async def key(self, key: str) -> None:
        """Press a key."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        code = {"Enter": 13, "Escape": 27, "ArrowRight": 39, "ArrowLeft": 37, "ArrowDown": 40, "ArrowUp": 38}.get(key)
        virtual = {} if code is None else {"windowsVirtualKeyCode": code}
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text, **virtual)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key, **virtual)

    async def point(self, selector: str) -> None:
        """Put the pointer onto the middle of what is first found by `selector`."""
        place = await self.run(
            f"(() => {{ const r = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])

    async def click(self, selector: str) -> None:
        """Click what is first found by `selector`."""
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def photograph(self, path: Path, **options: Any) -> None:
        """Save what the window shows as a PNG."""
        told = await self.call("Page.captureScreenshot", format="png", **options)
        path.write_bytes(base64.b64decode(told["data"]))

    def memory(self) -> int:
        """The resident bytes of the largest renderer: the page's own process."""
        children = subprocess.run(
            ["ps", "-e", "-o", "pid=,ppid=,rss=,args="], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        rows = [line.split(None, 3) for line in children]
        family = {str(self._process.pid)}
        for _ in range(4):
            family |= {pid for pid, parent, *_ in rows if parent in family}
        return max(int(rss) * 1024 for pid, _, rss, args in rows if pid in family and "--type=renderer" in args)


@asynccontextmanager
async def chromium(*arguments: str) -> AsyncIterator[Tab]:
    """A tab of a browser of its own, without a window, for as long as the block runs."""
    program = os.environ.get("RUSHES_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise FileNotFoundError(
            "there is no chromium here: install Debian's package of that name, or set RUSHES_CHROMIUM"
        )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run",
             "--autoplay-policy=no-user-gesture-required", "--disable-background-networking", "--mute-audio",
             f"--user-data-dir={profile}", *arguments, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            announced = Path(profile) / "DevToolsActivePort"
            deadline = time.monotonic() + START_SECONDS
            while not announced.exists() or not announced.read_text().strip():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise PageError("the browser did not start")
                await asyncio.sleep(0.05)
            port = announced.read_text().split()[0]
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                    tabs = await answer.json()
                url = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
                async with session.ws_connect(url, max_msg_size=0) as socket:
                    tab = Tab(socket, process)
                    for domain in ("Page", "Runtime", "Log"):
                        await tab.call(f"{domain}.enable")
                    await tab.size(1440, 900)
                    yield tab
        finally:
            process.terminate()
            process.wait(10)
