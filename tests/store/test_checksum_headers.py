"""A server that refuses checksums in headers, as Backblaze B2 does, gets an MD5 in place of them."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from s3_servers import point_at

from workers.errors import StoreRefused
from workers.store import open_store

REFUSAL = "Unsupported header '{}' received for this API call."
KEY = "sunflowers/opening/0007.mp4"


class Choosy:
    """It takes no header of `unwanted`, holds what it takes against its MD5, and keeps it."""

    def __init__(self) -> None:
        self.unwanted = ["x-amz-sdk-checksum-algorithm", "x-amz-checksum-sha256"]
        self.code = "InvalidArgument"
        self.kept: dict[str, bytes] = {}
        self.puts = 0
        choosy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                choosy.puts += 1
                refused = [name for name in choosy.unwanted if name in self.headers]
                if refused:
                    self._answer(400, choosy.code, REFUSAL.format(refused[0]))
                elif self.headers["Content-MD5"] != base64.b64encode(hashlib.md5(body).digest()).decode():
                    self._answer(400, "InvalidDigest", "the Content-MD5 is not that of the body")
                else:
                    choosy.kept[self.path] = body
                    self._answer(200)

            def _answer(self, status: int, code: str = "", message: str = "") -> None:
                said = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode() if code else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()


@pytest.fixture
def choosy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Choosy]:
    server = Choosy()
    point_at(monkeypatch, f"http://127.0.0.1:{server.server.server_port}")
    yield server
    server.server.shutdown()
    server.thread.join()
    server.server.server_close()


def test_files_and_bytes_are_put_whole_with_their_md5(choosy: Choosy, tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    video.write_bytes(b"many frames" * 100_000)
    store = open_store("s3://films/renders")
    store.put_file(KEY, video, sha256=hashlib.sha256(video.read_bytes()).hexdigest(), content_type="video/mp4")
    store.put_bytes("sunflowers/a.json", b"{}", content_type="application/json")
    assert choosy.kept == {
        f"/films/renders/{KEY}": video.read_bytes(),
        "/films/renders/sunflowers/a.json": b"{}",
    }
    assert choosy.puts == 3, "it is asked once with a checksum, and never again"


def test_another_refusal_is_told_as_ever(choosy: Choosy) -> None:
    choosy.code = "SignatureDoesNotMatch"
    with pytest.raises(StoreRefused, match="AWS_SECRET_ACCESS_KEY"):
        open_store("s3://films").put_bytes(KEY, b"{}", content_type="application/json")
    assert choosy.puts == 1


def test_a_server_that_goes_on_refusing_is_told_of(choosy: Choosy) -> None:
    choosy.unwanted.append("content-md5")
    with pytest.raises(StoreRefused, match="Unsupported header 'content-md5'"):
        open_store("s3://films").put_bytes(KEY, b"{}", content_type="application/json")
