"""How long a prompt is, in each of the ways in which providers count."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from jobs.capabilities import Capabilities
from jobs.faults import Fault, Loc
from jobs.manifest import Shot
from jobs.sweep import axis
from jobs.takes import Asked
from jobs.templates import Template, as_text
from jobs.values import allowed_by

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


def prompt_faults(at: int, shot: Shot, table: Capabilities) -> Iterator[Fault]:
    """Prompts of the shot at `at` that become too long with the longest value of every variable."""
    axes = {name: axis(written) for name, written in shot.sweep.items()}
    variables = {name: values for name, values in axes.items() if name not in Asked.model_fields}
    prompts: list[tuple[Loc, str]] = []
    if "prompt" in axes:
        prompts += ((("sweep", "prompt", *step), str(value)) for step, value in axes["prompt"].samples())
    elif shot.prompt is not None:
        prompts.append((("prompt",), shot.prompt))
    for limit in _limits(table):
        longest = [
            {
                name: max((as_text(value) for _, value in values.samples()), key=order)
                for name, values in variables.items()
            }
            for order in limit.orders
        ]
        for loc, prompt in prompts:
            template = Template.parse(prompt)
            length = max(limit.measure(template.fill(values)) for values in longest)
            if length > limit.most:
                yield Fault(("shots", at, *loc), f"a prompt of up to {_said(length, limit, table)}")


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
