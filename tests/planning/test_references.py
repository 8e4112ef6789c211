"""What an image, a video or an audio can be given as."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.fields.readers import media
from jobs.fields.references import MEDIA, kind_of
from jobs.manifest import Manifest, Shot
from jobs.reading.manifests import parse_manifest
from jobs.takes.expansion import Expansion
from jobs.takes.naming import take_name

SHA = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        ("https://example.com/a.png", "url"),
        ("http://example.com", "url"),
        ("https://[::1]:8080/a%20b.png?x=1&y=(2)#z", "url"),
        ("asset://asset-20260224190652-6g4vg", "asset"),
        ("asset://A_b.9", "asset"),
        (f"input:{SHA}.png", "input"),
        ("dog.png", "file"),
        ("./images/my dog, running.png", "file"),
        ("../ü/字.mp4", "file"),
        ("/tmp/a.wav", "file"),
        ("C:\\dog.png", "file"),
        ("http.png", "file"),
        ("assets/a.png", "file"),
        ("inputs/a.png", "file"),
        ("./data:image.png", "file"),
    ],
)
def test_what_a_reference_is(reference: str, kind: str) -> None:
    assert media(reference) == reference
    assert kind_of(reference) == kind


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("", "is no image, video or audio"),
        (" ", "is no image, video or audio"),
        (5, "is no image, video or audio"),
        ("a\nb.png", "has a control character in it"),
        ("https://a/b\x00", "has a control character in it"),
        ("https://a/b c", "a blank is written %20"),
        ("https://a/ü.png", "has 'ü' in it, which a URL writes as %C3%BC"),
        ("https://a/b[1].png", "has '[' in it, which a URL writes as %5B"),
        ("https://a?b[]=1", "has '[' in it, which a URL writes as %5B"),
        ("https://a/b#c#d", "has '#' in it, which a URL writes as %23"),
        ("https://a/{b}.png", "has '{' in it, which a URL writes as %7B"),
        ("https://a/100%.png", "begins no code like %20; write it %25"),
        ("https://", "names no host"),
        ("https://:80/", "names no host"),
        ("https://a:b/", "names no host"),
        ("https://[a/", "names no host"),
        ("HTTPS://a/b", "begins with capital letters"),
        ("asset://", "is not an asset id"),
        ("asset://a/b", "is not an asset id"),
        ("asset://a b", "is not an asset id"),
        ("asset:a", "is not an asset id"),
        ("file:///tmp/a.png", "is a file: URL; give the path of the file itself"),
        ("data:image/png;base64,AA", "is a data: URI; put it into a file"),
        ("s3://bucket/a.png", "is not an http(s) URL"),
        (f"input:{SHA.upper()}.png", "is not an http(s) URL"),
        ("input:dog.png", "is not an http(s) URL"),
        ("opening.last_fram", "did you mean 'opening.last_frame'?"),
        ("opening[3].last_frame", "as in opening[seed=3].last_frame"),
    ],
)
def test_what_is_no_reference(reference: object, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        media(reference)
    assert message in str(caught.value)


@given(st.text(max_size=40))
def test_anything_is_of_one_kind_or_refused(text: str) -> None:
    for reference in (text, f"https://{text}", f"asset://{text}", f"input:{text}"):
        try:
            assert media(reference) == reference
        except ValueError as error:
            assert str(error)
        else:
            assert kind_of(reference) in ("url", "asset", "input", "file")


def test_reading_takes_local_files_and_inputs_in_every_field() -> None:
    fields = "".join(
        f"    {field}: {[reference] if field.startswith('reference') else reference!r}\n"
        for field, reference in zip(MEDIA, ["a.png", "b.png", "c.png", "d.mp4", f"input:{SHA}.mp3"], strict=True)
    )
    text = f"batch: b\nprovider: fal\nmodel: seedance-2.0\nshots:\n  - name: a\n    prompt: x\n{fields}"
    [take] = Expansion(parse_manifest(text, "test.yaml"))
    assert (take.asked.start_image, take.asked.reference_audio) == ("a.png", (f"input:{SHA}.mp3",))


def test_a_frozen_manifest_holds_its_inputs() -> None:
    shot = Shot(name="a", prompt="x", start_image=f"input:{SHA}.png")
    manifest = Manifest(batch="b", provider="fal", model="m", shots=(shot,))
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("asset://asset-2026", "a/0001-start-asset-2026"),
        ("images/My Dog.png", "a/0001-start-my-dog"),
        ("C:\\images\\dog.png", "a/0001-start-dog"),
    ],
)
def test_a_take_is_named_after_the_file_or_the_asset(reference: str, name: str) -> None:
    assert take_name("a", 1, 1, {"start_image": reference}) == name
