"""What every store must do alike."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workers.errors import ObjectMissing, StoreError, StoreRefused
from workers.store import Store

VIDEO = "sunflowers/opening/0007-wheat-seed3.mp4"


def put(store: Store, key: str, body: bytes, folder: Path) -> None:
    path = folder / hashlib.sha256(key.encode()).hexdigest()
    path.write_bytes(body)
    store.put_file(key, path, sha256=hashlib.sha256(body).hexdigest(), content_type="video/mp4")


@pytest.mark.parametrize("size", [0, 1, 6 * 1024 * 1024 + 1])
def test_a_file_comes_back_byte_for_byte(store: Store, tmp_path: Path, size: int) -> None:
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    put(store, VIDEO, body, tmp_path)
    assert store.get(VIDEO) == body


def test_bytes_come_back_and_are_replaced(store: Store) -> None:
    store.put_bytes("a/b.json", b"first", content_type="application/json")
    store.put_bytes("a/b.json", b"second and longer", content_type="application/json")
    assert store.get("a/b.json") == b"second and longer"
    store.put_bytes("a/b.json", b"3", content_type="application/json")
    assert store.get("a/b.json") == b"3"


def test_the_same_bytes_again_are_harmless(store: Store, tmp_path: Path) -> None:
    for _ in range(3):
        put(store, VIDEO, b"film", tmp_path)
    assert store.get(VIDEO) == b"film"
    assert list(store.keys("")) == [VIDEO]


def test_keys_are_listed_by_prefix_in_order_of_their_bytes(store: Store) -> None:
    keys = ["b/.rushes/manifest.json", "b/a.mp4", "b/a/1.mp4", "b/a0.mp4", "b/ab/2.mp4", "b/B.mp4", "bb/1.mp4"]
    for key in keys:
        store.put_bytes(key, b"x", content_type="video/mp4")
    assert list(store.keys("")) == sorted(keys, key=str.encode)
    assert list(store.keys("b/")) == sorted((key for key in keys if key.startswith("b/")), key=str.encode)
    assert list(store.keys("b/a")) == ["b/a.mp4", "b/a/1.mp4", "b/a0.mp4", "b/ab/2.mp4"]
    assert list(store.keys("b/a/")) == ["b/a/1.mp4"]
    assert list(store.keys("b/a.mp4")) == ["b/a.mp4"]
    assert list(store.keys("b/.")) == ["b/.rushes/manifest.json"]
    assert list(store.keys("nothing/")) == list(store.keys("b/a.mp4/")) == []


def test_more_keys_than_one_page_of_s3_holds_are_all_listed(pages_of_ten: None, store: Store) -> None:
    keys = [f"many/{number:04}.json" for number in range(43)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put_bytes(key, b"", content_type="application/json"), keys))
    assert list(store.keys("many/")) == keys


def test_a_copy_is_an_object_of_its_own(store: Store, tmp_path: Path) -> None:
    put(store, VIDEO, b"film", tmp_path)
    copied = "wheat/opening/0001.mp4"
    store.copy(VIDEO, copied)
    assert store.get(copied) == store.get(VIDEO) == b"film"
    assert list(store.keys("")) == [VIDEO, copied]
    store.put_bytes(VIDEO, b"another film", content_type="video/mp4")
    assert store.get(copied) == b"film"
    store.put_bytes(copied, b"a third", content_type="video/mp4")
    assert store.get(VIDEO) == b"another film"


def test_a_copy_replaces_what_was_there_and_may_be_made_again(store: Store) -> None:
    store.put_bytes("a.mp4", b"film", content_type="video/mp4")
    store.put_bytes("b.mp4", b"what was there", content_type="video/mp4")
    for _ in range(3):
        store.copy("a.mp4", "b.mp4")
        assert store.get("b.mp4") == b"film"
    store.copy("a.mp4", "a.mp4")
    assert store.get("a.mp4") == b"film"
    assert list(store.keys("")) == ["a.mp4", "b.mp4"]


def test_what_is_not_there_can_not_be_copied(store: Store) -> None:
    store.put_bytes("b/a/1.mp4", b"film", content_type="video/mp4")
    for source, key in [("b/a/2.mp4", "c.mp4"), ("b/a", "c.mp4"), ("none", "b/a/1.mp4"), ("none", "none")]:
        with pytest.raises(ObjectMissing, match=source):
            store.copy(source, key)
    assert list(store.keys("")) == ["b/a/1.mp4"]
    assert store.get("b/a/1.mp4") == b"film"


def test_a_key_with_signs_that_a_url_would_quote_is_copied(store: Store) -> None:
    store.put_bytes("b/a +%25&=?#~夜.mp4", b"film", content_type="video/mp4")
    store.copy("b/a +%25&=?#~夜.mp4", "c/d +%25&=?#~夜.mp4")
    assert store.get("c/d +%25&=?#~夜.mp4") == b"film"


def test_the_folders_below_a_prefix_are_named_once_each_in_the_order_of_their_keys(store: Store) -> None:
    for key in ["b/.rushes/m.json", "b/a.mp4", "b/a/1.mp4", "b/a/2/3.mp4", "b/a-b/1.mp4", "bb/1.mp4", "c.mp4"]:
        store.put_bytes(key, b"x", content_type="video/mp4")
    assert list(store.folders("")) == ["b", "bb"]
    assert list(store.folders("b/")) == [".rushes", "a-b", "a"]
    assert list(store.folders("b/a")) == ["a-b", "a"]
    assert list(store.folders("b/a/")) == ["2"]
    assert list(store.folders("b/a.mp4/")) == list(store.folders("nothing/")) == list(store.folders("c")) == []


def test_the_place_that_the_store_keeps_for_itself_is_no_folder_in_it(store: Store) -> None:
    assert list(store.folders("")) == []
    store.put_bytes(".rushes/inputs/1.png", b"x", content_type="image/png")
    store.put_bytes("b/1.mp4", b"x", content_type="video/mp4")
    assert list(store.folders("")) == ["b"]
    assert list(store.folders(".rushes/")) == ["inputs"]


def test_more_folders_than_one_page_of_s3_holds_are_all_named(pages_of_ten: None, store: Store) -> None:
    names = [f"{number:04}" for number in range(43)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: store.put_bytes(f"many/{name}/1", b"", content_type="video/mp4"), names))
    assert list(store.folders("many/")) == names


def test_what_is_not_there_is_missing(store: Store) -> None:
    store.put_bytes("b/a/1.mp4", b"x", content_type="video/mp4")
    for key in ("b/a/2.mp4", "b/a", "b/a/1.mp4/deeper", "c"):
        with pytest.raises(ObjectMissing, match=key):
            store.get(key)


@pytest.mark.parametrize(
    "key",
    ["", "/", "/a", "a/", "a//b", "../a", "a/../b", "a/.", "a\\b", "a\nb", "a\0b", "a/" + "x" * 256, "a/" * 600 + "a"],
)
def test_an_unsafe_key_is_refused(store: Store, tmp_path: Path, key: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    with pytest.raises(StoreRefused):
        store.put_bytes(key, b"x", content_type="video/mp4")
    with pytest.raises(StoreRefused):
        store.put_file(key, source, sha256=hashlib.sha256(b"x").hexdigest(), content_type="video/mp4")
    with pytest.raises(StoreRefused):
        store.get(key)
    with pytest.raises(StoreRefused):
        store.copy(key, "a")
    with pytest.raises(StoreRefused):
        store.copy("a", key)
    with pytest.raises(StoreRefused):
        store.url(key)
    assert list(store.keys("")) == []


@pytest.mark.parametrize("prefix", ["../", "/", "a//", "a/../", "a/..", "a\\"])
def test_an_unsafe_prefix_is_refused(store: Store, prefix: str) -> None:
    with pytest.raises(StoreRefused):
        list(store.keys(prefix))
    with pytest.raises(StoreRefused):
        list(store.folders(prefix))


def test_a_source_that_is_gone_is_an_error_naming_it(store: Store, tmp_path: Path) -> None:
    gone = tmp_path / "gone.mp4"
    with pytest.raises(StoreError, match=r"gone\.mp4"):
        store.put_file(VIDEO, gone, sha256="0" * 64, content_type="video/mp4")


def test_check_passes_and_leaves_nothing(store: Store) -> None:
    store.check()
    assert list(store.keys("")) == []


# Not moto: it closes the old object's file under those who are reading or replacing it, and answers 500.
@pytest.mark.parametrize("store", ["folder", "rclone"], indirect=True)
def test_readers_never_see_part_of_an_object(store: Store, tmp_path: Path) -> None:
    body = hashlib.sha256(b"take").digest() * 16384
    source = tmp_path / "source.mp4"
    source.write_bytes(body)
    sha256 = hashlib.sha256(body).hexdigest()
    finished = threading.Event()
    seen: list[bytes | None] = []

    def write(_: int) -> None:
        for _ in range(3):
            store.put_file(VIDEO, source, sha256=sha256, content_type="video/mp4")

    def read() -> None:
        while not finished.is_set():
            try:
                seen.append(store.get(VIDEO))
            except ObjectMissing:
                seen.append(None)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with ThreadPoolExecutor(8) as writers:
            list(writers.map(write, range(8)))
    finally:
        finished.set()
        reader.join()
    assert seen
    assert all(one is None or one == body for one in seen)
    assert store.get(VIDEO) == body
    assert list(store.keys("")) == [VIDEO]
