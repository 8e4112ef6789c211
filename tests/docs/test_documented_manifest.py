"""The manifests in the documents are manifests, and are what is said of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import DESIGN, PAGES, README, REFERENCE, ROOT, blocks, spans, text_of

from jobs.errors import ManifestError
from jobs.manifest import Fields, Manifest
from jobs.planning.plan import plan
from jobs.reading.loading import load
from jobs.takes.expansion import Expansion

BAD = """\
batch: sunflowers
provider: fal
model: seedance-2.0-fast
shots:
  - name: opening
    promt: A dog in {place}
    duration: 17
    sweep: {place: [sunflowers, wheat], seed: 8..1}
"""


MANIFEST = ROOT / "docs/manifest.md"
STORE = ROOT / "docs/store.md"


def loaded(page: Path, folder: Path) -> Manifest:
    written = blocks(page, "yaml")[0]
    (folder / "night.yaml").write_text(written)
    return load(folder / "night.yaml")


@pytest.mark.parametrize("page", [README, MANIFEST, DESIGN], ids=lambda page: str(page.relative_to(ROOT)))
def test_the_manifest_can_be_rendered(page: Path, tmp_path: Path) -> None:
    assert Expansion(loaded(page, tmp_path)).total > 1


def test_the_terms_that_are_shown_are_those_of_a_batch(tmp_path: Path) -> None:
    [written] = blocks(ROOT / "docs/money.md", "yaml")
    (tmp_path / "night.yaml").write_text(written)
    manifest = load(tmp_path / "night.yaml")
    for name in ("budget", "price", "max_failures", "deadline", "on_doubt"):
        assert getattr(manifest, name) is not None, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_manifest_that_is_whole_can_be_planned(page: Path, tmp_path: Path) -> None:
    """Those that name a table or files of the reader's own are not whole by themselves."""
    for written in blocks(page, "yaml"):
        if written.startswith("batch:") and "\nshots:\n" in written and "_image: stills/" not in written:
            (tmp_path / "night.yaml").write_text(written)
            assert plan(load(tmp_path / "night.yaml")).takes > 0, written


@pytest.mark.parametrize("page", [README, MANIFEST], ids=lambda page: page.name)
def test_the_takes_are_counted_as_they_are(page: Path, tmp_path: Path) -> None:
    opening = loaded(page, tmp_path).shots[0]
    told = re.search(r"# ([\d x]+) = (\d+) takes", text_of(page))
    assert told is not None
    assert [int(count) for count in told[1].split(" x ")] == [axis.count for axis in opening.axes().values()]
    assert int(told[2]) == opening.count()


def test_takes_are_named_as_they_are(tmp_path: Path) -> None:
    expansion = Expansion(loaded(MANIFEST, tmp_path))
    named = re.findall(r"^ +sunflowers/(\S+?)\.(?:mp4|last\.png|receipt\.json) ", text_of(STORE), re.MULTILINE)
    assert len(named) == 3
    assert all(expansion.find(name) is not None for name in named), named


def test_every_field_is_told() -> None:
    for page in (MANIFEST, REFERENCE / "manifest.md"):
        assert set(Fields.model_fields) <= set(spans(text_of(page)))


def test_it_is_shown_what_is_printed_of_a_wrong_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text(BAD)
    with pytest.raises(ManifestError) as caught:
        load(Path("bad.yaml"))
    shown = re.search(r"^( +)rushes: (bad\.yaml: .*\n(?:\1  .*\n)+)", text_of(MANIFEST), re.MULTILINE)
    assert shown is not None
    assert shown[2].replace("\n" + shown[1], "\n").rstrip("\n") == str(caught.value)
