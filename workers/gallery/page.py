"""The page as one file: the parts of `page/` put together, the data inside, and a policy that lets nothing else run.

It needs no network and no server. What the policy allows is exactly this script and this style, known by their hashes,
and pictures and videos from where the page itself lies; the data is no script, so nothing that stands in it can run.
"""

from __future__ import annotations

import hashlib
import html
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MOST_IN_ONE = 20_000
"""Takes in the page itself; of a larger batch their rows are in files beside it, so many in each."""

_FOLDER = Path(__file__).parent / "page"

STYLES = ("base", "bar", "facets", "cells", "matrix", "large", "compare")
SCRIPTS = (
    "model",
    "query",
    "layout",
    "picks",
    "words",
    "dom",
    "store",
    "files",
    "preview",
    "stills",
    "cells",
    "facets",
    "grid",
    "matrix",
    "transport",
    "large",
    "compare",
    "help",
    "keys",
    "app",
)
"""In the order in which they are put together. Those before `dom` know of no browser."""


def write_page(data: Mapping[str, Any], *, fingerprint: str = "", origins: Sequence[str] = ()) -> dict[str, bytes]:
    """The files of the page by their names: `gallery.html`, and for a large batch `gallery-data-<n>.js` beside it.

    `data` is `workers.gallery.data.page_data`, with what else the page is told. `origins` are those of further hosts
    that pictures and videos come from, as `https://bucket.example`. The same arguments make the same bytes.
    """
    takes = data["takes"]
    parts = (
        [] if len(takes) <= MOST_IN_ONE else [takes[at : at + MOST_IN_ONE] for at in range(0, len(takes), MOST_IN_ONE)]
    )
    told = {**data, "takes": [] if parts else takes, "parts": len(parts)}
    script, style = script_text(), style_text()
    rest = _read("page.html")
    pieces = []
    for name, text in {
        "policy": html.escape(_policy(script, style, origins, split=bool(parts), serving=bool(data.get("serve")))),
        "version": _version(),
        "fingerprint": html.escape(fingerprint),
        "title": html.escape(str(data["batch"])),
        "style": style,
        "data": in_html(told),
        "script": script,
    }.items():
        before, mark, rest = rest.partition(f"%{name}%")
        assert mark, f"page.html has no place for {name}, or in another order"
        pieces += [before, text]
    files = {"gallery.html": "".join([*pieces, rest]).encode()}
    for at, rows in enumerate(parts):
        files[f"gallery-data-{at}.js"] = f"rushesRows({at},{in_html(rows)});\n".encode()
    return files


def in_html(value: Any) -> str:
    """`value` as JSON that ends no element of HTML, whatever it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def fingerprint_of(page: bytes) -> str | None:
    """The fingerprint that a page was written with; None when it is no page of this version."""
    mark = b'<meta name="rushes-fingerprint" content="'
    head = page[:16_384]
    at = head.find(mark)
    if at < 0 or f'content="Rushes {_version()}"'.encode() not in head:
        return None
    end = head.find(b'"', at + len(mark))
    return head[at + len(mark) : end].decode("ascii", "replace")


def origin_of(url: str) -> str:
    """Scheme and host of a URL."""
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}"


@cache
def script_text() -> str:
    """All scripts as one, which leaves nothing in the page's global names."""
    inside = "\n".join(_read(f"js/{name}.js") for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{inside}}})();\n'


@cache
def style_text() -> str:
    """All styles as one."""
    return "\n".join(_read(f"css/{name}.css") for name in STYLES)


@cache
def _version() -> str:
    """What changes when anything of the page's own parts does."""
    return hashlib.sha256((_read("page.html") + script_text() + style_text()).encode()).hexdigest()[:12]


def _policy(script: str, style: str, origins: Sequence[str], *, split: bool, serving: bool) -> str:
    # `file:` beside 'self': what a page opened from the disk calls its self is not the same in all browsers.
    media = " ".join(["'self'", "file:", *sorted(set(origins))])
    # A script that is trusted by its hash may then bring the files with the rows, from wherever the page lies.
    scripts = f"'sha256-{_sha256(script)}'" + (" 'strict-dynamic'" if split else "")
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {scripts}",
            f"style-src 'sha256-{_sha256(style)}'",
            f"img-src {media} data: blob:",
            f"media-src {media} blob:",
            "connect-src 'self'" if serving else "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _sha256(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
