"""Serving `/metrics`, where a port is set for it.

The process that keeps the two others of `rushes worker` running serves it: it does nothing else, and is there while
one of them is being started again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from workers.broker.addresses import redis_url
from workers.broker.connection import connect
from workers.broker.queues import queue_names
from workers.engine.room import WaitingRoom
from workers.errors import SettingsError
from workers.providers import PROVIDERS
from workers.settings import Settings


@contextmanager
def serving(settings: Settings) -> Iterator[None]:
    """Serve the metrics for as long as the block runs; nothing, where no port is set.

    Raises `SettingsError` when it can't listen there.
    """
    if settings.metrics_port is None:
        yield
        return
    from prometheus_client import CollectorRegistry, start_http_server  # takes memory that most workers can save

    from workers.monitoring.metrics import Standings

    client = connect(redis_url(settings, os.environ), retries=1)
    registry = CollectorRegistry()
    registry.register(Standings(WaitingRoom(client, settings.namespace), PROVIDERS, queue_names(settings)))
    address, port = settings.metrics_address, settings.metrics_port
    try:
        server, thread = start_http_server(port, addr=address, registry=registry)
    except OSError as error:
        raise SettingsError(
            f"metrics can't be served at {address}:{port}: {error.strerror or error}. "
            "Set RUSHES_METRICS_PORT to a free port, one for each worker of a machine"
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        client.close()
