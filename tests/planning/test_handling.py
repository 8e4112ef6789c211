"""What a manifest says of takes beside what they ask: last frames, moderation, and the providers' own fields."""

from __future__ import annotations

import pytest

from jobs.errors import ManifestError
from jobs.manifest import Manifest, Shot
from jobs.reading.loading import load_text
from jobs.takes.expansion import Expansion

HEAD = "batch: b\nprovider: ark\nmodel: seedance-2.0\n"


def problems(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load_text(text, "test.yaml")
    return [f"{problem.place}: {problem.message}" for problem in caught.value.problems]


def test_the_shot_says_otherwise_than_the_defaults_and_they_than_the_batch() -> None:
    text = f"""\
{HEAD}last_frame: provider
retry_moderated: 1
shots:
  - {{name: a, prompt: x}}
  - {{name: b, prompt: x, last_frame: decoded, retry_moderated: 0}}
"""
    takes = list(Expansion(load_text(text, "test.yaml")))
    assert [(take.last_frame, take.retry_moderated) for take in takes] == [("provider", 1), ("decoded", 0)]
    assert [take.asked.return_last_frame for take in takes] == [True, None]

    text = text.replace("shots:", "defaults: {last_frame: decoded, retry_moderated: 5}\nshots:")
    takes = list(Expansion(load_text(text, "test.yaml")))
    assert [(take.last_frame, take.retry_moderated) for take in takes] == [("decoded", 5), ("decoded", 0)]


def test_nothing_said_is_decoded_and_never_again() -> None:
    [take] = Expansion(load_text(f"{HEAD}shots: [{{name: a, prompt: x}}]\n", "test.yaml"))
    assert (take.last_frame, take.retry_moderated) == ("decoded", 0)
    assert take.asked.model_dump(exclude_none=True, exclude_defaults=True) == {"model": "seedance-2.0", "prompt": "x"}


def test_handling_is_no_part_of_what_is_asked() -> None:
    text = f"{HEAD}shots: [{{name: a, prompt: x, return_last_frame: true}}]\n"
    [plain] = Expansion(load_text(text, "test.yaml"))
    handled = text.replace("}]", ", last_frame: provider, retry_moderated: 3}]")
    [take] = Expansion(load_text(handled, "test.yaml"))
    assert take.asked == plain.asked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("last_frame: ours\nshots: [{name: a, prompt: x}]", "last_frame: 'ours' is neither decoded (from the video"),
        ("shots: [{name: a, prompt: x, last_frame: 1}]", "shots[0].last_frame: 1 is neither decoded"),
        ("retry_moderated: 6\nshots: [{name: a, prompt: x}]", "retry_moderated: 6 is out of range; give 0"),
        ("shots: [{name: a, prompt: x, retry_moderated: -1}]", "shots[0].retry_moderated: -1 is out of range"),
        ("shots: [{name: a, prompt: x, retry_moderated: true}]", "shots[0].retry_moderated: true is not a whole"),
        (
            "shots: [{name: a, prompt: x, sweep: {last_frame: [decoded, provider]}}]",
            "shots[0].sweep.last_frame: last_frame can't be swept; set it for the shot",
        ),
        (
            "shots: [{name: a, prompt: x, sweep: {provider_options: [{a: 1}]}}]",
            "shots[0].sweep.provider_options: provider_options can't be swept; set it for the shot",
        ),
        (
            "shots: [{name: a, prompt: x, last_frame: provider, return_last_frame: false}]",
            "shots[0].return_last_frame: false here, and last_frame: provider needs it",
        ),
        (
            "last_frame: provider\nshots: [{name: a, prompt: x, sweep: {return_last_frame: [true, false]}}]",
            "shots[0].sweep.return_last_frame[1]: false here, and last_frame: provider needs it",
        ),
        ("shots: [{name: a, prompt: x, provider_options: 5}]", "shots[0].provider_options: 5 is not a mapping"),
        (
            "shots: [{name: a, prompt: x, provider_options: {priority: .inf}}]",
            "shots[0].provider_options: priority holds a number that can't be sent",
        ),
        ("shots: [{name: a, prompt: x, tools: 1}]", "shots[0].tools: unknown key 'tools'; did you mean 'web_search'?"),
        ("shots: [{name: a, prompt: x, watermark: yes}]", "shots[0].watermark: 'yes' is not a yes or no"),
        (
            "shots: [{name: a, prompt: x, start_image: input:" + "0" * 64 + ".png}]",
            "shots[0].start_image: 'input:0000000000000000",
        ),
    ],
)
def test_each_mistake_is_one_problem_with_its_place(text: str, expected: str) -> None:
    [found] = problems(HEAD + text)
    assert found.startswith(expected), found


def test_a_swept_local_file_is_refused_where_it_stands() -> None:
    text = f"{HEAD}shots: [{{name: a, prompt: x, sweep: {{start_image: [https://a/b.png, dog.png]}}}}]"
    [found] = problems(text)
    assert found.startswith("shots[0].sweep.start_image[1]: 'dog.png' is a local file")


def test_a_default_local_file_is_refused_once() -> None:
    text = f"{HEAD}defaults: {{reference_images: [a.png]}}\nshots: [{{name: a, prompt: x}}, {{name: b, prompt: x}}]"
    [found] = problems(text)
    assert found.startswith("defaults.reference_images[0]: 'a.png' is a local file")


def test_provider_options_reach_the_take_as_they_are_written() -> None:
    text = f"{HEAD}shots: [{{name: a, prompt: x, provider_options: {{priority: 3, safety_identifier: '007'}}}}]"
    manifest = load_text(text, "test.yaml")
    [take] = Expansion(Manifest.model_validate_json(manifest.model_dump_json()))
    assert take.asked.provider_options == {"priority": 3, "safety_identifier": "007"}


def test_switches_are_swept_and_name_their_takes() -> None:
    sweep = {"watermark": (True, False), "web_search": (True,), "return_last_frame": (True,)}
    shot = Shot.model_validate({"name": "a", "prompt": "x", "sweep": sweep})
    manifest = Manifest(batch="b", provider="ark", model="seedance-2.0", shots=(shot,))
    assert [take.name for take in Expansion(manifest)] == [
        "a/0001-watermarktrue-searchtrue-lastframetrue",
        "a/0002-watermarkfalse-searchtrue-lastframetrue",
    ]


def test_a_batch_that_was_frozen_before_is_the_same_byte_for_byte() -> None:
    """Running an old batch again compares bytes, so a field that came later may leave none behind."""
    frozen = (
        '{"batch":"b","provider":"fal","model":"m","defaults":{"start_image":null,"end_image":null,'
        '"reference_images":[],"reference_videos":[],"reference_audio":[],"duration":null,"resolution":null,'
        '"aspect_ratio":null,"seed":null,"generate_audio":null},"shots":[{"start_image":null,"end_image":null,'
        '"reference_images":[],"reference_videos":[],"reference_audio":[],"duration":null,"resolution":null,'
        '"aspect_ratio":null,"seed":null,"generate_audio":null,"name":"a","prompt":"x","sweep":{}}]}'
    )
    manifest = Manifest(batch="b", provider="fal", model="m", shots=(Shot(name="a", prompt="x"),))
    assert manifest.model_dump_json() == frozen
    assert Manifest.model_validate_json(frozen) == manifest
    assert manifest.digest() == "3be74bd5e8f7a632ce55ef9134827cafc5b78d2764727d032d86d723af85e8fe"


def test_the_same_problem_in_many_places_is_told_once() -> None:
    shots = "".join(f"  - {{name: s{at}, prompt: x, duration: 99}}\n" for at in range(50))
    with pytest.raises(ManifestError) as caught:
        load_text(f"{HEAD}shots:\n{shots}  - {{name: last, prompt: x, seed: -5}}\n", "test.yaml")
    assert len(caught.value.problems) == 51
    assert str(caught.value) == (
        "test.yaml: 51 problems\n"
        "  line 5: shots[0].duration: 99 is above 15, the most that ark allows; also at shots[1].duration (line 6), "
        "shots[2].duration (line 7), shots[3].duration (line 8) and 46 more\n"
        "  line 55: shots[50].seed: -5 is below -1, the least that ark allows; apiframe, cloudflare and fal take it"
    )


def test_no_message_is_without_end() -> None:
    shots = "".join(f"  - {{name: s{at}, prompt: x, duration: {at + 100}}}\n" for at in range(150))
    with pytest.raises(ManifestError) as caught:
        load_text(f"{HEAD}shots:\n{shots}", "test.yaml")
    lines = str(caught.value).splitlines()
    assert len(lines) == 102
    assert lines[-1] == "  and 50 more, of other kinds"
