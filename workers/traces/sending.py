"""Sending a take's spans by OpenTelemetry, which the extra `otel` installs. This module is imported only where it is.

A take is one trace. Its attempts are spans at the top, and submitting, polling and collecting are spans below them,
made by whichever process was at it. No context travels between these: a trace's id follows from the take, and an
attempt's span's id from its number, so that everyone knows them. An attempt's own span is sent once it has ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.context import Context as Above
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)
from opentelemetry.trace import Span as OpenSpan

from jobs.takes import Take
from workers.clock import Clock
from workers.settings import Settings
from workers.traces.steps import Attribute, Span, unheard

SERVICE = "rushes"
"""What we are called in traces where OTEL_SERVICE_NAME says nothing."""

_given: ContextVar[tuple[int, int] | None] = ContextVar("rushes_span_ids", default=None)


class _Ids(RandomIdGenerator):
    """Ids by chance, but for the span whose ids are given beforehand."""

    def generate_trace_id(self) -> int:
        given = _given.get()
        return super().generate_trace_id() if given is None else given[0]

    def generate_span_id(self) -> int:
        given = _given.get()
        return super().generate_span_id() if given is None else given[1]


def ids_of(settings: Settings, take: Take, attempt: int) -> tuple[int, int]:
    """The id of a take's trace, and that of its attempt's span: the same in every process and at every time."""
    named = f"{settings.namespace}\n{settings.store}\n{take.batch}/{take.name}\n{take.asked.identity()}"
    of_take = hashlib.sha256(f"trace\n{named}".encode()).digest()
    of_attempt = hashlib.sha256(f"span\n{named}\n{attempt}".encode()).digest()
    return int.from_bytes(of_take[:16]), int.from_bytes(of_attempt[:8])


class _Sent:
    def __init__(self, span: OpenSpan, clock: Clock) -> None:
        self._span = span
        self._clock = clock

    def end(self, *, error: str | None = None, **attributes: Attribute) -> None:
        _end(self._span, self._clock.now(), error, attributes)


class OpenTraces:
    """Makes spans and hands them to `processor`. What is sampled, and what else a span says, the OTEL_* variables say.

    A take is sampled whole or not at all, by its trace's id.
    """

    def __init__(self, settings: Settings, processor: SpanProcessor, *, clock: Clock, version: str) -> None:
        self._settings = settings
        self._clock = clock
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
        own = Resource({SERVICE_NAME: SERVICE, SERVICE_VERSION: version})
        told = Resource.create()
        unnamed = str(told.attributes[SERVICE_NAME]).startswith("unknown_service")
        named = told.merge(own) if unnamed else own.merge(told)
        self._provider = TracerProvider(resource=named, id_generator=_Ids(), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer: Tracer = self._provider.get_tracer("rushes", version)

    def begin(self, step: str, take: Take, attempt: int) -> Span:
        """A span below that of the attempt."""
        trace, above = ids_of(self._settings, take, attempt)
        if not self._wanted(trace, step):
            return unheard()
        parent = SpanContext(trace, above, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        span = self._tracer.start_span(
            step,
            set_span_in_context(NonRecordingSpan(parent), Above()),
            attributes=_attributes(take, attempt),
            start_time=_ns(self._clock.now()),
        )
        return _Sent(span, self._clock)

    def attempted(self, take: Take, attempt: int, since: float, outcome: str, error: str | None = None) -> None:
        """The span of the attempt itself, under the id that those below it name."""
        ids = ids_of(self._settings, take, attempt)
        with _under(ids):
            span = self._tracer.start_span(
                f"take {take.shot}", Above(), attributes=_attributes(take, attempt), start_time=_ns(since)
            )
        _end(span, self._clock.now(), error, {"rushes.outcome": outcome})

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def _wanted(self, trace: int, step: str) -> bool:
        return self._provider.sampler.should_sample(None, trace, step).decision is not Decision.DROP


@contextmanager
def _under(ids: tuple[int, int]) -> Iterator[None]:
    token = _given.set(ids)
    try:
        yield
    finally:
        _given.reset(token)


def _attributes(take: Take, attempt: int) -> dict[str, Attribute]:
    return {
        "rushes.batch": take.batch,
        "rushes.shot": take.shot,
        "rushes.take": take.name,
        "rushes.attempt": attempt,
        "rushes.provider": take.provider,
        "rushes.model": take.asked.model,
    }


def _end(span: OpenSpan, now: float, error: str | None, attributes: dict[str, Attribute]) -> None:
    span.set_attributes(attributes)
    if error is not None:
        span.set_status(Status(StatusCode.ERROR, error))
    span.end(_ns(now))


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
