"""The document as it is served: as JSON, and as a page that loads nothing and needs no script."""

import base64
import hashlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec
from tornado.template import Loader

from supportd.openapi.document import Document, document
from supportd.openapi.reference import Reference, paragraphs

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True)
class Page:
    """An answer that is the same for everybody, with an ETag of its own."""

    body: bytes
    content_type: str
    etag: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Pages:
    """The document for programs, and for people."""

    contract: Page
    docs: Page


@cache
def pages(version: str) -> Pages:
    """The pages of supportd's `version`. They follow from it and the package's files only, so they are made once."""
    whole = document(version)
    return Pages(
        contract=_page(msgspec.json.encode(whole), "application/json; charset=utf-8"),
        docs=_docs(whole),
    )


def _docs(whole: Document) -> Page:
    reference = Reference(whole)
    style = (TEMPLATES / "docs.css").read_text(encoding="utf-8")
    body = (
        Loader(str(TEMPLATES))
        .load("docs.html")
        .generate(
            info=whole["info"],
            about=paragraphs(whole["info"]["description"]),
            schemes=whole["components"]["securitySchemes"],
            areas=reference.areas(),
            shared=reference.shared_answers(),
            headers=reference.headers(),
            schemas=reference.schemas(),
            paragraphs=paragraphs,
            style=style,
        )
    )
    return _page(body, "text/html; charset=utf-8", {"Content-Security-Policy": _policy(style)})


def _policy(style: str) -> str:
    """Nothing may be loaded, run, sent or framed; the page's own style is known by its hash (CSP Level 3, 2.3.1)."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _page(body: bytes, content_type: str, headers: dict[str, str] | None = None) -> Page:
    etag = f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'
    return Page(body=body, content_type=content_type, etag=etag, headers=headers or {})
