"""What a folder does as a store: on disk, when the disk is full, and when a writer dies."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from workers.errors import ObjectMissing, StoreError, StoreFull, StoreRefused
from workers.store.folder import ABANDONED_AFTER, FolderStore

KEY = "sunflowers/opening/0007.mp4"


COPY = "wheat/opening/0001.mp4"


def everything_below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def failing(number: int) -> Callable[[str, int], int]:
    def opener(path: str, flags: int) -> int:
        raise OSError(number, os.strerror(number), path)

    return opener


def always_full(path: str, flags: int) -> int:
    """The kernel's own device that has no room: every write to it fails with a true ENOSPC."""
    return os.open("/dev/full", os.O_WRONLY)


@dataclass
class Disk:
    """A disk that can be filled and emptied, with a store on it."""

    store: FolderStore
    root: Path
    fill: Callable[[], None]
    empty: Callable[[], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system of 1 MB where one may be mounted (root), elsewhere a folder that /dev/full stands in for."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    root = mounted / "renders"
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mounted)]
    if os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        filler = mounted / "filler"

        def fill() -> None:
            with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))

        try:
            yield Disk(FolderStore(root), root, fill, filler.unlink)
        finally:
            subprocess.run(["umount", str(mounted)], check=True)
    else:
        full = [False]

        def opener(path: str, flags: int) -> int:
            return always_full(path, flags) if full[0] else os.open(path, flags, 0o666)

        yield Disk(
            FolderStore(root, opener=opener),
            root,
            lambda: full.__setitem__(0, True),
            lambda: full.__setitem__(0, False),
        )


def test_a_full_disk_keeps_what_was_there_and_takes_more_once_there_is_room(disk: Disk, tmp_path: Path) -> None:
    disk.store.put_bytes(KEY, b"the old take", content_type="video/mp4")
    source = tmp_path / "source.mp4"
    source.write_bytes(bytes(300_000))
    sha256 = hashlib.sha256(bytes(300_000)).hexdigest()
    disk.fill()
    with pytest.raises(StoreFull) as caught:
        disk.store.put_file(KEY, source, sha256=sha256, content_type="video/mp4")
    assert str(disk.root / KEY) in str(caught.value)
    assert "300000 bytes" in str(caught.value)
    assert disk.store.get(KEY) == b"the old take"
    assert everything_below(disk.root) == [KEY]
    disk.empty()
    disk.store.put_file(KEY, source, sha256=sha256, content_type="video/mp4")
    assert disk.store.get(KEY) == bytes(300_000)


def test_a_device_without_room_is_a_full_store(tmp_path: Path) -> None:
    store = FolderStore(tmp_path, opener=always_full)
    with pytest.raises(StoreFull, match="17 bytes"):
        store.put_bytes(KEY, b"seventeen bytes!!", content_type="video/mp4")
    with pytest.raises(StoreFull):
        store.check()
    assert everything_below(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
        (errno.EACCES, StoreRefused),
        (errno.EROFS, StoreRefused),
        (errno.ENAMETOOLONG, StoreRefused),
        (errno.EIO, StoreError),
        (errno.EMFILE, StoreError),
        (errno.ESTALE, StoreError),
    ],
)
def test_what_the_system_says_becomes_one_class(tmp_path: Path, number: int, expected: type[StoreError]) -> None:
    store = FolderStore(tmp_path, opener=failing(number))
    with pytest.raises(StoreError) as caught:
        store.put_bytes(KEY, b"x", content_type="video/mp4")
    assert type(caught.value) is expected
    assert str(tmp_path / KEY) in str(caught.value)
    assert os.strerror(number) in str(caught.value)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "renders").write_text("I am a file")
    store = FolderStore(tmp_path / "renders")
    for deed in (
        store.check,
        lambda: store.put_bytes(KEY, b"x", content_type="video/mp4"),
        lambda: store.get(KEY),
        lambda: list(store.keys("")),
    ):
        with pytest.raises(StoreRefused, match="renders") as caught:
            deed()
        assert not isinstance(caught.value, ObjectMissing)


def test_an_object_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put_bytes("a", b"x", content_type="video/mp4")
    with pytest.raises(StoreRefused):
        store.put_bytes("a/b", b"x", content_type="video/mp4")
    store.put_bytes("c/d", b"x", content_type="video/mp4")
    with pytest.raises(StoreRefused):
        store.put_bytes("c", b"x", content_type="video/mp4")
    assert everything_below(tmp_path) == ["a", "c/d"]


def test_a_folder_that_vanishes_is_an_error_and_not_an_empty_store(tmp_path: Path) -> None:
    root = tmp_path / "disk"
    store = FolderStore(root)
    assert list(store.keys("")) == []
    store.put_bytes(KEY, b"paid for", content_type="video/mp4")
    root.rename(tmp_path / "unmounted")
    for there in (False, True):
        if there:
            root.mkdir()  # what an unmounted disk leaves behind
        for deed in (
            lambda: list(store.keys("")),
            lambda: store.get(KEY),
            lambda: store.put_bytes(KEY, b"paid for", content_type="video/mp4"),
        ):
            with pytest.raises(StoreError, match="no longer the folder it was") as caught:
                deed()
            assert type(caught.value) is StoreError
    assert list(root.iterdir()) == []
    root.rmdir()
    (tmp_path / "unmounted").rename(root)
    assert store.get(KEY) == b"paid for"


def test_a_batch_folder_that_is_removed_is_made_again(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put_bytes(KEY, b"x", content_type="video/mp4")
    (tmp_path / KEY).unlink()
    (tmp_path / KEY).parent.rmdir()
    with pytest.raises(StoreError):
        store.put_bytes(KEY, b"x", content_type="video/mp4")
    store.put_bytes(KEY, b"x", content_type="video/mp4")
    assert store.get(KEY) == b"x"


def test_a_file_that_is_not_what_it_was_is_not_stored(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "renders")
    source = tmp_path / "source.mp4"
    source.write_bytes(b"damaged")
    with pytest.raises(StoreError, match="sha256") as caught:
        store.put_file(KEY, source, sha256=hashlib.sha256(b"whole").hexdigest(), content_type="video/mp4")
    assert type(caught.value) is StoreError
    assert everything_below(tmp_path / "renders") == []


def test_objects_are_readable_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        FolderStore(tmp_path).put_bytes(KEY, b"x", content_type="video/mp4")
    finally:
        os.umask(before)
    assert (tmp_path / KEY).stat().st_mode & 0o777 == 0o644


def test_foreign_files_do_not_trouble_a_listing(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put_bytes(KEY, b"x", content_type="video/mp4")
    (tmp_path / "back\\slash").write_bytes(b"")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "sunflowers" / "loop").symlink_to(tmp_path, target_is_directory=True)
    with (tmp_path / os.fsdecode(b"\xff.mp4")).open("wb"):
        pass
    assert list(store.keys("")) == [KEY]


def test_a_linked_batch_is_listed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    FolderStore(elsewhere).put_bytes("opening/0007.mp4", b"x", content_type="video/mp4")
    root = tmp_path / "renders"
    root.mkdir()
    (root / "sunflowers").symlink_to(elsewhere, target_is_directory=True)
    assert KEY in list(FolderStore(root).keys("sunflowers/"))


def test_the_url_is_the_path(tmp_path: Path) -> None:
    assert FolderStore(tmp_path).url(KEY) == str(tmp_path / KEY)


def test_the_place_of_half_written_files_takes_no_object(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match=r"\.rushes/tmp/"):
        FolderStore(tmp_path).put_bytes(".rushes/tmp/x", b"x", content_type="video/mp4")


def test_a_copy_is_another_name_of_the_same_file(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put_bytes(KEY, b"film", content_type="video/mp4")
    store.copy(KEY, COPY)
    assert (tmp_path / COPY).samefile(tmp_path / KEY)
    assert everything_below(tmp_path) == [KEY, COPY]
    store.copy(KEY, COPY)
    assert everything_below(tmp_path) == [KEY, COPY], "a rename onto another name of the same file does nothing"


def test_the_file_and_not_the_link_to_it_gets_another_name(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put_bytes("masters/film.mp4", b"film", content_type="video/mp4")
    (tmp_path / "linked.mp4").symlink_to("masters/film.mp4")
    store.copy("linked.mp4", COPY)
    assert not (tmp_path / COPY).is_symlink()
    assert store.get(COPY) == b"film"


@pytest.mark.parametrize(
    "number", [errno.EPERM, errno.EACCES, errno.EXDEV, errno.EMLINK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL]
)
def test_where_there_are_no_links_a_copy_is_made(tmp_path: Path, number: int) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number), str(source), None, str(target))

    store = FolderStore(tmp_path, link=link)
    body = hashlib.sha256(b"take").digest() * 50_000
    store.put_bytes(KEY, body, content_type="video/mp4")
    store.put_bytes(COPY, b"what was there", content_type="video/mp4")
    store.copy(KEY, COPY)
    assert store.get(COPY) == body
    assert not (tmp_path / COPY).samefile(tmp_path / KEY)
    assert everything_below(tmp_path) == [KEY, COPY]


def test_a_link_that_fails_for_another_reason_is_an_error_and_leaves_what_was_there(tmp_path: Path) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(source), None, str(target))

    store = FolderStore(tmp_path, link=link)
    store.put_bytes(KEY, b"film", content_type="video/mp4")
    store.put_bytes(COPY, b"what was there", content_type="video/mp4")
    with pytest.raises(StoreError, match=os.strerror(errno.EIO)) as caught:
        store.copy(KEY, COPY)
    assert str(tmp_path / COPY) in str(caught.value)
    assert store.get(COPY) == b"what was there"
    assert everything_below(tmp_path) == [KEY, COPY]


def test_a_copy_for_which_there_is_no_room_leaves_nothing(tmp_path: Path) -> None:
    FolderStore(tmp_path).put_bytes(KEY, b"film", content_type="video/mp4")

    def no_link(source: Path, target: Path) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), str(source))

    with pytest.raises(StoreFull, match=COPY):
        FolderStore(tmp_path, opener=always_full, link=no_link).copy(KEY, COPY)
    assert everything_below(tmp_path) == [KEY]


def test_a_folder_that_vanishes_has_nothing_missing_from_it(tmp_path: Path) -> None:
    root = tmp_path / "disk"
    store = FolderStore(root)
    store.put_bytes(KEY, b"paid for", content_type="video/mp4")
    root.rename(tmp_path / "unmounted")
    for deed in (lambda: store.copy(KEY, COPY), lambda: list(store.folders(""))):
        with pytest.raises(StoreError, match="no longer the folder it was") as caught:
            deed()
        assert type(caught.value) is StoreError


def test_a_copy_in_the_making_is_not_taken_for_a_dead_writers(tmp_path: Path) -> None:
    checker = FolderStore(tmp_path)

    def link(source: Path, target: Path) -> None:
        os.link(source, target)
        checker.check()  # another process starts at this very moment

    store = FolderStore(tmp_path, link=link)
    store.put_bytes(KEY, b"film", content_type="video/mp4")
    old = (tmp_path / KEY).stat().st_mtime - ABANDONED_AFTER - 60
    os.utime(tmp_path / KEY, (old, old))
    store.copy(KEY, COPY)
    assert store.get(COPY) == b"film"
    assert everything_below(tmp_path) == [KEY, COPY]


def test_folders_are_those_that_could_hold_objects(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put_bytes(KEY, b"x", content_type="video/mp4")
    (tmp_path / "back\\slash").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "sunflowers", target_is_directory=True)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere", target_is_directory=True)
    assert list(store.folders("")) == ["empty", "linked", "sunflowers"]
    assert list(store.folders(".rushes/")) == []


WRITER = """
import sys
from pathlib import Path
from workers.store.folder import FolderStore
FolderStore(Path(sys.argv[1])).put_file(sys.argv[2], Path(sys.argv[3]), sha256="0" * 64, content_type="video/mp4")
"""


def test_a_writer_that_is_killed_leaves_nothing_to_be_seen(tmp_path: Path) -> None:
    root, pipe = tmp_path / "renders", tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, root, KEY, pipe])
    try:
        with pipe.open("wb", buffering=0) as source:
            # The pipe holds 64 KB: when all of this is taken, the writer has read some and waits for more.
            source.write(bytes(3 * 1024 * 1024))
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait()
    finally:
        writer.kill()
        writer.wait()
    store = FolderStore(root)
    leftovers = everything_below(root)
    assert len(leftovers) == 1
    assert leftovers[0].startswith(".rushes/tmp/")
    assert (root / leftovers[0]).stat().st_size > 0
    assert list(store.keys("")) == []
    with pytest.raises(ObjectMissing):
        store.get(KEY)

    store.check()
    assert everything_below(root) == leftovers, "it may yet be somebody's who is writing"
    old = (root / leftovers[0]).stat().st_mtime - ABANDONED_AFTER - 60
    os.utime(root / leftovers[0], (old, old))
    store.check()
    assert everything_below(root) == []
