"""As a careful user writes it: asyncio, one httpx client, a semaphore, a poll every few seconds."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import httpx
from order import Order, order


async def render(client: httpx.AsyncClient, seats: asyncio.Semaphore, asked: Order, number: int) -> None:
    request = asked.requests[number]
    async with seats:
        accepted = await client.post(request["url"], headers=request["headers"], json=request["json"])
        accepted.raise_for_status()
        job: dict[str, Any] = accepted.json()
        while True:
            await asyncio.sleep(asked.poll)
            status = await client.get(job["status_url"], headers=request["headers"])
            status.raise_for_status()
            if status.json()["status"] == "COMPLETED":
                break
    result = await client.get(job["response_url"], headers=request["headers"])
    result.raise_for_status()
    part = asked.folder / f"{number}.part"
    digest = hashlib.sha256()
    async with client.stream("GET", result.json()["video"]["url"]) as video:
        video.raise_for_status()
        with part.open("wb") as file:
            async for chunk in video.aiter_bytes():
                digest.update(chunk)
                file.write(chunk)
    part.rename(asked.folder / f"{number}.mp4")


async def main() -> None:
    asked = order()
    seats = asyncio.Semaphore(asked.seats)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client, asyncio.TaskGroup() as group:
        for number in range(len(asked.requests)):
            group.create_task(render(client, seats, asked, number))


asyncio.run(main())
