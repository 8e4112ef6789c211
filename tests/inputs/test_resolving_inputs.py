"""Just before a submission: what becomes of a take's local files, and what is kept of it where."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from input_files import film, paint
from workbench import KEY, Bench, Make

from jobs.inputs import LocalInput
from jobs.inputs.freezing import freeze_inputs
from jobs.manifest import Manifest
from workers.engine.states import State, Step
from workers.inputs.handover import NotHandedOver
from workers.inputs.resolving import without_secrets
from workers.opening import open_batch
from workers.providers.protocol import Response
from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox
from workers.steps import submit
from workers.store import Store

KEYS = {
    "CLOUDFLARE_API_TOKEN": "t",
    "CLOUDFLARE_ACCOUNT_ID": "account",
    "APIFRAME_API_KEY": "afk_1",
    "ANYFAST_API_KEY": "k",
    "ARK_API_KEY": "k",
}
PROVIDERS = ("FAL", "CLOUDFLARE", "APIFRAME", "ANYFAST", "ARK")


@dataclass
class Night:
    """A worker before the sandbox, and a folder with files."""

    bench: Bench
    sandbox: Sandbox
    folder: Path

    def open(self, provider: str, *, takes: int = 1, prompt: str = "a dog", **fields: Any) -> tuple[LocalInput, ...]:
        """Open a batch of so many takes, each with a seed of its own; its inputs."""
        shot: dict[str, Any] = {"name": "s", "prompt": prompt, **fields}
        if takes > 1:
            shot["sweep"] = {"seed": list(range(1, takes + 1))}
        asked = {"duration": 4, "resolution": "480p", "aspect_ratio": "1:1"}
        written = {
            "batch": "b",
            "provider": provider,
            "model": "seedance-2.0-fast",
            "defaults": asked,
            "shots": [shot],
        }
        manifest, inputs = freeze_inputs(Manifest.model_validate(written), self.folder)
        open_batch(self.bench.context, manifest, inputs)
        for each in self.bench.context.settings.providers:
            self.bench.room.set_limits(each, self.bench.context.limits(each))
        return inputs

    def bodies(self) -> list[Any]:
        """The bodies of all submissions that the provider accepted."""
        return [each.body for each in self.sandbox.account.submissions()]


@pytest.fixture
def night(make: Make, clips: Path, tmp_path: Path) -> Iterator[Night]:
    hand = make("http://127.0.0.1:9").clock
    with running_sandbox(SandboxOptions(cache=clips, jitter=0.0), clock=hand) as sandbox:
        urls = {f"RUSHES_{name}_URL": sandbox.url for name in PROVIDERS}
        yield Night(make(sandbox.url, **KEYS, **urls), sandbox, tmp_path)


def data_uri(path: Path, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(path.read_bytes()).decode()}"


def kept_in(folder: Path) -> str:
    return "\n".join(path.read_text(errors="replace") for path in folder.rglob("*.json"))


@pytest.mark.parametrize("provider", ["ark", "anyfast"])
def test_a_provider_that_takes_data_uris_is_sent_one(night: Night, provider: str) -> None:
    path = paint(night.folder / "dog.png", (400, 400))
    (found,) = night.open(provider, start_image="dog.png")
    night.bench.submit()
    night.bench.context.calls.wait()
    (body,) = night.bodies()
    assert [each["image_url"]["url"] for each in body["content"] if each["type"] == "image_url"] == [
        data_uri(path, "image/png")
    ]
    assert night.bench.record().value("inputs") == {"attempt": 1, "urls": {}}
    kept = kept_in(night.folder / "store")
    assert "base64" not in kept
    assert found.reference in kept


def test_fal_has_each_file_uploaded_once_whatever_is_made_of_it(night: Night) -> None:
    path = paint(night.folder / "dog.png")
    night.open("fal", takes=2, start_image="dog.png")
    for work in night.bench.all_due(Step.SUBMIT):
        submit(night.bench.context, work)
    one, other = (body["image_url"] for body in night.bodies())
    assert one == other
    assert httpx.get(one).content == path.read_bytes()
    standing = night.bench.room.standing("b")
    assert standing is not None and standing.submissions == 2


def test_apiframe_has_a_file_uploaded_again_when_its_url_is_about_to_die(night: Night) -> None:
    path = paint(night.folder / "dog.png")
    night.open("apiframe", takes=3, start_image="dog.png")
    for work in night.bench.all_due(Step.SUBMIT)[:2]:
        submit(night.bench.context, work)
    night.bench.clock.forward(3600)
    # Redis lets go of it by its own clock, which stands still here.
    for key in night.bench.client.scan_iter(match=f"{night.bench.context.settings.namespace}:kept:*"):
        assert 0 < night.bench.client.pttl(key) <= 1_800_000
        night.bench.client.delete(key)
    night.bench.submit()
    first, second, third = (body["seedanceParams"]["start_image"] for body in night.bodies())
    assert first == second != third
    assert httpx.get(first).status_code == 404
    assert httpx.get(third).content == path.read_bytes()


def test_a_take_that_is_sent_again_under_its_key_is_sent_the_same_presigned_url(
    night: Night, bucket: Store, keys: pytest.MonkeyPatch
) -> None:
    paint(night.folder / "dog.png")
    context = night.bench.context
    context.store = bucket
    context.settings = context.settings.model_copy(update={"store_public": True})
    night.open("apiframe", prompt="a dog [sandbox: drop]", start_image="dog.png")
    night.bench.submit()
    (before,) = night.bodies()
    assert night.bench.state() is State.WAITING
    night.bench.clock.forward(10)
    # Signed now, the URL would be another one, and Apiframe refuses the same key with another body.
    keys.setenv("AWS_ACCESS_KEY_ID", "another")
    bucket._clients.clear()  # type: ignore[attr-defined]
    night.bench.submit()
    assert night.bench.state() is State.RENDERING
    assert night.bodies() == [before]
    url = before["seedanceParams"]["start_image"]
    assert httpx.get(url).content == (night.folder / "dog.png").read_bytes()
    night.bench.poll(after=1000.0)
    night.bench.collect()
    assert night.bench.state() is State.DONE
    kept = b"\n".join(bucket.get(key) for key in bucket.keys("") if key.endswith(".json")).decode()
    assert '"input:' in kept
    signature = httpx.URL(url).params["X-Amz-Signature"]
    assert signature not in kept


def test_an_answer_that_quotes_a_signature_is_kept_without_it() -> None:
    url = "https://films.s3.amazonaws.com/a?X-Amz-Security-Token=t%2Fo%3D&X-Amz-Signature=abc123"
    fields = {"attempt": 1, "urls": {"input:1.png": url}}
    theirs = "https://cdn.example.com/v.mp4?X-Amz-Signature=theirs"
    body = json.dumps({"input": url, "plain": "t/o=", "video": theirs}).encode()
    told = without_secrets(fields, Response(200, {}, body))
    assert isinstance(told, Response)
    assert b"abc123" not in told.body and b"t%2Fo" not in told.body and b"t/o=" not in told.body
    assert json.loads(told.body)["video"] == theirs
    untouched = Response(200, {}, b"{}")
    assert without_secrets(fields, untouched) is untouched
    assert without_secrets(None, untouched) is untouched


def test_an_upload_that_fails_is_no_attempt(make: Make, clips: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
    bench = make(nobody)
    paint(tmp_path / "dog.png")
    Night(bench, None, tmp_path).open("fal", start_image="dog.png")  # type: ignore[arg-type]
    bench.submit()
    assert bench.state() is State.WAITING
    assert list(bench.context.ledger("b").attempts()) == []
    standing = bench.room.standing("b")
    assert standing is not None
    assert standing.submissions == 0
    assert "the upload of an input to fal broke off" in (standing.lane.slowed or "")


def test_an_upload_with_a_key_that_is_refused_pauses_the_provider(make: Make, clips: Path, tmp_path: Path) -> None:
    hand = make("http://127.0.0.1:9").clock
    paint(tmp_path / "dog.png")
    with running_sandbox(SandboxOptions(cache=clips, key="another"), clock=hand) as sandbox:
        night = Night(make(sandbox.url), sandbox, tmp_path)
        night.open("fal", start_image="dog.png")
        night.bench.submit()
        standing = night.bench.room.standing("b")
        assert standing is not None
        assert standing.lane.paused_kind == "auth"
        assert KEY not in (standing.lane.paused or "")
        assert night.bench.state() is State.WAITING
        assert list(night.bench.context.ledger("b").attempts()) == []


def test_an_input_that_is_gone_from_the_store_holds_the_batch_up_and_is_named(night: Night) -> None:
    paint(night.folder / "dog.png", (400, 400))
    (found,) = night.open("ark", start_image="dog.png")
    (night.folder / "store/.rushes/inputs" / found.name).unlink()
    night.bench.submit()
    assert night.bench.state() is State.WAITING
    standing = night.bench.room.standing("b")
    assert standing is not None
    assert "run that again where the file is" in (standing.store_trouble or "")
    assert night.bodies() == []


def test_a_batch_whose_files_have_no_way_is_not_opened(night: Night) -> None:
    film(night.folder / "a.mp4", 3)
    with pytest.raises(NotHandedOver, match="ark takes a video only by a URL"):
        night.open("ark", reference_videos=["a.mp4"])
    assert night.bench.room.batches() == []
    assert list(night.bench.store.keys("")) == []
