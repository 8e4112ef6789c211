"""The steps of a take: submit, poll, collect. Short, immediate, and harmless when done twice or late."""

from workers.steps.collect import collect
from workers.steps.poll import poll
from workers.steps.submit import submit

__all__ = ["collect", "poll", "submit"]
