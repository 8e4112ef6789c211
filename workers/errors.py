"""The errors of `workers`, in one tree with those of `jobs`.

RushesError                     jobs/errors.py: a message for a person
├── SettingsError               a setting or a key is missing or makes no sense            exit 2
├── RedisError                  Redis can't be reached, refuses us, or may forget          exit 5
│   └── TakeForgotten           it has gone back to before the take was asked for
├── IllegalTransition           a defect in Rushes: a take was to go where its state doesn't lead
├── StoreError                  the store did not do what it was asked; asking again may help
│   ├── StoreRefused            it never will: no such bucket, no permission, bad key      exit 5
│   ├── StoreFull               no room left                                               exit 5
│   └── ObjectMissing           there is nothing under that key
├── DownloadError               a finished video did not arrive whole; asking again may help
│   └── LinkExpired             the link is dead: the provider must be asked for a new one
├── DamagedVideo                the file is not the video that was asked for
└── ProviderError               what a provider said, by class: workers/providers/errors.py
"""

from __future__ import annotations

from jobs.errors import RushesError


class SettingsError(RushesError):
    """A setting or a key is missing or makes no sense."""

    exit_code = 2


class RedisError(RushesError):
    """Redis can't be reached, refuses us, or is set up so that it may forget."""

    exit_code = 5


class TakeForgotten(RedisError):
    """Redis was started anew with the manifests of before an edit, which have no such take. The store has it."""

    def __init__(self, batch: str, index: int) -> None:
        super().__init__(f"Redis has gone back to before the batch {batch!r} had a take {index}; the store knows more")


class IllegalTransition(RushesError):
    """A take was to go where its state doesn't lead. Nothing was changed; this is a defect in Rushes."""


class StoreError(RushesError):
    """The store did not do what it was asked. Nothing is known to be wrong for good: ask again later."""

    exit_code = 5


class StoreRefused(StoreError):
    """The store will never do it as things stand: no such bucket, no permission, an impossible key."""


class StoreFull(StoreError):
    """The store has no room left."""


class ObjectMissing(StoreError):
    """There is nothing under that key."""


class DownloadError(RushesError):
    """A finished video did not arrive whole. It is still at the provider: ask again later."""


class LinkExpired(DownloadError):
    """The link is dead (403, 404, 410). The provider may give a new one."""


class DamagedVideo(RushesError):
    """The file that came is not the video that was asked for: cut, not an MP4, or it does not decode."""
