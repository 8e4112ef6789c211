"""A video that is cut, changed, expired or no video at all on its way."""

from __future__ import annotations

import errno
import hashlib
import random
import re
from pathlib import Path

import pytest

from workers.errors import DownloadError, LinkExpired
from workers.http import Download, Fetched

VIDEO = random.Random(7).randbytes(300_000)
OTHER = random.Random(8).randbytes(300_000)
SHA = hashlib.sha256(VIDEO).hexdigest()


class Shelf:
    """Serves `video` by range as a good server does, hanging up after each `cut` bytes of a body."""

    def __init__(self, video=VIDEO, *, etag='"v1"', cut=None, ranges=True, chunked=False):
        self.video, self.etag, self.cut, self.ranges, self.chunked = video, etag, cut, ranges, chunked

    def __call__(self, exchange):
        asked = exchange.request.header("range")
        start = 0
        if asked and self.ranges and exchange.request.header("if-range") == self.etag:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
        part = self.video[start:]
        headers = {"content_type": "video/mp4", "etag": self.etag}
        if asked and self.ranges and exchange.request.header("if-range") == self.etag:
            if not part:
                exchange.say("416 Range Not Satisfiable", content_range=f"bytes */{len(self.video)}")
                return
            headers["content_range"] = f"bytes {start}-{len(self.video) - 1}/{len(self.video)}"
        cut = self.cut is not None and len(part) > self.cut
        sent = part[: self.cut] if cut else part
        status = "206 Partial Content" if "content_range" in headers else "200 OK"
        if self.chunked:
            body = b"%x\r\n%s\r\n" % (len(sent), sent) + (b"" if cut else b"0\r\n\r\n")
            exchange.say(status, body, **headers, transfer_encoding="chunked", content_length="")
        else:
            exchange.say(status, sent, **headers, content_length=str(len(part)))
        if cut:
            exchange.hang_up()


@pytest.fixture
def to(tmp_path) -> Path:
    return tmp_path / "video.part"


@pytest.fixture
def download(wire) -> Download:
    return Download(wire)


def whole(fetched: Fetched, to: Path, video: bytes = VIDEO) -> bool:
    digest = hashlib.sha256(video).hexdigest()
    return fetched == Fetched(to, len(video), digest, "video/mp4") and to.read_bytes() == video


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("cut", [None, 1_000_000, 299_999, 100_000, 50_001, 30_000])
def test_a_cut_file_is_resumed_until_it_is_whole(serve, download, to, cut, chunked):
    server = serve(Shelf(cut=cut, chunked=chunked))
    assert whole(download.fetch(f"{server.url}/v.mp4", to, timeout=300), to)

    assert {each.header("accept-encoding") for each in server.arrived} == {"identity"}
    assert [each.header("authorization") for each in server.arrived] == [None] * len(server.arrived)
    wanted = -(-len(VIDEO) // cut) if cut else 1
    assert len(server.arrived) == wanted
    assert [each.header("if-range") for each in server.arrived] == [None] + ['"v1"'] * (wanted - 1)


@pytest.mark.parametrize("etag", ['W/"v1"', "", "v1"], ids=["weak", "none", "unquoted"])
def test_without_a_strong_etag_it_begins_again(serve, download, to, etag):
    shelf = Shelf(etag=etag, cut=200_000)

    def answer(exchange):
        if len(server.arrived) == 2:
            shelf.cut = None
        shelf(exchange)

    server = serve(answer)
    assert whole(download.fetch(server.url, to, timeout=300), to)
    assert [each.header("range") for each in server.arrived] == [None, None]


def test_a_file_that_changed_meanwhile_is_fetched_anew(serve, download, to):
    shelf = Shelf(cut=200_000)

    def answer(exchange):
        if len(server.arrived) == 2:
            shelf.video, shelf.etag, shelf.cut = OTHER, '"v2"', None
        shelf(exchange)

    server = serve(answer)
    assert whole(download.fetch(server.url, to, timeout=300), to, OTHER)
    assert [each.header("if-range") for each in server.arrived] == [None, '"v1"']


def test_a_server_that_ignores_ranges_is_believed(serve, download, to):
    shelf = Shelf(cut=200_000, ranges=False)

    def answer(exchange):
        if len(server.arrived) == 2:
            shelf.cut = None
        shelf(exchange)

    server = serve(answer)
    assert whole(download.fetch(server.url, to, timeout=300), to)
    assert [each.header("range") for each in server.arrived] == [None, "bytes=200000-"]


SECOND_ANSWERS = {
    "416": {"status": "416 Range Not Satisfiable", "body": b""},
    "another start": {"status": "206 Partial Content", "content_range": "bytes 100000-299999/300000"},
    "another length": {"status": "206 Partial Content", "content_range": "bytes 200000-299999/400000"},
    "no range": {"status": "206 Partial Content"},
    "another file": {
        "status": "206 Partial Content",
        "content_range": "bytes 200000-299999/300000",
        "etag": '"v2"',
    },
}


@pytest.mark.parametrize("how", SECOND_ANSWERS)
def test_a_part_that_does_not_fit_is_not_taken(serve, download, to, how):
    shelf = Shelf(cut=200_000)

    def answer(exchange):
        if len(server.arrived) == 2:
            headers = {"body": OTHER[200_000:], **SECOND_ANSWERS[how]}
            exchange.say(headers.pop("status"), **headers)
            shelf.cut = None
        else:
            shelf(exchange)

    server = serve(answer)
    assert whole(download.fetch(server.url, to, timeout=300), to)
    assert [each.header("range") for each in server.arrived] == [None, "bytes=200000-", None]


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "410 Gone"])
@pytest.mark.parametrize("after", [1, 2])
def test_a_dead_link_is_told_from_a_bad_line(serve, download, to, status, after):
    shelf = Shelf(cut=200_000)
    server = serve(lambda e: shelf(e) if len(server.arrived) < after else e.say(status, b"<Error/>"))
    with pytest.raises(LinkExpired, match=rf"/v\.mp4: the link is dead \(HTTP {status[:3]}\)") as caught:
        download.fetch(f"{server.url}/v.mp4?X-Amz-Signature=abcdef", to, timeout=300)
    assert "abcdef" not in str(caught.value)
    assert len(server.arrived) == after


@pytest.mark.parametrize(
    "answer, said",
    [
        (lambda e: e.say("200 OK", b"<html>", content_type="text/html; charset=utf-8"), "text/html"),
        (lambda e: e.say("200 OK", b"{}", content_type="application/json"), "application/json"),
        (lambda e: e.say("200 OK", b"abc", content_encoding="gzip"), "gzip-encoded"),
        (lambda e: e.say("429 Too Many Requests", retry_after="3"), "HTTP 429"),
        (lambda e: e.say("500 Oops", b"<html>", content_type="text/html"), "HTTP 500"),
        (lambda e: e.say("503 Busy"), "HTTP 503"),
        (lambda e: e.say("204 No Content", content_length=""), "HTTP 204"),
        (lambda e: e.say("400 Bad Request"), "HTTP 400"),
        (lambda e: e.say("206 Partial Content", b"abc", content_range="bytes 0-2/9"), "HTTP 206"),
        (lambda e: e.say("416 Range Not Satisfiable"), "HTTP 416"),
        (lambda e: e.say("302 Found", location="/again"), "redirected more than 5 times"),
        (lambda e: e.say("302 Found"), "does not say where to go"),
        (lambda e: e.say("302 Found", location="ftp://127.0.0.1/v"), "not an http"),
        (lambda e: e.say("302 Found", location="http://[::1"), "no URL"),
        (lambda e: e.say("200 OK", b"abc", content_length="5000000000"), "more than the"),
    ],
)
def test_what_is_no_file_is_said_to_be_none(serve, download, to, answer, said):
    server = serve(answer)
    with pytest.raises(DownloadError, match=said) as caught:
        download.fetch(f"{server.url}/v.mp4?token=hush", to, timeout=300)
    assert not isinstance(caught.value, LinkExpired)
    assert "hush" not in str(caught.value)


def test_a_redirect_is_followed_to_another_host(serve, download, to):
    storage = serve(Shelf(cut=200_000))
    target = "/b%2Fv.mp4?sig=a%2Bb%3D"
    server = serve(lambda e: e.say("307 Temporary Redirect", location=f"{storage.url}{target}"))
    assert whole(download.fetch(server.url, to, timeout=300), to)
    assert [each.target for each in storage.arrived] == [target, target]
    assert [each.header("authorization") for each in storage.arrived] == [None, None]


def test_a_file_one_byte_short_is_not_whole(serve, download, to):
    """The last byte never comes, however often it is asked for."""
    server = serve(lambda e: Shelf(VIDEO[:-1])(e) if e.request.header("range") else short(e))

    def short(exchange):
        exchange.say("200 OK", VIDEO[:-1], etag='"v1"', content_length=str(len(VIDEO)))
        exchange.hang_up()

    with pytest.raises(DownloadError, match=r"(299999|0) of 300000 bytes"):
        download.fetch(server.url, to, timeout=300)


def test_cuts_in_vain_are_counted_and_named(serve, download, to):
    server = serve(lambda e: Shelf(etag="", cut=1000)(e))
    with pytest.raises(DownloadError, match=r"cut off at 1000 of 300000 bytes, 3 times in vain"):
        download.fetch(server.url, to, timeout=300, fruitless=2)
    assert len(server.arrived) == 4


def test_more_cuts_than_may_be_in_vain_do_no_harm_while_bytes_come(serve, download, to):
    server = serve(Shelf(cut=10_000))
    assert whole(download.fetch(server.url, to, timeout=300, fruitless=0), to)
    assert len(server.arrived) == 30


def test_silence_is_a_cut(serve, download, to):
    def answer(exchange):
        if len(server.arrived) == 1:
            exchange.say("200 OK", VIDEO[:100], etag='"v1"', content_length=str(len(VIDEO)))
            exchange.released.wait()
        Shelf()(exchange)

    server = serve(answer)
    fetched = download.fetch(server.url, to, timeout=300, stall=3)
    assert (fetched.bytes, fetched.sha256, to.read_bytes()) == (len(VIDEO), SHA, VIDEO)
    assert server.arrived[1].header("range") == "bytes=100-"


def test_there_is_a_limit_to_all_of_it(serve, download, to):
    server = serve(lambda e: (e.say("200 OK", b"abc", content_length="9"), e.released.wait()))
    with pytest.raises(DownloadError, match=r"not whole within 3 s: 3 of 9 bytes"):
        download.fetch(server.url, to, timeout=3, stall=60)


def test_there_is_a_limit_to_its_size(serve, download, to):
    server = serve(Shelf(chunked=True))
    with pytest.raises(DownloadError, match="more than the 100000 bytes"):
        download.fetch(server.url, to, timeout=300, largest=100_000)


def test_a_link_that_leads_nowhere(download, to, refused):
    with pytest.raises(DownloadError, match=r"0 of an unknown number of bytes, 2 times in vain.*no connection"):
        download.fetch(f"http://127.0.0.1:{refused}/v.mp4", to, timeout=300, fruitless=1)
    with pytest.raises(DownloadError, match="not an http"):
        download.fetch("file:///etc/passwd", to, timeout=300)


def test_a_full_disk_is_no_fault_of_the_line(serve, download):
    server = serve(Shelf())
    with pytest.raises(OSError, match="No space left") as caught:
        download.fetch(server.url, Path("/dev/full"), timeout=300)
    assert caught.value.errno == errno.ENOSPC
    assert len(server.arrived) == 1


def test_a_folder_that_is_not_there_is_said_to_be_missing(serve, download, tmp_path):
    server = serve(Shelf())
    with pytest.raises(FileNotFoundError):
        download.fetch(server.url, tmp_path / "gone" / "v.part", timeout=300)
    assert server.arrived == []
