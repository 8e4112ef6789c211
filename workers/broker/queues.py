"""The two queues, by name. Known without the Celery app, which takes as long to import as all the rest."""

from __future__ import annotations

from workers.settings import Settings


def queue_names(settings: Settings) -> tuple[str, str]:
    """The queue of submits and polls, and that of collections, which may not hold the others up."""
    return f"{settings.namespace}.steps", f"{settings.namespace}.collect"
