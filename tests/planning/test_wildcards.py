"""Wildcards in prompts, against expansions that were done by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.errors import ManifestError
from jobs.reading.manifests import draft
from jobs.takes.expansion import Expansion

HEAD = "batch: wild\nprovider: fal\nmodel: seedance-2.0-fast\ndefaults: {duration: 5}\nshots:\n"


def prompts(prompt: str, more: str = "", folder: Path | None = None) -> list[str]:
    text = f"{HEAD}  - name: one\n    prompt: {prompt!r}\n{more}"
    return [take.asked.prompt for take in Expansion(draft(text, "wild.yaml", folder=folder).whole())]


def refusal(prompt: str, more: str = "", folder: Path | None = None) -> str:
    with pytest.raises(ManifestError) as caught:
        prompts(prompt, more, folder)
    return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wildcards" / "sky").mkdir(parents=True)
    (tmp_path / "wildcards" / "colours.txt").write_text("# of the coat\nred\n\n  golden \n3::{dark|light} brown\n")
    (tmp_path / "wildcards" / "sky" / "night.txt").write_text("stars over {{braces}}\n__colours__ clouds\n")
    (tmp_path / "wildcards" / "round.txt").write_text("a __round__\n")
    return tmp_path


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a {red|blue} dog", ["a red dog", "a blue dog"]),
        ("{a|b} {c|d}", ["a c", "a d", "b c", "b d"]),
        ("a { red | blue} dog", ["a red dog", "a blue dog"]),
        ("{a|{b|c} d}", ["a", "b d", "c d"]),
        ("{{a|b} x|c}", ["a x", "b x", "c"]),
        ("x {|very }big", ["x big", "x verybig"]),
        ("{2$$a|b|c}", ["a,b", "a,c", "b,a", "b,c", "c,a", "c,b"]),
        ("{2$$ and $$a|b}", ["a and b", "b and a"]),
        ("{1-2$$+$$a|b}", ["a", "b", "a+b", "b+a"]),
        ("{-1$$a|b}", ["a", "b"]),
        ("{2-$$a|b}", ["a,b", "b,a"]),
        ("{{literal}} {a|b}", ["{literal} a", "{literal} b"]),
        ("{a|{{b}}}", ["a", "{b}"]),
        ("{2::a|1::b}", ["a", "b"]),
        ("one | two", ["one | two"]),
        ("{a|a|b}", ["a", "b"]),
    ],
)
def test_all_that_a_wildcard_says_is_rendered_in_its_order(prompt: str, expected: list[str]) -> None:
    assert prompts(prompt) == expected


def test_a_file_gives_its_lines_and_those_of_the_files_in_it(folder: Path) -> None:
    assert prompts("__colours__ dog", folder=folder) == ["red dog", "golden dog", "dark brown dog", "light brown dog"]
    assert prompts("__sky/night__", folder=folder)[:2] == ["stars over {braces}", "red clouds"]
    assert len(prompts("{2$$__colours__}", folder=folder)) == 10
    assert prompts("__col*__", folder=folder) == prompts("__colours__", folder=folder)


def test_variables_and_wildcards_live_together_and_each_is_an_axis() -> None:
    sweep = "    sweep: {place: [sea, barn]}\n    combine: place\n"
    assert prompts("{a|b} at {place}", sweep) == ["a at sea", "b at sea", "a at barn", "b at barn"]


def test_the_name_of_a_take_tells_what_was_chosen() -> None:
    text = f"{HEAD}  - name: one\n    prompt: a {{red|blue}} dog\n"
    manifest = draft(text, "wild.yaml").whole()
    assert [take.name for take in Expansion(manifest)] == ["one/0001-red", "one/0002-blue"]
    assert manifest.shots[0].sweep == {"choice": ("red", "blue")}


def test_weights_are_those_of_the_axis_and_shared_by_what_is_nested() -> None:
    text = f"{HEAD}  - name: one\n    prompt: '{{2::a|{{b|c}}}}'\n    sample: 2\n"
    assert draft(text, "wild.yaml").whole().shots[0].sweep["choice"] == (
        {"value": "a", "weight": 2.0},
        {"value": "b", "weight": 0.5},
        {"value": "c", "weight": 0.5},
    )


def test_wildcards_of_a_swept_prompt_are_laid_out_in_it() -> None:
    text = f"{HEAD}  - name: one\n    sweep: {{prompt: ['a {{red|blue}} dog', a cat]}}\n"
    asked = [take.asked.prompt for take in Expansion(draft(text, "wild.yaml").whole())]
    assert asked == ["a red dog", "a blue dog", "a cat"]


def test_a_million_takes_of_wildcards_are_had_by_their_index() -> None:
    options = "|".join(str(number) for number in range(100))
    text = f"{HEAD}  - name: one\n    prompt: '{{{options}}} {{{options}}} {{{options}}}'\n"
    takes = Expansion(draft(text, "wild.yaml").whole())
    assert len(takes) == 1_000_000
    assert takes[734_112].asked.prompt == "73 41 12"


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("{a|{place}}", "can't stand within a wildcard"),
        ("{4$$a|b}", "there are too few"),
        ("{3-2$$a|b|c}", "runs backwards"),
        ("{0::a|b}", "never chosen"),
        ("{~a|b}", "sample says"),
        ("${x|y}", "isn't taken"),
        ("__round__", "leads back to itself"),
        ("__colour__", "did you mean"),
        ("__../secret__", "leads out"),
        ("__/etc/passwd__", "is not there"),
        ("{a|b", "has no partner"),
        ("{" + "{a|" * 20 + "b" + "}" * 21, "deep"),
        ("{9$$a|b|c|d|e|f|g|h|i}", "more than 200,000"),
    ],
)
def test_what_cannot_be_taken_is_said(prompt: str, said: str, folder: Path) -> None:
    assert said in refusal(prompt, folder=folder)


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.txt"
    secret.write_text("key\n")
    (folder / "wildcards" / "link.txt").symlink_to(secret)
    assert "leads out" in refusal("__link__", folder=folder)


def test_files_are_not_looked_for_without_a_folder() -> None:
    assert "no folder" in refusal("__colours__")
