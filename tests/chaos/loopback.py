"""What a scenario's processes talk to, all on loopback, and all of which can fail: a Redis, a bucket, the providers."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import aiohttp
import boto3
import redis
from aiohttp import web
from botocore.config import Config
from moto.server import ThreadedMotoServer
from yarl import URL

from workers.broker.embedded import find_server
from workers.clock import SystemClock
from workers.sandbox.options import SandboxOptions
from workers.sandbox.server import application
from workers.sandbox.twin import Sandbox

REDIS_PASSWORD = "redis-hush-7d20c4"
S3_ACCESS, S3_SECRET = "chaos-access", "s3-hush-15b8f7e2"
BUCKET_PREFIX = "out"
NAMESPACE = "rushes"

KEYS = {
    "fal": "fal-id-77c1:fal-hush-a90d3e51",
    "apiframe": "apiframe-hush-60b2f7c8",
    "ark": "ark-hush-c41e9a07",
    "cloudflare": "cloudflare-hush-3fd58b62",
}
SECRETS = (REDIS_PASSWORD, S3_SECRET, *(key.rpartition(":")[2] for key in KEYS.values()))


def until(condition: Callable[[], object], *, seconds: float = 300.0, what: str) -> None:
    """Return as soon as `condition()` holds; fail when it doesn't within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@dataclass
class RedisServer:
    """A real Redis with a password, on data of its own, that loses nothing by itself."""

    data: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{REDIS_PASSWORD}@127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        # By a file and not by arguments, in which a password could be read by anyone.
        settings = self.data / "redis.conf"
        settings.touch(mode=0o600)
        settings.write_text(
            f"port {self.port}\nbind 127.0.0.1\nrequirepass {REDIS_PASSWORD}\ndir {self.data}\n"
            "appendonly yes\nappendfsync always\naof-load-truncated yes\nsave ''\nmaxmemory-policy noeviction\n"
        )
        self.process = subprocess.Popen(
            [str(find_server(os.environ)), str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with self.client() as client:
            until(lambda: _answers(client), what="Redis answers")

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def flush(self) -> None:
        """Forget everything."""
        with self.client() as client:
            client.flushall()

    def cut(self, share: float) -> int:
        """While it is down: lose the last `share` of the append-only file; how many bytes that was."""
        grown = sorted((self.data / "appendonlydir").glob("*.incr.aof"))[-1]
        size = grown.stat().st_size
        left = round(size * (1 - share))
        os.truncate(grown, left)
        return size - left


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


class _Served:
    """An aiohttp application on a thread of its own."""

    def __init__(self, app: web.Application) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos-loopback", daemon=True)
        self._thread.start()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        self.port = self.do(self._begin())

    def do(self, work: Awaitable[Any]) -> Any:
        async def whole() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(whole(), self._loop).result(30)

    async def _begin(self) -> int:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port: int = self._runner.addresses[0][1]
        return port

    def close(self) -> None:
        self.do(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


Mood = Literal["up", "down", "slow", "half"]


@dataclass
class Bucket:
    """A bucket at moto, behind a proxy that can be down, slow, or fail half of all requests with 503.

    Of the requests that it fails, half have done their work before. `writes` are the keys that were put or deleted.
    """

    name: str
    behind: str
    dice: random.Random
    mood: Mood = "up"
    slow_seconds: float = 0.3
    writes: list[str] = field(default_factory=list)
    refused: int = 0
    url: str = ""

    def environ(self) -> dict[str, str]:
        """What a person sets to use it."""
        return {
            "RUSHES_STORE": f"s3://{self.name}/{BUCKET_PREFIX}",
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": S3_ACCESS,
            "AWS_SECRET_ACCESS_KEY": S3_SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> Any:
        """A client that goes past the proxy."""
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.behind,
            aws_access_key_id=S3_ACCESS,
            aws_secret_access_key=S3_SECRET,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        )

    def get(self, key: str) -> bytes | None:
        """One object, by its key below the store; None when there is none."""
        client = self.client()
        try:
            body: bytes = client.get_object(Bucket=self.name, Key=f"{BUCKET_PREFIX}/{key}")["Body"].read()
        except client.exceptions.NoSuchKey:
            return None
        return body

    def objects(self) -> dict[str, bytes]:
        """Every object, by its key below the store."""
        client = self.client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        return {
            key.removeprefix(f"{BUCKET_PREFIX}/"): client.get_object(Bucket=self.name, Key=key)["Body"].read()
            for key in keys
        }


@contextmanager
def bucket(moto: str, name: str, dice: random.Random) -> Iterator[Bucket]:
    """A bucket of this name at the server `moto`, behind a proxy for as long as the block runs."""
    made = Bucket(name, moto, dice)
    made.client().create_bucket(Bucket=name)
    session: list[aiohttp.ClientSession] = []

    async def passed_on(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        mood = made.mood
        if mood == "down":
            made.refused += 1
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=503)
        if mood == "slow":
            await asyncio.sleep(made.slow_seconds)
        fails = mood == "half" and made.dice.random() < 0.5
        if fails and made.dice.random() < 0.5:
            made.refused += 1
            return _slow_down()
        if not session:
            session.append(aiohttp.ClientSession(auto_decompress=False))
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("expect", "host")}
        target = URL(moto + request.raw_path, encoded=True)
        async with session[0].request(request.method, target, headers=headers, data=body or None) as answer:
            if request.method in ("PUT", "DELETE", "POST"):
                made.writes.append(request.path.removeprefix(f"/{name}/{BUCKET_PREFIX}/"))
            told = await answer.read()
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in ("transfer-encoding", "connection", "date", "server")
            }
        if fails:
            made.refused += 1
            return _slow_down()
        return web.Response(status=answer.status, body=None if request.method == "HEAD" else told, headers=kept)

    app = web.Application(client_max_size=64 * 1024**2)
    app.router.add_route("*", "/{path:.*}", passed_on)
    served = _Served(app)
    made.url = f"http://127.0.0.1:{served.port}"
    try:
        yield made
    finally:
        for one in session:
            served.do(one.close())
        served.close()


def _slow_down() -> web.Response:
    told = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
    return web.Response(status=503, text=f'<?xml version="1.0"?>{told}', content_type="application/xml")


@contextmanager
def moto_server() -> Iterator[str]:
    """moto's S3 in this process; its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


Trouble = Literal["reset", "5xx", "cut"]


@dataclass
class Providers:
    """The sandbox's providers at one address. `trouble` strikes the nth accepted submission, counted from 1.

    A submission that is struck has been accepted and billed: then the connection is reset, the answer is a gateway's
    502, or it is a 200 whose body breaks off. `posts` counts the submissions that came in, and `posted` are all
    texts in their bodies, prompts among them.
    """

    sandbox: Sandbox
    trouble: Mapping[int, Trouble] = field(default_factory=dict)
    posts: int = 0
    posted: set[str] = field(default_factory=set)
    accepted: int = 0
    struck: int = 0
    url: str = ""


@contextmanager
def providers(clips: Path, trouble: Mapping[int, Trouble], **options: Any) -> Iterator[Providers]:
    """The providers, for as long as the block runs; each renders within a moment unless told otherwise."""
    quick: dict[str, Any] = {"queue_seconds": 0.0, "render_seconds": 0.4, "jitter": 0.5, "pad_to": 300_000, **options}
    made = Providers(Sandbox(SandboxOptions(cache=clips, **quick), SystemClock()), trouble)

    @web.middleware
    async def troubled(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.method != "POST":
            return await handler(request)
        made.posts += 1
        made.posted.update(_texts(await request.json()))
        answer = await handler(request)
        if answer.status >= 300:
            return answer
        made.accepted += 1
        strikes = made.trouble.get(made.accepted)
        if strikes is None:
            return answer
        made.struck += 1
        return await _struck(request, answer, strikes)

    app = application(made.sandbox)
    app.middlewares.append(troubled)
    served = _Served(app)
    made.url = made.sandbox.url = f"http://127.0.0.1:{served.port}"
    try:
        yield made
    finally:
        served.close()


def _texts(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict | list):
        for part in told.values() if isinstance(told, dict) else told:
            yield from _texts(part)


async def _struck(request: web.Request, answer: web.StreamResponse, trouble: Trouble) -> web.StreamResponse:
    if trouble == "5xx":
        return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
    assert request.transport is not None
    if trouble == "reset":
        reached: socket.socket = request.transport.get_extra_info("socket")
        # To linger for no time at all makes the close a reset.
        reached.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
        return web.Response()
    assert isinstance(answer, web.Response)
    body = answer.body
    assert isinstance(body, bytes)
    cut = web.StreamResponse(status=200, headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    request.transport.close()
    return cut
