"""fal's own Python client, unchanged, believes that it speaks to https://queue.fal.run.

It is configured from outside only, as any httpx client can be: a proxy (`HTTPS_PROXY`) whose tunnels all end at the
sandbox, and a certificate (`SSL_CERT_FILE`) with which the sandbox passes for queue.fal.run.
"""

from __future__ import annotations

import asyncio
import datetime
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fal_client
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox

HOST = "queue.fal.run"
FAST = "bytedance/seedance-2.0/fast"
IMAGE = "https://v3b.fal.media/files/b/0a8eba37/Cqg-4Uwzyz4DELfceT1CF_a17e588773ec45b1a9e6f100a787b80b.jpg"
SMALL = {"resolution": "480p", "duration": "4", "aspect_ratio": "1:1"}


class TickingClock:
    """A clock on which a quarter of a second passes each time it is read."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def now(self) -> float:
        self.time += 0.25
        return self.time

    def monotonic(self) -> float:
        return self.now()

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One PEM file with a private key and a certificate for queue.fal.run, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "queue.fal.run.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@contextmanager
def tunnelling_to(port: int) -> Iterator[str]:
    """A proxy at the URL given, whose every CONNECT leads to `port` of this machine."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65536):
                writer.write(piece)
                await writer.drain()
        finally:
            writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        assert asked.startswith(f"CONNECT {HOST}:443 ".encode())
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer), return_exceptions=True)

    with asyncio.Runner() as runner:
        server = runner.run(asyncio.start_server(tunnel, "127.0.0.1", 0))
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            loop.call_soon_threadsafe(server.close)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()


@pytest.fixture
def sandbox(cache: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    options = SandboxOptions(cache=cache, key="id:secret", queue_seconds=1, render_seconds=3, jitter=0)
    with (
        running_sandbox(options, clock=TickingClock(), tls=tls) as sandbox,
        tunnelling_to(int(sandbox.url.rpartition(":")[2])) as proxy,
    ):
        for name in ("NO_PROXY", "no_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        yield sandbox


@pytest.fixture
def fal(sandbox: Sandbox) -> fal_client.SyncClient:
    return fal_client.SyncClient(key="id:secret")


@pytest.mark.parametrize(
    ("task", "inputs"),
    [
        ("text-to-video", {}),
        ("image-to-video", {"image_url": IMAGE}),
        ("reference-to-video", {"image_urls": [IMAGE]}),
    ],
)
def test_subscribe(fal, sandbox, task, inputs):
    seen: list[fal_client.Status] = []
    told: list[str] = []

    def update(status: fal_client.Status) -> None:
        seen.append(status)
        if isinstance(status, fal_client.InProgress):
            told.extend(log["message"] for log in status.logs)

    result = fal.subscribe(
        f"{FAST}/{task}",
        {"prompt": "an octopus", "seed": 42, **SMALL, **inputs},
        with_logs=True,
        on_queue_update=update,
        interval=0.02,
    )
    assert {type(status) for status in seen} == {fal_client.Queued, fal_client.InProgress, fal_client.Completed}
    assert "Rendering has begun." in told
    assert seen[-1].metrics == {"inference_time": 3.0}
    assert result["seed"] == 42
    assert result["video"]["url"].startswith(f"https://{HOST}/files/")
    with httpx.Client() as client:
        assert len(client.get(result["video"]["url"]).content) == result["video"]["file_size"]
    assert len(sandbox.account.billed()) == 1


def test_submit_status_result(fal, sandbox):
    handle = fal.submit(f"{FAST}/text-to-video", {"prompt": "an octopus", **SMALL})
    # The client makes the same URLs from the request id alone as the sandbox returned.
    made = fal.get_handle(f"{FAST}/text-to-video", handle.request_id)
    assert (made.status_url, made.response_url, made.cancel_url) == (
        handle.status_url,
        handle.response_url,
        handle.cancel_url,
    )
    assert isinstance(handle.status(with_logs=True), fal_client.Status)
    assert handle.get(interval=0.02) == fal.result(f"{FAST}/text-to-video", handle.request_id)
    assert isinstance(fal.status(f"{FAST}/text-to-video", handle.request_id), fal_client.Completed)
    assert len(sandbox.account.billed()) == 1


def test_cancel(fal, sandbox):
    sandbox.change(queue_seconds=600.0)
    handle = fal.submit(f"{FAST}/text-to-video", {"prompt": "an octopus"})
    handle.cancel()
    status = handle.status()
    assert isinstance(status, fal_client.Completed)
    assert status.error_type == "client_cancelled"
    assert (status.metrics, handle.status(with_logs=True).logs) == ({"inference_time": 0.0}, [])
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        handle.get(interval=0.02)
    assert (caught.value.status_code, caught.value.error_type) == (499, "client_cancelled")
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        handle.cancel()
    assert caught.value.status_code == 400
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        fal.cancel(f"{FAST}/text-to-video", "764cabcf-b745-4b3e-ae38-1200304cf45b")
    assert caught.value.status_code == 404
    assert sandbox.account.billed() == ()


def running(handle: fal_client.SyncRequestHandle) -> fal_client.SyncRequestHandle:
    while not isinstance(handle.status(), fal_client.InProgress):
        pass
    return handle


def test_cancel_what_runs(fal, sandbox):
    sandbox.change(render_seconds=600.0)
    handle = running(fal.submit(f"{FAST}/text-to-video", {"prompt": "an octopus", **SMALL}))
    fal.cancel(f"{FAST}/text-to-video", handle.request_id)
    assert isinstance(handle.status(), fal_client.InProgress)
    sandbox.clock.sleep(600)
    assert handle.get(interval=0.02)["video"]["url"]
    assert len(sandbox.account.billed()) == 1


def test_cancel_what_stops(fal, sandbox):
    sandbox.change(render_seconds=600.0)
    handle = running(fal.submit(f"{FAST}/text-to-video", {"prompt": "an octopus [sandbox: stops]"}))
    handle.cancel()
    status = handle.status(with_logs=True)
    assert isinstance(status, fal_client.Completed)
    assert status.error_type == "client_cancelled"
    assert status.metrics["inference_time"] < 600
    assert [log["message"] for log in status.logs] == ["Rendering has begun.", "Rendering has ended."]
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        handle.get(interval=0.02)
    assert (caught.value.status_code, caught.value.error_type) == (499, "client_cancelled")
    assert len(sandbox.account.billed()) == 1


@pytest.mark.parametrize(
    ("prompt", "fields", "status", "type"),
    [
        ("an octopus", {"duration": 5}, 422, "literal_error"),
        ("[sandbox: moderation]", {}, 422, "content_policy_violation"),
        ("[sandbox: fail]", {}, 500, "internal_server_error"),
    ],
)
def test_errors_of_the_model(fal, sandbox, prompt, fields, status, type):
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        fal.subscribe(f"{FAST}/text-to-video", {"prompt": prompt, **fields}, interval=0.02)
    assert (caught.value.status_code, caught.value.error_type) == (status, None)
    assert [problem["type"] for problem in caught.value.message] == [type]
    assert sandbox.account.billed() == ()


def test_errors_of_the_request(fal, sandbox):
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        fal.subscribe(f"{FAST}/text-to-video", {"prompt": "[sandbox: 500]"})
    assert (caught.value.status_code, caught.value.error_type) == (500, "internal_error")
    with pytest.raises(fal_client.FalClientHTTPError, match=r"Authentication|No user") as caught:
        fal_client.SyncClient(key="wrong").submit(f"{FAST}/text-to-video", {"prompt": "an octopus"})
    assert caught.value.status_code == 401
    sandbox.change(locked=True)
    with pytest.raises(fal_client.FalClientHTTPError, match="Exhausted balance") as caught:
        fal.submit(f"{FAST}/text-to-video", {"prompt": "an octopus"})
    assert caught.value.status_code == 403
    assert sandbox.account.submissions() == ()


def test_the_path_that_leads_nowhere(fal):
    with pytest.raises(fal_client.FalClientHTTPError, match=r"Path /seedance-2\.0/text-to-video not found") as caught:
        fal.subscribe("fal-ai/bytedance/seedance-2.0/text-to-video", {"prompt": "an octopus"}, interval=0.02)
    assert caught.value.status_code == 404


def test_the_client_waits_a_429_out(fal, sandbox):
    fal.submit(f"{FAST}/text-to-video", {"prompt": "[sandbox: 429]"})
    assert len(sandbox.account.billed()) == 1


def test_the_client_pays_twice_when_an_answer_is_lost_and_the_account_shows_it(fal, sandbox):
    fal.submit(f"{FAST}/text-to-video", {"prompt": "[sandbox: drop]"})
    first, second = sandbox.account.billed()
    assert first.digest == second.digest
    assert first.id != second.id
