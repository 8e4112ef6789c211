"""What the page is given, and that nothing in it can run."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from shown_batch import MakeShown, reused, seeds, shot

from workers.gallery import page
from workers.gallery.data import Row
from workers.gallery.page import SCRIPTS, STYLES, fingerprint_of, in_html, write_page

HOSTILE = "</script><script>alert(1)</script><!-- <b> & \" ' \u2028 夜 %data% %script%"


class Elements(HTMLParser):
    """The elements of a page, with their attributes and the text in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.within = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), ""))
        self.within = True

    def handle_endtag(self, tag: str) -> None:
        self.within = False

    def handle_data(self, data: str) -> None:
        if self.within:
            tag, attributes, text = self.found[-1]
            self.found[-1] = tag, attributes, text + data

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, text) for name, attributes, text in self.found if name == tag]


def rows(data: dict[str, Any]) -> list[Row]:
    found: list[Row] = data["takes"]
    return found


def test_what_many_share_is_said_once(shown: MakeShown) -> None:
    batch = shown(shot(prompt="A dog in {place}", sweep={"place": ["rye", "wheat"], "seed": [1, 2]}))
    for index in range(4):
        batch.done(index)
    data = batch.data()
    assert data["prompts"] == ["A dog in rye", "A dog in wheat"]
    assert [row.prompt for row in rows(data)] == [0, 0, 1, 1]
    assert len(data["params"]) == len(data["videos"]) == len(data["shots"]) == 1
    assert data["params"][0] == {
        "model": "seedance-2.0-fast",
        "duration": 4,
        "resolution": "480p",
        "aspect_ratio": "16:9",
    }
    assert (rows(data)[0].rendered, rows(data)[0].stored, rows(data)[0].seconds) == (41.2, 44.0, 4.0)


def test_values_stand_in_the_order_of_the_manifest_and_numbers_by_size(shown: MakeShown) -> None:
    sweep = {"light": ["dusk", "dawn", "noon"], "seed": [30, 4, 100]}
    data = shown(shot(prompt="{light}", sweep=sweep)).data()
    assert data["axes"] == [["light", ["dusk", "dawn", "noon"]], ["seed", [4, 30, 100]]]
    assert rows(data)[0].axes == (0, 1)


@pytest.mark.parametrize(
    ("mix", "together"),
    [
        ({"combine": "(place, light) * seed"}, [["place", "light"]]),
        ({"combine": "place * light * seed"}, []),
        ({"combine": "(place, light) * seed + place * light"}, []),
    ],
)
def test_axes_that_go_at_once_are_one(shown: MakeShown, mix: dict[str, Any], together: list[list[str]]) -> None:
    sweep = {"place": ["rye", "wheat"], "light": ["dawn", "dusk"], "seed": [1, 2]}
    data = shown(shot(prompt="{place} {light}", sweep=sweep, **mix)).data()
    assert data["shots"][0]["together"] == together


def test_the_columns_of_a_row_of_values_are_one(shown: MakeShown) -> None:
    dogs = [{"name": "Rex", "place": "barn"}, {"name": "Max", "place": "sea"}]
    data = shown(shot(prompt="{name} {place}", sweep={"dog": dogs, "seed": [1, 2]})).data()
    assert data["shots"][0]["together"] == [["name", "place"]]


def test_sums_are_exact_and_what_is_not_known_is_not_zero(shown: MakeShown) -> None:
    batch = shown(seeds(4))
    for index in range(3):
        batch.done(index)
    batch.done(3, cost={"amount": None, "currency": None})
    data = batch.data()
    assert data["spent"] == [["0.3", "USD"]]
    assert rows(data)[3].cost is None


def test_what_few_takes_have(shown: MakeShown) -> None:
    batch = shown()
    batch.done(0, warnings=("short",), **reused("day", "opening/0009"))
    batch.ended(1, "invalid", "no such size")
    done, failed, waiting = rows(batch.data())
    assert done.more == {"warnings": ("short",), "reused": "day/opening/0009"}
    assert failed.more == {"why": "no such size", "kind": "invalid"}
    assert waiting.more is None


def test_the_same_batch_makes_the_same_bytes(shown: MakeShown) -> None:
    batch = shown()
    batch.done(0)
    assert write_page(batch.data(), fingerprint="f") == write_page(batch.data(), fingerprint="f")


def test_nothing_in_a_prompt_is_more_than_text(shown: MakeShown) -> None:
    batch = shown(shot(prompt="{{" + HOSTILE + "}}", sweep={"seed": [1, 2]}))
    batch.ended(1, "invalid", HOSTILE)
    text = write_page(batch.data())["gallery.html"].decode()
    elements = Elements(text)
    (data, told), (script, _) = elements.all("script")
    assert (data, script) == ({"type": "application/json", "id": "data"}, {})
    assert HOSTILE in json.loads(told)["prompts"][0]
    assert "<" not in told
    assert "\u2028" not in told
    assert "alert(1)" not in text.replace(told, "")


def test_the_policy_knows_the_script_and_the_style_and_nothing_else(shown: MakeShown) -> None:
    elements = Elements(write_page(shown().data())["gallery.html"].decode())
    (policy,) = [each["content"] for each, _ in elements.all("meta") if each.get("http-equiv")]
    assert policy is not None
    told = {name: rest for name, _, rest in (part.partition(" ") for part in policy.split("; ")) if name}
    script, style = elements.all("script")[1][1], elements.all("style")[0][1]
    for name, text in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert told[name] == f"'sha256-{digest}'"
    assert (told["default-src"], told["connect-src"], told["base-uri"]) == ("'none'", "'none'", "'none'")
    assert told["media-src"] == "'self' file: blob:"


def test_only_a_page_that_is_served_may_send_anything(shown: MakeShown) -> None:
    data = {**shown().data(), "serve": "token"}
    assert "connect-src &#x27;self&#x27;" in write_page(data)["gallery.html"].decode()


def test_the_page_names_no_other_place(shown: MakeShown) -> None:
    text = write_page(shown().data())["gallery.html"].decode()
    assert set(re.findall(r"https?://[^\s\"')]+", text)) == {"http://www.w3.org/2000/svg"}, "the name of SVG"
    assert not re.search(r"\b(src|href)=\"(?!#|data:)", text)


def test_a_large_batch_has_its_rows_beside_the_page(shown: MakeShown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_IN_ONE", 2)
    files = write_page(shown(seeds(5, prompt="</script>")).data())
    assert sorted(files) == ["gallery-data-0.js", "gallery-data-1.js", "gallery-data-2.js", "gallery.html"]
    elements = Elements(files["gallery.html"].decode())
    data = json.loads(elements.all("script")[0][1])
    assert (data["parts"], data["takes"]) == (3, [])
    assert "'strict-dynamic'" in files["gallery.html"].decode().replace("&#x27;", "'")
    last = files["gallery-data-2.js"].decode()
    assert re.fullmatch(r"rushesRows\(2,\[\[.*\]\]\);\n", last)


def test_the_fingerprint_is_read_back_and_not_that_of_another_version(shown: MakeShown) -> None:
    body = write_page(shown().data(), fingerprint="abc")["gallery.html"]
    assert fingerprint_of(body) == "abc"
    assert fingerprint_of(body.replace(b'content="Rushes ', b'content="Rushes 0')) is None
    assert fingerprint_of(b"<html>") is None


def test_every_part_of_the_page_is_used() -> None:
    folder = Path(page.__file__).parent / "page"
    assert {path.stem for path in folder.glob("js/*.js")} == set(SCRIPTS)
    assert {path.stem for path in folder.glob("css/*.css")} == set(STYLES)


def test_json_in_a_page_has_no_number_that_json_lacks() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        in_html(float("nan"))
