"""How long a prompt is, in each of the ways in which providers count."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from jobs.capabilities import Capabilities
from jobs.checks.values import allowed_by
from jobs.faults import Fault, Loc
from jobs.fields.templates import Template, as_text
from jobs.manifest import Shot
from jobs.sweeps.space import COULD_BE, NOBODY, Samples, Space
from jobs.takes import Asked

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
# Han characters with their punctuation, and what is written as wide beside them.
_CHINESE = re.compile("[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


def chinese_characters(text: str) -> int:
    """How many characters of `text` are Chinese, punctuation included."""
    return len(_CHINESE.findall(text))


def words(text: str) -> int:
    """How many words `text` has: what stands between blanks and Han characters."""
    return len(_HAN.sub(" ", text).split())


class _Limit(NamedTuple):
    """One limit of a provider's. `orders` are the measures by which one value of a variable outgrows another."""

    most: int
    unit: str
    measure: Callable[[str], int]
    orders: tuple[Callable[[str], int], ...]


def prompt_messages(prompt: str, table: Capabilities) -> Iterator[str]:
    """What is too long about a prompt for the table's provider."""
    for limit in _limits(table):
        length = limit.measure(prompt)
        if length > limit.most:
            yield f"a prompt of {_said(length, limit, table)}"


def prompt_faults(at: int, shot: Shot, space: Space, table: Capabilities) -> Iterator[Fault]:
    """Prompts of the shot at `at`, of which `space` is the space, that become too long with some values."""
    for limit in _limits(table):
        found: dict[Loc, int] = {}
        for swept in space.parts(NOBODY):
            for loc, length in _longest(shot, swept, limit):
                found[loc] = max(length, found.get(loc, 0))
        too_long = {loc: length for loc, length in found.items() if length > limit.most}
        if too_long and not space.is_product:
            # The longest values need not stand together.
            exact = _looked_at(shot, space, limit)
            if exact is None:
                yield from (_fault(at, loc, length, limit, table, f" ({COULD_BE})") for loc, length in too_long.items())
                continue
            too_long = {loc: exact.get(loc, 0) for loc in too_long if exact.get(loc, 0) > limit.most}
        yield from (_fault(at, loc, length, limit, table) for loc, length in too_long.items())


def _longest(shot: Shot, swept: Samples, limit: _Limit) -> Iterator[tuple[Loc, int]]:
    """How long the prompts get with the longest of the values in `swept`."""
    longest = [
        {
            name: max((as_text(value) for _, value in values), key=order)
            for name, values in swept.items()
            if name not in Asked.model_fields
        }
        for order in limit.orders
    ]
    for loc, prompt in _prompts(shot, swept):
        template = Template.parse(prompt)
        yield loc, max(limit.measure(template.fill(values)) for values in longest)


def _looked_at(shot: Shot, space: Space, limit: _Limit) -> dict[Loc, int] | None:
    """How long the prompts get, by looking at each; None when there are too many."""
    variables = [name for name in shot.axes() if name not in Asked.model_fields]
    cells = space.tally(["prompt", *variables])
    if cells is None:
        return None
    found: dict[Loc, int] = {}
    places = {prompt: loc for part in space.parts(NOBODY) for loc, prompt in _prompts(shot, part)}
    for cell, _ in cells:
        prompt = str(cell.get("prompt", shot.prompt))
        length = limit.measure(Template.parse(prompt).fill(cell))
        found[places[prompt]] = max(length, found.get(places[prompt], 0))
    return found


def _prompts(shot: Shot, swept: Samples) -> Iterator[tuple[Loc, str]]:
    if "prompt" in swept:
        yield from ((loc, str(value)) for loc, value in swept["prompt"])
    elif shot.prompt is not None:
        yield ("prompt",), shot.prompt


def _fault(at: int, loc: Loc, length: int, limit: _Limit, table: Capabilities, also: str = "") -> Fault:
    return Fault(("shots", at, *loc), f"a prompt of up to {_said(length, limit, table)}{also}")


def _limits(table: Capabilities) -> Iterator[_Limit]:
    if table.longest_prompt is not None:
        yield _Limit(table.longest_prompt, "characters", len, (len,))
    if table.longest_chinese is not None:
        yield _Limit(table.longest_chinese, "Chinese characters", chinese_characters, (chinese_characters,))
    if table.most_words is not None:
        # Between letters a blank makes two words of one, and beside a blank it makes none.
        yield _Limit(table.most_words, "words", words, (words, lambda value: words(f"x{value}x")))


def _said(length: int, limit: _Limit, table: Capabilities) -> str:
    return f"{length} {limit.unit}; {limit.most} is the most that {allowed_by(table, None)}"
