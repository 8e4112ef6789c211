"""The providers' own uploads: where they go, what is sent, and which class each answer is."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from workers.errors import SettingsError
from workers.http.wire import Wire
from workers.inputs.uploading import uploader
from workers.providers.errors import (
    AuthRefused,
    Invalid,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Transient,
    Unknown,
)
from workers.providers.protocol import Access, Request, Response

KEY = "id-of-the-key:secret-of-the-key"
NOW = 1_800_000_000.0
URL = "https://files.example.com/dog.png"


class Scripted(ThreadingHTTPServer):
    """A server that answers each path as it is told, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.answers: dict[str, tuple[int, Any]] = {
            "/storage/auth/token": (200, {"token": "t0", "token_type": "Bearer", "base_url": self.url}),
            "/files/upload": (200, {"access_url": URL}),
            "/v2/uploads": (201, {"url": URL, "expiresAt": "2027-01-15T09:00:00.000Z"}),
        }
        self.asked: list[tuple[str, dict[str, str], bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = self.path.partition("?")[0]
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        status, answer = self.server.answers[path]
        told = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(told)))
        if status == 429:
            self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as each:
        thread = threading.Thread(target=each.serve_forever)
        thread.start()
        yield each
        each.shutdown()
        thread.join()


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire(user_agent="rushes/test") as each:
        yield each


def upload(provider: str, wire: Wire, url: str) -> tuple[str, float]:
    access = Access(url, SecretStr(KEY))
    done = uploader(provider, wire, access, lambda: NOW).upload(b"\x89PNG", name="0a.png", media_type="image/png")
    return done.url, done.seconds


def test_fal_gets_a_file_by_a_token_and_never_its_key_with_it(server: Scripted, wire: Wire) -> None:
    assert upload("fal", wire, server.url)[0] == URL
    (asking, asking_headers, _), (sending, headers, body) = server.asked
    assert asking == "/storage/auth/token?storage_type=fal-cdn-v3"
    assert asking_headers["authorization"] == f"Key {KEY}"
    assert (sending, body) == ("/files/upload", b"\x89PNG")
    assert (headers["authorization"], headers["content-type"]) == ("Bearer t0", "image/png")
    assert headers["x-fal-file-name"] == "0a.png"
    assert json.loads(headers["x-fal-object-lifecycle"]) == {"expiration_duration_seconds": 604800}


def test_apiframe_gets_a_form_and_says_how_long_the_url_lives(server: Scripted, wire: Wire) -> None:
    # 2027-01-15T09:00Z is an hour after NOW, of which the last half is left to the job.
    assert upload("apiframe", wire, server.url) == (URL, 1800.0)
    ((path, headers, body),) = server.asked
    assert (path, headers["x-api-key"]) == ("/v2/uploads", KEY)
    assert headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="file"; filename="0a.png"' in body
    assert b"\r\n\r\n\x89PNG\r\n" in body


@pytest.mark.parametrize("told", [None, "soon", "2027-01-15T08:10:00Z", 5])
def test_a_url_of_apiframes_that_may_die_at_any_time_is_for_one_take(server: Scripted, wire: Wire, told: Any) -> None:
    server.answers["/v2/uploads"] = (201, {"url": URL, "expiresAt": told})
    assert upload("apiframe", wire, server.url) == (URL, 0.0)


@pytest.mark.parametrize(
    ("provider", "path"), [("fal", "/storage/auth/token"), ("fal", "/files/upload"), ("apiframe", "/v2/uploads")]
)
@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (401, {"error": KEY}, AuthRefused),
        (403, {}, AuthRefused),
        (402, {}, QuotaExhausted),
        (429, {}, RateLimited),
        (400, {"error": "Unsupported file type"}, Invalid),
        (413, {}, Invalid),
        (500, b"<html>", Transient),
        (502, {}, Transient),
        (404, {}, Unknown),
        (302, {}, Unknown),
        (200, b"no JSON", Transient),
        (200, {}, Transient),
    ],
)
def test_each_answer_has_its_class(
    server: Scripted,
    wire: Wire,
    provider: str,
    path: str,
    status: int,
    answer: Any,
    kind: type[ProviderError],
) -> None:
    server.answers[path] = (status, answer)
    with pytest.raises(ProviderError) as caught:
        upload(provider, wire, server.url)
    assert type(caught.value) is kind
    assert "secret-of-the-key" not in f"{caught.value}{caught.value.body}"
    assert caught.value.retry_after == (7.0 if status == 429 else None)


def test_a_locked_account_of_fals_is_out_of_money(server: Scripted, wire: Wire) -> None:
    server.answers["/storage/auth/token"] = (403, {"detail": "User is locked. Reason: Exhausted balance."})
    with pytest.raises(QuotaExhausted, match="Exhausted balance"):
        upload("fal", wire, server.url)


class _Listening:
    """In the place of a wire: nothing may go to fal itself from here."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.urls: list[str] = []

    def send(self, request: Request, *, timeout: float) -> Response:
        self.urls.append(request.url)
        answer = {"token": "t", "token_type": "Bearer", "base_url": self.base_url, "access_url": URL}
        return Response(200, {}, json.dumps(answer).encode())


def test_fals_own_hosts_are_used_for_fal_and_only_by_https() -> None:
    listening = _Listening("https://v3.fal.media")
    upload("fal", listening, "https://queue.fal.run")  # type: ignore[arg-type]
    assert listening.urls == [
        "https://rest.fal.ai/storage/auth/token?storage_type=fal-cdn-v3",
        "https://v3.fal.media/files/upload",
    ]
    plain = _Listening("http://v3.fal.media")
    with pytest.raises(Transient, match="isn't https"):
        upload("fal", plain, "https://queue.fal.run")  # type: ignore[arg-type]
    assert len(plain.urls) == 1


def test_who_has_no_upload_says_so(wire: Wire) -> None:
    with pytest.raises(SettingsError, match="ark has no upload of its own"):
        upload("ark", wire, "https://ark.example.com")
