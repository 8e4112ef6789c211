"""docs/providers.md, written from the capability and price tables.

    python -m jobs.providers_page docs/providers.md

Without a path it goes to standard output.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from jobs.capabilities import Capabilities, capabilities, known_providers
from jobs.capabilities.table import Between, Bounds, Durations, Files, InputLimits, Option, Rule
from jobs.faults import choice, listing
from jobs.fields.readers import READERS
from jobs.prices import PriceTable, Rate, price_table

_HEAD = """\
# The providers

What each provider takes and what it costs, as far as its documents say. `rushes plan` checks every take against
these tables before anything is sent.

This page is written by `python -m jobs.providers_page docs/providers.md` from `jobs/capabilities/*.yaml` and
`jobs/prices/*.yaml`. Change those, not this page.
"""

_WAYS = {
    "url": "URL",
    "data": "data URI",
    "asset": "`asset://` id",
    "upload": "the provider's own upload",
}


def page() -> str:
    """The whole page."""
    tables = [capabilities(name) for name in known_providers()]
    parts = [_HEAD, _overview(tables), _field_matrix(tables)]
    parts += [_section(table, price_table(table.provider)) for table in tables]
    return "\n".join(parts)


def _overview(tables: Sequence[Capabilities]) -> str:
    rows: list[tuple[str, Callable[[Capabilities], str]]] = [
        ("seedance-2.0", lambda table: _resolutions(table, "seedance-2.0")),
        ("seedance-2.0-fast", lambda table: _resolutions(table, "seedance-2.0-fast")),
        ("seconds", lambda table: _durations(table.durations)),
        ("aspect ratios", lambda table: ", ".join(table.aspect_ratios)),
        ("prompt", _prompt),
        ("seed", lambda table: _bounds(table.seed)),
        ("references", lambda table: _references(table)),
        ("last frame of its own", lambda table: "yes" if table.takes("return_last_frame") else "no"),
        ("price", lambda table: _price_in_short(price_table(table.provider))),
    ]
    body = ([name, *(cell(table) for table in tables)] for name, cell in rows)
    return "## At a glance\n\n" + _grid(["", *(table.provider for table in tables)], body)


def _field_matrix(tables: Sequence[Capabilities]) -> str:
    body = (
        [f"`{field}`", *(_modes_of(field, table) for table in tables)]
        for field in READERS
        if field not in ("model", "prompt")
    )
    return (
        "## Fields\n\n"
        "In which modes a provider takes a field of the manifest: from *text* alone, from a first or last *image*,\n"
        "from *references*. Fields that no mode has both exclude each other.\n\n"
    ) + _grid(["", *(table.provider for table in tables)], body)


def _section(table: Capabilities, prices: PriceTable) -> str:
    blocks = [
        f"## {table.provider}\n\nRead {table.read}: {_sentence(table.source)}\n",
        _models(table),
        "".join(f"* {line}\n" for line in _rules(table)),
        _inputs(table),
        _options(table),
        _prices(prices),
    ]
    return "\n".join(block for block in blocks if block)


def _models(table: Capabilities) -> str:
    modes = list(table.modes)
    body = (
        [f"`{name}`", ", ".join(model.resolutions), *(_endpoint(model.endpoints.get(mode)) for mode in modes)]
        for name, model in table.models.items()
    )
    return _grid(["model", "resolutions", *(f"from {mode}" for mode in modes)], body)


def _rules(table: Capabilities) -> Iterator[str]:
    yield f"Seconds: {_durations(table.durations)}. Aspect ratios: {', '.join(table.aspect_ratios)}."
    defaults = table.defaults.model_dump(exclude_none=True)
    said = (f"{name} {str(value).lower() if isinstance(value, bool) else value}" for name, value in defaults.items())
    yield f"What is left out is, by the provider: {', '.join(said)}."
    yield f"Prompt: {_prompt(table)}. Seed: {_bounds(table.seed)}."
    yield f"References of one take: {_references(table)}."
    for rule in table.rules:
        yield _rule(rule)
    if table.most_body_bytes is not None:
        yield f"A whole request is at most {_bytes(table.most_body_bytes)}."


def _rule(rule: Rule) -> str:
    this = f"`{rule.field}`" if rule.values is None else f"`{rule.field}` {choice(rule.values)}"
    said = []
    if rule.needs:
        said.append(f"needs {choice(f'`{field}`' for field in rule.needs)} beside it")
    if rule.forbids:
        said.append(f"can't go together with {choice(f'`{field}`' for field in rule.forbids)}")
    return f"{this} {listing(said)}."


def _inputs(table: Capabilities) -> str:
    if not table.inputs:
        return ""
    body = (
        [medium, ", ".join(_WAYS[way] for way in limits.ways), "; ".join(_limits(limits)) or "nothing said"]
        for medium, limits in table.inputs.items()
    )
    return _grid(["input", "given as", "limits"], body)


def _limits(limits: InputLimits) -> Iterator[str]:
    yield from _files(limits)
    if limits.total_bytes is not None:
        yield f"{_bytes(limits.total_bytes)} together"
    if limits.uploaded is not None:
        yield f"uploaded: {', '.join(_files(limits.uploaded))}"
    for span, unit in (
        (limits.seconds, "s"),
        (limits.total_seconds, "s together"),
        (limits.sides, "px a side"),
        (limits.pixels, "pixels"),
        (limits.frame_rate, "frames a second"),
    ):
        if span != Between():
            yield f"{_between(span)} {unit}"
    if limits.shape is not None:
        yield f"width by height above {limits.shape.above:g} and below {limits.shape.below:g}"


def _files(files: Files) -> Iterator[str]:
    if files.types:
        yield choice(files.types)
    if files.most_bytes is not None:
        yield f"{_bytes(files.most_bytes)} each"


def _options(table: Capabilities) -> str:
    if not table.options:
        return "`provider_options`: none.\n"
    body = ([f"`{name}`", _option(option)] for name, option in table.options.items())
    return _grid(["`provider_options`", ""], body)


def _option(option: Option) -> str:
    if option.choices:
        return choice(option.choices)
    said = option.type.replace("_", " ")
    if option.least is not None or option.most is not None:
        said += f", {_bounds(Bounds(least=option.least, most=option.most))}"
    if option.longest is not None:
        said += f", at most {option.longest} characters"
    return said


def _prices(prices: PriceTable) -> str:
    said = [f"Prices, read {prices.read}: {_sentence(prices.source or '')}"]
    if prices.note:
        said.append(_sentence(prices.note))
    text = "\n".join(said) + "\n"
    if not prices.rates:
        return text
    body = (
        [
            f"`{rate.model}`" if rate.model else "any",
            ", ".join(rate.resolutions) or "any other",
            {True: "with", False: "without", None: "any"}[rate.reference_video],
            _rate(rate, prices.currency),
            rate.basis,
        ]
        for rate in prices.rates
    )
    return (
        f"{text}\nThe first row that fits a take is its price.\n\n"
        f"{_grid(['model', 'resolution', 'reference video', 'price', ''], body)}"
    )


def _rate(rate: Rate, currency: str) -> str:
    if rate.per_second is not None:
        said = f"{rate.per_second} {currency} a second"
    elif rate.per_million_tokens is not None:
        said = f"{rate.per_million_tokens} {currency} per million tokens"
    else:
        said = f"{rate.per_take} {currency} a take"
    if rate.times != 1:
        said += f" x {rate.times}"
    return said + (f", and {rate.input_seconds} s on top" if rate.input_seconds else "")


def _price_in_short(prices: PriceTable) -> str:
    bases = sorted({rate.basis for rate in prices.rates})
    return f"{prices.currency}, {' and '.join(bases)}" if bases else "unknown"


def _resolutions(table: Capabilities, name: str) -> str:
    model = table.models.get(name)
    return ", ".join(model.resolutions) if model else "no"


def _modes_of(field: str, table: Capabilities) -> str:
    modes = [mode for mode, fields in table.modes.items() if field in fields]
    return "all" if len(modes) == len(table.modes) else ", ".join(modes) or "none"


def _endpoint(name: str | None) -> str:
    return f"`{name}`" if name is not None else "no"


def _durations(durations: Durations) -> str:
    return f"{durations.least} to {durations.most}{' or auto' if durations.auto else ''}"


def _prompt(table: Capabilities) -> str:
    said = []
    if table.longest_prompt is not None:
        said.append(f"at most {table.longest_prompt} characters")
    if table.longest_chinese is not None:
        said.append(f"at most {table.longest_chinese} Chinese characters")
    if table.most_words is not None:
        said.append(f"at most {table.most_words} words")
    return " and ".join(said) or "of any length"


def _references(table: Capabilities) -> str:
    counts = table.references
    media = (
        ("images", counts.reference_images),
        ("videos", counts.reference_videos),
        ("audio", counts.reference_audio),
    )
    said = ", ".join(f"{count} {what}" for what, count in media if count)
    return f"{said}, {counts.total} in all" if said else "none"


def _bounds(bounds: Bounds) -> str:
    if bounds.least is None and bounds.most is None:
        return "any whole number"
    return (
        f"{bounds.least if bounds.least is not None else 'any'} to {bounds.most if bounds.most is not None else 'any'}"
    )


def _between(span: Between) -> str:
    if span.least is None or span.most is None:
        return f"at most {_number(span.most)}" if span.least is None else f"at least {_number(span.least)}"
    return f"{_number(span.least)} to {_number(span.most)}"


def _number(value: float | None) -> str:
    return f"{value:,.10g}"


def _bytes(count: int) -> str:
    return f"{count / 1_000_000:.3g} MB"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith(".") else f"{text}."


def _grid(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(cell or ' ' for cell in row)} |\n" for row in rows)


def main(arguments: Sequence[str]) -> None:
    """Write the page to the file that is named, or to standard output."""
    if arguments:
        Path(arguments[0]).write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())


if __name__ == "__main__":
    main(sys.argv[1:])
