"""What is written into pictures and copies of videos: the parameters in the field's convention, and the receipt.

`parameters` is the text that A1111's web UI writes and reads (modules/infotext_utils.py there): the prompt, then one
line of `Name: value` pairs with commas between; a value with a comma, a colon or a line break in it is quoted as JSON.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workers.receipts import Receipt

PARAMETERS = "parameters"
RECEIPT = "rushes:receipt"

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TO_QUOTE = re.compile(r'[,:\n"]')
_ABSENT = frozenset({"answer", "poster"})
"""What of a receipt stays out of pictures, which are passed on: the provider's answer, which may hold signed links."""


def parameters(receipt: Receipt) -> str:
    """What a take was made by, as A1111 writes it."""
    asked, video = receipt.asked, receipt.video
    seed = receipt.seed if receipt.seed is not None else asked.seed
    pairs: dict[str, Any] = {
        "Seed": seed,
        "Size": f"{video.width}x{video.height}",
        "Model": receipt.model,
        "Duration": asked.duration,
        "Resolution": asked.resolution,
        "Aspect ratio": asked.aspect_ratio,
        "FPS": f"{video.fps:g}",
        "Frames": video.frames,
        "Provider": receipt.provider,
        "Batch": receipt.batch,
        "Take": receipt.take,
        "Job": receipt.job_id or None,
        "Version": f"Rushes {receipt.rushes_version}",
    }
    line = ", ".join(f"{name}: {_quoted(value)}" for name, value in pairs.items() if value is not None)
    return f"{asked.prompt}\n{line}"


def receipt_text(receipt: Receipt) -> str:
    """The receipt as JSON on one line, without what would be passed on with a picture and shouldn't: the provider's
    answer and its link to the video."""
    told = receipt.model_dump(mode="json", exclude=set(_ABSENT))
    del told["video"]["source_url"]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def known_so_far(receipt: Receipt) -> str:
    """The same, of a receipt that isn't written yet: without what isn't known then, and without what would be another
    when the take is collected once more: the same take has the same picture."""
    told = json.loads(receipt_text(receipt))
    del told["last_frame"], told["times"]["downloaded"], told["times"]["stored"]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def write_text(png: Path, texts: Mapping[str, str]) -> None:
    """Put `texts`, by keyword, into the PNG at `png`, before its picture; the picture stays as it is, byte for byte.

    What Latin-1 can hold is a `tEXt` chunk, as A1111 writes it, anything else, and JSON always, an `iTXt` chunk (PNG
    specification, third edition, section 11.3.3). Raises ValueError when the file is no PNG, and OSError.
    """
    body = png.read_bytes()
    if not body.startswith(_SIGNATURE) or body[12:16] != b"IHDR":
        raise ValueError(f"{png} is not a PNG")
    head = len(_SIGNATURE) + 12 + struct.unpack(">I", body[8:12])[0]
    chunks = b"".join(_text_chunk(keyword, text) for keyword, text in texts.items())
    png.write_bytes(body[:head] + chunks + body[head:])


def _text_chunk(keyword: str, text: str) -> bytes:
    name = keyword.encode("latin-1")
    if keyword == PARAMETERS:
        try:
            return _chunk(b"tEXt", name + b"\0" + text.replace("\0", " ").encode("latin-1"))
        except UnicodeEncodeError:
            pass
    told = text.replace("\0", " ").encode("utf-8", "replace")
    return _chunk(b"iTXt", name + b"\0\0\0\0\0" + told)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if _TO_QUOTE.search(text) else text
