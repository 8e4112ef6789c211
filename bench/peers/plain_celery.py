"""A plain Celery design: a task for each step, `retry(countdown=...)` until the job is done, seats counted in Redis.

python plain_celery.py ORDER.json           # starts the worker, sends the tasks, waits for the videos
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import redis
from celery import Celery, Task
from order import order

asked = order()
app = Celery("plain", broker=asked.redis)
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"visibility_timeout": 3600},
)
counter = redis.Redis.from_url(asked.redis.replace("redis+socket://", "unix://"))
client = httpx.Client(timeout=60)


@app.task(bind=True, name="submit", max_retries=None)
def submit(self: Task, number: int) -> None:
    if counter.incr("seats") > asked.seats:
        counter.decr("seats")
        raise self.retry(countdown=asked.poll)
    request = asked.requests[number]
    accepted = client.post(request["url"], headers=request["headers"], json=request["json"])
    accepted.raise_for_status()
    poll.apply_async((number, accepted.json()), countdown=asked.poll)


@app.task(bind=True, name="poll", max_retries=None)
def poll(self: Task, number: int, job: dict[str, Any]) -> None:
    headers = asked.requests[number]["headers"]
    status = client.get(job["status_url"], headers=headers)
    status.raise_for_status()
    if status.json()["status"] != "COMPLETED":
        raise self.retry(countdown=asked.poll)
    counter.decr("seats")
    result = client.get(job["response_url"], headers=headers)
    result.raise_for_status()
    fetch.delay(number, result.json()["video"]["url"])


@app.task(name="fetch")
def fetch(number: int, link: str) -> None:
    part = asked.folder / f"{number}.part"
    digest = hashlib.sha256()
    with client.stream("GET", link) as video, part.open("wb") as file:
        video.raise_for_status()
        for chunk in video.iter_bytes():
            digest.update(chunk)
            file.write(chunk)
    part.rename(asked.folder / f"{number}.mp4")


def main() -> None:
    arguments = ["worker", "-P", "threads", "-c", "32", "-l", "error", "--without-gossip", "--without-mingle"]
    worker = subprocess.Popen(
        [sys.executable, "-c", f"import plain_celery; plain_celery.app.worker_main({arguments!r})", sys.argv[1]],
        cwd=Path(__file__).resolve().parent,
    )
    try:
        for number in range(len(asked.requests)):
            submit.delay(number)
        while sum(1 for each in asked.folder.iterdir() if each.suffix == ".mp4") < len(asked.requests):
            if worker.poll() is not None:
                raise SystemExit(f"the worker ended with {worker.returncode}")
            time.sleep(0.1)
    finally:
        worker.terminate()
        worker.wait()


if __name__ == "__main__":
    main()
