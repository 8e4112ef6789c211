"""Where results go: a bucket or a folder, behind one small interface (`workers.store.protocol.Store`)."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from workers.errors import SettingsError
from workers.store.folder import FolderStore
from workers.store.protocol import Store

__all__ = ["Store", "open_store"]

FORMS = "s3://bucket/prefix, file:///an/absolute/path, or the path of a folder"


def open_store(url: str) -> Store:
    """The store that `url` names: `s3://bucket/prefix`, `file:///path`, or a plain path (`~` is the home).

    Nothing is made or sent yet: `Store.check` proves that it works. Raises `SettingsError` for anything else.
    """
    scheme = re.match(r"([a-z][a-z0-9+.-]+):", url, re.IGNORECASE)
    if scheme is None:
        if not url.strip() or "\0" in url:
            raise SettingsError(f"the store {url!r} names nothing. Set RUSHES_STORE to {FORMS}")
        return FolderStore(_home(Path(url)))
    if scheme[1].lower() == "s3":
        # boto3 takes 80 ms to import, which a batch that stores in a folder need not wait for.
        from workers.store.s3 import open_s3

        return open_s3(url, os.environ)
    if scheme[1].lower() == "file":
        split = urlsplit(url)
        path = Path(unquote(split.path))
        if split.netloc in ("", "localhost") and path.is_absolute() and not split.query and not split.fragment:
            return FolderStore(path)
    # A name and password may stand in a URL of another kind.
    shown = re.sub(r"//[^/@\s]*@", "//", url)
    raise SettingsError(f"the store {shown!r} is of no form that Rushes knows. Set RUSHES_STORE to {FORMS}")


def _home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise SettingsError(f"the store {str(path)!r} can't be found: {error}. Write the path out") from error
