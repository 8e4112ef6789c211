"""No secret in what is printed, logged or kept."""

from __future__ import annotations

import io
import logging

import pytest

from workers.redaction import Redacting, redact, redact_json

KEY = "11112222-3333-4444-5555-666677778888:0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "text, left",
    [
        (f"Authorization: Key {KEY}", "Authorization: [redacted]"),
        ("Authorization: Bearer hush.hush", "Authorization: [redacted]"),
        ("Authorization: Basic aHVzaDpodXNo", "Authorization: [redacted]"),
        ("authorization: hush-hush\r\nAccept: x", "authorization: [redacted]\r\nAccept: x"),
        ("{'Authorization': 'Bearer hush', 'a': 1}", "{'Authorization': '[redacted]', 'a': 1}"),
        ('{"x-api-key":"hush","a":1}', '{"x-api-key":"[redacted]","a":1}'),
        ("[(b'authorization', b'Key hush')]", "[(b'authorization', b'[redacted]')]"),
        ("sent Key abc:def to fal", "sent Key [redacted] to fal"),
        ("sent Bearer abc.def-g to ark", "sent Bearer [redacted] to ark"),
        ("with afk_hush-1 there", "with [redacted] there"),
        ("with sk-0123456789 there", "with [redacted] there"),
        (f"what is {KEY}?", "what is [redacted]?"),
        ("https://b/k?X-Amz-Signature=hush&a=1", "https://b/k?X-Amz-Signature=[redacted]&a=1"),
        ("https://b/k?a=1&X-Amz-Credential=AK%2Fx", "https://b/k?a=1&X-Amz-Credential=[redacted]"),
        ("?x-amz-security-token=hush'", "?x-amz-security-token=[redacted]'"),
        ("?Signature=hush&Expires=9&Key-Pair-Id=hush", "?Signature=[redacted]&Expires=9&Key-Pair-Id=[redacted]"),
        ("?sv=1&sig=a%2Bb%3D", "?sv=1&sig=[redacted]"),
        ("?token=hush#top", "?token=[redacted]#top"),
        ("?AWSAccessKeyId=AKIA&a=1", "?AWSAccessKeyId=[redacted]&a=1"),
        (r'"https:\/\/b\/k?a=1\u0026X-Amz-Signature=hush"', r'"https:\/\/b\/k?a=1\u0026X-Amz-Signature=[redacted]"'),
        ("?a=1&amp;sig=hush&amp;b=2", "?a=1&amp;sig=[redacted]&amp;b=2"),
        ("url=https%3A%2F%2Fb%3Fsig%3Dhush", "url=https%3A%2F%2Fb%3Fsig%3D[redacted]"),
        ("redis://:hush@host:6379/0", "redis://[redacted]@host:6379/0"),
        ("rediss://me:hu@sh@host/0", "rediss://[redacted]@host/0"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text, left):
    assert redact(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "a golden retriever, the key light is soft, a token of love",
        "https://v3.fal.media/files/b/output.mp4?width=720&seed=4",
        "https://host/a?mail=me@host",
        "sk-ip this, afk for a minute; the bearer of news",
        '{"completion_tokens": 108900, "request_id": "764cabcf-b745-4b3e-ae38-1200304cf45b"}',
        "the authorization was refused (HTTP 401)",
    ],
)
def test_what_does_not_stays(text):
    assert redact(text) == text


def test_a_known_secret_goes_in_every_spelling():
    secret = 'pa ss"/wörd:second-half'
    text = f'{secret} pa%20ss%22%2Fw%C3%B6rd%3Asecond-half pa ss\\"/w\\u00f6rd:second-half second-half'
    assert redact(text, [secret]) == " ".join(["[redacted]"] * 4)
    assert redact("a b c", ["", "a", "b"]) == "a b c"
    assert redact("longer than long", ["long", "longer"]) == "[redacted] than [redacted]"


def test_json_is_redacted_throughout_and_left_alone_otherwise():
    value = {
        "a": ["https://b/k?sig=hush", 1, None, True, 2.5],
        "Token": "hush",
        "token": 3,
        "usage": {"completion_tokens": 5},
        "b": {"c": "say hush-hush"},
    }
    assert redact_json(value, ["hush-hush"]) == {
        "a": ["https://b/k?sig=[redacted]", 1, None, True, 2.5],
        "Token": "[redacted]",
        "token": 3,
        "usage": {"completion_tokens": 5},
        "b": {"c": "say [redacted]"},
    }
    assert value["Token"] == "hush"


def test_logs_hold_no_secret_in_message_traceback_or_stack():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Redacting(["hush-hush"]))
    logger = logging.Logger("rushes.test")
    logger.addHandler(handler)

    logger.warning("sent %s with %r", "hush-hush", {"Authorization": f"Key {KEY}"})
    logger.warning("does not %d fit", "hush-hush")
    logger.warning("no arguments, 100 % sure")
    try:
        raise ValueError(f"hush-hush at redis://:pw-pw@host and {KEY}")
    except ValueError:
        logger.exception("failed", stack_info=True)

    written = stream.getvalue()
    assert "sent [redacted] with {'Authorization': '[redacted]'}" in written
    assert "does not %d fit ('[redacted]',)" in written
    assert "100 % sure" in written
    assert "ValueError: [redacted] at redis://[redacted]@host and [redacted]" in written
    assert "Stack (most recent call last)" in written
    # The source lines that a traceback quotes are ours, and name the secret only in this test.
    said = [line for line in written.splitlines() if "raise ValueError" not in line]
    assert not any(secret in line for line in said for secret in ("hush-hush", "pw-pw", KEY))
