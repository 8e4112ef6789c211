"""What S3 does as a store: what goes over the wire, and what each refusal means."""

from __future__ import annotations

import hashlib
import multiprocessing
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from s3_servers import ACCESS, SECRET, S3Server, point_at, start_moto

from workers.errors import ObjectMissing, SettingsError, StoreError, StoreFull, StoreRefused
from workers.store import Store, open_store
from workers.store.s3 import TRIES, connect, open_s3

KEY = "sunflowers/opening/0007.mp4"


class Imitation:
    """A server that gives every request the same answer, and keeps what was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        imitation = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked = {name.lower(): value for name, value in self.headers.items()}
                imitation.asked.append((self.command, self.path, asked))
                self.send_response(imitation.status)
                for name, value in {"Content-Length": str(len(imitation.body)), **imitation.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(imitation.body)
                if "Content-Length" in imitation.headers:
                    self.close_connection = True

            do_GET = do_PUT = do_DELETE = do_HEAD = answer

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def refuse(self, status: int, code: str, message: str = "") -> None:
        self.status = status
        self.body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def imitation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Imitation]:
    server = Imitation()
    point_at(monkeypatch, server.endpoint)
    yield server
    server.stop()


def put(store: Store) -> None:
    store.put_bytes(KEY, b"film", content_type="video/mp4")


def test_an_object_carries_its_hash_and_type(server: S3Server, tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    source.write_bytes(b"film")
    sha256 = hashlib.sha256(b"film").hexdigest()
    store = open_store(f"s3://{server.bucket}/{tmp_path.name}")
    store.put_file(KEY, source, sha256=sha256, content_type="video/mp4")
    head = server.wire().head_object(Bucket=server.bucket, Key=f"{tmp_path.name}/{KEY}")
    # rclone gives metadata back with capitals.
    assert {name.lower(): value for name, value in head["Metadata"].items()} == {"sha256": sha256}
    assert head["ContentType"] == "video/mp4"
    assert head["ContentLength"] == 4
    assert store.url(KEY) == f"s3://{server.bucket}/{tmp_path.name}/{KEY}"


def test_a_put_is_one_request_with_a_plain_checksum(imitation: Imitation, tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    source.write_bytes(bytes(9 * 1024 * 1024))
    store = open_store("s3://films/night")
    store.put_file(KEY, source, sha256=hashlib.sha256(source.read_bytes()).hexdigest(), content_type="video/mp4")
    [(method, path, headers)] = imitation.asked
    assert (method, path) == ("PUT", f"/films/night/{KEY}")
    assert headers["content-length"] == str(9 * 1024 * 1024)
    assert headers["x-amz-checksum-sha256"]
    assert "transfer-encoding" not in headers
    assert "x-amz-trailer" not in headers
    assert "if-none-match" not in headers


def test_a_copy_keeps_the_type_and_the_hash(server: S3Server, tmp_path: Path) -> None:
    store = open_store(f"s3://{server.bucket}/{tmp_path.name}")
    store.put_bytes(KEY, b"film", content_type="video/mp4")
    store.copy(KEY, "wheat/1.mp4")
    head = server.wire().head_object(Bucket=server.bucket, Key=f"{tmp_path.name}/wheat/1.mp4")
    # rclone gives metadata back with capitals, and adds some of its own to a copy.
    kept = {name.lower(): value for name, value in head["Metadata"].items()}
    assert kept["sha256"] == hashlib.sha256(b"film").hexdigest()
    assert head["ContentType"] == "video/mp4"


def test_a_copy_is_one_request_without_a_byte_of_the_object(imitation: Imitation) -> None:
    imitation.body = b'<CopyObjectResult><ETag>"x"</ETag></CopyObjectResult>'
    open_store("s3://films/night").copy(KEY, "wheat/1.mp4")
    [(method, path, headers)] = imitation.asked
    assert (method, path) == ("PUT", "/films/night/wheat/1.mp4")
    assert headers["x-amz-copy-source"] == f"films/night/{KEY}"
    assert headers["x-amz-metadata-directive"] == "COPY"
    assert headers.get("content-length", "0") == "0"


def test_a_copy_that_fails_after_its_answer_has_begun_is_an_error(imitation: Imitation) -> None:
    imitation.body = b"<Error><Code>InternalError</Code><Message>we encountered one</Message></Error>"
    with pytest.raises(StoreError, match="we encountered one") as caught:
        open_store("s3://films/night").copy(KEY, "wheat/1.mp4")
    assert type(caught.value) is StoreError
    assert "s3://films/night/wheat/1.mp4" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "code", "expected", "place"),
    [
        (404, "NoSuchKey", ObjectMissing, KEY),
        (404, "NotFound", StoreError, "wheat/1.mp4"),
        (404, "NoSuchBucket", StoreRefused, "wheat/1.mp4"),
        (403, "AccessDenied", StoreRefused, "wheat/1.mp4"),
        (507, "Whatever", StoreFull, "wheat/1.mp4"),
    ],
)
def test_a_copy_that_is_refused_names_the_object_that_it_is_about(
    imitation: Imitation, status: int, code: str, expected: type[StoreError], place: str
) -> None:
    imitation.refuse(status, code)
    with pytest.raises(StoreError) as caught:
        open_store("s3://films/night").copy(KEY, "wheat/1.mp4")
    assert type(caught.value) is expected
    assert str(caught.value).startswith(f"s3://films/night/{place}: ")


def test_folders_are_asked_for_without_what_is_in_them(imitation: Imitation) -> None:
    imitation.body = (
        b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>night/a.mp4</Key></Contents>"
        b"<CommonPrefixes><Prefix>night/b/</Prefix></CommonPrefixes>"
        b"<CommonPrefixes><Prefix>night/back\\slash/</Prefix></CommonPrefixes>"
        b"<CommonPrefixes><Prefix>night/c/</Prefix></CommonPrefixes></ListBucketResult>"
    )
    assert list(open_store("s3://films/night").folders("")) == ["b", "c"]
    [(method, path, _)] = imitation.asked
    assert method == "GET"
    assert "delimiter=%2F" in path
    assert "prefix=night%2F" in path


def test_a_bucket_without_a_prefix(server: S3Server, tmp_path: Path) -> None:
    store = open_store(f"s3://{server.bucket}")
    key = f"{tmp_path.name}-alone/1.json"
    store.put_bytes(key, b"x", content_type="application/json")
    assert list(store.keys(f"{tmp_path.name}-alone/")) == [key]
    assert store.url(key) == f"s3://{server.bucket}/{key}"


def test_what_web_consoles_leave_is_not_listed(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(monkeypatch, moto.endpoint)
    store = open_store(f"s3://{moto.bucket}/console")
    moto.wire().put_object(Bucket=moto.bucket, Key="console/")
    moto.wire().put_object(Bucket=moto.bucket, Key="console/sunflowers/")
    put(store)
    assert list(store.keys("")) == [KEY]


def deeds(store: Store) -> list[tuple[str, object]]:
    return [
        ("put", lambda: put(store)),
        ("get", lambda: store.get(KEY)),
        ("copy", lambda: store.copy(KEY, "wheat/1.mp4")),
        ("list", lambda: list(store.keys(""))),
        ("folders", lambda: list(store.folders(""))),
        ("check", store.check),
    ]


def test_a_missing_bucket_is_refused(server: S3Server) -> None:
    for _, deed in deeds(open_store("s3://no-such-bucket/night")):
        with pytest.raises(StoreRefused, match="no bucket no-such-bucket at http://127"):
            deed()


def test_a_wrong_secret_is_refused_and_not_shown(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(monkeypatch, rclone.endpoint, secret="mistyped-secret")
    for _, deed in deeds(open_store(f"s3://{rclone.bucket}/night")):
        with pytest.raises(StoreRefused, match="AWS_SECRET_ACCESS_KEY") as caught:
            deed()
        assert "mistyped-secret" not in str(caught.value)


def test_an_unknown_key_is_refused(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(monkeypatch, rclone.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody-elses")
    with pytest.raises(StoreRefused, match="does not know the key in AWS_ACCESS_KEY_ID"):
        open_store(f"s3://{rclone.bucket}").check()


def test_no_key_at_all_is_refused(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(monkeypatch, rclone.endpoint)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StoreRefused, match="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        open_store(f"s3://{rclone.bucket}").check()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("AWS_PROFILE", "nobody", "Mend AWS_PROFILE"),
        ("AWS_ENDPOINT_URL_S3", "not a url", "Mend AWS_ENDPOINT_URL_S3"),
    ],
)
def test_a_setting_of_boto3_that_makes_no_sense_is_refused(
    rclone: S3Server, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    point_at(monkeypatch, rclone.endpoint)
    monkeypatch.setenv(name, value)
    with pytest.raises(StoreRefused, match=told):
        open_store(f"s3://{rclone.bucket}").check()


def test_a_bucket_name_that_can_not_be_is_refused(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(monkeypatch, rclone.endpoint)
    with pytest.raises(StoreRefused, match="name in RUSHES_STORE"):
        open_store("s3://a$b/night").check()


def test_a_server_that_is_gone_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    server = start_moto()
    point_at(monkeypatch, server.endpoint)
    store = open_store(f"s3://{server.bucket}/night")
    put(store)
    server.stop()
    for _, deed in deeds(store):
        with pytest.raises(StoreError, match=server.endpoint) as caught:
            deed()
        assert type(caught.value) is StoreError


def test_a_password_in_the_endpoint_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    # Port 9 (discard) is one that nothing listens on.
    point_at(monkeypatch, "http://me:hunter2@127.0.0.1:9")
    with pytest.raises(StoreError) as caught:
        put(open_store("s3://films"))
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (507, "Whatever", StoreFull),
        (500, "XMinioStorageFull", StoreFull),
        (403, "QuotaExceeded", StoreFull),
        (403, "AccessDenied", StoreRefused),
        (401, "Unauthorized", StoreRefused),
        (400, "ExpiredToken", StoreRefused),
        (400, "AuthorizationHeaderMalformed", StoreRefused),
        (400, "SomethingNew", StoreRefused),
        (400, "EntityTooLarge", StoreRefused),
        (405, "MethodNotAllowed", StoreRefused),
        (400, "BadDigest", StoreError),
        (400, "RequestTimeout", StoreError),
        (404, "NotFound", StoreError),
        (409, "OperationAborted", StoreError),
    ],
)
def test_what_the_server_says_becomes_one_class(
    imitation: Imitation, status: int, code: str, expected: type[StoreError]
) -> None:
    imitation.refuse(status, code, "as it was said")
    with pytest.raises(StoreError) as caught:
        put(open_store("s3://films/night"))
    assert type(caught.value) is expected
    for told in (f"s3://films/night/{KEY}", str(status), code, "as it was said"):
        assert told in str(caught.value)


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError")])
def test_a_busy_server_is_asked_a_few_times(imitation: Imitation, status: int, code: str) -> None:
    imitation.refuse(status, code)
    with pytest.raises(StoreError) as caught:
        put(open_store("s3://films/night"))
    assert type(caught.value) is StoreError
    assert len(imitation.asked) == TRIES


def test_a_refusal_that_repeats_our_secrets_is_cleaned(imitation: Imitation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "fleeting-token")
    imitation.refuse(403, "AccessDenied", f"you sent fleeting-token and {SECRET}")
    with pytest.raises(StoreRefused, match=r"you sent \*\*\* and \*\*\*") as caught:
        put(open_store("s3://films"))
    assert "s3:PutObject" in str(caught.value)


def test_a_404_that_does_not_speak_s3_is_not_a_missing_object(imitation: Imitation) -> None:
    imitation.status, imitation.body = 404, b"<html><body>no such page</body></html>"
    store = open_store("s3://films/night")
    for deed in (lambda: store.get(KEY), lambda: list(store.keys(""))):
        with pytest.raises(StoreError) as caught:
            deed()
        assert not isinstance(caught.value, ObjectMissing)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<html><body><p>Please log in</p></body></html>", "does not speak S3"),
        (
            b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            "does not say where it goes on",
        ),
        (
            b"<ListBucketResult><IsTruncated>true</IsTruncated><ContinuationToken>x</ContinuationToken>"
            b"<NextContinuationToken>x</NextContinuationToken></ListBucketResult>",
            "does not say where it goes on",
        ),
        (
            b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>b</Key></Contents>"
            b"<Contents><Key>a</Key></Contents></ListBucketResult>",
            "out of order",
        ),
    ],
)
def test_a_listing_that_is_not_whole_is_an_error(imitation: Imitation, body: bytes, told: str) -> None:
    imitation.body = body
    with pytest.raises(StoreError, match=told):
        list(open_store("s3://films").keys(""))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<html><body><p>Please log in</p></body></html>", "does not speak S3"),
        (b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", "does not say where it goes on"),
        (
            b"<ListBucketResult><IsTruncated>false</IsTruncated><CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>"
            b"<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes></ListBucketResult>",
            "out of order",
        ),
    ],
)
def test_folders_that_are_not_all_named_are_an_error(imitation: Imitation, body: bytes, told: str) -> None:
    imitation.body = body
    with pytest.raises(StoreError, match=told):
        list(open_store("s3://films").folders(""))


def test_a_key_that_is_listed_twice_is_one(imitation: Imitation) -> None:
    imitation.body = (
        b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents>"
        b"<Contents><Key>b</Key></Contents><Contents><Key>b</Key></Contents></ListBucketResult>"
    )
    assert list(open_store("s3://films").keys("")) == ["a", "b"]


def test_an_object_that_is_cut_on_the_way_is_an_error(imitation: Imitation) -> None:
    imitation.body, imitation.headers = b"half of it", {"Content-Length": "20"}
    with pytest.raises(StoreError) as caught:
        open_store("s3://films").get(KEY)
    assert type(caught.value) is StoreError


def test_a_store_made_before_a_fork_is_good_after_it(server: S3Server, tmp_path: Path) -> None:
    store = open_store(f"s3://{server.bucket}/{tmp_path.name}-fork")
    put(store)
    child = multiprocessing.get_context("fork").Process(
        target=store.put_bytes, args=("child.json", b"from the child"), kwargs={"content_type": "application/json"}
    )
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert store.get("child.json") == b"from the child"
    assert store.get(KEY) == b"film"


@pytest.mark.parametrize(
    ("endpoint", "style", "begins"),
    [
        ("https://objects.example", None, "https://objects.example/films/a.mp4?"),
        ("https://objects.example", "virtual", "https://films.objects.example/a.mp4?"),
        (None, None, "https://films.s3.amazonaws.com/a.mp4?"),
    ],
)
def test_how_a_bucket_is_addressed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint: str | None, style: str | None, begins: str
) -> None:
    point_at(monkeypatch, endpoint or "")
    if endpoint is None:
        monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    if style is not None:
        (tmp_path / "config").write_text(f"[default]\ns3 =\n  addressing_style = {style}\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    link = connect().generate_presigned_url("get_object", Params={"Bucket": "films", "Key": "a.mp4"})
    assert link.startswith(begins)
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in link


def test_nothing_is_sent_before_the_store_is_used(imitation: Imitation) -> None:
    open_s3("s3://films/night", {"AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ACCESS_KEY_ID": ACCESS})
    assert imitation.asked == []


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///prefix", "s3:films", "s3://films?region=x", "s3://films/a//b", "s3://films/../b"]
)
def test_a_url_that_names_no_bucket_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingsError, match="s3://"):
        open_store(url)


def test_a_key_in_the_url_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError, match="AWS_SECRET_ACCESS_KEY") as caught:
        open_store(f"s3://{ACCESS}:{SECRET}@films/night")
    assert SECRET not in str(caught.value)
