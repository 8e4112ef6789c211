"""Where traces are sent to, and that nothing is loaded where they aren't."""

from __future__ import annotations

import http.server
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from jobs.takes import Asked, Take
from workers.clock import SystemClock
from workers.settings import load_settings
from workers.traces.choosing import traces_from
from workers.traces.steps import Untraced

TAKE = Take(
    batch="night",
    shot="opening",
    index=0,
    number=1,
    name="opening/0001",
    provider="fal",
    asked=Asked(model="seedance-2.0-fast", prompt="A dog"),
    axes={},
)


class Collector(http.server.ThreadingHTTPServer):
    """What an OpenTelemetry collector is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.requests: list[tuple[str, str, ExportTraceServiceRequest]] = []


class _Taking(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        read = ExportTraceServiceRequest.FromString(body)
        self.server.requests.append((self.path, self.headers.get("X-Tenant", ""), read))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def told(monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, str]:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return dict(os.environ)


def test_spans_go_where_the_standard_variables_say(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = told(
        monkeypatch,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}",
        OTEL_EXPORTER_OTLP_HEADERS="x-tenant=studio",
        OTEL_SERVICE_NAME="overnight",
    )
    traces = traces_from(load_settings({}, tmp_path), environ, clock=SystemClock(), version="1")
    traces.begin("submit", TAKE, 1).end()
    traces.close()
    [(path, tenant, request)] = collector.requests
    assert (path, tenant) == ("/v1/traces", "studio")
    [resource] = request.resource_spans
    named = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert named["service.name"] == "overnight"
    assert [span.name for span in resource.scope_spans[0].spans] == ["submit"]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_sent_where_they_say_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    environ = told(monkeypatch, **variables)
    assert isinstance(traces_from(load_settings({}, tmp_path), environ, clock=SystemClock(), version="1"), Untraced)


def test_what_is_not_installed_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    environ = told(monkeypatch, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:9/v1/traces")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    with caplog.at_level(logging.WARNING):
        traces = traces_from(load_settings({}, tmp_path), environ, clock=SystemClock(), version="1")
    assert isinstance(traces, Untraced)
    assert "rushes[otel]" in caplog.text and "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" in caplog.text


def test_without_the_variables_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    # redis-py loads what it counts by, where it is installed.
    ours = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "workers.traces.sending")
    asked = f"import sys, workers.tasks; print([name for name in sys.modules if name.startswith({ours!r})])"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "RUSHES_"))}
    environ = {**kept, "RUSHES_REDIS_URL": "redis://127.0.0.1:9/0"}
    ended = subprocess.run(
        [sys.executable, "-c", asked], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.strip() == "[]"
