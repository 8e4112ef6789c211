"""The jobs that a person names: ids as they were copied from a provider's own list."""

from __future__ import annotations

from workers.providers.errors import Invalid
from workers.providers.protocol import Job, Response

LONGEST_ID = 200
"""Characters. The longest that a provider was seen to give has 45."""

# What would end a path's segment, or change what it means, where the id stands in a URL.
_NEVER = frozenset("/\\?#%")


def job_named(provider: str, job_id: str) -> Job:
    """The job that `provider` calls `job_id`, without the URLs that an acceptance would have given.

    Raises:
        Invalid: `job_id` can't be the id of a job.
    """
    problem = _problem(job_id)
    if problem:
        shown = f"{job_id[:80]!r} can't be the id of a job at {provider}: "
        raise Invalid(f"{shown}{problem}. Copy the id alone, as {provider} shows it.")
    return Job(job_id)


def job_called(response: Response, field: str) -> str | None:
    """The job that the JSON of a call names in `field`, or None when that can't be the id of one."""
    answer = response.parsed()
    named = answer.get(field) if isinstance(answer, dict) else None
    return named if isinstance(named, str) and not _problem(named) else None


def _problem(job_id: str) -> str:
    if not job_id.strip():
        return "it is blank"
    if len(job_id) > LONGEST_ID:
        return f"it has {len(job_id)} characters, and none has over {LONGEST_ID}"
    if any(sign.isspace() or not sign.isprintable() for sign in job_id):
        return "it has a space or a control character in it"
    if any(sign in _NEVER for sign in job_id):
        return "it is an address, or a part of one"
    return "it is nothing but dots" if not job_id.strip(".") else ""
