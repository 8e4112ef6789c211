"""What the gallery costs: how long its page takes to make and to open, how large it is, and what the browser holds.

    python bench/gallery.py [TAKES ...]

It makes batches of 12, 2,000 and 10,000 takes in a temporary folder, with posters and clips as the sandbox renders
them (the same few, linked), and opens each in Chromium if there is one (Debian's package `chromium`).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

from chromium import Tab, chromium
from PIL import Image

from jobs.manifest import Manifest
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from workers.gallery.keeper import PageKeeper
from workers.gallery.looking import Onlooker
from workers.ledger import Acceptance, Ending, Intent, Ledger
from workers.media.darkroom import develop
from workers.receipts import Cost, ImageFacts, LastFrame, Receipt, Times, VideoFacts, keys_of
from workers.sandbox.clips import ClipMaker
from workers.store.folder import FolderStore

BEGUN = 1_795_241_643.0
LOOKS = 24
PLACES = ["sunflowers", "wheat", "a birch wood in snow", "the harbour at Ålesund", "東京の路地", "an empty car park"]
LIGHTS = ["dawn", "noon", "dusk", "night rain"]
MOVES = ["low tracking shot", "slow dolly in", "handheld, following close"]


def manifest(takes: int) -> Manifest:
    """A batch of about so many takes: places, lights, moves and seeds, in two shots."""
    places, lights = PLACES[: 6 if takes > 100 else 2], LIGHTS[: 4 if takes > 100 else 2]
    moves = MOVES[: 3 if takes > 100 else 1]
    seeds = max(1, round(takes * 0.9 / (len(places) * len(lights) * len(moves))))
    first = len(places) * len(lights) * len(moves) * seeds
    second = max(2, (takes - first) // 2 * 2)
    return Manifest.model_validate(
        {
            "batch": f"night-{takes}",
            "provider": "fal",
            "model": "seedance-2.0-fast",
            "defaults": {"duration": 4, "resolution": "480p", "aspect_ratio": "16:9"},
            "shots": [
                {
                    "name": "opening",
                    "prompt": "A golden retriever running through {place} at {light}, {move}, shallow depth of field",
                    "sweep": {"place": places, "light": lights, "move": moves, "seed": f"1..{seeds}"},
                },
                {
                    "name": "leap",
                    "prompt": "The dog leaps over a wooden fence in slow motion, the camera follows",
                    "sweep": {"duration": [4, 5], "seed": f"1..{second // 2}"},
                },
            ],
        }
    )


def looks(folder: Path) -> list[tuple[Path, Path, Path]]:
    """Clips, last frames and posters, as they come from the sandbox and the darkroom."""
    folder.mkdir()
    clips = ClipMaker(folder / "clips")
    made = []
    for at in range(LOOKS):
        video, png, poster = (folder / f"{at}{ending}" for ending in (".mp4", ".png", ".webp"))
        shutil.copy(clips.master(864, 480, 1.0 + at / 24, look=at), video)
        develop(video, png, poster)
        made.append((video, png, poster))
    return made


def fill(root: Path, takes: int, made: list[tuple[Path, Path, Path]]) -> str:
    """Put a batch into a folder as a run leaves it: most done, a few failed, in doubt or never begun."""
    asked = manifest(takes)
    batch, expansion = asked.batch, Expansion(asked)
    store = FolderStore(root)
    ledger = Ledger(store, batch)
    ledger.freeze(Lineage.of(asked).to_json())
    dice = random.Random(takes)
    for take in expansion:
        kind = dice.random()
        keys = keys_of(batch, take.name)
        began = BEGUN + take.index * 1.7
        if kind > 0.97:
            if kind > 0.975:
                at = {"take": take.name, "attempt": 1, "provider": "fal", "at": began}
                digest = {"request_digest": "0" * 64, "identity": take.asked.identity()}
                ledger.intend(Intent(**at, **digest, highest_price=Decimal("0.2")))
                if kind > 0.98:
                    ledger.accept(Acceptance(**at, job_id=f"job-{take.index}", urls={}, status=200))
                    told = "the provider's moderation held back what was rendered: the output may contain a likeness"
                    ledger.end(Ending(take=take.name, attempt=1, kind="output-moderation", message=told, at=began + 40))
            continue
        video, png, poster = made[int(hashlib.sha256(take.name.encode()).hexdigest()[:6], 16) % len(made)]
        (root / keys.video).parent.mkdir(parents=True, exist_ok=True)
        for source, key in ((video, keys.video), (png, keys.last_frame), (poster, keys.poster)):
            os.link(source, root / key)
        with Image.open(poster) as image:
            width, height = image.size
        seconds = video.stat().st_size / 1e5
        receipt = Receipt(
            batch=batch,
            shot=take.shot,
            take=take.name,
            index=take.index,
            number=take.number,
            identity=take.asked.identity(),
            axes=take.axes,
            asked=take.asked,
            provider="fal",
            model=take.asked.model,
            job_id=f"job-{take.index}",
            attempt=1 if kind > 0.05 else 2,
            times=Times(
                submitted=began,
                rendered=began + 30 + 40 * dice.random(),
                stored=began + 75 + dice.random(),
            ),
            seed=take.asked.seed,
            video=VideoFacts(
                key=keys.video,
                bytes=video.stat().st_size,
                sha256="0" * 64,
                content_type="video/mp4",
                source_url="https://example.com/v.mp4",
                width=864,
                height=480,
                fps=24.0,
                frames=int(24 + made.index((video, png, poster))),
                duration=(24 + made.index((video, png, poster))) / 24,
                codec="h264",
            ),
            last_frame=LastFrame(
                key=keys.last_frame, bytes=1, sha256="0" * 64, width=864, height=480, source="decoded"
            ),
            poster=ImageFacts(key=keys.poster, bytes=1, sha256="0" * 64, width=width, height=height),
            cost=Cost(amount=Decimal("0.0968") + Decimal(int(seconds)) / 1000, currency="USD", basis="price table"),
            warnings=("4 s were asked for, the video is 3.46 s long",) if kind < 0.02 else (),
            rushes_version="0",
        )
        (root / keys.receipt).write_bytes(receipt.to_json())
    return batch


async def opened(page: Path) -> str:
    """What opening a page costs in Chromium, as the middle of three."""
    times, before, memory, steps = [], [], [], []
    for _ in range(3):
        async with chromium() as tab:
            times.append(await tab.open(page.as_uri()))
            await tab.until("document.querySelectorAll('.still').length > 0")
            before.append(tab.memory())
            steps.append(await _scrolled(tab))
            memory.append(tab.memory())
    middle = statistics.median
    return (
        f"ready in {middle(times):.0f} ms with {middle(before) / 1e6:.0f} MB, {middle(memory) / 1e6:.0f} MB after "
        "scrolling through, "
        f"{middle(steps):.1f} ms of script for a step of scrolling"
    )


async def _scrolled(tab: Tab) -> float:
    """Scroll from top to bottom in 200 steps; the mean milliseconds that the page's own work takes for one."""
    spent = await tab.run(
        """(async () => {
          const view = document.querySelector('.scroller'); let spent = 0;
          for (let i = 1; i <= 200; i += 1) {
            const begun = performance.now();
            view.scrollTop = view.scrollHeight * i / 200; view.dispatchEvent(new Event('scroll')); view.offsetHeight;
            spent += performance.now() - begun;
            await new Promise(requestAnimationFrame);
          }
          return spent / 200; })()"""
    )
    return float(spent)


def main(counts: list[int]) -> None:
    """Print a line for each number of takes."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(os.environ.get("RUSHES_BENCH_STORE", folder)) / "renders"
        root.mkdir(parents=True, exist_ok=True)
        made = looks(root.parent / "looks")
        for count in counts:
            batch = fill(root, count, made)
            keeper = PageKeeper(Onlooker(FolderStore(root), batch))
            begun = time.perf_counter()
            takes = keeper.write()
            wrote = time.perf_counter() - begun
            begun = time.perf_counter()
            assert not keeper.refresh(running=False)
            again = time.perf_counter() - begun
            page = root / batch / "gallery.html"
            size = page.stat().st_size / 1e6
            print(f"{takes:,} takes: written in {wrote:.2f} s, found unchanged in {again:.2f} s, {size:.2f} MB")  # noqa: T201
            print(f"  {asyncio.run(opened(page))}")  # noqa: T201


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [12, 2_000, 10_000])
