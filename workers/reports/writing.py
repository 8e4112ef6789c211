"""A report as text, line by line, and its first line by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from workers.reports.report import FailureClass, Report
from workers.reports.words import amount

NAMED = 10
"""How many takes of a class are named; all of them are in the JSON."""


def headline(report: Report) -> str:
    """The report in one line."""
    others = [f"{count:,} {state}" for state, count in report.states.items() if state not in ("done", "besides")]
    told = f"{report.batch}: {report.states.get('done', 0):,} of {report.total:,} takes done"
    cost = f"; cost {report.costs.total.actual}" if report.costs.total.attempts else ""
    took = f"; {span(report.seconds)}" if report.seconds is not None else ""
    return told + (f", {', '.join(others)}" if others else "") + cost + took


def report_lines(report: Report) -> Iterator[str]:
    """The report for a person, line by line. What stands in it of a provider's words is text, and no markup."""
    yield headline(report)
    yield f"  {report.provider}, {', '.join(report.models)}; results: {report.place}"
    if report.began is not None and report.ended is not None:
        yield f"  from {moment(report.began)} to {moment(report.ended)}"
    if len(report.shots) > 1:
        yield "shots:"
        for shot in report.shots:
            states = ", ".join(f"{count:,} {_called(state)}" for state, count in shot.states.items())
            yield f"  {shot.shot}: {states or 'nothing'} of {shot.total:,}"
    if report.failures:
        yield "failed:"
        for each in report.failures:
            yield from failure_lines(each)
    if report.doubts:
        yield f"in doubt: {len(report.doubts):,}"
        for doubt in report.doubts[:NAMED]:
            yield f"    {doubt.take}: up to {doubt.price} at {doubt.provider}: {' '.join(doubt.message.split())}"
        yield from _more(len(report.doubts))
    yield from _money(report)
    yield from _time(report)
    for job, came_to in report.besides.items():
        followed = "it is still followed" if came_to.isdigit() else came_to
        yield f"besides: {report.provider} accepted job {job} for a take that had gone on without it: {followed}"
    if report.waits_for is not None:
        yield f"waits: {report.waits_for}"
    if report.next:
        yield "next:"
        for step in report.next:
            yield f"  {step.told}" + ("" if step.command is None else f": {step.command}")


def failure_lines(failures: FailureClass) -> Iterator[str]:
    """The failures of one class: how many, which, why, and what to do."""
    yield f"  {len(failures.takes):,} {failures.kind}: {failures.advice.what}. {failures.advice.why}."
    for take in failures.takes[:NAMED]:
        yield f"    {take.take}, attempt {take.attempt} at {take.provider}: {take.message}"
    yield from _more(len(failures.takes))
    command = failures.advice.command
    yield f"    {failures.advice.then}" + ("" if command is None else f": {command}")


def moment(at: float) -> str:
    """A time for a person, in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(seconds: float) -> str:
    """So many seconds, for a person: `42 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole >= 10 or seconds == whole else f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def _money(report: Report) -> Iterator[str]:
    total = report.costs.total
    if total.attempts:
        yield f"cost: {total.actual} actual, {total.estimated} estimated, {total.at_most} at most"
        for line in report.costs.outcomes:
            if line.name != "done" and line.attempts:
                yield f"  {line.attempts:,} {line.name}: {line.actual} actual, {line.at_most} at most"
    else:
        yield "cost: nothing was submitted, so nothing was paid for"
    budget = report.budget
    if budget is not None:
        spent, limit = amount(budget.spent, budget.currency), amount(budget.limit, budget.currency)
        reserved = f", {amount(budget.reserved, budget.currency)} reserved" if budget.reserved else ""
        yield f"  budget: {spent} of {limit} spent{reserved}"


def _time(report: Report) -> Iterator[str]:
    if report.seconds is not None:
        yield f"time: {span(report.seconds)}"
    if report.render_seconds is not None:
        least, middle, most = map(span, report.render_seconds)
        yield f"  a take took {middle} at the median, {least} at the least; nine of ten took {most} at the most"
    for use in report.seats:
        of = "" if use.seats is None else f" of {use.seats}"
        part = "" if use.used is None else f" ({use.used:.0%})"
        yield f"  {use.provider}: {use.average:.1f}{of} seats taken on the average{part}, {use.most} at the most"
    if len(report.slowest) > 1:
        yield "slowest:"
        for slow in report.slowest:
            yield f"  {slow.take}: {span(slow.seconds)} at {slow.provider}"


def _more(count: int) -> Iterator[str]:
    if count > NAMED:
        yield f"    and {count - NAMED:,} more"


def _called(state: str) -> str:
    return "in doubt" if state == "doubt" else state
