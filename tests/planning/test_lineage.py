"""Editing a manifest: what stays keeps its place and its name for ever, what is new comes after all else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import ManifestError
from jobs.manifest import Defaults, Manifest, Shot
from jobs.takes import Take
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from jobs.takes.spans import Span
from jobs.takes.strands import strand_digest


def shot(name: str = "opening", **fields: Any) -> Shot:
    return Shot.model_validate({"name": name, "prompt": "A dog", **fields})


def manifest(*shots: Shot, **fields: Any) -> Manifest:
    return Manifest.model_validate({"batch": "b", "provider": "fal", "model": "seedance-2.0", "shots": shots} | fields)


def lineage(*manifests: Manifest) -> Lineage:
    found = Lineage.of(manifests[0])
    for each in manifests[1:]:
        found = found.grown(each)
    return found


def names(source: Manifest | Lineage) -> list[str]:
    return [take.name for take in Expansion(source)]


def everything(found: Expansion) -> list[Take]:
    return [found[index] for index in range(found.total)]


SEEDS = shot("opening", prompt="in {place}", sweep={"place": ("wheat", "rye"), "seed": "1..2"})
"""Four takes."""

wild_shots = st.builds(
    shot,
    st.sampled_from(["a", "A", "b", "c"]),
    prompt=st.sampled_from(["{x}", "in {x}"]),
    sweep=st.fixed_dictionaries(
        {"x": st.lists(st.sampled_from(["u", "v", "w"]), min_size=1, max_size=3, unique=True)},
        optional={"seed": st.sampled_from(["1..2", "1..3", [1, 2]])},
    ),
    duration=st.sampled_from([None, 4, 5]),
    retry_moderated=st.sampled_from([None, 1]),
)
wild_manifests = st.builds(
    manifest,
    st.just(shot("first")) | wild_shots,
    defaults=st.builds(Defaults, duration=st.sampled_from([None, 5]), resolution=st.sampled_from([None, "480p"])),
    last_frame=st.sampled_from([None, "provider"]),
    provider=st.sampled_from(["fal", "fal", "ark"]),
)
several_shots = st.lists(wild_shots, min_size=1, max_size=4, unique_by=lambda each: each.name.lower())
wild = st.builds(lambda base, shots: base.model_copy(update={"shots": tuple(shots)}), wild_manifests, several_shots)
edits = st.lists(wild, min_size=1, max_size=6)


class TestWhateverIsEdited:
    @given(edits)
    def test_no_take_ever_moves_or_changes_its_name(self, manifests: list[Manifest]) -> None:
        grown = Lineage.of(manifests[0])
        for each in manifests[1:]:
            before, after = Expansion(grown), Expansion(grown.grown(each))
            kept = [(take.index, take.number, take.name, take.shot, take.asked) for take in everything(before)]
            now = [(take.index, take.number, take.name, take.shot, take.asked) for take in everything(after)]
            assert now[: before.total] == kept
            assert after.lineage.extends(before.lineage)
            assert before.lineage.extends(after.lineage) == (after.total == before.total)
            grown = after.lineage

    @given(edits)
    def test_the_live_takes_are_those_of_the_last_manifest_alone(self, manifests: list[Manifest]) -> None:
        found = Expansion(lineage(*manifests))
        alone = list(Expansion(manifests[-1]))
        live = list(found)
        assert [(take.asked, take.shot, take.number, take.provider) for take in live] == [
            (take.asked, take.shot, take.number, take.provider) for take in alone
        ]
        assert [take.retry_moderated for take in live] == [take.retry_moderated for take in alone]
        assert found.manifest == manifests[-1]
        assert found.live_total == len(live)
        assert [index for span in found.live for index in range(span.start, span.end)] == [each.index for each in live]
        assert [index for index in range(-1, found.total + 1) if found.is_live(index)] == sorted(
            take.index for take in live
        )
        for each in manifests[-1].shots:
            span = found.shot_span(each.name)
            assert span is not None
            assert [take.index for take in live if take.shot == each.name] == list(range(*span))

    @given(edits)
    def test_names_are_unique_in_any_case_and_lead_back(self, manifests: list[Manifest]) -> None:
        found = Expansion(lineage(*manifests))
        takes = everything(found)
        assert len({take.name.lower() for take in takes}) == found.total == len(found)
        assert [found.find(take.name) for take in takes] == list(range(found.total))

    @given(edits)
    def test_the_frozen_form_comes_back_unchanged(self, manifests: list[Manifest]) -> None:
        found = lineage(*manifests)
        again = Lineage.from_json(found.to_json())
        assert again == found
        assert again.digest() == found.digest()
        assert everything(Expansion(again)) == everything(Expansion(found))

    @given(edits)
    def test_running_the_same_manifest_again_changes_nothing(self, manifests: list[Manifest]) -> None:
        found = lineage(*manifests)
        assert found.grown(manifests[-1]) == found


class TestWhatAnEditDoes:
    def test_an_added_value_makes_a_new_edition_after_all_else(self) -> None:
        before = manifest(SEEDS, shot("follow"))
        after = manifest(
            shot(**SEEDS.model_dump() | {"sweep": {"place": ("wheat", "rye"), "seed": "1..3"}}), before.shots[1]
        )
        found = Expansion(lineage(before, after))
        assert (found.total, found.live_total) == (11, 7)
        assert found.live == (Span(5, 11), Span(4, 5))
        assert found[5].name == "opening.2/0001-wheat-seed1"
        assert (found[5].edition, found[5].shot, found[5].number, found[0].edition) == (2, "opening", 1, 1)
        assert found[5].asked.identity() == found[0].asked.identity()
        assert names(found.lineage)[-1] == "follow/0001"
        assert found.shot_span("opening") == (5, 11)
        assert found.shot_span("opening.2") is None
        assert found.first_of(0).index == 5

    def test_another_order_of_shots_moves_nothing(self) -> None:
        shots = (SEEDS, shot("follow"), shot("last"))
        found = Expansion(lineage(manifest(*shots), manifest(*reversed(shots))))
        assert found.total == 6
        assert found.live == (Span(5, 6), Span(4, 5), Span(0, 4))
        assert [take.name for take in found][:3] == ["last/0001", "follow/0001", "opening/0001-wheat-seed1"]

    def test_a_new_prompt_is_a_new_edition_and_the_old_one_again_is_the_old_one(self) -> None:
        old, new = manifest(shot(prompt="A dog")), manifest(shot(prompt="A cat"))
        assert names(lineage(old, new)) == ["opening.2/0001"]
        assert names(lineage(old, new, old)) == ["opening/0001"]
        found = Expansion(lineage(old, new, old, manifest(shot(prompt="A cow"))))
        assert [take.name for take in everything(found)] == ["opening/0001", "opening.2/0001", "opening.3/0001"]
        assert [found.is_live(index) for index in range(3)] == [False, False, True]

    def test_a_shot_that_is_taken_away_is_withdrawn_and_still_there(self) -> None:
        found = Expansion(lineage(manifest(SEEDS, shot("follow")), manifest(shot("follow"))))
        assert names(found.lineage) == ["follow/0001"]
        assert found.find("opening/0004-rye-seed2") == 3
        assert not found.is_live(3)
        assert found.shot_span("opening") is None

    def test_a_name_in_another_case_is_another_edition(self) -> None:
        assert names(lineage(manifest(shot("Opening")), manifest(shot("opening")))) == ["opening.2/0001"]

    @pytest.mark.parametrize(
        "after",
        [
            manifest(shot(duration=5), model="seedance-2.0-fast"),
            manifest(shot(duration=5), provider="ark"),
            manifest(shot(duration=5), last_frame="provider"),
            manifest(shot(duration=5, resolution="480p")),
            manifest(shot(duration=5), defaults={"resolution": "480p"}),
            manifest(shot(duration=5, prompt="A dog ")),
            manifest(shot(duration=5, provider_options={"priority": 1})),
            manifest(shot(sweep={"duration": [5]})),
            manifest(shot("other", duration=5)),
        ],
    )
    def test_what_makes_other_takes_makes_another_strand(self, after: Manifest) -> None:
        found = Expansion(lineage(manifest(shot(duration=5)), after))
        assert found.total == 2
        assert found.live == (Span(1, 2),)
        assert not Lineage.of(after).extends(Lineage.of(manifest(shot(duration=5))))

    @pytest.mark.parametrize(
        "after",
        [
            manifest(shot(duration=5, retry_moderated=3)),
            manifest(shot(duration=5), retry_moderated=3, last_frame="decoded"),
            manifest(shot(), defaults={"duration": 5}),
            manifest(shot(duration=5), defaults={"duration": 9}),
        ],
    )
    def test_what_makes_the_same_takes_is_the_same_strand(self, after: Manifest) -> None:
        before = manifest(shot(duration=5))
        assert strand_digest(before, before.shots[0]) == strand_digest(after, after.shots[0])
        assert lineage(before, after).manifests == (after,)
        assert [take.asked for take in Expansion(after)] == [take.asked for take in Expansion(before)]

    def test_the_order_of_axes_makes_another_strand(self) -> None:
        swapped = shot(**SEEDS.model_dump() | {"sweep": {"seed": "1..2", "place": ("wheat", "rye")}})
        assert names(lineage(manifest(SEEDS), manifest(swapped)))[1] == "opening.2/0002-seed1-rye"

    def test_new_terms_take_the_place_of_the_old_ones(self) -> None:
        before, after = manifest(SEEDS), manifest(SEEDS, retry_moderated=2)
        assert lineage(before, after).manifests == (after,)
        first = manifest(shot("first"))
        assert lineage(first, before, after).manifests == (first, after)

    def test_of_a_withdrawn_take_the_terms_hold_that_it_had_last(self) -> None:
        with_both = manifest(SEEDS, shot("follow"), retry_moderated=1)
        without = manifest(shot("follow"), retry_moderated=4)
        found = Expansion(lineage(with_both, without))
        assert [found[index].retry_moderated for index in (0, 3, 4)] == [1, 1, 4]


def test_a_strand_is_what_it_was() -> None:
    """Indices of frozen batches hang on it: it may change only together with what it stands for."""
    digest = strand_digest(manifest(SEEDS), SEEDS)
    assert digest == "8d2234e79efe60d35b142ae7f0a80aadb01e4352de1740a25f572a68771bcf67"


def test_one_manifest_alone_is_frozen_as_it_always_was() -> None:
    alone = Lineage.of(manifest(SEEDS))
    assert alone.to_json() == manifest(SEEDS).model_dump_json().encode()
    assert alone.digest() == manifest(SEEDS).digest()
    grown = alone.grown(manifest(shot("follow")))
    assert list(json.loads(grown.to_json())) == ["manifests"]
    assert grown.digest() not in {alone.digest(), grown.current.digest()}


@pytest.mark.parametrize("frozen", [b"", b"[]", b"{}", b"1", b'{"manifests":[]}', b'{"manifests":[{}]}', b"{"])
def test_what_is_no_lineage(frozen: bytes) -> None:
    with pytest.raises(ValueError):
        Lineage.from_json(frozen)


def test_a_lineage_is_of_one_batch() -> None:
    with pytest.raises(ValueError, match="'other' is another batch than 'b'"):
        Lineage.of(manifest(SEEDS)).grown(manifest(SEEDS, batch="other"))
    with pytest.raises(ValueError, match="of one batch"):
        Lineage(manifests=(manifest(SEEDS), manifest(SEEDS, batch="other")))
    assert not Lineage.of(manifest(SEEDS)).extends(Lineage.of(manifest(SEEDS, batch="other")))


def test_a_batch_may_not_grow_without_end() -> None:
    many = manifest(shot(sweep={"seed": f"1..{10**12}"}))
    with pytest.raises(ManifestError, match=r"comes to 1,000,000,000,004, and 1,000,000,000,000 is the most"):
        Lineage.of(manifest(SEEDS)).grown(many)


def test_take_734112_of_an_edited_batch_of_millions_at_once() -> None:
    first, second = (shot("grid", sweep={"seed": f"1..{count}"}) for count in (10**9, 10**9 + 1))
    found = Expansion(lineage(manifest(first), manifest(second)))
    assert found[10**9 + 734_111].name == "grid.2/0000734112-seed734112"
    assert found.find("grid.2/1000000001-seed1000000001") == 2 * 10**9


@pytest.mark.parametrize(
    "name", ["opening.1/0001", "opening.02/0001", "opening.3/0001", "opening./0001", ".2/0001", "OPENING/0001"]
)
def test_what_is_nobodys_name(name: str) -> None:
    found = Expansion(lineage(manifest(shot()), manifest(shot(prompt="A cat"))))
    assert (found.find("opening/0001"), found.find("opening.2/0001")) == (0, 1)
    assert found.find(name) is None
