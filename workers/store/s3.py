"""A store in a bucket, at AWS or any server that speaks S3.

Only what every such server does alike is used: one request to put, one to get, a listing. Credentials,
region and endpoint come from where boto3 looks for them (`AWS_*`, `AWS_ENDPOINT_URL_S3`, a profile, the
machine's role).
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict
from urllib.parse import urlsplit

import boto3.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from workers.errors import ObjectMissing, SettingsError, StoreError, StoreRefused
from workers.store.keys import OWN, check_key, check_prefix, flaw
from workers.store.pieces import PIECE, write_pieces
from workers.store.s3_errors import Place, refuses_checksums, trouble

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import ListObjectsV2OutputTypeDef, ListObjectsV2RequestTypeDef

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0
"""Seconds without a byte, not for a whole object."""

TRIES = 3
"""How often boto3 makes one request before it gives up: a put may be repeated, since it replaces."""

CONNECTIONS = 64

LONGEST_SIGNED = 7 * 24 * 3600
"""Seconds: the most that Signature Version 4 allows ("Authenticating requests: using query parameters")."""

_PROBES = f"{OWN}/check-"


class _Proof(TypedDict, total=False):
    """Arguments of a put, by which the server checks what it gets."""

    ChecksumAlgorithm: Literal["SHA256"]
    ChecksumSHA256: str
    ContentMD5: str


def open_s3(url: str, environ: Mapping[str, str]) -> S3Store:
    """The store at `s3://bucket` or `s3://bucket/prefix`. Nothing is sent before it is used.

    boto3 reads `os.environ` by itself; `environ` tells which values no message may show.
    Raises `SettingsError` when `url` names no bucket.
    """
    split = urlsplit(url)
    prefix = split.path.strip("/")
    if split.scheme != "s3" or not split.netloc or "@" in split.netloc or split.query or split.fragment:
        shown = url.rpartition("@")[2] if "@" in url else url
        raise SettingsError(
            f"the store {shown!r} is not of the form s3://bucket or s3://bucket/prefix. "
            "Keys belong in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a server in AWS_ENDPOINT_URL_S3"
        )
    if prefix:
        try:
            check_key(prefix)
        except StoreRefused as error:
            raise SettingsError(f"the store {url!r} can't be used: {error}") from error
    hidden = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
    return S3Store(split.netloc, prefix, connect, secrets_of=[environ[name] for name in hidden if environ.get(name)])


def connect() -> S3Client:
    """A client as this store needs it, from boto3's own sources of credentials, region and endpoint.

    It costs 0.1 s the first time in a process. Raises botocore's errors, and `ValueError` for an endpoint
    that is no URL.
    """
    # A session of its own: boto3's shared one can't make clients in two threads at once.
    made: S3Client = boto3.session.Session().client(
        "s3",
        # How a bucket is addressed is left to boto3: in the path where an endpoint is set, unless a profile says
        # `addressing_style = virtual`; in the host name at AWS.
        config=Config(
            signature_version="s3v4",
            # The default adds checksum trailers, which some servers answer with 411, and checks checksums
            # that some servers get wrong. What we send carries its own (`ChecksumSHA256`).
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"mode": "standard", "total_max_attempts": TRIES},
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            max_pool_connections=CONNECTIONS,
        ),
    )
    return made


class S3Store:
    """Objects in `bucket`, under `prefix` (no slash at either end; may be empty).

    `client` makes a client; it is called once in each process that uses the store, so a store made before a
    fork is good after it. `secrets_of` are texts that no message may show.
    """

    def __init__(
        self, bucket: str, prefix: str, client: Callable[[], S3Client], *, secrets_of: list[str] | None = None
    ) -> None:
        self._bucket = bucket
        self._prefix = prefix + "/" if prefix else ""
        self._make_client = client
        self._clients: dict[int, S3Client] = {}
        self._secrets = tuple(secrets_of or ())
        self._sends_sha256 = True

    def __repr__(self) -> str:
        return f"S3Store({self._url('')!r})"

    def put_file(self, key: str, path: Path, *, sha256: str, content_type: str) -> None:
        """Store the file's bytes under `key` in one request, with `sha256` (hex) for the server to check.

        Most servers check it. Raises `StoreError`, `StoreFull`, `StoreRefused`.
        """
        check_key(key)
        try:
            size = path.stat().st_size
            file = path.open("rb")
        except OSError as error:
            raise StoreError(f"{path} can't be read, to be stored as {self.url(key)}: {error.strerror}") from error
        with file:
            self._put(key, file, size=size, sha256=sha256, content_type=content_type)

    def put_bytes(self, key: str, body: bytes, *, content_type: str) -> None:
        """Store `body` under `key`, replacing what was there. Raises as `put_file` does."""
        check_key(key)
        sha256 = hashlib.sha256(body).hexdigest()
        self._put(key, body, size=len(body), sha256=sha256, content_type=content_type)

    def get(self, key: str) -> bytes:
        """The object's bytes. Raises `ObjectMissing` when there is none, `StoreError` otherwise."""
        check_key(key)
        try:
            answer = self._client().get_object(Bucket=self._bucket, Key=self._prefix + key)
            return answer["Body"].read()
        except (ClientError, BotoCoreError, OSError) as error:
            raise self._trouble(error, key, "GetObject") from error

    def get_file(self, key: str, path: Path) -> str:
        """Write the object's bytes to `path` and return their sha256 (hex). Raises as `get` does, and OSError."""
        check_key(key)

        def pieces() -> Iterator[bytes]:
            try:
                answer = self._client().get_object(Bucket=self._bucket, Key=self._prefix + key)
                with closing(answer["Body"]) as body:
                    yield from body.iter_chunks(PIECE)
            except (ClientError, BotoCoreError, OSError) as error:
                raise self._trouble(error, key, "GetObject") from error

        return write_pieces(pieces(), path)

    def copy(self, source_key: str, key: str) -> None:
        """Have the object of `source_key` under `key` as well, replacing what was there, by one request (CopyObject).

        The server copies; it keeps the content type and the sha256. The source may be of 5 GiB at most ("CopyObject").
        Raises `ObjectMissing` when there is no source, `StoreError`, `StoreFull`, `StoreRefused`.
        """
        check_key(source_key)
        check_key(key)
        if source_key == key:
            # S3 refuses to copy an object to itself when nothing about it changes.
            if not self.exists(key):
                raise ObjectMissing(f"{self._url(key)}: there is no such object")
            return
        source = self._prefix + source_key
        try:
            self._client().copy_object(
                Bucket=self._bucket,
                Key=self._prefix + key,
                CopySource={"Bucket": self._bucket, "Key": source},
                MetadataDirective="COPY",
            )
        except (ClientError, BotoCoreError) as error:
            trouble = self._trouble(error, source_key, "CopyObject")
            if isinstance(trouble, ObjectMissing):
                raise trouble from error
            raise self._trouble(error, key, "PutObject") from error

    def exists(self, key: str) -> bool:
        """Whether there is an object under `key`. Raises `StoreError`."""
        check_key(key)
        try:
            self._client().head_object(Bucket=self._bucket, Key=self._prefix + key)
        except ClientError as error:
            # The answer to a HEAD has no body, and so no code beside the status.
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                return False
            raise self._trouble(error, key, "GetObject") from error
        except BotoCoreError as error:
            raise self._trouble(error, key, "GetObject") from error
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that begins with `prefix`, in order of their bytes; a thousand at a time are in memory.

        Raises `StoreError`, also when the listing is not whole or not in order: a receipt that is missing
        from a listing would be rendered, and paid for, again.
        """
        for key in self._listed(prefix, folders=False):
            if not key.endswith("/"):  # What web consoles make to show an empty folder.
                yield key

    def folders(self, prefix: str) -> Iterator[str]:
        """The names of the folders directly below `prefix`, as `Store.folders` has it, by listing nothing else.

        Raises `StoreError`, as `keys` does.
        """
        above = prefix.rfind("/") + 1
        for key in self._listed(prefix, folders=True):
            name = key[above:-1]
            # Others put things into buckets that could be no folder of ours.
            if key != f"{OWN}/" and not flaw(name):
                yield name

    def url(self, key: str) -> str:
        """`s3://bucket/prefix/key`."""
        check_key(key)
        return self._url(key)

    def presign(self, key: str, *, seconds: int) -> str:
        """A URL, signed by Signature Version 4, under which anyone can get the object for so many seconds.

        AWS allows 604800 (7 days), and ends it sooner when the credentials that signed are temporary and end. Nothing
        is sent. Raises `StoreRefused` when there is nothing to sign with.
        """
        check_key(key)
        if not 0 < seconds <= LONGEST_SIGNED:
            raise ValueError(f"a URL can be signed for 1 to {LONGEST_SIGNED} seconds, not for {seconds}")
        try:
            return self._client().generate_presigned_url(
                "get_object", Params={"Bucket": self._bucket, "Key": self._prefix + key}, ExpiresIn=seconds
            )
        except (ClientError, BotoCoreError) as error:
            raise self._trouble(error, key, "GetObject") from error

    @contextmanager
    def probe(self, body: bytes) -> Iterator[str]:
        """The key of a small object of our own, which is there for as long as the block runs. Raises `StoreError`."""
        key = f"{_PROBES}{secrets.token_hex(8)}"
        self.put_bytes(key, body, content_type="text/plain")
        try:
            yield key
        finally:
            try:
                self._client().delete_object(Bucket=self._bucket, Key=self._prefix + key)
            except (ClientError, BotoCoreError) as error:
                raise self._trouble(error, key, "DeleteObject") from error

    def keeps_what_is_there(self, key: str) -> bool:
        """Whether the server refuses to write over the object of `key` when it is asked to (`If-None-Match: *`).

        One that doesn't know the condition may have replaced the object by the same bytes. Raises `StoreError`.
        """
        body = self.get(key)
        try:
            self._client().put_object(Bucket=self._bucket, Key=self._prefix + key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == 412:
                return True
            if status == 501:
                return False
            raise self._trouble(error, key, "PutObject") from error
        except BotoCoreError as error:
            raise self._trouble(error, key, "PutObject") from error
        return False

    def check(self) -> None:
        """Put, get, list and delete a small object.

        Raises `StoreRefused` saying what to mend, `StoreFull`, `StoreError` when the server can't be reached.
        """
        body = b"Rushes was here to see whether it can store.\n"
        key = f"{_PROBES}{secrets.token_hex(8)}"
        self.put_bytes(key, body, content_type="text/plain")
        if self.get(key) != body:
            raise StoreError(f"{self.url(key)}: what was read is not what was written a moment before")
        if key not in self.keys(key):
            raise StoreRefused(
                f"{self.url(key)} was just written and is not in the bucket's listing: "
                "Rushes needs a server that lists an object as soon as it is stored"
            )
        try:
            self._client().delete_object(Bucket=self._bucket, Key=self._prefix + key)
        except (ClientError, BotoCoreError) as error:
            raise self._trouble(error, key, "DeleteObject") from error

    def _put(self, key: str, body: bytes | BufferedReader, *, size: int, sha256: str, content_type: str) -> None:
        try:
            try:
                self._put_once(key, body, size, sha256, content_type)
            except ClientError as error:
                if not self._sends_sha256 or not refuses_checksums(error):
                    raise
                # Objects are put anew without it from now on; a put replaces, so it may be made again.
                self._sends_sha256 = False
                self._put_once(key, body, size, sha256, content_type)
        except (ClientError, BotoCoreError, OSError) as error:
            raise self._trouble(error, key, "PutObject", size=size) from error

    def _put_once(self, key: str, body: bytes | BufferedReader, size: int, sha256: str, content_type: str) -> None:
        # No `IfNoneMatch`. Keys are deterministic, so a second writer brings the same take; refusing it
        # would make an error of a put whose answer was lost. It would not keep two writers apart either:
        # some servers ignore it, and one lets several win. Redis keeps them apart.
        self._client().put_object(
            Bucket=self._bucket,
            Key=self._prefix + key,
            Body=body,
            ContentLength=size,
            ContentType=content_type,
            Metadata={"sha256": sha256},
            **self._proof(body, sha256),
        )

    def _proof(self, body: bytes | BufferedReader, sha256: str) -> _Proof:
        """What the server is to check the bytes by; a file is at its beginning afterwards."""
        if self._sends_sha256:
            return {
                "ChecksumAlgorithm": "SHA256",
                "ChecksumSHA256": base64.b64encode(bytes.fromhex(sha256)).decode(),
            }
        if isinstance(body, bytes):
            digest = hashlib.md5(body, usedforsecurity=False)
        else:
            body.seek(0)
            digest = hashlib.file_digest(body, lambda: hashlib.md5(usedforsecurity=False))
            body.seek(0)
        return {"ContentMD5": base64.b64encode(digest.digest()).decode()}

    def _listed(self, prefix: str, *, folders: bool) -> Iterator[str]:
        """The keys that begin with `prefix`, or the beginnings up to the next slash that they have in common."""
        check_prefix(prefix)
        asked: ListObjectsV2RequestTypeDef = {"Bucket": self._bucket, "Prefix": self._prefix + prefix}
        if folders:
            asked["Delimiter"] = "/"
        last = ""
        while True:
            page = self._page(prefix, asked)
            if folders:
                names = [found["Prefix"] for found in page.get("CommonPrefixes", [])]
            else:
                names = [found["Key"] for found in page.get("Contents", [])]
            for name in names:
                key = name.removeprefix(self._prefix)
                if key == last:
                    continue  # rclone lists a key twice when several writers made it at once.
                if key < last:
                    raise StoreError(f"{self._url(prefix)}: the server lists {key} after {last}: out of order")
                last = key
                yield key
            if not page["IsTruncated"]:
                return
            token = page.get("NextContinuationToken")
            if not token or token == page.get("ContinuationToken"):
                raise StoreError(f"{self._url(prefix)}: the server cut its listing and does not say where it goes on")
            asked["ContinuationToken"] = token

    def _page(self, prefix: str, asked: ListObjectsV2RequestTypeDef) -> ListObjectsV2OutputTypeDef:
        try:
            page = self._client().list_objects_v2(**asked)
        except (ClientError, BotoCoreError) as error:
            raise self._trouble(error, prefix, "ListBucket") from error
        if "IsTruncated" not in page:
            # boto3 reads any well-formed XML, a proxy's login page too, as an empty listing.
            raise StoreError(
                f"{self._url(prefix)}: what answered the request for a listing does not speak S3. "
                "Is AWS_ENDPOINT_URL_S3 right, and is there a proxy between?"
            )
        return page

    def _client(self) -> S3Client:
        # By process: connections must not be shared across a fork. Two threads may each make a client at
        # first; one of the two is dropped. The parent's stays, lest the child close it.
        pid = os.getpid()
        made = self._clients.get(pid)
        if made is None:
            try:
                made = self._clients.setdefault(pid, self._make_client())
            except (BotoCoreError, ValueError) as error:
                raise trouble(error, Place(self._url(""), self._bucket, None, self._secrets)) from error
        return made

    def _url(self, key: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}{key}"

    def _trouble(self, error: Exception, key: str, action: str, *, size: int | None = None) -> StoreError:
        made = self._clients.get(os.getpid())
        endpoint = made.meta.endpoint_url if made else None
        place = Place(self._url(key), self._bucket, endpoint, self._secrets)
        return trouble(error, place, action=action, size=size)
