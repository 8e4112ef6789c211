"""E-mail to a server that encrypts: by STARTTLS or from the first byte, and never to one that can't prove who it is."""

from __future__ import annotations

import datetime
import email
import email.policy
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from scripted_fal import ScriptedFal
from workbench import Make

from workers.engine.states import Step
from workers.notices.notifier import Notifier
from workers.steps import submit

USER, PASSWORD = "ada@example.com", "hunter:2/22"
URL = "ada%40example.com:hunter%3A2%2F22"


class Postbox:
    """What a mail server has taken, and who had logged in."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.let_in: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        assert server.transport.get_extra_info("ssl_object") is not None, "in the clear"
        self.mails.append(envelope.content.decode())
        return "250 taken"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        if right:
            self.let_in.append(USER)
        return AuthResult(success=right)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody else has signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    own, secret = folder / "own.pem", folder / "key.pem"
    own.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return own, secret


Serve = Callable[[bool], tuple[Postbox, int]]


@pytest.fixture
def serve(certificate: tuple[Path, Path]) -> Iterator[Serve]:
    """Starts a mail server with STARTTLS, or one that is encrypted from the first byte."""
    running: list[Controller] = []

    def begin(from_the_first_byte: bool) -> tuple[Postbox, int]:
        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secure.load_cert_chain(*certificate)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        postbox = Postbox()
        shared: dict[str, Any] = {
            "hostname": "127.0.0.1",
            "port": port,
            "authenticator": postbox.authenticate,
            "auth_required": True,
            "ready_timeout": 60.0,
        }
        if from_the_first_byte:
            controller = Controller(postbox, ssl_context=secure, auth_require_tls=False, **shared)
        else:
            controller = Controller(postbox, tls_context=secure, require_starttls=True, **shared)
        controller.start()
        running.append(controller)
        return postbox, port

    yield begin
    for controller in running:
        controller.stop()


def told(make: Make, fal: ScriptedFal, url: str) -> int:
    """A batch of one take that is refused; how many notices of that were told."""
    fal.posts = [lambda asked: asked.say(422, {"detail": [{"msg": "no", "type": "x"}]})]
    environ = {"RUSHES_NOTIFY_SMTP": url, "RUSHES_NOTIFY_EMAIL": "ben@example.com", "RUSHES_NOTIFY_ON": "failure"}
    bench = make(fal.url, **environ)
    bench.open()
    for work in bench.all_due(Step.SUBMIT):
        submit(bench.context, work)
    return Notifier(bench.context, bench.room.scripts).once()


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mail_and_password_go_encrypted_to_a_server_that_is_known(
    make: Make,
    fal: ScriptedFal,
    serve: Serve,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
) -> None:
    postbox, port = serve(scheme == "smtps")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert told(make, fal, f"{scheme}://{URL}@127.0.0.1:{port}") == 1
    assert postbox.let_in == [USER]
    [mail] = postbox.mails
    read = email.message_from_string(mail, policy=email.policy.default)
    assert read["Subject"].strip().startswith("b has its first failure") and read["To"] == "ben@example.com"


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_nothing_is_told_to_a_server_that_cant_prove_who_it_is(
    make: Make, fal: ScriptedFal, serve: Serve, caplog: pytest.LogCaptureFixture, scheme: str
) -> None:
    postbox, port = serve(scheme == "smtps")
    assert told(make, fal, f"{scheme}://{URL}@127.0.0.1:{port}") == 0
    assert postbox.let_in == [] and postbox.mails == []
    assert "127.0.0.1 took no mail (SSLCertVerificationError)" in caplog.text
    assert PASSWORD not in caplog.text and URL not in caplog.text


def test_a_wrong_password_is_not_told_of_as_it_is(
    make: Make,
    fal: ScriptedFal,
    serve: Serve,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    postbox, port = serve(False)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert told(make, fal, f"smtp://ada%40example.com:wrong-secret@127.0.0.1:{port}") == 0
    assert postbox.mails == []
    assert "127.0.0.1 took no mail" in caplog.text and "wrong-secret" not in caplog.text
