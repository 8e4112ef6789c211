"""The Celery app: `celery -A workers worker`, `celery -A workers flower`.

Celery carries short, immediate steps, and is the doorbell and not the truth: messages may be lost or doubled, and
leases and fences in Redis make that harmless. Hence: early ack, prefetch 1, no result backend, no countdown.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from celery import Celery
from celery.signals import after_setup_logger, after_setup_task_logger
from kombu.entity import Queue

from workers.broker.addresses import redis_url
from workers.broker.connection import celery_url
from workers.broker.kombu_guard import guard_kombu
from workers.broker.queues import queue_names
from workers.logs.writing import dress
from workers.settings import Settings, environment, load_settings


def make_app(settings: Settings, url: str) -> Celery:
    """The app for these settings. Nothing is connected yet."""
    guard_kombu()
    app = Celery("rushes", include=["workers.tasks"])
    steps, collect = queue_names(settings)
    app.conf.update(
        broker_url=celery_url(url),
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_timeout": 15,
            "socket_connect_timeout": 5,
            "health_check_interval": 15,
            # Early ack leaves nothing to give back, and our own leases bring lost work back sooner.
            "visibility_timeout": 24 * 3600,
        },
        task_default_queue=steps,
        task_queues=[Queue(steps), Queue(collect)],
        task_routes={"collect": {"queue": collect}},
        task_ignore_result=True,
        task_acks_late=False,
        task_serializer="json",
        accept_content=["json"],
        task_publish_retry_policy={"max_retries": 3, "interval_start": 0.1, "interval_step": 0.3, "interval_max": 1},
        worker_prefetch_multiplier=1,
        worker_pool="threads",
        worker_concurrency=32,
        worker_hijack_root_logger=True,
        worker_redirect_stdouts=False,
        worker_send_task_events=True,
        enable_utc=True,
        task_send_sent_event=False,
    )
    return app


def _configured() -> tuple[Celery, Settings]:
    # boto3 reads the environment itself, and a .env file counts for it too.
    os.environ.update(environment(os.environ, Path.cwd()))
    settings = load_settings(os.environ, Path.cwd())
    return make_app(settings, redis_url(settings, os.environ)), settings


app, settings = _configured()


@after_setup_logger.connect  # type: ignore[untyped-decorator]
@after_setup_task_logger.connect  # type: ignore[untyped-decorator]
def _dress(logger: logging.Logger, **_: object) -> None:
    dress(logger.handlers, settings.log_format, settings.secret_values())
