"""Input that is out of all proportion is refused by counting, so no time has to be measured here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import ManifestError
from jobs.faults import MOST_COMPARISONS, did_you_mean, few_guesses, nearest
from jobs.fields.templates import Template, TemplateError
from jobs.reading.loading import load_text, load_with_inputs
from jobs.reading.nodes import DEEPEST, NotYaml, compose
from jobs.sweeps.reading import MOST_AXES
from jobs.tables import TableHead
from jobs.takes.expansion import Expansion
from jobs.wildcards.grammar import LONGEST, MOST_WILDCARDS, WildcardError, parse

HEAD = "batch: b\nprovider: fal\nmodel: seedance-2.0-fast\n"


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many words each guess was looked for among."""
    counted: list[int] = []
    really = difflib.get_close_matches

    def counting(word: str, words: Iterable[str], n: int, cutoff: float) -> list[str]:
        among = list(words)
        counted.append(len(among))
        return really(word, among, n, cutoff)

    monkeypatch.setattr(difflib, "get_close_matches", counting)
    return counted


def refused(text: str) -> list[str]:
    with pytest.raises(ManifestError) as found:
        load_text(text, "night.yaml")
    return [problem.message for problem in found.value.problems]


def test_of_thousands_of_unknown_keys_the_first_are_guessed_at(compared: list[int]) -> None:
    keys = "".join(f"    sead{at}: 1\n" for at in range(3_000))
    said = refused(f"{HEAD}shots:\n  - name: a\n    prompt: x\n{keys}")
    assert len(said) == 3_000
    assert said[0] == "unknown key 'sead0'; did you mean 'seed'?"
    assert said[-1].startswith("unknown key 'sead2999'; known here: ")
    assert sum(compared) < MOST_COMPARISONS + 500


def test_of_thousands_of_links_to_nowhere_the_first_are_guessed_at(compared: list[int]) -> None:
    shots = "".join(f"  - {{name: shot-{at}, prompt: x, start_image: nowhere{at}.last_frame}}\n" for at in range(1_000))
    assert len(refused(f"{HEAD}shots:\n{shots}")) == 1_000
    assert sum(compared) < MOST_COMPARISONS + 500


def test_a_sweep_has_as_many_axes_as_can_be_followed() -> None:
    def swept(count: int) -> str:
        axes = ", ".join(f"v{at}: [a]" for at in range(count))
        prompt = "".join(f"{{v{at}}}" for at in range(count))
        return f"{HEAD}shots:\n  - name: a\n    prompt: '{prompt}'\n    sweep: {{{axes}}}\n"

    assert refused(swept(MOST_AXES + 1)) == [f"{MOST_AXES + 1} axes are too many; {MOST_AXES} is the most"]
    manifest = load_text(swept(MOST_AXES), "night.yaml")
    assert Expansion(manifest)[0].asked.prompt == "a" * MOST_AXES


def test_a_guess_that_was_made_costs_nothing_more(compared: list[int]) -> None:
    with few_guesses(), few_guesses():
        assert {did_you_mean("sead", ("seed", "prompt")) for _ in range(100)} == {"; did you mean 'seed'?"}
    assert compared == [2]
    assert nearest("sead", ("seed", "prompt")) == "seed"
    assert nearest("sead", ("prompt",)) is None


@pytest.mark.parametrize("opening", ["[", "{", "{a: ", "[{a: ["])
def test_what_is_nested_without_end_is_refused_where_it_gets_too_deep(opening: str) -> None:
    with pytest.raises(NotYaml, match=f"more than {DEEPEST} deep"):
        compose(opening * 100_000)


def test_a_prompt_of_many_wildcards_is_refused() -> None:
    with pytest.raises(WildcardError, match=f"more than {MOST_WILDCARDS} wildcards"):
        parse("{a|b}" * (MOST_WILDCARDS + 1))
    assert len(parse("{a|b}" * MOST_WILDCARDS)) == MOST_WILDCARDS
    with pytest.raises(WildcardError, match="too many for a text with wildcards"):
        parse("a|b" * LONGEST)


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ('prompt: "a\\0b"', "shots[0].prompt"),
        ('prompt: "{v}"\n    sweep: {v: ["a\\0"]}', "shots[0].sweep.v[0]"),
        ('prompt: x\n    model: "\\0"', "shots[0].model"),
    ],
)
def test_a_nul_is_no_text(written: str, place: str) -> None:
    with pytest.raises(ManifestError) as found:
        load_text(f"{HEAD}shots:\n  - name: a\n    {written}\n", "night.yaml")
    (problem,) = found.value.problems
    assert (problem.place, problem.message.endswith("holds a NUL, the character of no text; take it away")) == (
        place,
        True,
    )


def test_a_nul_in_a_table_is_no_text(tmp_path: Path) -> None:
    table = tmp_path / "list.jsonl"
    table.write_text('{"prompt": "a\\u0000b"}\n')
    with pytest.raises(ManifestError, match="holds a NUL"):
        load_with_inputs(table, TableHead(provider="fal", model="seedance-2.0-fast"))


def test_what_is_rendered_for_each_of_others_is_no_sample() -> None:
    shots = "  - {name: a, prompt: x, sweep: {seed: 1..4}}\n  - {name: b, prompt: y, for_each: a, sample: 3}\n"
    assert refused(f"{HEAD}shots:\n{shots}") == ["what is rendered for each take of a can't be a sample; sample there"]


BRACES = st.text(st.sampled_from("{}|$:_-~@!%.,ab12 *\\"), max_size=40)


@settings(max_examples=300)
@given(BRACES)
def test_any_text_is_taken_apart_or_refused_as_wildcards(text: str) -> None:
    try:
        parts = parse(text)
    except WildcardError as error:
        assert str(error)
        return
    plain = "".join(part.text for part in parts if hasattr(part, "text"))
    assert len(plain) <= len(text)


@settings(max_examples=150)
@given(BRACES, st.sampled_from(["prompt: '{}'", "prompt: x\n    sweep: {{prompt: ['{}', y]}}"]))
def test_any_prompt_is_a_manifest_or_a_list_of_what_is_wrong(text: str, written: str) -> None:
    shot = written.format(text.replace("'", "''"))
    try:
        manifest = load_text(f"{HEAD}shots:\n  - name: a\n    {shot}\n", "night.yaml")
    except ManifestError as error:
        assert all(problem.message for problem in error.problems)
        return
    assert manifest.shots[0].count() >= 1


@settings(max_examples=200)
@given(st.text(st.sampled_from("{}ab é"), max_size=30))
def test_a_template_says_the_same_as_its_text(text: str) -> None:
    try:
        template = Template.parse(text)
    except TemplateError as error:
        assert str(error)
        return
    filled = template.fill(dict.fromkeys(template.variables, "{}"))
    again = "".join(
        f"{{{piece}}}" if at % 2 else piece.replace("{", "{{").replace("}", "}}")
        for at, piece in enumerate(template.pieces)
    )
    assert again == text
    assert filled.count("{}") >= len(template.variables)
