"""Reading the user's own table of prices.

provider: cloudflare
currency: USD
source: our dashboard
read: 2026-12-01
rates:
  - {model: seedance-2.0-fast, resolutions: [720p], per_second: 0.25, basis: exact}
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from jobs.capabilities import Capabilities, capabilities, known_providers
from jobs.errors import ManifestError, PricesError, Problem
from jobs.faults import Fault, Loc, choice, did_you_mean, shown
from jobs.prices.table import PriceTable, Rate
from jobs.reading.document import Document, parse
from jobs.reading.files import read_text


def read_prices(path: Path) -> PriceTable:
    """The table in the YAML file at `path`. Raises `jobs.errors.PricesError` with everything that is wrong."""
    try:
        return parse_prices(read_text(path), str(path))
    except ManifestError as error:
        raise PricesError(error.source, error.problems) from None


def parse_prices(text: str, source: str) -> PriceTable:
    """The table in `text`; `source` is what messages call it. Raises `jobs.errors.PricesError`."""
    try:
        document = parse(text or "{}", source, as_written=lambda loc: False)
    except ManifestError as error:
        raise PricesError(source, error.problems) from None
    if not isinstance(document.data, dict):
        raise PricesError(source, [Problem("", "a table of prices is a mapping, with  provider: NAME  at its top")])
    table = _validated(document)
    if table is not None:
        for fault in _unknown(table):
            document.blame(*fault)
    if table is None or document.problems:
        raise PricesError(source, sorted(document.problems.values(), key=lambda problem: problem.line or 0))
    return table


def _validated(document: Document) -> PriceTable | None:
    try:
        return PriceTable.model_validate(document.data)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            loc: Loc = details["loc"]
            cause = details.get("ctx", {}).get("error")
            match details["type"]:
                case "extra_forbidden":
                    keys = tuple(Rate.model_fields if loc[:1] == ("rates",) else PriceTable.model_fields)
                    hint = did_you_mean(str(loc[-1]), keys) or f"; known here: {', '.join(keys)}"
                    message = f"unknown key {shown(loc[-1])}{hint}"
                case "missing":
                    message = f"missing: {_NEEDED.get(str(loc[-1]), 'a table needs it')}"
                case "literal_error":
                    message = f"{shown(details['input'])} is not {details['ctx']['expected']}"
                case "date_from_datetime_parsing":
                    message = f"{shown(details['input'])} is not a date; write it as 2026-12-01"
                case _:
                    message = str(cause) if cause else f"{shown(details['input'])} doesn't fit: {details['msg']}"
            document.blame(loc, message)
        return None


def _unknown(table: PriceTable) -> Iterator[Fault]:
    """Names that no provider, or not this one, knows: a price under them would never be found."""
    providers = known_providers()
    if table.provider not in providers:
        hint = did_you_mean(table.provider, providers) or f"; known: {choice(providers)}"
        yield Fault(("provider",), f"unknown provider {shown(table.provider)}{hint}")
        return
    known: Capabilities = capabilities(table.provider)
    for at, rate in enumerate(table.rates):
        if rate.model is not None and rate.model not in known.models:
            hint = did_you_mean(rate.model, known.models) or f"; it has {choice(known.models)}"
            yield Fault(("rates", at, "model"), f"{table.provider} has no model {shown(rate.model)}{hint}")
            continue
        taken = known.resolutions_of(rate.model)
        for place, resolution in enumerate(rate.resolutions):
            if resolution not in taken:
                message = f"{shown(resolution)} is not a resolution of its: {choice(taken)}"
                yield Fault(("rates", at, "resolutions", place), message)


_NEEDED = {
    "provider": "whose prices these are",
    "currency": "USD, CNY or credits",
    "basis": "exact, or estimate where you worked it out",
}
