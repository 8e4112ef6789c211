from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from workbench import Bench, Make

from workers.context import VERSION
from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox
from workers.traces.sending import OpenTraces


@pytest.fixture
def sent() -> InMemorySpanExporter:
    """What was sent."""
    return InMemorySpanExporter()


@pytest.fixture
def stage(make: Make, sent: InMemorySpanExporter, tmp_path: Path) -> Iterator[tuple[Bench, Sandbox]]:
    """A worker that is traced, before the sandbox; both go by the same clock."""
    clock = make("http://127.0.0.1:9").clock
    with running_sandbox(SandboxOptions(cache=tmp_path / "clips", jitter=0.0), clock=clock) as sandbox:
        bench = make(sandbox.url)
        context = bench.context
        context.traces = OpenTraces(context.settings, SimpleSpanProcessor(sent), clock=clock, version=VERSION)
        yield bench, sandbox
        context.traces.close()
