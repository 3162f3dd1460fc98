"""One page of HTML made of its parts: frame, style, scripts and data, none of which can break out."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["page_of"]

#: What the parser of HTML would see in a script: its end, a comment, another script.
_UNSAFE = re.compile("</|<(?=!|script)", re.IGNORECASE)
# JSON has this for a stroke too.
_SAFE = {"</": r"<\/", "<": r"\u003c"}
_PLACE = re.compile(r"\{\{([a-z_]+)\}\}")
_SCRIPT = re.compile(r"<script>\{\{([a-z_]+)\}\}</script>")


def page_of(data: dict[str, Any]) -> str:
    """Return the page that shows plain data: see `sgdiagrams.report.report`.

    Nothing in the data can end the element it is in, and no script runs but those that the frame names:
    a Content-Security-Policy has their hashes, and that of the style, and forbids every request.

    Examples
    --------
    >>> page = page_of({"title": "</script><b>", "question": {}})
    >>> "</script><b>" in page, "&lt;/script&gt;&lt;b&gt;" in page
    (False, True)
    """
    frame = _asset("frame.html")
    scripts = {name: _asset(f"{name}.js") for name in _SCRIPT.findall(frame)}
    style = _asset("page.css")
    parts = {
        "title": escape(data["title"]),
        "policy": _policy(scripts.values(), style),
        "style": style,
        "data": _embedded(data),
        **scripts,
    }
    # In one pass, so that nothing that was put in is looked at again.
    return _PLACE.sub(lambda place: parts[place[1]], frame)


def _asset(name: str) -> str:
    return files("sgdiagrams.report").joinpath("assets", name).read_text(encoding="utf-8")


def _embedded(data: Any) -> str:
    """Return JSON that is inert inside an element of HTML."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda found: _SAFE[found[0]], text)


def _policy(scripts: Iterable[str], style: str) -> str:
    """Return a policy that lets the page's own scripts and style in, and nothing be asked for."""
    allowed = " ".join(map(_hash, scripts))
    rules = [
        "default-src 'none'",
        f"script-src {allowed}",
        # Not for attributes: the scripts set the styles of formulas as properties.
        f"style-src {_hash(style)}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(rules)


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
