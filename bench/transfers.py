"""Bringing clips home: our download and store beside a plain temporary file and `put_object`, in one run.

    python bench/transfers.py
    python bench/transfers.py --clips 40

Clips of 10 MB, 8 at a time, from a server on loopback that makes nothing up into an S3 there that does nothing. Each
way is a process of its own, and they take turns; the best of the rounds counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import boto3
import httpx
from aiohttp import web
from botocore.config import Config

from workers.http.download import Download
from workers.http.wire import Wire
from workers.store import open_store

AT_ONCE = 8
CHUNK = 256 * 1024


def serve(size: int, announce: multiprocessing.Queue[int]) -> None:
    """A provider's files and an S3, in one process."""
    clip = os.urandom(size)

    async def give(request: web.Request) -> web.Response:
        return web.Response(body=clip, content_type="video/mp4", headers={"ETag": '"clip"'})

    async def take(request: web.Request) -> web.Response:
        while await request.content.readany():
            pass
        return web.Response(headers={"ETag": '"stored"'})

    async def run() -> None:
        app = web.Application(client_max_size=2**40)
        app.add_routes([web.get("/clip/{number}", give), web.put("/{key:.*}", take)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        announce.put(runner.addresses[0][1])
        await asyncio.sleep(3600)

    asyncio.run(run())


def ours(url: str, clips: int, folder: Path) -> None:
    wire = Wire(user_agent="bench")
    download, store = Download(wire), open_store("s3://bucket/renders")

    def bring(number: int) -> None:
        path = folder / f"{number}.mp4"
        fetched = download.fetch(f"{url}/clip/{number}", path)
        store.put_file(f"b/{number}.mp4", path, sha256=fetched.sha256, content_type="video/mp4")
        path.unlink()

    together(bring, clips)
    wire.close()


def plain(url: str, clips: int, folder: Path) -> None:
    client = httpx.Client(timeout=60)
    settings = Config(
        signature_version="s3v4",
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=AT_ONCE,
        s3={"addressing_style": "path"},
    )
    s3 = boto3.client("s3", config=settings)

    def bring(number: int) -> None:
        path = folder / f"{number}.mp4"
        with client.stream("GET", f"{url}/clip/{number}") as answer, path.open("wb") as file:
            answer.raise_for_status()
            for chunk in answer.iter_raw():
                file.write(chunk)
        with path.open("rb") as file:
            s3.put_object(Bucket="bucket", Key=f"b/{number}.mp4", Body=file, ContentType="video/mp4")
        path.unlink()

    together(bring, clips)


def together(bring: Callable[[int], None], clips: int) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(bring, range(clips)))


def measure(way: str, url: str, clips: int, told: multiprocessing.Queue[dict[str, float]]) -> None:
    """In a process of its own: one clip to begin with, and then all."""
    os.environ |= {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "needed",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    run = {"ours": ours, "plain": plain}[way]
    with tempfile.TemporaryDirectory(prefix="rushes-bench-") as folder:
        run(url, 1, Path(folder))
        begun, spent = time.perf_counter(), time.process_time()
        run(url, clips, Path(folder))
        told.put(
            {
                "seconds": time.perf_counter() - begun,
                "cpu": time.process_time() - spent,
                "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )


@contextmanager
def server(size: int) -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    announced = context.Queue()
    process = context.Process(target=serve, args=(size, announced), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{announced.get(timeout=60)}"
    finally:
        process.terminate()
        process.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--megabytes", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    found: dict[str, list[dict[str, float]]] = {"ours": [], "plain": []}
    with server(int(given.megabytes * 1e6)) as url:
        for _ in range(given.rounds):
            for way in found:
                told = context.Queue()
                process = context.Process(target=measure, args=(way, url, given.clips, told))
                process.start()
                found[way].append(told.get(timeout=600))
                process.join()
    best = {way: min(each["seconds"] for each in rounds) for way, rounds in found.items()}
    cpu = {way: min(each["cpu"] for each in rounds) for way, rounds in found.items()}
    total = given.clips * given.megabytes
    figures = {
        "clips": given.clips,
        "ours, MB a second": round(total / best["ours"], 1),
        "plain, MB a second": round(total / best["plain"], 1),
        "ours / plain": round(best["plain"] / best["ours"], 3),
        "CPU, ours / plain": round(cpu["ours"] / cpu["plain"], 3),
        "CPU of ours, seconds a GB": round(cpu["ours"] / total * 1e3, 2),
        "ours, most memory, MiB": round(max(each["memory"] for each in found["ours"]), 1),
        "plain, most memory, MiB": round(max(each["memory"] for each in found["plain"]), 1),
    }
    json.dump(figures, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
