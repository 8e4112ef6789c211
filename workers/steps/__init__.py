"""The steps of a take: submit, poll, collect, and settle what is in doubt.

Each is short, immediate, and harmless when done twice or late.
"""

from workers.steps.collect import collect
from workers.steps.poll import poll
from workers.steps.settle import settle
from workers.steps.submit import submit

__all__ = ["collect", "poll", "settle", "submit"]
