"""One page of HTML made of its parts: frame, style, scripts and data, none of which can break out."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

__all__ = ["page_of"]

#: What the parser of HTML would see in a script: its end, a comment, another script.
_UNSAFE = re.compile("<(?=/|!|script)", re.IGNORECASE)
_PLACE = re.compile(r"\{\{([a-z]+)\}\}")


def page_of(data: dict[str, Any]) -> str:
    """Return the page that shows plain data: see `sgdiagrams.report.report`.

    Nothing in the data can end the element it is in, and no script runs but the page's own two: a
    Content-Security-Policy names their hashes and forbids every request.

    Examples
    --------
    >>> page = page_of({"title": "</script><b>", "question": {}})
    >>> "</script><b>" in page, "&lt;/script&gt;&lt;b&gt;" in page
    (False, True)
    """
    scripts = {name: _asset(f"{name}.js") for name in ("model", "page")}
    parts = {
        "title": escape(data["title"]),
        "policy": _policy(scripts.values()),
        "style": _asset("page.css"),
        "data": _embedded(data),
        **scripts,
    }
    # In one pass, so that nothing that was put in is looked at again.
    return _PLACE.sub(lambda place: parts[place[1]], _asset("frame.html"))


def _asset(name: str) -> str:
    return files("sgdiagrams.report").joinpath("assets", name).read_text(encoding="utf-8")


def _embedded(data: Any) -> str:
    """Return JSON that is inert inside an element of HTML."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _UNSAFE.sub(r"\\u003c", text)


def _policy(scripts: Any) -> str:
    """Return a policy that lets the page's own scripts run, and nothing be asked for."""
    hashes = (b64encode(sha256(s.encode()).digest()).decode() for s in scripts)
    allowed = " ".join(f"'sha256-{h}'" for h in hashes)
    rules = [
        "default-src 'none'",
        f"script-src {allowed}",
        # Formulas and pictures have styles of their own.
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(rules)
