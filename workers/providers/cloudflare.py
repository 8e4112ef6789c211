"""Cloudflare: Seedance 2.0 as a partner model of Workers AI, through AI Gateway.

What a request may hold is from the two model pages (developers.cloudflare.com/ai/models/bytedance/seedance-2.0 and
.../seedance-2.0-fast); the call, its headers and its errors from AI Gateway's pages on the REST API, on custom
metadata and on guardrails, and from Workers AI's page on errors. Five things to know:

* One POST is held until the video is finished. There is no job, nothing to ask about it, no idempotency key and no
  listing but the gateway's own log: an answer that is lost is in doubt, and a person has to look there.
* The gateway caches and repeats by itself. Both would be wrong here: another take of the same prompt is another
  video, and a repetition is another bill. So `cf-aig-skip-cache` and `cf-aig-max-attempts: 1` go with every call,
  and `cf-aig-metadata` names the take and the attempt, by which the log can be searched.
* The page marks `duration`, `resolution` and `aspect_ratio` as required and gives each a default. Every example has
  them, so they are always sent. `fps`, `camera_fixed` and `watermark` are marked likewise, but no example has them:
  they are sent only when they are asked for.
* Whether the REST API wraps the answer as `{"result": ..., "success": true}` is not said, and clients have seen both.
* No page says what becomes of a failed render, or which states there are besides `Completed`. Since the answer comes
  after the render, whatever is not certainly a refusal is in doubt, even with a status of 200.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NoReturn
from urllib.parse import quote

from jobs.takes import Asked
from workers.errors import SettingsError
from workers.providers.errors import (
    AuthRefused,
    InDoubt,
    InputRefused,
    Invalid,
    OutputRefused,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Transient,
    Unknown,
)
from workers.providers.moderation import refusal
from workers.providers.protocol import (
    Access,
    Attempt,
    Delivered,
    Job,
    Rendered,
    Request,
    Response,
    Settling,
    Verdict,
)
from workers.providers.reading import excerpt, retry_after
from workers.redaction import redact

_MODELS = {
    "seedance-2.0": "bytedance/seedance-2.0",
    "seedance-2.0-fast": "bytedance/seedance-2.0-fast",
}

# By the model page: what it asks for in every request, with its own defaults.
_ALWAYS: dict[str, Any] = {"duration": 5, "resolution": "720p", "aspect_ratio": "16:9"}

# The fields that a manifest has another or the same name for; `fps` is the only one left to `provider_options`.
_OWN_NAMES = {
    "prompt": "prompt",
    "image": "start_image",
    "last_frame_image": "end_image",
    "reference_images": "reference_images",
    "reference_video": "reference_videos",
    "duration": "duration",
    "resolution": "resolution",
    "aspect_ratio": "aspect_ratio",
    "camera_fixed": "camera_fixed",
    "generate_audio": "generate_audio",
    "watermark": "watermark",
    "seed": "seed",
}

_FPS = 24

_LONGEST_TAKE = 200
"""Characters of a take's name in the metadata, which has no documented limit but is a header. The key is whole."""

_ENVELOPES = 3

_Class = type[ProviderError]

# From 2016 on: AI Gateway's page on guardrails. 3xxx and 5xxx: Workers AI's page on errors. The rest are the codes of
# Cloudflare's API in general, for a token or an account id that it can't make sense of (some come with a 400).
_KINDS: dict[int, _Class] = {
    2016: InputRefused,
    2017: OutputRefused,
    3036: QuotaExhausted,
    3040: RateLimited,
    **dict.fromkeys((3003, 3006, 3039, 3042, 5004, 5005, 5007, 5019), Invalid),
    **dict.fromkeys((3023, 3041, 5016, 5018), AuthRefused),
    **dict.fromkeys((2009, 6003, 6111, 7000, 7003, 9106, 9109, 10000, 10001), AuthRefused),
    # A time-out and an abort: it may have been rendered, and billed.
    **dict.fromkeys((3007, 3008), InDoubt),
}

# No page gives a code for credits that are used up.
_NO_MONEY = re.compile(
    r"(?:insufficient|not enough|out of|exhausted)\W+(?:\w+\W+)?(?:credit|balance|fund)|payment (?:error|required)",
    re.I,
)


class Cloudflare:
    """Cloudflare's translation. See `workers.providers.protocol.Adapter` for what each method promises."""

    provider: str = "cloudflare"
    # The answer comes when the video is finished, in minutes, and no page bounds them. To hang up first would leave a
    # paid take in doubt, while waiting costs nothing but a connection.
    submit_timeout: float = 900.0
    settling: Settling = "held"
    settling_seconds: float = 0.0

    def submission(self, asked: Asked, access: Access, attempt: Attempt) -> Request:
        """The POST that renders.

        Raises `Invalid` for what Cloudflare has no words for, and `SettingsError` without an account. What can be said
        but is out of Cloudflare's bounds is for the plan to refuse.
        """
        if not access.account:
            raise SettingsError("no account for cloudflare: set CLOUDFLARE_ACCOUNT_ID to its id")
        model = _MODELS.get(asked.model)
        if model is None:
            raise Invalid(f"Cloudflare has no model {asked.model!r}; it has {' and '.join(_MODELS)}.")
        unsaid = list(_unsaid(asked))
        if unsaid:
            raise Invalid(" ".join(unsaid))
        metadata = {"take": attempt.take[:_LONGEST_TAKE], "attempt": attempt.number, "key": attempt.key}
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {access.key.get_secret_value()}",
            "Content-Type": "application/json",
            "cf-aig-max-attempts": "1",
            "cf-aig-metadata": json.dumps(metadata),
            "cf-aig-skip-cache": "true",
        }
        url = f"{access.base_url}/accounts/{quote(access.account, safe='')}/ai/run"
        return Request("POST", url, headers, {"model": model, "input": _input(asked)})

    def accepted(self, response: Response) -> Delivered:
        """The video, and as the job's id that of the gateway's log entry, by which the call is found again."""
        answer = _Answer(response)
        if 200 <= response.status < 300:
            video = answer.video()
            if video is None:
                raise answer.without_video()
            return Delivered(Job(_job_id(response)), Rendered(video, answer=answer.fields))
        raise answer.refusal()

    def vouching(self, access: Access) -> Request:
        """The GET that verifies a user's token, by Cloudflare's API reference."""
        headers = {"Accept": "application/json", "Authorization": f"Bearer {access.key.get_secret_value()}"}
        return Request("GET", f"{access.base_url}/user/tokens/verify", headers)

    def vouching_else(self, access: Access) -> Request:
        """The GET that verifies a token that belongs to the account, by the same reference."""
        asked = self.vouching(access)
        return replace(asked, url=f"{access.base_url}/accounts/{access.account}/tokens/verify")

    def vouched(self, response: Response) -> str:
        """That the token is active. What it may do, and whether the account is its own, isn't told."""
        answer = _Answer(response)
        if response.status >= 500 or response.status == 408:
            raise answer.error(Transient, f"Cloudflare answered with HTTP {response.status}")
        if response.status != 200:
            raise answer.refusal()
        result = response.parsed()
        state = result.get("result", {}).get("status") if isinstance(result, dict) else None
        if state in ("disabled", "expired"):
            raise answer.error(AuthRefused, f"Cloudflare says that the token is {state}")
        if state != "active":
            raise answer.error(Unknown, "Cloudflare answered without the status of the token")
        return "the token is active; whether it may render for the account, a submission alone tells"

    def status(self, job: Job, access: Access) -> Request:
        """Never called: there is no job to ask about."""
        _nothing_to_ask(job)

    def verdict(self, job: Job, request: Request, response: Response, access: Access) -> Verdict:
        """Never called: there is no job to ask about."""
        _nothing_to_ask(job)

    def named(self, job_id: str, asked: Asked, access: Access) -> Job:
        """Raises `Invalid`, whatever the id: no call can be asked about later."""
        raise Invalid(
            f"Cloudflare can't be asked about {job_id[:80]!r}: it delivers with its answer, and what was lost with "
            "that can't be fetched. See in the gateway's log whether it was billed, then give the take up or have it "
            "submitted again."
        )


class _Answer:
    """An answer of Cloudflare's, in whatever envelope it came."""

    def __init__(self, response: Response) -> None:
        self.response = response
        parsed = response.parsed()
        self.fields: dict[str, Any] = parsed if isinstance(parsed, dict) else {}
        self.levels = list(_levels(self.fields))
        self.codes: list[int] = []
        self.texts: list[str] = []
        for level in self.levels:
            for complaint in _complaints(level):
                self._note(complaint)

    @property
    def state(self) -> str | None:
        """The first state that is not `Completed`, else that, else None."""
        states = [level["state"] for level in self.levels if isinstance(level.get("state"), str)]
        return next((state for state in states if state.lower() != "completed"), states[0] if states else None)

    def video(self) -> str | None:
        """The URL of the video, if it is finished and there is one."""
        if self.state is not None and self.state.lower() != "completed":
            return None
        videos = (level.get("video") for level in self.levels)
        return next((url for url in videos if isinstance(url, str) and url.startswith(("https://", "http://"))), None)

    def without_video(self) -> ProviderError:
        """The class of a success that brings no video."""
        kind = self._by_code() or refusal(" ".join(self.texts))
        if kind is not None:
            return self.error(kind, _SAID[kind])
        if self.state is not None and self.state.lower() != "completed":
            said = f"Cloudflare answered with the state {self.state!r:.80}, which no page explains"
        else:
            said = f"Cloudflare answered HTTP {self.response.status} without a video"
        return self.error(InDoubt, f"{said}: it may have been rendered, and billed; look into the gateway's log")

    def refusal(self) -> ProviderError:
        """The class of an answer that is not a success."""
        status, text = self.response.status, " ".join(self.texts)
        # Whatever the code says: behind a 5xx, nobody knows how far the request had come.
        if status >= 500 or status == 408:
            said = f"Cloudflare answered HTTP {status}: it may have been rendered, and billed"
            return self.error(InDoubt, f"{said}; look into the gateway's log")
        kind = self._by_code()
        if kind is not None:
            return self.error(kind, _SAID[kind])
        if status == 402 or (status in (400, 403, 429) and _NO_MONEY.search(text)):
            return self.error(QuotaExhausted, _SAID[QuotaExhausted])
        if status in (401, 403):
            return self.error(AuthRefused, _SAID[AuthRefused])
        if status == 429:
            return self.error(RateLimited, _SAID[RateLimited])
        if status in (400, 405, 413, 415, 422):
            kind = refusal(text) or Invalid
            return self.error(kind, _SAID[kind])
        return self.error(Unknown, f"Cloudflare answered HTTP {status}")

    def error(self, kind: _Class, what: str) -> ProviderError:
        """An error of class `kind` whose message is `what` with Cloudflare's own words."""
        said = "; ".join(dict.fromkeys(self.texts[:5]))
        line = " ".join(redact(f"{what}: {said}" if said else what).split())
        return kind(
            line if len(line) <= 600 else f"{line[:600]} ...",
            status=self.response.status,
            body=excerpt(self.response),
            retry_after=retry_after(self.response.headers),
        )

    def _by_code(self) -> _Class | None:
        return next((_KINDS[code] for code in self.codes if code in _KINDS), None)

    def _note(self, complaint: Any) -> None:
        """Take the codes and the words out of one complaint, which may be a text or an object."""
        if isinstance(complaint, str) and complaint:
            self.texts.append(complaint)
        if not isinstance(complaint, dict):
            return
        codes = [complaint.get(name) for name in ("code", "internalCode")]
        for code in codes:
            if type(code) is int or (isinstance(code, str) and code.isdecimal()):
                self.codes.append(int(code))
        # Ark's codes, which a gateway may pass on, are words.
        words = [code for code in codes if code is not None]
        message = complaint.get("message")
        text = " ".join(str(part) for part in (*words, message) if isinstance(part, (str, int)))
        if text:
            self.texts.append(text)
        chain = complaint.get("error_chain")
        for each in chain if isinstance(chain, list) else []:
            self._note(each)


_SAID: dict[_Class, str] = {
    AuthRefused: "Cloudflare refused the token; check CLOUDFLARE_API_TOKEN (it needs AI Gateway permission) and "
    "CLOUDFLARE_ACCOUNT_ID",
    QuotaExhausted: "Cloudflare's account has used up what it may spend",
    RateLimited: "Cloudflare has too much to do",
    Invalid: "Cloudflare refused the request",
    InputRefused: "Cloudflare's moderation refused what was asked",
    OutputRefused: "Cloudflare's moderation refused what was rendered",
    InDoubt: "Cloudflare broke off the render, which may be billed",
}


def _levels(fields: dict[str, Any]) -> Iterator[dict[str, Any]]:
    level: Any = fields
    for _ in range(_ENVELOPES + 1):
        if not isinstance(level, dict):
            return
        yield level
        level = level.get("result")


def _complaints(level: dict[str, Any]) -> Iterator[Any]:
    for name in ("errors", "error"):
        complaint = level.get(name)
        yield from complaint if isinstance(complaint, list) else [complaint]
    # The gateway's own errors stand bare: {"name": "AiGatewayError", "internalCode": 2009, "message": ...}.
    if "code" in level or "internalCode" in level or isinstance(level.get("message"), str):
        yield level


def _unsaid(asked: Asked) -> Iterator[str]:
    """What is asked that Cloudflare has no words for, a sentence each."""
    if asked.reference_audio:
        yield "Cloudflare takes no reference_audio; leave it out."
    if len(asked.reference_videos) > 1:
        yield f"Cloudflare takes one reference video, not {len(asked.reference_videos)}; choose one."
    if asked.end_image and not asked.start_image:
        yield "Cloudflare heeds an end_image only together with a start_image; add one."
    if asked.duration == "auto":
        yield "Cloudflare wants a duration in seconds, not 'auto'."
    if asked.aspect_ratio == "auto":
        yield "Cloudflare wants an aspect ratio, not 'auto'."
    for name in ("web_search", "return_last_frame"):
        # Not to want what there is not is nothing that would be dropped.
        if getattr(asked, name):
            yield f"Cloudflare has no {name}; leave it out."
    given = [asked.start_image, asked.end_image, *asked.reference_images, *asked.reference_videos]
    for each in given:
        if each is not None and not each.startswith(("https://", "http://", "data:")):
            yield f"Cloudflare takes http(s) URLs and data URIs, not {each[:80]!r}."
    for name, value in (asked.provider_options or {}).items():
        if name in _OWN_NAMES:
            yield f"provider_options.{name} is {_OWN_NAMES[name]} in a manifest; write that."
        elif name != "fps":
            yield f"provider_options.{name}: Cloudflare documents no such field; besides a manifest's own it has fps."
        elif isinstance(value, bool) or value != _FPS:
            yield f"provider_options.fps: Cloudflare renders {_FPS}, not {value!r}."


def _input(asked: Asked) -> dict[str, Any]:
    given = {
        "prompt": asked.prompt,
        "image": asked.start_image,
        "last_frame_image": asked.end_image,
        "reference_images": list(asked.reference_images) or None,
        "reference_video": asked.reference_videos[0] if asked.reference_videos else None,
        "duration": asked.duration,
        "resolution": asked.resolution,
        "aspect_ratio": asked.aspect_ratio,
        "camera_fixed": asked.camera_fixed,
        "generate_audio": asked.generate_audio,
        "watermark": asked.watermark,
        "seed": asked.seed,
        **(asked.provider_options or {}),
    }
    return {**_ALWAYS, **{name: value for name, value in given.items() if value is not None}}


def _job_id(response: Response) -> str:
    """What to call a call: the gateway's log entry, else Cloudflare's name of the request, else the answer's digest.

    `cf-aig-log-id` is in AI Gateway's glossary of headers; whether every answer of `/ai/run` bears it is not said.
    """
    for name in ("cf-aig-log-id", "cf-ray"):
        given = response.headers.get(name, "").strip()
        if given:
            return given
    return f"sha256-{hashlib.sha256(response.body).hexdigest()}"


def _nothing_to_ask(job: Job) -> NoReturn:
    raise RuntimeError(f"Cloudflare delivers with its answer: there is nothing to ask about {job.id}.")
