"""Whether traces are sent, and where to: by the standard variables of OpenTelemetry, over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from workers.clock import Clock
from workers.settings import Settings
from workers.traces.steps import Traces, Untraced

log = logging.getLogger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def traces_from(settings: Settings, environ: Mapping[str, str], *, clock: Clock, version: str) -> Traces:
    """Traces that go where `environ` says; to nobody, and with nothing imported, where it names no endpoint.

    OpenTelemetry reads this process's environment by itself, so `environ` has to agree with it. That the extra isn't
    installed is a warning in the log, and nothing else: it may be set for all that runs on a machine.
    """
    endpoint = next((name for name in ENDPOINTS if environ.get(name)), None)
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    if endpoint is None or off:
        return Untraced()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from workers.traces.sending import OpenTraces
    except ImportError as error:
        log.warning("%s is set, and no traces are sent: %s. Install rushes[otel], or unset it", endpoint, error)
        return Untraced()
    return OpenTraces(settings, BatchSpanProcessor(OTLPSpanExporter()), clock=clock, version=version)
