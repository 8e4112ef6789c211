"""`python -m workers ...`, without the working folder on the import path: `work`, or one of Celery's commands.

    python -m workers work -Q QUEUE -c THREADS -n NAME [-l LEVEL]

`work` is Celery's `worker` as `rushes worker` starts it, by way of its class. Its command line would first import
Pygments, prompt_toolkit and Flower, which takes every process a third of the time that it needs to be ready.
"""

from __future__ import annotations

import argparse
import sys

from workers.celery import app


def work(arguments: list[str]) -> int:
    """Work until it is told to end; the exit code. SIGTERM finishes the steps in hand."""
    parser = argparse.ArgumentParser(prog="python -m workers work")
    parser.add_argument("-Q", dest="queue", required=True)
    parser.add_argument("-c", dest="concurrency", type=int, required=True)
    parser.add_argument("-n", dest="name", required=True)
    parser.add_argument("-l", dest="loglevel", default="info")
    given = parser.parse_args(arguments)
    worker = app.Worker(
        hostname=given.name,
        queues=given.queue,
        concurrency=given.concurrency,
        pool_cls="threads",
        loglevel=given.loglevel,
        task_events=True,
        without_gossip=True,
        without_mingle=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        sys.exit(work(sys.argv[2:]))
    app.start(argv=sys.argv[1:])
