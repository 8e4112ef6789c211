"""Prompt templates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.fields.templates import Template, TemplateError


@pytest.mark.parametrize(
    ("text", "variables", "filled"),
    [
        ("plain", (), "plain"),
        ("{a}{b}{a}", ("a", "b"), "1{b}1"),
        ("{{a}} {a}", ("a",), "{a} 1"),
        ("{{{a}}}", ("a",), "{1}"),
        ("{ort_2} {地点}", ("ort_2", "地点"), "x y"),
    ],
)
def test_filling(text: str, variables: tuple[str, ...], filled: str) -> None:
    template = Template.parse(text)
    assert template.variables == variables
    assert template.fill({"a": 1, "b": "{b}", "ort_2": "x", "地点": "y"}) == filled


def test_a_boolean_is_spelled_as_in_yaml() -> None:
    assert Template.parse("{a} {b}").fill({"a": True, "b": 0.5}) == "true 0.5"


@given(st.text())
def test_doubled_braces_give_back_any_text(text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert Template.parse(doubled).fill({}) == text


@given(st.text(alphabet="{}a ", max_size=12))
def test_any_text_is_filled_or_refused(text: str) -> None:
    try:
        template = Template.parse(text)
    except TemplateError as error:
        assert "brace" in str(error) or "blanks" in str(error)
    else:
        filled = template.fill(dict.fromkeys(template.variables, "A"))
        assert filled.count("A") == len(template.pieces) // 2
