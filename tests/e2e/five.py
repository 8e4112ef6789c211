"""The five providers as the tests here meet them: the sandbox of this process behind the real command."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from front_door import Desk, Ended
from PIL import Image

from workers.clock import Clock, SystemClock
from workers.media.darkroom import develop
from workers.sandbox.account import Submission
from workers.sandbox.burn import read_number
from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox
from workers.settings import CONVENTIONS
from workers.supervisor import PARENT_VARIABLE

PROVIDERS = tuple(CONVENTIONS)

KEYS = {
    "fal": "fal-id-2f9c:fal-hush-8d31e07b",
    "cloudflare": "cloudflare-hush-51c6fa90",
    "apiframe": "apiframe-hush-e3b07d42",
    "anyfast": "anyfast-hush-94a8c15f",
    "ark": "ark-hush-0be6d273",
}

PICTURE, OTHER, FILM, SOUND = (f"https://example.com/{name}" for name in ("one.png", "two.png", "walk.mp4", "tune.mp3"))

_TEXT: dict[str, Any] = {"text": {}, "sounding": {"generate_audio": True, "seed": 7}}
_FRAMES: dict[str, Any] = {
    "first": {"start_image": PICTURE},
    "first-and-last": {"start_image": PICTURE, "end_image": OTHER},
}
_REFERENCES: dict[str, Any] = {
    "pictures": {"reference_images": [PICTURE, OTHER]},
    "film": {"reference_videos": [FILM]},
    "of-every-kind": {
        "reference_images": [PICTURE],
        "reference_videos": [FILM, "https://example.com/run.mp4"],
        "reference_audio": [SOUND],
    },
}
_ARKS: dict[str, Any] = {
    **_TEXT,
    **_FRAMES,
    **_REFERENCES,
    "searching": {"web_search": True, "watermark": True},
    "auto": {"duration": "auto", "aspect_ratio": "auto"},
    "asset": {"reference_images": ["asset://dog-1"]},
    "their-last-frame": {"last_frame": "provider"},
    "their-last-frame-of-an-image": {"last_frame": "provider", "start_image": PICTURE},
}

MODES: Mapping[str, Mapping[str, Any]] = {
    "fal": {**_TEXT, **_FRAMES, **_REFERENCES, "auto": {"duration": "auto", "aspect_ratio": "auto"}},
    "cloudflare": {
        **_TEXT,
        **_FRAMES,
        "pictures": _REFERENCES["pictures"],
        "film": _REFERENCES["film"],
        "pictures-and-film": {"reference_images": [PICTURE], "reference_videos": [FILM]},
        "upright": {"aspect_ratio": "9:21", "camera_fixed": True, "watermark": False},
    },
    "apiframe": {
        **_TEXT,
        **_FRAMES,
        **_REFERENCES,
        "searching": {"web_search": True},
        "asset": {"reference_images": ["asset://dog-1"]},
        "fixed": {"camera_fixed": True, "aspect_ratio": "auto"},
    },
    "anyfast": _ARKS,
    "ark": _ARKS,
}
"""What a shot holds besides its prompt, by a name for the mode."""


@dataclass
class AheadClock(SystemClock):
    """The machine's clock, put forward by hand: what waits for it waits until it is told to go on."""

    ahead: float = 0.0

    def now(self) -> float:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    def forward(self, seconds: float) -> None:
        self.ahead += seconds


@contextmanager
def sandboxed(clips: Path, *, clock: Clock | None = None, **options: Any) -> Iterator[Sandbox]:
    """The five providers at one address, rendering within a moment unless told otherwise."""
    quick = {"queue_seconds": 0.0, "render_seconds": 0.3, "jitter": 0.0, **options}
    with running_sandbox(SandboxOptions(cache=clips, **quick), clock=clock) as sandbox:
        yield sandbox


def pointed(provider: str, url: str, *, seats: int = 20) -> dict[str, str]:
    """The environment in which `provider` is the sandbox at `url`, and asked often."""
    convention = CONVENTIONS[provider]
    values = {
        f"RUSHES_{provider.upper()}_URL": url,
        f"RUSHES_{provider.upper()}_FIRST_POLL": "0.2",
        f"RUSHES_{provider.upper()}_SLOWEST_POLL": "0.5",
        f"RUSHES_{provider.upper()}_SEATS": str(seats),
        convention.key_variable: KEYS[provider],
    }
    if convention.account_variable is not None:
        values[convention.account_variable] = "0123456789abcdef"
    return values


@contextmanager
def one_worker(
    desk: Desk, redis_url: str, namespace: str, sandboxes: Mapping[str, Sandbox], **given: Any
) -> Iterator[None]:
    """Have one worker, at a Redis that is there already, render whatever is submitted at the desk.

    Each provider is the sandbox that `sandboxes` names for it; `given` goes to `pointed`. It starts a quarter of the
    processes that as many `rushes run` would.
    """
    desk.environ |= {"RUSHES_REDIS_URL": redis_url, "RUSHES_NAMESPACE": namespace}
    for provider, sandbox in sandboxes.items():
        desk.environ |= pointed(provider, sandbox.url, **given)
    with (desk.folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rushes", "worker"],
            cwd=desk.folder,
            env={**desk.environ, PARENT_VARIABLE: str(os.getpid())},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
            assert process.poll() is None, "the worker has ended by itself"
        finally:
            process.terminate()
            try:
                process.wait(300)
            finally:
                process.kill()
                process.wait()


def submitted(desk: Desk, batches: Iterable[str]) -> dict[str, Ended]:
    """Submit the manifests of these batches together, and wait until each has ended."""
    running = {batch: desk.start("submit", "--wait", f"{batch}.yaml") for batch in batches}
    return {batch: desk.end(process) for batch, process in running.items()}


def manifest(
    provider: str,
    shots: Mapping[str, Mapping[str, Any]],
    *,
    batch: str = "night",
    model: str = "seedance-2.0-fast",
) -> str:
    """A manifest of small takes, one a shot. JSON is YAML. A shot without a prompt gets one of its own."""
    return json.dumps(
        {
            "batch": batch,
            "provider": provider,
            "model": model,
            "defaults": {"duration": 4, "resolution": "480p", "aspect_ratio": "1:1", "generate_audio": False},
            "shots": [{"name": name, "prompt": f"A dog, {name}", **fields} for name, fields in shots.items()],
        }
    )


def faulty(fault: str, **fields: Any) -> dict[str, Any]:
    """A shot at which `fault` strikes."""
    return {"prompt": f"A dog [sandbox: {fault}]", **fields}


def sent(sandbox: Sandbox) -> Counter[str]:
    """How often each prompt was accepted."""
    return Counter(job.prompt for job in sandbox.account.submissions())


def billed(sandbox: Sandbox) -> Counter[str]:
    """How often each prompt was billed."""
    return Counter(job.prompt for job in sandbox.account.billed())


def receipts(desk: Desk, batch: str = "night") -> dict[str, dict[str, Any]]:
    """The receipts of a batch in the store, by the name of the shot."""
    found = (json.loads(path.read_text()) for path in desk.files(f"{batch}/**/*.receipt.json"))
    return {receipt["shot"]: receipt for receipt in found}


def is_whole(desk: Desk, sandbox: Sandbox, receipt: Mapping[str, Any]) -> Submission:
    """Check a take's files against its receipt and against what the provider delivered; the job that it was."""
    store = desk.folder / "renders"
    job = sandbox.account.get(receipt["job_id"][-36:])
    assert job is not None and job.footage is not None
    assert job.prompt == receipt["asked"]["prompt"]

    video, picture = store / receipt["video"]["key"], store / receipt["last_frame"]["key"]
    theirs = httpx.get(receipt["video"]["source_url"]).raise_for_status().content
    digest = hashlib.sha256(video.read_bytes()).hexdigest()
    assert digest == receipt["video"]["sha256"] == hashlib.sha256(theirs).hexdigest()
    assert hashlib.sha256(picture.read_bytes()).hexdigest() == receipt["last_frame"]["sha256"]

    frames = job.footage.seconds * 24
    assert receipt["video"]["frames"] == frames
    assert _number(picture) == frames - 1
    if receipt["last_frame"]["source"] == "provider":
        ours = desk.folder / "ours.png"
        develop(video, ours)
        assert _number(ours) == frames - 1
        ours.unlink()
    return job


def no_secret(desk: Desk, *outputs: str) -> None:
    """Check that no key, nor half of one, stands in anything that was written or said."""
    halves = [half for key in KEYS.values() for half in key.split(":") if "hush" in half]
    written = {str(path): path.read_bytes() for path in desk.folder.parent.rglob("*") if path.is_file()}
    assert any(path.endswith("worker.log") for path in written), "nothing was logged, so nothing was looked at"
    for number, output in enumerate(outputs):
        written[f"output {number}"] = output.encode()
    leaks = [(where, half) for where, text in written.items() for half in halves if half.encode() in text]
    assert leaks == []


def _number(picture: Path) -> int:
    with Image.open(picture) as image:
        return read_number(image)
