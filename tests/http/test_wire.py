"""What an exchange with a provider may end in, against sockets that break in every way they can."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from workers.http import Broken, NotSent, Wire
from workers.providers.protocol import Request

KEY = "11112222-3333-4444-5555-666677778888:0123456789abcdef0123456789abcdef"


def post(url: str, **body: object) -> Request:
    return Request("POST", url, {"Authorization": f"Key {KEY}"}, body or {"prompt": "a dog"})


def get(url: str) -> Request:
    return Request("GET", url, {"Authorization": f"Key {KEY}"})


def test_an_answer_comes_back_whole_whatever_its_status(serve, wire):
    server = serve(lambda e: e.say("418 Teapot", b'{"a": 1}', Retry_After="3", X_Twice="1"))
    response = wire.send(post(f"{server.url}/a", prompt="ü", seed=1), timeout=60)

    assert (response.status, response.parsed()) == (418, {"a": 1})
    assert response.headers["retry-after"] == "3"
    [arrived] = server.arrived
    assert (arrived.method, arrived.target) == ("POST", "/a")
    assert json.loads(arrived.body) == {"prompt": "ü", "seed": 1}
    assert arrived.header("authorization") == f"Key {KEY}"
    assert arrived.header("user-agent") == "rushes/test"
    assert arrived.header("content-type") == "application/json"


def test_nothing_is_sent_to_a_port_where_nobody_listens(wire, refused):
    with pytest.raises(NotSent, match=f"127.0.0.1:{refused}/queue: nothing was sent: no connection"):
        wire.send(post(f"http://127.0.0.1:{refused}/queue"), timeout=60)


def test_nothing_is_sent_to_a_host_without_an_address(wire):
    with pytest.raises(NotSent, match=r"nonexistent\.invalid"):
        wire.send(post("https://nonexistent.invalid/queue"), timeout=30)


def test_nothing_is_sent_to_a_server_that_can_not_prove_who_it_is(serve, wire):
    """Plain text where a TLS handshake is due."""
    server = serve(lambda e: e.say("200 OK"))
    with pytest.raises(NotSent, match="no connection"):
        wire.send(post(server.url.replace("http", "https")), timeout=60)
    assert server.arrived == []


def test_nothing_is_sent_when_the_handshake_hangs(wire):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(NotSent, match="no connection"):
            wire.send(post(url), timeout=1)


def test_nothing_is_sent_when_no_connection_comes_free(serve):
    """The wait for a place in the pool ends well before the deadline, and is known to have sent nothing."""
    server = serve(lambda e: e.released.wait())
    with Wire(user_agent="t", connections=1) as narrow:
        outcomes = narrow.send_many([post(server.url), post(server.url)], timeout=4)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Broken", "NotSent"]
    assert len(server.arrived) == 1


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "no url", "http://", "", "http://[::1/", "http://a b/", "http://me:pw@127.0.0.1/"]
)
def test_nothing_is_sent_to_what_is_no_url(wire, url):
    with pytest.raises(NotSent) as caught:
        wire.send(post(url), timeout=60)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("key", ["abc\r\nX-More: 1", "abc\n", "schlüssel", "a\0b"])
def test_nothing_is_sent_with_a_key_that_no_header_can_hold(serve, wire, key):
    server = serve(lambda e: e.say("200 OK"))
    with pytest.raises(NotSent) as caught:
        wire.send(Request("POST", server.url, {"Authorization": f"Key {key}"}, {}), timeout=60)
    assert server.arrived == []
    assert key.strip() not in str(caught.value)


@pytest.mark.parametrize("body", [float("nan"), {1, 2}, "\ud800"], ids=["nan", "set", "surrogate"])
def test_nothing_is_sent_of_a_body_that_is_no_json(serve, wire, body):
    server = serve(lambda e: e.say("200 OK"))
    with pytest.raises(NotSent, match="can't be written down"):
        wire.send(Request("POST", server.url, {}, {"prompt": body}), timeout=60)
    assert server.arrived == []


def test_nothing_is_sent_once_the_time_is_up(serve, wire):
    server = serve(lambda e: e.say("200 OK"))
    with pytest.raises(NotSent, match="the time was up before"):
        wire.send(post(server.url), timeout=0)
    assert server.arrived == []


BREAKS: dict[str, Callable] = {
    "reset after the request": lambda e: e.reset(),
    "hang-up after the request": lambda e: e.hang_up(),
    "no answer": lambda e: e.released.wait(),
    "half a head": lambda e: (e.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"), e.hang_up()),
    "no head at all": lambda e: (e.socket.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"), e.hang_up()),
    "a cut body": lambda e: (e.say("200 OK", b'{"request_id"', content_length="99"), e.hang_up()),
    "a cut chunk": lambda e: (
        e.say("200 OK", b'20\r\n{"request_id"', content_length="", transfer_encoding="chunked"),
        e.hang_up(),
    ),
    "half a body, then silence": lambda e: (e.say("200 OK", b"{", content_length="99"), e.released.wait()),
    "an endless body": lambda e: (
        e.say("200 OK", content_length=str(1 << 30)),
        [e.socket.sendall(bytes(1 << 20)) for _ in range(64)],
    ),
    "a body that is not what it says": lambda e: e.say("200 OK", b"no gzip", content_encoding="gzip"),
}


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize("before", ["new", "after a GET on a kept connection"])
def test_a_post_may_have_arrived_and_is_sent_once(serve, wire, how, before):
    server = serve(lambda e: e.say("200 OK", b"{}") if e.request.method == "GET" else BREAKS[how](e))
    if before != "new":
        wire.send(get(server.url), timeout=60)
        wire.send(get(server.url), timeout=60)
        assert {each.connection for each in server.arrived} == {0}

    with pytest.raises(Broken, match=r"^POST http://127\.0\.0\.1:\d+/queue: ") as caught:
        wire.send(post(f"{server.url}/queue?token=hush"), timeout=4)

    assert [each.method for each in server.arrived].count("POST") == 1
    for text in (str(caught.value), repr(caught.value), repr(caught.value.__cause__), repr(caught.value.__context__)):
        assert "hush" not in text
        assert KEY not in text


def test_a_post_never_goes_out_on_a_connection_that_was_kept(serve, wire):
    """The other side may be about to hang up on one. A hang-up then would leave the POST in doubt."""
    server = serve(lambda e: e.say("200 OK", b"{}"))
    for request in (get(server.url), post(server.url), get(server.url), post(server.url)):
        wire.send(request, timeout=60)
    assert [(each.method, each.connection) for each in server.arrived] == [
        ("GET", 0),
        ("POST", 1),
        ("GET", 0),
        ("POST", 2),
    ]


def test_even_a_reused_connection_carries_a_post_only_once(serve, wire, monkeypatch):
    """aiohttp's own manners, were our POSTs not kept apart: a POST on a dead kept connection isn't repeated."""
    transport = wire._connections._transport
    monkeypatch.setattr(wire._connections, "_transport", lambda url, *, alone: transport(url, alone=False))
    server = serve(lambda e: e.say("200 OK", b"{}") if len(server.arrived) == 1 else e.hang_up())
    wire.send(post(server.url), timeout=60)
    with pytest.raises(Broken):
        wire.send(post(server.url), timeout=60)
    assert [(each.method, each.connection) for each in server.arrived] == [("POST", 0), ("POST", 0)]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_no_redirect_is_followed(serve, wire, method, status):
    server = serve(lambda e: e.say(status, location="/elsewhere"))
    response = wire.send(Request(method, f"{server.url}/here", {}, {} if method == "POST" else None), timeout=60)
    assert response.status == int(status[:3])
    assert [each.target for each in server.arrived] == ["/here"]


def test_many_are_sent_at_once_and_answered_in_order(serve, wire, refused):
    together = threading.Barrier(3)

    def answer(exchange):
        together.wait(300)
        exchange.say("200 OK", exchange.request.target.encode())

    server = serve(answer)
    urls = [f"{server.url}/0", f"{server.url}/1", f"http://127.0.0.1:{refused}/", "nothing", f"{server.url}/4"]
    outcomes = wire.send_many([get(url) for url in urls], timeout=60)

    assert [outcome.body for outcome in outcomes if not isinstance(outcome, Exception)] == [b"/0", b"/1", b"/4"]
    assert [type(outcome) for outcome in outcomes[2:4]] == [NotSent, NotSent]


def test_any_number_of_threads_may_send(serve, wire):
    server = serve(lambda e: e.say("200 OK", e.request.target.encode()))
    found: dict[int, bytes] = {}

    def ask(number: int) -> None:
        found[number] = wire.send(get(f"{server.url}/{number}"), timeout=60).body

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"/{number}".encode() for number in range(20)}


def test_a_url_goes_out_as_it_was_given(serve, wire):
    """A signature may be over these very characters."""
    target = "/b%2Fc%28d%29%7Ee?X-Amz-Credential=AK%2F2026%2Fs3&sig=a%2Bb%3D&q=%7e"
    server = serve(lambda e: e.say("200 OK"))
    wire.send(get(f"{server.url}{target}#fragment"), timeout=60)
    assert server.arrived[0].target == target


def test_no_cookie_and_no_netrc_add_to_a_request(serve, wire, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(lambda e: e.say("200 OK", set_cookie="a=1; Path=/"))
    for _ in range(2):
        wire.send(Request("GET", server.url), timeout=60)
        assert wire.send(post(server.url), timeout=60).status == 200
    assert [each.header("cookie") for each in server.arrived] == [None] * 4
    assert server.arrived[0].header("authorization") is None


def test_the_environment_may_name_a_proxy(serve, wire, refused, monkeypatch):
    proxy = serve(lambda e: e.say("200 OK", b"by proxy"))
    straight = serve(lambda e: e.say("200 OK", b"straight"))
    monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//me:pw@"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    assert wire.send(post("http://queue.fal.test/a%2Fb"), timeout=60).body == b"by proxy"
    assert wire.send(post(straight.url), timeout=60).body == b"straight"
    assert proxy.arrived[0].target == "http://queue.fal.test/a%2Fb"
    assert proxy.arrived[0].header("proxy-authorization") == "Basic bWU6cHc="

    monkeypatch.setenv("HTTP_PROXY", f"http://me:pw@127.0.0.1:{refused}")
    with Wire(user_agent="t") as other, pytest.raises(NotSent) as caught:
        other.send(post("http://queue.fal.test/"), timeout=60)
    assert "me:pw" not in str(caught.value)


@pytest.mark.parametrize("answer", ["403 Forbidden", "502 Bad Gateway"])
def test_nothing_is_sent_when_the_proxy_opens_no_tunnel(serve, wire, monkeypatch, answer):
    proxy = serve(lambda e: e.say(answer))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with pytest.raises(NotSent):
        wire.send(post("https://queue.fal.test/"), timeout=60)
    assert [each.method for each in proxy.arrived] == ["CONNECT"]


def test_closing_cuts_off_what_is_under_way_and_sending_starts_afresh(serve):
    arrived = threading.Event()

    def answer(exchange):
        if exchange.request.target == "/hang":
            arrived.set()
            exchange.released.wait()
        exchange.say("200 OK", b"again")

    server = serve(answer)
    wire = Wire(user_agent="t")
    failures: list[Exception] = []

    def ask() -> None:
        try:
            wire.send(post(f"{server.url}/hang"), timeout=60)
        except Broken as error:
            failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert arrived.wait(300)
    wire.close()
    thread.join(300)
    assert re.search("closing its connections", str(failures[0]))
    wire.close()

    assert wire.send(get(server.url), timeout=60).body == b"again"
    wire.close()


def test_a_forked_child_has_connections_of_its_own_and_leaves_its_parents_alone(serve, wire, tmp_path):
    server = serve(lambda e: e.say("200 OK", b"{}"))
    script = tmp_path / "forking.py"
    script.write_text(
        "import gc, os, sys\n"
        "from workers.http import Wire\n"
        "from workers.providers.protocol import Request\n"
        "wire = Wire(user_agent='t')\n"
        "ask = lambda name: wire.send(Request('GET', sys.argv[1] + name), timeout=60).status\n"
        "assert ask('/before') == 200\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    status = ask('/child')\n"
        "    wire.close(); del wire; gc.collect()\n"
        "    os._exit(0 if status == 200 else 1)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
        "assert ask('/after') == 200\n"
        "wire.close()\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, str(script), server.url], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, timeout=300
    )
    assert done.returncode == 0
    assert [(each.target, each.connection) for each in server.arrived] == [("/before", 0), ("/child", 1), ("/after", 0)]


def test_certificates_are_checked_against_a_real_list(wire, serve):
    server = serve(lambda e: e.say("200 OK"))
    wire.send(get(server.url), timeout=60)
    trust = wire._connections._trust
    assert trust is not None
    assert trust.verify_mode is ssl.CERT_REQUIRED
    assert trust.check_hostname
    assert trust.get_ca_certs()
