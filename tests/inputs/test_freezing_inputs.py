"""Local files in a manifest: frozen by their content, and held against what the provider takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from input_files import film, paint, sing

from jobs.errors import ManifestError
from jobs.inputs.freezing import freeze_inputs
from jobs.inputs.inspection import inspect
from jobs.manifest import Manifest
from jobs.reading.loading import Loaded, load, load_with_inputs
from jobs.takes.expansion import Expansion

HEAD = "batch: b\nprovider: {provider}\nmodel: seedance-2.0-fast\nshots:\n"


def written(folder: Path, shots: str, provider: str = "fal") -> Path:
    path = folder / "manifest.yaml"
    path.write_text(HEAD.format(provider=provider) + shots)
    return path


def loaded(folder: Path, shots: str, provider: str = "fal") -> Loaded:
    return load_with_inputs(written(folder, shots, provider))


def problems(folder: Path, shots: str, provider: str = "fal") -> list[str]:
    with pytest.raises(ManifestError) as caught:
        loaded(folder, shots, provider)
    return [f"{each.place}: {each.message}" for each in caught.value.problems]


ONE = "  - {name: a, prompt: x, start_image: stills/dog.png}\n"


def test_paths_are_replaced_by_what_is_in_the_files_wherever_they_stand(tmp_path: Path) -> None:
    dog, cat, owl = (paint(tmp_path / f"stills/{name}.png", colour=name) for name in ("red", "green", "blue"))
    tone = sing(tmp_path / "tone.wav")
    found = loaded(
        tmp_path,
        "  - {name: a, prompt: x, start_image: stills/red.png, end_image: 'https://example.com/end.png'}\n"
        "  - {name: b, prompt: x, reference_images: [stills/green.png, 'https://example.com/1.png'],"
        " reference_audio: [tone.wav]}\n"
        "  - {name: c, prompt: x, sweep: {start_image: [stills/blue.png, stills/red.png]}}\n",
    )
    shots = found.manifest.shots
    assert shots[0].start_image == inspect(dog).reference
    assert shots[0].end_image == "https://example.com/end.png"
    assert shots[1].reference_images == (inspect(cat).reference, "https://example.com/1.png")
    assert shots[1].reference_audio == (inspect(tone).reference,)
    assert shots[2].sweep["start_image"] == (inspect(owl).reference, inspect(dog).reference)
    assert {each.sha256 for each in found.inputs} == {inspect(path).sha256 for path in (dog, cat, owl, tone)}
    assert len(found.inputs) == 4
    assert Manifest.model_validate_json(found.manifest.model_dump_json()) == found.manifest


def test_the_defaults_and_paths_that_lead_upwards_are_looked_for_from_the_manifest(tmp_path: Path) -> None:
    paint(tmp_path / "dog.png")
    (tmp_path / "manifests").mkdir()
    path = written(tmp_path / "manifests", "  - {name: a, prompt: x}\ndefaults: {start_image: ../dog.png}\n")
    found = load_with_inputs(path)
    assert found.manifest.defaults.start_image == inspect(tmp_path / "dog.png").reference


def test_a_manifest_without_local_files_is_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path, "  - {name: a, prompt: x, start_image: 'https://example.com/dog.png'}\n")
    assert load_with_inputs(path) == Loaded(load(path), ())


def test_what_is_in_a_file_makes_the_take_and_not_what_it_is_called(tmp_path: Path) -> None:
    def take() -> tuple[str, str, str]:
        manifest = loaded(tmp_path, ONE).manifest
        first = Expansion(manifest)[0]
        return first.asked.identity(), first.name, manifest.digest()

    paint(tmp_path / "stills/dog.png", colour="red")
    before = take()
    (tmp_path / "stills/dog.png").rename(tmp_path / "stills/cat.png")
    with pytest.raises(ManifestError, match="is not there"):
        take()
    renamed = loaded(tmp_path, ONE.replace("dog", "cat")).manifest
    assert (Expansion(renamed)[0].asked.identity(), Expansion(renamed)[0].name, renamed.digest()) == before
    paint(tmp_path / "stills/dog.png", colour="blue")
    assert take()[0] != before[0]


def test_a_swept_file_is_in_the_name_by_its_content(tmp_path: Path) -> None:
    paths = [paint(tmp_path / f"{name}.png", colour=name) for name in ("red", "blue")]
    found = loaded(tmp_path, "  - {name: a, prompt: x, sweep: {start_image: [red.png, blue.png]}}\n")
    names = [take.name for take in Expansion(found.manifest)]
    assert names == [f"a/000{at}-start-{inspect(path).sha256[:10]}" for at, path in enumerate(paths, 1)]


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    paint(tmp_path / "dog.png")
    (tmp_path / "same.png").write_bytes((tmp_path / "dog.png").read_bytes())
    (tmp_path / "empty.png").touch()
    found = problems(
        tmp_path,
        "  - {name: a, prompt: x, start_image: gone.png, duration: 99}\n"
        "  - {name: b, prompt: x, reference_videos: [dog.png], reference_images: [empty.png, dog.png]}\n"
        "  - {name: c, prompt: x, sweep: {start_image: [dog.png, same.png, ~/dog.png]}}\n"
        f"  - {{name: d, prompt: x, start_image: 'input:{'0' * 64}.png'}}\n",
    )
    expected = (
        "shots[0].start_image: 'gone.png' is not there",
        "shots[0].duration: 99 is above 15",
        "shots[1].reference_videos[0]: 'dog.png' is an image (PNG), and reference_videos takes a video",
        "shots[1].reference_images[0]: 'empty.png' is empty",
        "shots[2].sweep.start_image[1]: 'same.png' is byte for byte the same as 'dog.png'",
        "shots[2].sweep.start_image[2]: '~/dog.png' is not there",
        "shots[3].start_image: 'input:000",
    )
    assert len(found) == len(expected), found
    for beginning in expected:
        assert any(each.startswith(beginning) for each in found), (beginning, found)


Files = Callable[[Path], object]


@pytest.mark.parametrize(
    ("provider", "files", "shot", "told"),
    [
        ("fal", lambda at: paint(at / "a.gif"), "start_image: a.gif", "is GIF, and fal takes jpeg, png or webp"),
        (
            "fal",
            lambda at: [film(at / f"{n}.mp4", 6, (64, 48 + n)) for n in (16, 32, 48)],
            "reference_videos: [16.mp4, 32.mp4, 48.mp4]",
            "18 s of video in one take; 15 s is the most that fal allows",
        ),
        (
            "fal",
            lambda at: film(at / "a.mp4", 1),
            "reference_videos: [a.mp4]",
            "1 s of video in one take; 2 s is the least that fal takes",
        ),
        (
            "fal",
            lambda at: film(at / "a.mp4", 3, (64, 64)),
            "reference_videos: [a.mp4]",
            "is 64x64 pixels large; 409,600 pixels in all is the least that fal takes",
        ),
        (
            "fal",
            lambda at: [sing(at / "a.wav", 16), paint(at / "a.png")],
            "reference_audio: [a.wav], reference_images: [a.png]",
            "16 s of audio in one take; 15 s is the most that fal allows",
        ),
        (
            "ark",
            lambda at: paint(at / "a.png", (300, 300)),
            "start_image: a.png",
            "is 300x300 pixels large; 301 pixels of width or height is the least that ark takes",
        ),
        (
            "ark",
            lambda at: paint(at / "a.png", (1000, 400)),
            "start_image: a.png",
            "width by height is 2.5, which must lie between 0.4 and 2.5 at ark",
        ),
        (
            "ark",
            lambda at: film(at / "a.mp4", 3, fps=12),
            "reference_videos: [a.mp4]",
            "has 12 frames a second; 24 frames a second is the least that ark takes",
        ),
        (
            "ark",
            lambda at: (at / "a.wav").write_bytes(sing(at / "b.wav").read_bytes() + bytes(15_000_000)),
            "reference_audio: [a.wav], reference_images: ['https://example.com/a.png']",
            "bytes; 15,000,000 is the most that ark allows",
        ),
    ],
)
def test_the_limits_of_the_capability_tables_hold(
    tmp_path: Path, provider: str, files: Files, shot: str, told: str
) -> None:
    files(tmp_path)
    found = problems(tmp_path, f"  - {{name: a, prompt: x, {shot}}}\n", provider)
    assert any(told in each for each in found), found


@pytest.mark.parametrize(
    ("provider", "files", "shot"),
    [
        ("fal", lambda at: film(at / "a.mp4", 3), "reference_videos: [a.mp4]"),
        ("ark", lambda at: film(at / "a.mov", 3, fps=24), "reference_videos: [a.mov]"),
        ("ark", lambda at: paint(at / "a.png", (301, 301)), "start_image: a.png"),
        ("anyfast", lambda at: paint(at / "a.png", (10, 10)), "start_image: a.png"),
        ("cloudflare", lambda at: film(at / "a.mp4", 1), "reference_videos: [a.mp4]"),
        ("apiframe", lambda at: paint(at / "a.gif"), "start_image: a.gif"),
    ],
)
def test_what_is_within_the_limits_is_taken(tmp_path: Path, provider: str, files: Files, shot: str) -> None:
    files(tmp_path)
    assert len(loaded(tmp_path, f"  - {{name: a, prompt: x, {shot}}}\n", provider).inputs) == 1


def test_a_manifest_that_is_already_read_is_frozen_alike(tmp_path: Path) -> None:
    paint(tmp_path / "stills/dog.png")
    read = Manifest.model_validate(
        {
            "batch": "b",
            "provider": "fal",
            "model": "seedance-2.0-fast",
            "shots": [{"name": "a", "prompt": "x", "start_image": "stills/dog.png"}],
        }
    )
    expected = loaded(tmp_path, ONE)
    assert freeze_inputs(read, tmp_path) == (expected.manifest, expected.inputs)
    with pytest.raises(ManifestError, match=r"shots\[0\].start_image: 'stills/dog.png' is not there"):
        freeze_inputs(read, tmp_path / "elsewhere")
