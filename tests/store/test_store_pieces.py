"""Objects that come to a file piece by piece."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest
from s3_servers import point_at, start_rclone

from workers.errors import ObjectMissing
from workers.store import Store, open_store
from workers.store.pieces import PIECE

MB = 1024**2


@pytest.mark.parametrize("size", [0, 1, PIECE, 2 * PIECE + 17])
def test_what_comes_is_what_was_put_and_replaces_what_was_there(store: Store, tmp_path: Path, size: int) -> None:
    body = os.urandom(size)
    store.put_bytes("night/opening/0001.mp4", body, content_type="video/mp4")
    target = tmp_path / "here.mp4"
    target.write_bytes(b"something else")
    assert store.get_file("night/opening/0001.mp4", target) == hashlib.sha256(body).hexdigest()
    assert target.read_bytes() == body


def test_what_is_missing_is_said_to_be(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ObjectMissing):
        store.get_file("night/opening/0001.mp4", tmp_path / "here.mp4")


def test_a_file_that_cant_be_written_is_not_taken_for_trouble_of_the_store(store: Store, tmp_path: Path) -> None:
    store.put_bytes("night/opening/0001.mp4", b"video", content_type="video/mp4")
    with pytest.raises(FileNotFoundError):
        store.get_file("night/opening/0001.mp4", tmp_path / "nowhere" / "here.mp4")


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_memory_holds_no_more_than_some_pieces(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = None if kind == "folder" else start_rclone(tmp_path / "bucket")
    try:
        store = open_store(str(tmp_path / "renders"))
        if server is not None:
            point_at(monkeypatch, server.endpoint)
            store = open_store(f"s3://{server.bucket}/pieces")
        large = tmp_path / "large.mp4"
        large.write_bytes(os.urandom(MB) * 32)
        sha256 = hashlib.sha256(large.read_bytes()).hexdigest()
        store.put_file("night/opening/0001.mp4", large, sha256=sha256, content_type="video/mp4")
        store.exists("night/opening/0001.mp4")  # whatever a first request loads is loaded
        tracemalloc.start()
        try:
            assert store.get_file("night/opening/0001.mp4", tmp_path / "here.mp4") == sha256
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 8 * MB
    finally:
        if server is not None:
            server.stop()
