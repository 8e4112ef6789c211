"""A take is one trace, whoever was at work on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from workbench import KEY, Bench

from workers.context import VERSION
from workers.engine.states import State
from workers.sandbox.server import Sandbox
from workers.traces.sending import OpenTraces, ids_of

Stage = tuple[Bench, Sandbox]


def by_name(sent: InMemorySpanExporter) -> dict[str, list[ReadableSpan]]:
    found: dict[str, list[ReadableSpan]] = {}
    for span in sent.get_finished_spans():
        found.setdefault(span.name, []).append(span)
    return found


def test_a_take_is_one_trace_of_its_attempt_with_all_steps_below_it(stage: Stage, sent: InMemorySpanExporter) -> None:
    bench, _ = stage
    bench.open()
    bench.render()
    bench.collect()
    assert bench.state() is State.DONE
    spans = by_name(sent)
    assert {name: len(found) for name, found in spans.items()}.keys() == {"submit", "poll", "collect", "take s"}
    [attempt] = spans.pop("take s")
    assert attempt.parent is None
    below = [span for found in spans.values() for span in found]
    for span in below:
        assert span.context.trace_id == attempt.context.trace_id
        assert span.parent is not None and span.parent.span_id == attempt.context.span_id
        assert attempt.start_time <= span.start_time <= span.end_time <= attempt.end_time
        assert span.status.status_code is not StatusCode.ERROR
    assert spans["poll"][-1].attributes["rushes.verdict"] == "rendered"
    assert spans["submit"][0].attributes["http.response.status_code"] == 200
    told = dict(attempt.attributes)
    assert told.pop("rushes.model") == "seedance-2.0-fast"
    assert told == {
        "rushes.batch": "b",
        "rushes.shot": "s",
        "rushes.take": "s/0001",
        "rushes.attempt": 1,
        "rushes.provider": "fal",
        "rushes.outcome": "done",
    }
    assert attempt.resource.attributes["service.name"] == "rushes"


def test_a_refused_attempt_ends_its_span_with_why(stage: Stage, sent: InMemorySpanExporter) -> None:
    bench, sandbox = stage
    sandbox.options = replace(sandbox.options, moderation_rate=1.0)
    bench.open()
    bench.submit()
    while bench.state() is State.RENDERING:
        bench.poll(after=1000.0)
    assert bench.state() is State.FAILED
    [attempt] = by_name(sent)["take s"]
    assert attempt.status.status_code is StatusCode.ERROR
    assert attempt.attributes["rushes.outcome"] == bench.record().value("error")["kind"]
    for span in sent.get_finished_spans():
        assert not [secret for secret in KEY.split(":") if secret in span.to_json()]


def test_a_download_that_fails_is_a_step_that_came_to_nothing(stage: Stage, sent: InMemorySpanExporter) -> None:
    bench, _ = stage
    bench.open()
    bench.render()
    bench.store.fail()
    bench.collect()
    bench.store.mend()
    bench.collect(after=60.0)
    first, second = by_name(sent)["collect"]
    assert first.status.status_code is StatusCode.ERROR and "strike" in first.status.description
    assert second.status.status_code is not StatusCode.ERROR


def test_two_processes_agree_on_a_trace_and_two_takes_dont(stage: Stage) -> None:
    bench, _ = stage
    bench.open(takes=2)
    settings, expansion = bench.context.settings, bench.context.expansion("b")
    first, second = expansion[0], expansion[1]
    assert ids_of(settings, first, 1) == ids_of(settings.model_copy(), replace(first), 1)
    assert ids_of(settings, first, 1)[0] == ids_of(settings, first, 2)[0] != ids_of(settings, second, 1)[0]
    assert ids_of(settings, first, 1)[1] != ids_of(settings, first, 2)[1]


@pytest.mark.parametrize("sampler", ["traceidratio", "parentbased_traceidratio"])
def test_a_take_is_sampled_whole_or_not_at_all(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    bench, _ = stage
    bench.open(takes=60)
    sent = InMemorySpanExporter()
    traces = OpenTraces(bench.context.settings, SimpleSpanProcessor(sent), clock=bench.clock, version=VERSION)
    for take in bench.context.expansion("b"):
        for step in ("submit", "poll", "collect"):
            traces.begin(step, take, 1).end()
        traces.attempted(take, 1, bench.clock.now(), "done")
    of_trace: dict[int, int] = {}
    for span in sent.get_finished_spans():
        of_trace[span.context.trace_id] = of_trace.get(span.context.trace_id, 0) + 1
    assert set(of_trace.values()) == {4}
    assert 0 < len(of_trace) < 60
