"""Local files in the store: each once, by its content, where no batch is."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from input_files import paint

from jobs.inputs import inspect
from jobs.takes.naming import name_fault
from workers.errors import StoreError, StoreRefused
from workers.inputs.keeping import InputChanged, key_of, store_inputs, stored_input
from workers.inputs.resolving import SIGNED_SECONDS, store_facts
from workers.receipts import done_takes
from workers.store import Store, open_store


def test_an_input_is_stored_once_and_comes_back(store: Store, tmp_path: Path) -> None:
    red, blue = (inspect(paint(tmp_path / f"{name}.png", colour=name)) for name in ("red", "blue"))
    assert not store.exists(key_of(red.reference))
    assert store_inputs(store, [red, blue]) == 2
    assert store_inputs(store, [red, blue]) == 0
    assert store.exists(key_of(red.reference))
    assert stored_input(store, red.reference) == red.path.read_bytes()
    assert list(store.keys(".rushes/")) == sorted(key_of(each.reference) for each in (red, blue))


def test_inputs_are_in_no_batch(store: Store, tmp_path: Path) -> None:
    store_inputs(store, [inspect(paint(tmp_path / "a.png"))])
    store.put_bytes("b/s/0001.receipt.json", b"{}", content_type="application/json")
    assert list(done_takes(store, "b")) == ["s/0001"]
    assert name_fault(".rushes") is not None


def test_a_file_that_has_changed_meanwhile_is_not_stored(store: Store, tmp_path: Path) -> None:
    found = inspect(paint(tmp_path / "a.png", colour="red"))
    paint(tmp_path / "a.png", colour="blue")
    with pytest.raises(InputChanged, match=r"a\.png has been changed since the manifest was read"):
        store_inputs(store, [found])
    found.path.unlink()
    with pytest.raises(InputChanged, match=r"a\.png is not there"):
        store_inputs(store, [found])
    assert not store.exists(key_of(found.reference))


def test_an_input_that_is_not_there_or_not_itself_is_said_to_be_so(store: Store, tmp_path: Path) -> None:
    found = inspect(paint(tmp_path / "a.png"))
    with pytest.raises(StoreError, match="run that again where the file is"):
        stored_input(store, found.reference)
    store.put_bytes(key_of(found.reference), b"other", content_type="image/png")
    with pytest.raises(StoreRefused, match="holds other bytes than its name says"):
        stored_input(store, found.reference)


def test_a_bucket_signs_a_url_that_anyone_can_fetch(bucket: Store, tmp_path: Path) -> None:
    found = inspect(paint(tmp_path / "a.png"))
    store_inputs(bucket, [found])
    signed = bucket.presign(key_of(found.reference), seconds=SIGNED_SECONDS)
    assert signed is not None
    answer = httpx.get(signed)
    assert (answer.status_code, answer.content) == (200, found.path.read_bytes())
    assert answer.headers["content-type"] == "image/png"
    query = httpx.URL(signed).params
    assert (query["X-Amz-Algorithm"], query["X-Amz-Expires"]) == ("AWS4-HMAC-SHA256", str(SIGNED_SECONDS))
    assert "rushes-very-secret" not in signed
    facts = store_facts(bucket, public=False)
    assert (facts.signs, facts.reachable) == (True, False)
    assert store_facts(bucket, public=True).reachable


def test_a_bucket_at_aws_can_be_reached(keys: pytest.MonkeyPatch) -> None:
    keys.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    assert store_facts(open_store("s3://films/night"), public=False).reachable


def test_without_a_key_nothing_is_signed(keys: pytest.MonkeyPatch) -> None:
    keys.delenv("AWS_ACCESS_KEY_ID")
    keys.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StoreRefused, match="there is no key to sign with"):
        open_store("s3://films").presign("a/b", seconds=60)


@pytest.mark.parametrize("seconds", [0, -1, 7 * 24 * 3600 + 1])
def test_a_url_is_signed_for_a_week_at_most(bucket: Store, seconds: int) -> None:
    with pytest.raises(ValueError, match="seconds"):
        bucket.presign("a/b", seconds=seconds)


def test_a_folder_signs_nothing(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    assert store.presign("a/b", seconds=60) is None
    with pytest.raises(StoreRefused):
        store.presign("../b", seconds=60)


def test_a_bucket_that_is_not_there_is_no_answer_to_whether_an_input_is(bucket: Store, tmp_path: Path) -> None:
    found = inspect(paint(tmp_path / "a.png"))
    gone = open_store("s3://no-such-bucket")
    with pytest.raises(StoreError):
        store_inputs(gone, [found])
