from __future__ import annotations

import httpx
import pytest


def test_a_file_comes_whole_and_without_a_key(talk):
    answer = httpx.get(talk.rendered())
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["etag"].startswith('"')
    head = httpx.head(answer.url)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "etag", "content-type"):
        assert head.headers[name] == answer.headers[name]


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [
        ("bytes=0-", 0, None),
        ("bytes=1000-", 1000, None),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=0-0", 0, 1),
        ("bytes=-500", -500, None),
        ("bytes=1000-999999999", 1000, None),
    ],
)
def test_a_range(talk, asked, begin, end):
    url = talk.rendered()
    whole = httpx.get(url)
    part = httpx.get(url, headers={"Range": asked, "If-Range": whole.headers["etag"]})
    assert part.status_code == 206
    assert part.content == whole.content[begin:end]
    first = begin % len(whole.content)
    last = first + len(part.content) - 1
    assert part.headers["content-range"] == f"bytes {first}-{last}/{len(whole.content)}"
    assert part.headers["etag"] == whole.headers["etag"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Range": "bytes=999999999-"}, 416),
        ({"Range": "bytes=-0"}, 416),
        ({"Range": "bytes=5-1"}, 200),
        ({"Range": "bytes=-"}, 200),
        ({"Range": "bytes=0-1,5-6"}, 200),
        ({"Range": "lines=1-"}, 200),
        ({"Range": "bytes=5-", "If-Range": '"another"'}, 200),
    ],
)
def test_a_range_that_can_not_be_had(talk, headers, status):
    url = talk.rendered()
    whole = httpx.get(url).content
    answer = httpx.get(url, headers=headers)
    assert answer.status_code == status
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(whole)}"
    else:
        assert answer.content == whole


def read_until_cut(url: str, **headers: str) -> tuple[bytes, int]:
    """What came before the connection closed, and how much was promised."""
    got = bytearray()
    with httpx.stream("GET", url, headers=headers) as answer, pytest.raises(httpx.RemoteProtocolError):
        for piece in answer.iter_raw():
            got += piece
    return bytes(got), int(answer.headers["content-length"])


def test_a_download_that_is_cut_can_be_taken_up_again(talk):
    url = talk.rendered("[sandbox: cut]")
    begun, promised = read_until_cut(url)
    whole = httpx.get(url)
    assert len(whole.content) == promised
    assert whole.content.startswith(begun)
    assert len(begun) == promised // 2
    rest = httpx.get(url, headers={"Range": f"bytes={len(begun)}-", "If-Range": whole.headers["etag"]})
    assert begun + rest.content == whole.content


def test_a_download_that_is_always_cut_still_comes_closer(talk):
    url = talk.rendered("[sandbox: cut always]")
    begun, promised = read_until_cut(url)
    more, left = read_until_cut(url, Range=f"bytes={len(begun)}-")
    assert left == promised - len(begun)
    assert len(more) == left // 2


def test_a_web_page_in_place_of_the_video(talk):
    url = talk.rendered("[sandbox: html]")
    page = httpx.get(url)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html")
    assert httpx.get(url).headers["content-type"] == "video/mp4"


def test_a_video_that_is_one_byte_short(talk):
    url = talk.rendered("[sandbox: truncated]")
    short, whole = httpx.get(url), httpx.get(url)
    assert int(short.headers["content-length"]) == len(short.content)
    assert short.content == whole.content[:-1]
    assert short.headers["etag"] != whole.headers["etag"]


def test_a_link_that_has_expired(talk):
    url = talk.rendered("[sandbox: expired]")
    assert [httpx.get(url).status_code for _ in range(2)] == [403, 403]


def test_links_expire_when_told_to(start):
    talk = start(link_seconds=86_400.0)
    url = talk.rendered()
    assert httpx.get(url).status_code == 200
    talk.clock.time += 86_400
    assert httpx.get(url).status_code == 403


def test_a_busy_file_server(start):
    talk = start(retry_after=7)
    url = talk.rendered("[sandbox: busy]")
    busy = httpx.get(url)
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "7")
    assert httpx.get(url).status_code == 200


def test_no_content_length(talk):
    job = talk.accepted("[sandbox: chunked]")
    talk.finish()
    video = talk.client.get(job["response_url"]).json()["video"]
    answer = httpx.get(video["url"], headers={"Range": "bytes=5-"})
    assert (answer.status_code, answer.headers["transfer-encoding"]) == (200, "chunked")
    assert "content-length" not in answer.headers
    assert len(answer.content) == video["file_size"]


def test_ranges_ignored(talk):
    url = talk.rendered("[sandbox: no-range]")
    whole = httpx.get(url)
    assert httpx.get(url, headers={"Range": "bytes=5-"}).content == whole.content


@pytest.mark.parametrize("fault", ["weak-etag", "new-etag"])
def test_a_tag_that_proves_nothing(talk, fault):
    url = talk.rendered(f"[sandbox: {fault}]")
    whole = httpx.get(url)
    assert whole.headers["etag"].startswith("W/") == (fault == "weak-etag")
    again = httpx.get(url, headers={"Range": "bytes=5-", "If-Range": whole.headers["etag"]})
    assert (again.status_code, again.content) == (200, whole.content)
    unconditional = httpx.get(url, headers={"Range": "bytes=5-"})
    assert (unconditional.status_code, unconditional.content) == (206, whole.content[5:])


def test_a_head_wears_no_fault_out(talk):
    url = talk.rendered("[sandbox: html]")
    assert httpx.head(url).headers["content-type"] == "video/mp4"
    assert httpx.get(url).headers["content-type"] == "text/html"


def test_no_file_before_the_end_nor_of_a_refused_job(talk):
    early, refused = talk.accepted(), talk.accepted("[sandbox: moderation]")
    urls = [f"{talk.sandbox.url}/files/{job['request_id']}.mp4" for job in (early, refused)]
    assert [httpx.get(url).status_code for url in urls] == [404, 404]
    talk.finish()
    assert [httpx.get(url).status_code for url in urls] == [200, 404]
    assert httpx.get(f"{talk.sandbox.url}/files/nothing.mp4").status_code == 404
