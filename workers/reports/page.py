"""A report as a page by itself: no script, no network, every word of a provider or a manifest escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from string import Template

from workers.reports.report import FailureClass, Report
from workers.reports.words import amount
from workers.reports.writing import NAMED, headline, moment, span


def report_page(report: Report) -> str:
    """The report as HTML, light or dark as the reader's system is."""
    template = Template((files("workers.reports") / "report.html").read_text(encoding="utf-8"))
    times = [moment(at) for at in (report.began, report.ended) if at is not None]
    subtitle = "; ".join(
        [f"{report.provider}, {', '.join(report.models)}", *([" to ".join(times)] if times else []), report.place]
    )
    counts = "".join(f"<li><b>{count:,}</b> {escape(state)}</li>" for state, count in report.states.items())
    return template.substitute(
        title=escape(headline(report)),
        subtitle=escape(subtitle),
        counts=counts,
        sections="\n".join(_sections(report)),
    )


def _sections(report: Report) -> Iterable[str]:
    if report.waits_for is not None:
        yield f"<h2>Waits</h2><p>{escape(report.waits_for)}</p>"
    if report.next:
        yield "<h2>What to do next</h2><ol>"
        for step in report.next:
            command = "" if step.command is None else f": <code>{escape(step.command)}</code>"
            yield f"<li>{escape(step.told)}{command}</li>"
        yield "</ol>"
    if report.failures:
        yield "<h2>Failed</h2>"
        yield from map(_failure, report.failures)
    if report.doubts:
        rows = [(each.take, each.price, each.provider, each.message, each.prompt) for each in report.doubts]
        yield "<h2>In doubt</h2>" + _table(("take", "up to", "provider", "why", "its prompt begins"), rows)
    total = report.costs.total
    lines = [*report.costs.shots, *report.costs.providers, *report.costs.outcomes, total]
    money = [(each.name, f"{each.takes:,}", str(each.estimated), str(each.actual), str(each.at_most)) for each in lines]
    yield "<h2>Cost</h2>" + _table(("", "takes", "estimated", "actual", "at most"), money, numbers=(1, 2, 3, 4))
    if report.budget is not None:
        budget = report.budget
        told = f"{amount(budget.spent, budget.currency)} of {amount(budget.limit, budget.currency)} spent"
        yield f"<p>Budget: {escape(told)}, {escape(amount(budget.reserved, budget.currency))} reserved</p>"
    yield from _time(report)
    shots = [
        (each.shot, f"{each.total:,}", ", ".join(f"{count:,} {state}" for state, count in each.states.items()))
        for each in report.shots
    ]
    yield "<h2>Shots</h2>" + _table(("shot", "takes", ""), shots, numbers=(1,))


def _failure(failures: FailureClass) -> str:
    advice = failures.advice
    command = "" if advice.command is None else f": <code>{escape(advice.command)}</code>"
    rows = [(each.take, f"{each.attempt}", each.provider, each.message) for each in failures.takes[: NAMED * 10]]
    more = len(failures.takes) - len(rows)
    return (
        f'<section class="failure"><p><b>{len(failures.takes):,} {escape(failures.kind)}</b>: {escape(advice.what)}. '
        f"{escape(advice.why)}.</p><p>{escape(advice.then)}{command}</p>"
        + _table(("take", "attempt", "provider", "why"), rows, numbers=(1,))
        + (f"<p>and {more:,} more</p>" if more > 0 else "")
        + "</section>"
    )


def _time(report: Report) -> Iterable[str]:
    if report.seconds is None:
        return
    yield f"<h2>Time</h2><p>{escape(span(report.seconds))} from the first submission to the last that came of any</p>"
    if report.render_seconds is not None:
        least, middle, most = map(span, report.render_seconds)
        yield f"<p>A take: {middle} at the median, {least} at the least; nine of ten {most} at the most</p>"
    uses = [
        (
            use.provider,
            "" if use.seats is None else f"{use.seats}",
            f"{use.average:.1f}",
            "" if use.used is None else f"{use.used:.0%}",
            f"{use.most}",
        )
        for use in report.seats
    ]
    yield _table(("seats", "allowed", "taken on the average", "used", "at the most"), uses, numbers=(1, 2, 3, 4))
    slow = [(each.take, span(each.seconds), each.provider) for each in report.slowest]
    yield "<h2>Slowest</h2>" + _table(("take", "took", "provider"), slow)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = ()) -> str:
    def row(tag: str, cells: Sequence[str]) -> str:
        marked = (
            f"<{tag}{' class=number' if at in numbers else ''}>{escape(cell)}</{tag}>" for at, cell in enumerate(cells)
        )
        return f"<tr>{''.join(marked)}</tr>"

    return f"<table><thead>{row('th', heads)}</thead><tbody>{''.join(row('td', each) for each in rows)}</tbody></table>"
