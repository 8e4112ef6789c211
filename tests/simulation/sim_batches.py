"""The batches of a schedule: what a person writes, edits and runs again, and which takes that comes to."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim_provider import TakeId
from sim_store import SimStore

from jobs.manifest import Manifest
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from workers.settings import Settings, load_settings

NAMESPACE = "sim"

PRICE = 1_000_000
"""Micros that a take of a batch with a budget costs at most: 1 USD, by its manifest."""


@dataclass
class Batch:
    """A manifest file. `takes` is how many values its axis has; `wording` is what stands behind each prompt; `chained`
    lets a second shot follow upon each take, and a third upon each of those."""

    provider: str | tuple[str, ...]
    name: str
    takes: int
    budget: float | None = None
    on_doubt: str | None = None
    wording: str = ""
    edited: bool = False
    chained: bool = False

    @property
    def manifest(self) -> Manifest:
        """What the file says now."""
        return _manifest(self.provider, self.name, self.takes, self.wording, self.budget, self.on_doubt, self.chained)


class Takes:
    """Which index stands for which take, by the manifests that are frozen in the store."""

    def __init__(self, store: SimStore) -> None:
        self._store = store

    def of(self, batch: Batch) -> Expansion:
        """All takes that a batch has had."""
        frozen = self._store.objects.get(f"{batch.name}/.rushes/manifest.json")
        return _expansion(batch.manifest.model_dump_json().encode() if frozen is None else frozen)

    def name(self, batches: dict[str, Batch], take: TakeId) -> str:
        """What a take is called."""
        return self.of(batches[take[0]])[take[1]].name


@functools.lru_cache(4096)
def _expansion(frozen: bytes) -> Expansion:
    return Expansion(Lineage.from_json(frozen))


@functools.cache
def settings(seats: int, per_minute: int, spool: str) -> Settings:
    """Those of all processes."""
    values = {
        "FAL_KEY": "id:secret-of-fal",
        "APIFRAME_API_KEY": "secret-of-apiframe",
        "ARK_API_KEY": "secret-of-ark",
        "CLOUDFLARE_API_TOKEN": "secret-of-cloudflare",
        "CLOUDFLARE_ACCOUNT_ID": "account",
        "RUSHES_NAMESPACE": NAMESPACE,
        "RUSHES_STORE": "memory",
    }
    for provider in ("fal", "apiframe", "ark", "cloudflare"):
        values[f"RUSHES_{provider.upper()}_SEATS"] = str(seats)
        values[f"RUSHES_{provider.upper()}_URL"] = f"http://{provider}.test"
        if per_minute:
            values[f"RUSHES_{provider.upper()}_REQUESTS_PER_MINUTE"] = str(per_minute)
    return load_settings(values, Path(spool))


@functools.cache
def _manifest(
    provider: str | tuple[str, ...],
    batch: str,
    takes: int,
    wording: str,
    budget: float | None,
    on_doubt: str | None,
    chained: bool,
) -> Manifest:
    sweep = {"n": list(range(takes))}
    shot: dict[str, Any] = {"name": "s", "prompt": f"take {{n}} of {batch}{wording}", "sweep": sweep}
    follows = [
        {
            "name": name,
            "for_each": parent,
            "prompt": f"{name} of {{n}} of {batch}{wording}",
            "start_image": f"{parent}.last_frame",
        }
        for parent, name in (("s", "t"), ("t", "u"))
    ]
    terms: dict[str, Any] = {} if on_doubt is None else {"on_doubt": on_doubt}
    if budget is not None:
        terms |= {"budget": f"{budget:g} USD", "price": f"{PRICE // 1_000_000} USD"}
    return Manifest.model_validate(
        {
            "batch": batch,
            "provider": provider,
            "model": "seedance-2.0-fast",
            "defaults": {"duration": 4, "resolution": "480p", "aspect_ratio": "1:1"},
            "shots": [shot, *(follows if chained else [])],
            **terms,
        }
    )
